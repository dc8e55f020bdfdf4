//! Packets on a byte stream: the framing of the MySQL protocol and its integers and strings.
//!
//! A packet is read in place: the slice handed out lies in the read buffer, so that a row goes
//! from the socket into its column builders without a copy of its own. What the packets mean is
//! left to the modules beside this one.

use std::io;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Anything the protocol can be spoken over.
pub(crate) trait Io: AsyncRead + AsyncWrite + Unpin + Send + Sync {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send + Sync> Io for T {}

/// Payload of the largest single frame; a packet of this length or more goes on in the next one.
const FRAME: usize = 0xFF_FFFF;
/// What is asked of the socket at a time.
const READ: usize = 128 * 1024;
/// A buffer that grew beyond this for a large value is given back once it is empty.
const KEEP: usize = 1024 * 1024;

/// A stream of packets in both directions.
pub(crate) struct Packets {
    io: Box<dyn Io>,
    /// Bytes read and not yet given out, after `used` bytes that were.
    buffer: BytesMut,
    /// Length of the frame handed out last, header included: free at the next call.
    used: usize,
    /// A packet of several frames, put together.
    joined: Vec<u8>,
    /// Where the current packet lies: in `joined`, or in `buffer` behind its header.
    in_joined: bool,
    sequence: u8,
    out: Vec<u8>,
}

impl Packets {
    pub(crate) fn new(io: Box<dyn Io>) -> Self {
        Self {
            io,
            buffer: BytesMut::with_capacity(READ),
            used: 0,
            joined: Vec::new(),
            in_joined: false,
            sequence: 0,
            out: Vec::new(),
        }
    }

    /// Takes the stream out, to put TLS around it.
    pub(crate) fn into_io(self) -> (Box<dyn Io>, u8) {
        (self.io, self.sequence)
    }

    /// Packets over a stream on which `sequence` is the next number.
    pub(crate) fn at(io: Box<dyn Io>, sequence: u8) -> Self {
        Self { sequence, ..Self::new(io) }
    }

    /// The next packet.
    pub(crate) async fn next(&mut self) -> io::Result<&[u8]> {
        while !self.advance()? {
            self.fill().await?;
        }
        Ok(self.current())
    }

    /// The next packet, when all of it has arrived already.
    pub(crate) fn ready(&mut self) -> io::Result<Option<&[u8]>> {
        Ok(if self.advance()? { Some(self.current()) } else { None })
    }

    /// The packet handed out last.
    pub(super) fn current(&self) -> &[u8] {
        if self.in_joined { &self.joined } else { &self.buffer[4..self.used] }
    }

    /// Moves on to the next packet, if it is whole.
    fn advance(&mut self) -> io::Result<bool> {
        if self.used > 0 {
            self.buffer.advance(self.used);
            self.used = 0;
            if self.buffer.is_empty() && self.buffer.capacity() > KEEP {
                self.buffer = BytesMut::with_capacity(READ);
            }
        }
        if self.in_joined {
            self.in_joined = false;
            self.joined = Vec::new();
        }
        loop {
            let Some(header) = self.buffer.get(..4) else { return Ok(false) };
            let length =
                usize::from(header[0]) | usize::from(header[1]) << 8 | usize::from(header[2]) << 16;
            if self.buffer.len() < 4 + length {
                self.buffer.reserve(4 + length - self.buffer.len());
                return Ok(false);
            }
            if header[3] != self.sequence {
                let text = format!("packet {} came where {} was due", header[3], self.sequence);
                return Err(io::Error::new(io::ErrorKind::InvalidData, text));
            }
            self.sequence = self.sequence.wrapping_add(1);
            if length < FRAME && self.joined.is_empty() {
                self.used = 4 + length;
                return Ok(true);
            }
            self.joined.extend_from_slice(&self.buffer[4..4 + length]);
            self.buffer.advance(4 + length);
            if length < FRAME {
                self.in_joined = true;
                return Ok(true);
            }
        }
    }

