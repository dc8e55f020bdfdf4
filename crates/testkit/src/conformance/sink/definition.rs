//! Tables are made as promised, whatever their names.

use syncline_connector::WriteMode;
use syncline_types::{Index, IndexPart, TableName};

use super::{SinkFixture, any_mode};
use crate::conformance::tables::{ODD_NAMES, keyed, numbered, odd, renamed};
use crate::conformance::work::Work;

/// `adapt` touches nothing, gives the same twice, and what it gives needs no more adapting.
pub async fn adapt_is_pure(fixture: &dyn SinkFixture) {
    let table = keyed(fixture.place(), "adapted");
    let before = fixture.place().contents();
    let sink = fixture.sink();
    sink.check().await.expect("check");
    let source = renamed(&table, TableName::bare("source"));
    let adapted = sink.adapt(&source, &table.name).expect("adapt");
    let again = sink.adapt(&source, &table.name).expect("adapt");
    assert_eq!(adapted, again, "adapt gives another");
    let one = adapted.table;
    assert_eq!(one.name, table.name);
    let names: Vec<&str> = one.columns.iter().map(syncline_types::Column::name).collect();
    assert!(names.iter().eq(table.columns.iter().map(|c| c.name()).collect::<Vec<_>>().iter()));
    let two = sink.adapt(&one, &table.name).expect("adapt what was adapted").table;
    for (a, b) in one.columns.iter().zip(&two.columns) {
        assert_eq!(a.field, b.field, "adapting again changes column {:?}", a.name());
    }
    assert!(sink.describe(&table.name).await.expect("describe").is_none());
    assert_eq!(fixture.place().contents(), before, "check and adapt leave something");
}

/// The table made is the one promised: types, nullability, primary key, and indexes after commit.
pub async fn makes_the_table_it_promised(fixture: &dyn SinkFixture) {
    let mut table = keyed(fixture.place(), "promised");
    if fixture.enforces() {
        let part = IndexPart { column: "amount".to_owned(), prefix: None, descending: false };
        let index = Index::new("by_amount", vec![part], true);
        table.indexes.push(index);
    }
    let work = Work::begin(fixture, &table, any_mode(fixture), 1).await;
    let rows = numbered(&table, 0..20);
    work.fill(0, &rows).await;
    work.finish().await;
    work.assert_holds("promised", [&rows]);
    let found = fixture.sink().describe(&table.name).await.expect("describe");
    let found = found.expect("the table is there");
    assert!(!found.empty, "20 rows, and said to be empty");
    if fixture.remembers_types() {
        for (got, promised) in found.schema.columns.iter().zip(&work.task.table.columns) {
            let types = (got.field.data_type(), promised.field.data_type());
            assert_eq!(types.0, types.1, "column {:?}", got.name());
        }
    }
    if fixture.enforces() {
        assert_eq!(found.schema.primary_key, ["id"]);
        for (got, wanted) in found.schema.columns.iter().zip(&table.columns) {
            assert_eq!(got.field.is_nullable(), wanted.field.is_nullable(), "{:?}", got.name());
        }
        let indexes: Vec<_> = found.schema.indexes.iter().map(|i| (&i.parts, i.unique)).collect();
        assert_eq!(indexes, [(&table.indexes[0].parts, true)]);
    }
}

/// A table without rows is made all the same.
pub async fn makes_an_empty_table(fixture: &dyn SinkFixture) {
    let table = keyed(fixture.place(), "empty");
    let work = Work::begin(fixture, &table, any_mode(fixture), 1).await;
    work.fill(0, &numbered(&table, [])).await;
    work.finish().await;
    work.assert_holds("empty", []);
}

/// Tables and columns are made, written and committed whatever their names.
pub async fn takes_any_name(fixture: &dyn SinkFixture) {
    if !fixture.takes_odd_names() {
        return;
    }
    let victim = keyed(fixture.place(), "victim");
    fixture.place().make(&victim, &numbered(&victim, 0..1));
    for name in ODD_NAMES.iter().filter(|name| fixture.place().allows_name(name)) {
        let (table, rows) = odd(fixture.place(), name);
        for mode in fixture.modes() {
            let work = Work::begin(fixture, &table, *mode, 1).await;
            let enforced = fixture.enforces() || *mode == WriteMode::Replace;
            if work.task.exists && (!enforced || *mode == WriteMode::Append) {
                continue;
            }
            work.fill(0, &rows).await;
            work.finish().await;
            work.assert_holds(name, [&rows]);
        }
    }
    assert!(fixture.place().read(&victim).is_some(), "a name was run as a statement");
}
