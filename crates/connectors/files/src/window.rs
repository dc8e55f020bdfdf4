//! A moving window over the text of a file: unpacked, in UTF-8, from an offset to an end.

use std::fs::File;
use std::io::{Chain, Cursor, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use encoding_rs::Encoding;
use syncline_types::{Code, Error, Result};

use crate::charset::{self, Transcoder};
use crate::compression;
use crate::options::Compression;
use crate::os_error;

/// Bytes asked for at a time.
const STEP: usize = 256 << 10;

/// The longest record that is taken. An unclosed quote would otherwise take the rest of the file
/// into memory.
pub(crate) const LONGEST_RECORD: usize = 96 << 20;

/// How the bytes of a file become text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Packing {
    /// How it is packed.
    pub(crate) compression: Compression,
    /// Its encoding, when one is given that is not UTF-8.
    pub(crate) charset: Option<&'static Encoding>,
    /// Whether an encoding was given at all; otherwise byte order marks are looked for.
    pub(crate) charset_given: bool,
}

impl Packing {
    /// Whether offsets in the text are offsets in the file.
    pub(crate) fn is_plain(&self, path: &Path) -> Result<bool> {
        if self.compression != Compression::None || self.charset.is_some() {
            return Ok(false);
        }
        if self.charset_given {
            return Ok(true);
        }
        let mut file = File::open(path).map_err(|e| os_error::of(path, "open", e))?;
        let mut head = Vec::new();
        file.by_ref().take(4).read_to_end(&mut head).map_err(|e| os_error::of(path, "read", e))?;
        if charset::is_utf32(&head) {
            let message = format!("{} is in UTF-32, which is not read", path.display());
            return Err(Error::new(Code::BadEncoding, message)
                .hint("convert it first: iconv --from utf-32 --to utf-8"));
        }
        Ok(charset::sniff(&head).is_none_or(|(encoding, _)| encoding == encoding_rs::UTF_8))
    }

    /// The text of a stream, from its beginning.
    pub(crate) fn text(
        &self,
        raw: impl Read + Send + 'static,
    ) -> std::io::Result<Box<dyn Read + Send>> {
        let mut unpacked = compression::reader(self.compression, raw)?;
        if let Some(encoding) = self.charset {
            return Ok(Box::new(Transcoder::new(unpacked, encoding)));
        }
        if self.charset_given {
            return Ok(unpacked);
        }
        let mut head = Vec::new();
        unpacked.by_ref().take(4).read_to_end(&mut head)?;
        if charset::is_utf32(&head) {
            let why = "it is in UTF-32, which is not read";
            return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, why));
        }
        let mark = charset::sniff(&head);
        let whole: Chain<Cursor<Vec<u8>>, _> = Cursor::new(head).chain(unpacked);
        Ok(match mark {
            Some((encoding, _)) if encoding != encoding_rs::UTF_8 => {
                Box::new(Transcoder::new(whole, encoding))
            }
            _ => Box::new(whole),
        })
    }
}

/// The window.
pub(crate) struct Window {
    path: PathBuf,
    input: Box<dyn Read + Send>,
    buf: Vec<u8>,
    start: usize,
    filled: usize,
    /// Offset of the window's first byte in the text.
    offset: u64,
    ended: bool,
}

impl Window {
    /// A window over a file's text from `from` to `until`. Both are offsets in the text.
    pub(crate) fn open(
        path: &Path,
        packing: Packing,
        from: u64,
        until: Option<u64>,
    ) -> Result<Self> {
        let at = |e| os_error::of(path, "read", e);
        let mut file = File::open(path).map_err(|e| os_error::of(path, "open", e))?;
        let input: Box<dyn Read + Send> = if packing.is_plain(path)? {
            file.seek(SeekFrom::Start(from)).map_err(at)?;
            Box::new(file)
        } else {
            let mut text = packing.text(file).map_err(at)?;
            let passed = std::io::copy(&mut text.by_ref().take(from), &mut std::io::sink());
            if passed.map_err(at)? != from {
                return Err(os_error::corrupt(path, "it is shorter than it was", "end of file"));
            }
            text
        };
        let limit = until.map_or(u64::MAX, |until| until.saturating_sub(from));
        Ok(Self::over(path, Box::new(input.take(limit)), from))
    }

    /// A window over text that begins at `offset`.
    pub(crate) fn over(path: &Path, input: Box<dyn Read + Send>, offset: u64) -> Self {
        Self {
            path: path.to_owned(),
            input,
            buf: Vec::new(),
            start: 0,
            filled: 0,
            offset,
            ended: false,
        }
    }

    /// The bytes in view.
    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.buf[self.start..self.filled]
    }

    /// No bytes follow those in view.
    #[inline]
    pub(crate) fn is_last(&self) -> bool {
        self.ended
    }

    /// The offset of the first byte in view.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// Leaves the first `n` bytes behind.
    #[inline]
    pub(crate) fn pass(&mut self, n: usize) {
        self.start += n;
        self.offset += n as u64;
    }

    /// Takes more bytes into view; at least as many as there are, so that looking at a long record
    /// again and again costs no more than twice its length.
    ///
    /// # Errors
    /// [`Code::Corrupt`] for a file cut short, [`Code::Malformed`] for a record without an end.
    pub(crate) fn more(&mut self, line: u64) -> Result<()> {
        let held = self.filled - self.start;
        if held > LONGEST_RECORD {
            let place = format!("{}:{line}", self.path.display());
            let message =
                format!("{place}: the record is longer than {} MiB", LONGEST_RECORD >> 20);
            return Err(Error::new(Code::Malformed, message)
                .hint("look for a quote that is not closed; ?quote=none takes quotes as text"));
        }
        if self.start > 0 {
            self.buf.copy_within(self.start..self.filled, 0);
            self.start = 0;
            self.filled = held;
        }
        let wanted = held.max(STEP);
        if self.buf.len() > 4 * STEP && wanted == STEP && held < STEP {
            // A long record has been passed: give its memory back.
            self.buf.truncate(2 * STEP);
            self.buf.shrink_to_fit();
        }
        if self.buf.len() < held + wanted {
            self.buf.resize(held + wanted, 0);
        }
        let target = held + wanted;
        while self.filled < target {
            match self.input.read(&mut self.buf[self.filled..target]) {
                Ok(0) => {
                    self.ended = true;
                    break;
                }
                Ok(n) => self.filled += n,
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                Err(e) => return Err(os_error::of(&self.path, "read", e)),
            }
        }
        Ok(())
    }
}
