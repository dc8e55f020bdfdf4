//! The memory store as a sink.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow::array::{Array, RecordBatch};
use syncline_connector::{
    Guarantee, Held, Opened, Sink, SinkWriter, TargetTable, WriteMode, WriteTask, async_trait,
};
use syncline_testkit::conformance::{Place, SinkFixture};
use syncline_types::{
    Adapted, ChangeBatch, Code, Error, Position, Result, Split, TableName, TableSchema,
};

use super::memory::{
    Checkpoint, Flaw, Memory, State, Table, shortened, single_rows, widened, without_nulls,
};

impl SinkFixture for Memory {
    fn place(&self) -> &dyn Place {
        self
    }

    fn sink(&self) -> Box<dyn Sink> {
        Box::new(MemorySink { memory: self.clone() })
    }
}

struct MemorySink {
    memory: Memory,
}

impl MemorySink {
    fn is(&self, flaw: Flaw) -> bool {
        self.memory.flaw == flaw
    }

    /// The table that rows go to before the commit.
    fn side(&self, task: &WriteTask) -> String {
        let name = &task.table.name.name;
        let beside = task.write == WriteMode::Replace && !self.is(Flaw::ReplacesEarly);
        if beside { format!("{name}__{}", task.run) } else { name.clone() }
    }

    fn key(&self, task: &WriteTask, split: u32) -> (String, String, u32) {
        let split = if self.is(Flaw::OnePositionForAllSplits) { 0 } else { split };
        let run = if self.is(Flaw::OnePositionForAllRuns) { "" } else { &task.run };
        (run.to_owned(), task.table.name.name.clone(), split)
    }

    fn clear(&self, tasks: &[WriteTask]) {
        let mut state = self.memory.lock();
        for task in tasks {
            for split in 0..task.splits {
                if !self.is(Flaw::LeavesCheckpoints) {
                    state.checkpoints.remove(&self.key(task, split));
                }
            }
        }
    }
}

#[async_trait]
impl Sink for MemorySink {
    async fn check(&self) -> Result<Vec<String>> {
        Ok(Vec::new())
    }

    async fn describe(&self, target: &TableName) -> Result<Option<TargetTable>> {
        let state = self.memory.lock();
        Ok(state.tables.get(&target.name).map(|table| {
            let mut schema = table.schema.clone();
            if self.is(Flaw::ForgetsNotNull) {
                for column in &mut schema.columns {
                    column.field = column.field.clone().with_nullable(true);
                }
            }
            TargetTable { schema, empty: table.rows.is_empty() }
        }))
    }

    fn adapt(&self, source: &TableSchema, target: &TableName) -> Result<Adapted> {
        let mut table = TableSchema { name: target.clone(), ..source.clone() };
        if self.is(Flaw::AdaptsTwice) {
            let field = table.columns[0].field.clone();
            let turns = field.metadata().len().to_string();
            let metadata = field.metadata().clone().into_iter().chain([(turns, String::new())]);
            table.columns[0].field = field.with_metadata(metadata.collect());
        }
        if self.is(Flaw::AdaptMakesTheTable) {
            self.memory.lock().tables.insert(target.name.clone(), Table::empty(&table));
        }
        Ok(table.into())
    }

    fn guarantee(&self, _task: &WriteTask) -> Guarantee {
        Guarantee::Transactional
    }

    async fn prepare(&self, task: &WriteTask) -> Result<()> {
        let mut state = self.memory.lock();
        let (side, fresh) = (self.side(task), Table::empty(&task.table));
        let committed = self.key(task, u32::MAX);
        if task.write == WriteMode::Replace && state.checkpoints.contains_key(&committed) {
            return Ok(());
        }
        if self.is(Flaw::MakesNoEmptyTable) && task.write != WriteMode::Replace {
            return Ok(());
        }
        if self.is(Flaw::PrepareEmpties) {
            state.tables.insert(side.clone(), fresh.clone());
        }
        state.tables.entry(side).or_insert(fresh);
        Ok(())
    }

