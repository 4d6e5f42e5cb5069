use super::*;

fn text(bytes: &[u8]) -> String {
    decode(bytes.to_vec()).unwrap().text
}

fn problem(bytes: &[u8]) -> String {
    let (line, (id, text)) = decode(bytes.to_vec()).unwrap_err();
    format!("{} {id}: {text}", line.unwrap_or_default())
}

fn utf16le(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

#[test]
fn a_plain_text_is_not_changed() {
    for plain in ["", "a", "a\n", "a\r\nb\tc\r\n", "~ ~"] {
        assert_eq!(text(plain.as_bytes()), plain);
    }
}

#[test]
fn whatever_ends_a_line_elsewhere_ends_one_here() {
    for end in ["\r", "\u{b}", "\u{c}", "\u{85}", "\u{2028}", "\u{2029}"] {
        assert_eq!(text(format!("a{end}b{end}").as_bytes()), "a\nb\n", "{end:?}");
        assert_eq!(text(format!("# é{end}b\r\nc").as_bytes()), "# é\nb\r\nc", "{end:?}");
    }
    assert_eq!(text(b"a\r\r\nb\n\rc\r"), "a\n\r\nb\n\nc\n");
}

#[test]
fn every_blank_is_a_space() {
    for blank in ['\u{a0}', '\u{1680}', '\u{2000}', '\u{2007}', '\u{200a}', '\u{202f}', '\u{205f}', '\u{3000}'] {
        assert_eq!(text(format!("a{blank}b").as_bytes()), "a b", "{blank:?}");
    }
}

#[test]
fn invisible_characters_are_left_within_words_alone() {
    for c in ['\u{200b}', '\u{200e}', '\u{202a}', '\u{2060}', '\u{feff}'] {
        assert_eq!(text(format!("x {c}a{c}{c} {c}\"{c}b{c}\",c{c}").as_bytes()), "x  a    \" b \",c ", "{c:?}");
        assert_eq!(text(format!("a{c}b").as_bytes()), format!("a{c}b"), "{c:?}");
        assert_eq!(text(format!("a{c}{c}b").as_bytes()), format!("a{c}{c}b"), "{c:?}");
    }
    assert_eq!(text("a\u{ad} b".as_bytes()), "a\u{ad} b", "where a soft hyphen stands a name may be broken");
}

#[test]
fn byte_order_marks_and_ctrl_z_are_no_contents() {
    assert_eq!(text("\u{feff}a\n\u{feff}b".as_bytes()), "a\nb");
    assert_eq!(text("a \u{feff}b\u{feff}c".as_bytes()), "a  b\u{feff}c");
    for glued in ["a\nb # c\u{feff}d", "a\n\u{feff}b // \u{feff}\n"] {
        let (line, (_, why)) = decode(glued.as_bytes().to_vec()).unwrap_err();
        assert!(line == Some(2) && why.starts_with("a byte order mark stands behind a comment sign"), "{line:?} {why}");
    }
    assert_eq!(text(&[b"\xff\xfe".as_slice(), &utf16le("a\r\n\u{feff}é")].concat()), "a\r\né");
    assert_eq!(text(b"a\n\x1a"), "a\n");
    assert_eq!(text(b"a\x1a\r\n"), "a");
    assert_eq!(text(b"a\n\x1ab\n"), "a\n\x1ab\n", "an end in the middle is for the readers to refuse");
}

#[test]
fn terminal_colours_vanish_and_what_moves_the_cursor_is_refused() {
    assert_eq!(text(b"\x1b[1;34m\"fqdn\"\x1b[0m\x1b[K: 1"), "\"fqdn\": 1");
    assert_eq!(text(b"\x1b[?2004la\x1b[m"), "a");
    for sequence in ["\x1b[2D", "\x1b[5;10H", "\x1b[3", "\x1b[", "\x1b", "\x1b]8;;https://x\x07", "\x1b[3\nm", "\x1b[é"]
    {
        let problem = problem(format!("a\n10.0.0.12{sequence}99 b").as_bytes());
        assert!(problem.starts_with("2 list-foreign: a control sequence of a terminal"), "{problem}");
    }
}

#[test]
fn typographic_quotes_are_quotes() {
    assert_eq!(text("“a” ‘b’ «c»".as_bytes()), "\"a\" 'b' \"c\"");
}

#[test]
fn utf16_needs_its_mark_and_its_second_half() {
    for (bytes, expected) in [
        (utf16le("ab\n"), "1 list-encoding: the file is UTF-16 without a byte order mark"),
        ([b"a\nb\r".as_slice(), &utf16le("10.0.0.4 abc")].concat(), "3 list-encoding: from here on the file is UTF-16"),
        (
            [b"\xff\xfe".as_slice(), &utf16le("a\u{85}"), &b"10.0.0.4 a.blob.core.windows.net".repeat(2)].concat(),
            "2 list-encoding: from here on the file is UTF-8",
        ),
        ([b"\xff\xfe".as_slice(), &utf16le("a\rb"), b"c"].concat(), "2 list-encoding: the file is not complete UTF-16"),
    ] {
        assert!(problem(&bytes).starts_with(expected), "{}", problem(&bytes));
    }
}

#[test]
fn a_part_of_a_file_that_was_never_written_is_named() {
    for (bytes, expected) in [
        (b"10.0.0.4 a\n\0\0\0".to_vec(), "2 list-encoding: the file ends in NUL bytes"),
        (b"10.0.0.4 a\n\0\0\0\0\0b\n".to_vec(), "2 list-encoding: NUL bytes stand here"),
        ([b"\xff\xfe".as_slice(), &utf16le("a\n\0\0\0b")].concat(), "2 list-encoding: NUL bytes stand here"),
        (b"10.0.0.4 a\n b\0c d e f g h".to_vec(), "2 list-encoding: a NUL byte stands here"),
        (b"a\0\0\0b\0\0\0".to_vec(), "1 list-encoding: the file is UTF-32 without"),
    ] {
        assert!(problem(&bytes).starts_with(expected), "{}", problem(&bytes));
    }
}

#[test]
fn files_that_are_no_text_are_called_what_they_are() {
    let mut tar = vec![0; 512];
    tar[257..262].copy_from_slice(b"ustar");
    for (bytes, expected) in [
        (b"\xff\xfe\0\0a\0\0\0".to_vec(), "0 list-encoding: the file is UTF-32: save the list as UTF-8"),
        (b"\0\0\xfe\xff\0\0\0a".to_vec(), "0 list-encoding: the file is UTF-32: save the list as UTF-8"),
        (b"PK\x03\x04\x14\0".to_vec(), "0 list-foreign: the file is an Excel workbook or another zip archive"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".to_vec(), "0 list-foreign: the file is an Excel or Word file"),
        (b"\x1f\x8b\x08\0".to_vec(), "0 list-foreign: the file is packed with gzip, not a text: unpack it"),
        (b"%PDF-1.7\n".to_vec(), "0 list-foreign: the file is a PDF"),
        (tar, "0 list-foreign: the file is a tar archive"),
        (b"a\n\x02\xe9".to_vec(), "2 list-foreign: byte 0xe9 is not UTF-8, and control characters"),
    ] {
        assert!(problem(&bytes).starts_with(expected), "{}", problem(&bytes));
    }
}

#[test]
fn windows_1252_is_read_where_it_is_no_part_of_a_name_or_an_address() {
    let decoded = decode(b"a.blob.core.windows.net 10.0.0.4\r# B\xfcro, \x93x\x94\xa0\n".to_vec()).unwrap();
    assert_eq!(decoded.text, "a.blob.core.windows.net 10.0.0.4\n# Büro, “x” \n");
    let (line, (id, text)) = decoded.warning.unwrap();
    assert_eq!((line, id), (2, Id::LIST_ENCODING));
    assert!(text.starts_with("byte 0xfc is not UTF-8, so the list was read as Windows-1252: save"), "{text}");
    for word in [
        b"a\xad.blob.core.windows.net".as_slice(),
        b"a.blob.core.windows.n\xe9t",
        b"a.privatelink\x85",
        b"10.0.0.4\xa8",
        b"1-ab-pod01\x96fc1",
    ] {
        let bytes = [b"x \xe9\ny ".as_slice(), word, b" z\n"].concat();
        let expected = "2 list-encoding: '";
        assert!(problem(&bytes).starts_with(expected), "{}", problem(&bytes));
        assert!(problem(&bytes).contains("' has a byte that is not UTF-8: save the list as UTF-8 (Excel"));
    }
}
