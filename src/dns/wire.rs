//! Names inside messages: finding their end, following compression pointers, comparing without case.

/// The longest name in wire format, root label included (RFC 1035 section 3.1), in octets.
pub const MAX_NAME: usize = 255;

/// The largest number of pointers followed in one name: a name has no more labels than this, and a pointer to a pointer
/// saves nothing.
const MAX_POINTERS: usize = 127;

/// Index after an uncompressed name that starts at `at`; `None` if it is cut short, too long, or holds a pointer.
#[inline]
pub fn name_end(bytes: &[u8], at: usize) -> Option<usize> {
    let mut pos = at;
    loop {
        let len = usize::from(*bytes.get(pos)?);
        pos += 1;
        if len == 0 {
            return (pos - at <= MAX_NAME).then_some(pos);
        }
        if len > 63 {
            return None;
        }
        pos += len;
        if pos - at >= MAX_NAME {
            return None;
        }
    }
}

/// Reads a possibly compressed name at `at` into `out` (wire format, case kept) and returns the index after it.
///
/// A pointer must lead backwards, to before the name that holds it: that rules out loops (RFC 1035 section 4.1.4 says
/// "a prior occurrence"). Their number is bounded; otherwise thousands of names could each follow thousands of
/// pointers.
pub(super) fn read_name(message: &[u8], at: usize, out: &mut Vec<u8>) -> Option<usize> {
    let start = out.len();
    let mut pos = at;
    let mut floor = at;
    let mut end = None;
    let mut pointers = 0;
    loop {
        let len = *message.get(pos)?;
        match len {
            0 => {
                out.push(0);
                return (out.len() - start <= MAX_NAME).then(|| end.unwrap_or(pos + 1));
            }
            1..=63 => {
                let label = message.get(pos..=pos + usize::from(len))?;
                if out.len() - start + label.len() >= MAX_NAME {
                    return None;
                }
                out.extend_from_slice(label);
                pos += label.len();
            }
            0xc0.. => {
                let low = *message.get(pos + 1)?;
                let target = usize::from(u16::from_be_bytes([len & 0x3f, low]));
                end.get_or_insert(pos + 2);
                pointers += 1;
                if target >= floor || pointers > MAX_POINTERS {
                    return None;
                }
                floor = target;
                pos = target;
            }
            _ => return None,
        }
    }
}

/// Whether two names in wire format are the same name (RFC 4343). Length octets are below 64, so they never count as
/// letters.
#[inline]
pub fn eq_ignore_case(a: &[u8], b: &[u8]) -> bool {
    a.eq_ignore_ascii_case(b)
}

/// The 16-bit number at `at`.
#[inline]
pub(super) fn read_u16(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

/// The 32-bit number at `at`.
#[inline]
pub(super) fn read_u32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_to_itself_or_forward_is_refused() {
        let mut out = Vec::new();
        assert_eq!(read_name(&[0xc0, 0x00], 0, &mut out), None);
        assert_eq!(read_name(&[0xc0, 0x02, 0x00], 0, &mut out), None);
        assert_eq!(read_name(&[1, b'a', 0xc0, 0x00], 2, &mut Vec::new()), None, "a loop through an earlier label");
    }

    #[test]
    fn a_pointer_ends_the_name_where_it_stands() {
        let message = [1, b'a', 0, 1, b'B', 0xc0, 0x00, 9];
        let mut out = Vec::new();
        assert_eq!(read_name(&message, 3, &mut out), Some(7));
        assert_eq!(out, [1, b'B', 1, b'a', 0]);
    }

    #[test]
    fn a_name_follows_as_many_pointers_as_it_can_have_labels_and_no_more() {
        // The root, then pointers, each to the one before.
        let chain: Vec<u8> = (0..300_u16).fold(vec![0, 0], |chain, n| {
            let target = if n == 0 { 0 } else { 2 * n };
            [chain, (0xc000 | target).to_be_bytes().to_vec()].concat()
        });
        assert_eq!(read_name(&chain, 2 * MAX_POINTERS, &mut Vec::new()), Some(2 * MAX_POINTERS + 2));
        assert_eq!(read_name(&chain, 2 * MAX_POINTERS + 2, &mut Vec::new()), None);
    }

    #[test]
    fn names_over_255_octets_are_refused() {
        let mut long = Vec::new();
        for _ in 0..4 {
            long.push(63);
            long.extend([b'x'; 63]);
        }
        long.push(0);
        assert_eq!(name_end(&long, 0), None);
        assert_eq!(read_name(&long, 0, &mut Vec::new()), None);
        let mut fits = long[..192].to_vec();
        fits.push(61);
        fits.extend([b'x'; 61]);
        fits.push(0);
        assert_eq!(fits.len(), 255);
        assert_eq!(name_end(&fits, 0), Some(255));
        assert_eq!(read_name(&fits, 0, &mut Vec::new()), Some(255));
    }
}
