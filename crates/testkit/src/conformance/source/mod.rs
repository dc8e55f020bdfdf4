//! What every source must do. One public function a check; [`crate::source_conformance`] makes a
//! test of each.

mod discovery;
mod positions;
mod reading;
mod rows;
mod splits;

use syncline_connector::Source;
use syncline_types::Code;

use super::place::Place;
pub use discovery::*;
pub use positions::*;
pub use rows::*;
pub use splits::*;

/// What a connector's test tells of its source.
pub trait SourceFixture: Send + Sync {
    /// The store, past the connector.
    fn place(&self) -> &dyn Place;

    /// A new source over the whole place, as a new process would make it.
    fn source(&self) -> Box<dyn Source>;

    /// The table's name as a literal pattern, in the store's own quotes.
    fn pattern(&self, name: &str) -> String {
        format!("\"{}\"", name.replace('"', "\"\""))
    }

    /// Whether it knows primary keys.
    fn knows_keys(&self) -> bool {
        true
    }

    /// Whether a table with a primary key is cut, and its splits can be resumed.
    fn cuts_and_resumes(&self) -> bool {
        true
    }

    /// Whether it cuts (and resumes) by something else than an integer key: texts, composite keys,
    /// or the place of a row.
    fn cuts_any_key(&self) -> bool {
        self.cuts_and_resumes()
    }

    /// Whether columns and tables may have any name the place allows.
    fn takes_odd_names(&self) -> bool {
        true
    }

    /// The condition `id < 10` in the source's dialect, where it takes conditions.
    fn filter_below_ten(&self) -> Option<String> {
        None
    }

    /// What a table that is not there is reported as.
    fn missing_code(&self) -> Code {
        Code::TableNotFound
    }
}

/// One test of each check of a source.
///
/// The expression gives an `Option` of a [`SourceFixture`], a new one for each test; `None` passes
/// the test (the server is not here).
#[macro_export]
macro_rules! source_conformance {
    ($fixture:expr) => {
        $crate::conformance_tests!(
            source_conformance,
            source,
            $fixture,
            finds_columns_and_keys,
            takes_any_name,
            offers_the_nearest_name,
            selects_by_pattern,
            covers_each_row_once,
            splits_are_in_order_and_even,
            obeys_budgets,
            resumes_from_every_position,
            takes_keys_of_any_type,
            reads_wide_tables,
            an_empty_table_is_one_split,
            a_tiny_table_is_one_split,
            reads_the_columns_asked_for,
            filters_at_the_store,
            begins_again_after_the_end,
            limits_and_nulls_arrive,
            a_snapshot_is_one,
            reads_tables_side_by_side
        );
    };
}

/// The tests of a suite as a module.
#[doc(hidden)]
#[macro_export]
macro_rules! conformance_tests {
    ($module:ident, $suite:ident, $fixture:expr, $($check:ident),+) => {
        mod $module {
            use super::*;
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $check() {
                    if let Some(fixture) = $fixture {
                        $crate::conformance::$suite::$check(&fixture).await;
                    }
                }
            )+
        }
    };
}
