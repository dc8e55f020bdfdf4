//! One run on one node: what is planned, how rows move, what happens on pause, failure and resume.
//!
//! The way of the data stands in [`pipeline`](self) — file `pipeline.rs` — from `open` to
//! `committed`; `run/driver.rs` drives it through the states of a run; `plan.rs` decides what is moved
//! where. Stores are reached only through the connector contract, durable state only through the
//! store crate.

mod carried;
mod chain;
mod computed;
mod control;
mod courtesy;
pub mod crash;
mod dead_letters;
mod definitions;
mod events;
mod follow;
mod job;
mod job_file;
mod limits;
mod mapping;
mod matching;
mod mending;
mod metrics;
mod pipeline;
mod plan;
mod preview;
mod progress;
mod queue;
mod relations;
mod replay;
mod report;
mod retry;
mod run;
mod schedule;
mod verify;
mod workers;

pub use control::{Control, Meter, RunHandle, Wish};
pub use dead_letters::ErrorLimit;
pub use definitions::{Definition, Definitions, definitions};
pub use events::{Changes, Event, Outcome, Summary, TableSummary};
pub use follow::{
    Following, RetentionAction, RetentionLimit, SchemaPolicies, SchemaPolicy, Until, WhenLost,
};
pub use job::{ColumnMapping, GeneratedColumns, Job, Speed, TableColumns, fingerprint};
pub use job_file::{
    ConnectionConfig, JobFile, OwnMachine, Surroundings, check_mode, job_schema, parse_duration,
    parse_patience, parse_schema_policies, parse_start, parse_until, section_place, yaml_of,
};
pub use plan::{Plan, TablePlan};
pub use preview::{Preview, Sample, SampleColumn, check_steps, preview, sample, table_of};
pub use replay::{Edit, Replayed, Unrecorded, replay};
pub use report::{CheckReport, ColumnReport, FollowingReport, TableReport, column_types};
pub use retry::{Decision, Retry};
pub use run::Engine;
pub use schedule::{Ending, Missed, Overlap, Schedule, When};
pub use syncline_convert::{ValuePolicies, ValuePolicy};
pub use verify::{
    ColumnValue, ColumnValues, Counts, Difference, Method, Repaired, TableVerdict, Verified,
    VerifyEvent, VerifyOptions, VerifyProgress, Wrong, verify,
};
