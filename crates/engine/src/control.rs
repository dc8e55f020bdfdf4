//! The one handle on a run that moves: pause, resume, stop, watch.

use std::sync::Arc;
use std::time::Duration;

use syncline_types::{Code, Error, Result, RunEvent, RunState};
use tokio::sync::{broadcast, watch};
use tokio::task::JoinHandle;

use crate::events::{Event, Outcome, Summary};
use crate::progress::RunProgress;
use syncline_store::{Store, Wanted};

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

/// What a run has done so far, to be read whenever somebody wants to know. Cloning it is cheap.
#[derive(Clone)]
pub struct Meter(pub(crate) Arc<RunProgress>);

impl Meter {
    /// What the run has done so far.
    pub fn read(&self) -> Summary {
        self.0.summary()
    }

    /// What it has taken of the processor by now, in this process.
    pub fn cpu(&self) -> Duration {
        self.0.metrics.cpu.taken()
    }

    /// Milliseconds of the processor, over all its processes.
    pub fn cpu_ms(&self) -> u64 {
        self.0.cpu_ms()
    }

    /// Arrow bytes between its readers and writers right now.
    pub fn queue_depth(&self) -> u64 {
        self.0.metrics.queue_depth()
    }
}

/// A run at work in this process. Dropping it leaves the run going.
pub struct RunHandle {
    pub(crate) id: String,
    pub(crate) epoch: u64,
    pub(crate) store: Arc<Store>,
    pub(crate) wish: watch::Sender<Wish>,
    pub(crate) events: broadcast::Sender<Event>,
    pub(crate) first: broadcast::Receiver<Event>,
    pub(crate) meter: Meter,
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

    /// What it has done so far, also after this handle has gone.
    pub fn meter(&self) -> Meter {
        self.meter.clone()
    }

    /// What is needed to ask something of the run, also after this handle has gone.
    pub fn control(&self) -> Control {
        Control {
            id: self.id.clone(),
            epoch: self.epoch,
            store: Arc::clone(&self.store),
            wish: self.wish.clone(),
            events: self.events.clone(),
        }
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

/// Asks something of a run that moves in this process. Cloning it is cheap.
#[derive(Clone)]
pub struct Control {
    id: String,
    epoch: u64,
    store: Arc<Store>,
    wish: watch::Sender<Wish>,
    events: broadcast::Sender<Event>,
}

impl Control {
    /// The number under which the run writes; every later owner has a larger one.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Makes everything accepted so far durable, keeps the exact place, frees all connections, and
    /// ends this process's part: [`crate::Engine::begin`] goes on. `reason` is kept with the state.
    ///
    /// # Errors
    /// [`syncline_types::Code::BadTransition`] when the run has ended.
    pub fn rest(&self, reason: Option<&str>) -> Result<RunState> {
        let store = &self.store;
        let state = store.wish(&self.id, self.epoch, RunEvent::Pause, Wanted::Pause, reason)?;
        Ok(self.tell(state, Wish::Interrupt))
    }

    /// Ends the run for good. `reason` is kept with the state.
    ///
    /// # Errors
    /// [`syncline_types::Code::BadTransition`] when the run has ended.
    pub fn end(&self, reason: Option<&str>) -> Result<RunState> {
        let store = &self.store;
        let state = store.wish(&self.id, self.epoch, RunEvent::Stop, Wanted::Stop, reason)?;
        Ok(self.tell(state, Wish::Stop))
    }

    /// As [`Control::rest`], because this process is to end, not because a person wants it.
    ///
    /// # Errors
    /// [`syncline_types::Code::BadTransition`] when the run has ended.
    pub fn interrupt(&self) -> Result<RunState> {
        let state = self.store.transition(&self.id, self.epoch, RunEvent::Pause, None)?;
        Ok(self.tell(state, Wish::Interrupt))
    }

    fn tell(&self, state: RunState, wish: Wish) -> RunState {
        let _ = self.events.send(Event::State { run: self.id.clone(), state });
        // What was asked later does not undo a stop.
        self.wish.send_if_modified(|old| {
            let stronger = *old != Wish::Stop && *old != wish;
            if stronger {
                *old = wish;
            }
            stronger
        });
        state
    }
}
