//! The stream from the server and the answers to it. A task of its own owns the socket: it answers
//! the server however long the reader is held up, so that the server does not take it for dead, and
//! stops to take from the socket once enough waits to be read.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::{Buf, Bytes, BytesMut};
use syncline_types::{Code, Error, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use super::place::Lsn;
use crate::error;
use crate::values::EPOCH_MICROS;
use crate::wire::Socket;

/// Bytes taken from the socket at once.
const CHUNK: usize = 256 << 10;
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
    task: JoinHandle<()>,
}

impl Link {
    /// Sends the command on a socket that has nothing to say, and waits until the server streams.
    pub(super) async fn start(mut socket: Socket, command: &str, from: Lsn) -> Result<Self> {
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
                    b'W' => return Ok(Self::run(socket, buffer, from)),
                    b'E' => return Err(refusal(&message[HEADER..])),
                    _ => {}
                }
            }
            if socket.read_buf(&mut buffer).await.map_err(broken)? == 0 {
                return Err(ended());
            }
        }
    }

    fn run(socket: Socket, buffer: BytesMut, from: Lsn) -> Self {
        let (sender, chunks) = mpsc::channel(WAITING);
        let (told, hears) = watch::channel(Told { durable: from, asked: 0 });
        let pump = Pump { socket, buffer, scanned: 0, hears };
        let task = tokio::spawn(async move {
            if let Err(error) = pump.run(&sender).await {
                let _ = sender.send(Err(error)).await;
            }
        });
        Self { chunks, told, task }
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

/// The server sees the socket close.
impl Drop for Link {
    fn drop(&mut self) {
        self.task.abort();
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
                }
                read = self.socket.read_buf(&mut self.buffer), if !full => {
                    if read.map_err(broken)? == 0 {
                        return Err(ended());
                    }
                }
            }
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
            let mut missing = CHUNK;
            if header.len() >= HEADER {
                header.advance(1);
                missing = missing.max((header.get_u32() as usize + 1) - self.buffer.len());
            }
            self.buffer.reserve(missing);
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
