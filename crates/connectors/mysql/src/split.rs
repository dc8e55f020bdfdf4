//! Cutting a table into pieces of even size by its key, without reading all of it.
//!
//! The key's range is halved by value, a real key is looked up at each cut, and the index tells
//! roughly how many rows lie between two keys (EXPLAIN; a dive into the B-tree that costs a few
//! pages). The largest piece is halved until all are small beside a split; neighbours are then
//! put together. Where values cannot be halved, or the server's estimates are of no use, the key
//! is walked in steps. Cuts are real keys, so that any error of an estimate makes pieces uneven
//! and never wrong.

use serde::{Deserialize, Serialize};
use syncline_connector::{Cut, ReadTask};
use syncline_sql::{Dialect, KeyRange, KeyValue, predicate};
use syncline_types::{Code, Error, Result, Split, TableSchema};

use crate::key::Key;
use crate::midway::midway;
use crate::select::one_key;
use crate::wire::Conn;

/// Up to so many rows are counted rather than estimated.
const COUNTED: u64 = 50_000;
/// Pieces looked for in each split: how fine the estimates are.
const FINE: u64 = 6;
/// Looks at the index before walking seems cheaper.
const LOOKS: usize = 1_500;

/// What a split's token says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Token {
    v: u32,
    /// The key's columns; empty when rows come in no order.
    #[serde(default)]
    pub(crate) key: Vec<String>,
    /// The index behind the key.
    #[serde(default)]
    pub(crate) index: String,
    #[serde(default)]
    pub(crate) range: KeyRange,
}

impl Token {
    pub(crate) fn new(key: Option<&Key>, range: KeyRange) -> Self {
        let (key, index) = match key {
            Some(key) => (key.columns.clone(), key.index.clone()),
            None => Default::default(),
        };
        Self { v: 1, key, index, range }
    }

    /// Reads a token of this or an earlier version.
    pub(crate) fn read(text: &str) -> Result<Self> {
        let token: Self = serde_json::from_str(text)
            .map_err(|e| Error::new(Code::CannotResume, format!("split {text}: {e}")))?;
        match token.v {
            1 => Ok(token),
            v => Err(Error::new(Code::CannotResume, format!("split of version {v}"))
                .hint("it was made by a newer version of Syncline")),
        }
    }

    pub(crate) fn write(&self) -> Result<String> {
        serde_json::to_string(self).map_err(|e| Error::bug(format!("a split's token: {e}")))
    }

    pub(crate) fn key(&self) -> Option<Key> {
        let (columns, index) = (self.key.clone(), self.index.clone());
        (!columns.is_empty()).then_some(Key { columns, index })
    }
}

/// A piece between two keys.
#[derive(Debug, Clone)]
struct Piece {
    range: KeyRange,
    /// Its lowest and highest key, or bounds around them.
    low: Vec<KeyValue>,
    high: Vec<KeyValue>,
    rows: u64,
    /// Cannot be halved by value.
    whole: bool,
}

/// Cuts the task's table; `table` has all of its columns.
pub(crate) async fn plan(
    conn: &mut Conn,
    read: &ReadTask,
    table: &TableSchema,
    key: Option<&Key>,
    cut: &Cut,
) -> Result<Vec<Split>> {
    let name = &read.table.name;
    let Some(key) = key else {
        let rows = estimate(conn, table, None, &KeyRange::default()).await?;
        let token = Token::new(None, KeyRange::default()).write()?;
        let table = name.clone();
        return Ok(vec![Split { table, id: 0, rows, bytes: None, resumable: false, token }]);
    };
    let mut planner = Planner { conn, table, key, looks: 0 };
    let pieces = planner.pieces(cut).await?;
    let mut splits = Vec::with_capacity(pieces.len());
    for (id, (range, rows)) in pieces.into_iter().enumerate() {
        splits.push(Split {
            table: name.clone(),
            id: u32::try_from(id).map_err(|_| Error::bug("more splits than 32 bits"))?,
            rows: Some(rows),
            bytes: None,
            resumable: true,
            token: Token::new(Some(key), range).write()?,
        });
    }
    Ok(splits)
}

/// Rows in a range, as the server estimates them.
async fn estimate(
    conn: &mut Conn,
    table: &TableSchema,
    key: Option<&Key>,
    range: &KeyRange,
) -> Result<Option<u64>> {
    let sql = Dialect::Mysql;
    let mut text = format!("EXPLAIN SELECT 1 FROM {}", sql.table(&table.name));
    if let Some(key) = key {
        text.push_str(&format!(" FORCE INDEX ({})", sql.quote(&key.index)));
        text.push_str(&format!(" WHERE {}", predicate(sql, &key.parts(), range)));
    }
    let rows = conn.query(&text).await?;
    let row = rows.rows.first();
    Ok(row.and_then(|row| rows.get(row, "rows")).and_then(|n| n.parse().ok()))
}

