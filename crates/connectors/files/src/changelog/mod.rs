//! Files as a log of changes: each table's go to segments of its own, which appear whole, and
//! together with the position behind them.
//!
//! `out/orders.jsonl` has its changes in `out/orders/00000001.jsonl` and so on; a path with `{page}`
//! in it says itself where. `store` keeps position and names, `segment` writes one file, `lines`
//! makes JSON of changes and `rows` rows, `spool` keeps what belongs to a transaction whose end has
//! not come. Standard output gets lines as their transactions end.

mod lines;
mod rows;
mod segment;
mod spool;
mod store;

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use syncline_connector::{ApplyTask, FollowOpened, Follower, LogWriter, async_trait};
use syncline_types::{
    ChangeSet, Code, Error, Position, Result, SchemaChange, SchemaEffect, TableName, TableSchema,
};
use tokio::task::block_in_place;

use self::lines::Lines;
use self::rows::{End, by_table, mark};
use self::segment::{Form, Segment, packer};
use self::spool::Spool;
use self::store::{Sealed, Store};
use crate::location::{Template, named, parent};
use crate::options::Format;
use crate::os_error;
use crate::sink::FilesSink;

/// A segment that has so many bytes, before packing, is the last one's to grow.
const SEGMENT_BYTES: u64 = 64 << 20;

/// Where lines or rows go.
enum Out {
    Stream,
    Files(Store),
}

/// The log of one table.
struct Log {
    /// With `{page}` in it.
    target: PathBuf,
    /// The segment that is being written, its name in the folder, and the columns it has.
    open: Option<(String, Segment, TableSchema)>,
    /// What belongs to a transaction whose end has not come.
    pending: Spool,
}

/// Writes the log of all tables.
struct ChangeLogWriter {
    form: Form,
    template: Template,
    out: Out,
    lines: Lines,
    /// By name; of a stream there is one for all.
    logs: BTreeMap<TableName, Log>,
    /// Complete, and durable with the next flush.
    sealed: Vec<Sealed>,
    most: u64,
    /// Tables of the run by name: those that a change of a definition is noted for.
    tables: Vec<TableName>,
}

/// Opens the log of a run.
pub(crate) fn open(sink: &FilesSink, task: &ApplyTask) -> Result<FollowOpened> {
    check(sink.format, sink.stream)?;
    let form = Form {
        format: sink.format,
        options: sink.options.clone(),
        compression: sink.compression,
        transcribe: sink.transcribe()?,
    };
    let (out, held) = if sink.stream {
        (Out::Stream, None)
    } else {
        let (store, held) = Store::claim(sink.template.typed(), task.part(), task.epoch)?;
        (Out::Files(store), held)
    };
    let writer = ChangeLogWriter {
        most: form.options.bytes.unwrap_or(SEGMENT_BYTES),
        form,
        template: sink.template.clone(),
        out,
        lines: Lines::default(),
        logs: BTreeMap::new(),
        sealed: Vec::new(),
        tables: task.tables.iter().map(|t| t.table.name.clone()).collect(),
    };
    Ok(FollowOpened { follower: Follower::Log(Box::new(writer)), held })
}

/// Removes what a run keeps beside its log.
pub(crate) fn discard(sink: &FilesSink, task: &ApplyTask) -> Result<()> {
    match sink.stream {
        true => Ok(()),
        false => Store::discard(sink.template.typed(), task.part(), task.epoch),
    }
}

/// Refuses a form that tells no change.
pub(crate) fn check(format: Format, stream: bool) -> Result<()> {
    match format {
        Format::Sql => Err(Error::new(Code::Unsupported, "a script of SQL is no log of changes")
            .hint("write JSON Lines, Parquet, Arrow or CSV")),
        Format::Jsonl => Ok(()),
        _ if stream => Err(Error::new(
            Code::Unsupported,
            "changes of several tables go to standard output as JSON Lines alone",
        )
        .hint("write to -?format=jsonl")),
        _ => Ok(()),
    }
}

/// Where the segments of a target are: `orders.jsonl` → `orders/{page}.jsonl`.
fn segments(template: &Template, table: &TableName) -> Result<PathBuf> {
    let path = template.path(table)?;
    if template.is_paged() {
        return Ok(path);
    }
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let stem = named(&path).stem;
    let extension = name.strip_prefix(&stem).unwrap_or_default().to_owned();
    let folder = if extension.is_empty() { format!("{name}.changes") } else { stem };
    Ok(parent(&path).join(folder).join(format!("{{page}}{extension}")))
}

