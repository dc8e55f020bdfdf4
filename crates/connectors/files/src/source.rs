//! Files as a source: tables found, cut into splits, and read piece by piece.

use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use syncline_connector::{
    Budget, Consistency, Cut, Endpoint, ReadTask, Source, SplitReader, async_trait,
};
use syncline_types::{
    ChangeBatch, Code, Element, Error, Pattern, Position, Result, Split, TableInfo, TableSchema,
    TableSelection, did_you_mean,
};

use crate::blocking::block_in_place;
use crate::catalog::{self, FoundTable};
use crate::csv::{Dialect, reader::CsvReader};
use crate::cut::{self, Sized};
use crate::jsonl::reader::JsonlReader;
use crate::location::SourceFile;
use crate::options::{Compression, FilesOptions, Format};
use crate::os_error;
use crate::piece::{Piece, PieceReader, Place, PositionToken, SplitToken};
use crate::script_file::ScriptRows;
use crate::window::Window;
use crate::{arrow_file, parquet_file};

/// Text of a stream that is kept to find types in.
const STREAM_HEAD: u64 = 1 << 20;

/// Where standard input comes from; tests give their own.
pub(crate) type Stdin = Box<dyn Fn() -> Box<dyn Read + Send> + Send + Sync>;

/// A stream that can be read once: the text looked at already, and the rest.
struct Stream {
    head: Vec<u8>,
    /// `None` once it has been handed to a reader.
    rest: Option<Box<dyn Read + Send>>,
    whole: bool,
}

/// Files as a source.
pub(crate) struct FilesSource {
    endpoint: Endpoint,
    options: FilesOptions,
    found: Mutex<Vec<FoundTable>>,
    stdin: Stdin,
    stream: Mutex<Option<Stream>>,
}

impl FilesSource {
    /// A source; nothing is opened yet.
    pub(crate) fn new(endpoint: Endpoint, options: FilesOptions, stdin: Stdin) -> Result<Self> {
        options.validate(&endpoint)?;
        let source = Self {
            endpoint,
            options,
            found: Mutex::new(Vec::new()),
            stdin,
            stream: Mutex::new(None),
        };
        if source.is_stream() && !source.stream_file().format.is_text() {
            let format = source.stream_file().format.name();
            let message = format!("{format} cannot be read from standard input");
            return Err(Error::new(Code::Unsupported, message).hint("write it to a file first"));
        }
        if source.is_stream() && source.stream_file().format == Format::Sql {
            return Err(Error::new(
                Code::Unsupported,
                "an SQL script cannot be read from standard input: it is read twice",
            )
            .hint("write it to a file first"));
        }
        Ok(source)
    }

    fn is_stream(&self) -> bool {
        self.endpoint.path == "-"
    }

    fn stream_file(&self) -> SourceFile {
        SourceFile {
            path: PathBuf::from("-"),
            format: self.options.format.unwrap_or(Format::Csv),
            compression: self.options.compression.unwrap_or(Compression::None),
            table: self.options.table.clone().unwrap_or_else(|| "stdin".into()),
        }
    }

    /// The tables, looked into.
    fn find(&self, wanted: &dyn Fn(&syncline_types::TableName) -> bool) -> Result<Vec<FoundTable>> {
        if !self.is_stream() {
            let files = catalog::files(&self.endpoint, &self.options)?;
            return catalog::tables(&files, &self.options, wanted);
        }
        let file = self.stream_file();
        let mut stream = self.stream.lock().unwrap_or_else(PoisonError::into_inner);
        if stream.is_none() {
            let packing = catalog::packing(file.compression, &self.options)?;
            let at = |e| os_error::of(&file.path, "read", e);
            let mut rest = packing.text((self.stdin)()).map_err(at)?;
            let mut head = Vec::new();
            rest.by_ref().take(STREAM_HEAD).read_to_end(&mut head).map_err(at)?;
            let whole = (head.len() as u64) < STREAM_HEAD;
            *stream = Some(Stream { head, rest: Some(rest), whole });
        }
        let Some(stream) = stream.as_ref() else { return Ok(Vec::new()) };
        let table = catalog::stream(&stream.head, stream.whole, &file, &self.options)?;
        Ok(if wanted(&table.info.schema.name) { vec![table] } else { Vec::new() })
    }

