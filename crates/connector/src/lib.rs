//! The contract between the engine and the stores.
//!
//! A connector describes itself ([`Spec`]), takes typed options, and builds a [`Source`], a
//! [`Sink`] or both from an [`Endpoint`]. Building is pure; only the methods of the built things
//! connect. The engine owns every loop: a connector reads, or writes, and leaves batching, retry,
//! limits and checkpoints to the engine.

mod apply;
mod cpu;
mod endpoint;
mod hosts;
mod log;
mod options;
mod packing;
mod processor;
mod registry;
mod sink;
mod source;

pub use apply::{
    Apply, ApplyTask, DefinitionChange, FollowOpened, Follower, LogWriter, StateWriter,
};
pub use cpu::{Counted, Cpu};
pub use endpoint::{Endpoint, Host, Secret};
pub use hosts::Hosts;
pub use log::{ChangeLog, Follow, LogBudget, LogReader, Moment, Retention, Start};
pub use options::{OptionDoc, option_docs, parse_options};
pub use packing::{Packing, packed};
pub use processor::{BoundProcessor, Places, Processor, Step, StepOutput};
pub use registry::{AnyConnector, Connector, Mode, Registry, Roles, Spec};
pub use sink::{
    Guarantee, Held, Opened, SetAside, Sink, SinkWriter, TargetTable, WriteMode, WriteTask,
    statement_failed,
};
pub use source::{Budget, Consistency, Cut, Digest, ReadTask, Source, SplitReader};

pub use async_trait::async_trait;
