//! Scripted faults between a client and a server: a TCP proxy on loopback that cuts, resets, stalls,
//! slows, splits or refuses connections, at an exact byte or at a word of the test.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use socket2::SockRef;

/// How often a waiting thread looks whether the test has changed its mind.
const TICK: Duration = Duration::from_millis(5);

/// A proxy before one server. Dropped, it cuts every connection.
pub struct Proxy {
    port: u16,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    target: AtomicU16,
    refuse: AtomicBool,
    stall: AtomicBool,
    closed: AtomicBool,
    /// Connections end by a reset where they are cut.
    resets: AtomicBool,
    /// Pause before each piece of data that is passed on, in microseconds.
    delay: AtomicU64,
    /// Bytes a second of each connection and direction; 0 is no limit.
    bandwidth: AtomicU64,
    /// Bytes that are passed on at once; 0 is all there are.
    piece: AtomicUsize,
    /// Bytes that may still go from the server to clients; then every connection is cut.
    down: Fuse,
    /// The same for bytes from clients to the server.
    up: Fuse,
    /// Bytes passed on so far, from the server and to it.
    passed: [AtomicU64; 2],
    accepted: AtomicUsize,
    open: Mutex<Vec<Arc<Link>>>,
}

/// One connection, by the client's end and the server's.
struct Link {
    client: TcpStream,
    server: TcpStream,
    cut: AtomicBool,
}

/// Which way bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Down,
    Up,
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
        let state = Arc::new(State { target: AtomicU16::new(target), ..State::default() });
        let own = Arc::clone(&state);
        std::thread::spawn(move || accept(&listener, &own));
        Self { port, state }
    }

    /// The port that clients are to use.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// From now on it stands before another server, as an address that moves to a replica does.
    /// Connections to the first are cut.
    pub fn stand_before(&self, target: u16) {
        self.state.target.store(target, Ordering::SeqCst);
        self.cut();
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

    /// Whether a connection that is cut ends by a reset, as when the other host has forgotten it;
    /// otherwise it ends as by a process that was killed.
    pub fn resets(&self, yes: bool) {
        self.state.resets.store(yes, Ordering::SeqCst);
    }

    /// Bytes that have come from the server so far.
    pub fn received(&self) -> u64 {
        self.state.passed[Way::Down as usize].load(Ordering::SeqCst)
    }

    /// Bytes that have gone to the server so far.
    pub fn sent(&self) -> u64 {
        self.state.passed[Way::Up as usize].load(Ordering::SeqCst)
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

    /// Lets so many bytes a second through, in each direction of each connection; `None`: all.
    pub fn bandwidth(&self, bytes_per_second: Option<u64>) {
        self.state.bandwidth.store(bytes_per_second.unwrap_or(0), Ordering::SeqCst);
    }

    /// Passes on at most so many bytes at once, so that packets of a protocol arrive in parts;
    /// `None`: as they come.
    pub fn split(&self, bytes: Option<usize>) {
        self.state.piece.store(bytes.unwrap_or(0), Ordering::SeqCst);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.state.closed.store(true, Ordering::SeqCst);
        self.state.cut();
    }
}

impl State {
    fn links(&self) -> std::sync::MutexGuard<'_, Vec<Arc<Link>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cut(&self) {
        let resets = self.resets.load(Ordering::SeqCst);
        for link in self.links().drain(..) {
            link.cut(resets);
        }
    }

    fn closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    fn fuse(&self, way: Way) -> &Fuse {
        match way {
            Way::Down => &self.down,
            Way::Up => &self.up,
        }
    }
}

impl Link {
    fn cut(&self, reset: bool) {
        self.cut.store(true, Ordering::SeqCst);
        for stream in [&self.client, &self.server] {
            if reset {
                // What is unsent is thrown away and a reset sent when the last handle goes; the
                // end of reading, which the other side does not see, makes them go.
                let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
                let _ = stream.shutdown(Shutdown::Read);
            } else {
                let _ = stream.shutdown(Shutdown::Both);
            }
        }
    }

    fn is_cut(&self) -> bool {
        self.cut.load(Ordering::SeqCst)
    }

    /// Writes all of it, unless the link is cut before.
    fn write(&self, way: Way, mut bytes: &[u8]) -> bool {
        let mut to = match way {
            Way::Down => &self.client,
            Way::Up => &self.server,
        };
        while !bytes.is_empty() {
            match to.write(bytes) {
                Ok(0) => return false,
                Ok(written) => bytes = &bytes[written..],
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    if self.is_cut() {
                        return false;
                    }
                }
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(_) => return false,
            }
        }
        true
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
    let server = TcpStream::connect(("127.0.0.1", state.target.load(Ordering::SeqCst)))?;
    for stream in [&client, &server] {
        stream.set_nodelay(true)?;
        // So that a writer whose reader does not read sees a cut.
        stream.set_write_timeout(Some(TICK * 10))?;
    }
    let link = Arc::new(Link { client, server, cut: AtomicBool::new(false) });
    state.links().push(Arc::clone(&link));
    for way in [Way::Down, Way::Up] {
        let (state, link) = (Arc::clone(state), Arc::clone(&link));
        std::thread::spawn(move || {
            pass(&link, &state, way);
            if !link.is_cut() {
                link.cut(false);
            }
            state.links().retain(|other| !Arc::ptr_eq(other, &link));
        });
    }
    Ok(())
}

