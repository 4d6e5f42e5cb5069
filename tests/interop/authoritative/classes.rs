//! The classes of differences that we know. Each takes its own part out of two replies: what is then equal is
//! explained.

use domain::base::{Name, Rtype};

use super::Said;
use super::questions::Question;

/// Takes a difference out of our reply and another server's; it may be of this class or not.
type Explain = fn(&Question, &mut Said, &mut Said);

/// The names are those of the rows in `docs/differences.md`.
const CLASSES: [(&str, Explain); 11] = [
    ("CD", cd),
    ("RRSIG and NSEC at an alias", signatures_at_alias),
    ("ANY", any),
    ("loops", loops),
    ("names too long", too_long),
    ("chains that leave the hosted zones", out_of_all),
    ("chains into another zone", into_another),
    ("chains of more than five links", long_chains),
    ("negative answers that get too large", too_large),
    ("addresses beside an answer", beside_answers),
    ("addresses beside a referral", beside_referrals),
];

/// The classes that explain a difference together; `None` if it is not explained.
pub(super) fn of(question: &Question, ours: &Said, theirs: &Said) -> Option<Vec<&'static str>> {
    let (mut ours, mut theirs) = (ours.clone(), theirs.clone());
    let mut used = Vec::new();
    for (name, explain) in CLASSES {
        let before = (ours.clone(), theirs.clone());
        explain(question, &mut ours, &mut theirs);
        if before != (ours.clone(), theirs.clone()) {
            used.push(name);
        }
    }
    (ours == theirs).then_some(used)
}

/// A flag that an authoritative server clears and a resolver copies.
fn cd(_: &Question, ours: &mut Said, theirs: &mut Said) {
    if !theirs.flags.iter().any(|flag| flag == "cd") {
        ours.flags.retain(|flag| flag != "cd");
    }
}

/// Types that may stand beside a CNAME, and so are not looked for at its target.
fn signatures_at_alias(question: &Question, ours: &mut Said, theirs: &mut Said) {
    let is_such = matches!(Rtype::from_int(question.qtype), Rtype::RRSIG | Rtype::NSEC);
    let was_alias = !ours.answer.is_empty() || ours.rcode == "SERVFAIL";
    if is_such && was_alias && theirs.is_nodata() {
        *ours = theirs.clone();
    }
}

/// Which of a name's RRsets, or all.
fn any(question: &Question, ours: &mut Said, theirs: &mut Said) {
    if question.qtype == Rtype::ANY.to_int() && theirs.is_front_of(ours) && theirs.end(question).is_some() {
        *ours = theirs.clone();
    } else if question.qtype == Rtype::ANY.to_int() && !ours.answer.is_empty() && !theirs.answer.is_empty() {
        ours.answer.clone_from(&theirs.answer);
        ours.additional.clone_from(&theirs.additional);
    }
}

/// Aliases that lead back, or on without an end.
fn loops(_: &Question, ours: &mut Said, theirs: &mut Said) {
    let is_told = theirs.rcode == "NOERROR" || theirs.rcode == "SERVFAIL";
    if ours.rcode == "SERVFAIL" && theirs.aliases() > 0 && is_told {
        *ours = theirs.clone();
    }
}

/// A DNAME that makes a name too long.
fn too_long(_: &Question, ours: &mut Said, theirs: &mut Said) {
    if ours.rcode == "YXDOMAIN" && ours.answer == theirs.answer {
        ours.rcode.clone_from(&theirs.rcode);
        ours.authority.clone_from(&theirs.authority);
    }
}

/// With RD, ours asks upstream where the chain leads.
fn out_of_all(question: &Question, ours: &mut Said, theirs: &mut Said) {
    if question.rd && theirs.is_front_of(ours) && theirs.end(question).is_some_and(|end| zone(&end).is_none()) {
        *ours = theirs.clone();
    }
}

