//! One table being written through a sink, step by step, as the engine would do it.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{Field, Schema};
use syncline_connector::{Guarantee, Opened, Sink, WriteMode, WriteTask};
use syncline_types::{ChangeBatch, Error, Position, Split, TableName, TableSchema};

use super::place::{Rows, assert_same_rows, retyped, rows_of};
use super::sink::SinkFixture;
use super::tables::renamed;

/// A table being written, as the engine would do it.
pub(super) struct Work<'f> {
    pub(super) fixture: &'f dyn SinkFixture,
    pub(super) sink: Box<dyn Sink>,
    pub(super) task: WriteTask,
    /// The columns as the suite knows them.
    pub(super) table: TableSchema,
}

impl<'f> Work<'f> {
    /// Describes or adapts, and prepares.
    pub(super) async fn begin(
        fixture: &'f dyn SinkFixture,
        table: &TableSchema,
        write: WriteMode,
        splits: u32,
    ) -> Self {
        let work = Self::plan(fixture, table, write, splits).await;
        work.sink.prepare(&work.task).await.expect("prepare");
        work
    }

    pub(super) async fn plan(
        fixture: &'f dyn SinkFixture,
        table: &TableSchema,
        write: WriteMode,
        splits: u32,
    ) -> Self {
        let sink = fixture.sink();
        let found = sink.describe(&table.name).await.expect("describe");
        let (exists, empty_at_start) = found.as_ref().map_or((false, true), |t| (true, t.empty));
        let (target, definition) = match found {
            Some(there) => {
                let column = |c: &syncline_types::Column| {
                    let found = there.schema.column(c.name()).cloned();
                    found.unwrap_or_else(|| panic!("describe misses column {:?}", c.name()))
                };
                let columns = table.columns.iter().map(column).collect();
                (TableSchema { columns, ..there.schema.clone() }, there.schema)
            }
            None => {
                let source = renamed(table, TableName::bare("somewhere_else"));
                let made = sink.adapt(&source, &table.name).expect("adapt").table;
                let written = |c: &syncline_types::Column| c.generated.is_none();
                let columns = made.columns.iter().filter(|c| written(c)).cloned().collect();
                (TableSchema { columns, ..made.clone() }, made)
            }
        };
        let task = WriteTask {
            run: "0199aaaa-0000-7000-8000-000000000001".to_owned(),
            epoch: 1,
            table: Arc::new(target),
            definition: Arc::new(definition),
            exists,
            empty_at_start,
            distinct: false,
            write,
            splits,
            circular: Vec::new(),
        };
        Self { fixture, sink, task, table: table.clone() }
    }

    /// The same run in a new process, under another epoch.
    pub(super) fn taken_over(&self, epoch: u64) -> Work<'f> {
        let task = WriteTask { epoch, ..self.task.clone() };
        Work { fixture: self.fixture, sink: self.fixture.sink(), task, table: self.table.clone() }
    }

    pub(super) fn split(&self, id: u32, resumable: bool) -> Split {
        let table = TableName::bare("somewhere_else");
        let token = format!("{{\"v\":1,\"n\":{id}}}");
        Split { table, id, rows: None, bytes: None, resumable, token }
    }

    pub(super) async fn open(&self, id: u32) -> Opened {
        self.try_open(id).await.expect("open")
    }

    pub(super) async fn try_open(&self, id: u32) -> Result<Opened, Error> {
        self.sink.open(&self.task, &self.split(id, true)).await
    }

    /// The rows in the types the sink asked for, without the fields' metadata.
    pub(super) fn batch(&self, rows: &RecordBatch, seq: u64) -> ChangeBatch {
        let table = Arc::clone(&self.task.table);
        let columns: Vec<ArrayRef> = rows
            .columns()
            .iter()
            .zip(&table.columns)
            .map(|(array, c)| retyped(array, c.field.data_type(), c.name()))
            .collect();
        let fields: Vec<Field> = table
            .columns
            .iter()
            .map(|c| Field::new(c.name(), c.field.data_type().clone(), true))
            .collect();
        let rows = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns);
        let rows = rows.expect("columns fit the table");
        ChangeBatch { table, rows, rejects: Vec::new(), position: at(seq) }
    }

    /// Writes rows as the whole of split `id`.
    pub(super) async fn fill(&self, id: u32, rows: &RecordBatch) {
        let mut writer = self.open(id).await.writer;
        let count = rows.num_rows() as u64;
        if count > 0 {
            writer.write(&self.batch(rows, count)).await.expect("write");
        }
        writer.flush(&at(count), true).await.expect("flush");
    }

    pub(super) async fn finish(&self) {
        self.sink.commit(&self.task).await.expect("commit");
        self.sink.finish(std::slice::from_ref(&self.task)).await.expect("finish");
    }

    pub(super) fn read(&self) -> Option<Rows> {
        self.fixture.place().read(&self.table)
    }

    #[track_caller]
    pub(super) fn assert_holds<'a>(
        &self,
        what: &str,
        wanted: impl IntoIterator<Item = &'a RecordBatch>,
    ) {
        let rows = self.read().unwrap_or_else(|| panic!("{what}: there is no {}", self.table.name));
        assert_same_rows(what, rows, rows_of(&self.table, wanted));
    }

    pub(super) fn is_transactional(&self) -> bool {
        self.sink.guarantee(&self.task) == Guarantee::Transactional
    }
}

/// A position after `seq` rows.
pub(super) fn at(seq: u64) -> Position {
    Position::new(seq, format!("{{\"v\":1,\"seq\":{seq}}}"))
}