fn pass(link: &Link, state: &State, way: Way) {
    let mut from = match way {
        Way::Down => &link.server,
        Way::Up => &link.client,
    };
    let mut buffer = vec![0; 32 << 10];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        while state.stall.load(Ordering::SeqCst) && !state.closed() && !link.is_cut() {
            std::thread::sleep(TICK);
        }
        let piece = match state.piece.load(Ordering::SeqCst) {
            0 => read,
            bytes => bytes,
        };
        for part in buffer[..read].chunks(piece) {
            slow(link, state, part.len());
            let may = state.fuse(way).burn(part.len() as u64);
            let may = usize::try_from(may).unwrap_or(part.len());
            let written = link.write(way, &part[..may]);
            state.passed[way as usize].fetch_add(may as u64, Ordering::SeqCst);
            if may < part.len() {
                state.fuse(way).light(u64::MAX);
                state.cut();
            }
            if !written || may < part.len() {
                return;
            }
        }
    }
}

/// Waits as long as so many bytes take, at most until the link is cut.
fn slow(link: &Link, state: &State, bytes: usize) {
    let mut wait = Duration::from_micros(state.delay.load(Ordering::SeqCst));
    let bandwidth = state.bandwidth.load(Ordering::SeqCst);
    if let Some(micros) = (bytes as u64 * 1_000_000).checked_div(bandwidth) {
        wait += Duration::from_micros(micros);
    }
    let until = Instant::now() + wait;
    while !link.is_cut() {
        match until.saturating_duration_since(Instant::now()) {
            Duration::ZERO => return,
            left => std::thread::sleep(left.min(TICK * 10)),
        }
    }
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
    fn stands_before_another_server_when_told() {
        let proxy = Proxy::before(1);
        assert!(call(&mut client(&proxy), b"hello").is_err());
        proxy.stand_before(echo());
        assert_eq!(call(&mut client(&proxy), b"hello").unwrap(), b"hello");
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

    #[test]
    fn a_reset_is_an_error_to_both_sides_and_not_an_end() {
        let proxy = Proxy::before(echo());
        let mut one = client(&proxy);
        assert_eq!(call(&mut one, b"hello").unwrap(), b"hello");
        proxy.resets(true);
        proxy.cut();
        let kind = one.read(&mut [0; 5]).unwrap_err().kind();
        assert_eq!(kind, ErrorKind::ConnectionReset);
        proxy.resets(false);
        let mut two = client(&proxy);
        assert_eq!(call(&mut two, b"again").unwrap(), b"again");
        proxy.cut();
        assert_eq!(two.read(&mut [0; 5]).unwrap(), 0);
    }

    #[test]
    fn what_is_sent_at_once_arrives_in_parts_and_whole() {
        let proxy = Proxy::before(echo());
        proxy.split(Some(3));
        proxy.delay(Duration::from_millis(20));
        let mut one = client(&proxy);
        let text: Vec<u8> = (0..16).collect();
        one.write_all(&text).unwrap();
        let (mut got, mut reads, mut buffer) = (Vec::new(), 0, [0; 16]);
        while got.len() < text.len() {
            let read = one.read(&mut buffer).unwrap();
            assert!(read > 0);
            got.extend_from_slice(&buffer[..read]);
            reads += 1;
        }
        assert_eq!(got, text);
        assert!(reads > 1, "it came at once");
        // Bytes are counted once they have been passed on.
        let begun = std::time::Instant::now();
        while proxy.received() < 16 && begun.elapsed() < Duration::from_secs(10) {
            std::thread::sleep(Duration::from_millis(5));
        }
        assert_eq!((proxy.sent(), proxy.received()), (16, 16));
    }

    #[test]
    fn a_narrow_link_holds_back_what_is_sent_and_can_be_cut() {
        let proxy = Proxy::before(echo());
        let mut one = client(&proxy);
        assert_eq!(call(&mut one, b"hello").unwrap(), b"hello");
        // Ten thousand bytes would take hours.
        proxy.bandwidth(Some(1));
        one.write_all(&[7; 10_000]).unwrap();
        one.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        assert!(one.read(&mut [0; 16]).is_err());
        assert!(proxy.sent() < 10_000);
        proxy.cut();
        assert_eq!(one.read(&mut [0; 16]).unwrap_or(0), 0);
        proxy.bandwidth(None);
        assert_eq!(call(&mut client(&proxy), b"again").unwrap(), b"again");
    }
}
