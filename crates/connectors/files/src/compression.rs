//! Packing and unpacking of byte streams. Every packer ends a member (gzip), frame (zstd) or
//! stream (snappy) at each flush, so that what is durable is whole and can be concatenated.

use std::io::{self, BufReader, Read, Write};

use crate::options::Compression;
use crate::zip::ZipReader;

/// A reader of the unpacked bytes. A stream cut short ends in an error of kind `UnexpectedEof` or
/// `InvalidData`. (The framing of snappy has no end mark: cut between two chunks it looks whole.)
pub(crate) fn reader(
    compression: Compression,
    raw: impl Read + Send + 'static,
) -> io::Result<Box<dyn Read + Send>> {
    Ok(match compression {
        Compression::None => Box::new(raw),
        Compression::Gzip => {
            Box::new(flate2::bufread::MultiGzDecoder::new(BufReader::with_capacity(64 << 10, raw)))
        }
        Compression::Zstd => Box::new(Marked(zstd::stream::read::Decoder::new(raw)?)),
        Compression::Snappy => Box::new(Marked(snap::read::FrameDecoder::new(raw))),
        Compression::Bzip2 => {
            let raw = BufReader::with_capacity(64 << 10, raw);
            Box::new(Marked(bzip2::bufread::MultiBzDecoder::new(raw)))
        }
        Compression::Zip => Box::new(Marked(ZipReader::new(raw))),
    })
}

/// Names damage as such where a decoder reports it under another kind.
struct Marked<R>(R);

impl<R: Read> Read for Marked<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.read(buf).map_err(|error| match error.kind() {
            io::ErrorKind::Other | io::ErrorKind::InvalidInput
                if error.raw_os_error().is_none() =>
            {
                io::Error::new(io::ErrorKind::InvalidData, error)
            }
            _ => error,
        })
    }
}

/// A packer over `W`; [`Packer::finish`] ends the member and gives `W` back.
pub(crate) enum Packer<W: Write> {
    /// Bytes as they are.
    Plain(W),
    /// One gzip member.
    Gzip(flate2::write::GzEncoder<W>),
    /// One zstd frame.
    Zstd(zstd::stream::write::Encoder<'static, W>),
    /// One snappy stream.
    Snappy(Box<snap::write::FrameEncoder<W>>),
    /// One bzip2 stream.
    Bzip2(bzip2::write::BzEncoder<W>),
}

impl<W: Write> Packer<W> {
    /// Begins a member.
    pub(crate) fn begin(
        compression: Compression,
        level: Option<u32>,
        inner: W,
    ) -> io::Result<Self> {
        Ok(match compression {
            Compression::None => Packer::Plain(inner),
            Compression::Gzip => {
                let level = flate2::Compression::new(level.unwrap_or(6));
                Packer::Gzip(flate2::write::GzEncoder::new(inner, level))
            }
            Compression::Zstd => {
                let level = i32::try_from(level.unwrap_or(3)).unwrap_or(3);
                let mut encoder = zstd::stream::write::Encoder::new(inner, level)?;
                encoder.include_checksum(true)?;
                Packer::Zstd(encoder)
            }
            Compression::Snappy => Packer::Snappy(Box::new(snap::write::FrameEncoder::new(inner))),
            Compression::Bzip2 => {
                let level = bzip2::Compression::new(level.unwrap_or(6));
                Packer::Bzip2(bzip2::write::BzEncoder::new(inner, level))
            }
            Compression::Zip => {
                let why = "ZIP archives are read and not written";
                return Err(io::Error::new(io::ErrorKind::Unsupported, why));
            }
        })
    }

    /// Ends the member.
    pub(crate) fn finish(self) -> io::Result<W> {
        match self {
            Packer::Plain(inner) => Ok(inner),
            Packer::Gzip(encoder) => encoder.finish(),
            Packer::Zstd(encoder) => encoder.finish(),
            Packer::Snappy(encoder) => {
                encoder.into_inner().map_err(|e| io::Error::new(e.error().kind(), e.to_string()))
            }
            Packer::Bzip2(encoder) => encoder.finish(),
        }
    }
}

impl<W: Write> Write for Packer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Packer::Plain(w) => w.write(bytes),
            Packer::Gzip(w) => w.write(bytes),
            Packer::Zstd(w) => w.write(bytes),
            Packer::Snappy(w) => w.write(bytes),
            Packer::Bzip2(w) => w.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Packer::Plain(w) => w.flush(),
            Packer::Gzip(w) => w.flush(),
            Packer::Zstd(w) => w.flush(),
            Packer::Snappy(w) => w.flush(),
            Packer::Bzip2(w) => w.flush(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Compression; 5] = [
        Compression::None,
        Compression::Gzip,
        Compression::Zstd,
        Compression::Snappy,
        Compression::Bzip2,
    ];

    fn pack(compression: Compression, text: &[u8]) -> Vec<u8> {
        let mut packer = Packer::begin(compression, None, Vec::new()).unwrap();
        packer.write_all(text).unwrap();
        packer.finish().unwrap()
    }

    fn unpack(compression: Compression, bytes: Vec<u8>) -> io::Result<Vec<u8>> {
        let mut text = Vec::new();
        reader(compression, io::Cursor::new(bytes))?.read_to_end(&mut text)?;
        Ok(text)
    }

    #[test]
    fn members_that_follow_each_other_are_one_stream() {
        for compression in ALL {
            let parts = [b"one\n".as_slice(), b"", b"two\n", &[7; 200_000]];
            let packed: Vec<u8> = parts.iter().flat_map(|p| pack(compression, p)).collect();
            assert_eq!(unpack(compression, packed).unwrap(), parts.concat(), "{compression:?}");
        }
    }

    #[test]
    fn a_stream_cut_short_or_damaged_is_an_error_and_never_fewer_bytes() {
        let text: Vec<u8> = (0..50_000u32).flat_map(|n| n.to_string().into_bytes()).collect();
        for compression in &ALL[1..] {
            let packed = pack(*compression, &text);
            for cut in [1, packed.len() / 3, packed.len() / 2, packed.len() - 3, packed.len() - 1] {
                let error = unpack(*compression, packed[..cut].to_vec()).unwrap_err();
                assert!(
                    matches!(
                        error.kind(),
                        io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData
                    ),
                    "{compression:?} cut at {cut}: {error:?}"
                );
            }
            let mut damaged = packed;
            let middle = damaged.len() / 2;
            damaged[middle] ^= 0x55;
            assert!(unpack(*compression, damaged).is_err(), "{compression:?}");
        }
    }
}
