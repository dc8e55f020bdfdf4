//! What a run relies on when it is killed, taken over, given up or done: rows and positions go
//! together, stale owners are shut out, nothing is left behind.

use arrow::array::RecordBatch;
use syncline_connector::{Held, WriteMode};
use syncline_types::Code;

use super::{SinkFixture, any_mode};
use crate::conformance::tables::{keyed, numbered};
use crate::conformance::work::{Work, at};

/// Preparing again, as a continued run does, loses nothing.
pub async fn prepares_twice_without_harm(fixture: &dyn SinkFixture) {
    for mode in fixture.modes() {
        let table = keyed(fixture.place(), &format!("twice_{mode:?}").to_lowercase());
        let work = Work::begin(fixture, &table, *mode, 2).await;
        work.sink.prepare(&work.task).await.expect("prepare again");
        work.fill(0, &numbered(&table, 0..10)).await;
        let next = work.taken_over(2);
        next.sink.prepare(&next.task).await.expect("prepare in a new process");
        next.fill(1, &numbered(&table, 10..20)).await;
        next.finish().await;
        next.assert_holds("prepared twice", [&numbered(&table, 0..20)]);
    }
}

/// Rows that were written and not flushed leave nothing.
pub async fn unflushed_rows_leave_nothing(fixture: &dyn SinkFixture) {
    for mode in fixture.modes() {
        let table = keyed(fixture.place(), &format!("dropped_{mode:?}").to_lowercase());
        let work = Work::begin(fixture, &table, *mode, 1).await;
        let mut writer = work.open(0).await.writer;
        let lost = numbered(&table, 0..2000);
        writer.write(&work.batch(&lost, 2000)).await.expect("write");
        drop(writer);
        let again = work.open(0).await;
        assert_eq!(again.held, None, "{mode:?}: a position without a flush");
        let mut writer = again.writer;
        let kept = numbered(&table, 5000..5010);
        writer.write(&work.batch(&kept, 10)).await.expect("write");
        writer.flush(&at(10), true).await.expect("flush");
        drop(writer);
        work.finish().await;
        work.assert_holds("unflushed", [&kept]);
    }
}

/// A flush makes rows and position durable together; a new process goes on from there.
pub async fn rows_and_position_go_together(fixture: &dyn SinkFixture) {
    for mode in fixture.modes() {
        let table = keyed(fixture.place(), &format!("held_{mode:?}").to_lowercase());
        let work = Work::begin(fixture, &table, *mode, 2).await;
        if !work.is_transactional() {
            continue;
        }
        let mut writer = work.open(0).await.writer;
        writer.write(&work.batch(&numbered(&table, 0..10), 10)).await.expect("write");
        writer.write(&work.batch(&numbered(&table, 10..15), 15)).await.expect("write");
        writer.flush(&at(15), false).await.expect("flush");
        writer.write(&work.batch(&numbered(&table, 15..30), 30)).await.expect("write");
        drop(writer);

        let next = work.taken_over(2);
        next.sink.prepare(&next.task).await.expect("prepare");
        assert_eq!(next.open(1).await.held, None, "{mode:?}: nothing of the other split");
        let opened = next.open(0).await;
        assert_eq!(opened.held, Some(Held { position: at(15), done: false }), "{mode:?}");
        let mut writer = opened.writer;
        writer.write(&next.batch(&numbered(&table, 15..30), 30)).await.expect("write");
        writer.flush(&at(30), false).await.expect("flush");
        writer.write(&next.batch(&numbered(&table, 30..40), 40)).await.expect("write");
        writer.flush(&at(40), true).await.expect("flush");
        drop(writer);
        assert_eq!(next.open(0).await.held, Some(Held { position: at(40), done: true }));

        let mut other = next.taken_over(2);
        other.task.run = "0199aaaa-0000-7000-8000-000000000002".to_owned();
        if *mode != WriteMode::Replace {
            // Another run over the same target has positions of its own.
            other.task.exists = true;
            match other.try_open(0).await {
                Ok(opened) => {
                    assert_eq!(opened.held, None, "{mode:?}: the position of another run");
                }
                // A store may have room for one run at a time; this one's must not be harmed.
                Err(error) => assert_eq!(error.code(), Code::InUse, "{mode:?}: {}", error.chain()),
            }
            other.sink.discard(std::slice::from_ref(&other.task)).await.expect("discard");
        }
        next.fill(1, &numbered(&table, 40..50)).await;
        next.finish().await;
        next.assert_holds("held", [&numbered(&table, 0..50)]);
    }
}

