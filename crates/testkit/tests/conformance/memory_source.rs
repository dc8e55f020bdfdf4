//! The memory store as a source.

use std::collections::BTreeMap;
use std::sync::Mutex;

use arrow::array::{RecordBatch, new_null_array};
use arrow::datatypes::DataType;
use syncline_connector::{Budget, Consistency, Cut, ReadTask, Source, SplitReader, async_trait};
use syncline_testkit::conformance::{Place, SourceFixture};
use syncline_types::{
    ChangeBatch, Code, Element, Error, Position, Result, Split, TableInfo, TableSelection,
    did_you_mean,
};

use super::memory::{Flaw, Memory, Table, ids, without_nulls};

impl SourceFixture for Memory {
    fn place(&self) -> &dyn Place {
        self
    }

    fn source(&self) -> Box<dyn Source> {
        Box::new(MemorySource { memory: self.clone(), snapshot: Mutex::new(None), begun: 0.into() })
    }

    fn filter_below_ten(&self) -> Option<String> {
        Some("id < 10".to_owned())
    }
}

struct MemorySource {
    memory: Memory,
    snapshot: Mutex<Option<BTreeMap<String, Table>>>,
    begun: Mutex<u32>,
}

impl MemorySource {
    fn is(&self, flaw: Flaw) -> bool {
        self.memory.flaw == flaw
    }

    fn rows(&self, read: &ReadTask) -> RecordBatch {
        let name = &read.table.name.name;
        let table = if self.is(Flaw::SeesLaterRows) {
            self.memory.lock().tables[name].clone()
        } else {
            self.snapshot.lock().unwrap().as_ref().expect("begun")[name].clone()
        };
        let mut rows = table.in_order();
        if read.filter.is_some() && !self.is(Flaw::IgnoresTheFilter) {
            let count = ids(&rows).iter().filter(|id| **id < 10).count();
            rows = rows.slice(0, count);
        }
        if self.is(Flaw::NullBecomesEmpty) {
            rows = without_nulls(&rows);
        }
        if self.is(Flaw::EmptiesWideTables) && rows.num_columns() > 500 {
            let mut columns = rows.columns().to_vec();
            columns[500] = new_null_array(&DataType::Int64, rows.num_rows());
            rows = RecordBatch::try_new(rows.schema(), columns).unwrap();
        }
        if self.is(Flaw::ReadsAllColumns) {
            return rows;
        }
        let wanted = read.table.columns.iter().map(|c| table.schema.index_of(c.name()).unwrap());
        rows.project(&wanted.collect::<Vec<_>>()).unwrap()
    }
}

#[async_trait]
impl Source for MemorySource {
    async fn check(&self) -> Result<Vec<String>> {
        Ok(Vec::new())
    }

    async fn discover(&self, selection: &TableSelection) -> Result<Vec<TableInfo>> {
        let state = self.memory.lock();
        for wanted in selection.include.iter().filter_map(|p| p.exact(None)) {
            if !state.tables.contains_key(&wanted.name) {
                let mut hint = did_you_mean(&wanted.name, state.tables.keys().map(String::as_str));
                if self.is(Flaw::OffersNoName) {
                    hint.clear();
                }
                return Err(Error::new(Code::TableNotFound, format!("no {wanted}{hint}")));
            }
        }
        let chosen = state.tables.values().filter(|t| selection.selects(&t.schema.name, None));
        let mut found: Vec<TableInfo> = chosen
            .map(|table| TableInfo {
                schema: table.schema.clone(),
                rows: None,
                bytes: None,
                notes: Vec::new(),
            })
            .collect();
        if self.is(Flaw::DiscoversUnordered) {
            found.reverse();
        }
        if self.is(Flaw::ForgetsTheKey) {
            found.iter_mut().for_each(|info| info.schema.primary_key.clear());
        }
        Ok(found)
    }

    async fn begin(&self, _parallel: usize) -> Result<Consistency> {
        let mut begun = self.begun.lock().unwrap();
        *begun += 1;
        if *begun > 1 && self.is(Flaw::CannotBeginAgain) {
            return Err(Error::bug("begun before"));
        }
        *self.snapshot.lock().unwrap() = Some(self.memory.lock().tables.clone());
        Ok(Consistency::Snapshot)
    }

