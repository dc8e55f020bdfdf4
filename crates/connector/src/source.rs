//! Reading a store: what there is, how it is cut, and the rows of one piece.

use std::sync::Arc;

use arrow::array::RecordBatch;
use async_trait::async_trait;
use syncline_types::{
    Code, Element, Error, Position, Reject, Result, Split, TableInfo, TableSchema, TableSelection,
};

use crate::Packing;

/// What is to be read of one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadTask {
    /// The table, with exactly the columns wanted, in the order wanted. A source reads no others.
    pub table: Arc<TableSchema>,
    /// A condition in the source's own dialect; only rows that fulfil it are read.
    pub filter: Option<String>,
    /// Set when the rows are those of a query; `table` is then its result, and `filter` is unset.
    pub query: Option<String>,
}

/// How finely to cut a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// Splits wanted at most. One when rows must come in order.
    pub splits: usize,
    /// A split smaller than this many rows is not worth making.
    pub min_rows: u64,
    /// A split smaller than this many bytes is not worth making (files).
    pub min_bytes: u64,
}

/// How much to return from one call of [`SplitReader::next`]: whichever is reached first ends the
/// batch. A single row may exceed `bytes`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Rows at most.
    pub rows: usize,
    /// Arrow bytes, roughly, at most.
    pub bytes: usize,
}

/// What parallel readers of one run see together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Consistency {
    /// All splits of all tables show one moment.
    Snapshot,
    /// Each split shows its own moment; the text says why, for `check` and the log.
    PerSplit(String),
}

/// What a server says of the rows of a split without sending them. Two that are equal stand for
/// the same rows: the hash is a strong one, over a form of each row that tells any two rows apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest {
    /// How it was made. Digests made in different ways are never compared.
    pub recipe: String,
    /// How many rows there are.
    pub rows: u64,
    /// The rows' hashes folded into one: in no order, or in the order of the key.
    pub hash: Vec<u8>,
}

/// A store as something to read from. One is made per run and shared by its workers.
#[async_trait]
pub trait Source: Send + Sync {
    /// Connects and says what a person should know before row one. Changes nothing.
    async fn check(&self) -> Result<Vec<String>>;

    /// What it is and of which version, for people: `MariaDB 11.4.2`. `None` where there is no such
    /// thing.
    async fn version(&self) -> Result<Option<String>> {
        Ok(None)
    }

    /// The tables selected, in name order. A pattern without wildcards that fits nothing is an
    /// error of [`Code::TableNotFound`] that offers the nearest name.
    async fn discover(&self, selection: &TableSelection) -> Result<Vec<TableInfo>>;

    /// Whether the store sees to it that no two rows of a table have the same primary key, by the
    /// values that are read of it.
    fn keeps_keys(&self) -> bool {
        false
    }

    /// What there is beside tables that a copy of everything leaves behind, for people to know:
    /// views, large objects. Of the place as a whole, not of a table; `check` need not say it.
    async fn left_out(&self) -> Result<Vec<String>> {
        Ok(Vec::new())
    }

    /// The result of a query as a table (its name is `query`).
    async fn describe_query(&self, sql: &str) -> Result<TableInfo> {
        let _ = sql;
        Err(Error::new(Code::Unsupported, "this source takes no query"))
    }

    /// Opens what parallel reading needs: a snapshot shared by up to `parallel` readers where the
    /// store and the account's rights allow it. Called before `plan` and `open`, and again after
    /// `end` when a paused run goes on.
    async fn begin(&self, parallel: usize) -> Result<Consistency>;

    /// Cuts the task into splits that do not overlap and together cover it, near equal in size,
    /// in the order of their ids. A table that is empty is one split.
    async fn plan(&self, read: &ReadTask, cut: &Cut) -> Result<Vec<Split>>;

    /// Starts to read a split, after `at` when given.
    ///
    /// `at` is a position this connector gave for the same split, maybe in an earlier process.
    /// It is never given for a split that is not resumable.
    async fn open(
        &self,
        read: &ReadTask,
        split: &Split,
        at: Option<&Position>,
    ) -> Result<Box<dyn SplitReader>>;

    /// How it packs rows of the task: in the form in which the store sends and takes them. `None`
    /// where there is no such form.
    fn packing(&self, read: &ReadTask) -> Option<Packing> {
        let _ = read;
        None
    }

    /// As [`Source::open`], for rows packed as [`Source::packing`] says.
    async fn open_packed(
        &self,
        read: &ReadTask,
        split: &Split,
        at: Option<&Position>,
    ) -> Result<Box<dyn SplitReader>> {
        let _ = (read, split, at);
        Err(Error::bug("rows are not packed by this source"))
    }

    /// Packed rows in the task's columns, and those that have values without an Arrow form.
    fn unpack(&self, read: &ReadTask, rows: &RecordBatch) -> Result<(RecordBatch, Vec<Reject>)> {
        let _ = (read, rows);
        Err(Error::bug("rows are not packed by this source"))
    }

    /// The piece of `read`'s table that holds the same keys as a split which another source of the
    /// same connector has cut from a table of the same key. `None` where keys do not mean the same
    /// in both tables, or no piece can be named so.
    async fn adopt(&self, read: &ReadTask, split: &Split) -> Result<Option<Split>> {
        let _ = (read, split);
        Ok(None)
    }

    /// The digest of the rows of a split, computed by the server. `None` where it cannot compute
    /// one that is worth the name.
    async fn checksum(&self, read: &ReadTask, split: &Split) -> Result<Option<Digest>> {
        let _ = (read, split);
        Ok(None)
    }

    /// Its log of changes, where it has one that can be followed.
    fn change_log(&self) -> Option<&dyn crate::ChangeLog> {
        None
    }

    /// Frees every connection. Readers have been dropped before.
    async fn end(&self) -> Result<()>;
}

/// The rows of one split, in a stable order when the split is resumable.
#[async_trait]
pub trait SplitReader: Send {
    /// The next rows, or the end. Not called again after an error or the end.
    ///
    /// A row that cannot be converted goes into the batch's `rejects`; a reader never drops one.
    async fn next(&mut self, budget: Budget) -> Result<Element>;

    /// Everything up to `position` is durable at the sink.
    async fn committed(&mut self, position: &Position) -> Result<()> {
        let _ = position;
        Ok(())
    }
}
