//! Named places at which a process may be made to die, for tests of what comes after.
//!
//! A debug build of the command takes them from the environment, in the words of the `fail` crate:
//! `FAILPOINTS='log-flushed=2*off->return'` ends the process the third time a log has been made
//! durable, before anything else is done. A release build takes none.

/// The places, in the order in which a run comes by them.
pub const PLACES: &[&str] = &[
    "snapshot-opened",
    "plan-kept",
    "table-committed",
    "copy-loaded",
    "tables-related",
    "copy-forgotten",
    "log-opened",
    "set-ready",
    "set-applied",
    "log-plan-kept",
    "log-flushed",
    "log-recorded",
    "definition-changed",
    "overlap-passed",
    "tables-join",
    "joining-planned",
    "others-rest",
    "others-met",
];

/// Ends the process here when a test wants it.
macro_rules! may_crash {
    ($place:literal) => {{
        debug_assert!($crate::crash::PLACES.contains(&$place));
        fail::fail_point!($place, |_| std::process::abort());
    }};
}

pub(crate) use may_crash;