/// Whoever opens under a higher epoch shuts out the owner of a lower one.
pub async fn refuses_a_stale_epoch(fixture: &dyn SinkFixture) {
    for mode in fixture.modes() {
        let table = keyed(fixture.place(), &format!("epoch_{mode:?}").to_lowercase());
        let old = Work::begin(fixture, &table, *mode, 1).await;
        if !old.is_transactional() {
            continue;
        }
        let mut stale = old.open(0).await.writer;
        stale.write(&old.batch(&numbered(&table, 0..10), 10)).await.expect("write");
        stale.flush(&at(10), false).await.expect("flush");

        let new = old.taken_over(2);
        new.sink.prepare(&new.task).await.expect("prepare");
        let opened = new.open(0).await;
        assert_eq!(opened.held.map(|h| h.position), Some(at(10)));

        let written = stale.write(&old.batch(&numbered(&table, 10..20), 20)).await;
        let refused = match written {
            Ok(()) => stale.flush(&at(20), false).await.expect_err("a stale flush"),
            Err(error) => error,
        };
        assert_eq!(refused.code(), Code::StaleEpoch, "{mode:?}: {}", refused.chain());
        drop(stale);
        let error = match old.try_open(0).await {
            Ok(_) => panic!("{mode:?}: a stale owner opens again"),
            Err(error) => error,
        };
        assert_eq!(error.code(), Code::StaleEpoch, "{mode:?}: {}", error.chain());

        let mut writer = opened.writer;
        writer.write(&new.batch(&numbered(&table, 50..60), 20)).await.expect("write");
        writer.flush(&at(20), true).await.expect("flush");
        drop(writer);
        new.finish().await;
        new.assert_holds("epoch", [&numbered(&table, 0..10), &numbered(&table, 50..60)]);
    }
}

/// Splits are written at the same time, as many as the sink takes.
pub async fn writes_splits_at_the_same_time(fixture: &dyn SinkFixture) {
    for mode in fixture.modes() {
        let table = keyed(fixture.place(), &format!("parallel_{mode:?}").to_lowercase());
        let work = Work::begin(fixture, &table, *mode, 6).await;
        let together = work.sink.max_parallel().clamp(1, 6);
        let ids = |n: usize| {
            let from = i64::try_from(n).unwrap_or(0) * 300;
            numbered(&work.table, from..from + 300)
        };
        for first in (0..6).step_by(together) {
            let group = (first..(first + together).min(6)).map(|n| {
                let rows = ids(n);
                let (work, split) = (&work, u32::try_from(n).unwrap_or(0));
                async move { fill_in_steps(work, split, &rows).await }
            });
            futures::future::join_all(group).await;
        }
        work.finish().await;
        work.assert_holds("parallel", &(0..6).map(ids).collect::<Vec<_>>());
    }
}

/// Writes a split of 300 rows in three batches, with a flush after each.
async fn fill_in_steps(work: &Work<'_>, split: u32, rows: &RecordBatch) {
    let mut writer = work.open(split).await.writer;
    for step in 0..3 {
        let seq = (step as u64 + 1) * 100;
        let batch = work.batch(&rows.slice(step * 100, 100), seq);
        writer.write(&batch).await.expect("write");
        tokio::task::yield_now().await;
        writer.flush(&at(seq), step == 2).await.expect("flush");
    }
}