    async fn fill(&mut self) -> io::Result<()> {
        self.buffer.reserve(READ / 2);
        if self.io.read_buf(&mut self.buffer).await? == 0 {
            let text = "the server closed the connection";
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, text));
        }
        Ok(())
    }

    /// Begins a command: numbers start over.
    pub(crate) fn restart(&mut self) {
        self.sequence = 0;
    }

    /// Sends one packet, cut into frames where it is long.
    pub(crate) async fn send(&mut self, payload: &[u8]) -> io::Result<()> {
        let mut rest = payload;
        loop {
            let (frame, after) = rest.split_at(rest.len().min(FRAME));
            self.frame(frame).await?;
            rest = after;
            if frame.len() < FRAME {
                break;
            }
        }
        self.io.flush().await
    }

    async fn frame(&mut self, payload: &[u8]) -> io::Result<()> {
        let length = payload.len();
        #[allow(clippy::cast_possible_truncation)] // three bytes hold a frame's length
        let header = [length as u8, (length >> 8) as u8, (length >> 16) as u8, self.sequence];
        self.sequence = self.sequence.wrapping_add(1);
        // One call for header and payload; a long payload is not copied for it.
        if length <= READ {
            self.out.clear();
            self.out.extend_from_slice(&header);
            self.out.extend_from_slice(payload);
            return self.io.write_all(&self.out).await;
        }
        self.io.write_all(&header).await?;
        self.io.write_all(payload).await
    }
}

/// Reads the protocol's integers and strings off a packet. Each is `None` when the packet is
/// too short.
pub(crate) struct Fields<'a>(pub(crate) &'a [u8]);

impl<'a> Fields<'a> {
    pub(crate) fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(taken)
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.take(1).map(|b| b[0])
    }

    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.take(2).map(|b| u16::from_le_bytes([b[0], b[1]]))
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.take(4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]))
    }

    /// A length-encoded integer; `None` for the NULL of text rows, too.
    pub(crate) fn int(&mut self) -> Option<u64> {
        match self.u8()? {
            n @ 0..=0xFA => Some(u64::from(n)),
            0xFC => self.u16().map(u64::from),
            0xFD => self.take(3).map(|b| u64::from(u32::from_le_bytes([b[0], b[1], b[2], 0]))),
            0xFE => {
                let mut eight = [0; 8];
                eight.copy_from_slice(self.take(8)?);
                Some(u64::from_le_bytes(eight))
            }
            _ => None,
        }
    }

    /// A length-encoded string.
    pub(crate) fn string(&mut self) -> Option<&'a [u8]> {
        let n = self.int()?;
        self.take(usize::try_from(n).ok()?)
    }

    /// A string up to a zero byte (which is taken, too) or to the end.
    pub(crate) fn until_zero(&mut self) -> &'a [u8] {
        let end = self.0.iter().position(|b| *b == 0).unwrap_or(self.0.len());
        let text = &self.0[..end];
        self.0 = self.0.get(end + 1..).unwrap_or_default();
        text
    }
}

/// Appends a length-encoded integer.
pub(crate) fn put_int(out: &mut Vec<u8>, n: u64) {
    let bytes = n.to_le_bytes();
    match n {
        0..=0xFA => out.push(bytes[0]),
        0xFB..=0xFFFF => {
            out.push(0xFC);
            out.extend_from_slice(&bytes[..2]);
        }
        0x1_0000..=0xFF_FFFF => {
            out.push(0xFD);
            out.extend_from_slice(&bytes[..3]);
        }
        _ => {
            out.push(0xFE);
            out.extend_from_slice(&bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn packets_of_every_size_come_through() {
        for length in [0, 1, 250, READ, FRAME - 1, FRAME, FRAME + 1, 2 * FRAME] {
            let (a, b) = tokio::io::duplex(64 * 1024);
            let (mut a, mut b) = (Packets::new(Box::new(a)), Packets::new(Box::new(b)));
            let sent: Vec<u8> = (0..length).map(|i| (i % 251) as u8).collect();
            let copy = sent.clone();
            let sender = tokio::spawn(async move {
                a.send(&copy).await.unwrap();
                a.send(b"after").await.unwrap();
                a
            });
            assert!(b.next().await.unwrap() == sent, "{length}");
            assert_eq!(b.next().await.unwrap(), b"after");
            assert!(b.buffer.capacity() <= 2 * FRAME);
            sender.await.unwrap();
        }
    }

    #[test]
    fn integers_are_read_as_they_are_written() {
        for n in [0, 250, 251, 0xFFFF, 0x1_0000, 0xFF_FFFF, 0x100_0000, u64::MAX] {
            let mut bytes = Vec::new();
            put_int(&mut bytes, n);
            let mut fields = Fields(&bytes);
            assert_eq!(fields.int(), Some(n));
            assert!(fields.0.is_empty());
        }
        assert_eq!(Fields(&[0xFD, 1]).int(), None);
    }
}
