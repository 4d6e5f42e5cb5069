//! Messages on a stream, each behind its length in two octets (RFC 1035 section 4.2.2).

/// The message whose length is at `at`, and its end; `None` if it is incomplete.
pub fn message_at(stream: &[u8], at: usize) -> Option<(&[u8], usize)> {
    let prefix = stream.get(at..at + 2)?;
    let end = at + 2 + usize::from(u16::from_be_bytes([prefix[0], prefix[1]]));
    Some((stream.get(at + 2..end)?, end))
}

/// Appends the output of `write` behind its length; nothing if it is empty, or longer than a length can express.
pub fn frame<T>(stream: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>) -> T) -> T {
    let start = stream.len();
    stream.extend_from_slice(&[0, 0]);
    let written = write(stream);
    match u16::try_from(stream.len() - start - 2) {
        Ok(length) if length > 0 => stream[start..start + 2].copy_from_slice(&length.to_be_bytes()),
        _ => stream.truncate(start),
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc1035_4_2_2_messages_come_back_as_they_were_framed() {
        let mut stream = Vec::new();
        for message in [b"one".to_vec(), vec![], b"three".to_vec(), vec![7; 70_000]] {
            frame(&mut stream, |stream| stream.extend_from_slice(&message));
        }
        let (first, end) = message_at(&stream, 0).unwrap();
        assert_eq!(first, b"one");
        assert_eq!(
            message_at(&stream, end),
            Some((&b"three"[..], stream.len())),
            "neither nothing nor too much is framed"
        );
        assert_eq!(message_at(&stream, stream.len()), None);
        assert_eq!(message_at(&stream[..stream.len() - 1], end), None, "not whole yet");
    }
}
