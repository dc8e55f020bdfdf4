//! MariaDB's UUID and INET types: bytes in their own order, zeros at the end left out.

use std::fmt::Write as _;

/// The value's bytes, with the zeros.
fn whole<const N: usize>(bytes: &[u8]) -> Option<[u8; N]> {
    let mut out = [0; N];
    out.get_mut(..bytes.len())?.copy_from_slice(bytes);
    Some(out)
}

pub(crate) fn uuid(bytes: &[u8]) -> Option<[u8; 16]> {
    whole(bytes)
}

pub(crate) fn v4(bytes: &[u8]) -> Option<String> {
    let [a, b, c, d] = whole(bytes)?;
    Some(format!("{a}.{b}.{c}.{d}"))
}

/// As MariaDB writes it: the longest run of zeros (the first of equal ones, a single one too) is
/// left out, and the last four bytes are written as an IPv4 address behind nothing or `ffff`.
pub(crate) fn v6(bytes: &[u8]) -> Option<String> {
    let bytes: [u8; 16] = whole(bytes)?;
    let mut words = [0_u16; 8];
    for (word, pair) in words.iter_mut().zip(bytes.chunks_exact(2)) {
        *word = u16::from_be_bytes([pair[0], pair[1]]);
    }
    let (mut start, mut length) = (0, 0);
    let mut at = 0;
    while at < 8 {
        let run = words[at..].iter().take_while(|w| **w == 0).count();
        if run > length {
            (start, length) = (at, run);
        }
        at += run.max(1);
    }
    let mut text = String::with_capacity(40);
    let mut at = 0;
    while at < 8 {
        if length > 0 && at == start {
            text.push_str(if at == 0 { "::" } else { ":" });
            at += length;
            continue;
        }
        if at == 6 && length > 0 && start == 0 && (length == 6 || length == 5 && words[5] == 0xFFFF)
        {
            let [a, b, c, d] = [bytes[12], bytes[13], bytes[14], bytes[15]];
            let _ = write!(text, "{a}.{b}.{c}.{d}");
            break;
        }
        let _ = write!(text, "{:x}", words[at]);
        at += 1;
        if at < 8 {
            text.push(':');
        }
    }
    Some(text)
}
