//! Encodings other than UTF-8: transcoded as a stream, both ways, without replacement characters.
//!
//! Delimiters may be second bytes of a character (GBK, Shift-JIS), so nothing looks for them
//! before the text is UTF-8. What is invalid becomes the byte [`INVALID`], which no UTF-8 text
//! contains: the record it is in is then found to be invalid, and only that one.

use std::io::{self, Read};

use encoding_rs::{Decoder, DecoderResult, EncoderResult, Encoding, UTF_8, UTF_16BE, UTF_16LE};
use syncline_types::{Code, Error, Result};

/// Stands for bytes that are invalid in the source's encoding.
pub(crate) const INVALID: u8 = 0xFF;

/// The encoding of that label; `None` for UTF-8 or no label.
pub(crate) fn label(label: Option<&str>) -> Result<Option<&'static Encoding>> {
    let Some(label) = label else { return Ok(None) };
    // Part of UTF-8. The standard of labels takes it for windows-1252, which has a character for
    // nearly every byte: one that is no ASCII would become something.
    if ["ascii", "us-ascii"].iter().any(|ascii| label.trim().eq_ignore_ascii_case(ascii)) {
        return Ok(None);
    }
    let encoding = Encoding::for_label_no_replacement(label.as_bytes()).ok_or_else(|| {
        Error::new(Code::BadValue, format!("charset={label} is not a known encoding"))
            .hint("labels are those of the WHATWG encoding standard: utf-8, gbk, windows-1252, …")
    })?;
    Ok((encoding != UTF_8).then_some(encoding))
}

/// The encoding told by a byte order mark, and the mark's length.
pub(crate) fn sniff(head: &[u8]) -> Option<(&'static Encoding, usize)> {
    Encoding::for_bom(head)
}

/// Whether the byte order mark is that of UTF-32, which begins as that of UTF-16 does.
pub(crate) fn is_utf32(head: &[u8]) -> bool {
    head.starts_with(b"\xFF\xFE\0\0") || head.starts_with(b"\0\0\xFE\xFF")
}

/// UTF-8 from another encoding.
pub(crate) struct Transcoder<R> {
    raw: R,
    decoder: Decoder,
    input: Vec<u8>,
    at: usize,
    /// The input has no more bytes.
    ended: bool,
    /// The decoder has given all it had; it must not be called again.
    done: bool,
    output: Vec<u8>,
    sent: usize,
}

impl<R: Read> Transcoder<R> {
    /// Reads `raw` as `encoding`, without its byte order mark.
    pub(crate) fn new(raw: R, encoding: &'static Encoding) -> Self {
        Self {
            raw,
            decoder: encoding.new_decoder_with_bom_removal(),
            input: Vec::new(),
            at: 0,
            ended: false,
            done: false,
            output: Vec::new(),
            sent: 0,
        }
    }

    fn refill(&mut self) -> io::Result<()> {
        self.output.clear();
        self.sent = 0;
        while self.output.is_empty() {
            if self.at == self.input.len() && !self.ended {
                self.input.resize(32 << 10, 0);
                let n = self.raw.read(&mut self.input)?;
                self.input.truncate(n);
                self.at = 0;
                self.ended = n == 0;
            }
            self.output.resize(128 << 10, 0);
            let (result, read, written) = self.decoder.decode_to_utf8_without_replacement(
                &self.input[self.at..],
                &mut self.output,
                self.ended,
            );
            self.at += read;
            self.output.truncate(written);
            match result {
                DecoderResult::Malformed(..) => self.output.push(INVALID),
                DecoderResult::InputEmpty if self.ended => {
                    self.done = true;
                    return Ok(());
                }
                DecoderResult::InputEmpty | DecoderResult::OutputFull => {}
            }
        }
        Ok(())
    }
}

impl<R: Read> Read for Transcoder<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.sent == self.output.len() {
            if self.done {
                return Ok(0);
            }
            self.refill()?;
        }
        let n = buf.len().min(self.output.len() - self.sent);
        buf[..n].copy_from_slice(&self.output[self.sent..self.sent + n]);
        self.sent += n;
        Ok(n)
    }
}

