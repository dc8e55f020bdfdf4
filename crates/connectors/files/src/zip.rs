//! ZIP archives read as one stream: the files in them one after the other, as `unzip -p` gives
//! them. Each file is checked against its length and checksum.
//!
//! Own, as no crate gives that from a stream (November 2026): `zip` 9.4 refuses files whose length
//! stands behind them, which is how Java and `zip -` write; `async_zip` 0.0.19 does not check those;
//! `rc-zip-sync` 4.4 takes whatever is no file for the end of the archive, so that one that is damaged
//! would just have fewer rows.

use std::io::{self, BufReader, Read};

use flate2::Crc;
use flate2::bufread::DeflateDecoder;

/// What stands before a file, before the directory at the end, at the end, and behind a file whose
/// length was not known before.
const FILE: u32 = 0x0403_4b50;
const DIRECTORY: u32 = 0x0201_4b50;
const END: u32 = 0x0605_4b50;
const DESCRIPTOR: u32 = 0x0807_4b50;

/// In a length: it stands in the extra field of 64-bit lengths.
const LONG: u32 = u32::MAX;
const LONG_FIELD: u16 = 0x0001;

/// The bytes of the files in an archive.
pub(crate) struct ZipReader<R: Read> {
    /// `None` at the end, and after an error.
    inside: Option<Inside<R>>,
    entry: Entry,
    crc: Crc,
}

enum Inside<R: Read> {
    /// Between two files.
    Between(BufReader<R>),
    Deflated(DeflateDecoder<BufReader<R>>),
    Stored(io::Take<BufReader<R>>),
}

/// What is said of a file.
#[derive(Debug, Clone, Copy, Default)]
struct Entry {
    crc: u32,
    length: u64,
    /// Its checksum and lengths follow it.
    described: bool,
    /// And are 64 bits each.
    long: bool,
}