struct Planner<'a> {
    conn: &'a mut Conn,
    table: &'a TableSchema,
    key: &'a Key,
    looks: usize,
}

type Ranges = Vec<(KeyRange, u64)>;

impl Planner<'_> {
    async fn pieces(&mut self, cut: &Cut) -> Result<Ranges> {
        // A table that stays in one piece (a preview) needs no count beyond what is cheap.
        let enough = if cut.splits <= 1 { 0 } else { cut.min_rows.saturating_mul(2) };
        let counted = self.count_up_to(COUNTED.max(enough)).await?;
        let wanted = |rows: u64| {
            let worth = rows / cut.min_rows.max(1);
            u64::try_from(cut.splits).unwrap_or(u64::MAX).min(worth).max(1)
        };
        if let Some(rows) = counted {
            let splits = wanted(rows);
            if splits == 1 {
                return Ok(vec![(KeyRange::default(), rows)]);
            }
            return self.walk(&KeyRange::default(), rows.div_ceil(splits), splits).await;
        }
        if cut.splits <= 1 {
            let rows = estimate(self.conn, self.table, None, &KeyRange::default()).await?;
            return Ok(vec![(KeyRange::default(), rows.unwrap_or(COUNTED).max(COUNTED))]);
        }
        let all = KeyRange::default();
        let low = one_key(self.conn, self.table, self.key, &all, false, 0).await?;
        let high = one_key(self.conn, self.table, self.key, &all, true, 0).await?;
        let (Some(low), Some(high)) = (low, high) else {
            return Ok(vec![(all, 0)]);
        };
        let known = estimate(self.conn, self.table, None, &all).await?.unwrap_or_default();
        let first = Piece { range: all, low, high, rows: known.max(COUNTED), whole: false };
        let pieces = self.halve(first, known, cut.splits as u64).await?;
        let total: u64 = pieces.iter().map(|p| p.rows).sum();
        let splits = wanted(total);
        let step = total.div_ceil(splits).max(1);
        let mut ranges = Vec::new();
        for piece in pieces {
            // What could not be halved by value is walked, if it matters.
            if piece.rows > step / 2 && (piece.whole || self.looks >= LOOKS) {
                let walked = self.walk(&piece.range, (step / 2).max(1), u64::MAX).await?;
                ranges.extend(walked);
            } else {
                ranges.push((piece.range, piece.rows));
            }
        }
        Ok(join(ranges, splits))
    }

    /// The number of rows, when there are fewer than `limit`.
    async fn count_up_to(&mut self, limit: u64) -> Result<Option<u64>> {
        let sql = Dialect::Mysql;
        let text = format!(
            "SELECT COUNT(*) FROM (SELECT 1 FROM {} LIMIT {limit}) AS some",
            sql.table(&self.table.name)
        );
        let rows = self.conn.query(&text).await?;
        let count = rows.single().and_then(|n| n.parse().ok()).unwrap_or(limit);
        Ok((count < limit).then_some(count))
    }

    /// Halves the largest piece until all are small.
    async fn halve(&mut self, first: Piece, known: u64, splits: u64) -> Result<Vec<Piece>> {
        let mut pieces = vec![first];
        while self.looks < LOOKS {
            let total: u64 = pieces.iter().map(|p| p.rows).sum();
            let small = total / (splits * FINE).max(1);
            // InnoDB does not estimate a range beyond half of the rows it believes there are.
            let doubtful = known / 2 - known / 20;
            let largest = pieces
                .iter()
                .enumerate()
                .filter(|(_, p)| !p.whole && (p.rows > small || p.rows >= doubtful.max(2)))
                .max_by_key(|(_, p)| p.rows);
            let Some((at, piece)) = largest else { break };
            let piece = piece.clone();
            match self.cut(&piece).await? {
                Some((left, right)) => {
                    pieces[at] = left;
                    pieces.insert(at + 1, right);
                }
                None => pieces[at].whole = true,
            }
        }
        Ok(pieces)
    }

    /// Cuts a piece at a key near the middle of its values.
    async fn cut(&mut self, piece: &Piece) -> Result<Option<(Piece, Piece)>> {
        let (mut low, mut high) = (piece.low.clone(), piece.high.clone());
        for _ in 0..80 {
            let Some(middle) = midway(&low, &high) else { return Ok(None) };
            self.looks += 1;
            let half = KeyRange { after: piece.range.after.clone(), upto: Some(middle.clone()) };
            let found = one_key(self.conn, self.table, self.key, &half, true, 0).await?;
            match found {
                None => low = middle,
                Some(key) if key == piece.high => high = middle,
                // Comes when the server orders texts otherwise than we do.
                Some(key) if Some(&key) == piece.range.upto.as_ref() => high = middle,
                Some(key) => return self.halves(piece, key, middle).await.map(Some),
            }
        }
        Ok(None)
    }

    async fn halves(
        &mut self,
        piece: &Piece,
        key: Vec<KeyValue>,
        middle: Vec<KeyValue>,
    ) -> Result<(Piece, Piece)> {
        let left = KeyRange { after: piece.range.after.clone(), upto: Some(key.clone()) };
        let right = KeyRange { after: Some(key.clone()), upto: piece.range.upto.clone() };
        let mut rows = [0; 2];
        for (rows, range) in rows.iter_mut().zip([&left, &right]) {
            self.looks += 1;
            let found = estimate(self.conn, self.table, Some(self.key), range).await?;
            *rows = found.unwrap_or_default().max(1);
        }
        let [left_rows, right_rows] = rows;
        // A bound may have fewer values than the key; only whole keys are halved further.
        let right_low = if middle.len() == piece.high.len() { middle } else { key.clone() };
        Ok((
            Piece {
                range: left,
                low: piece.low.clone(),
                high: key,
                rows: left_rows,
                whole: left_rows == 1,
            },
            Piece {
                range: right,
                low: right_low,
                high: piece.high.clone(),
                rows: right_rows,
                whole: right_rows == 1,
            },
        ))
    }

    /// Cuts a range after every `step` rows, into `most` pieces at most.
    async fn walk(&mut self, range: &KeyRange, step: u64, most: u64) -> Result<Ranges> {
        let mut ranges = Vec::new();
        let mut after = range.after.clone();
        while (ranges.len() as u64) + 1 < most {
            let rest = KeyRange { after: after.clone(), upto: range.upto.clone() };
            let found = one_key(self.conn, self.table, self.key, &rest, false, step - 1).await?;
            let Some(key) = found else { break };
            if Some(&key) == range.upto.as_ref() {
                break;
            }
            ranges.push((KeyRange { after, upto: Some(key.clone()) }, step));
            after = Some(key);
        }
        ranges.push((KeyRange { after, upto: range.upto.clone() }, step));
        Ok(ranges)
    }
}