/// Encodes whole texts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Transcribe(&'static Encoding);

impl Transcribe {
    /// A writer of `encoding`.
    pub(crate) fn new(encoding: &'static Encoding) -> Self {
        Self(encoding)
    }

    /// What a file begins with.
    pub(crate) fn mark(self) -> &'static [u8] {
        if self.0 == UTF_16LE {
            &[0xFF, 0xFE]
        } else if self.0 == UTF_16BE {
            &[0xFE, 0xFF]
        } else {
            &[]
        }
    }

    /// Appends `text` in the encoding.
    ///
    /// # Errors
    /// The first character that the encoding does not have.
    pub(crate) fn append(self, text: &str, out: &mut Vec<u8>) -> std::result::Result<(), char> {
        if self.0 == UTF_16LE {
            out.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
            return Ok(());
        }
        if self.0 == UTF_16BE {
            out.extend(text.encode_utf16().flat_map(u16::to_be_bytes));
            return Ok(());
        }
        let mut encoder = self.0.new_encoder();
        let mut rest = text;
        loop {
            let room = encoder
                .max_buffer_length_from_utf8_without_replacement(rest.len())
                .unwrap_or(rest.len() * 4 + 16);
            let start = out.len();
            out.resize(start + room, 0);
            let (result, read, written) =
                encoder.encode_from_utf8_without_replacement(rest, &mut out[start..], true);
            out.truncate(start + written);
            match result {
                EncoderResult::InputEmpty => return Ok(()),
                EncoderResult::Unmappable(c) => return Err(c),
                EncoderResult::OutputFull => rest = &rest[read..],
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(encoding: &str, bytes: &[u8]) -> Vec<u8> {
        /// Gives one byte at a time, so that characters are cut between reads.
        struct Drip<'a>(&'a [u8]);
        impl Read for Drip<'_> {
            fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
                let n = self.0.len().min(1).min(buf.len());
                buf[..n].copy_from_slice(&self.0[..n]);
                self.0 = &self.0[n..];
                Ok(n)
            }
        }
        let encoding = label(Some(encoding)).unwrap().unwrap();
        let mut text = Vec::new();
        Transcoder::new(Drip(bytes), encoding).read_to_end(&mut text).unwrap();
        text
    }

    #[test]
    fn texts_survive_their_encoding() {
        for (name, text) in [
            ("gbk", "编号,名\n1,\"中|文\""),
            ("latin1", "é,ü€"),
            ("shift_jis", "表,能ソ"),
            ("utf-16le", "a😀b"),
            ("utf-16be", "a😀b"),
            ("gb18030", "😀中"),
        ] {
            let encoding = label(Some(name)).unwrap().unwrap();
            let mut bytes = Transcribe::new(encoding).mark().to_vec();
            Transcribe::new(encoding).append(text, &mut bytes).unwrap();
            assert_eq!(decode(name, &bytes), text.as_bytes(), "{name}");
        }
    }

    #[test]
    fn a_second_byte_that_looks_like_a_delimiter_is_none() {
        // U+8868 is 0x95 0x5C in Shift-JIS: the second byte is a backslash.
        assert_eq!(decode("shift_jis", &[0x95, 0x5C, b',']), "表,".as_bytes());
    }

    #[test]
    fn invalid_bytes_are_marked_and_never_replaced() {
        assert_eq!(decode("gbk", b"a\xFF\nb\n"), b"a\xFF\nb\n");
        assert_eq!(decode("gbk", b"a\n\x81"), b"a\n\xFF");
        assert_eq!(decode("utf-16le", &[b'a', 0, 0x00, 0xD8, b'b', 0]), b"a\xFFb");
        assert_eq!(decode("utf-16le", &[b'a', 0, b'b']), b"a\xFF");
        assert!(label(Some("utf-8")).unwrap().is_none());
    }

    #[test]
    fn a_character_the_encoding_lacks_is_an_error() {
        let latin = Transcribe::new(label(Some("latin1")).unwrap().unwrap());
        assert_eq!(latin.append("ab中", &mut Vec::new()), Err('中'));
    }
}
