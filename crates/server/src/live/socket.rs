//! One watcher: what it wants to see, and the line to it.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade, close_code};
use axum::response::Response;
use serde::Deserialize;
use syncline_types::{Code, Error, Result};
use tokio::sync::broadcast::{Receiver, error::RecvError};
use utoipa::IntoParams;

use super::frames::{Frame, snapshot};
use super::standing::{self, Standing};
use super::{PROTOCOL, text_of};
use crate::caller::Caller;
use crate::runner::RunView;
use crate::state::AppState;

/// Watchers at the same time.
const WATCHERS: usize = 2_000;
/// Bytes of a message from a watcher.
const LONGEST: usize = 64 << 10;
/// Messages from a watcher within [`WITHIN`].
const MESSAGES: u32 = 50;
const WITHIN: Duration = Duration::from_secs(10);
/// Runs and jobs that a watcher names.
const NAMES: usize = 1_000;
/// Runs of a snapshot.
const RUNS: usize = 500;
/// Events that are caught up with; who missed more gets a snapshot.
const MISSED: i64 = 10_000;
/// How often a watcher is asked whether it is still there.
const PING: Duration = Duration::from_secs(20);
/// How long it may be silent.
const SILENCE: Duration = Duration::from_secs(70);
/// How long it may take to read one message.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long a watcher may take to hear why its line is closed.
const GOODBYE: Duration = Duration::from_secs(2);
/// Says that the line is closed because the session or token has ended: to come again with the same
/// is of no use. Codes from 4000 on are the application's own; this one is HTTP's 401.
const ENDED: u16 = 4401;

/// Where a watcher was before.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct LiveQuery {
    /// The number of the last event it has seen: those after it come first.
    after: Option<i64>,
}

/// What a watcher says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    subscribe: Subscription,
}

/// What a watcher wants to see.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Subscription {
    all: bool,
    runs: HashSet<String>,
    jobs: HashSet<String>,
}

impl Subscription {
    /// Whether `caller` wants to see a run, and may.
    fn fits(&self, caller: &Caller, run: &str, job: &str) -> bool {
        (self.all || self.runs.contains(run) || self.jobs.contains(job)) && caller.sees_job(job)
    }

    fn text(&self, caller: &Caller, frame: &Frame) -> Option<Utf8Bytes> {
        if self.all && caller.own_jobs().is_none() && caller.own_projects().is_none() {
            return Some(frame.for_all());
        }
        frame.for_some(|run, job| self.fits(caller, run, job))
    }
}

/// Opens the line to a watcher.
///
/// # Errors
/// [`Code::TooManyRequests`] when too many watch.
pub(crate) fn open(
    upgrade: WebSocketUpgrade,
    caller: Caller,
    query: LiveQuery,
    state: AppState,
) -> Result<Response> {
    let watching = Watching::begin(state)?;
    let upgrade = upgrade
        .protocols([PROTOCOL])
        .max_message_size(LONGEST)
        .max_frame_size(LONGEST)
        .write_buffer_size(16 << 10)
        .max_write_buffer_size(4 << 20);
    Ok(upgrade.on_upgrade(move |socket| async move {
        let frames = watching.0.hub.frames.subscribe();
        let mut line =
            Line { socket, state: watching.0.clone(), frames, caller, wants: None, sent: 0 };
        let why = line.serve(query.after).await;
        if let Some((code, reason)) = why {
            let close = Message::Close(Some(CloseFrame { code, reason: reason.into() }));
            // What it still says is heard until it has heard this: a line that is dropped with
            // something unread takes the last word along.
            let goodbye = async {
                if line.socket.send(close).await.is_ok() {
                    while let Some(Ok(_)) = line.socket.recv().await {}
                }
            };
            let _ = tokio::time::timeout(GOODBYE, goodbye).await;
        }
    }))
}

/// Counts a watcher as long as it is there.
struct Watching(AppState);

impl Watching {
    fn begin(state: AppState) -> Result<Self> {
        if state.hub.watchers.fetch_add(1, SeqCst) >= WATCHERS {
            state.hub.watchers.fetch_sub(1, SeqCst);
            let message = format!("{WATCHERS} watch already");
            return Err(Error::new(Code::TooManyRequests, message));
        }
        Ok(Self(state))
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.0.hub.watchers.fetch_sub(1, SeqCst);
    }
}

