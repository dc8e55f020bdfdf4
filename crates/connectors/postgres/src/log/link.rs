//! The stream from the server and the answers to it. A thread of its own owns the socket: it answers
//! the server however long the reader is held up, so that the server does not take it for dead, and
//! stops to take from the socket once enough waits to be read.
//!
//! The server sends each change by itself. Whoever takes it at once is woken by every one of them,
//! which costs both sides more than the change does: 426,570 changes of about 190 bytes took the
//! server 2.7 s of CPU and the reader 1.3 s. So the thread sleeps between two readings, the longer
//! the more comes, while nothing can wake it: the server's kernel puts small pieces together once
//! the reader's has no more room for them. With 20 ms between two readings the same changes took
//! 1.3 s and 0.05 s.

use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::{Buf, Bytes, BytesMut};
use syncline_connector::Cpu;
use syncline_types::{Code, Error, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::Builder;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::MissedTickBehavior;

use super::of_slot;
use super::place::Lsn;
use crate::connect::Connect;
use crate::error;
use crate::values::EPOCH_MICROS;
use crate::wire::Socket;

/// Bytes taken from the socket at once.
const CHUNK: usize = 256 << 10;
/// With less room than this, the buffer is made larger again before anything is read.
const ROOM: usize = 64 << 10;
/// The socket is not read again so soon: the first where little comes, the second where much does.
const PAUSE: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(20));
/// Bytes after which the next pause is shorter, and from which on it is longer.
const FLOW: (usize, usize) = (8 << 10, 32 << 10);
/// Chunks that wait for the reader, at most.
const WAITING: usize = 4;
/// How often the server hears of us without asking. It gives up after `wal_sender_timeout`.
const EVERY: Duration = Duration::from_secs(5);
/// Bytes of a message before its body: a letter and the length, which counts itself.
const HEADER: usize = 5;

/// What the server is told.
#[derive(Debug, Clone, Copy, Default)]
struct Told {
    /// Everything before it is durable.
    durable: Lsn,
    /// It is asked where it is as often as this number changes.
    asked: u64,
}

/// A running stream.
pub(super) struct Link {
    chunks: mpsc::Receiver<Result<Bytes>>,
    told: watch::Sender<Told>,
}

impl Link {
    /// Connects, sends the command, and waits until the server streams. The thread ends, and the
    /// server sees the socket close, when the link is dropped.
    pub(super) async fn start(connect: Connect, command: String, from: Lsn) -> Result<Self> {
        let (sender, chunks) = mpsc::channel(WAITING);
        let (told, hears) = watch::channel(Told { durable: from, asked: 0 });
        let (streams, begun) = oneshot::channel();
        let failed = |e| Error::bug("no thread can be had to read the log by").because(e);
        let work = move || match Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime.block_on(run(connect, command, hears, sender, streams)),
            Err(error) => {
                // Whoever began it may be gone.
                let _ = streams.send(Err(failed(error)));
            }
        };
        thread::Builder::new().name("log".into()).spawn(Cpu::carry_work(work)).map_err(failed)?;
        begun.await.unwrap_or_else(|_| Err(ended()))?;
        Ok(Self { chunks, told })
    }

    /// Whole messages of the stream, as many as have come.
    pub(super) async fn next(&mut self) -> Result<Bytes> {
        self.chunks.recv().await.unwrap_or_else(|| Err(ended()))
    }

    /// As [`Link::next`], of what is here.
    pub(super) fn try_next(&mut self) -> Result<Option<Bytes>> {
        match self.chunks.try_recv() {
            Ok(chunk) => chunk.map(Some),
            Err(mpsc::error::TryRecvError::Empty) => Ok(None),
            Err(mpsc::error::TryRecvError::Disconnected) => Err(ended()),
        }
    }

    /// Asks the server how far it has read.
    pub(super) fn ask(&self) {
        self.told.send_modify(|told| told.asked += 1);
    }

    /// Tells the server that everything before `lsn` is durable.
    pub(super) fn durable(&self, lsn: Lsn) {
        self.told.send_if_modified(|told| {
            let later = lsn > told.durable;
            told.durable = told.durable.max(lsn);
            later
        });
    }
}