/// Puts neighbours together until there are `splits` ranges of near equal size.
fn join(ranges: Ranges, splits: u64) -> Ranges {
    let total: u64 = ranges.iter().map(|(_, rows)| rows).sum();
    let mut joined: Ranges = Vec::new();
    let mut open: Option<(KeyRange, u64)> = None;
    let mut before = 0;
    let last = ranges.len().saturating_sub(1);
    for (at, (range, rows)) in ranges.into_iter().enumerate() {
        let (start, sum) = match open.take() {
            Some((open, sum)) => (open.after, sum + rows),
            None => (range.after, rows),
        };
        before += rows;
        let whole = KeyRange { after: start, upto: range.upto };
        // Where the next border would lie if all were even.
        let border = (joined.len() as u64 + 1) * total / splits.max(1);
        if before >= border || at == last {
            joined.push((whole, sum));
        } else {
            open = Some((whole, sum));
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: i128) -> Option<Vec<KeyValue>> {
        Some(vec![KeyValue::Int(n)])
    }

    #[test]
    fn neighbours_are_joined_to_even_splits_that_cover_everything() {
        let bounds = [None, key(10), key(20), key(30), key(40), None];
        let rows = [5, 50, 45, 90, 10];
        let ranges: Ranges = bounds
            .windows(2)
            .zip(rows)
            .map(|(b, n)| (KeyRange { after: b[0].clone(), upto: b[1].clone() }, n))
            .collect();
        let joined = join(ranges, 2);
        assert_eq!(
            joined,
            vec![
                (KeyRange { after: None, upto: key(30) }, 100),
                (KeyRange { after: key(30), upto: None }, 100)
            ]
        );
    }

    #[test]
    fn tokens_are_read_as_they_are_written() {
        let of = Key { columns: vec!["a".into(), "b".into()], index: "PRIMARY".into() };
        let token = Token::new(Some(&of), KeyRange { after: key(7), upto: None });
        assert_eq!(Token::read(&token.write().unwrap()).unwrap(), token);
        assert_eq!(Token::read(r#"{"v":9}"#).unwrap_err().code(), Code::CannotResume);
    }
}
