//! How rows lie along the rowid, found by a few descents of the tree: how many there are, roughly,
//! and where to cut them into even pieces. Nothing is counted, so a large table costs no more.

use rusqlite::{CachedStatement, Connection, OptionalExtension, params};

/// Rows a walk goes to see how dense they lie.
const WALK: i64 = 64;
/// Places looked at, at most.
const MEASURES: usize = 400;

/// A range of rowids with an estimate of its rows.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Stretch {
    from: i64,
    to: i64,
    rows: f64,
    exact: bool,
}

/// How rows lie along the rowid.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Density {
    /// In order, without overlap. Stretches without rows are left out.
    stretches: Vec<Stretch>,
}

impl Density {
    /// Looks at a table, finely enough for `pieces` pieces. Both texts are SQL, already quoted.
    pub(crate) fn measure(
        connection: &Connection,
        table: &str,
        rowid: &str,
        pieces: usize,
    ) -> rusqlite::Result<Density> {
        let ends = format!(
            "SELECT (SELECT {rowid} FROM {table} ORDER BY {rowid} LIMIT 1), \
                    (SELECT {rowid} FROM {table} ORDER BY {rowid} DESC LIMIT 1)"
        );
        let (first, last): (Option<i64>, Option<i64>) =
            connection.query_row(&ends, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let (Some(first), Some(last)) = (first, last) else {
            return Ok(Density { stretches: Vec::new() });
        };
        let mut probe = Probe::new(connection, table, rowid)?;
        let mut stretches = vec![probe.look(first, last)?];
        #[allow(clippy::cast_precision_loss)] // a rough share is enough
        let share = 1.0 / (pieces.max(1) as f64 * 8.0);
        for _ in 0..MEASURES {
            let total: f64 = stretches.iter().map(|s| s.rows).sum();
            let coarse = stretches
                .iter()
                .enumerate()
                .filter(|(_, s)| !s.exact && s.to > s.from && s.rows > total * share)
                .max_by(|(_, a), (_, b)| a.rows.total_cmp(&b.rows))
                .map(|(at, _)| at);
            let Some(at) = coarse else { break };
            let Stretch { from, to, .. } = stretches[at];
            let middle = from.midpoint(to);
            let halves = [probe.look(from, middle)?, probe.look(middle + 1, to)?];
            stretches.splice(at..=at, halves.into_iter().filter(|s| s.rows > 0.0));
        }
        Ok(Density { stretches })
    }

    /// Rows, roughly.
    pub(crate) fn rows(&self) -> u64 {
        let total: f64 = self.stretches.iter().map(|s| s.rows).sum();
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // not negative
        {
            total.round() as u64
        }
    }

    /// The last rowids of all but the last of `pieces` even pieces; fewer where rows are few.
    pub(crate) fn cuts(&self, pieces: usize) -> Vec<i64> {
        let total: f64 = self.stretches.iter().map(|s| s.rows).sum();
        let mut cuts: Vec<i64> = Vec::new();
        let mut before = 0.0;
        let mut stretches = self.stretches.iter();
        let mut current = stretches.next();
        for piece in 1..pieces {
            #[allow(clippy::cast_precision_loss)] // few pieces
            let wanted = total * piece as f64 / pieces as f64;
            while let Some(stretch) = current.filter(|s| before + s.rows < wanted) {
                before += stretch.rows;
                current = stretches.next();
            }
            let Some(stretch) = current else { break };
            let share = ((wanted - before) / stretch.rows).clamp(0.0, 1.0);
            let span = i128::from(stretch.to) - i128::from(stretch.from);
            #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)]
            // clamped below
            let offset = ((span as f64 * share) as i128).clamp(0, span);
            let cut = i64::try_from(i128::from(stretch.from) + offset).unwrap_or(stretch.to);
            let last = self.stretches.last().map_or(i64::MAX, |s| s.to);
            if cuts.last().is_none_or(|previous| *previous < cut) && cut < last {
                cuts.push(cut);
            }
        }
        cuts
    }
}

/// The statements of a measurement.
struct Probe<'c> {
    next: CachedStatement<'c>,
    further: CachedStatement<'c>,
    count: CachedStatement<'c>,
}

