//! The suite itself: a store in memory passes all of it, and each broken promise is caught.

#![allow(clippy::unwrap_used, reason = "all of it is a test")]

mod memory;
mod memory_sink;
mod memory_source;

use std::future::Future;

use memory::{Flaw, Memory};
use syncline_testkit::conformance::{sink, source};

syncline_testkit::source_conformance!(Some(Memory::new(Flaw::None)));
syncline_testkit::sink_conformance!(Some(Memory::new(Flaw::None)));

/// Fails when the check passes although the store has a flaw, or fails for another reason.
async fn caught<F>(flaw: Flaw, words: &str, check: impl FnOnce(Memory) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let failure = tokio::spawn(check(Memory::new(flaw))).await;
    let panic = failure.expect_err(&format!("{flaw:?} is not caught")).into_panic();
    let text = panic.downcast_ref::<String>().cloned();
    let text = text.or_else(|| panic.downcast_ref::<&str>().map(|t| (*t).to_owned()));
    let text = text.unwrap_or_default();
    assert!(text.contains(words), "{flaw:?} is caught by chance: {text}");
}

macro_rules! flaws {
    ($suite:ident: $($test:ident: $flaw:ident in $check:ident says $words:literal;)+) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $test() {
                caught(Flaw::$flaw, $words, |m| async move { $suite::$check(&m).await }).await;
            }
        )+
    };
}

mod broken_sources {
    use super::*;

    flaws! { source:
        a_lost_row: LosesTheLastRow in covers_each_row_once says "missing";
        a_doubled_row: SplitsOverlap in covers_each_row_once says "too many";
        uneven_splits: CutsByRange in splits_are_in_order_and_even says "splits of";
        splits_out_of_order: SplitsBackwards in splits_are_in_order_and_even says "order of the key";
        too_many_rows: IgnoresRowBudget in obeys_budgets says "rows in a batch";
        too_many_bytes: IgnoresByteBudget in obeys_budgets says "of 20 kB";
        a_row_read_again: RepeatsARowOnResume in resumes_from_every_position says "after Position";
        a_row_skipped: SkipsARowOnResume in resumes_from_every_position says "after Position";
        a_count_that_starts_over: CountsFromZeroOnResume in resumes_from_every_position says "seq";
        a_count_of_batches: CountsBatches in covers_each_row_once says "seq counts the rows";
        two_splits_of_nothing: TwoSplitsForAnEmptyTable in an_empty_table_is_one_split says "splits";
        no_split_at_all: NoSplitForAnEmptyTable in an_empty_table_is_one_split says "without splits";
        crumbs: CutsTinyTables in a_tiny_table_is_one_split says "splits of five rows";
        columns_nobody_asked_for: ReadsAllColumns in reads_the_columns_asked_for says "columns";
        a_filter_ignored: IgnoresTheFilter in filters_at_the_store says "too many";
        an_end_for_good: CannotBeginAgain in begins_again_after_the_end says "begin again";
        null_as_empty_text: NullBecomesEmpty in limits_and_nulls_arrive says "missing";
        a_snapshot_that_is_none: SeesLaterRows in a_snapshot_is_one says "too many";
        no_name_offered: OffersNoName in offers_the_nearest_name says "no name offered";
        names_unordered: DiscoversUnordered in selects_by_pattern says "pick_c";
        a_key_that_is_no_number: DoublesAtOtherKeys in takes_keys_of_any_type says "too many";
        a_wide_table_cut: EmptiesWideTables in reads_wide_tables says "missing";
        a_key_forgotten: ForgetsTheKey in finds_columns_and_keys says "id";
    }
}

mod broken_sinks {
    use super::*;

    flaws! { sink:
        a_type_that_grows: AdaptsTwice in adapt_is_pure says "adapting again";
        an_impure_adapt: AdaptMakesTheTable in adapt_is_pure says "is_none";
        no_table_without_rows: MakesNoEmptyTable in makes_an_empty_table says "there is no";
        nullability_lost: ForgetsNotNull in makes_the_table_it_promised says "id";
        a_prepare_that_empties: PrepareEmpties in prepares_twice_without_harm says "missing";
        rows_before_the_flush: WritesAtOnce in unflushed_rows_leave_nothing says "too many";
        rows_without_position: HoldsNoPosition in rows_and_position_go_together says "done: false";
        position_without_rows: HoldsPositionOnly in rows_and_position_go_together says "missing";
        positions_mixed_up: OnePositionForAllSplits in rows_and_position_go_together
            says "other split";
        runs_mixed_up: OnePositionForAllRuns in rows_and_position_go_together says "another run";
        a_stale_owner: IgnoresEpochs in refuses_a_stale_epoch says "a stale flush";
        half_a_batch: KeepsHalfABatch in a_bad_row_spares_the_rest says "good half";
        a_writer_dead_of_a_row: DiesOfABadRow in a_bad_row_spares_the_rest says "good half";
        a_bad_row_taken_for_a_broken_store: BadRowIsPermanent in a_bad_row_spares_the_rest
            says "StoreFailed";
        old_rows_kept: UpsertKeepsOld in upsert_overwrites says "too many";
        first_row_kept: UpsertKeepsTheFirstOfABatch in upsert_keeps_the_last_of_a_batch
            says "too many";
        rows_lost_by_an_append: AppendReplaces in append_adds says "missing";
        new_rows_seen_early: ReplacesEarly in replace_swaps_at_commit says "before the swap";
        checkpoints_left: LeavesCheckpoints in leaves_nothing_behind says "_syncline_checkpoint";
        side_tables_left: LeavesSideTables in replace_swaps_at_commit says "given up";
        a_commit_that_works_once: CommitsOnlyOnce in commits_twice_without_harm
            says "commit again";
        columns_nobody_gave: FillsOtherColumns in writes_some_of_the_columns
            says "columns not given";
        the_end_of_a_batch_lost: LosesTheEndOfLargeBatches in takes_full_batches_and_wide_tables
            says "a full batch";
        long_texts_cut: CutsLongTexts in takes_large_values says "large values differ";
    }
}
