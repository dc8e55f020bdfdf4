//! The conformance suite: what the engine relies on, asked of every source and every sink.
//!
//! A connector's test gives a fixture (how to build the source or sink, and a [`Place`] to look
//! into the store past the connector) and invokes a macro that makes one test of each check:
//!
//! ```text
//! struct Fixture { place: SqlPlace }
//! impl SourceFixture for Fixture { … }
//! syncline_testkit::source_conformance!(Fixture::new());   // Option<Fixture>; None skips
//! syncline_testkit::sink_conformance!(Fixture::new());
//! ```
//!
//! The suite is about the mechanics: coverage, order, budgets, positions, transactions, leftovers.
//! It uses a handful of plain types; fidelity of types is tested elsewhere.

mod place;
pub mod sink;
pub mod source;
mod sql_place;
mod tables;
mod work;

pub use place::{Place, Rows, rows_of, sorted};
pub use sink::SinkFixture;
pub use source::SourceFixture;
pub use sql_place::SqlPlace;
pub use tables::{ODD_NAMES, keyed, numbered};
