//! The bytes of a connection: sockets, and the rows of a COPY handed on in small pieces.
//!
//! The server sends each row of a COPY as one message, and the client library takes messages
//! whole, in buffers that double: a row of 8 MB stood there in 16 MB, several times over. COPY data
//! may be cut anywhere, so [`Pieces`] puts more message headers into the stream as it comes in; no
//! buffer behind it needs to hold more than [`PIECE`].

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_postgres::config::Host;
use tokio_postgres::tls::{ChannelBinding, TlsConnect, TlsStream};

/// Bytes of COPY data in one message, at most, as long as the reader's buffer has no room for more.
pub(crate) const PIECE: usize = 64 << 10;
/// Bytes of a message before its body: a letter and the length, which counts itself.
const HEADER: usize = 5;
const COPY_DATA: u8 = b'd';

trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Duplex for S {}

/// A socket of any kind.
pub(crate) struct Socket(Box<dyn Duplex>);

impl Socket {
    /// Takes what bytes come and go by.
    pub(crate) fn new(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Self {
        Self(Box::new(stream))
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, data)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

/// Sockets to the host, one after the other, as its name gives addresses: the first that opens.
pub(crate) async fn connect(host: &Host, port: u16, limit: Duration) -> io::Result<Socket> {
    match host {
        Host::Tcp(name) => {
            let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
            for address in tokio::net::lookup_host((name.as_str(), port)).await? {
                match in_time(TcpStream::connect(address), limit).await {
                    Ok(stream) => {
                        stream.set_nodelay(true)?;
                        keep_alive(&stream)?;
                        return Ok(Socket(Box::new(stream)));
                    }
                    Err(error) => last = error,
                }
            }
            Err(last)
        }
        Host::Unix(folder) => {
            let path = folder.join(format!(".s.PGSQL.{port}"));
            Ok(Socket(Box::new(in_time(UnixStream::connect(path), limit).await?)))
        }
    }
}

async fn in_time<T>(work: impl Future<Output = io::Result<T>>, limit: Duration) -> io::Result<T> {
    match tokio::time::timeout(limit, work).await {
        Ok(done) => done,
        Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "no answer in time")),
    }
}

/// A peer that is gone without a word is noticed within a minute.
fn keep_alive(stream: &TcpStream) -> io::Result<()> {
    let probes = socket2::TcpKeepalive::new()
        .with_time(Duration::from_secs(30))
        .with_interval(Duration::from_secs(10))
        .with_retries(3);
    socket2::SockRef::from(stream).set_tcp_keepalive(&probes)
}

/// A stream of the server's messages in which long COPY data is cut into several messages.
pub(crate) struct Pieces<S> {
    inner: S,
    /// The next byte is the answer to the question for TLS, and no message.
    answer: bool,
    /// A header of which only a part has come in, or a whole one that is to be handed on.
    header: [u8; HEADER],
    /// Bytes of it that have come in.
    come: usize,
    /// Bytes of it that have been handed on; only of a whole one.
    gone: usize,
    /// Bytes of the message, or piece of it, that are still to come.
    left: usize,
    /// Bytes of the same COPY data after the piece.
    beyond: usize,
}

impl<S> Pieces<S> {
    /// `answer`: the client asks for TLS first.
    pub(crate) fn new(inner: S, answer: bool) -> Self {
        Self { inner, answer, header: [0; HEADER], come: 0, gone: 0, left: 0, beyond: 0 }
    }

    /// Notes the message whose header is given. Of COPY data too long for one piece, of which
    /// `here` bytes have come in, the header becomes that of the first piece.
    fn enter(&mut self, header: &mut [u8], here: usize) {
        let length = u32::from_be_bytes([header[1], header[2], header[3], header[4]]) as usize;
        let body = length.saturating_sub(4);
        let piece = here.max(PIECE);
        if header[0] == COPY_DATA && body > piece {
            (self.left, self.beyond) = (piece, body - piece);
            header.copy_from_slice(&head(piece));
        } else {
            self.left = body;
        }
    }