    async fn open(&self, task: &WriteTask, split: &Split) -> Result<Opened> {
        let mut state = self.memory.lock();
        let key = self.key(task, split.id);
        let checkpoint = state.checkpoints.entry(key.clone()).or_default();
        if checkpoint.epoch > task.epoch && !self.is(Flaw::IgnoresEpochs) {
            return Err(Error::new(Code::StaleEpoch, "an older owner"));
        }
        checkpoint.epoch = checkpoint.epoch.max(task.epoch);
        let done = checkpoint.done;
        let held = checkpoint.position.clone().map(|position| Held { position, done });
        let held = held.filter(|_| !self.is(Flaw::HoldsNoPosition));
        let writer = Writer {
            memory: self.memory.clone(),
            table: Arc::clone(&task.table),
            side: self.side(task),
            write: task.write,
            epoch: task.epoch,
            key,
            pending: Vec::new(),
            dead: false,
        };
        Ok(Opened { writer: Box::new(writer), held })
    }

    async fn commit(&self, task: &WriteTask) -> Result<()> {
        let mut state = self.memory.lock();
        if task.write == WriteMode::Replace && !self.is(Flaw::ReplacesEarly) {
            let side = state.tables.remove(&self.side(task));
            if side.is_none() && self.is(Flaw::CommitsOnlyOnce) {
                return Err(Error::new(Code::StoreFailed, "no side table"));
            }
            if let Some(table) = side {
                state.tables.insert(task.table.name.name.clone(), table);
                let key = self.key(task, u32::MAX);
                state.checkpoints.insert(key, Checkpoint { done: true, ..Checkpoint::default() });
            }
        }
        Ok(())
    }

    async fn relate(&self, _: &[WriteTask]) -> Result<()> {
        Ok(())
    }

    async fn finish(&self, tasks: &[WriteTask]) -> Result<()> {
        self.clear(tasks);
        for task in tasks {
            let key = self.key(task, u32::MAX);
            self.memory.lock().checkpoints.remove(&key);
        }
        Ok(())
    }

    async fn discard(&self, tasks: &[WriteTask]) -> Result<()> {
        self.clear(tasks);
        for task in tasks.iter().filter(|task| task.write == WriteMode::Replace) {
            if !self.is(Flaw::LeavesSideTables) {
                self.memory.lock().tables.remove(&self.side(task));
            }
        }
        Ok(())
    }

    async fn execute(&self, _: &[String]) -> Result<()> {
        Err(Error::new(Code::Unsupported, "memory runs no statements"))
    }

    async fn end(&self) -> Result<()> {
        Ok(())
    }
}

struct Writer {
    memory: Memory,
    table: Arc<TableSchema>,
    side: String,
    write: WriteMode,
    epoch: u64,
    key: (String, String, u32),
    pending: Vec<RecordBatch>,
    dead: bool,
}

impl Writer {
    fn is(&self, flaw: Flaw) -> bool {
        self.memory.flaw == flaw
    }

    /// Refuses NULL and duplicates, naming the first bad row.
    fn judge(&self, state: &State, rows: &[RecordBatch]) -> Result<()> {
        let there = state.tables.get(&self.side);
        let shape = Table::empty(&self.table);
        let known = there.into_iter().flat_map(|t| t.rows.iter().filter_map(|row| t.key(row)));
        let pending = self.pending.iter().filter_map(|row| shape.key(row));
        let mut keys: HashSet<String> = known.chain(pending).collect();
        for row in rows {
            for (array, column) in row.columns().iter().zip(&self.table.columns) {
                if array.is_null(0) && !column.field.is_nullable() {
                    return Err(Error::new(Code::NotNull, "NULL"));
                }
            }
            let doubled = shape.key(row).is_some_and(|key| !keys.insert(key));
            if doubled && self.write == WriteMode::Append {
                let permanent = self.is(Flaw::BadRowIsPermanent);
                let code = if permanent { Code::StoreFailed } else { Code::DuplicateKey };
                return Err(Error::new(code, "the key is there"));
            }
        }
        Ok(())
    }

