//! How rows become the bytes of a file: encoded, in the target's character set, packed, and put
//! together.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use syncline_connector::WriteTask;
use syncline_types::{Error, Result};

use super::FilesSink;
use crate::arrow_file::ArrowForm;
use crate::charset::{self, Transcribe};
use crate::compression::Packer;
use crate::csv::{Dialect, writer::CsvEncoder};
use crate::jsonl::writer::JsonlEncoder;
use crate::options::{Compression, Format};
use crate::parquet_file::ParquetForm;
use crate::parts::{Assemble, Concatenate, Folder};
use crate::script_file::ScriptEncoder;
use crate::values::RowEncoder;
use crate::writers::{TextForm, transcribe};
use crate::{catalog, os_error};

impl FilesSink {
    fn packing(&self) -> Compression {
        self.compression.unwrap_or(Compression::None)
    }

    pub(crate) fn transcribe(&self) -> Result<Option<Transcribe>> {
        Ok(charset::label(self.options.charset.as_deref())?.map(Transcribe::new))
    }

    fn encoder(&self, task: &WriteTask) -> Result<Box<dyn RowEncoder>> {
        let table = task.table.as_ref();
        Ok(match self.format {
            Format::Jsonl => Box::new(JsonlEncoder::new(table)?),
            Format::Sql => Box::new(ScriptEncoder::new(task, &self.options)?),
            format => {
                let dialect = Dialect::of(&self.options, format)?;
                let (line_end, header) = (self.options.line_end, self.options.header);
                Box::new(CsvEncoder::new(table, dialect, line_end, header)?)
            }
        })
    }

    pub(super) fn form(&self, task: &WriteTask) -> Result<TextForm> {
        Ok(TextForm {
            encoder: self.encoder(task)?,
            transcribe: self.transcribe()?,
            compression: self.packing(),
            level: self.options.level,
        })
    }

    /// What a text file begins with.
    pub(super) fn head(&self, task: &WriteTask, first: bool) -> Result<Vec<u8>> {
        self.encoded(self.encoder(task)?.head(first)?)
    }

    /// A text in the encoding of the target.
    pub(super) fn encoded(&self, text: Vec<u8>) -> Result<Vec<u8>> {
        let Some(charset) = self.transcribe()? else { return Ok(text) };
        let mut head = charset.mark().to_vec();
        transcribe(charset, &text, &mut head)?;
        Ok(head)
    }

    pub(super) fn packed(&self, bytes: &[u8]) -> io::Result<Vec<u8>> {
        if bytes.is_empty() {
            return Ok(Vec::new());
        }
        let mut packer = Packer::begin(self.packing(), self.options.level, Vec::new())?;
        packer.write_all(bytes)?;
        packer.finish()
    }

    /// How pieces of the table become a file.
    pub(super) fn assembly(&self, task: &WriteTask, folder: &Folder) -> Result<Box<dyn Assemble>> {
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
                    head: self.packed(&self.head(task, true)?).map_err(at)?,
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
}
