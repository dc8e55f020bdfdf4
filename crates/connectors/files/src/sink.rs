//! Files as a target: parts that are durable with their positions, put together at the end.

mod forms;

use std::collections::HashMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow::datatypes::DataType;
use syncline_connector::{
    ApplyTask, Endpoint, FollowOpened, Guarantee, Held, Opened, Sink, SinkWriter, TargetTable,
    WriteMode, WriteTask, async_trait,
};
use syncline_sql::Dialect as SqlKit;
use syncline_sql::script::foreign_key_page;
use syncline_types::{Adapted, Code, Error, Result, Split, TableName, TableSchema, field};

use crate::arrow_file::ArrowForm;
use crate::blocking::block_in_place;
use crate::catalog;
use crate::changelog;
use crate::location::{Template, named, page_path, pages, parent};
use crate::options::{Compression, FilesOptions, Format};
use crate::os_error;
use crate::parquet_file::ParquetForm;
use crate::parts::{self, Folder};
use crate::script_file::dialect;
use crate::table_note;
use crate::writers::{BlockWriter, Form, Paging, Part, StreamWriter, TextWriter};

/// Bytes a page has by default, before packing.
const PAGE_BYTES: u64 = 64 << 20;

/// Files as a target.
pub(crate) struct FilesSink {
    pub(crate) options: FilesOptions,
    pub(crate) template: Template,
    pub(crate) stream: bool,
    pub(crate) format: Format,
    pub(crate) compression: Option<Compression>,
    /// The folders this run has, by target.
    folders: Mutex<HashMap<PathBuf, Arc<Folder>>>,
    /// Which table goes to which target.
    owners: Mutex<HashMap<PathBuf, TableName>>,
    /// Standard output: the header has been written.
    headed: Arc<Mutex<bool>>,
}

