//! The pages are true: each command of each page is run, or is of a program that cannot run here; each config is taken.
//!
//! In a `console` block a line that starts with `$ ` is a command, and the lines below it are all that it prints
//! (`docs/compare.rs` says how they are compared). `SCENES` has what the commands of a page find; the paths and
//! addresses of a scene are those of the page: `/srv/dns`, the server's `10.0.0.4:53`, the upstream's
//! `168.63.129.16:53`. In a `sh` block are steps of which at least one cannot be run here; `docs/programs.rs` has the
//! programs, and says what is checked.

mod blocks;
mod compare;
mod configs;
mod files;
mod nights;
mod programs;
mod scene;
mod shell;
mod stages;

use std::collections::BTreeSet;
use std::process::Command;

use blocks::{Block, Example, Page, blocks, pages};
use compare::compare;
use programs::Judged;
use scene::Scene;

/// Languages of blocks without commands and configs of ours. Other tests read the lists, the scripts and the configs of
/// resolvers; what is JSON, YAML or INI is an example of a format.
const OTHERS: [&str; 18] = [
    "bicep",
    "corefile",
    "dnsmasq",
    "hcl",
    "ini",
    "json",
    "knot",
    "list",
    "lua",
    "mermaid",
    "named",
    "nsd",
    "pdns-recursor",
    "powershell",
    "text",
    "toml",
    "unbound",
    "yaml",
];

/// Makes what the commands of a page find.
type Stage = fn() -> Scene;

/// The key of the scene of a block: the page, and the heading if the page has one scene for each.
fn key(page: &str, block: &Block<'_>) -> String {
    if page == "docs/operations.md" { format!("{page}#{}", block.heading) } else { page.to_owned() }
}

/// The commands of a page that belong to a scene, and are run in it.
fn played(page: &Page, scene: &str) -> Vec<Example> {
    let blocks = blocks(&page.text);
    let of_scene = blocks.iter().filter(|block| block.language == "console" && key(&page.name, block) == scene);
    let is_here = |example: &Example| programs::judge(&example.command) == Ok(Judged::Here);
    of_scene.flat_map(Block::examples).filter(is_here).collect()
}

/// What is wrong with a page, as far as it shows without running anything; `scenes` are the keys of those there are.
fn problems(page: &Page, scenes: &[&str]) -> Vec<String> {
    let mut wrong = configs::problems(&page.text);
    for (line, span) in blocks::spans(&page.text) {
        wrong.extend(programs::span(&span).err().map(|why| format!("line {line}: {why}")));
    }
    for (line, _) in blocks::indented(&page.text).into_iter().filter(|(_, text)| programs::is_command(text)) {
        wrong.push(format!("line {line}: a command stands in a block with fences, of the language console or sh"));
    }
    for block in blocks(&page.text) {
        match block.language {
            "console" | "sh" => wrong.extend(of_commands(page, &block, scenes)),
            other if !OTHERS.contains(&other) => wrong.push(format!(
                "line {}: the block's language is '{other}': write console, sh or toml, or name it in OTHERS in \
                 tests/it/docs.rs",
                block.line
            )),
            language if has_commands(language, &block) => {
                wrong.push(format!("line {}: a block with commands is of the language console or sh", block.line));
            }
            _ => {}
        }
    }
    wrong.into_iter().map(|why| format!("{}: {why}", page.name)).collect()
}

/// Whether a block of a language without commands has some all the same.
fn has_commands(language: &str, block: &Block<'_>) -> bool {
    block.lines.iter().any(|line| line.starts_with("$ ") || (language == "text" && programs::is_command(line)))
}

/// What is wrong with the commands of a block.
fn of_commands(page: &Page, block: &Block<'_>, scenes: &[&str]) -> Vec<String> {
    let key = key(&page.name, block);
    // Steps of which one cannot be run here are not run at all.
    let is_elsewhere = |example: &Example| programs::judge(&example.command) == Ok(Judged::Elsewhere);
    let is_recipe = block.language == "sh" && block.examples().iter().any(is_elsewhere);
    let wrong = |example: Example| {
        let why = match programs::judge(&example.command) {
            Err(why) => why,
            Ok(Judged::Here) if is_recipe => return None,
            Ok(Judged::Here) if block.language == "sh" => {
                "it can be run here: make the block `console`, with `$ ` before the command and what it prints below"
                    .into()
            }
            Ok(Judged::Here) if !scenes.contains(&key.as_str()) => {
                format!("no scene runs it: add one for '{key}' to SCENES in tests/it/docs.rs")
            }
            Ok(_) => return None,
        };
        Some(format!("line {}: {}: {why}", example.line, example.command))
    };
    block.examples().into_iter().filter_map(wrong).collect()
}

