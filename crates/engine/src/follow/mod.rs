//! The way of a log. Its changes go through this folder from `next` to `committed`:
//!
//! `follow → next → processors, conversion → fold → apply → flush → committed`
//!
//! `read.rs` reads on a task of its own; `coming.rs` has a set made ready on another thread while the
//! one before is applied: `terms.rs`, by `bind.rs`, which brings rows into the target's terms, and
//! `fold.rs`, which makes few changes of many. `sequence.rs` keeps the order where it matters;
//! `apply.rs` applies a set; `definitions.rs` follows changes of tables, `newcomers.rs` finds tables that the source made
//! without a word in its log. The target's transaction holds whole
//! transactions of the source together with their place in the log.

mod apply;
mod bind;
mod clock;
mod coming;
mod definitions;
mod fold;
mod newcomers;
mod part;
mod read;
mod rows;
mod sequence;
mod settings;
mod state;
mod stream;
mod tables;
mod terms;
mod watch;

pub(crate) use apply::upwards;
pub(crate) use part::Part;
pub(crate) use read::{log_of, what};
pub use settings::{
    Following, RetentionAction, RetentionLimit, SchemaPolicies, SchemaPolicy, Until, WhenLost,
};
pub(crate) use state::{Aside, KeptLog, Phase};
pub(crate) use stream::{Followed, Log};

/// The split under which dead letters and changed values of a log are kept.
pub(crate) const LOG: u32 = u32::MAX;
/// As [`LOG`], of tables that join a run, before they are where the others are.
pub(crate) const JOINING: u32 = u32::MAX - 1;
