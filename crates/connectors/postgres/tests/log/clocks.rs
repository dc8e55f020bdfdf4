//! A server whose clock jumps: a link that puts other times into what the server says.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use syncline_connector::Start;
use syncline_types::LogElement;

use crate::support::{BUDGET, follow, servers, sets, source, words};

/// The server's times, in microseconds since 2000: as far ahead as can be, back before all time,
/// back to the beginning, and a little before it.
const TIMES: [i64; 5] = [i64::MAX, i64::MIN, 0, -1, 4_102_444_800_000_000];
/// From 1970 to 2000.
const EPOCH: i64 = 946_684_800_000_000;

/// A link to a server. The commits that the server tells of get the times above, one after the
/// other; whatever else it says of its clock jumps as wildly.
struct Clock {
    told: AtomicUsize,
    said: AtomicUsize,
}

impl Clock {
    /// The port of a link to the server on `port`.
    fn before(port: u16) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let own = listener.local_addr().unwrap().port();
        let clock = Arc::new(Clock { told: AtomicUsize::new(0), said: AtomicUsize::new(0) });
        // It ends with the process.
        thread::spawn(move || {
            for client in listener.incoming() {
                let client = client.unwrap();
                let server = TcpStream::connect(("127.0.0.1", port)).unwrap();
                let (from, to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                thread::spawn(move || pass_on(from, to));
                let clock = Arc::clone(&clock);
                thread::spawn(move || clock.shift(server, client));
            }
        });
        own
    }

    fn shift(&self, mut server: TcpStream, mut client: TcpStream) {
        let (mut held, mut piece) = (Vec::new(), [0; 65_536]);
        loop {
            let read = server.read(&mut piece).unwrap_or(0);
            if read == 0 {
                let _ = client.shutdown(Shutdown::Both);
                return;
            }
            held.extend_from_slice(&piece[..read]);
            let mut done = 0;
            while let Some(length) = message(&held[done..]) {
                self.message(&mut held[done..done + length]);
                done += length;
            }
            if client.write_all(&held[..done]).is_err() {
                let _ = server.shutdown(Shutdown::Both);
                return;
            }
            held.drain(..done);
        }
    }

    /// Puts other times into a message of the stream.
    fn message(&self, message: &mut [u8]) {
        // Within CopyData: a piece of the log with two places and the clock, or a keepalive with
        // one place and the clock.
        match (message[0], message.get(5).copied()) {
            (b'd', Some(b'k')) => put(&mut message[14..], self.clock()),
            (b'd', Some(b'w')) => {
                put(&mut message[22..], self.clock());
                let said = &mut message[30..];
                let at = match said.first() {
                    Some(b'B') => return put(&mut said[9..], self.clock()),
                    Some(b'C') => 18,
                    Some(b'c') => 22,
                    _ => return,
                };
                let next = self.told.fetch_add(1, SeqCst);
                put(&mut said[at..], TIMES[next % TIMES.len()]);
            }
            _ => {}
        }
    }

    fn clock(&self) -> i64 {
        TIMES[self.said.fetch_add(1, SeqCst) % TIMES.len()]
    }
}

/// The length of the message that begins here, when all of it is there.
fn message(held: &[u8]) -> Option<usize> {
    let length = u32::from_be_bytes(held.get(1..5)?.try_into().ok()?);
    let length = 1 + usize::try_from(length).ok()?;
    (held.len() >= length).then_some(length)
}

fn put(into: &mut [u8], time: i64) {
    into[..8].copy_from_slice(&time.to_be_bytes());
}

fn pass_on(mut from: TcpStream, mut to: TcpStream) {
    let _ = std::io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Both);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_changes_neither_order_nor_pace() {
    for server in servers() {
        let database = server.database();
        database.execute("CREATE TABLE t (id int PRIMARY KEY, v text)");
        let url = database.url_through(Clock::before(server.port()));
        let with = if url.contains('?') { '&' } else { '?' };
        let source_ = source(&format!("{url}{with}sslmode=disable"));
        let name = format!("clock-{}", database.name());
        let follow_ = follow(&*source_, &name, &["public.t"]).await;
        let log = source_.change_log().unwrap();
        let at = log.start(&follow_, &Start::Now).await.unwrap();
        let mut reader = log.follow(&follow_, &at).await.unwrap();
        let (mut elements, mut beats) = (Vec::new(), 0);
        for id in 0..TIMES.len() {
            database.execute(&format!("INSERT INTO t VALUES ({id}, 'x'), ({id} + 100, 'y')"));
            let goal = log.end_of_log().await.unwrap();
            // What comes, comes at once and not when some clock says so; and the quiet that
            // follows is told, too.
            loop {
                let next = tokio::time::timeout(Duration::from_secs(60), reader.next(BUDGET));
                match next.await.expect("it waits for a clock").unwrap() {
                    LogElement::Heartbeat(position) => {
                        beats += 1;
                        if log.reached(&position, &goal).unwrap() {
                            break;
                        }
                    }
                    element => elements.push(element),
                }
            }
        }
        assert!(beats >= TIMES.len());
        let expected: Vec<String> = (0..TIMES.len())
            .flat_map(|id| {
                [format!("insert t id={id} v=x"), format!("insert t id={} v=y", id + 100)]
            })
            .collect();
        assert_eq!(words(&elements), expected);
        let commits = sets(&elements).into_iter().flat_map(|set| set.commits.clone());
        let times: Vec<i64> = commits.map(|commit| commit.at.unwrap()).collect();
        assert_eq!(times, TIMES.map(|time| time.saturating_add(EPOCH)));
        drop(reader);
        log.unfollow(&follow_.run).await.unwrap();
        source_.end().await.unwrap();
    }
}
