//! Connections: so many at once, and none that says nothing.

use std::collections::HashMap;
use std::future::{Future, Ready, ready};
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum_server::accept::Accept;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;

/// How long a client may take to send the headers of a request.
pub(crate) const HEADERS_WITHIN: Duration = Duration::from_secs(15);

/// Connections at once.
const ALL: usize = 1000;
/// Connections at once from one address.
const EACH: usize = 500;
/// Bytes after which a connection has said what it speaks: as many as HTTP/2 begins with. Up to
/// there nobody else looks at the clock.
const GREETING: usize = 24;

/// Lets connections in.
#[derive(Clone, Default)]
pub(crate) struct Gate(Arc<Mutex<HashMap<IpAddr, usize>>>);

/// The place of a connection, free again when dropped.
struct Place {
    gate: Gate,
    address: IpAddr,
}

impl Gate {
    fn enter(&self, address: IpAddr) -> io::Result<Place> {
        let mut inside = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = inside.values().sum();
        let own = inside.entry(address).or_default();
        if all >= ALL || *own >= EACH {
            let full = io::Error::other("too many connections");
            if *own == 0 {
                inside.remove(&address);
            }
            return Err(full);
        }
        *own += 1;
        Ok(Place { gate: self.clone(), address })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut inside = self.gate.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = inside.get_mut(&self.address) {
            *own -= 1;
            if *own == 0 {
                inside.remove(&self.address);
            }
        }
    }
}

impl<S> Accept<TcpStream, S> for Gate {
    type Stream = Guarded;
    type Service = S;
    type Future = Ready<io::Result<(Guarded, S)>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        let let_in = || {
            let place = self.enter(stream.peer_addr()?.ip().to_canonical())?;
            stream.set_nodelay(true)?;
            Ok(place)
        };
        ready(let_in().map(|place| (Guarded::new(stream, place), service)))
    }
}

/// A connection that has to say something before its time is up.
pub(crate) struct Guarded {
    stream: TcpStream,
    /// Bytes that are still to come before the deadline; then there is none any more.
    greeting: usize,
    deadline: Option<Pin<Box<Sleep>>>,
    _place: Place,
}

impl Guarded {
    fn new(stream: TcpStream, place: Place) -> Self {
        let deadline = Some(Box::pin(tokio::time::sleep(HEADERS_WITHIN)));
        Self { stream, greeting: GREETING, deadline, _place: place }
    }
}

impl AsyncRead for Guarded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        self.greeting = self.greeting.saturating_sub(buffer.filled().len() - before);
        if self.greeting == 0 {
            self.deadline = None;
        }
        if read.is_pending()
            && let Some(deadline) = &mut self.deadline
            && deadline.as_mut().poll(cx).is_ready()
        {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        read
    }
}

impl AsyncWrite for Guarded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_by_address_and_freed() {
        let gate = Gate::default();
        let (one, other) = ([127, 0, 0, 1].into(), [127, 0, 0, 2].into());
        let held: Vec<Place> = (0..EACH).map(|_| gate.enter(one).unwrap()).collect();
        assert!(gate.enter(one).is_err());
        let more: Vec<Place> = (0..ALL - EACH).map(|_| gate.enter(other).unwrap()).collect();
        assert!(gate.enter([127, 0, 0, 3].into()).is_err());
        drop((held, more));
        assert!(gate.0.lock().unwrap().is_empty());
        drop(gate.enter(one).unwrap());
    }
}
