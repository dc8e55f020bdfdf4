//! Tables of files cut into pieces of like size: texts at beginnings of records, block files between
//! their groups, scripts at the marks their catalog set.

use syncline_connector::Cut;
use syncline_types::Result;

use crate::catalog::{FoundFile, FoundTable, Layout, packing};
use crate::csv::{self, tokenizer::Boundaries};
use crate::options::{Compression, FilesOptions, Format};
use crate::piece::Piece;
use crate::window::Window;

/// A piece with its size.
pub(crate) struct Sized {
    /// The piece.
    pub(crate) piece: Piece,
    /// Its rows, where they are known.
    pub(crate) rows: Option<u64>,
    /// Its bytes.
    pub(crate) bytes: u64,
}

/// Cuts a file into pieces of about `target` bytes, where it can be cut.
pub(crate) fn cut(file: &FoundFile, target: u64, options: &FilesOptions) -> Result<Vec<Sized>> {
    let piece = &file.piece;
    let size = piece.stamp.size;
    match &file.layout {
        Layout::Whole => Ok(vec![Sized { piece: piece.clone(), rows: None, bytes: size.max(1) }]),
        Layout::Records => records(piece, target, options),
        Layout::Groups(groups) => {
            let each = groups.iter().enumerate().map(|(i, (rows, bytes))| Sized {
                piece: Piece { groups: (i, i + 1), ..piece.clone() },
                rows: (piece.format == Format::Parquet).then_some(*rows),
                bytes: *bytes,
            });
            let mut pieces: Vec<Sized> = each.collect();
            if pieces.is_empty() {
                pieces.push(Sized { piece: piece.clone(), rows: Some(0), bytes: 1 });
            }
            Ok(pieces)
        }
        Layout::Marks(marks) => {
            let end = piece.until.unwrap_or(size);
            let begin =
                piece.script.as_ref().and_then(|s| s.start.as_ref()).map_or(0, |p| p.offset);
            let mut pieces = vec![Sized { piece: piece.clone(), rows: None, bytes: 0 }];
            let mut from = begin;
            for (_, place) in marks {
                if place.offset - from < target || place.offset >= end {
                    continue;
                }
                if let Some(last) = pieces.last_mut() {
                    last.piece.until = Some(place.offset);
                    last.bytes = place.offset - from;
                }
                let mut next = piece.clone();
                if let Some(script) = &mut next.script {
                    script.start = Some(place.clone());
                }
                pieces.push(Sized { piece: next, rows: None, bytes: 0 });
                from = place.offset;
            }
            if let Some(last) = pieces.last_mut() {
                last.bytes = end.saturating_sub(from).max(1);
            }
            Ok(pieces)
        }
    }
}

/// Cuts a text at beginnings of records, in one pass over it.
fn records(piece: &Piece, target: u64, options: &FilesOptions) -> Result<Vec<Sized>> {
    let size = piece.stamp.size;
    let long = size.saturating_sub(piece.from);
    let count = long.div_ceil(target.max(1)).max(1);
    let one = |from, until: u64, line| Sized {
        piece: Piece { from, until: Some(until), line, ..piece.clone() },
        rows: None,
        bytes: (until - from).max(1),
    };
    if count == 1 {
        return Ok(vec![one(piece.from, size.max(piece.from), piece.line)]);
    }
    let dialect = if piece.format == Format::Jsonl {
        csv::Dialect { delimiter: b'\n', ..csv::Dialect::default() }
    } else {
        csv::Dialect::of(options, piece.format)?
    };
    let packing = packing(Compression::None, options)?;
    let mut window = Window::open(&piece.path, packing, piece.from, Some(size))?;
    let mut boundaries = Boundaries::new(&dialect, piece.from, piece.line);
    let mut pieces = Vec::new();
    let (mut from, mut line, mut next) = (piece.from, piece.line, 1);
    let mut wanted = piece.from + long / count;
    while next < count {
        if window.bytes().is_empty() {
            if window.is_last() {
                break;
            }
            window.more(line)?;
            continue;
        }
        match boundaries.advance(window.bytes(), wanted) {
            None => window.pass(window.bytes().len()),
            Some((offset, at_line)) => {
                let passed = offset - window.offset();
                window.pass(usize::try_from(passed).unwrap_or(usize::MAX));
                if offset < size {
                    pieces.push(one(from, offset, line));
                    (from, line) = (offset, at_line);
                }
                while next < count && wanted <= offset {
                    next += 1;
                    wanted = piece.from + long * next / count;
                }
            }
        }
    }
    pieces.push(one(from, size, line));
    Ok(pieces)
}

/// How many splits are worth making, and the bytes of each.
pub(crate) fn share(table: &FoundTable, cut: &Cut) -> (usize, u64) {
    let total: u64 = table.files.iter().map(|f| f.piece.stamp.size).sum();
    let by_bytes = total / cut.min_bytes.max(1);
    // Packed well, few bytes may be many rows.
    let groups = table.files.iter().any(|f| matches!(f.layout, Layout::Groups(_)));
    let worth = match table.info.rows {
        Some(rows) if groups => rows / cut.min_rows.max(1),
        _ => by_bytes,
    };
    let most = cut.splits.max(1) as u64;
    let count = worth.clamp(1, most);
    // At most as many as was asked for.
    (usize::try_from(count).unwrap_or(1), total.div_ceil(count).max(1))
}
