//! Keys and signatures: a key is changed while its secondary goes on, and resolvers that validate take the feed.

use std::process::Command;

use tempfile::TempDir;

use super::servers::Secondary;
use super::stage::{Stage, answers, first, known_of, list, page, refused};
use super::{PATIENCE, TRIES, VAULT, started, until_answers, wrong_answers};
use crate::resolvers::Resolver;
use crate::support::client::ask;
use crate::support::reply::Reply;
use crate::support::wait_until;
use crate::tool::{find, run};

const FEED: &str = "rpz.privatelink";

/// The config of the page with the second key and peer, and with the first ones or without them.
fn with_new_key(page: &str, has_old: bool) -> String {
    let config = first(page);
    let sections: Vec<&str> = config.split("\n\n").collect();
    let is_old = |section: &&&str| section.contains("\"pl-bind\"");
    let old = sections.iter().filter(is_old).copied();
    let new = old.map(|section| section.replace("pl-bind", "pl-bind-new").replace("\"bind\"", "\"bind-new\""));
    let stays = sections.iter().filter(|section| has_old || !is_old(section)).map(|section| (*section).to_owned());
    stays.chain(new).collect::<Vec<_>>().join("\n\n")
}

/// Both of our servers have the keys and peers of this config from now on.
fn reload(stage: &mut Stage, config: &str) {
    let config = stage.keys.placed(config);
    for site in &mut stage.world.sites {
        site.remove_config("keys");
        site.remove_config("peers");
        site.add(&config);
        site.reload();
    }
}

/// The next version of the vault's record reaches a secondary.
fn follows(stage: &Stage, server: &Resolver, address: &str) {
    stage.have_list(&list("").replace("10.1.0.8", address));
    until_answers(stage, (Secondary::Bind, server), VAULT, address);
}

/// Transfers and questions that our servers have turned away, for want of a right or of a good signature.
fn turned_away(stage: &Stage) -> u64 {
    stage.world.sites.iter().map(|site| refused(site) + answers(site, "tsig")).sum()
}

/// Changes BIND's key as the page has it; the questions that were turned away meanwhile.
fn key_is_changed(stage: &mut Stage, page: &str, keeps_old_meanwhile: bool) -> u64 {
    let [(_, bind, kept)] = <[_; 1]>::try_from(started(stage, page, &[Secondary::Bind])).ok().unwrap();
    follows(stage, &bind, "10.1.0.11");
    reload(stage, &with_new_key(page, keeps_old_meanwhile));
    if keeps_old_meanwhile {
        follows(stage, &bind, "10.1.0.12");
    }
    drop(bind);
    let new_page = page.replace("pl-bind", "pl-bind-new");
    let bind = Secondary::Bind.start(stage, &new_page, &kept).expect("it was there before");
    follows(stage, &bind, "10.1.0.13");
    reload(stage, &with_new_key(page, false));
    follows(stage, &bind, "10.1.0.14");
    let taken = stage.world.sites.iter().map(|site| known_of(site, "bind-new", FEED)["transfers"].as_u64());
    assert!(taken.flatten().sum::<u64>() > 0, "it was the new key");
    turned_away(stage)
}

#[test]
fn a_key_is_changed_as_the_page_has_it_and_no_question_is_turned_away_meanwhile() {
    let page = page();
    let Some(mut stage) = Stage::start(&page) else { return };
    let (Some(keygen), Some(dig), Some(_)) = (find("tsig-keygen"), find("dig"), find("named")) else { return };
    stage.keys.add(&keygen, "pl-bind-new");
    assert_eq!(key_is_changed(&mut stage, &page, true), 0);
    let ask = |key: &str| {
        let mut dig = Command::new(&dig);
        dig.args(["@10.0.0.4", FEED, "SOA", "+tries=1", "-k"]).arg(stage.keys.file(key));
        stage.world.host.run(|| run(&mut dig)).1
    };
    let (old, new) = (ask("pl-bind"), ask("pl-bind-new"));
    assert!(old.contains("status: NOTAUTH") && old.contains("BADKEY"), "{old}");
    assert!(new.contains("status: NOERROR") && !new.contains("BADKEY"), "{new}");
}

#[test]
fn a_key_that_is_taken_out_too_early_is_found() {
    let page = page();
    let Some(mut stage) = Stage::start(&page) else { return };
    let (Some(keygen), Some(_)) = (find("tsig-keygen"), find("named")) else { return };
    stage.keys.add(&keygen, "pl-bind-new");
    let [(_, bind, kept)] = <[_; 1]>::try_from(started(&stage, &page, &[Secondary::Bind])).ok().unwrap();
    reload(&mut stage, &with_new_key(&page, false));
    drop(bind);
    let Some(_bind) = Secondary::Bind.start(&stage, &page, &kept) else { return };
    wait_until("the old key is turned away", || turned_away(&stage) > 0);
}

/// The reply to a client that validates itself: it sets DO.
fn reply_with_do(stage: &Stage, server: &Resolver, name: &str, qtype: &str) -> Option<Reply> {
    let mut question = ask(name, qtype).patience(PATIENCE);
    question.opt.as_mut().expect("EDNS is on").flags |= 0x8000;
    stage.world.host.run(|| (0..TRIES).find_map(|_| question.try_to(server.address).ok()))
}

fn addresses(stage: &Stage, server: &Resolver, name: &str) -> Vec<String> {
    reply_with_do(stage, server, name, "A").map(|reply| reply.addresses()).unwrap_or_default()
}

/// Whether a resolver validates: the root is signed.
fn validates(stage: &Stage, server: &Resolver) -> bool {
    reply_with_do(stage, server, ".", "SOA").is_some_and(|reply| reply.flags.split(' ').any(|flag| flag == "ad"))
}

#[test]
fn resolvers_that_validate_give_the_same_answers_also_to_clients_that_validate_and_while_the_world_is_away() {
    let page = page();
    let Some(mut stage) = Stage::start(&page) else { return };
    stage.validates = true;
    let started = started(&stage, &page, &[Secondary::Bind, Secondary::Unbound]);
    for (secondary, server, _) in &started {
        assert!(validates(&stage, server), "{secondary:?}");
        assert_eq!(wrong_answers(&stage, server), [""; 0], "{secondary:?}");
        assert_eq!(addresses(&stage, server, "acct.blob.core.windows.net"), ["10.1.0.5"], "{secondary:?}");
    }
    stage.world.cut_off();
    for (secondary, server, _) in &started {
        assert_eq!(addresses(&stage, server, "acct.queue.core.windows.net"), ["10.1.0.6"], "{secondary:?}");
    }
}

#[test]
fn without_the_words_of_the_page_bind_that_validates_has_no_answer_while_the_world_is_away() {
    let page = page();
    for right in [" break-dnssec yes", " qname-wait-recurse no break-dnssec yes"] {
        let Some(mut stage) = Stage::start(&page) else { return };
        stage.validates = true;
        let mistaken = page.replace(right, "");
        assert_ne!(page, mistaken, "the page has no '{right}'");
        let kept = TempDir::new().unwrap();
        let Some(server) = Secondary::Bind.start(&stage, &mistaken, &kept) else { return };
        until_answers(&stage, (Secondary::Bind, &server), VAULT, "10.1.0.8");
        stage.world.cut_off();
        assert_eq!(addresses(&stage, &server, "acct.queue.core.windows.net"), [""; 0], "without '{right}'");
    }
}
