//! A table compared by hashes of its rows: for tables without a key, and for stores that sort
//! in different ways.
//!
//! Every row becomes two hashes, of its key and of itself. They are sorted on disk and compared as
//! multisets. The rows behind those that differ are looked for in a second pass.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow::array::{RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;
use syncline_types::{Error, Result, Split};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::compare::{How, Piece, Stream, reader};
use super::findings::{At, Findings, Wrong};
use super::merge::Prepared;
use super::multiset::{self, Unequal};
use super::pair::{Pair, Which};
use super::spill::{Entry, Sorter};

/// Keys that differ, looked for in one pass.
const TOGETHER: usize = 200_000;

/// What a lock guards; nothing under these locks panics half way.
fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Compares the rows of some splits of both sides.
pub(crate) async fn compare(pair: &Arc<Pair>, piece: Piece, how: &How) -> Result<Findings> {
    let mut findings = how.findings(pair);
    let mut others = findings.for_people();
    let (source, target) = tokio::try_join!(
        sorted(pair, Which::Source, &piece.source, how, &mut findings),
        sorted(pair, Which::Target, &piece.target, how, &mut others),
    )?;
    findings.add(others)?;
    let (give, mut given) = mpsc::channel::<Vec<Unequal>>(1);
    let (show, mend, keep_extra) = (how.show, how.mend, how.keep_extra);
    let work = tokio::task::spawn_blocking(move || {
        let mut chunk = Vec::new();
        let mut counts = (0, 0, 0);
        let mut seen = 0;
        let (source, target) = (source.sorted()?, target.sorted()?);
        let equal = multiset::compare(source, target, |unequal| {
            let (missing, extra, different) = unequal.counts();
            counts = (counts.0 + missing, counts.1 + extra, counts.2 + different);
            if keep_extra && unequal.surplus.source.is_empty() {
                return Ok(());
            }
            if mend || seen < show {
                chunk.push(unequal);
            }
            seen += 1;
            if chunk.len() >= TOGETHER {
                // Nobody left to look for them: the comparison has been given up.
                let _ = give.blocking_send(std::mem::take(&mut chunk));
            }
            Ok(())
        })?;
        if !chunk.is_empty() {
            let _ = give.blocking_send(chunk);
        }
        Ok::<_, Error>((equal, counts))
    });
    while let Some(chunk) = given.recv().await {
        look_for(pair, &piece, chunk, how, &mut findings).await?;
    }
    let done = work.await.map_err(|e| Error::bug("comparing hashes").because(e))?;
    let (equal, (missing, extra, different)) = done?;
    findings.counts.equal = equal;
    findings.counts.missing = missing;
    findings.counts.extra = if how.keep_extra { 0 } else { extra };
    findings.counts.different = different;
    Ok(findings)
}

/// The hashes of one side.
async fn sorted(
    pair: &Arc<Pair>,
    which: Which,
    splits: &[Split],
    how: &How,
    findings: &mut Findings,
) -> Result<Sorter> {
    let sorter = Arc::new(Mutex::new(Sorter::new(&how.folder)));
    let into = Arc::clone(&sorter);
    let taken = move |pair: &Pair, prepared: Prepared| {
        let entries = pair.layout.entries(&prepared.rows, &prepared.keys)?;
        held(&into).extend(entries)
    };
    scan(pair, which, splits, Some(findings), Arc::new(taken)).await?;
    Arc::into_inner(sorter)
        .map(|sorter| sorter.into_inner().unwrap_or_else(PoisonError::into_inner))
        .ok_or_else(|| Error::bug("hashes are still being sorted"))
}

type Taking = dyn Fn(&Pair, Prepared) -> Result<()> + Send + Sync;

/// Reads splits of one side, as many at a time as it has readers.
async fn scan(
    pair: &Arc<Pair>,
    which: Which,
    splits: &[Split],
    mut findings: Option<&mut Findings>,
    take: Arc<Taking>,
) -> Result<()> {
    let kind = match which {
        Which::Source => Wrong::Unfit,
        Which::Target => Wrong::Unreadable,
    };
    let mut work = JoinSet::new();
    for split in splits.iter().cloned() {
        let (pair, take) = (Arc::clone(pair), Arc::clone(&take));
        work.spawn(async move {
            let permit = reader(&pair, which).await?;
            let mut stream = Stream::start(&pair, which, vec![split], permit);
            let mut rejected = Vec::new();
            while let Some((prepared, rejects)) = stream.batch().await? {
                rejected.extend(rejects);
                take(&pair, prepared)?;
            }
            Ok::<_, Error>(rejected)
        });
    }
    while let Some(done) = work.join_next().await {
        let rejected = done.map_err(|e| Error::bug("reading panicked").because(e))??;
        if let Some(findings) = &mut findings {
            findings.rejected(kind, &rejected);
        }
    }
    Ok(())
}