    async fn plan(&self, read: &ReadTask, cut: &Cut) -> Result<Vec<Split>> {
        let rows = self.rows(read);
        let count = rows.num_rows();
        let worth = usize::try_from(cut.min_rows).unwrap().max(1);
        let most = if self.is(Flaw::CutsTinyTables) { count } else { count / worth };
        let mut splits = most.clamp(1, cut.splits);
        let mut bounds: Vec<usize> = (0..=splits).map(|n| count * n / splits).collect();
        if self.is(Flaw::CutsByRange) && splits > 1 {
            let ids = ids(&rows);
            let (low, high) = (ids[0], ids[count - 1] + 1);
            let step = (high - low) / i64::try_from(splits).unwrap();
            let below = |n: usize| {
                let bound = low + step * i64::try_from(n).unwrap();
                ids.iter().filter(|id| **id < bound).count()
            };
            bounds = (0..splits).map(below).chain([count]).collect();
        }
        if count == 0 && self.is(Flaw::TwoSplitsForAnEmptyTable) && cut.splits > 1 {
            (splits, bounds) = (2, vec![0, 0, 0]);
        }
        if count == 0 && self.is(Flaw::NoSplitForAnEmptyTable) {
            return Ok(Vec::new());
        }
        let mut parts: Vec<(usize, usize)> =
            (0..splits).map(|n| (bounds[n], bounds[n + 1])).collect();
        let other_key = rows.column(0).data_type() != &DataType::Int64;
        let overlap =
            self.is(Flaw::SplitsOverlap) || (self.is(Flaw::DoublesAtOtherKeys) && other_key);
        if overlap && splits > 1 {
            parts[0].1 += 1;
        }
        if self.is(Flaw::SplitsBackwards) {
            parts.reverse();
        }
        let split = |(n, (from, to)): (usize, &(usize, usize))| Split {
            table: read.table.name.clone(),
            id: u32::try_from(n).unwrap(),
            rows: None,
            bytes: None,
            resumable: true,
            token: format!("{from}-{to}"),
        };
        Ok(parts.iter().enumerate().map(split).collect())
    }

    async fn open(
        &self,
        read: &ReadTask,
        split: &Split,
        at: Option<&Position>,
    ) -> Result<Box<dyn SplitReader>> {
        let (from, to) = split.token.split_once('-').unwrap();
        let (from, mut to): (usize, usize) = (from.parse().unwrap(), to.parse().unwrap());
        if self.is(Flaw::LosesTheLastRow) && to > from {
            to -= 1;
        }
        let done: usize = at.map_or(0, |p| p.token.parse().unwrap());
        let start = match self.memory.flaw {
            Flaw::RepeatsARowOnResume if at.is_some() => from + done - 1,
            Flaw::SkipsARowOnResume if at.is_some() => (from + done + 1).min(to),
            _ => from + done,
        };
        let seq = if self.is(Flaw::CountsFromZeroOnResume) { 0 } else { done as u64 };
        let rows = self.rows(read).slice(start, to - start);
        Ok(Box::new(Reader { read: read.clone(), rows, done, seq, flaw: self.memory.flaw }))
    }

    async fn end(&self) -> Result<()> {
        *self.snapshot.lock().unwrap() = None;
        Ok(())
    }
}

struct Reader {
    read: ReadTask,
    rows: RecordBatch,
    done: usize,
    seq: u64,
    flaw: Flaw,
}

#[async_trait]
impl SplitReader for Reader {
    async fn next(&mut self, budget: Budget) -> Result<Element> {
        let left = self.rows.num_rows();
        if left == 0 {
            return Ok(Element::EndOfSplit);
        }
        let mut count = 0;
        let mut bytes = 0;
        while count < left
            && (count < budget.rows || self.flaw == Flaw::IgnoresRowBudget)
            && (bytes < budget.bytes || self.flaw == Flaw::IgnoresByteBudget)
        {
            let row = self.rows.slice(count, 1);
            bytes += row
                .columns()
                .iter()
                .map(|a| a.to_data().get_slice_memory_size().unwrap())
                .sum::<usize>();
            count += 1;
        }
        let rows = self.rows.slice(0, count);
        self.rows = self.rows.slice(count, left - count);
        self.done += count;
        self.seq += if self.flaw == Flaw::CountsBatches { 1 } else { count as u64 };
        Ok(Element::Batch(ChangeBatch {
            table: self.read.table.clone(),
            rows,
            rejects: Vec::new(),
            position: Position::new(self.seq, self.done.to_string()),
        }))
    }
}
