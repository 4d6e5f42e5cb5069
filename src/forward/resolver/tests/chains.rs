//! Random chains over hosted zones, rules and the default upstream, beside a model of the rule: a name is answered by
//! whoever is asked for it directly, wherever a chain leads to it.

use std::collections::HashSet;
use std::fmt::Write;

use proptest::prelude::*;

use super::*;
use crate::dns::{Message, rdata};
use crate::forward::scrub::scrub;

/// The names of the world: outside of every rule, in two rules of which one lies in the other, and in two hosted zones.
const NAMES: [&str; 12] = [
    "a.test",
    "b.test",
    "c.test",
    "a.ruled.test",
    "b.ruled.test",
    "a.inner.ruled.test",
    "b.inner.ruled.test",
    "a.open.test",
    "b.open.test",
    "c.open.test",
    "a.closed.test",
    "b.closed.test",
];

/// The suffixes of the routes; the first is the default.
const ROUTES: [&str; 3] = [".", "ruled.test", "inner.ruled.test"];

/// The hosted zones; the first leaves the names that it lacks to an upstream.
const ZONES: [(&str, OnMiss); 2] = [("open.test", OnMiss::Forward), ("closed.test", OnMiss::NxDomain)];

/// What somebody says about a name.
#[derive(Clone, Copy, Debug)]
enum Word {
    /// An alias of the name with this number.
    Alias(usize),
    /// An address, which nobody gives for another name.
    Address,
    /// It does not exist.
    Nothing,
}

/// What one upstream says about each name: to a question for it, and behind an alias in the reply to another question.
type Words = Vec<(Word, Word)>;

fn name(number: usize) -> Name {
    NAMES[number].parse().unwrap()
}

/// The address that this upstream (or, with 9, a hosted zone) gives for a name.
fn address_of(who: u8, number: usize) -> [u8; 4] {
    [10, who, 0, u8::try_from(number).unwrap()]
}

fn alias(owner: usize, target: usize) -> Record {
    Record { owner: name(owner), rtype: Rtype::CNAME, ttl: 60, rdata: name(target).as_wire().into() }
}

/// Replies that are on their way to their waiters.
type Replies = Arc<Mutex<Vec<(Arc<Reply>, Waiter)>>>;

/// An upstream that follows every chain by its own words.
struct Liar {
    who: u8,
    words: Words,
    replies: Replies,
}

impl Liar {
    fn reply(&self, question: &Question) -> Reply {
        let Some(mut at) = NAMES.iter().position(|known| known.parse::<Name>().unwrap() == question.name) else {
            return Reply::new(Rcode::NXDOMAIN);
        };
        let (mut answer, mut seen, mut rcode) = (Vec::new(), HashSet::new(), Rcode::NOERROR);
        while seen.insert(at) {
            let (asked, behind_alias) = self.words[at];
            match if seen.len() == 1 { asked } else { behind_alias } {
                Word::Alias(target) => {
                    answer.push(alias(at, target));
                    at = target;
                }
                Word::Address => {
                    let rdata = address_of(self.who, at)[..].into();
                    answer.push(Record { owner: name(at), rtype: Rtype::A, ttl: 60, rdata });
                }
                Word::Nothing => rcode = Rcode::NXDOMAIN,
            }
        }
        let (flags, authority, ede) = ([0x81, 0x80], Vec::new(), None);
        let message = Message {
            id: 0,
            response: true,
            flags,
            rcode,
            answer,
            names_servers: false,
            authority,
            has_edns: true,
            ede,
        };
        let kept = scrub(&message, question);
        Reply { answer: kept.answer, chain: kept.chain, ..Reply::new(rcode) }
    }
}

impl AskUpstream for Liar {
    fn ask(&self, question: Question, keep: Keep, waiter: Waiter, impatient: Option<Waiter>, now: Instant) {
        let reply = keep(Ok(Arc::new(self.reply(&question))), now).unwrap();
        let waiters = [Some(waiter), impatient].into_iter().flatten();
        self.replies.lock().unwrap().extend(waiters.map(|waiter| (Arc::clone(&reply), waiter)));
    }

    fn timeout(&self) -> Duration {
        TIMEOUT
    }

    fn status(&self) -> GroupStatus {
        GroupStatus::default()
    }
}

/// The hosted zones; a name without a word is not in its zone.
fn hosted(words: &[Option<Word>]) -> Arc<ZoneSet> {
    let zone = |(apex, on_miss): (&str, OnMiss)| {
        let mut text = "@ 60 SOA a. b. 1 2 3 4 10\n@ 60 NS a.\n".to_owned();
        let apex: Name = apex.parse().unwrap();
        for (number, word) in words.iter().enumerate().filter(|(number, _)| name(*number).is_at_or_below(&apex)) {
            let _ = match word {
                Some(Word::Alias(target)) if *target != number => {
                    writeln!(text, "{}. 60 CNAME {}.", NAMES[number], NAMES[*target])
                }
                Some(_) => writeln!(text, "{}. 60 A 10.9.0.{number}", NAMES[number]),
                None => Ok(()),
            };
        }
        let (zone, findings) = Zone::from_text(&apex, text.as_bytes());
        Hosted::new(apex, on_miss, Some(Arc::new(zone.unwrap_or_else(|| panic!("{findings:?}")))))
    };
    Arc::new(ZoneSet::new(ZONES.map(zone)))
}