    /// Follows the messages in `data`, which begins where the last left off. How much of it can
    /// be handed on; the rest is the beginning of a header, and kept.
    fn follow(&mut self, data: &mut [u8]) -> usize {
        let mut at = 0;
        loop {
            let inside = self.left.min(data.len() - at);
            self.left -= inside;
            at += inside;
            let rest = data.len() - at;
            if rest < HEADER {
                self.header[..rest].copy_from_slice(&data[at..]);
                self.come = rest;
                return at;
            }
            self.enter(&mut data[at..at + HEADER], rest - HEADER);
            at += HEADER;
        }
    }

    /// Hands on what is left of a whole header.
    fn hand_on(&mut self, buf: &mut ReadBuf<'_>) {
        let part = &self.header[self.gone..self.come];
        let fits = part.len().min(buf.remaining());
        buf.put_slice(&part[..fits]);
        self.gone += fits;
        if self.gone == HEADER {
            (self.come, self.gone) = (0, 0);
        }
    }
}

/// The header of COPY data of that many bytes.
fn head(body: usize) -> [u8; HEADER] {
    let [a, b, c, d] = u32::try_from(body + 4).unwrap_or(u32::MAX).to_be_bytes();
    [COPY_DATA, a, b, c, d]
}

impl<S: AsyncRead + Unpin> AsyncRead for Pieces<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        if this.answer {
            ready!(Pin::new(&mut this.inner).poll_read(cx, buf))?;
            this.answer = buf.filled().len() == before;
            return Poll::Ready(Ok(()));
        }
        loop {
            if this.left == 0 && this.beyond > 0 {
                let piece = this.beyond.min(PIECE);
                (this.left, this.beyond) = (piece, this.beyond - piece);
                (this.header, this.come, this.gone) = (head(piece), HEADER, 0);
            }
            if this.come == HEADER {
                this.hand_on(buf);
                return Poll::Ready(Ok(()));
            }
            if this.beyond > 0 {
                // No further than to the end of the piece: the next header goes in there.
                let room = this.left.min(buf.remaining());
                let mut part = ReadBuf::new(buf.initialize_unfilled_to(room));
                ready!(Pin::new(&mut this.inner).poll_read(cx, &mut part))?;
                let came = part.filled().len();
                this.left -= came;
                buf.advance(came);
                return Poll::Ready(Ok(()));
            }
            if buf.remaining() <= this.come {
                // Too little room to go on behind what is kept: the header alone.
                let mut bytes = [0; HEADER];
                let mut part = ReadBuf::new(&mut bytes[this.come..]);
                ready!(Pin::new(&mut this.inner).poll_read(cx, &mut part))?;
                let came = part.filled().len();
                if came == 0 {
                    return Poll::Ready(Ok(()));
                }
                this.header[this.come..this.come + came].copy_from_slice(part.filled());
                this.come += came;
                if this.come == HEADER {
                    let mut header = this.header;
                    this.enter(&mut header, 0);
                    this.header = header;
                }
                continue;
            }
            buf.put_slice(&this.header[..this.come]);
            let kept = this.come;
            match Pin::new(&mut this.inner).poll_read(cx, buf) {
                Poll::Ready(Ok(())) if buf.filled().len() > before + kept => {}
                other => {
                    buf.set_filled(before);
                    return other;
                }
            }
            this.come = 0;
            let whole = this.follow(&mut buf.filled_mut()[before..]);
            buf.set_filled(before + whole);
            if whole > 0 {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Pieces<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().inner).poll_write(cx, data)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_shutdown(cx)
    }
}

impl<S: TlsStream + Unpin> TlsStream for Pieces<S> {
    fn channel_binding(&self) -> ChannelBinding {
        self.inner.channel_binding()
    }
}

/// TLS below the cutting, instead of above it.
pub(crate) struct Below<T>(pub(crate) T);