    fn found(&self, read: &ReadTask) -> Result<FoundTable> {
        let name = &read.table.name;
        let known = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(table) = known.iter().find(|t| &t.info.schema.name == name) {
            return Ok(table.clone());
        }
        drop(known);
        let found = self.find(&|table| table == name)?;
        found.into_iter().next().ok_or_else(|| {
            let place = self.endpoint.redacted();
            Error::new(Code::TableNotFound, format!("{place}: no file is the table {name}"))
        })
    }

    fn stream_window(&self, piece: &Piece) -> Result<Window> {
        let mut stream = self.stream.lock().unwrap_or_else(PoisonError::into_inner);
        let taken =
            stream.as_mut().and_then(|s| Some((s.rest.take()?, std::mem::take(&mut s.head))));
        let Some((rest, head)) = taken else {
            return Err(Error::new(
                Code::CannotResume,
                "standard input can be read only once, and it has been",
            )
            .hint("start over with --fresh and the same input"));
        };
        let mut head = Cursor::new(head);
        head.set_position(piece.from);
        Ok(Window::over(&piece.path, Box::new(head.chain(rest)), piece.from))
    }

    fn open_piece(
        &self,
        piece: &Piece,
        at: Option<&Place>,
        table: &Arc<TableSchema>,
    ) -> Result<Box<dyn PieceReader>> {
        if piece.path == Path::new("-") {
            let window = self.stream_window(piece)?;
            return Ok(match piece.format {
                Format::Jsonl => Box::new(JsonlReader::over(window, piece, at, table)?),
                _ => {
                    let dialect = Dialect::of(&self.options, piece.format)?;
                    Box::new(CsvReader::over(window, piece, at, table, dialect)?)
                }
            });
        }
        open_piece(piece, at, table, &self.options)
    }
}

/// A reader of a piece of a file.
fn open_piece(
    piece: &Piece,
    at: Option<&Place>,
    table: &Arc<TableSchema>,
    options: &FilesOptions,
) -> Result<Box<dyn PieceReader>> {
    piece.stamp.verify(&piece.path)?;
    let packing = catalog::packing(piece.compression, options)?;
    Ok(match piece.format {
        Format::Csv | Format::Tsv => {
            let dialect = Dialect::of(options, piece.format)?;
            Box::new(CsvReader::open(piece, at, table, packing, dialect)?)
        }
        Format::Jsonl => Box::new(JsonlReader::open(piece, at, table, packing)?),
        Format::Parquet => Box::new(parquet_file::read(piece, at, table)?),
        Format::Arrow => Box::new(arrow_file::read(piece, at, table)?),
        Format::Sql => Box::new(ScriptRows::open(piece, at, table, packing, options)?),
    })
}

#[async_trait]
impl Source for FilesSource {
    async fn check(&self) -> Result<Vec<String>> {
        if self.is_stream() {
            return Ok(vec![
                "standard input cannot be read twice: a run that is killed cannot be continued"
                    .into(),
            ]);
        }
        block_in_place(|| {
            for file in catalog::files(&self.endpoint, &self.options)? {
                let opened = std::fs::File::open(&file.path);
                opened.map_err(|e| os_error::of(&file.path, "open", e))?;
            }
            Ok(Vec::new())
        })
    }

    async fn discover(&self, selection: &TableSelection) -> Result<Vec<TableInfo>> {
        block_in_place(|| {
            let names = Mutex::new(Vec::new());
            let found = self.find(&|table| {
                names.lock().unwrap_or_else(PoisonError::into_inner).push(table.name.clone());
                selection.selects(table, None)
            })?;
            for pattern in &selection.include {
                if let Some(exact) = pattern.exact(None)
                    && !found.iter().any(|t| Pattern::matches(pattern, &t.info.schema.name, None))
                {
                    let names = names.lock().unwrap_or_else(PoisonError::into_inner);
                    let near = did_you_mean(&exact.name, names.iter().map(String::as_str));
                    let place = self.endpoint.redacted();
                    let message = format!("{place}: no file is the table {exact}{near}");
                    return Err(Error::new(Code::TableNotFound, message));
                }
            }
            let infos = found.iter().map(|t| t.info.clone()).collect();
            *self.found.lock().unwrap_or_else(PoisonError::into_inner) = found;
            Ok(infos)
        })
    }