    fn apply(&mut self, state: &mut State) {
        let pending = std::mem::take(&mut self.pending);
        let fresh = Table::empty(&self.table);
        let flaw = self.memory.flaw;
        let table = state.tables.entry(self.side.clone()).or_insert(fresh);
        if flaw == Flaw::AppendReplaces {
            table.rows.clear();
        }
        let mut places: HashMap<Option<String>, usize> =
            table.rows.iter().enumerate().map(|(at, row)| (table.key(row), at)).collect();
        for row in pending {
            let mut row = widened(&table.schema, &self.table, &row);
            if flaw == Flaw::FillsOtherColumns {
                row = without_nulls(&row);
            }
            let key = table.key(&row);
            let keyed = key.is_some() && self.write == WriteMode::Upsert;
            match places.get(&key).copied().filter(|_| keyed) {
                Some(_) if flaw == Flaw::UpsertKeepsOld => {}
                Some(at) => table.rows[at] = row,
                None => {
                    places.insert(key, table.rows.len());
                    table.rows.push(row);
                }
            }
        }
    }
}

#[async_trait]
impl SinkWriter for Writer {
    async fn write(&mut self, batch: &ChangeBatch) -> Result<()> {
        let memory = self.memory.clone();
        let mut state = memory.lock();
        if self.dead {
            return Err(Error::bug("dead"));
        }
        let rows = match self.memory.flaw {
            Flaw::CutsLongTexts => shortened(&batch.rows),
            Flaw::LosesTheEndOfLargeBatches => {
                batch.rows.slice(0, batch.rows.num_rows().min(10_000))
            }
            _ => batch.rows.clone(),
        };
        let loose = TableSchema {
            columns: self
                .table
                .columns
                .iter()
                .cloned()
                .map(|mut column| {
                    column.field = column.field.with_nullable(true);
                    column
                })
                .collect(),
            ..(*self.table).clone()
        };
        let mut rows = single_rows(&loose, &rows);
        if self.is(Flaw::UpsertKeepsTheFirstOfABatch) && self.write == WriteMode::Upsert {
            let (shape, mut seen) = (Table::empty(&self.table), HashSet::new());
            rows.retain(|row| shape.key(row).is_none_or(|key| seen.insert(key)));
        }
        if let Err(error) = self.judge(&state, &rows) {
            if self.is(Flaw::KeepsHalfABatch) {
                let good = rows
                    .iter()
                    .position(|row| self.judge(&state, std::slice::from_ref(row)).is_err());
                self.pending.extend_from_slice(&rows[..good.unwrap_or(0)]);
            }
            self.dead = self.is(Flaw::DiesOfABadRow);
            return Err(error);
        }
        let rows = rows
            .into_iter()
            .map(|row| RecordBatch::try_new(self.table.arrow(), row.columns().to_vec()).unwrap());
        self.pending.extend(rows);
        if self.is(Flaw::WritesAtOnce) {
            self.apply(&mut state);
        }
        Ok(())
    }

    async fn flush(&mut self, position: &Position, end: bool) -> Result<()> {
        let memory = self.memory.clone();
        let mut state = memory.lock();
        let checkpoint = state.checkpoints.entry(self.key.clone()).or_default();
        if checkpoint.epoch > self.epoch && !self.is(Flaw::IgnoresEpochs) {
            return Err(Error::new(Code::StaleEpoch, "an older owner"));
        }
        checkpoint.position = Some(position.clone());
        checkpoint.done = end;
        let rows_too = end || !self.is(Flaw::HoldsPositionOnly);
        if rows_too && !(self.pending.is_empty() && self.is(Flaw::MakesNoEmptyTable)) {
            self.apply(&mut state);
        }
        Ok(())
    }
}
