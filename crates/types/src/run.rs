//! The states of a run, as a pure function of state and event.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Code, Error, Result};

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// Recorded; nothing has moved.
    Created,
    /// It would run, and something keeps it from it: a server that is down, a slot in the pool.
    Waiting,
    /// Rows move.
    Running,
    /// Asked to pause; workers make their rows durable.
    Pausing,
    /// At rest at an exact place, without connections.
    Paused,
    /// Asked to stop; workers leave.
    Stopping,
    /// Ended by a person. Final.
    Stopped,
    /// Everything has been moved. Final.
    Finished,
    /// Ended by an error. It keeps its place and can be resumed once the cause is mended.
    Failed,
}

/// What happens to a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RunEvent {
    /// A process takes the run up: for the first time, after a pause or failure, or after the
    /// process that had it died.
    Start,
    /// Something outside keeps it from moving.
    Wait,
    /// It moves again.
    Proceed,
    /// A person or a schedule wants it to move; it waits for its turn.
    Queue,
    /// The process that had it is gone, and another finds it.
    Orphan,
    /// A person asks for a pause.
    Pause,
    /// A person asks it to end for good.
    Stop,
    /// All workers have left.
    Drained,
    /// Everything is durable at the target.
    Finish,
    /// An error it cannot get over by itself.
    Fail,
}

impl RunState {
    /// Every state.
    pub const ALL: [RunState; 9] = [
        Self::Created,
        Self::Waiting,
        Self::Running,
        Self::Pausing,
        Self::Paused,
        Self::Stopping,
        Self::Stopped,
        Self::Finished,
        Self::Failed,
    ];

    /// Its name in the API, the database and the console.
    pub fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Pausing => "pausing",
            Self::Paused => "paused",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::Finished => "finished",
            Self::Failed => "failed",
        }
    }

    /// The state of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.name() == name)
    }

    /// Nothing can happen to it any more.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Stopped | Self::Finished)
    }

    /// The state after `event`.
    ///
    /// # Errors
    /// [`Code::BadTransition`] when the event makes no sense in this state.
    pub fn after(self, event: RunEvent) -> Result<Self> {
        use RunEvent as E;
        let next = match (self, event) {
            // A stop that was asked for and not carried out before the process died stays a stop.
            (Self::Stopping, E::Start | E::Drained | E::Stop | E::Fail) => Self::Stopped,
            (
                Self::Created
                | Self::Waiting
                | Self::Running
                | Self::Pausing
                | Self::Paused
                | Self::Failed,
                E::Start,
            ) => Self::Running,
            (Self::Created | Self::Paused | Self::Failed, E::Queue) => Self::Waiting,
            // What was asked of the one that is gone still holds.
            (Self::Running | Self::Waiting, E::Orphan) => Self::Waiting,
            (Self::Pausing, E::Orphan) => Self::Paused,
            (Self::Stopping, E::Orphan) => Self::Stopped,
            (Self::Running | Self::Waiting, E::Wait) => Self::Waiting,
            (Self::Running | Self::Waiting, E::Proceed) => Self::Running,
            // Workers go on waiting or moving until they notice what was asked of them.
            (Self::Pausing | Self::Stopping, E::Wait | E::Proceed) => self,
            (Self::Running | Self::Waiting | Self::Pausing, E::Pause) => Self::Pausing,
            (Self::Created | Self::Paused, E::Pause) => Self::Paused,
            (Self::Running | Self::Waiting | Self::Pausing, E::Stop) => Self::Stopping,
            (Self::Created | Self::Paused | Self::Failed, E::Stop) => Self::Stopped,
            (Self::Pausing, E::Drained) => Self::Paused,
            (Self::Running | Self::Waiting | Self::Pausing | Self::Stopping, E::Finish) => {
                Self::Finished
            }
            (Self::Created | Self::Running | Self::Waiting | Self::Pausing, E::Fail) => {
                Self::Failed
            }
            _ => return Err(refused(self, event)),
        };
        Ok(next)
    }
}