/// Goes through a scene: each command as the page has it, in the folder of the scene.
fn play(page: &Page, key: &str, mut scene: Scene) -> Result<(), String> {
    for Example { line, command, output } in played(page, key) {
        if let Some(tool) = missing(&command) {
            assert!(std::env::var_os("CI").is_none(), "{tool} is missing, and CI is set");
            println!("SKIPPED {command}: {tool} is not installed");
            continue;
        }
        let mut left = tries(&command);
        loop {
            left -= 1;
            let printed = scene.run(&command);
            match compare(&output, &printed) {
                Ok(()) => break,
                Err(why) if left == 0 => {
                    return Err(format!("{}:{line}\n$ {command}\n{why}\n--- it printed:\n{printed}", page.name));
                }
                Err(_) => {}
            }
        }
    }
    Ok(())
}

/// The program of a command that is not on every machine, if it is not on this one.
fn missing(command: &str) -> Option<&'static str> {
    let calls = shell::calls(command);
    let needed = ["dig", "jq"].into_iter().find(|tool| calls.iter().any(|call| call[0] == *tool))?;
    Command::new(needed).arg("-h").output().is_err().then_some(needed)
}

/// How often a command is run until it prints what the page has: those that only look may find a machine that is too
/// busy to answer in time, and say so.
fn tries(command: &str) -> u32 {
    let only_looks = ["status", "explain", "doctor", "plan", "check"].map(|verb| format!("privatelink-dns {verb}"));
    if only_looks.iter().any(|verb| command.starts_with(verb)) { 50 } else { 1 }
}

fn page_of(key: &str) -> Page {
    let name = key.split('#').next().unwrap_or_default();
    pages().into_iter().find(|page| page.name == name).unwrap_or_else(|| panic!("no page {name}"))
}

macro_rules! scenes {
    ($($test:ident: $key:literal => $stage:path;)*) => {
        /// What the commands of each page find.
        const SCENES: &[(&str, Stage)] = &[$(($key, $stage)),*];

        $(#[test]
        fn $test() {
            play(&page_of($key), $key, $stage()).unwrap_or_else(|why| panic!("{why}"));
        })*
    };
}

scenes! {
    the_readme: "README.md" => stages::clone;
    who_decides: "docs/consent.md" => nights::all_well;
    the_doctor: "docs/doctor.md" => nights::questions;
    lists_with_slips: "docs/lists.md" => stages::slips;
    the_json_of_check: "docs/check-json.md" => stages::slips;
    the_json_of_explain: "docs/explain-json.md" => nights::wrong_list;
    the_json_of_plan: "docs/plan-json.md" => nights::held_plan;
    the_json_of_status: "docs/status-json.md" => nights::wrong_list;
    two_servers: "docs/secondaries.md" => nights::pair;
    fed_by_azure: "docs/azure.md" => stages::live;
    in_kubernetes: "docs/kubernetes.md" => stages::kubernetes;
    other_addresses_for_some: "docs/views.md" => stages::views;
    a_wrong_list: "docs/operations.md#1. A list has a wrong line" => nights::wrong_list;
    a_held_plan: "docs/operations.md#2. A change waits for a person" => nights::held_plan;
    an_endpoint_that_is_not_approved: "docs/operations.md#3. An endpoint is not approved" => nights::not_approved;
    a_share_that_hangs: "docs/operations.md#4. A share with lists hangs" => nights::share;
    an_upstream_that_is_dead: "docs/operations.md#5. The upstream is dead" => nights::dead_upstream;
    a_full_disk: "docs/operations.md#6. The disk is full" => nights::full_disk;
    a_resolver_that_drops_private_answers: "docs/operations.md#7. A firewall drops private answers" => nights::firewall;
    an_emptied_config: "docs/operations.md#8. The config was emptied" => nights::emptied_config;
    a_name_in_no_list: "docs/operations.md#9. A name is in no list" => nights::unlisted;
    nothing_answers: "docs/operations.md#10. Nothing answers at all" => nights::nothing_answers;
    nothing_is_wrong: "docs/operations.md#And one in which nothing is wrong" => nights::all_well;
    five_questions: "docs/operations.md#Five questions that people ask" => nights::questions;
}