/// All that the thread does.
async fn run(
    connect: Connect,
    command: String,
    hears: watch::Receiver<Told>,
    chunks: mpsc::Sender<Result<Bytes>>,
    streams: oneshot::Sender<Result<()>>,
) {
    let work = async {
        let pump = match begin(&connect, &command, hears).await {
            Ok(pump) => pump,
            Err(error) => {
                let _ = streams.send(Err(error));
                return;
            }
        };
        let _ = streams.send(Ok(()));
        if let Err(error) = pump.run(&chunks).await {
            let _ = chunks.send(Err(error)).await;
        }
    };
    tokio::select! {
        biased;
        () = chunks.closed() => {}
        () = work => {}
    }
}

/// A session that streams.
async fn begin(connect: &Connect, command: &str, hears: watch::Receiver<Told>) -> Result<Pump> {
    let (session, loan) = connect.open_replication().await?;
    let socket = loan.take().ok_or_else(|| Error::bug("a new socket is gone"))?;
    drop(session);
    let (socket, buffer) = ask_for(socket, command).await.map_err(of_slot)?;
    Ok(Pump { socket, buffer, scanned: 0, hears, last: None, came: 0, pause: PAUSE.0 })
}

/// Sends the command on a socket that has nothing to say, until the server streams: what has come
/// with its answer.
async fn ask_for(mut socket: Socket, command: &str) -> Result<(Socket, BytesMut)> {
    let broken = |e: std::io::Error| {
        Error::new(Code::ConnectionLost, format!("starting to read the log: {e}"))
    };
    let mut query = vec![b'Q'];
    let length = u32::try_from(command.len() + 5).unwrap_or(u32::MAX);
    query.extend_from_slice(&length.to_be_bytes());
    query.extend_from_slice(command.as_bytes());
    query.push(0);
    socket.write_all(&query).await.map_err(broken)?;
    socket.flush().await.map_err(broken)?;
    let mut buffer = BytesMut::with_capacity(CHUNK);
    loop {
        while let Some(length) = message_length(&buffer) {
            let message = buffer.split_to(length);
            match message[0] {
                b'W' => return Ok((socket, buffer)),
                b'E' => return Err(refusal(&message[HEADER..])),
                _ => {}
            }
        }
        if socket.read_buf(&mut buffer).await.map_err(broken)? == 0 {
            return Err(ended());
        }
    }
}

fn ended() -> Error {
    Error::new(Code::ConnectionLost, "the server ended the stream of the log")
}

/// What an error message of the server says.
fn refusal(body: &[u8]) -> Error {
    let mut parts = [None, None, None, None];
    for field in body.split(|b| *b == 0) {
        let Some((kind, text)) = field.split_first() else { continue };
        let at = b"CMDH".iter().position(|k| k == kind);
        if let Some(part) = at.and_then(|at| parts.get_mut(at)) {
            *part = Some(String::from_utf8_lossy(text).into_owned());
        }
    }
    let [state, message, detail, hint] = parts;
    let message = message.unwrap_or_default();
    error::replied(&state.unwrap_or_default(), &message, detail.as_deref(), hint, "reading the log")
}

/// Length of the first message, if all of it is here.
fn message_length(data: &[u8]) -> Option<usize> {
    let length = data.get(1..HEADER)?;
    let length = u32::from_be_bytes([length[0], length[1], length[2], length[3]]) as usize + 1;
    (data.len() >= length).then_some(length)
}

struct Pump {
    socket: Socket,
    buffer: BytesMut,
    /// Bytes of the buffer that are whole messages.
    scanned: usize,
    hears: watch::Receiver<Told>,
    /// When the socket was last read; not, when more may be there at once.
    last: Option<Instant>,
    /// Bytes that have come since the last pause.
    came: usize,
    /// How long the next is.
    pause: Duration,
}

