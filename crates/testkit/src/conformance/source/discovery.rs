//! Tables, columns and keys are found, by name and by pattern.

use syncline_types::{TableSchema, TableSelection};

use super::SourceFixture;
use super::reading::{all_rows, begin, find, fine, make, read_all};
use crate::conformance::place::{assert_same_rows, rows_of};
use crate::conformance::tables::{ODD_NAMES, keyed, numbered, odd};

/// Finds a table with its columns in order, their nullability, and its key.
pub async fn finds_columns_and_keys(fixture: &dyn SourceFixture) {
    let table = keyed(fixture.place(), "found");
    make(fixture, &table, &numbered(&table, 0..3));
    let source = fixture.source();
    source.check().await.expect("check");
    let info = find(fixture, &*source, "found").await;
    assert_eq!(info.schema.name, table.name);
    let names = |t: &TableSchema| t.columns.iter().map(|c| c.name().to_owned()).collect::<Vec<_>>();
    assert_eq!(names(&info.schema), names(&table));
    for (got, wanted) in info.schema.columns.iter().zip(&table.columns) {
        let null = got.field.is_nullable() || !wanted.field.is_nullable();
        assert!(null, "column {:?} takes NULL, and is said not to", got.name());
    }
    if fixture.knows_keys() {
        assert_eq!(info.schema.primary_key, table.primary_key);
        assert_eq!(info.schema.key(), ["id"]);
    }
    let again = find(fixture, &*source, "found").await;
    assert_eq!(again.schema, info.schema, "discover gives the same twice");
}

/// Finds and reads tables and columns whatever their names.
pub async fn takes_any_name(fixture: &dyn SourceFixture) {
    if !fixture.takes_odd_names() {
        return;
    }
    let names = ODD_NAMES.iter().filter(|name| fixture.place().allows_name(name));
    for name in names {
        let (table, rows) = odd(fixture.place(), name);
        make(fixture, &table, &rows);
        let (source, read) = begin(fixture, name).await;
        let (_, reads) = read_all(&*source, &read, &fine(4)).await;
        assert_same_rows(name, all_rows(&table, &reads), rows_of(&table, [&rows]));
        source.end().await.expect("end");
    }
}

/// A table that is not there is an error that offers the nearest name.
pub async fn offers_the_nearest_name(fixture: &dyn SourceFixture) {
    let table = keyed(fixture.place(), "customers");
    make(fixture, &table, &numbered(&table, 0..1));
    let source = fixture.source();
    let selection = TableSelection::parse(&[fixture.pattern("custmers")], &[]).expect("a pattern");
    let error = source.discover(&selection).await.expect_err("there is no such table");
    assert_eq!(error.code(), fixture.missing_code(), "{}", error.chain());
    let words = format!("{} {}", error.message(), error.hint_text().unwrap_or_default());
    assert!(words.contains("custmers") && words.contains("customers"), "no name offered: {words}");
}

/// Patterns include and exclude; the tables come in the order of their names.
pub async fn selects_by_pattern(fixture: &dyn SourceFixture) {
    for name in ["pick_c", "pick_a", "other", "pick_b"] {
        let table = keyed(fixture.place(), name);
        make(fixture, &table, &numbered(&table, 0..1));
    }
    let source = fixture.source();
    let chosen = async |include: &[&str], exclude: &[&str]| {
        let selection = TableSelection::parse(include, exclude).expect("patterns");
        let found = source.discover(&selection).await.expect("discover");
        found.into_iter().map(|info| info.schema.name.name).collect::<Vec<_>>()
    };
    assert_eq!(chosen(&["pick_*", "!pick_b"], &[]).await, ["pick_a", "pick_c"]);
    assert_eq!(chosen(&["pick_?"], &["pick_c"]).await, ["pick_a", "pick_b"]);
    assert_eq!(chosen(&[], &["pick_*"]).await, ["other"]);
    assert_eq!(chosen(&["nothing_*"], &[]).await, [""; 0]);
}