#[test]
fn every_command_and_config_of_the_pages_is_run_or_checked() {
    let keys: Vec<&str> = SCENES.iter().map(|(key, _)| *key).collect();
    let wrong: Vec<String> = pages().iter().flat_map(|page| problems(page, &keys)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_scene_runs_commands_and_every_night_has_one() {
    for (key, _) in SCENES {
        assert!(!played(&page_of(key), key).is_empty(), "{key}: no command is left that this scene runs");
    }
    let nights = page_of("docs/operations.md");
    let told = nights.text.lines().filter_map(|line| line.strip_prefix("## ")).filter(|title| *title != "First");
    let told: BTreeSet<String> = told.map(|title| format!("{}#{title}", nights.name)).collect();
    let staged = SCENES.iter().map(|(key, _)| (*key).to_owned()).filter(|key| key.starts_with(&nights.name));
    assert_eq!(staged.collect::<BTreeSet<_>>(), told);
}

/// What the commands print now, for whoever writes a page:
/// `PAGE=README.md cargo test --test it docs::print -- --ignored --nocapture`.
#[test]
#[ignore = "prints, and compares nothing"]
fn print_a_page() {
    let wanted = std::env::var("PAGE").unwrap_or_default();
    for (key, stage) in SCENES.iter().filter(|(key, _)| key.starts_with(&wanted)) {
        println!("## {key}\n");
        let mut scene = stage();
        for Example { command, .. } in played(&page_of(key), key) {
            println!("$ {command}\n{}", scene.run(&command));
        }
    }
}

/// A page as somebody might write it.
fn written(text: &str) -> Page {
    Page { name: "docs/new.md".into(), text: text.into() }
}

#[test]
fn a_mistake_on_a_page_is_found_with_its_line() {
    for (text, said) in [
        ("```console\n$ privatelink-dns status --jsn\n```\n", "docs/new.md: line 2: privatelink-dns status --jsn: "),
        ("\n```sh\nfrobnicate\n```\n", "line 3: frobnicate: 'frobnicate' is in no list"),
        ("```sh\nprivatelink-dns status\n```\n", "it can be run here"),
        ("```console\n$ privatelink-dns status\n```\n", "add one for 'docs/new.md' to SCENES"),
        ("```bash\na\n```\n", "the block's language is 'bash'"),
        ("```\na\n```\n", "the block's language is ''"),
        ("```text\n$ a\n```\n", "line 1: a block with commands"),
        ("```text\ndig a.example\n```\n", "line 1: a block with commands"),
        ("```sh\nkubectl get pods\nprivatelink-dns plan --jsn\n```\n", "line 3: privatelink-dns plan --jsn"),
        ("Run `sudo privatelink-dns relod` then.\n", "line 1: "),
        ("Run\n\n    sudo privatelink-dns reload\n", "line 3: a command stands in a block"),
        ("```toml\n[forward]\nupstream = []\n```\n", "unknown key 'upstream'"),
    ] {
        let found = problems(&written(text), &[]);
        assert!(found.len() == 1 && found[0].contains(said), "{text}: {found:?}");
    }
}

#[test]
fn an_output_that_is_not_printed_is_found_where_its_command_is_run() {
    let key = "docs/new.md";
    let outcome = |text: &str| play(&written(text), key, Scene::on(crate::support::site::Site::new()));
    assert_eq!(outcome("```console\n$ echo a b\na b\n```\n"), Ok(()));
    let why = outcome("```console\n$ echo a b\na c\n```\n").unwrap_err();
    assert!(why.contains("docs/new.md:2\n$ echo a b\nthe page has: a c\nand here is: a b"), "{why}");
}