/// What a lock guards; nothing under these locks panics half way.
pub(crate) fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl FilesSink {
    /// A sink; nothing is opened yet.
    pub(crate) fn new(endpoint: &Endpoint, options: FilesOptions) -> Result<Self> {
        options.validate(endpoint)?;
        let stream = endpoint.path == "-";
        let template = Template::parse(&endpoint.path)?;
        let named = named(Path::new(&endpoint.path));
        let format = match options.format.or(named.format) {
            Some(format) => format,
            None if stream => Format::Csv,
            None => {
                let message = format!("{}: its extension tells no format", endpoint.path);
                return Err(Error::new(Code::BadUrl, message).hint("name it, as in ?format=csv"));
            }
        };
        let compression = match (options.compression, named.compression) {
            (None, Compression::None) => None,
            (None, by_name) => Some(by_name),
            (given, _) => given,
        };
        if compression == Some(Compression::Zip) {
            let message = format!("{}: ZIP archives are read and not written", endpoint.path);
            return Err(Error::new(Code::Unsupported, message).hint("gzip, zstd and bzip2 are"));
        }
        if !format.is_text() && named.compression != Compression::None {
            let message = format!("{}: {} is packed inside", endpoint.path, format.name());
            return Err(Error::new(Code::Unsupported, message)
                .hint("leave the last extension out and choose the codec by ?compression="));
        }
        if format == Format::Arrow && compression.is_some_and(|c| c != Compression::None) {
            return Err(Error::new(Code::Unsupported, "Arrow files are written without packing")
                .hint("Parquet is packed"));
        }
        if stream && !format.is_text() {
            let message = format!("{} cannot be written to standard output", format.name());
            return Err(Error::new(Code::Unsupported, message).hint("write to a file"));
        }
        if !template.is_paged() && (options.rows.is_some() || options.bytes.is_some()) {
            let message = format!("{}: rows= and bytes= are for pages", endpoint.path);
            return Err(Error::new(Code::BadValue, message)
                .hint("put {page} into the path, as in out/{table}.{page}.sql"));
        }
        Ok(Self {
            options,
            template,
            stream,
            format,
            compression,
            folders: Mutex::default(),
            owners: Mutex::default(),
            headed: Arc::default(),
        })
    }

    fn target(&self, table: &TableName) -> Result<PathBuf> {
        let path = self.template.path(table)?;
        let mut owners = held(&self.owners);
        let owner = owners.entry(path.clone()).or_insert_with(|| table.clone());
        if owner != table {
            let message =
                format!("the tables {owner} and {table} would both be {}", path.display());
            return Err(Error::new(Code::BadUrl, message)
                .hint("put {table} into the path, as in out/{table}.csv"));
        }
        Ok(path)
    }

    fn folder(&self, task: &WriteTask) -> Result<Arc<Folder>> {
        let target = self.target(&task.table.name)?;
        if let Some(folder) = held(&self.folders).get(&target) {
            return Ok(folder.clone());
        }
        let append = task.write == WriteMode::Append && task.exists && !task.empty_at_start;
        let folder =
            Folder::claim(&target, self.template.is_paged(), &task.run, task.epoch, append)?;
        let folder = Arc::new(folder);
        held(&self.folders).insert(target, folder.clone());
        Ok(folder)
    }

    /// What a text file holds, or the first of its pages.
    fn existing(&self, target: &TableName) -> Result<Option<TargetTable>> {
        let path = self.target(target)?;
        let path = if self.template.is_paged() {
            match pages(&path)?.into_iter().next() {
                None => return Ok(None),
                Some((_, first)) => first,
            }
        } else {
            path
        };
        match std::fs::metadata(&path) {
            Ok(meta) if meta.len() == 0 => return Ok(None),
            Ok(_) => {}
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(os_error::of(&path, "look at", e)),
        }
        let options = FilesOptions { table: Some(target.name.clone()), ..self.options.clone() };
        let options = FilesOptions { types: None, skip: 0, ..options };
        let file = catalog::source_file(path, &options)?;
        let found = catalog::tables(&[file], &options, &|_| true)?;
        let Some(found) = found.into_iter().next() else { return Ok(None) };
        let mut schema = found.info.schema;
        schema.name = target.clone();
        // A file has no keys that it would keep.
        schema.primary_key.clear();
        schema.indexes.clear();
        for column in &mut schema.columns {
            (column.generated, column.identity) = (None, None);
        }
        Ok(Some(TargetTable { schema, empty: found.info.rows == Some(0) }))
    }

    /// Refuses what cannot be before anything is made.
    fn validate(&self, task: &WriteTask) -> Result<()> {
        let in_use = task.exists && !task.empty_at_start;
        if !in_use {
            return Ok(());
        }
        let place = self.target(&task.table.name)?;
        let place = place.display();
        match task.write {
            WriteMode::Replace => Ok(()),
            WriteMode::Upsert => Err(Error::new(
                Code::Unsupported,
                format!("{place} is there, and rows of a file cannot be replaced by key"),
            )
            .hint("say which is meant: --write append or --write replace")),
            WriteMode::Append => {
                let Some(old) = self.existing(&task.table.name)? else { return Ok(()) };
                let names = |t: &TableSchema| -> Vec<String> {
                    t.columns.iter().map(|c| c.name().to_owned()).collect()
                };
                let (old, new) = (names(&old.schema), names(&task.table));
                if old == new || self.format == Format::Sql {
                    return Ok(());
                }
                let message = format!(
                    "{place} has the columns {}; to be appended are {}",
                    old.join(", "),
                    new.join(", ")
                );
                Err(Error::new(Code::ColumnMismatch, message)
                    .hint("give the same columns in the same order (--columns)"))
            }
        }
    }
}

#[async_trait]
impl Sink for FilesSink {
    async fn check(&self) -> Result<Vec<String>> {
        if self.stream {
            return Ok(vec![
                "standard output: rows that were written stay, so a run that is continued writes \
                 some of them again"
                    .into(),
            ]);
        }
        Ok(Vec::new())
    }