impl ChangeLogWriter {
    fn log(&mut self, table: &TableName) -> Result<&mut Log> {
        let (key, dir) = match &self.out {
            Out::Stream => (TableName::bare(""), std::env::temp_dir()),
            Out::Files(store) => (table.clone(), store.dir().to_owned()),
        };
        if !self.logs.contains_key(&key) {
            let target = match self.out {
                Out::Stream => PathBuf::from("-"),
                Out::Files(_) => segments(&self.template, table)?,
            };
            if let Some((other, _)) = self.logs.iter().find(|(_, log)| log.target == target) {
                let message =
                    format!("the changes of {other} and {table} would both be in {target:?}");
                return Err(Error::new(Code::BadUrl, message)
                    .hint("put {table} into the path, as in out/{table}.jsonl"));
            }
            let log = Log { target, open: None, pending: Spool::new(&dir) };
            self.logs.insert(key.clone(), log);
        }
        self.logs.get_mut(&key).ok_or_else(|| Error::bug("a log that was just made is gone"))
    }

    /// The segment that rows with these columns go to.
    fn segment(&mut self, table: &TableName, log_table: &TableSchema) -> Result<&mut Segment> {
        let most = self.most;
        let log = self.log(table)?;
        let fits = |(_, segment, columns): &(String, Segment, TableSchema)| {
            segment.bytes < most && columns.columns == log_table.columns
        };
        if !log.open.as_ref().is_some_and(fits) {
            self.seal(table)?;
            let Out::Files(store) = &mut self.out else {
                return Err(Error::bug("standard output has no segments"));
            };
            let (name, path, file) = store.part()?;
            let segment = Segment::begin(&self.form, log_table, path, file)?;
            self.log(table)?.open = Some((name, segment, log_table.clone()));
        }
        let open = self.log(table)?.open.as_mut();
        open.map(|(_, segment, _)| segment)
            .ok_or_else(|| Error::bug("a segment that was just made is gone"))
    }

    /// Makes the table's segment complete.
    fn seal(&mut self, table: &TableName) -> Result<()> {
        let log = self.log(table)?;
        let target = log.target.clone();
        let Some((part, segment, _)) = log.open.take() else { return Ok(()) };
        segment.seal()?;
        if let Out::Files(store) = &mut self.out {
            let to = store.next(&target)?;
            self.sealed.push(Sealed { part, to });
        }
        Ok(())
    }

    /// Lines whose transactions have ended.
    fn put_lines(&mut self, table: &TableName, text: &[u8]) -> Result<()> {
        if text.is_empty() {
            return Ok(());
        }
        match self.out {
            Out::Stream => {
                let path = Path::new("standard output");
                let send = || -> io::Result<()> {
                    let mut packer =
                        packer(&self.form, io::stdout().lock(), path).map_err(io::Error::other)?;
                    match self.form.transcribe {
                        None => packer.write_all(text)?,
                        Some(charset) => {
                            let mut out = Vec::with_capacity(text.len());
                            crate::writers::transcribe(charset, text, &mut out)
                                .map_err(io::Error::other)?;
                            packer.write_all(&out)?;
                        }
                    }
                    packer.finish()?.flush()
                };
                send().map_err(|e| os_error::of(path, "write to", e))
            }
            Out::Files(_) => {
                // Lines of JSON have no columns: one segment takes them all.
                let none = TableSchema::new(table.clone(), []);
                self.segment(table, &none)?.text(text)
            }
        }
    }

    /// The transaction that was under way has ended: what was kept of it takes its place.
    fn settle(&mut self, end: &End) -> Result<()> {
        let tables: Vec<TableName> = self.logs.keys().cloned().collect();
        for table in tables {
            let log = self.log(&table)?;
            if log.pending.is_empty() {
                continue;
            }
            let mut pending = std::mem::replace(&mut log.pending, Spool::new(&parent(&log.target)));
            let jsonl = self.form.format == Format::Jsonl;
            let mut text = Vec::new();
            pending.drain(|piece| {
                if jsonl {
                    lines::ended(piece, end, &mut text)?;
                    if text.len() > 1 << 20 {
                        self.put_lines(&table, &text)?;
                        text.clear();
                    }
                    return Ok(());
                }
                for rows in unpacked(piece)? {
                    let rows = rows::ended(&rows, end)?;
                    self.put_rows(&table, &rows)?;
                }
                Ok(())
            })?;
            self.put_lines(&table, &text)?;
            self.log(&table)?.pending = pending;
        }
        Ok(())
    }

    fn put_rows(&mut self, table: &TableName, rows: &RecordBatch) -> Result<()> {
        let fields = rows.schema().fields().iter().map(|f| f.as_ref().clone()).collect::<Vec<_>>();
        let log = TableSchema::new(table.clone(), fields);
        self.segment(table, &log)?.rows(rows)
    }

