//! What the beginning of a text, and pieces further in, tell of its table.

use arrow::datatypes::{DataType, Field};
use syncline_types::{Error, Result, TableInfo, TableName, TableSchema};

use super::{FoundFile, FoundTable, Layout, One, packing, piece, settle};
use crate::csv::Dialect;
use crate::csv::reader::{self as csv_reader, Sampled};
use crate::jsonl::reader as jsonl_reader;
use crate::location::{SourceFile, Stamp};
use crate::options::{FilesOptions, Format};
use crate::text_types::{Looks, TypeOverrides};
use crate::window::Window;

/// Bytes looked at, at most, at the beginning of a file to find types.
const SAMPLE_BYTES: u64 = 8 << 20;

/// Pieces further in that are looked at, and the bytes of each.
const PROBES: u64 = 8;
const PROBE_BYTES: u64 = 128 << 10;

/// Looks into a CSV or JSON Lines file.
pub(super) fn text(name: &TableName, file: &SourceFile, options: &FilesOptions) -> Result<One> {
    let stamp = Stamp::of(&file.path)?;
    let packing = packing(file.compression, options)?;
    let mut window = Window::open(&file.path, packing, 0, None)?;
    let plain = packing.is_plain(&file.path)?;
    let probe = |at: u64| Window::open(&file.path, packing, at, Some(at + PROBE_BYTES));
    let size = plain.then_some(stamp.size);
    let sampled = sample(&mut window, file, options, size, &probe)?;
    let rows = match (plain, sampled.rows) {
        (true, 0) => Some(0),
        // An estimate; it is exact for a file that was looked at whole.
        (true, n) => Some((stamp.size - sampled.start) * n / sampled.bytes.max(1)),
        (false, _) => None,
    };
    let layout = if plain { Layout::Records } else { Layout::Whole };
    let bytes = stamp.size;
    let table = sampled.table(name.clone(), file, stamp, layout);
    Ok(One { table, looks: sampled.looks, sampled: sampled.rows, size: (rows, bytes) })
}

/// What the beginning of a text, and pieces further in, showed.
#[derive(Debug, Default)]
struct TextSample {
    columns: Vec<String>,
    looks: Vec<Looks>,
    start: u64,
    line: u64,
    rows: u64,
    bytes: u64,
    notes: Vec<String>,
}

impl TextSample {
    /// The table of a file that shows this, with columns of text.
    fn table(
        &self,
        name: TableName,
        file: &SourceFile,
        stamp: Stamp,
        layout: Layout,
    ) -> FoundTable {
        let field = |c: &String| Field::new(c, DataType::Utf8, true);
        let schema = TableSchema::new(name, self.columns.iter().map(field));
        let info = TableInfo { schema, rows: None, bytes: None, notes: self.notes.clone() };
        let mut piece = piece(file, stamp, self.columns.clone());
        (piece.from, piece.line) = (self.start, self.line);
        FoundTable { info, files: vec![FoundFile { piece, layout }] }
    }
}

/// Looks into a text: at its beginning, and by `probe` further in when its `size` is known.
fn sample(
    window: &mut Window,
    file: &SourceFile,
    options: &FilesOptions,
    size: Option<u64>,
    probe: &dyn Fn(u64) -> Result<Window>,
) -> Result<TextSample> {
    let most = if options.infer { u64::from(options.sample) } else { 1 };
    let places: Vec<u64> = match size {
        Some(size) if options.infer && size > 2 * SAMPLE_BYTES.min(PROBES * PROBE_BYTES) => {
            (1..=PROBES).map(|i| size / (PROBES + 1) * i).collect()
        }
        _ => Vec::new(),
    };
    let first = if places.is_empty() { most } else { most.div_ceil(2) };
    let each = (most - first) / PROBES;
    if file.format == Format::Jsonl {
        let line = jsonl_reader::head(window, options.skip)?;
        let start = window.offset();
        let mut sampled = jsonl_reader::Sampled::default();
        // Keys are columns: without a type of their own, they are still looked for.
        let first = if options.infer { first } else { u64::from(options.sample.max(1)) };
        sampled.sample(window, first, SAMPLE_BYTES)?;
        for place in places {
            let mut window = probe(place)?;
            if let Some((_, next)) = jsonl_reader::line(&mut window, 0)? {
                window.pass(next);
                sampled.sample(&mut window, each, PROBE_BYTES)?;
            }
        }
        let overrides = TypeOverrides::parse(options.types.as_deref())?;
        sampled.add_columns(overrides.names());
        let jsonl_reader::Sampled { columns, looks, rows, bytes, .. } = sampled;
        let mut notes = Vec::new();
        if columns.is_empty() {
            let place = file.path.display();
            notes.push(format!(
                "{place} has no rows: its columns are known only by ?types=id:int64,name:text"
            ));
        }
        return Ok(TextSample { columns, looks, start, line, rows, bytes, notes });
    }
    let dialect = Dialect::of(options, file.format)?;
    let head = csv_reader::head(window, &file.path, &dialect, options)?;
    let width = head.columns.len();
    let found = csv_reader::sample(window, &dialect, width, first, SAMPLE_BYTES, false)?;
    let mut all: Sampled = found.unwrap_or_default();
    for place in places {
        let mut window = probe(place)?;
        if let Some((_, next)) = jsonl_reader::line(&mut window, 0)? {
            window.pass(next);
            let more = csv_reader::sample(&mut window, &dialect, width, each, PROBE_BYTES, true)?;
            if let Some(more) = more {
                all.looks.iter_mut().zip(&more.looks).for_each(|(a, b)| a.join(b));
                all.rows += more.rows;
                all.bytes += more.bytes;
            }
        }
    }
    Ok(TextSample {
        columns: head.columns,
        looks: all.looks,
        start: head.start,
        line: head.line,
        rows: all.rows,
        bytes: all.bytes,
        notes: head.notes,
    })
}

/// Looks at the beginning of a stream; gives the table and the piece that is all of it.
pub(crate) fn stream(
    head: &[u8],
    whole: bool,
    file: &SourceFile,
    options: &FilesOptions,
) -> Result<FoundTable> {
    // The last record may be cut; what is left of it is no type.
    let end =
        if whole { head.len() } else { memchr::memrchr(b'\n', head).map_or(head.len(), |n| n + 1) };
    let text = std::io::Cursor::new(head[..end].to_vec());
    let mut window = Window::over(&file.path, Box::new(text), 0);
    let none = |_| Err(Error::bug("a stream has no other places"));
    let sampled = sample(&mut window, file, options, None, &none)?;
    let (name, stamp) = (TableName::bare(&file.table), Stamp { size: 0, mtime: "0".into() });
    let mut table = sampled.table(name, file, stamp, Layout::Whole);
    settle(&mut table, &sampled.looks, sampled.rows, &file.path, options)?;
    Ok(table)
}
