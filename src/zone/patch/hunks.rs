//! The lines in which two texts differ.
//!
//! Input: the bodies of two plain files. Output: the ranges to exchange, each with the lines of the names beside it, so
//! that a range has whole names. What lies between two ranges is the same in both texts.

use std::ops::Range;

/// Lines that may come or go in one place before the whole is read.
const AHEAD: usize = 64;

/// Places that may differ before the whole is read.
const MAX_HUNKS: usize = 1000;

/// Octets that are compared at once.
const BLOCK: usize = 4096;

/// A range of the first text, and what the second one has there.
pub(super) type Hunk = (Range<usize>, Range<usize>);

/// The ranges in which two texts differ, in order; `None` if they are too many or too long.
pub(super) fn hunks(old: &[u8], new: &[u8]) -> Option<Vec<Hunk>> {
    let bare = differences(old, new)?;
    let mut hunks: Vec<Hunk> = Vec::with_capacity(bare.len());
    for (number, (from, to)) in bare.iter().enumerate() {
        // As far as the other ranges the texts are the same, and a name that reaches one makes one range of both.
        let floor = number.checked_sub(1).map_or(0, |last| bare[last].0.end);
        let ceiling = bare.get(number + 1).map_or(old.len(), |next| next.0.start);
        let before = last_name(&old[floor..from.start]);
        let behind = first_name(&old[from.end..ceiling]);
        let hunk = (from.start - before..from.end + behind, to.start - before..to.end + behind);
        match hunks.last_mut() {
            Some(last) if last.0.end >= hunk.0.start => (last.0.end, last.1.end) = (hunk.0.end, hunk.1.end),
            _ => hunks.push(hunk),
        }
    }
    Some(hunks)
}

/// The same without the names beside them.
fn differences(old: &[u8], new: &[u8]) -> Option<Vec<Hunk>> {
    let mut found = Vec::new();
    let (mut at_old, mut at_new) = (0, 0);
    while found.len() <= MAX_HUNKS {
        let same = common(&old[at_old..], &new[at_new..]);
        if at_old + same == old.len() && at_new + same == new.len() {
            return Some(found);
        }
        let whole = memchr::memrchr(b'\n', &old[at_old..at_old + same]).map_or(0, |feed| feed + 1);
        (at_old, at_new) = (at_old + whole, at_new + whole);
        let (gone, come) = meeting(&old[at_old..], &new[at_new..])?;
        found.push((at_old..at_old + gone, at_new..at_new + come));
        (at_old, at_new) = (at_old + gone, at_new + come);
    }
    None
}

/// The octets with which both begin.
fn common(one: &[u8], other: &[u8]) -> usize {
    let blocks = one.chunks_exact(BLOCK).zip(other.chunks_exact(BLOCK));
    let start = blocks.take_while(|(a, b)| a == b).count() * BLOCK;
    start + one[start..].iter().zip(&other[start..]).take_while(|(a, b)| a == b).count()
}

/// The octets before the next line that both texts have, in the one and in the other; both may be at their end instead.
fn meeting(old: &[u8], new: &[u8]) -> Option<(usize, usize)> {
    let (old_lines, new_lines) = (lines_ahead(old), lines_ahead(new));
    let is_same = |a: usize, b: usize| match (old_lines.get(a), new_lines.get(b)) {
        (Some((_, one)), Some((_, other))) => one == other,
        _ => false,
    };
    let sums = 1..old_lines.len() + new_lines.len();
    let pairs = sums.flat_map(|sum| (0..=sum).map(move |gone| (gone, sum - gone)));
    let (gone, come) = pairs.into_iter().find(|(gone, come)| is_same(*gone, *come))?;
    Some((old_lines[gone].0, new_lines[come].0))
}

/// The next lines, each with its start. Behind the last line of the text there is an empty one.
fn lines_ahead(text: &[u8]) -> Vec<(usize, &[u8])> {
    let mut start = 0;
    let mut lines: Vec<(usize, &[u8])> = Vec::with_capacity(AHEAD);
    for line in text.split_inclusive(|octet| *octet == b'\n').take(AHEAD) {
        lines.push((start, line));
        start += line.len();
    }
    if start == text.len() {
        lines.push((start, b""));
    }
    lines
}

/// Octets of the last name's lines.
fn last_name(text: &[u8]) -> usize {
    // The last line has its line feed, which begins nothing.
    let lines = text.strip_suffix(b"\n").map(|text| text.rsplit(|octet| *octet == b'\n'));
    of_one_name(lines.into_iter().flatten())
}

/// Octets of the first name's lines.
fn first_name(text: &[u8]) -> usize {
    of_one_name(text.split(|octet| *octet == b'\n')).min(text.len())
}

/// Octets of the lines up to the first one of a second name; comments are of any.
fn of_one_name<'t>(lines: impl Iterator<Item = &'t [u8]>) -> usize {
    let (mut name, mut octets) = (None, 0);
    for line in lines {
        let owner = line.split(|octet| *octet == b' ').next().unwrap_or_default();
        if !line.starts_with(b";") && !name.get_or_insert(owner).eq_ignore_ascii_case(owner) {
            break;
        }
        octets += line.len() + 1;
    }
    octets
}
