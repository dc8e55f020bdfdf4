//! The login of a replication session, and its socket afterwards.
//!
//! The client library knows logins (TLS, SCRAM, several hosts) and queries, but neither asks for
//! replication nor reads a stream that goes both ways. [`Lent`] is the socket it gets: it adds the
//! wish to the first message, and gives the socket back once the session is to stream.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, TlsConnect, TlsStream};

use crate::wire::Socket;

/// Where the socket is, until it is taken.
#[derive(Clone)]
pub(crate) struct Loan(Arc<Mutex<Option<Socket>>>);

impl Loan {
    /// The socket; whoever had it sees one from which nothing comes any more.
    pub(super) fn take(&self) -> Option<Socket> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// The protocol's version in the message that begins a session.
const VERSION_3: [u8; 4] = [0, 3, 0, 0];
const WISH: &[u8] = b"replication\0database\0";

/// A socket that can be taken back.
pub(crate) struct Lent {
    loan: Loan,
    /// What is sent instead of the first message, and how much of it is still to be sent.
    greeting: Option<(Vec<u8>, usize)>,
    greeted: bool,
    binding: Mutex<Option<ChannelBinding>>,
}

impl Lent {
    pub(crate) fn new(socket: Socket) -> (Self, Loan) {
        let loan = Loan(Arc::new(Mutex::new(Some(socket))));
        let lent =
            Self { loan: loan.clone(), greeting: None, greeted: false, binding: Mutex::default() };
        (lent, loan)
    }

    fn with<T>(
        &self,
        poll: impl FnOnce(Pin<&mut Socket>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        match self.loan.0.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            Some(socket) => poll(Pin::new(socket)),
            None => Poll::Pending,
        }
    }
}

/// The message that begins a session, with the wish for replication in it.
fn with_wish(message: &[u8]) -> Option<Vec<u8>> {
    if message.get(4..8)? != VERSION_3 {
        return None;
    }
    let length = u32::try_from(message.len() + WISH.len()).ok()?;
    Some([&length.to_be_bytes()[..], &VERSION_3, WISH, &message[8..]].concat())
}

impl AsyncRead for Lent {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.with(|socket| socket.poll_read(cx, buf))
    }
}

impl AsyncWrite for Lent {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if !this.greeted {
            match with_wish(data) {
                // It stands for `data`, which is offered again until all has gone.
                Some(greeting) => {
                    this.greeting = Some((greeting, 0));
                    this.greeted = true;
                }
                // The question for TLS.
                None => return this.with(|socket| socket.poll_write(cx, data)),
            }
        }
        while let Some((greeting, gone)) = this.greeting.take() {
            match this.with(|socket| socket.poll_write(cx, &greeting[gone..])) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Ok(0)),
                Poll::Ready(Ok(n)) if gone + n < greeting.len() => {
                    this.greeting = Some((greeting, gone + n));
                }
                Poll::Ready(Ok(_)) => return Poll::Ready(Ok(data.len())),
                other => {
                    this.greeting = Some((greeting, gone));
                    return other;
                }
            }
        }
        this.with(|socket| socket.poll_write(cx, data))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|socket| socket.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|socket| socket.poll_shutdown(cx))
    }
}

impl TlsStream for Lent {
    fn channel_binding(&self) -> ChannelBinding {
        let binding = self.binding.lock().unwrap_or_else(PoisonError::into_inner).take();
        binding.unwrap_or_else(ChannelBinding::none)
    }
}

/// TLS below the loan, so that what is taken back is the encrypted stream.
pub(crate) struct BelowLoan<T>(pub(crate) T);

impl<T> TlsConnect<Lent> for BelowLoan<T>
where
    T: TlsConnect<Socket> + Send + 'static,
    T::Future: Send,
    T::Stream: Send + 'static,
    T::Error: From<io::Error>,
{
    type Stream = Lent;
    type Error = T::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Lent, Self::Error>> + Send>>;

    fn connect(self, lent: Lent) -> Self::Future {
        let connecting = lent.loan.take().map(|socket| self.0.connect(socket));
        Box::pin(async move {
            let gone = || io::Error::other("the socket is gone");
            let stream = connecting.ok_or_else(gone)?.await?;
            *lent.binding.lock().unwrap_or_else(PoisonError::into_inner) =
                Some(stream.channel_binding());
            *lent.loan.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Socket::new(stream));
            Ok(lent)
        })
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn the_first_message_of_a_session_wishes_for_replication_and_no_other() {
        // So narrow that it goes in several parts.
        let (near, mut far) = tokio::io::duplex(5);
        let (mut lent, loan) = Lent::new(Socket::new(near));
        let question = [0, 0, 0, 8, 4, 210, 22, 47];
        let startup = b"\0\0\0\x17\0\x03\0\0user\0postgres\0\0";
        let writing = tokio::spawn(async move {
            lent.write_all(&question).await.unwrap();
            lent.write_all(startup).await.unwrap();
            lent.write_all(startup).await.unwrap();
        });
        let wished = b"\0\0\0\x2c\0\x03\0\0replication\0database\0user\0postgres\0\0";
        let mut got = vec![0; question.len() + wished.len() + startup.len()];
        far.read_exact(&mut got).await.unwrap();
        writing.await.unwrap();
        assert_eq!(got, [&question[..], wished, startup].concat());
        assert!(loan.take().is_some());
        assert!(loan.take().is_none());
    }
}