fn damaged(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

fn word(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn double(bytes: &[u8], at: usize) -> u32 {
    u32::from(word(bytes, at)) | u32::from(word(bytes, at + 2)) << 16
}

fn long(bytes: &[u8], at: usize) -> u64 {
    u64::from(double(bytes, at)) | u64::from(double(bytes, at + 4)) << 32
}

impl<R: Read> ZipReader<R> {
    /// Over the bytes of an archive.
    pub(crate) fn new(raw: R) -> Self {
        let raw = BufReader::with_capacity(64 << 10, raw);
        Self { inside: Some(Inside::Between(raw)), entry: Entry::default(), crc: Crc::new() }
    }

    /// Goes to the next file; `None` behind the last one.
    fn next_file(&mut self, mut raw: BufReader<R>) -> io::Result<Option<Inside<R>>> {
        let mut head = [0; 30];
        raw.read_exact(&mut head[..4])?;
        match double(&head, 0) {
            FILE => raw.read_exact(&mut head[4..])?,
            DIRECTORY | END => return Ok(None),
            _ => return Err(damaged("this is no ZIP archive, or it is damaged")),
        }
        let (flags, method) = (word(&head, 6), word(&head, 8));
        let (packed, length) = (double(&head, 18), double(&head, 22));
        let mut name = vec![0; usize::from(word(&head, 26))];
        let mut extra = vec![0; usize::from(word(&head, 28))];
        raw.read_exact(&mut name)?;
        raw.read_exact(&mut extra)?;
        let longs = longs(&extra);
        let mut longs_left = longs.into_iter().flatten().flatten();
        let mut wide = |short: u32| match short {
            LONG => longs_left.next().unwrap_or(short.into()),
            _ => short.into(),
        };
        // In the extra field the length comes first.
        let length = wide(length);
        let packed = wide(packed);
        self.entry = Entry {
            crc: double(&head, 14),
            length,
            described: flags & 0b1000 != 0,
            long: longs.is_some(),
        };
        self.crc = Crc::new();
        match (method, flags & 1) {
            (_, 1) => Err(damaged("the archive is encrypted")),
            (0, _) if self.entry.described && !name.ends_with(b"/") => {
                Err(damaged("a file that is stored does not say its length"))
            }
            (0, _) => Ok(Some(Inside::Stored(raw.take(packed)))),
            (8, _) => Ok(Some(Inside::Deflated(DeflateDecoder::new(raw)))),
            (method, _) => Err(damaged(&format!(
                "the archive is packed by method {method}, which is not read"
            ))),
        }
    }

    /// Behind a file: what was said of it has to be so.
    fn check(&mut self, raw: &mut BufReader<R>, packed: u64, length: u64) -> io::Result<()> {
        if self.entry.described {
            let wide = self.entry.long || packed.max(length) > u64::from(LONG);
            let mut bytes = [0; 20];
            raw.read_exact(&mut bytes[..4])?;
            if double(&bytes, 0) == DESCRIPTOR {
                raw.read_exact(&mut bytes[..4])?;
            }
            self.entry.crc = double(&bytes, 0);
            let rest = if wide { 16 } else { 8 };
            raw.read_exact(&mut bytes[4..4 + rest])?;
            self.entry.length = if wide { long(&bytes, 12) } else { double(&bytes, 8).into() };
        }
        if self.entry.length != length || self.entry.crc != self.crc.sum() {
            return Err(damaged("a file in the archive is not what it was: its checksum differs"));
        }
        Ok(())
    }
}

/// The 64-bit lengths of the extra field, where it has them: of the file, and packed.
fn longs(mut extra: &[u8]) -> Option<[Option<u64>; 2]> {
    while extra.len() >= 4 {
        let (id, size) = (word(extra, 0), usize::from(word(extra, 2)));
        let field = extra.get(4..4 + size)?;
        if id == LONG_FIELD {
            let at = |start: usize| (field.len() >= start + 8).then(|| long(field, start));
            return Some([at(0), at(8)]);
        }
        extra = &extra[4 + size..];
    }
    None
}

impl<R: Read> Read for ZipReader<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        loop {
            match self.inside.take() {
                None => return Ok(0),
                Some(Inside::Between(raw)) => self.inside = self.next_file(raw)?,
                Some(Inside::Deflated(mut file)) => {
                    let read = file.read(buf)?;
                    if read > 0 {
                        self.crc.update(&buf[..read]);
                        self.inside = Some(Inside::Deflated(file));
                        return Ok(read);
                    }
                    let (packed, length) = (file.total_in(), file.total_out());
                    let mut raw = file.into_inner();
                    self.check(&mut raw, packed, length)?;
                    self.inside = Some(Inside::Between(raw));
                }
                Some(Inside::Stored(mut file)) => {
                    let read = file.read(buf)?;
                    if read > 0 {
                        self.crc.update(&buf[..read]);
                        self.inside = Some(Inside::Stored(file));
                        return Ok(read);
                    }
                    if file.limit() > 0 {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                    let length = self.entry.length;
                    let mut raw = file.into_inner();
                    self.check(&mut raw, length, length)?;
                    self.inside = Some(Inside::Between(raw));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    /// A file of an archive, as it would be written to a disk or to a stream.
    fn file(name: &str, text: &[u8], deflated: bool, streamed: bool) -> Vec<u8> {
        let packed = if deflated {
            let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), Default::default());
            encoder.write_all(text).unwrap();
            encoder.finish().unwrap()
        } else {
            text.to_vec()
        };
        let mut crc = Crc::new();
        crc.update(text);
        let lengths = [crc.sum(), packed.len() as u32, text.len() as u32];
        let lengths: Vec<u8> = lengths.iter().flat_map(|n| n.to_le_bytes()).collect();
        let mut out = FILE.to_le_bytes().to_vec();
        let flags = if streamed { 8_u16 } else { 0 };
        for word in [20, flags, if deflated { 8 } else { 0 }, 0, 0] {
            out.extend(word.to_le_bytes());
        }
        out.extend(if streamed { vec![0; 12] } else { lengths.clone() });
        out.extend((name.len() as u16).to_le_bytes());
        out.extend([0, 0]);
        out.extend(name.as_bytes());
        out.extend(packed);
        if streamed {
            out.extend(DESCRIPTOR.to_le_bytes());
            out.extend(lengths);
        }
        out
    }

    fn archive() -> (Vec<u8>, Vec<u8>) {
        let text: Vec<u8> = (0..50_000u32).flat_map(|n| n.to_string().into_bytes()).collect();
        let files = [
            file("folder/", b"", false, false),
            file("folder/a.txt", b"one\n", false, false),
            file("b.txt", &text, true, true),
            file("c.txt", b"", true, false),
            file("d.txt", b"\ntwo\n", true, false),
        ];
        let mut bytes = files.concat();
        bytes.extend(DIRECTORY.to_le_bytes());
        bytes.extend([7; 40]);
        (bytes, [b"one\n".as_slice(), &text, b"\ntwo\n"].concat())
    }

    fn unpack(bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        ZipReader::new(bytes).read_to_end(&mut out)?;
        Ok(out)
    }

    #[test]
    fn files_come_one_after_the_other() {
        let (bytes, text) = archive();
        assert!(unpack(&bytes).unwrap() == text);
        let nothing = [END.to_le_bytes().to_vec(), vec![0; 18]].concat();
        assert!(unpack(&nothing).unwrap().is_empty());
    }

    #[test]
    fn archives_cut_short_or_damaged_are_errors() {
        let (bytes, _) = archive();
        let whole = bytes.len() - 44;
        for cut in [0, 3, 20, 60, whole / 2, whole - 3, whole] {
            let error = unpack(&bytes[..cut]).unwrap_err();
            let kinds = [io::ErrorKind::UnexpectedEof, io::ErrorKind::InvalidData];
            assert!(kinds.contains(&error.kind()), "cut at {cut}: {error:?}");
        }
        // Not in the text: a single bit of a packed file, then of a stored one.
        for place in [whole / 2, 30 + 7 + 30 + 12 + 1] {
            let mut damaged = bytes.clone();
            damaged[place] ^= 0x04;
            assert!(unpack(&damaged).is_err(), "at {place}");
        }
        assert!(unpack(b"id,name\n1,a\n").is_err());
        let encrypted = file("a", b"x", true, false);
        let flagged = [&encrypted[..6], &[1], &encrypted[7..]].concat();
        assert!(unpack(&flagged).unwrap_err().to_string().contains("encrypted"));
    }
}