fn refused(state: RunState, event: RunEvent) -> Error {
    let verb = match event {
        RunEvent::Start => "start or resume",
        RunEvent::Pause => "pause",
        RunEvent::Stop => "stop",
        RunEvent::Wait => "wait",
        RunEvent::Proceed => "proceed",
        RunEvent::Queue => "start or resume",
        RunEvent::Orphan => "be taken over",
        RunEvent::Drained => "drain",
        RunEvent::Finish => "finish",
        RunEvent::Fail => "fail",
    };
    let error = Error::new(Code::BadTransition, format!("a run that is {state} cannot {verb}"));
    if state == RunState::Stopped {
        error.hint("a stopped run never resumes; start the job anew")
    } else {
        error
    }
}

impl fmt::Display for RunState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const EVENTS: [RunEvent; 10] = [
        RunEvent::Start,
        RunEvent::Queue,
        RunEvent::Orphan,
        RunEvent::Wait,
        RunEvent::Proceed,
        RunEvent::Pause,
        RunEvent::Stop,
        RunEvent::Drained,
        RunEvent::Finish,
        RunEvent::Fail,
    ];

    #[test]
    fn names_are_read_as_they_are_written() {
        for state in RunState::ALL {
            assert_eq!(RunState::parse(state.name()), Some(state));
        }
    }

    #[test]
    fn a_pause_goes_on_from_where_it_was() {
        let mut state = RunState::Created;
        for (event, expected) in [
            (RunEvent::Start, RunState::Running),
            (RunEvent::Wait, RunState::Waiting),
            (RunEvent::Pause, RunState::Pausing),
            (RunEvent::Drained, RunState::Paused),
            (RunEvent::Start, RunState::Running),
            (RunEvent::Finish, RunState::Finished),
        ] {
            state = state.after(event).unwrap();
            assert_eq!(state, expected);
        }
    }

    #[test]
    fn what_was_asked_of_a_process_that_died_still_holds() {
        for (state, expected) in [
            (RunState::Running, RunState::Waiting),
            (RunState::Waiting, RunState::Waiting),
            (RunState::Pausing, RunState::Paused),
            (RunState::Stopping, RunState::Stopped),
        ] {
            assert_eq!(state.after(RunEvent::Orphan).unwrap(), expected);
        }
        for state in [RunState::Running, RunState::Waiting, RunState::Pausing, RunState::Stopping] {
            assert!(
                state.after(RunEvent::Queue).is_err(),
                "a second start of a run that is {state}"
            );
        }
    }

    proptest! {
        #[test]
        fn final_states_are_final_and_a_stop_is_never_undone(
            events in prop::collection::vec(prop::sample::select(EVENTS.to_vec()), 0..40)
        ) {
            let mut state = RunState::Created;
            let mut asked_to_stop = false;
            for event in events {
                match state.after(event) {
                    Ok(next) => {
                        prop_assert!(!state.is_final(), "{state} left by {event:?}");
                        asked_to_stop |= event == RunEvent::Stop;
                        if asked_to_stop {
                            prop_assert!(
                                matches!(next, RunState::Stopping | RunState::Stopped | RunState::Finished),
                                "{state} became {next} after a stop"
                            );
                        }
                        state = next;
                    }
                    Err(error) => prop_assert_eq!(error.code(), Code::BadTransition),
                }
            }
        }

        #[test]
        fn every_unfinished_run_can_be_taken_up_or_is_being_stopped(
            events in prop::collection::vec(prop::sample::select(EVENTS.to_vec()), 0..40)
        ) {
            let mut state = RunState::Created;
            for event in events {
                state = state.after(event).unwrap_or(state);
            }
            if !state.is_final() {
                let next = state.after(RunEvent::Start).unwrap();
                prop_assert!(matches!(next, RunState::Running | RunState::Stopped));
            }
        }
    }
}