    async fn begin(&self, _parallel: usize) -> Result<Consistency> {
        // A file that changes during the run ends the run: what is read is one moment's.
        Ok(Consistency::Snapshot)
    }

    async fn plan(&self, read: &ReadTask, wanted: &Cut) -> Result<Vec<Split>> {
        if read.filter.is_some() || read.query.is_some() {
            return Err(Error::new(
                Code::Unsupported,
                "files take neither a condition nor a query",
            )
            .hint("--filter chooses rows by an expression"));
        }
        block_in_place(|| {
            let found = self.found(read)?;
            let (count, target) = cut::share(&found, wanted);
            let mut pieces = Vec::new();
            for file in &found.files {
                pieces.extend(cut::cut(file, target, &self.options)?);
            }
            let total: u64 = pieces.iter().map(|p| p.bytes).sum::<u64>().max(1);
            // Each piece goes to the split its middle lies in.
            let mut splits: Vec<Vec<Sized>> = Vec::new();
            let (mut before, mut last) = (0, usize::MAX);
            for piece in pieces {
                let middle = u128::from(before) * 2 + u128::from(piece.bytes);
                let at = middle * count as u128 / (u128::from(total) * 2);
                let at = usize::try_from(at).unwrap_or_default().min(count - 1);
                before += piece.bytes;
                match splits.last_mut() {
                    Some(split) if at == last => split.push(piece),
                    _ => splits.push(vec![piece]),
                }
                last = at;
            }
            let resumable = !self.is_stream();
            let split = |(id, pieces): (usize, Vec<Sized>)| {
                let bytes = pieces.iter().map(|p| p.bytes).sum::<u64>();
                let rows = pieces.iter().map(|p| p.rows).sum::<Option<u64>>();
                let share = |rows: u64| {
                    let part = u128::from(rows) * u128::from(bytes) / u128::from(total);
                    u64::try_from(part).unwrap_or(u64::MAX)
                };
                let pieces = joined(pieces);
                Ok(Split {
                    table: read.table.name.clone(),
                    id: u32::try_from(id).map_err(|_| Error::bug("more splits than numbers"))?,
                    rows: rows.or_else(|| found.info.rows.map(share)),
                    bytes: Some(bytes),
                    resumable,
                    token: SplitToken::new(pieces).text()?,
                })
            };
            splits.into_iter().enumerate().map(split).collect()
        })
    }

    async fn open(
        &self,
        read: &ReadTask,
        split: &Split,
        at: Option<&Position>,
    ) -> Result<Box<dyn SplitReader>> {
        block_in_place(|| {
            let token = SplitToken::parse(&split.token)?;
            let start = at.map(|p| PositionToken::parse(&p.token)).transpose()?;
            let index = start.as_ref().map_or(0, |p| p.piece);
            let Some(piece) = token.pieces.get(index) else {
                return Err(Error::new(Code::CannotResume, "a position beyond its split"));
            };
            let place = start.as_ref().map(|p| &p.place);
            let reader = self.open_piece(piece, place, &read.table)?;
            Ok(Box::new(FilesReader {
                table: read.table.clone(),
                options: self.options.clone(),
                pieces: token.pieces,
                index,
                reader,
                seq: at.map_or(0, |p| p.seq),
            }) as Box<dyn SplitReader>)
        })
    }

    async fn end(&self) -> Result<()> {
        Ok(())
    }
}

/// Pieces of one block file that follow each other, as one.
fn joined(pieces: Vec<Sized>) -> Vec<Piece> {
    let mut out: Vec<Piece> = Vec::new();
    for Sized { piece, .. } in pieces {
        let block = matches!(piece.format, Format::Parquet | Format::Arrow);
        match out.last_mut() {
            Some(last) if block && last.path == piece.path && last.groups.1 == piece.groups.0 => {
                last.groups.1 = piece.groups.1;
            }
            _ => out.push(piece),
        }
    }
    out
}

