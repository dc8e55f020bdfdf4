//! The SQL places: what the suite makes in a store is what it reads back.

#![allow(clippy::unwrap_used, reason = "all of it is a test")]

use arrow::array::RecordBatch;
use syncline_testkit::Kind;
use syncline_testkit::conformance::{ODD_NAMES, Place, SqlPlace, keyed, numbered, rows_of, sorted};

fn holds_what_was_made(place: &SqlPlace) {
    let table = keyed(place, "made");
    let rows: RecordBatch = numbered(&table, 0..50);
    place.make(&table, &rows);
    place.add(&table, &numbered(&table, [i64::MIN, i64::MAX]));
    let mut wanted = rows_of(&table, [&rows]);
    wanted.extend(rows_of(&table, [&numbered(&table, [i64::MIN, i64::MAX])]));
    assert_eq!(sorted(place.read(&table).unwrap()), sorted(wanted));
    assert_eq!(place.contents(), ["made"]);
    assert!(place.read(&keyed(place, "never made")).is_none());
    for name in ODD_NAMES.iter().filter(|name| place.allows_name(name)) {
        let table = keyed(place, name);
        place.make(&table, &rows);
        assert_eq!(place.read(&table).unwrap().len(), 50, "{name}");
    }
}

#[test]
fn every_store_holds_what_the_suite_makes_in_it() {
    for kind in Kind::ALL {
        if let Some(place) = SqlPlace::on(kind) {
            holds_what_was_made(&place);
        }
    }
    let folder = tempfile::tempdir().unwrap();
    holds_what_was_made(&SqlPlace::sqlite(&folder.path().join("place.db")));
}
