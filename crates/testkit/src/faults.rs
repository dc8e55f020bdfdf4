//! Scripted faults between a client and a server: a TCP proxy on loopback that cuts, stalls or
//! refuses connections at an exact byte or at a word of the test.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How often a waiting thread looks whether the test has changed its mind.
const TICK: Duration = Duration::from_millis(5);

/// A proxy before one server. Dropped, it cuts every connection.
pub struct Proxy {
    port: u16,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    target: u16,
    refuse: AtomicBool,
    stall: AtomicBool,
    closed: AtomicBool,
    /// Pause before each piece of data that is passed on, in microseconds.
    delay: AtomicU64,
    /// Bytes that may still go from the server to clients; then every connection is cut.
    down: Fuse,
    /// The same for bytes from clients to the server.
    up: Fuse,
    accepted: AtomicUsize,
    open: Mutex<Vec<(TcpStream, TcpStream)>>,
}

/// Burns down with the bytes that pass; unlit it holds for ever.
struct Fuse(AtomicU64);

impl Default for Fuse {
    fn default() -> Self {
        Self(AtomicU64::new(u64::MAX))
    }
}

impl Fuse {
    /// How many of `bytes` may pass; fewer than asked means that it has burnt down.
    fn burn(&self, bytes: u64) -> u64 {
        let left = self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
            (left != u64::MAX).then(|| left.saturating_sub(bytes))
        });
        left.map_or(bytes, |left| left.min(bytes))
    }

    fn light(&self, bytes: u64) {
        self.0.store(bytes, Ordering::SeqCst);
    }
}

impl Proxy {
    /// A proxy before `127.0.0.1:target`, at a free port.
    ///
    /// # Panics
    /// When no port can be had.
    pub fn before(target: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a loopback port can be had");
        let port = listener.local_addr().expect("a bound socket has an address").port();
        listener.set_nonblocking(true).expect("a socket can be made non-blocking");
        let state = Arc::new(State { target, ..State::default() });
        let own = Arc::clone(&state);
        std::thread::spawn(move || accept(&listener, &own));
        Self { port, state }
    }

    /// The port that clients are to use.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Connections accepted so far.
    pub fn accepted(&self) -> usize {
        self.state.accepted.load(Ordering::SeqCst)
    }

    /// Cuts every connection there is. New ones are taken.
    pub fn cut(&self) {
        self.state.cut();
    }

    /// Cuts every connection once `bytes` more have come from the server. New ones are taken then.
    pub fn cut_after_received(&self, bytes: u64) {
        self.state.down.light(bytes);
    }

    /// Cuts every connection once `bytes` more have gone to the server: in the middle of a
    /// statement or of a row. New ones are taken then.
    pub fn cut_after_sent(&self, bytes: u64) {
        self.state.up.light(bytes);
    }

    /// Whether new connections are closed at once, as by a host that is down.
    pub fn refuse(&self, yes: bool) {
        self.state.refuse.store(yes, Ordering::SeqCst);
    }

    /// Whether connections stay open and nothing passes, as through a firewall that drops packets.
    pub fn stall(&self, yes: bool) {
        self.state.stall.store(yes, Ordering::SeqCst);
    }

    /// Holds back each piece of data for so long, in both directions.
    pub fn delay(&self, by: Duration) {
        let micros = u64::try_from(by.as_micros()).unwrap_or(u64::MAX);
        self.state.delay.store(micros, Ordering::SeqCst);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.state.closed.store(true, Ordering::SeqCst);
        self.state.cut();
    }
}

impl State {
    fn cut(&self) {
        for (client, server) in self.open.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            let _ = client.shutdown(Shutdown::Both);
            let _ = server.shutdown(Shutdown::Both);
        }
    }

    fn closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }
}