/// What is said about a name by the one that answers for it, and by whom; `before` answered for the alias of it.
fn word_by_the_rule(upstreams: &[Words], zones: &[Option<Word>], number: usize, before: Option<u8>) -> (u8, Word) {
    let below = |suffix: &str| name(number).is_at_or_below(&suffix.parse().unwrap());
    for (apex, on_miss) in ZONES {
        match zones[number] {
            Some(Word::Alias(target)) if below(apex) && target != number => return (9, Word::Alias(target)),
            Some(_) if below(apex) => return (9, Word::Address),
            None if below(apex) && on_miss == OnMiss::NxDomain => return (9, Word::Nothing),
            _ => {}
        }
    }
    let route = (0..ROUTES.len()).rev().find(|route| below(ROUTES[*route])).unwrap();
    let (who, (asked, behind_alias)) = (u8::try_from(route).unwrap(), upstreams[route][number]);
    (who, if before == Some(who) { behind_alias } else { asked })
}

/// The answer by the rule: its records as text after the RCODE.
fn by_the_rule(upstreams: &[Words], zones: &[Option<Word>], mut at: usize) -> String {
    let (mut answer, mut seen, mut whos) = (Vec::new(), HashSet::new(), Vec::new());
    while seen.insert(at) {
        let (who, word) = word_by_the_rule(upstreams, zones, at, whos.last().copied());
        whos.push(who);
        match word {
            Word::Alias(target) => {
                answer.push(alias(at, target).to_string());
                at = target;
            }
            Word::Address => {
                let rdata = rdata::presentation(Rtype::A, &address_of(who, at));
                answer.push(format!("{} 60 IN A {rdata}", name(at)));
                return format!("NOERROR {}", answer.join("; "));
            }
            Word::Nothing => return format!("NXDOMAIN {}", answer.join("; ")),
        }
    }
    "SERVFAIL ".to_owned()
}

fn word() -> impl Strategy<Value = Word> {
    prop_oneof![
        5 => (0..NAMES.len()).prop_map(Word::Alias),
        3 => Just(Word::Address),
        1 => Just(Word::Nothing),
    ]
}

fn resolver(upstreams: &[Words], replies: &Replies) -> Arc<Resolver> {
    let route = |(number, suffix): (usize, &&str)| {
        let (who, replies) = (u8::try_from(number).unwrap(), Arc::clone(replies));
        let liar = Liar { who, words: upstreams[number].clone(), replies };
        Arc::new(Route { id: RouteId(number as u64), suffix: suffix.parse().unwrap(), group: Arc::new(liar) })
    };
    let routes = ROUTES.iter().enumerate().map(route).collect();
    let settings = Settings { public_names: PublicNames::OnFailure, special: Arc::default(), timeout: TIMEOUT };
    let cache = Arc::new(Cache::new(cache::Settings::default()));
    Arc::new(Resolver::new(routes, cache, Arc::new(Upstreams::none()), settings))
}

/// Asks these questions, each with one of these zones, and compares the answers with the rule's.
fn check(words: &[Words], zones: &[Vec<Option<Word>>], questions: &[(usize, usize)]) -> Result<(), TestCaseError> {
    let replies = Replies::default();
    let resolver = resolver(words, &replies);
    let hosted: Vec<Arc<ZoneSet>> = zones.iter().map(|zones| hosted(zones)).collect();
    for (number, at) in questions {
        let world = World { zones: Arc::clone(&hosted[*at]), ..World::with(Arc::clone(&resolver)) };
        let place = world.ask(NAMES[*number]);
        let next = || replies.lock().unwrap().pop();
        while let Some((reply, waiter)) = next() {
            world.call(waiter, Ok(reply));
        }
        let expected = by_the_rule(words, &zones[*at], *number);
        prop_assert_eq!(World::shown(&place), expected, "for {} with the zones of {}", NAMES[*number], at);
    }
    Ok(())
}

fn words(word: impl Strategy<Value = (Word, Word)>) -> impl Strategy<Value = Vec<Words>> {
    prop::collection::vec(prop::collection::vec(word, NAMES.len()), ROUTES.len())
}

fn zones() -> impl Strategy<Value = Vec<Option<Word>>> {
    prop::collection::vec(prop::option::of(word()), NAMES.len())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 512 } else { 4096 }))]
    #[test]
    fn wherever_a_chain_leads_each_name_is_answered_by_the_one_that_is_asked_for_it(
        words in words((word(), word())),
        zones in zones(),
        questions in prop::collection::vec((0..NAMES.len(), Just(0)), 1..24),
    ) {
        check(&words, &[zones], &questions)?;
    }

    #[test]
    fn what_is_cached_follows_the_zones_of_the_moment(
        words in words(word().prop_map(|word| (word, word))),
        zones in prop::collection::vec(zones(), 2),
        questions in prop::collection::vec((0..NAMES.len(), 0_usize..2), 1..24),
    ) {
        check(&words, &zones, &questions)?;
    }
}