impl<'c> Probe<'c> {
    fn new(connection: &'c Connection, table: &str, rowid: &str) -> rusqlite::Result<Self> {
        let from = format!("FROM {table} NOT INDEXED WHERE {rowid} >= ?1");
        Ok(Self {
            next: connection
                .prepare_cached(&format!("SELECT {rowid} {from} ORDER BY {rowid} LIMIT 1"))?,
            further: connection.prepare_cached(&format!(
                "SELECT {rowid} {from} ORDER BY {rowid} LIMIT 1 OFFSET {WALK}"
            ))?,
            count: connection.prepare_cached(&format!(
                "SELECT count(*) FROM (SELECT 1 {from} AND {rowid} <= ?2 LIMIT {})",
                WALK + 1
            ))?,
        })
    }

    fn look(&mut self, from: i64, to: i64) -> rusqlite::Result<Stretch> {
        let empty = Stretch { from, to, rows: 0.0, exact: true };
        let first: Option<i64> = self.next.query_row(params![from], |r| r.get(0)).optional()?;
        let Some(first) = first.filter(|first| *first <= to) else { return Ok(empty) };
        let further: Option<i64> =
            self.further.query_row(params![first], |r| r.get(0)).optional()?;
        #[allow(clippy::cast_precision_loss)] // an estimate
        match further.filter(|further| *further <= to) {
            None => {
                let rows: i64 = self.count.query_row(params![first, to], |r| r.get(0))?;
                Ok(Stretch { from: first, to, rows: rows as f64, exact: true })
            }
            Some(further) => {
                let walked = (i128::from(further) - i128::from(first)) as f64;
                let span = (i128::from(to) - i128::from(first) + 1) as f64;
                let rows = span * WALK as f64 / walked;
                Ok(Stretch { from: first, to, rows, exact: false })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rowids: impl IntoIterator<Item = i64>) -> Connection {
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch("CREATE TABLE t (id INTEGER PRIMARY KEY); BEGIN").unwrap();
        for id in rowids {
            db.execute("INSERT INTO t VALUES (?)", [id]).unwrap();
        }
        db.execute_batch("COMMIT").unwrap();
        db
    }

    /// Sizes of the pieces the cuts make.
    fn sizes(db: &Connection, cuts: &[i64]) -> Vec<i64> {
        let ends = cuts.iter().copied().chain([i64::MAX]);
        let mut from = i64::MIN;
        ends.map(|to| {
            let sql = "SELECT count(*) FROM t WHERE id BETWEEN ? AND ?";
            let rows = db.query_row(sql, [from, to], |r| r.get(0)).unwrap();
            from = to.saturating_add(1);
            rows
        })
        .collect()
    }

    fn assert_even(rowids: impl IntoIterator<Item = i64>, pieces: usize) {
        let db = table(rowids);
        let density = Density::measure(&db, "t", "id", pieces).unwrap();
        let sizes = sizes(&db, &density.cuts(pieces));
        let total: i64 = sizes.iter().sum();
        let mean = total / i64::try_from(pieces).unwrap();
        assert_eq!(sizes.len(), pieces, "{sizes:?}");
        assert!(sizes.iter().all(|s| (mean * 3 / 4..=mean * 5 / 4).contains(s)), "{sizes:?}");
        let rows = i64::try_from(density.rows()).unwrap();
        assert!((total * 3 / 4..=total * 5 / 4).contains(&rows), "{rows} of {total}");
    }

    #[test]
    fn pieces_are_even_wherever_the_rows_lie() {
        assert_even(0..8000, 4);
        assert_even((0..8000).map(|i| i * i), 4);
        assert_even((0..4000).chain((0..4000).map(|i| i64::MAX - i * 1_000_000_007)), 8);
        assert_even((0..4000).flat_map(|i| [i64::MIN + i, i64::MAX - i]), 4);
    }

    #[test]
    fn few_rows_make_few_pieces() {
        let cuts = |rows: &[i64], pieces| {
            let db = table(rows.iter().copied());
            Density::measure(&db, "t", "id", pieces).unwrap().cuts(pieces)
        };
        assert_eq!(cuts(&[], 8), [0_i64; 0]);
        assert_eq!(cuts(&[5], 8), [0_i64; 0]);
        assert!(cuts(&[i64::MIN, i64::MAX], 8).len() < 8);
    }
}