/// Why a line is closed.
type Why = Option<(u16, &'static str)>;

/// The line to a watcher.
struct Line {
    socket: WebSocket,
    state: AppState,
    frames: Receiver<Arc<Frame>>,
    /// Who watches.
    caller: Caller,
    /// What it wants to see, once it has said so.
    wants: Option<Subscription>,
    /// The number of the last event it was sent, or was shown the effect of.
    sent: i64,
}

/// What came of sending.
enum Sent {
    Yes,
    /// It is gone, or does not read.
    No,
}

impl Line {
    async fn serve(&mut self, mut after: Option<i64>) -> Why {
        let mut standing = standing::of(self.state.clone(), self.caller.clone());
        let mut heard = Instant::now();
        let mut window = (Instant::now(), 0);
        let mut pings = tokio::time::interval(PING);
        loop {
            tokio::select! {
                said = self.socket.recv() => {
                    heard = Instant::now();
                    if window.0.elapsed() > WITHIN {
                        window = (heard, 0);
                    }
                    window.1 += 1;
                    if window.1 > MESSAGES {
                        return Some((close_code::POLICY, "too many messages"));
                    }
                    match said {
                        Some(Ok(Message::Text(text))) => match serde_json::from_str::<Said>(&text) {
                            Ok(said) => {
                                let names = said.subscribe.runs.len() + said.subscribe.jobs.len();
                                if names > NAMES {
                                    return Some((close_code::POLICY, "too many names"));
                                }
                                self.wants = Some(said.subscribe);
                                if let Sent::No = self.begin(after.take()).await {
                                    return None;
                                }
                            }
                            Err(_) => {
                                return Some((close_code::POLICY, "expected {\"subscribe\": {…}}"));
                            }
                        },
                        Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                        Some(Ok(Message::Binary(_))) => {
                            return Some((close_code::UNSUPPORTED, "messages are text"));
                        }
                        Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                    }
                }
                frame = self.frames.recv() => match frame {
                    Ok(frame) => if let Sent::No = self.hand_on(&frame).await {
                        return None;
                    },
                    Err(RecvError::Lagged(_)) => if let Sent::No = self.show_anew().await {
                        return None;
                    },
                    Err(RecvError::Closed) => return Some((close_code::AWAY, "the server stops")),
                },
                _ = pings.tick() => {
                    if heard.elapsed() > SILENCE {
                        return Some((close_code::POLICY, "no answer to pings"));
                    }
                    if let Sent::No = self.send(Message::Ping("".into())).await {
                        return None;
                    }
                }
                // The other end of it goes with its last word only.
                _ = standing.changed() => return match *standing.borrow() {
                    Standing::Unknown => Some((close_code::AGAIN, "the state cannot be asked")),
                    Standing::Sees => Some((close_code::AGAIN, "there are other projects to see")),
                    _ => Some((ENDED, "the session or token has ended")),
                },
                () = self.state.runner.left() => return Some((close_code::AWAY, "the server stops")),
            }
        }
    }

    async fn send(&mut self, message: Message) -> Sent {
        match tokio::time::timeout(PATIENCE, self.socket.send(message)).await {
            Ok(Ok(())) => Sent::Yes,
            _ => Sent::No,
        }
    }

    /// A frame to a watcher that wants it and has not had it.
    async fn hand_on(&mut self, frame: &Frame) -> Sent {
        let Some(wants) = &self.wants else { return Sent::Yes };
        if let Frame::Event { seq, .. } = frame {
            if *seq <= self.sent {
                return Sent::Yes;
            }
            self.sent = *seq;
        }
        match wants.text(&self.caller, frame) {
            Some(text) => self.send(Message::Text(text)).await,
            None => Sent::Yes,
        }
    }

    /// What a watcher missed, where it says what it saw last and that is not too long ago; then
    /// what there is.
    async fn begin(&mut self, after: Option<i64>) -> Sent {
        // What happens from here on is in the ring already.
        let until = self.state.hub.seq();
        if let Some(mut seq) = after.filter(|seq| *seq < until && until - seq <= MISSED) {
            while seq < until {
                let missed = self.state.blocking(move |store| store.events_after(seq, 500)).await;
                let Ok(missed) = missed else { return Sent::No };
                let Some(last) = missed.last().map(|e| e.seq) else { break };
                for event in missed.iter().take_while(|e| e.seq <= until) {
                    let job = event.job.as_deref().unwrap_or_default();
                    if !self.wants.as_ref().is_some_and(|w| w.fits(&self.caller, &event.run, job)) {
                        continue;
                    }
                    if let Sent::No = self.send(Message::Text(text_of(event).into())).await {
                        return Sent::No;
                    }
                }
                seq = last;
            }
        }
        self.show(until).await
    }

    /// What there is at this moment, in place of all that the watcher was too slow for.
    async fn show_anew(&mut self) -> Sent {
        self.frames = self.frames.resubscribe();
        let seq = self.state.hub.seq();
        self.show(seq).await
    }

    /// What there is, to one who has seen every event up to a number.
    async fn show(&mut self, seq: i64) -> Sent {
        let Some(wants) = &self.wants else { return Sent::Yes };
        let fits = |run: &syncline_store::RunRecord| {
            let job = run.more.job_name.as_deref().unwrap_or_default();
            wants.fits(&self.caller, &run.id, job)
        };
        let mut runs = self.state.hub.cache.active(RUNS, fits);
        // Those that were asked for by name are shown also when they have ended.
        let ended: Vec<String> =
            wants.runs.iter().filter(|id| !runs.iter().any(|r| r.id == **id)).cloned().collect();
        if !ended.is_empty() {
            let found = self.state.blocking(move |store| {
                store.runs_of(&ended.iter().map(String::as_str).collect::<Vec<_>>())
            });
            match found.await {
                Ok(found) => runs.extend(found.into_iter().filter(|run| fits(run))),
                Err(_) => return Sent::No,
            }
        }
        let view = |run: syncline_store::RunRecord| {
            let live = self.state.runner.live_run(&run.id);
            RunView::of(run, live.as_deref())
        };
        let runs: Vec<RunView> = runs.into_iter().map(view).collect();
        self.sent = self.sent.max(seq);
        self.send(Message::Text(snapshot(seq, &runs))).await
    }
}