impl<T> TlsConnect<Pieces<Socket>> for Below<T>
where
    T: TlsConnect<Socket> + Send + 'static,
    T::Future: Send,
    T::Stream: Send,
{
    type Stream = Pieces<T::Stream>;
    type Error = T::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Stream, Self::Error>> + Send>>;

    fn connect(self, stream: Pieces<Socket>) -> Self::Future {
        let connected = self.0.connect(stream.inner);
        Box::pin(async move { Ok(Pieces::new(connected.await?, false)) })
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::*;

    /// Gives its bytes in reads of the lengths given, over and over.
    struct Dribble {
        data: Vec<u8>,
        at: usize,
        steps: Vec<usize>,
        step: usize,
    }

    impl AsyncRead for Dribble {
        fn poll_read(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            buf: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            let step = self.steps[self.step % self.steps.len()];
            self.step += 1;
            let length = step.min(buf.remaining()).min(self.data.len() - self.at);
            buf.put_slice(&self.data[self.at..self.at + length]);
            self.at += length;
            Poll::Ready(Ok(()))
        }
    }

    fn message(tag: u8, body: &[u8]) -> Vec<u8> {
        let mut out = vec![tag];
        out.extend_from_slice(&u32::try_from(body.len() + 4).unwrap().to_be_bytes());
        out.extend_from_slice(body);
        out
    }

    /// Messages of a stream, COPY data that follows COPY data put together.
    fn joined(data: &[u8], longest: &mut usize) -> Vec<(u8, Vec<u8>)> {
        let mut messages: Vec<(u8, Vec<u8>)> = Vec::new();
        let mut at = 0;
        while at < data.len() {
            let length = u32::from_be_bytes(data[at + 1..at + 5].try_into().unwrap()) as usize;
            let body = &data[at + 5..at + 1 + length];
            match messages.last_mut() {
                Some((COPY_DATA, before)) if data[at] == COPY_DATA => before.extend(body),
                _ => messages.push((data[at], body.to_vec())),
            }
            *longest = (*longest).max(if data[at] == COPY_DATA { length } else { 0 });
            at += 1 + length;
        }
        messages
    }

    #[tokio::test]
    async fn messages_come_through_however_they_are_read_and_long_copy_data_in_pieces() {
        let body = |n: usize| (0..n).map(|i| (i % 251) as u8).collect::<Vec<_>>();
        let mut data = Vec::new();
        for (tag, length) in [
            (b'S', 20),
            (b'd', PIECE * 3 + 17),
            (b'd', 0),
            (b'd', 300),
            (b'D', PIECE * 2),
            (b'd', PIECE),
            (b'd', PIECE + 1),
            (b'C', 3),
            (b'd', PIECE * 2),
            (b'Z', 1),
        ] {
            data.extend(message(tag, &body(length)));
        }
        let expected = joined(&data, &mut 0);
        for steps in [vec![1], vec![3, 7, 1], vec![8192], vec![1 << 20], vec![5, 70_000, 2]] {
            for room in [1, 4, 6, 8192, 100_000] {
                if room * steps.iter().max().unwrap() < 4 {
                    continue;
                }
                let inner = Dribble { data: data.clone(), at: 0, steps: steps.clone(), step: 0 };
                let mut pieces = Pieces::new(inner, false);
                let (mut out, mut part) = (Vec::new(), vec![0; room]);
                loop {
                    let came = pieces.read(&mut part).await.unwrap();
                    if came == 0 {
                        break;
                    }
                    out.extend_from_slice(&part[..came]);
                }
                let mut longest = 0;
                assert!(joined(&out, &mut longest) == expected, "{steps:?} {room}");
                assert!(longest <= PIECE.max(room) + 4, "{longest} in reads of {room}");
            }
        }
    }

    #[tokio::test]
    async fn the_answer_to_the_question_for_tls_is_no_message() {
        let mut data = b"N".to_vec();
        data.extend(message(b'R', &[0; 4]));
        let inner = Dribble { data: data.clone(), at: 0, steps: vec![100], step: 0 };
        let mut pieces = Pieces::new(inner, true);
        let mut answer = [0];
        pieces.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"N");
        let mut rest = Vec::new();
        pieces.read_to_end(&mut rest).await.unwrap();
        assert_eq!(rest, data[1..]);
    }
}