/// Committing and finishing again, as after a crash between the two, changes nothing.
pub async fn commits_twice_without_harm(fixture: &dyn SinkFixture) {
    for mode in fixture.modes() {
        let table = keyed(fixture.place(), &format!("again_{mode:?}").to_lowercase());
        let work = Work::begin(fixture, &table, *mode, 1).await;
        let rows = numbered(&table, 0..10);
        work.fill(0, &rows).await;
        work.sink.commit(&work.task).await.expect("commit");
        work.sink.commit(&work.task).await.expect("commit again");
        let next = work.taken_over(2);
        next.sink.prepare(&next.task).await.expect("prepare after a commit");
        if next.is_transactional() {
            let held = next.open(0).await.held;
            assert_eq!(held, Some(Held { position: at(10), done: true }), "{mode:?}");
        }
        next.finish().await;
        next.sink.finish(std::slice::from_ref(&next.task)).await.expect("finish again");
        next.assert_holds("again", [&rows]);
    }
}

/// What was kept for resuming is gone after `finish` and after `discard`.
pub async fn leaves_nothing_behind(fixture: &dyn SinkFixture) {
    let place = fixture.place();
    for mode in fixture.modes() {
        let before = place.contents();
        let table = keyed(place, &format!("clean_{mode:?}").to_lowercase());
        let work = Work::begin(fixture, &table, *mode, 2).await;
        work.fill(0, &numbered(&table, 0..10)).await;
        work.fill(1, &numbered(&table, 10..20)).await;
        work.finish().await;
        let after = place.contents();
        let new: Vec<&String> = after.iter().filter(|name| !before.contains(name)).collect();
        assert_eq!(new.len(), 1, "{mode:?} leaves {new:?}");

        let given_up = keyed(place, &format!("given_up_{mode:?}").to_lowercase());
        let work = Work::begin(fixture, &given_up, *mode, 2).await;
        work.fill(0, &numbered(&given_up, 0..10)).await;
        let mut writer = work.open(1).await.writer;
        let half = work.batch(&numbered(&given_up, 10..15), 5);
        writer.write(&half).await.expect("write");
        writer.flush(&at(5), false).await.expect("flush");
        drop(writer);
        work.sink.discard(std::slice::from_ref(&work.task)).await.expect("discard");
        work.sink.discard(std::slice::from_ref(&work.task)).await.expect("discard again");
        let left: Vec<String> =
            place.contents().into_iter().filter(|name| !after.contains(name)).collect();
        match place.read(&given_up) {
            // It had been written to directly, so its rows stay, and they are whole batches.
            Some(rows) => {
                assert_eq!(left.len(), 1, "{mode:?} given up leaves {left:?}");
                assert!([0, 10, 15].contains(&rows.len()), "{} rows are left", rows.len());
            }
            None => assert_eq!(left, [""; 0], "{mode:?} given up leaves"),
        }
    }
}

/// Two tables of one run are written side by side, and finished together.
pub async fn writes_tables_side_by_side(fixture: &dyn SinkFixture) {
    let place = fixture.place();
    let before = place.contents();
    let tables = ["side_a", "side_b"].map(|name| keyed(place, name));
    let a = Work::begin(fixture, &tables[0], any_mode(fixture), 1).await;
    let b = Work::begin(fixture, &tables[1], any_mode(fixture), 1).await;
    let b = Work { sink: a.sink, ..b };
    let a = Work { sink: fixture.sink(), ..a };
    let rows = tables.each_ref().map(|table| numbered(table, 0..20));
    let fill_b = b.fill(0, &rows[1]);
    if b.sink.max_parallel() > 1 {
        futures::future::join(a.fill(0, &rows[0]), fill_b).await;
    } else {
        a.fill(0, &rows[0]).await;
        fill_b.await;
    }
    b.sink.commit(&b.task).await.expect("commit");
    a.sink.commit(&a.task).await.expect("commit");
    b.sink.finish(&[a.task.clone(), b.task.clone()]).await.expect("finish");
    a.assert_holds("a", [&rows[0]]);
    b.assert_holds("b", [&rows[1]]);
    assert_eq!(place.contents().len(), before.len() + 2, "{:?}", place.contents());
}
