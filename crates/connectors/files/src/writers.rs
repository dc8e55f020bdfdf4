//! Writers of one split each: as text, as block files, or to standard output.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use syncline_connector::{SinkWriter, WriteTask, async_trait};
use syncline_types::{ChangeBatch, Code, Error, Position, Result, TableName};

use crate::arrow_file::{ArrowForm, ArrowSegment};
use crate::blocking::block_in_place;
use crate::charset::Transcribe;
use crate::compression::Packer;
use crate::options::Compression;
use crate::os_error;
use crate::parquet_file::{ParquetForm, ParquetSegment};
use crate::parts::{Checkpoint, Folder, Segment};
use crate::sink::held;
use crate::values::RowEncoder;

/// When a page ends.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Paging {
    /// Rows at most.
    pub(crate) rows: Option<u64>,
    /// Bytes before packing; the row that reaches them is the last.
    pub(crate) bytes: Option<u64>,
}

/// The durable side of one split.
pub(crate) struct Part {
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
    /// The part as it was left.
    pub(crate) fn new(
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
pub(crate) fn transcribe(charset: Transcribe, text: &[u8], out: &mut Vec<u8>) -> Result<()> {
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

/// How rows become the bytes of a text file.
pub(crate) struct TextForm {
    /// Makes text of rows.
    pub(crate) encoder: Box<dyn RowEncoder>,
    /// The encoding, when it is not UTF-8.
    pub(crate) transcribe: Option<Transcribe>,
    /// How the text is packed.
    pub(crate) compression: Compression,
    /// How hard.
    pub(crate) level: Option<u32>,
}

/// Writes the rows of one split as text.
pub(crate) struct TextWriter {
    form: TextForm,
    /// What the first file begins with, and what later pages do.
    heads: (Vec<u8>, Vec<u8>),
    /// The split that begins the file.
    first: bool,
    /// The first file is there also without rows: it makes the table.
    always: bool,
    part: Part,
    output: Option<Output>,
    text: Vec<u8>,
    ends: Vec<(usize, usize)>,
}

impl TextWriter {
    /// A writer that goes on where the part was left. `heads` are what the first file begins with,
    /// and what later pages do; with `always` the first file is made also without rows.
    pub(crate) fn new(form: TextForm, part: Part, heads: (Vec<u8>, Vec<u8>), always: bool) -> Self {
        let first = part.split == 0;
        Self { form, heads, first, always, part, output: None, text: Vec::new(), ends: Vec::new() }
    }

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
                    pack(output, head, &self.form)?;
                }
                output
            }
        };
        if range.is_empty() {
            return Ok(());
        }
        pack(output, &self.text[range], &self.form)
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
        self.form.encoder.encode(&batch.rows, pages, &mut self.text, &mut self.ends)?;
        let Some(charset) = self.form.transcribe else { return Ok(()) };
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

fn pack(output: &mut Output, bytes: &[u8], form: &TextForm) -> Result<()> {
    let Output { path, packer, file } = output;
    let at = |e| os_error::of(path, "write", e);
    let packer = match packer {
        Some(packer) => packer,
        None => {
            let file = file.take().ok_or_else(|| Error::bug("a segment without a file"))?;
            packer.insert(Packer::begin(form.compression, form.level, file).map_err(at)?)
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
pub(crate) enum Form {
    Parquet(ParquetForm),
    Arrow(ArrowForm),
}

/// A block file that is being written.
enum Block {
    Parquet(Box<ParquetSegment>),
    Arrow(Box<ArrowSegment>),
}

/// Writes the rows of one split as sealed files.
pub(crate) struct BlockWriter {
    form: Form,
    part: Part,
    schema: SchemaRef,
    table: TableName,
    open: Option<(PathBuf, Block)>,
}

impl BlockWriter {
    /// A writer that goes on where the part was left.
    pub(crate) fn new(part: Part, form: Form, task: &WriteTask) -> Self {
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
                    Form::Arrow(form) => Block::Arrow(Box::new(form.begin(&path, file)?)),
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
pub(crate) struct StreamWriter {
    form: TextForm,
    head: Vec<u8>,
    /// The header has been written.
    headed: Arc<Mutex<bool>>,
    text: Vec<u8>,
    ends: Vec<(usize, usize)>,
}

impl StreamWriter {
    /// A writer; `head` is written once, by whoever comes first.
    pub(crate) fn new(form: TextForm, head: Vec<u8>, headed: Arc<Mutex<bool>>) -> Self {
        Self { form, head, headed, text: Vec::new(), ends: Vec::new() }
    }

    fn send(&mut self, text: &[u8]) -> Result<()> {
        let mut headed = held(&self.headed);
        let send = || -> io::Result<()> {
            let mut packer =
                Packer::begin(self.form.compression, self.form.level, io::stdout().lock())?;
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
            self.form.encoder.encode(&batch.rows, None, &mut self.text, &mut self.ends)?;
            let text = match self.form.transcribe {
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