/// A chain that another zone of the same server goes on with.
fn into_another(question: &Question, ours: &mut Said, theirs: &mut Said) {
    let start = Name::from_octets(question.qname.as_slice()).map(|name| name.to_string().to_ascii_lowercase());
    let start = start.ok().and_then(|name| zone(&name));
    let Some(end) = theirs.end(question).and_then(|end| zone(&end)).filter(|end| Some(*end) != start) else { return };
    // Knot speaks of the cut in between, as if another server had the zone below it.
    let is_of_cut = |line: &String| line.starts_with(&format!("{end} ")) && line.contains(" NS ");
    let mut chain = theirs.clone();
    if chain.authority.iter().all(is_of_cut) {
        chain.authority.clear();
        chain.additional.clear();
    }
    if chain.is_front_of(ours) {
        *ours = theirs.clone();
    }
}

/// A chain of more links than another server follows.
fn long_chains(question: &Question, ours: &mut Said, theirs: &mut Said) {
    if theirs.is_front_of(ours) && theirs.end(question).is_some() && theirs.aliases() >= 5 {
        *ours = theirs.clone();
    }
}

/// An SOA that does not fit: it is left out, or TC set.
fn too_large(question: &Question, ours: &mut Said, theirs: &mut Said) {
    let is_small = question.edns.is_none_or(|(payload, _)| payload <= 512);
    if is_small && theirs.authority.is_empty() && ours.authority.iter().any(|line| line.contains(" SOA ")) {
        ours.authority.clear();
    }
}

/// Addresses in the additional section for names in the answer.
fn beside_answers(_: &Question, ours: &mut Said, theirs: &mut Said) {
    if !theirs.answer.is_empty() && ours.additional.is_empty() && ours.authority.is_empty() {
        theirs.additional.clear();
    }
}

/// Addresses there for name servers that are not below the cut.
fn beside_referrals(_: &Question, ours: &mut Said, theirs: &mut Said) {
    let Some(cut) = ours.authority.first().filter(|line| line.contains(" NS ")) else { return };
    let cut = format!(".{}", cut.split(' ').next().unwrap_or_default());
    let needed = |line: &String| format!(".{}", line.split(' ').next().unwrap_or_default()).ends_with(&cut);
    if theirs.additional != ours.additional && theirs.additional.iter().all(|line| ours.additional.contains(line)) {
        ours.additional.retain(needed);
        theirs.additional.retain(needed);
    }
}

/// The hosted zone of a name in lower case.
fn zone(name: &str) -> Option<&'static str> {
    let dotted = format!(".{}", name.trim_end_matches('.'));
    super::apexes().into_iter().filter(|apex| dotted.ends_with(&format!(".{apex}"))).max_by_key(|apex| apex.len())
}

impl Said {
    fn aliases(&self) -> usize {
        self.answer.iter().filter(|line| line.contains(" CNAME ")).count()
    }

    fn is_nodata(&self) -> bool {
        self.rcode == "NOERROR" && self.answer.is_empty() && self.authority.iter().any(|line| line.contains(" SOA "))
    }

    /// True if its answer is the first part of the other's, and it says nothing about the rest.
    fn is_front_of(&self, other: &Self) -> bool {
        self.rcode == "NOERROR"
            && self.authority.is_empty()
            && self.additional.is_empty()
            && self.answer.iter().all(|line| other.answer.contains(line))
    }

    /// The name to which the aliases of the answer lead from the QNAME; `None` if there are none or the answer has
    /// more.
    fn end(&self, question: &Question) -> Option<String> {
        let name = Name::from_octets(question.qname.as_slice()).ok()?.to_string().to_ascii_lowercase();
        let mut at = name.clone();
        for _ in 0..self.answer.len() {
            let target = self.answer.iter().find_map(|line| {
                let words: Vec<&str> = line.split(' ').collect();
                (words[0] == at && words[2] == "CNAME").then(|| words[3].trim_end_matches('.').to_owned())
            });
            match target {
                Some(target) => at = target,
                None => break,
            }
        }
        (at != name && !self.answer.iter().any(|line| line.starts_with(&format!("{at} ")))).then_some(at)
    }
}