fn accept(listener: &TcpListener, state: &Arc<State>) {
    while !state.closed() {
        match listener.accept() {
            Ok((client, _)) => {
                state.accepted.fetch_add(1, Ordering::SeqCst);
                if !state.refuse.load(Ordering::SeqCst) {
                    let _ = connect(client, state);
                }
            }
            Err(e) if e.kind() == ErrorKind::WouldBlock => std::thread::sleep(TICK),
            Err(_) => return,
        }
    }
}

fn connect(client: TcpStream, state: &Arc<State>) -> std::io::Result<()> {
    client.set_nonblocking(false)?;
    let server = TcpStream::connect(("127.0.0.1", state.target))?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let pair = (client.try_clone()?, server.try_clone()?);
    state.open.lock().unwrap_or_else(PoisonError::into_inner).push(pair);
    let (up, down) = (Arc::clone(state), Arc::clone(state));
    let (client2, server2) = (client.try_clone()?, server.try_clone()?);
    std::thread::spawn(move || pass(client, server, &up, |state| &state.up));
    std::thread::spawn(move || pass(server2, client2, &down, |state| &state.down));
    Ok(())
}

fn pass(mut from: TcpStream, mut to: TcpStream, state: &State, fuse: fn(&State) -> &Fuse) {
    let mut buffer = vec![0; 32 << 10];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        while state.stall.load(Ordering::SeqCst) && !state.closed() {
            std::thread::sleep(TICK);
        }
        let delay = state.delay.load(Ordering::SeqCst);
        if delay > 0 {
            std::thread::sleep(Duration::from_micros(delay));
        }
        let may = usize::try_from(fuse(state).burn(read as u64)).unwrap_or(read);
        let passed = to.write_all(&buffer[..may]);
        if may < read {
            fuse(state).light(u64::MAX);
            state.cut();
        }
        if passed.is_err() || may < read {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that sends back what it gets.
    fn echo() -> u16 {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                std::thread::spawn(move || {
                    let mut to = stream.try_clone().unwrap();
                    let _ = std::io::copy(&mut { stream }, &mut to);
                });
            }
        });
        port
    }

    fn client(proxy: &Proxy) -> TcpStream {
        let client = TcpStream::connect(("127.0.0.1", proxy.port())).unwrap();
        client.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        client
    }

    fn call(client: &mut TcpStream, text: &[u8]) -> std::io::Result<Vec<u8>> {
        client.write_all(text)?;
        let mut answer = vec![0; text.len()];
        client.read_exact(&mut answer)?;
        Ok(answer)
    }

    #[test]
    fn passes_cuts_and_takes_new_connections() {
        let proxy = Proxy::before(echo());
        let mut one = client(&proxy);
        assert_eq!(call(&mut one, b"hello").unwrap(), b"hello");
        proxy.cut();
        assert!(call(&mut one, b"hello").is_err());
        assert_eq!(call(&mut client(&proxy), b"again").unwrap(), b"again");
        assert_eq!(proxy.accepted(), 2);
    }

    #[test]
    fn cuts_at_an_exact_byte_in_either_direction() {
        let proxy = Proxy::before(echo());
        let mut one = client(&proxy);
        proxy.cut_after_received(3);
        one.write_all(b"hello").unwrap();
        let mut got = Vec::new();
        let _ = one.read_to_end(&mut got);
        assert_eq!(got, b"hel");
        proxy.cut_after_sent(2);
        let mut two = client(&proxy);
        assert!(call(&mut two, b"hello").is_err());
        assert_eq!(call(&mut client(&proxy), b"again").unwrap(), b"again");
    }

    #[test]
    fn refuses_and_stalls_until_told_otherwise() {
        let proxy = Proxy::before(echo());
        proxy.refuse(true);
        assert!(call(&mut client(&proxy), b"hello").is_err());
        proxy.refuse(false);
        let mut one = client(&proxy);
        proxy.stall(true);
        one.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        assert!(call(&mut one, b"hello").is_err());
        proxy.stall(false);
        one.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let mut answer = [0; 5];
        one.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"hello");
    }
}
