//! docs/operations.md is true: each of its nights is staged with the real binary, and its commands print what it shows.
//!
//! In a `console` block a line that starts with `$ ` is a command; the lines below it are all that it prints, in order.
//! `...` stands for anything in a line, and for any number of lines where it stands alone. The paths and addresses of
//! the test are those of the page: `/srv/dns`, the server's `10.0.0.4:53`, the upstream's `168.63.129.16:53`.

mod page;
mod scenes;

use page::{Block, night, nights};
use scenes::{SCENES, Scene};

const PAGE: &str = include_str!("../../docs/operations.md");

#[test]
fn the_page_has_a_scene_for_each_night_and_each_night_has_commands() {
    let told: Vec<&str> = nights(PAGE).collect();
    let staged: Vec<&str> = SCENES.iter().map(|(title, _)| *title).collect();
    assert_eq!(told, staged);
    for title in told {
        assert!(!night(PAGE, title).is_empty(), "{title}");
    }
}

/// Goes through a night: each command as the page has it, in the folder of the scene.
fn play(title: &str) {
    let (_, stage) = SCENES.iter().find(|(known, _)| *known == title).expect("a scene of this night");
    let mut scene: Scene = stage();
    for Block { command, output } in night(PAGE, title) {
        let mut left = tries(&command);
        loop {
            left -= 1;
            let printed = scene.run(&command);
            match page::compare(&output, &printed) {
                Ok(()) => break,
                Err(why) if left == 0 => panic!("{title}\n$ {command}\n{why}\n--- it printed:\n{printed}"),
                Err(_) => {}
            }
        }
    }
}

/// How often a command is run until it prints what the page has: those that only look may find a machine that is too busy
/// to answer in time, and say so.
fn tries(command: &str) -> u32 {
    let only_looks = ["status", "explain", "doctor", "plan", "check"].map(|verb| format!("privatelink-dns {verb}"));
    if only_looks.iter().any(|verb| command.starts_with(verb)) { 50 } else { 1 }
}

/// What the commands print now, for whoever writes the page.
#[test]
#[ignore = "prints, and compares nothing"]
fn the_nights_as_they_are() {
    for (title, stage) in SCENES {
        let mut scene = stage();
        println!("## {title}\n");
        for Block { command, .. } in night(PAGE, title) {
            println!("$ {command}\n{}", scene.run(&command));
        }
    }
}

macro_rules! play {
    ($($test:ident: $title:literal;)*) => {
        $(#[test] fn $test() { play($title); })*

        #[test]
        fn every_night_is_played() {
            assert_eq!(nights(PAGE).collect::<Vec<_>>(), [$($title),*]);
        }
    };
}

play! {
    a_wrong_list: "1. A list has a wrong line";
    a_held_plan: "2. A change waits for a person";
    an_endpoint_that_is_not_approved: "3. An endpoint is not approved";
    a_share_that_hangs: "4. A share with lists hangs";
    an_upstream_that_is_dead: "5. The upstream is dead";
    a_full_disk: "6. The disk is full";
    a_resolver_that_drops_private_answers: "7. A firewall drops private answers";
    an_emptied_config: "8. The config was emptied";
    a_name_in_no_list: "9. A name is in no list";
    nothing_answers: "10. Nothing answers at all";
    nothing_is_wrong: "And one in which nothing is wrong";
    five_questions: "Five questions that people ask";
}
