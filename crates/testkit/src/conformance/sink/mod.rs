//! What every sink must do. One public function a check; [`crate::sink_conformance`] makes a test
//! of each.

mod definition;
mod modes;
mod rows;
mod run;

use syncline_connector::{Sink, WriteMode};

use super::place::Place;
pub use definition::*;
pub use modes::*;
pub use rows::*;
pub use run::*;

/// What a connector's test tells of its sink.
pub trait SinkFixture: Send + Sync {
    /// The store, past the connector.
    fn place(&self) -> &dyn Place;

    /// A new sink over the whole place, as a new process would make it.
    fn sink(&self) -> Box<dyn Sink>;

    /// Ways of writing it has.
    fn modes(&self) -> &[WriteMode] {
        &[WriteMode::Append, WriteMode::Upsert, WriteMode::Replace]
    }

    /// Whether the store has primary keys, NOT NULL and unique indexes, and enforces them.
    fn enforces(&self) -> bool {
        true
    }

    /// Whether `describe` gives back the types that `adapt` promised.
    fn remembers_types(&self) -> bool {
        true
    }

    /// Whether an append adds to rows that are there already.
    fn appends_to_existing(&self) -> bool {
        true
    }

    /// Whether columns and tables may have any name the place allows.
    fn takes_odd_names(&self) -> bool {
        true
    }
}

fn has(fixture: &dyn SinkFixture, mode: WriteMode) -> bool {
    fixture.modes().contains(&mode)
}

/// The mode a check uses that is not about modes.
fn any_mode(fixture: &dyn SinkFixture) -> WriteMode {
    if has(fixture, WriteMode::Append) { WriteMode::Append } else { fixture.modes()[0] }
}

/// One test of each check of a sink.
///
/// The expression gives an `Option` of a [`SinkFixture`], a new one for each test; `None` passes
/// the test (the server is not here).
#[macro_export]
macro_rules! sink_conformance {
    ($fixture:expr) => {
        $crate::conformance_tests!(
            sink_conformance,
            sink,
            $fixture,
            adapt_is_pure,
            makes_the_table_it_promised,
            makes_an_empty_table,
            prepares_twice_without_harm,
            unflushed_rows_leave_nothing,
            rows_and_position_go_together,
            refuses_a_stale_epoch,
            a_bad_row_spares_the_rest,
            upsert_overwrites,
            upsert_keeps_the_last_of_a_batch,
            append_adds,
            writes_some_of_the_columns,
            takes_full_batches_and_wide_tables,
            replace_swaps_at_commit,
            writes_splits_at_the_same_time,
            takes_large_values,
            takes_any_name,
            limits_and_nulls_arrive,
            commits_twice_without_harm,
            leaves_nothing_behind,
            writes_tables_side_by_side
        );
    };
}
