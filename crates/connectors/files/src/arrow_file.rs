//! Arrow IPC: files (Feather 2) and streams to read, files to write.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::datatypes::{Field, SchemaRef};
use arrow::error::ArrowError;
use arrow::ipc::reader::{FileReader, StreamReader};
use arrow::ipc::writer::FileWriter;
use syncline_types::{Code, Error, Result, TableSchema};

use crate::block::{Batches, BlockReader, Projection};
use crate::os_error;
use crate::parts::{Assemble, Piece as Part};
use crate::piece::{Piece, Place};
use crate::table_note::{TABLE_KEY, table_text};

/// What a file says of itself.
pub(crate) struct ArrowFile {
    /// Its columns.
    pub(crate) fields: Vec<Field>,
    /// What it notes beside its columns.
    pub(crate) notes: HashMap<String, String>,
    /// Batches; one for a stream, which cannot be cut.
    pub(crate) batches: usize,
}

fn broken(path: &Path, error: ArrowError) -> Error {
    match error {
        ArrowError::IoError(_, io) => os_error::of(path, "read", io),
        other => os_error::corrupt(path, "it is no whole Arrow file", other),
    }
}

fn failed(path: &Path, error: ArrowError) -> Error {
    match error {
        ArrowError::IoError(_, io) => os_error::of(path, "write", io),
        other => {
            let message = format!("cannot write {}", path.display());
            Error::new(Code::StoreFailed, message).because(other)
        }
    }
}

enum Opened {
    File(FileReader<BufReader<File>>),
    Stream(StreamReader<BufReader<File>>),
}

fn open(path: &Path, projection: Option<Vec<usize>>) -> Result<Opened> {
    let at = |e| os_error::of(path, "read", e);
    let mut file = File::open(path).map_err(|e| os_error::of(path, "open", e))?;
    let mut magic = Vec::new();
    file.by_ref().take(6).read_to_end(&mut magic).map_err(at)?;
    file.seek(SeekFrom::Start(0)).map_err(at)?;
    if magic == b"ARROW1" {
        return FileReader::try_new_buffered(file, projection)
            .map(Opened::File)
            .map_err(|e| broken(path, e));
    }
    StreamReader::try_new_buffered(file, projection)
        .map(Opened::Stream)
        .map_err(|e| broken(path, e))
}

/// Reads a file's footer, or a stream's head.
///
/// # Errors
/// [`Code::Corrupt`] when it has none.
pub(crate) fn look(path: &Path) -> Result<ArrowFile> {
    let opened = open(path, None)?;
    let (schema, batches, mut notes) = match &opened {
        Opened::File(file) => (file.schema(), file.num_batches(), file.custom_metadata().clone()),
        Opened::Stream(stream) => (stream.schema(), 1, HashMap::new()),
    };
    notes.extend(schema.metadata().clone());
    let fields = schema.fields().iter().map(|f| f.as_ref().clone()).collect();
    Ok(ArrowFile { fields, notes, batches })
}

/// Reads the batches of a piece, from `at`.
pub(crate) fn read(piece: &Piece, at: Option<&Place>, table: &TableSchema) -> Result<BlockReader> {
    let path = piece.path.clone();
    let found = look(&path)?;
    let projection = Projection::new(&path, &found.fields, table)?;
    let row = at.map_or(0, |p| p.row);
    let mut skip = row;
    let batches: Box<dyn Iterator<Item = std::result::Result<RecordBatch, ArrowError>> + Send> =
        match open(&path, Some(projection.places.clone()))? {
            Opened::File(mut file) => {
                let (first, end) = piece.groups;
                if first > 0 {
                    file.set_index(first).map_err(|e| broken(&path, e))?;
                }
                Box::new(file.take(end - first))
            }
            Opened::Stream(stream) => Box::new(stream),
        };
    let batches: Batches = Box::new(batches.filter_map(move |batch| {
        let batch = match batch {
            Ok(batch) => batch,
            Err(e) => return Some(Err(broken(&path, e))),
        };
        let rows = batch.num_rows() as u64;
        let passed = skip.min(rows);
        skip -= passed;
        // As many as a batch has rows.
        let passed = usize::try_from(passed).unwrap_or_default();
        (passed < batch.num_rows()).then(|| Ok(batch.slice(passed, batch.num_rows() - passed)))
    }));
    Ok(BlockReader::new(batches, projection, row))
}

/// How a table is written.
#[derive(Clone)]
pub(crate) struct ArrowForm {
    schema: SchemaRef,
    table: Option<String>,
}

impl ArrowForm {
    /// The form for a table.
    pub(crate) fn new(table: &TableSchema) -> Self {
        Self { schema: table.arrow(), table: table_text(table) }
    }

    /// Begins a file.
    pub(crate) fn begin(&self, path: &Path, file: File) -> Result<ArrowSegment> {
        let mut writer = FileWriter::try_new(file, &self.schema).map_err(|e| failed(path, e))?;
        if let Some(text) = &self.table {
            writer.write_metadata(TABLE_KEY, text.clone());
        }
        Ok(ArrowSegment { path: path.to_owned(), writer })
    }
}

/// A file that is being written.
pub(crate) struct ArrowSegment {
    path: PathBuf,
    writer: FileWriter<File>,
}

impl ArrowSegment {
    /// Adds rows.
    pub(crate) fn write(&mut self, rows: &RecordBatch) -> Result<()> {
        self.writer.write(rows).map_err(|e| failed(&self.path, e))
    }

    /// Writes the footer.
    pub(crate) fn seal(mut self) -> Result<File> {
        self.writer.finish().map_err(|e| failed(&self.path, e))?;
        self.writer.into_inner().map_err(|e| failed(&self.path, e))
    }
}

impl Assemble for ArrowForm {
    fn assemble(&self, old: Option<&Path>, pieces: &[Part], out: &Path) -> Result<PathBuf> {
        if let (None, [one]) = (old, pieces) {
            return Ok(one.path.clone());
        }
        let file = File::create(out).map_err(|e| os_error::of(out, "make", e))?;
        let mut target = self.begin(out, file)?;
        for path in old.into_iter().chain(pieces.iter().map(|p| p.path.as_path())) {
            let batches: Box<dyn Iterator<Item = _>> = match open(path, None)? {
                Opened::File(file) => Box::new(file),
                Opened::Stream(stream) => Box::new(stream),
            };
            for batch in batches {
                let batch = batch.map_err(|e| broken(path, e))?;
                let own = RecordBatch::try_new(self.schema.clone(), batch.columns().to_vec());
                let own = own.map_err(|e| {
                    let message = format!("{}: its columns are not those written", path.display());
                    Error::new(Code::ColumnMismatch, message)
                        .hint("write to another file, or use --write replace")
                        .because(e)
                })?;
                target.write(&own)?;
            }
        }
        let file = target.seal()?;
        file.sync_all().map_err(|e| os_error::of(out, "write", e))?;
        Ok(out.to_owned())
    }
}
