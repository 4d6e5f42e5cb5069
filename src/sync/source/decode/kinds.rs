//! Files that are no text at all, by the bytes they start with.

use crate::diag::Id;
use crate::sync::source::Wrong;

/// The first bytes of a kind of file, what it is, and what to do.
type Kind = (&'static [u8], &'static str, &'static str);

const UNPACK: &str = "unpack it and name the list in it";
const SHEET: &str = "save the sheet as 'CSV UTF-8 (comma delimited)'";
const UTF8: &str = "save the list as UTF-8, in PowerShell with `Out-File -Encoding utf8`";
const EXPORT: &str = "export the list as text, CSV or JSON";

const KINDS: [Kind; 18] = [
    // The mark of UTF-16 is the start of it.
    (b"\xff\xfe\0\0", "UTF-32", UTF8),
    (b"\0\0\xfe\xff", "UTF-32", UTF8),
    (b"PK\x03\x04", "an Excel workbook or another zip archive", SHEET),
    (b"PK\x05\x06", "an empty zip archive", EXPORT),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an Excel or Word file of the old binary kind", SHEET),
    (b"\x1f\x8b", "packed with gzip", UNPACK),
    (b"BZh91AY&SY", "packed with bzip2", UNPACK),
    (b"\xfd7zXZ\0", "packed with xz", UNPACK),
    (b"\x28\xb5\x2f\xfd", "packed with zstd", UNPACK),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", UNPACK),
    (b"Rar!\x1a\x07", "a RAR archive", UNPACK),
    (b"%PDF-", "a PDF", EXPORT),
    (b"\x89PNG\r\n\x1a\n", "an image", EXPORT),
    (b"\xff\xd8\xff", "an image", EXPORT),
    (b"GIF89a", "an image", EXPORT),
    (b"SQLite format 3\0", "a database", EXPORT),
    (b"\x7fELF", "a program", EXPORT),
    (b"L\0\0\0\x01\x14\x02\0", "a Windows shortcut", "name the file that it leads to"),
];

/// Where the word stands in a tar archive.
const TAR: (usize, &[u8]) = (257, b"ustar");

/// The reason why these bytes are not read as a text, if they are of such a kind.
pub(super) fn refusal(bytes: &[u8]) -> Option<Wrong> {
    let known = KINDS.iter().find(|(start, ..)| bytes.starts_with(start)).map(|(_, what, advice)| (*what, *advice));
    let tar = bytes.get(TAR.0..).is_some_and(|tail| tail.starts_with(TAR.1) && bytes.contains(&0));
    let (what, advice) = known.or_else(|| tar.then_some(("a tar archive", UNPACK)))?;
    let id = if what == "UTF-32" { Id::LIST_ENCODING } else { Id::LIST_FOREIGN };
    Some((id, format!("the file is {what}, not a text: {advice}").replace("UTF-32, not a text", "UTF-32")))
}

/// True if a file has control characters that no text has.
pub(super) fn is_binary(bytes: &[u8]) -> bool {
    bytes.iter().any(|byte| matches!(byte, 1..=6 | 0x0e..=0x19 | 0x1c..=0x1f))
}
