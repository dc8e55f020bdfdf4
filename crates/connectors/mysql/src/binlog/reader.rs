//! Reads the log event by event, and cuts it into sets.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use syncline_connector::{LogBudget, LogReader};
use syncline_types::{Code, Error, LogElement, Position, Result};

use super::event::{Format, Head, cut, unreadable};
use super::inflate::Payload;
use super::open::lost;
use super::state::{State, Step};
use crate::session::{Purpose, Store};
use crate::wire::replica::Dump;

/// The server says something at least so often.
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(2);
/// After so long without a word the connection is taken for dead.
const SILENCE: Duration = Duration::from_secs(60);

/// Bytes in the log that the rows of a distributed transaction may have before it is prepared.
const HELD: usize = 256 << 20;

/// Reads a server's log.
pub(crate) struct Reader {
    dump: Dump,
    format: Format,
    /// A compressed transaction that is being read.
    payload: Option<Payload>,
    state: State,
    /// Since when nothing has come that leads on.
    silent: Option<Instant>,
    /// The server may be asked for more on another connection.
    store: Store,
}

impl Reader {
    pub(crate) fn new(dump: Dump, state: State, store: Store) -> Self {
        Self { dump, format: Format::default(), payload: None, state, silent: None, store }
    }

    /// Takes one event that is there; `None` when none is.
    fn one(&mut self) -> Result<Option<Step>> {
        if let Some(payload) = &mut self.payload {
            if let Some((head, body)) = payload.next()? {
                return self.state.inner(&head, body).map(Some);
            }
            self.payload = None;
        }
        if !self.dump.advance().map_err(lost)? {
            return Ok(None);
        }
        self.arrived().map(Some)
    }

    /// Takes the event that has arrived.
    fn arrived(&mut self) -> Result<Step> {
        let event = self.dump.event().map_err(lost)?;
        let head = Head::read(event).ok_or_else(cut)?;
        // Within a transaction, a server that only lives says nothing.
        if !head.is_heartbeat() || !self.state.is_open() {
            self.silent = None;
        }
        let body = self.format.body(&head, event)?;
        self.state.event(&head, body)
    }

    /// Whether what has been read makes an element.
    fn settle(
        &mut self,
        step: Step,
        budget: &LogBudget,
        deadline: Instant,
    ) -> Result<Option<LogElement>> {
        let (rows, bytes) = self.state.size();
        match step {
            Step::Payload(payload) => self.payload = Some(payload),
            Step::Commit => {
                let full = rows >= budget.rows || bytes >= budget.bytes;
                if full || Instant::now() >= deadline {
                    return self.state.rest();
                }
            }
            Step::Rows if rows >= 2 * budget.rows || bytes >= 2 * budget.bytes => {
                if !self.state.must_wait() {
                    return self.state.take().map(Some);
                }
                if bytes >= HELD.max(2 * budget.bytes) {
                    return Err(unreadable(
                        "a distributed (XA) transaction is too large to be held back",
                    )
                    .hint("make XA transactions smaller, or do without them"));
                }
            }
            Step::Rows | Step::Nothing => {}
        }
        Ok(None)
    }
}

#[async_trait]
impl LogReader for Reader {
    async fn next(&mut self, budget: LogBudget) -> Result<LogElement> {
        let mut deadline = Instant::now() + budget.wait;
        loop {
            if let Some(element) = self.state.ready.pop_front() {
                return Ok(element);
            }
            let step = match self.one()? {
                Some(step) => step,
                None => {
                    let wait = deadline.saturating_duration_since(Instant::now());
                    match tokio::time::timeout(wait, self.dump.wait()).await {
                        Ok(come) => {
                            come.map_err(lost)?;
                            self.arrived()?
                        }
                        Err(_) => {
                            if self.silent.get_or_insert_with(Instant::now).elapsed() > SILENCE {
                                let text = "the server has said nothing for a minute";
                                return Err(Error::new(Code::ConnectionLost, text));
                            }
                            if let Some(element) = self.state.rest()? {
                                return Ok(element);
                            }
                            deadline = Instant::now() + budget.wait;
                            continue;
                        }
                    }
                }
            };
            if self.state.tables.unlearnt() {
                let mut conn = self.store.connect(Purpose::Read).await?;
                self.state.tables.learn(&mut conn).await?;
                conn.quit().await;
            }
            if let Some(element) = self.settle(step, &budget, deadline)? {
                // A definition that changed stands behind the rows before it.
                self.state.ready.push_back(element);
            }
        }
    }

    async fn committed(&mut self, _: &Position) -> Result<()> {
        // The server keeps its log as long as it is told to, whoever reads it.
        Ok(())
    }
}