/// Reads the pieces of a split, one after the other.
struct FilesReader {
    table: Arc<TableSchema>,
    options: FilesOptions,
    pieces: Vec<Piece>,
    index: usize,
    reader: Box<dyn PieceReader>,
    seq: u64,
}

#[async_trait]
impl SplitReader for FilesReader {
    async fn next(&mut self, budget: Budget) -> Result<Element> {
        block_in_place(|| {
            loop {
                if let Some(rows) = self.reader.next(budget)? {
                    self.seq += rows.count;
                    let place = self.reader.place();
                    return Ok(Element::Batch(ChangeBatch {
                        table: self.table.clone(),
                        rows: rows.rows,
                        rejects: rows.rejects,
                        position: PositionToken::position(self.seq, self.index, place)?,
                    }));
                }
                let done = &self.pieces[self.index];
                if done.path != Path::new("-") {
                    done.stamp.verify(&done.path)?;
                }
                let Some(next) = self.pieces.get(self.index + 1) else {
                    return Ok(Element::EndOfSplit);
                };
                self.reader = open_piece(next, None, &self.table, &self.options)?;
                self.index += 1;
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stdin(options: &str, text: &'static [u8]) -> Result<FilesSource> {
        let endpoint = Endpoint::parse(&format!("-{options}")).unwrap();
        let parsed = syncline_connector::parse_options(&endpoint).unwrap();
        FilesSource::new(endpoint, parsed, Box::new(move || Box::new(text)))
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn standard_input_is_sampled_and_then_read_from_its_beginning_once() {
        let source = stdin("?table=people", b"id,name\n1,a\n2,b\n").unwrap();
        let found = source.discover(&TableSelection::default()).await.unwrap();
        assert_eq!(found[0].schema.name.name, "people");
        let table = Arc::new(found[0].schema.clone());
        let read = ReadTask { table, filter: None, query: None };
        let cut = Cut { splits: 8, min_rows: 1, min_bytes: 1 };
        let splits = source.plan(&read, &cut).await.unwrap();
        assert_eq!((splits.len(), splits[0].resumable), (1, false));
        let mut reader = source.open(&read, &splits[0], None).await.unwrap();
        let budget = Budget { rows: 10, bytes: 1 << 20 };
        let Element::Batch(batch) = reader.next(budget).await.unwrap() else { panic!("no rows") };
        assert_eq!(batch.rows.num_rows(), 2);
        assert!(matches!(reader.next(budget).await.unwrap(), Element::EndOfSplit));
        let again = source.open(&read, &splits[0], None).await.err().unwrap();
        assert_eq!(again.code(), Code::CannotResume);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_long_stream_is_whole_after_its_sample() {
        let mut text = String::from("{\"id\":0}\n");
        while (text.len() as u64) < 2 * STREAM_HEAD {
            text.push_str("{\"id\":12345678}\n");
        }
        let lines = text.lines().count();
        let source = stdin("?format=jsonl", text.leak().as_bytes()).unwrap();
        let found = source.discover(&TableSelection::default()).await.unwrap();
        let table = Arc::new(found[0].schema.clone());
        let read = ReadTask { table, filter: None, query: None };
        let cut = Cut { splits: 1, min_rows: 1, min_bytes: 1 };
        let splits = source.plan(&read, &cut).await.unwrap();
        let mut reader = source.open(&read, &splits[0], None).await.unwrap();
        let mut rows = 0;
        let budget = Budget { rows: 16_384, bytes: 4 << 20 };
        while let Element::Batch(batch) = reader.next(budget).await.unwrap() {
            assert!(batch.rejects.is_empty());
            rows += batch.rows.num_rows();
        }
        assert_eq!(rows, lines);
    }

    #[test]
    fn streams_that_must_be_read_twice_are_refused() {
        for format in ["parquet", "arrow", "sql"] {
            let error = stdin(&format!("?format={format}"), b"").err().unwrap();
            assert_eq!(error.code(), Code::Unsupported);
        }
    }
}
