//! Files as a target: parts that are durable with their positions, put together at the end.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use syncline_connector::{
    Endpoint, Guarantee, Held, Opened, Sink, SinkWriter, TargetTable, WriteMode, WriteTask,
    async_trait,
};
use syncline_types::{ChangeBatch, Code, Error, Position, Result, Split, TableName, TableSchema};
use tokio::task::block_in_place;

use crate::arrow_file::{ArrowForm, ArrowSegment};
use crate::catalog;
use crate::charset::{self, Transcribe};
use crate::compression::Packer;
use crate::csv::{Dialect, writer::CsvEncoder};
use crate::jsonl::writer::JsonlEncoder;
use crate::location::{Template, named, pages, parent};
use crate::options::{Compression, FilesOptions, Format};
use crate::os_error;
use crate::parquet_file::{ParquetForm, ParquetSegment};
use crate::parts::{Assemble, Checkpoint, Concatenate, Folder, Segment};
use crate::script_file::{ScriptEncoder, dialect};
use crate::values::RowEncoder;

/// Bytes a page has by default, before packing.
const PAGE_BYTES: u64 = 64 << 20;

/// Files as a target.
pub(crate) struct FilesSink {
    options: FilesOptions,
    template: Template,
    stream: bool,
    format: Format,
    compression: Option<Compression>,
    /// The folders this run has, by target.
    folders: Mutex<HashMap<PathBuf, Arc<Folder>>>,
    /// Which table goes to which target.
    owners: Mutex<HashMap<PathBuf, TableName>>,
    /// Standard output: the header has been written.
    headed: Arc<Mutex<bool>>,
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
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

    fn packing(&self) -> Compression {
        self.compression.unwrap_or(Compression::None)
    }

    fn transcribe(&self) -> Result<Option<Transcribe>> {
        Ok(charset::label(self.options.charset.as_deref())?.map(Transcribe::new))
    }

    fn encoder(&self, table: &TableSchema) -> Result<Box<dyn RowEncoder>> {
        Ok(match self.format {
            Format::Jsonl => Box::new(JsonlEncoder::new(table)?),
            Format::Sql => Box::new(ScriptEncoder::new(table, &self.options)?),
            format => {
                let dialect = Dialect::of(&self.options, format)?;
                let (line_end, header) = (self.options.line_end, self.options.header);
                Box::new(CsvEncoder::new(table, dialect, line_end, header)?)
            }
        })
    }

    /// What a text file begins with, packed as it is.
    fn head(&self, table: &TableSchema, first: bool) -> Result<Vec<u8>> {
        let text = self.encoder(table)?.head(first)?;
        let Some(charset) = self.transcribe()? else { return Ok(text) };
        let mut head = charset.mark().to_vec();
        transcribe(charset, &text, &mut head)?;
        Ok(head)
    }

    fn packed(&self, bytes: &[u8]) -> io::Result<Vec<u8>> {
        if bytes.is_empty() {
            return Ok(Vec::new());
        }
        let mut packer = Packer::begin(self.packing(), self.options.level, Vec::new())?;
        packer.write_all(bytes)?;
        packer.finish()
    }

    /// How pieces of the table become a file.
    fn assembly(&self, task: &WriteTask, folder: &Folder) -> Result<Box<dyn Assemble>> {
        let table = &task.table;
        Ok(match self.format {
            Format::Parquet => {
                Box::new(ParquetForm::new(table, self.compression, self.options.level)?)
            }
            Format::Arrow => Box::new(ArrowForm::new(table)),
            _ => {
                let at = |e| Error::bug("a header cannot be packed").because(e);
                let mut line_end = Vec::new();
                match self.transcribe()? {
                    None => line_end.push(b'\n'),
                    Some(charset) => transcribe(charset, b"\n", &mut line_end)?,
                }
                let old = folder.appends().then(|| self.target(&table.name)).transpose()?;
                Box::new(Concatenate {
                    head: self.packed(&self.head(table, true)?).map_err(at)?,
                    old_open: match old {
                        Some(old) => !self.ends_line(&old)?,
                        None => false,
                    },
                    line_end: self.packed(&line_end).map_err(at)?,
                })
            }
        })
    }

