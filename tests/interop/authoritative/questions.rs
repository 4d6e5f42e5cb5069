//! Questions about zones, made from a seed: names that are there, names near them, and everything that a client may
//! turn.

use std::collections::BTreeSet;

use domain::base::Name;
use domain::base::name::{Label, ToLabelIter};

use crate::support::record::Rr;

/// A question and how it is asked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Question {
    /// Wire format, in the case in which it is asked.
    pub(super) qname: Vec<u8>,
    pub(super) qtype: u16,
    pub(super) rd: bool,
    /// CD, the other flag that is copied.
    pub(super) cd: bool,
    /// Payload size and DO.
    pub(super) edns: Option<(u16, bool)>,
}

impl Question {
    /// The message.
    pub(super) fn bytes(&self, id: u16) -> Vec<u8> {
        let mut out = id.to_be_bytes().to_vec();
        out.extend([u8::from(self.rd), u8::from(self.cd) << 4, 0, 1, 0, 0, 0, 0, 0, u8::from(self.edns.is_some())]);
        out.extend_from_slice(&self.qname);
        out.extend(self.qtype.to_be_bytes());
        out.extend([0, 1]);
        if let Some((payload, dnssec_ok)) = self.edns {
            out.extend([0, 0, 41]);
            out.extend(payload.to_be_bytes());
            out.extend([0, 0, u8::from(dnssec_ok) << 7, 0, 0, 0]);
        }
        out
    }
}

impl std::fmt::Display for Question {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = Name::from_octets(self.qname.as_slice()).map_or_else(|_| "?".to_owned(), |name| name.to_string());
        let flags = [(!self.rd, " nord"), (self.cd, " cd"), (self.edns.is_none(), " noedns")];
        let flags: String = flags.iter().filter(|(on, _)| *on).map(|(_, word)| *word).collect();
        write!(f, "{name} {}{flags}", domain::base::Rtype::from_int(self.qtype))?;
        self.edns.map_or(Ok(()), |(payload, dnssec_ok)| {
            write!(f, " bufsize={payload}{}", if dnssec_ok { " do" } else { "" })
        })
    }
}

/// `SplitMix64`: the same questions on every machine.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ mixed >> 31) % sides as u64).unwrap_or_default()
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.roll(from.len())]
    }

    fn one_in(&mut self, sides: usize) -> bool {
        self.roll(sides) == 0
    }
}

/// Types asked for beside those that the zones have.
const TYPES: [u16; 24] =
    [1, 1, 1, 2, 5, 6, 12, 13, 15, 16, 28, 33, 39, 43, 43, 46, 47, 48, 64, 65, 255, 257, 1000, 65400];

/// Labels that zones may not have.
const LABELS: [&[u8]; 12] =
    [b"*", b"a", b"www", b"x.y", b"\0", b"_tcp", b"ns", b"host", b"new", b"cut", b"w", b"nothing-like-it"];

/// A zone as names to start from: labels from left to right, the apex's not among them.
struct Names {
    apex: Vec<Vec<u8>>,
    /// Owners and empty non-terminals.
    below: Vec<Vec<Vec<u8>>>,
}

impl Names {
    fn of(apex: &str, records: &[Rr]) -> Self {
        let apex: Name<Vec<u8>> = apex.parse().unwrap();
        let apex = labels(&apex);
        let mut below = BTreeSet::new();
        for record in records {
            let all = labels(&record.owner);
            let depth = all.len() - apex.len();
            below.extend((0..=depth).map(|from| all[from..depth].to_vec()));
        }
        Self { apex, below: below.into_iter().collect() }
    }

    /// A name at or below the apex.
    fn any(&self, dice: &mut Dice) -> Vec<Vec<u8>> {
        let mut name = dice.pick(&self.below).clone();
        let other = |dice: &mut Dice| match dice.roll(3) {
            0 => dice.pick(&self.below).first().cloned().unwrap_or_else(|| b"@".to_vec()),
            _ => dice.pick(&LABELS).to_vec(),
        };
        match dice.roll(10) {
            0..4 => {}
            4 | 5 => name.insert(0, other(dice)),
            6 => name.splice(0..0, [other(dice), other(dice)]).for_each(drop),
            7 if !name.is_empty() => name[0] = other(dice),
            8 if !name.is_empty() => {
                let at = dice.roll(name.len());
                name[at] = other(dice);
            }
            9 => {
                let long = vec![b'l'; 1 + dice.roll(63)];
                let count = 1 + dice.roll(3);
                name.splice(0..0, vec![long; count]).for_each(drop);
            }
            _ => name.insert(0, b"*".to_vec()),
        }
        name.extend_from_slice(&self.apex);
        name
    }
}

fn labels(name: &Name<Vec<u8>>) -> Vec<Vec<u8>> {
    name.iter_labels().filter(|label| !label.is_root()).map(|label: &Label| label.as_slice().to_vec()).collect()
}

/// So many questions about these zones, each of them once, and every RRset among them.
pub(super) fn about(zones: &[(&str, Vec<Rr>)], count: usize, seed: u64) -> Vec<Question> {
    let mut types = TYPES.to_vec();
    types.extend(zones.iter().flat_map(|(_, records)| records).map(|rr| rr.rtype.to_int()).collect::<BTreeSet<_>>());
    let plain = |rr: &Rr| Question {
        qname: rr.owner.as_slice().to_vec(),
        qtype: rr.rtype.to_int(),
        rd: false,
        cd: false,
        edns: Some((1232, false)),
    };
    let mut questions: BTreeSet<Question> = zones.iter().flat_map(|(_, records)| records).map(plain).collect();
    questions.insert(too_large());
    let zones: Vec<Names> = zones.iter().map(|(apex, records)| Names::of(apex, records)).collect();
    // The larger a zone, the more there is to ask; a short zone is asked as well.
    let weighted: Vec<&Names> = zones.iter().flat_map(|zone| vec![zone; 1 + zone.below.len() / 40]).collect();
    let mut dice = Dice(seed);
    while questions.len() < count {
        let name = dice.pick(&weighted).any(&mut dice);
        let qtype = *dice.pick(&types);
        let Some(qname) = wire(&name, dice.one_in(4).then_some(&mut dice)) else { continue };
        let edns = (!dice.one_in(3)).then(|| (*dice.pick(&[512, 1232, 1232, 4096]), dice.one_in(2)));
        questions.insert(Question { qname, qtype, rd: dice.one_in(2), cd: dice.one_in(8), edns });
    }
    questions.into_iter().collect()
}

/// A question whose negative answer is larger than it allows: chance alone seldom makes one.
fn too_large() -> Question {
    let label = vec![b'l'; 25];
    let name = [&label, &label, &label, &b"dtwice".to_vec(), &b"rich".to_vec(), &b"example".to_vec()].map(Clone::clone);
    Question { qname: wire(&name, None).unwrap(), qtype: 1, rd: true, cd: false, edns: Some((512, false)) }
}

/// Wire format, letters in any case if there are dice; `None` if it gets too long.
fn wire(labels: &[Vec<u8>], mut dice: Option<&mut Dice>) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    for label in labels {
        out.push(u8::try_from(label.len()).ok()?);
        for byte in label {
            let is_upper = dice.as_mut().is_some_and(|dice| dice.one_in(2));
            out.push(if is_upper { byte.to_ascii_uppercase() } else { *byte });
        }
    }
    out.push(0);
    (out.len() <= 255).then_some(out)
}
