//! One segment while it is written: text, packed or not, or a block file.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use syncline_types::{Error, Result, TableSchema};

use crate::arrow_file::{ArrowForm, ArrowSegment};
use crate::charset::Transcribe;
use crate::compression::Packer;
use crate::csv::{Dialect, writer::CsvEncoder};
use crate::options::{Compression, FilesOptions, Format};
use crate::os_error;
use crate::parquet_file::{ParquetForm, ParquetSegment};
use crate::values::RowEncoder;
use crate::writers::transcribe;

/// How segments are written.
#[derive(Clone)]
pub(super) struct Form {
    pub(super) format: Format,
    pub(super) options: FilesOptions,
    pub(super) compression: Option<Compression>,
    pub(super) transcribe: Option<Transcribe>,
}

enum Body {
    Text(Box<Packer<BufWriter<File>>>),
    Parquet(Box<ParquetSegment>),
    Arrow(Box<ArrowSegment>),
}

/// A segment that is being written.
pub(super) struct Segment {
    path: PathBuf,
    body: Body,
    /// Of rows, where they are no lines of JSON.
    encoder: Option<CsvEncoder>,
    transcribe: Option<Transcribe>,
    /// Before packing.
    pub(super) bytes: u64,
}

impl Segment {
    /// Begins one, for rows of `log` where they are no lines of JSON.
    pub(super) fn begin(form: &Form, log: &TableSchema, path: PathBuf, file: File) -> Result<Self> {
        let mut encoder = None;
        let body = match form.format {
            Format::Parquet => {
                let parquet = ParquetForm::new(log, form.compression, form.options.level)?;
                Body::Parquet(Box::new(parquet.begin(&path, file)?))
            }
            Format::Arrow => Body::Arrow(Box::new(ArrowForm::new(log).begin(&path, file)?)),
            format => {
                if format != Format::Jsonl {
                    let dialect = Dialect::of(&form.options, format)?;
                    let (line_end, header) = (form.options.line_end, form.options.header);
                    encoder = Some(CsvEncoder::new(log, dialect, line_end, header)?);
                }
                Body::Text(Box::new(packer(form, BufWriter::new(file), &path)?))
            }
        };
        let mut segment = Self { path, body, encoder, transcribe: form.transcribe, bytes: 0 };
        let mut head = Vec::new();
        if let Some(charset) = form.transcribe {
            head.extend_from_slice(charset.mark());
        }
        segment.raw(&head)?;
        if let Some(encoder) = &segment.encoder {
            let head = encoder.head(true)?;
            segment.text(&head)?;
        }
        Ok(segment)
    }

    /// Adds lines.
    pub(super) fn text(&mut self, text: &[u8]) -> Result<()> {
        self.bytes += text.len() as u64;
        match self.transcribe {
            None => self.raw(text),
            Some(charset) => {
                let mut out = Vec::with_capacity(text.len());
                transcribe(charset, text, &mut out)?;
                self.raw(&out)
            }
        }
    }

    fn raw(&mut self, bytes: &[u8]) -> Result<()> {
        match &mut self.body {
            Body::Text(packer) => {
                packer.write_all(bytes).map_err(|e| os_error::of(&self.path, "write", e))
            }
            _ if bytes.is_empty() => Ok(()),
            _ => Err(Error::bug("text for a block file")),
        }
    }

    /// Adds rows.
    pub(super) fn rows(&mut self, rows: &RecordBatch) -> Result<()> {
        if let Some(encoder) = &mut self.encoder {
            let (mut text, mut ends) = (Vec::new(), Vec::new());
            encoder.encode(rows, None, &mut text, &mut ends)?;
            return self.text(&text);
        }
        self.bytes += rows.get_array_memory_size() as u64;
        match &mut self.body {
            Body::Parquet(segment) => segment.write(rows),
            Body::Arrow(segment) => segment.write(rows),
            Body::Text(_) => Err(Error::bug("rows for lines of JSON")),
        }
    }

    /// Makes it whole and durable.
    pub(super) fn seal(self) -> Result<()> {
        let at = |e: io::Error| os_error::of(&self.path, "write", e);
        let file = match self.body {
            Body::Text(packer) => {
                let file = packer.finish().map_err(at)?;
                file.into_inner().map_err(|e| at(e.into_error()))?
            }
            Body::Parquet(segment) => segment.seal()?,
            Body::Arrow(segment) => segment.seal()?,
        };
        file.sync_all().map_err(at)
    }
}

/// Packs what goes to `to`.
pub(super) fn packer<W: Write>(form: &Form, to: W, path: &Path) -> Result<Packer<W>> {
    let compression = form.compression.unwrap_or(Compression::None);
    Packer::begin(compression, form.options.level, to).map_err(|e| os_error::of(path, "write", e))
}