    /// Whether the last line of a text file has an end.
    fn ends_line(&self, path: &Path) -> Result<bool> {
        let at = |e| os_error::of(path, "read", e);
        let packing = catalog::packing(self.packing(), &self.options)?;
        let mut text = packing.text(File::open(path).map_err(at)?).map_err(at)?;
        let mut last = b'\n';
        let mut buf = vec![0; 64 << 10];
        loop {
            match io::Read::read(&mut text, &mut buf).map_err(at)? {
                0 => return Ok(last == b'\n'),
                n => last = buf[n - 1],
            }
        }
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

    fn adapt(&self, source: &TableSchema, target: &TableName) -> Result<TableSchema> {
        if self.format == Format::Sql {
            return syncline_sql::adapt(dialect(self.options.dialect), source, target);
        }
        let mut table = source.clone();
        table.name = target.clone();
        Ok(table)
    }

    fn guarantee(&self, _task: &WriteTask) -> Guarantee {
        if self.stream { Guarantee::Append } else { Guarantee::Transactional }
    }

    fn max_parallel(&self) -> usize {
        if self.stream { 1 } else { usize::MAX }
    }

    async fn prepare(&self, task: &WriteTask) -> Result<()> {
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
                let writer = StreamWriter {
                    encoder: self.encoder(&task.table)?,
                    head: self.head(&task.table, true)?,
                    headed: self.headed.clone(),
                    transcribe: self.transcribe()?,
                    compression: self.packing(),
                    level: self.options.level,
                    text: Vec::new(),
                    ends: Vec::new(),
                };
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
                _ => Box::new(TextWriter {
                    encoder: self.encoder(&task.table)?,
                    heads: if folder.appends() {
                        (Vec::new(), Vec::new())
                    } else {
                        (self.head(&task.table, !folder.goes_on())?, self.head(&task.table, false)?)
                    },
                    first: split.id == 0,
                    always: self.format == Format::Sql && !folder.goes_on(),
                    transcribe: self.transcribe()?,
                    compression: self.packing(),
                    level: self.options.level,
                    part,
                    output: None,
                    text: Vec::new(),
                    ends: Vec::new(),
                }),
            };
            Ok(Opened { writer, held })
        })
    }

    async fn commit(&self, task: &WriteTask) -> Result<()> {
        if self.stream {
            return Ok(());
        }
        block_in_place(|| {
            let folder = self.folder(task)?;
            let assembly = self.assembly(task, &folder)?;
            folder.commit(task.splits, assembly.as_ref())
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

    async fn end(&self) -> Result<()> {
        held(&self.folders).clear();
        Ok(())
    }
}

/// When a page ends.
#[derive(Debug, Clone, Copy)]
struct Paging {
    rows: Option<u64>,
    bytes: Option<u64>,
}

/// The durable side of one split.
struct Part {
    folder: Arc<Folder>,
    split: u32,
    checkpoint: Checkpoint,
    /// Segments up to here are durable, or sealed; the last may be open.
    segments: Vec<Segment>,
    paging: Option<Paging>,
    page: u64,
    page_rows: u64,
    page_bytes: u64,
}

impl Part {
    fn new(
        folder: Arc<Folder>,
        split: u32,
        checkpoint: Checkpoint,
        paging: Option<Paging>,
    ) -> Self {
        let segments = checkpoint.segments.clone();
        let page = segments.last().map_or(0, |s| s.page);
        let of_page = || segments.iter().filter(|s| s.page == page);
        let page_rows = of_page().map(|s| s.rows).sum();
        let page_bytes = of_page().map(|s| s.unpacked).sum();
        Self { folder, split, checkpoint, segments, paging, page, page_rows, page_bytes }
    }

    /// Begins a segment on the page.
    fn segment(&mut self) -> Result<(PathBuf, File)> {
        let (file, open) = self.folder.segment(self.split, self.segments.len())?;
        let path = self.folder.path(&file);
        let page = self.page;
        let epoch = self.checkpoint.epoch;
        self.segments.push(Segment { file, bytes: 0, rows: 0, unpacked: 0, page, epoch });
        Ok((path, open))
    }

    /// Whether the page has no segment yet.
    fn is_new_page(&self) -> bool {
        self.segments.last().is_none_or(|s| s.page != self.page)
    }

    /// Counts rows of the open segment.
    fn count(&mut self, rows: u64, bytes: u64) {
        self.page_rows += rows;
        self.page_bytes += bytes;
        if let Some(segment) = self.segments.last_mut() {
            segment.rows += rows;
            segment.unpacked += bytes;
        }
    }

    /// Whether so many more rows belong on the next page.
    fn is_full(&self, rows: u64) -> bool {
        let beyond = |p: Paging| {
            p.rows.is_some_and(|most| self.page_rows + rows > most)
                || p.bytes.is_some_and(|most| self.page_bytes >= most)
        };
        self.page_rows > 0 && self.paging.is_some_and(beyond)
    }

    fn next_page(&mut self) {
        self.page += 1;
        (self.page_rows, self.page_bytes) = (0, 0);
    }

    /// Makes everything sealed so far durable, together with the position.
    fn save(&mut self, position: &Position, end: bool) -> Result<()> {
        self.folder.sync()?;
        self.checkpoint.segments.clone_from(&self.segments);
        self.checkpoint.position = Some(position.clone());
        self.checkpoint.done = end;
        self.folder.save(self.split, &self.checkpoint)
    }
}

/// Encodes whole texts; their errors are of kind data.
fn transcribe(charset: Transcribe, text: &[u8], out: &mut Vec<u8>) -> Result<()> {
    let text = std::str::from_utf8(text).map_err(|e| Error::bug("rows are no text").because(e))?;
    charset.append(text, out).map_err(|c| {
        let message = format!("the encoding of the target has no {c:?} (U+{:04X})", u32::from(c));
        Error::new(Code::NoEquivalent, message).hint("write in another encoding: ?charset=utf-8")
    })
}

/// A segment of text that is being written.
struct Output {
    path: PathBuf,
    /// `None` between two members.
    packer: Option<Packer<Counted>>,
    file: Option<Counted>,
}

/// A file that counts what is written to it.
struct Counted {
    file: File,
    bytes: u64,
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.file.write(bytes)?;
        self.bytes += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Writes the rows of one split as text.
struct TextWriter {
    encoder: Box<dyn RowEncoder>,
    /// What the first file begins with, and what later pages do.
    heads: (Vec<u8>, Vec<u8>),
    /// The split that begins the file.
    first: bool,
    /// The first file is there also without rows: it makes the table.
    always: bool,
    transcribe: Option<Transcribe>,
    compression: Compression,
    level: Option<u32>,
    part: Part,
    output: Option<Output>,
    text: Vec<u8>,
    ends: Vec<(usize, usize)>,
}

impl TextWriter {
    /// Writes text to the open segment; begins one with its head, where there is none.
    fn put(&mut self, range: std::ops::Range<usize>) -> Result<()> {
        let output = match self.output.take() {
            Some(output) => self.output.insert(output),
            None => {
                let headed = (self.first || self.part.paging.is_some()) && self.part.is_new_page();
                let (path, file) = self.part.segment()?;
                let file = Some(Counted { file, bytes: 0 });
                let output = self.output.insert(Output { path, packer: None, file });
                let first = self.first && self.part.page == 0;
                let head = if first { &self.heads.0 } else { &self.heads.1 };
                if headed && !head.is_empty() {
                    pack(output, head, self.compression, self.level)?;
                }
                output
            }
        };
        if range.is_empty() {
            return Ok(());
        }
        pack(output, &self.text[range], self.compression, self.level)
    }

    /// Ends the member of the open segment and makes its bytes durable.
    fn seal(&mut self) -> Result<()> {
        let Some(output) = &mut self.output else { return Ok(()) };
        let at = |e| os_error::of(&output.path, "write", e);
        if let Some(packer) = output.packer.take() {
            output.file = Some(packer.finish().map_err(at)?);
        }
        if let Some(file) = &output.file {
            file.file.sync_data().map_err(at)?;
            if let Some(segment) = self.part.segments.last_mut() {
                segment.bytes = file.bytes;
            }
        }
        Ok(())
    }

    fn encode(&mut self, batch: &ChangeBatch) -> Result<()> {
        self.text.clear();
        self.ends.clear();
        let pages = self.part.paging.and_then(|p| p.rows).map(|most| {
            let rows = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
            (rows(most.saturating_sub(self.part.page_rows)), rows(most))
        });
        self.encoder.encode(&batch.rows, pages, &mut self.text, &mut self.ends)?;
        let Some(charset) = self.transcribe else { return Ok(()) };
        let mut out = Vec::with_capacity(self.text.len());
        let mut start = 0;
        for (end, _) in &mut self.ends {
            transcribe(charset, &self.text[start..*end], &mut out)?;
            start = *end;
            *end = out.len();
        }
        self.text = out;
        Ok(())
    }
}

fn pack(output: &mut Output, bytes: &[u8], how: Compression, level: Option<u32>) -> Result<()> {
    let Output { path, packer, file } = output;
    let at = |e| os_error::of(path, "write", e);
    let packer = match packer {
        Some(packer) => packer,
        None => {
            let file = file.take().ok_or_else(|| Error::bug("a segment without a file"))?;
            packer.insert(Packer::begin(how, level, file).map_err(at)?)
        }
    };
    packer.write_all(bytes).map_err(at)
}

#[async_trait]
impl SinkWriter for TextWriter {
    async fn write(&mut self, batch: &ChangeBatch) -> Result<()> {
        block_in_place(|| {
            self.encode(batch)?;
            if self.part.paging.is_none() {
                let (rows, end) = (batch.rows.num_rows() as u64, self.text.len());
                if end > 0 {
                    self.put(0..end)?;
                    self.part.count(rows, end as u64);
                }
                return Ok(());
            }
            let (mut from, mut start, mut written) = (0, 0, 0);
            for i in 0..self.ends.len() {
                let (end, rows) = self.ends[i];
                if self.part.is_full((rows - written) as u64) {
                    if from < start {
                        self.put(from..start)?;
                    }
                    self.seal()?;
                    self.output = None;
                    self.part.next_page();
                    from = start;
                }
                if self.output.is_none() {
                    self.put(0..0)?;
                }
                self.part.count((rows - written) as u64, (end - start) as u64);
                (start, written) = (end, rows);
            }
            if from < start { self.put(from..start) } else { Ok(()) }
        })
    }

    async fn flush(&mut self, position: &Position, end: bool) -> Result<()> {
        block_in_place(|| {
            let headed = self.part.paging.is_none() && !self.heads.0.is_empty();
            if end && self.first && self.part.segments.is_empty() && (headed || self.always) {
                self.put(0..0)?;
            }
            self.seal()?;
            self.part.save(position, end)
        })
    }
}

/// A form of block files.
enum Form {
    Parquet(ParquetForm),
    Arrow(ArrowForm),
}

/// A block file that is being written.
enum Block {
    Parquet(Box<ParquetSegment>),
    Arrow(ArrowSegment),
}

/// Writes the rows of one split as sealed files.
struct BlockWriter {
    form: Form,
    part: Part,
    schema: SchemaRef,
    table: TableName,
    open: Option<(PathBuf, Block)>,
}

impl BlockWriter {
    fn new(part: Part, form: Form, task: &WriteTask) -> Self {
        let (schema, table) = (task.table.arrow(), task.table.name.clone());
        Self { form, part, schema, table, open: None }
    }

    fn seal(&mut self) -> Result<()> {
        let Some((path, block)) = self.open.take() else { return Ok(()) };
        let file = match block {
            Block::Parquet(segment) => segment.seal()?,
            Block::Arrow(segment) => segment.seal()?,
        };
        let at = |e| os_error::of(&path, "write", e);
        file.sync_all().map_err(at)?;
        if let Some(segment) = self.part.segments.last_mut() {
            segment.bytes = file.metadata().map_err(at)?.len();
        }
        Ok(())
    }

    fn put(&mut self, rows: &RecordBatch) -> Result<()> {
        let open = match self.open.take() {
            Some(open) => open,
            None => {
                let (path, file) = self.part.segment()?;
                let block = match &self.form {
                    Form::Parquet(form) => Block::Parquet(Box::new(form.begin(&path, file)?)),
                    Form::Arrow(form) => Block::Arrow(form.begin(&path, file)?),
                };
                (path, block)
            }
        };
        let (_, block) = self.open.insert(open);
        match block {
            Block::Parquet(segment) => segment.write(rows)?,
            Block::Arrow(segment) => segment.write(rows)?,
        }
        self.part.count(rows.num_rows() as u64, rows.get_array_memory_size() as u64);
        Ok(())
    }
}

#[async_trait]
impl SinkWriter for BlockWriter {
    async fn write(&mut self, batch: &ChangeBatch) -> Result<()> {
        block_in_place(|| {
            for (field, column) in self.schema.fields().iter().zip(batch.rows.columns()) {
                if !field.is_nullable() && column.null_count() > 0 {
                    let message = format!("{}: NULL in column {:?}", self.table, field.name());
                    return Err(Error::new(Code::NotNull, message));
                }
            }
            let rows = RecordBatch::try_new(self.schema.clone(), batch.rows.columns().to_vec())
                .map_err(|e| {
                    Error::bug(format!("{}: rows of other types", self.table)).because(e)
                })?;
            let Some(Paging { rows: Some(most), .. }) = self.part.paging else {
                if self.part.is_full(1) {
                    self.seal()?;
                    self.part.next_page();
                }
                return if rows.num_rows() > 0 { self.put(&rows) } else { Ok(()) };
            };
            let mut start = 0;
            while start < rows.num_rows() {
                if self.part.is_full(1) {
                    self.seal()?;
                    self.part.next_page();
                }
                let room = most.saturating_sub(self.part.page_rows).max(1);
                let take = usize::try_from(room).unwrap_or(usize::MAX).min(rows.num_rows() - start);
                self.put(&rows.slice(start, take))?;
                start += take;
            }
            Ok(())
        })
    }

    async fn flush(&mut self, position: &Position, end: bool) -> Result<()> {
        block_in_place(|| {
            self.seal()?;
            self.part.save(position, end)
        })
    }
}

/// Writes rows to standard output, batch by batch.
struct StreamWriter {
    encoder: Box<dyn RowEncoder>,
    head: Vec<u8>,
    headed: Arc<Mutex<bool>>,
    transcribe: Option<Transcribe>,
    compression: Compression,
    level: Option<u32>,
    text: Vec<u8>,
    ends: Vec<(usize, usize)>,
}

impl StreamWriter {
    fn send(&mut self, text: &[u8]) -> Result<()> {
        let mut headed = held(&self.headed);
        let send = || -> io::Result<()> {
            let mut packer = Packer::begin(self.compression, self.level, io::stdout().lock())?;
            if !*headed {
                packer.write_all(&self.head)?;
            }
            packer.write_all(text)?;
            packer.finish()?.flush()
        };
        send().map_err(|e| os_error::of(Path::new("standard output"), "write to", e))?;
        *headed = true;
        Ok(())
    }
}

#[async_trait]
impl SinkWriter for StreamWriter {
    async fn write(&mut self, batch: &ChangeBatch) -> Result<()> {
        block_in_place(|| {
            self.text.clear();
            self.ends.clear();
            self.encoder.encode(&batch.rows, None, &mut self.text, &mut self.ends)?;
            let text = match self.transcribe {
                None => std::mem::take(&mut self.text),
                Some(charset) => {
                    let mut out = Vec::new();
                    transcribe(charset, &self.text, &mut out)?;
                    out
                }
            };
            self.send(&text)?;
            self.text = text;
            Ok(())
        })
    }

    async fn flush(&mut self, _position: &Position, end: bool) -> Result<()> {
        let headed = *held(&self.headed);
        if end && !headed {
            // A table without rows has a header all the same.
            block_in_place(|| self.send(&[]))?;
        }
        Ok(())
    }
}