/// Rows that are looked for, and those found so far.
struct Search {
    /// Rows still wanted of each key: of the source, of the target.
    wanted: HashMap<u128, Wanted>,
    findings: Findings,
}

struct Wanted {
    source: BTreeMap<u128, u64>,
    target: BTreeMap<u128, u64>,
    /// Both sides have rows of this key.
    paired: bool,
    /// The rows themselves, where the difference is to be described.
    shown: Option<[Vec<Row>; 2]>,
}

/// One row, as it is compared and as it was read.
type Row = (RecordBatch, RecordBatch);

async fn look_for(
    pair: &Arc<Pair>,
    piece: &Piece,
    unequal: Vec<Unequal>,
    how: &How,
    findings: &mut Findings,
) -> Result<()> {
    let order: Vec<u128> = unequal.iter().map(|u| u.key).collect();
    let room = how.show.saturating_sub(findings.shown.len());
    let wanted = unequal.into_iter().enumerate().map(|(index, unequal)| {
        let Unequal { key, surplus } = unequal;
        let paired = !surplus.source.is_empty() && !surplus.target.is_empty();
        let shown = (index < room).then(Default::default);
        (key, Wanted { source: surplus.source, target: surplus.target, paired, shown })
    });
    let search = Search { wanted: wanted.collect(), findings: how.findings(pair) };
    let search = Arc::new(Mutex::new(search));
    for which in [Which::Source, Which::Target] {
        let into = Arc::clone(&search);
        let keep_extra = how.keep_extra;
        let taken = move |pair: &Pair, prepared: Prepared| {
            let entries = pair.layout.entries(&prepared.rows, &prepared.keys)?;
            let mut search = held(&into);
            for (row, entry) in entries.into_iter().enumerate() {
                let at = At { rows: &prepared.rows, raw: &prepared.raw, row };
                search.found(which, entry, at, pair.replaces, keep_extra)?;
            }
            Ok(())
        };
        let splits = if which == Which::Source { &piece.source } else { &piece.target };
        scan(pair, which, splits, None, Arc::new(taken)).await?;
    }
    let search = Arc::into_inner(search)
        .map(|search| search.into_inner().unwrap_or_else(PoisonError::into_inner))
        .ok_or_else(|| Error::bug("rows are still being looked for"))?;
    search.described(pair, &order, findings)
}

impl Search {
    /// A row was read: it may be one that is looked for.
    fn found(
        &mut self,
        which: Which,
        entry: Entry,
        at: At<'_>,
        replaces: bool,
        keep_extra: bool,
    ) -> Result<()> {
        let Some(wanted) = self.wanted.get_mut(&entry.key) else { return Ok(()) };
        let (rows, place) = match which {
            Which::Source => (&mut wanted.source, 0),
            Which::Target => (&mut wanted.target, 1),
        };
        let Some(count) = rows.get_mut(&entry.row).filter(|count| **count > 0) else {
            return Ok(());
        };
        *count -= 1;
        if let Some(shown) = &mut wanted.shown {
            // What mends it is kept as it is described.
            shown[place].push((copy(at.rows, at.row)?, copy(at.raw, at.row)?));
        } else if let Some(changes) = &mut self.findings.changes {
            match which {
                Which::Source if wanted.paired => changes.rewrite.push(at)?,
                Which::Source => changes.write.push(at)?,
                // Written over, or left alone.
                Which::Target if wanted.paired && replaces => {}
                Which::Target if !wanted.paired && keep_extra => {}
                Which::Target if wanted.paired => changes.replace.push(at)?,
                Which::Target => changes.delete.push(at)?,
            }
        }
        Ok(())
    }

    /// Describes what was found, in the order it is to be shown.
    fn described(mut self, pair: &Pair, order: &[u128], into: &mut Findings) -> Result<()> {
        // Counts are known already.
        let mut words = self.findings.for_people();
        words.changes = self.findings.changes.take();
        for key in order {
            let Some(shown) = self.wanted.get_mut(key).and_then(|w| w.shown.take()) else {
                continue;
            };
            let [source, target] = shown;
            for index in 0..source.len().max(target.len()) {
                match (source.get(index), target.get(index)) {
                    (Some(a), Some(b)) => {
                        words.different(&pair.layout, first(a), first(b), pair.replaces)?;
                    }
                    (Some(a), None) => words.missing(&pair.layout, first(a))?,
                    (None, Some(b)) => words.extra(&pair.layout, first(b))?,
                    (None, None) => {}
                }
            }
        }
        words.counts = Default::default();
        into.add(words)
    }
}

fn first((rows, raw): &Row) -> At<'_> {
    At { rows, raw, row: 0 }
}

fn copy(rows: &RecordBatch, row: usize) -> Result<RecordBatch> {
    let index = UInt32Array::from(vec![u32::try_from(row).unwrap_or(u32::MAX)]);
    take_record_batch(rows, &index).map_err(|e| Error::bug("a row").because(e))
}