    async fn describe(&self, target: &TableName) -> Result<Option<TargetTable>> {
        if self.stream {
            return Ok(None);
        }
        block_in_place(|| self.existing(target))
    }

    fn adapt(&self, source: &TableSchema, target: &TableName) -> Result<Adapted> {
        if self.format == Format::Sql {
            let dialect = dialect(self.options.dialect);
            let mut adapted = syncline_sql::adapt(dialect, source, target)?;
            for column in &mut adapted.table.columns {
                let from = source.column(column.name()).map(|c| &c.field);
                let special = from.and_then(|f| field::get(f, field::SPECIAL));
                // SQLite keeps texts in any column.
                if let Some(special) = special.filter(|_| dialect == SqlKit::Sqlite)
                    && column.field.data_type() != &DataType::Utf8
                {
                    let pair = [(field::SPECIAL, special.to_owned())];
                    column.field = field::with(column.field.clone(), pair);
                }
            }
            return Ok(adapted);
        }
        let mut table = source.clone();
        table.name = target.clone();
        for column in &mut table.columns {
            table_note::keep_values(column);
            if matches!(self.format, Format::Parquet | Format::Jsonl) {
                column.field = table_note::without_nan(&column.field);
            }
            let spelled = matches!(field::logical(&column.field), Some("decimal" | "json"));
            if self.format == Format::Jsonl && (column.field.data_type().is_floating() || spelled) {
                column.field = table_note::finite(&column.field);
            }
        }
        Ok(table.into())
    }

    fn replace_redefines(&self) -> bool {
        true
    }

    fn guarantee(&self, _task: &WriteTask) -> Guarantee {
        if self.stream { Guarantee::Append } else { Guarantee::Transactional }
    }

    fn max_parallel(&self) -> usize {
        if self.stream { 1 } else { usize::MAX }
    }

    fn flush_bytes(&self, _workers: usize) -> u64 {
        // A flush ends a file of blocks, and waits for the disk.
        32 << 20
    }

    fn most_splits(&self, workers: usize) -> usize {
        // The pieces of one file are copied once more, all but the first, and one worker that reads
        // and writes at the same time keeps two cores busy.
        if self.template.is_paged() { usize::MAX } else { (workers / 2).max(1) }
    }

    async fn prepare(&self, task: &WriteTask) -> Result<()> {
        if task.splits == 0 {
            // No rows but those that change.
            return changelog::check(self.format, self.stream);
        }
        if self.stream {
            return self.target(&task.table.name).map(drop);
        }
        block_in_place(|| {
            let target = self.target(&task.table.name)?;
            let known = held(&self.folders).contains_key(&target);
            if !known && !Folder::is_of(&target, &task.run) {
                self.validate(task)?;
            }
            let folder = parent(&target);
            std::fs::create_dir_all(&folder).map_err(|e| os_error::of(&folder, "make", e))?;
            self.folder(task).map(drop)
        })
    }

    async fn open(&self, task: &WriteTask, split: &Split) -> Result<Opened> {
        block_in_place(|| {
            if self.stream {
                let head = self.head(task, true)?;
                let writer = StreamWriter::new(self.form(task)?, head, self.headed.clone());
                return Ok(Opened { writer: Box::new(writer), held: None });
            }
            let folder = self.folder(task)?;
            let checkpoint = folder.open(split.id, task.epoch)?;
            let position = checkpoint.position.clone();
            let held = position.map(|position| Held { position, done: checkpoint.done });
            let paging = self.template.is_paged().then(|| Paging {
                rows: self.options.rows,
                bytes: match (self.options.rows, self.options.bytes) {
                    (None, None) => Some(PAGE_BYTES),
                    (_, bytes) => bytes,
                },
            });
            let part = Part::new(folder.clone(), split.id, checkpoint, paging);
            let writer: Box<dyn SinkWriter> = match self.format {
                Format::Parquet => {
                    let form = ParquetForm::new(&task.table, self.compression, self.options.level)?;
                    Box::new(BlockWriter::new(part, Form::Parquet(form), task))
                }
                Format::Arrow => {
                    Box::new(BlockWriter::new(part, Form::Arrow(ArrowForm::new(&task.table)), task))
                }
                format => {
                    let heads = if folder.appends() {
                        (Vec::new(), Vec::new())
                    } else {
                        let first = !folder.goes_on();
                        (self.head(task, first)?, self.head(task, false)?)
                    };
                    // The first file of a script makes the table.
                    let always = format == Format::Sql && !folder.goes_on();
                    Box::new(TextWriter::new(self.form(task)?, part, heads, always))
                }
            };
            Ok(Opened { writer, held })
        })
    }