impl Pump {
    async fn run(mut self, to: &mpsc::Sender<Result<Bytes>>) -> Result<()> {
        let mut clock = tokio::time::interval(EVERY);
        clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let broken =
            |e: std::io::Error| Error::new(Code::ConnectionLost, format!("reading the log: {e}"));
        let mut asked = 0;
        loop {
            // What came with the answer to the command is here before anything is read.
            if self.scan()? {
                self.answer(false).await.map_err(broken)?;
            }
            let full = self.scanned > 0;
            if !full {
                self.pause();
            }
            tokio::select! {
                biased;
                changed = self.hears.changed() => {
                    if changed.is_err() {
                        return Ok(());
                    }
                    let now = self.hears.borrow_and_update().asked;
                    let ask = std::mem::replace(&mut asked, now) != now;
                    self.answer(ask).await.map_err(broken)?;
                }
                _ = clock.tick() => self.answer(false).await.map_err(broken)?,
                permit = to.reserve(), if full => {
                    let Ok(permit) = permit else { return Ok(()) };
                    permit.send(Ok(self.buffer.split_to(self.scanned).freeze()));
                    self.scanned = 0;
                    Cpu::lap();
                }
                read = self.socket.read_buf(&mut self.buffer), if !full => {
                    let came = read.map_err(broken)?;
                    if came == 0 {
                        return Err(ended());
                    }
                    self.came += came;
                    self.last = (came < ROOM).then(Instant::now);
                }
            }
        }
    }

    /// Sleeps until the socket may be read again: nothing else runs on this thread.
    fn pause(&mut self) {
        let Some(last) = self.last.take() else { return };
        self.pause = match std::mem::take(&mut self.came) {
            little if little < FLOW.0 => (self.pause / 2).max(PAUSE.0),
            much if much >= FLOW.1 => (self.pause * 2).min(PAUSE.1),
            _ => self.pause,
        };
        if let Some(early) = self.pause.checked_sub(last.elapsed()) {
            thread::sleep(early);
        }
    }

    /// Finds whole messages; whether the server wants an answer.
    fn scan(&mut self) -> Result<bool> {
        let mut wants = false;
        while let Some(length) = message_length(&self.buffer[self.scanned..]) {
            let message = &self.buffer[self.scanned..self.scanned + length];
            match message[0] {
                // A keepalive: where the server is, its clock, and whether it wants an answer.
                b'd' if message.get(HEADER) == Some(&b'k') => wants |= message.last() == Some(&1),
                b'E' => return Err(refusal(&message[HEADER..])),
                b'c' => return Err(ended()),
                _ => {}
            }
            self.scanned += length;
        }
        if self.scanned == 0 {
            // Room for what is known to come, at once.
            let mut header = &self.buffer[..];
            let mut missing = ROOM;
            if header.len() >= HEADER {
                header.advance(1);
                missing = missing.max((header.get_u32() as usize + 1) - self.buffer.len());
            }
            if self.buffer.capacity() - self.buffer.len() < missing {
                self.buffer.reserve(missing.max(CHUNK));
            }
        }
        Ok(wants)
    }

    async fn answer(&mut self, ask: bool) -> std::io::Result<()> {
        let durable = self.hears.borrow().durable.0.to_be_bytes();
        let mut message = Vec::with_capacity(39);
        message.extend_from_slice(&[b'd', 0, 0, 0, 38, b'r']);
        // Written, flushed, applied: only what is durable is any of it. By the clock others see
        // that this reader lives.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
        let now = i64::try_from(now).unwrap_or(i64::MAX) - EPOCH_MICROS;
        for part in [durable, durable, durable, now.to_be_bytes()] {
            message.extend_from_slice(&part);
        }
        message.push(ask.into());
        self.socket.write_all(&message).await?;
        self.socket.flush().await
    }
}
