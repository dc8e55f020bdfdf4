//! The one handle on a run that moves: pause, resume, stop, watch.

use std::sync::Arc;

use syncline_types::{Code, Error, Result, RunEvent, RunState};
use tokio::sync::{broadcast, watch};
use tokio::task::JoinHandle;

use crate::events::{Event, Outcome};
use syncline_store::Store;

/// What the person in charge wants of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// Go on.
    Run,
    /// Keep the exact place, free the connections, and wait here.
    Pause,
    /// As a pause, and end this process's part in it.
    Interrupt,
    /// End for good.
    Stop,
}

/// A run at work in this process. Dropping it leaves the run going.
pub struct RunHandle {
    pub(crate) id: String,
    pub(crate) epoch: u64,
    pub(crate) store: Arc<Store>,
    pub(crate) wish: watch::Sender<Wish>,
    pub(crate) events: broadcast::Sender<Event>,
    pub(crate) first: broadcast::Receiver<Event>,
    pub(crate) task: JoinHandle<Outcome>,
}

impl RunHandle {
    /// The run's unique key.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Events from the first one on. Each call after the first begins at the present.
    pub fn events(&mut self) -> broadcast::Receiver<Event> {
        std::mem::replace(&mut self.first, self.events.subscribe())
    }

    /// Where the run stands, as recorded.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn state(&self) -> Result<RunState> {
        Ok(self.store.run(&self.id)?.map_or(RunState::Failed, |run| run.state))
    }

    /// Makes everything accepted so far durable, keeps the exact place and frees all connections.
    ///
    /// # Errors
    /// [`syncline_types::Code::BadTransition`] when the run has ended.
    pub fn pause(&self) -> Result<RunState> {
        self.ask(RunEvent::Pause, Wish::Pause)
    }

    /// Goes on from where a pause left it.
    ///
    /// # Errors
    /// [`syncline_types::Code::BadTransition`] when the run is not paused.
    pub fn resume(&self) -> Result<RunState> {
        let state = self.state()?;
        if state != RunState::Paused {
            return Err(Error::new(
                Code::BadTransition,
                format!("a run that is {state} cannot be resumed"),
            ));
        }
        self.ask(RunEvent::Start, Wish::Run)
    }

    /// Ends the run for good.
    ///
    /// # Errors
    /// [`syncline_types::Code::BadTransition`] when the run has ended.
    pub fn stop(&self) -> Result<RunState> {
        self.ask(RunEvent::Stop, Wish::Stop)
    }

    /// Keeps the exact place and ends this process's part; the same command goes on from there.
    ///
    /// # Errors
    /// [`syncline_types::Code::BadTransition`] when the run has ended.
    pub fn interrupt(&self) -> Result<RunState> {
        self.ask(RunEvent::Pause, Wish::Interrupt)
    }

    /// Records what is wanted, then lets the workers know.
    fn ask(&self, event: RunEvent, wish: Wish) -> Result<RunState> {
        let state = self.store.transition(&self.id, self.epoch, event, None)?;
        let _ = self.events.send(Event::State { run: self.id.clone(), state });
        self.wish.send_replace(wish);
        Ok(state)
    }

    /// Waits until the run has ended in this process.
    pub async fn wait(self) -> Outcome {
        match self.task.await {
            Ok(outcome) => outcome,
            Err(panic) => Outcome::Failed(
                Error::bug("the run's task panicked").because(panic),
                crate::events::Summary { run: self.id, ..Default::default() },
            ),
        }
    }
}