    async fn commit(&self, task: &WriteTask) -> Result<()> {
        if self.stream || task.splits == 0 {
            return Ok(());
        }
        block_in_place(|| {
            let folder = self.folder(task)?;
            let assembly = self.assembly(task, &folder)?;
            folder.commit(task.splits, assembly.as_ref())?;
            let sidecar = self.options.schema == Some(true) && !folder.goes_on();
            if sidecar && self.format.is_text() && self.format != Format::Sql {
                let target = self.target(&task.table.name)?;
                let first = if self.template.is_paged() { page_path(&target, 1) } else { target };
                table_note::write_sidecar(&first, &task.table)?;
            }
            Ok(())
        })
    }

    /// Foreign keys of a script stand in files of their own, which come after those of all tables
    /// by name: they are to be run when all tables have their rows.
    async fn relate(&self, tasks: &[WriteTask]) -> Result<()> {
        if self.format != Format::Sql {
            return Ok(());
        }
        let names: Vec<&TableName> = tasks.iter().map(|t| &t.table.name).collect();
        let made = tasks.iter().filter(|t| !(t.exists && t.write == WriteMode::Append));
        block_in_place(|| {
            for task in made {
                let dialect = dialect(self.options.dialect);
                let Some(text) = foreign_key_page(dialect, &task.definition) else {
                    if !self.stream {
                        // Of a table that had some, and is written anew.
                        parts::remove_file(&self.template.after(&task.table.name, &names)?)?;
                    }
                    continue;
                };
                let text = self.encoded(text.into_bytes())?;
                if self.stream {
                    let mut out = io::stdout().lock();
                    let write = out.write_all(&text).and_then(|()| out.flush());
                    write.map_err(|e| os_error::of(Path::new("-"), "write", e))?;
                    continue;
                }
                let path = self.template.after(&task.table.name, &names)?;
                let packed = self.packed(&text).map_err(|e| os_error::of(&path, "write", e))?;
                parts::write_whole(&path, &packed)?;
            }
            Ok(())
        })
    }

    async fn finish(&self, tasks: &[WriteTask]) -> Result<()> {
        self.discard(tasks).await
    }

    async fn discard(&self, tasks: &[WriteTask]) -> Result<()> {
        if self.stream {
            return Ok(());
        }
        block_in_place(|| {
            for task in tasks {
                let target = self.target(&task.table.name)?;
                Folder::discard(&target, &task.run, task.epoch)?;
                held(&self.folders).remove(&target);
            }
            Ok(())
        })
    }

    fn wants_old_images(&self) -> bool {
        true
    }

    /// Standard output keeps no place, and has one line after the other.
    fn copies_beside(&self) -> bool {
        !self.stream
    }

    async fn follow(&self, task: &ApplyTask) -> Result<FollowOpened> {
        block_in_place(|| changelog::open(self, task))
    }

    async fn unfollow(&self, task: &ApplyTask) -> Result<()> {
        block_in_place(|| changelog::discard(self, task))
    }

    async fn execute(&self, _: &[String]) -> Result<()> {
        Err(Error::new(Code::Unsupported, "a file runs no statements"))
    }

    async fn end(&self) -> Result<()> {
        held(&self.folders).clear();
        Ok(())
    }
}