    fn append_set(&mut self, set: &ChangeSet) -> Result<()> {
        let ends: Vec<(u32, End)> = set.commits.iter().map(|c| (c.end, End::from(c))).collect();
        if let Some((_, end)) = ends.first() {
            self.settle(end)?;
        }
        if self.form.format != Format::Jsonl {
            for of in by_table(&set.changes, &set.commits)? {
                if let Some(rows) = &of.ended {
                    self.put_rows(&of.table.name, rows)?;
                }
                if let Some(rows) = &of.open {
                    self.log(&of.table.name)?.pending.push(&packed(rows)?)?;
                }
            }
            return Ok(());
        }
        let mut lines = std::mem::take(&mut self.lines);
        // Of standard output the tables' lines are one text.
        let stream = matches!(self.out, Out::Stream);
        let mut texts: BTreeMap<TableName, Vec<u8>> = BTreeMap::new();
        let made = lines.of(set, |table, place, line| {
            let after = ends.partition_point(|(end, _)| *end <= place);
            match ends.get(after) {
                Some((_, end)) => {
                    let key = if stream { TableName::bare("") } else { table.clone() };
                    lines::ended(line, end, texts.entry(key).or_default())
                }
                None => self.log(table)?.pending.push(line),
            }
        });
        self.lines = lines;
        made?;
        texts.iter().try_for_each(|(table, text)| self.put_lines(table, text))
    }

    fn note(&mut self, change: &SchemaChange) -> Result<()> {
        let known = |name: &TableName| *name == change.table;
        let table = self.tables.iter().find(|name| known(name)).cloned();
        let table = table
            .or_else(|| self.tables.iter().find(|name| name.name == change.table.name).cloned());
        if let SchemaEffect::Created(after) | SchemaEffect::Renamed(after) = &change.effect {
            self.tables.push(after.name.clone());
        }
        let stream = matches!(self.out, Out::Stream);
        let Some(table) = table.or_else(|| stream.then(|| change.table.clone())) else {
            return Ok(());
        };
        let end = End { at: None, position: change.position.token.clone() };
        if self.form.format == Format::Jsonl {
            let line = lines::definition(change, &table)?;
            if !change.complete || !self.log(&table)?.pending.is_empty() {
                return self.log(&table)?.pending.push(&line);
            }
            let mut text = Vec::new();
            lines::ended(&line, &end, &mut text)?;
            return self.put_lines(&table, &text);
        }
        let what = match &change.effect {
            SchemaEffect::Truncated => "truncate",
            SchemaEffect::Dropped => "drop",
            // The next rows begin a segment with the new columns.
            _ => return Ok(()),
        };
        let columns = self.log(&table)?.open.as_ref().map(|(_, _, columns)| columns.clone());
        let rows = match columns {
            Some(columns) => {
                let of = TableSchema {
                    columns: columns.columns.into_iter().skip(rows::MARKS).collect(),
                    ..TableSchema::new(table.clone(), [])
                };
                mark(&of, what, &end.position)?
            }
            None => mark(&TableSchema::new(table.clone(), []), what, &end.position)?,
        };
        if !change.complete || !self.log(&table)?.pending.is_empty() {
            return self.log(&table)?.pending.push(&packed(&rows)?);
        }
        self.put_rows(&table, &rows)
    }
}

/// Rows as bytes, with their schema.
fn packed(rows: &RecordBatch) -> Result<Vec<u8>> {
    let at = |e| Error::bug("rows cannot be kept aside").because(e);
    let mut writer = StreamWriter::try_new(Vec::new(), &rows.schema()).map_err(at)?;
    writer.write(rows).map_err(at)?;
    writer.into_inner().map_err(at)
}

fn unpacked(piece: &[u8]) -> Result<Vec<RecordBatch>> {
    let at = |e| Error::bug("rows that were kept aside").because(e);
    let reader = StreamReader::try_new(io::Cursor::new(piece), None).map_err(at)?;
    reader.map(|rows| rows.map_err(at)).collect()
}

#[async_trait]
impl LogWriter for ChangeLogWriter {
    async fn append(&mut self, set: &ChangeSet) -> Result<()> {
        block_in_place(|| self.append_set(set))
    }

    async fn define(&mut self, change: &SchemaChange) -> Result<()> {
        block_in_place(|| self.note(change))
    }

    async fn flush(&mut self, position: &Position) -> Result<()> {
        block_in_place(|| {
            let tables: Vec<TableName> = self.logs.keys().cloned().collect();
            if matches!(self.out, Out::Stream) {
                return Ok(());
            }
            tables.iter().try_for_each(|table| self.seal(table))?;
            let sealed = std::mem::take(&mut self.sealed);
            let Out::Files(store) = &self.out else { return Ok(()) };
            store.commit(sealed, position)
        })
    }
}
