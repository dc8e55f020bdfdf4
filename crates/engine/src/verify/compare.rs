//! One table compared: by checksums of the servers where both have them, row by row in the order
//! of the key where both sides keep to it, and by sorted hashes everywhere else.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use arrow::datatypes::Field;
use serde::Serialize;
use syncline_connector::{Budget, Cut, Digest};
use syncline_types::{Element, Error, Reject, Result, Split};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::{JoinHandle, JoinSet};

use super::findings::{Findings, Wrong};
use super::hashed;
use super::layout::is_bytewise;
use super::merge::{Merge, Prepared, Step};
use super::pair::{Pair, Which};

/// What is read at a time.
const BUDGET: Budget = Budget { rows: 16_384, bytes: 2 << 20 };
/// Batches between a reader and the comparison: so many that a piece of narrow rows is read to its
/// end, and its reader free for the next one, before the comparison comes to it.
const AHEAD: usize = 4;
/// Splits of a side that are read or lie ready, though their rows are taken one after the other.
const LANES: usize = 3;
/// Rows in a piece whose checksum is compared, and in a split that is read beside others.
const PIECE_ROWS: u64 = 50_000;
/// Pieces of a table, at most.
const PIECES: usize = 1_024;

/// With more pieces than these it is worth to try which way is faster.
const FEW: usize = 4;

/// How a table was compared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// The servers' checksums of all pieces were equal.
    Checksums,
    /// Row by row, in the order of the key.
    #[default]
    Order,
    /// By hashes of rows, sorted on disk.
    Hashes,
}

/// What a comparison needs beside the table.
#[derive(Debug, Clone)]
pub(crate) struct How {
    /// Differences described.
    pub(crate) show: usize,
    /// Rows that only the target has are left alone.
    pub(crate) keep_extra: bool,
    /// Whether what mends the target is kept.
    pub(crate) mend: bool,
    /// Where rows are put aside.
    pub(crate) folder: std::path::PathBuf,
}

impl How {
    /// An empty collection of findings.
    pub(crate) fn findings(&self, pair: &Pair) -> Findings {
        let table = pair.bound.plan.target.name.to_string();
        let findings = Findings::new(table, self.show, self.keep_extra);
        if self.mend {
            findings.with_changes(&self.folder, &pair.bound.plan.target.arrow())
        } else {
            findings
        }
    }
}

/// A piece of the table, on both sides the same keys.
#[derive(Debug, Clone)]
pub(crate) struct Piece {
    pub(crate) source: Vec<Split>,
    pub(crate) target: Vec<Split>,
}

/// Compares a table.
pub(crate) async fn table(pair: &Arc<Pair>, how: &How) -> Result<(Findings, Method)> {
    let mut findings = how.findings(pair);
    let (pieces, aligned) = match pieces(pair).await? {
        Some(pieces) => (pieces, true),
        None => (vec![whole(pair).await?], false),
    };
    let all = pieces.len();
    let pieces = if aligned && pair.is_plain() && checksums_pay(pair, &pieces, how).await? {
        by_checksum(pair, pieces, &mut findings).await?
    } else {
        pieces
    };
    if pieces.is_empty() && all > 0 {
        return Ok((findings, Method::Checksums));
    }
    if pair.layout.is_sortable() {
        let mut work = JoinSet::new();
        for piece in pieces.clone() {
            let (pair, how) = (Arc::clone(pair), how.clone());
            work.spawn(async move { in_order(&pair, piece, &how).await });
        }
        let mut merged = Vec::with_capacity(pieces.len());
        let mut ordered = true;
        while let Some(done) = work.join_next().await {
            match done.map_err(|e| Error::bug("a comparison panicked").because(e))?? {
                Some(found) => merged.push(found),
                None => {
                    ordered = false;
                    break;
                }
            }
        }
        work.shutdown().await;
        if ordered {
            for found in merged {
                findings.add(found)?;
            }
            return Ok((findings, Method::Order));
        }
    }
    let pieces = if aligned { pieces } else { vec![cut(pair).await?] };
    let piece = Piece {
        source: pieces.iter().flat_map(|p| p.source.clone()).collect(),
        target: pieces.iter().flat_map(|p| p.target.clone()).collect(),
    };
    findings.add(hashed::compare(pair, piece, how).await?)?;
    Ok((findings, Method::Hashes))
}

/// The table in pieces of the same keys on both sides, where both stores are of one kind and their
/// keys are the same.
async fn pieces(pair: &Arc<Pair>) -> Result<Option<Vec<Piece>>> {
    let (read, back) = (&pair.bound.read, &pair.back);
    let fields = |task: &syncline_connector::ReadTask| -> Option<Vec<Field>> {
        let key = task.table.key();
        key.iter().map(|k| task.table.column(k).map(|c| c.field.clone())).collect()
    };
    // Texts are in the order of a collation, which may be another one under the same name.
    let one_order = |keys: &Vec<Field>| !keys.is_empty() && keys.iter().all(is_bytewise);
    let keys = fields(read).filter(one_order);
    if read.query.is_some() || keys.is_none() || keys != fields(back) {
        return Ok(None);
    }
    let mut pieces = Vec::new();
    for split in pair.source.source.plan(read, &finely(pair)).await? {
        let Some(same) = pair.target.source.adopt(back, &split).await? else { return Ok(None) };
        pieces.push(Piece { source: vec![split], target: vec![same] });
    }
    Ok(Some(pieces))
}

/// Splits so small that several of them fit between the readers and the comparison.
fn finely(pair: &Pair) -> Cut {
    let rows = pair.bound.plan.rows.unwrap_or(0);
    let splits = usize::try_from(rows / PIECE_ROWS).unwrap_or(PIECES).clamp(1, PIECES);
    at_most(splits)
}

/// So many splits, unless they become too small to be worth it.
fn at_most(splits: usize) -> Cut {
    Cut { splits, min_rows: PIECE_ROWS, min_bytes: 16 << 20 }
}

/// The table as one piece, in order where it has one.
async fn whole(pair: &Pair) -> Result<Piece> {
    let alone = pair.source.most.max(pair.target.most) < 2;
    plan(pair, &if alone { at_most(1) } else { finely(pair) }).await
}

/// The table in as many splits as there are readers, in whatever order.
async fn cut(pair: &Pair) -> Result<Piece> {
    let splits = pair.source.readers.available_permits().max(1) * 2;
    plan(pair, &at_most(splits)).await
}

async fn plan(pair: &Pair, cut: &Cut) -> Result<Piece> {
    Ok(Piece {
        source: pair.source.source.plan(&pair.bound.read, cut).await?,
        target: pair.target.source.plan(&pair.back, cut).await?,
    })
}

/// Whether the servers compute checksums faster than they send rows, which depends on the servers
/// and on the line between: tried out on the first of many pieces.
async fn checksums_pay(pair: &Arc<Pair>, pieces: &[Piece], how: &How) -> Result<bool> {
    let Some(piece) = pieces.first().filter(|_| pieces.len() > FEW) else { return Ok(true) };
    let began = Instant::now();
    if let (None, _) | (_, None) = digests(pair, piece).await? {
        return Ok(false);
    }
    let computed = began.elapsed();
    let began = Instant::now();
    let streamed = tokio::time::timeout(computed * 2, in_order(pair, piece.clone(), how)).await;
    let streamed = match streamed {
        Err(_) => None,
        Ok(compared) => compared?.map(|_| began.elapsed()),
    };
    pair.restarted();
    Ok(streamed.is_none_or(|streamed| computed < streamed))
}

/// What both servers say of a piece.
async fn digests(pair: &Pair, piece: &Piece) -> Result<(Option<Digest>, Option<Digest>)> {
    let _readers = permits(pair).await?;
    let (source, target) = tokio::join!(
        pair.source.source.checksum(&pair.bound.read, &piece.source[0]),
        pair.target.source.checksum(&pair.back, &piece.target[0]),
    );
    Ok((source?, target?))
}

/// Asks both servers for a checksum of each piece; those that are not equal are left.
async fn by_checksum(
    pair: &Arc<Pair>,
    pieces: Vec<Piece>,
    findings: &mut Findings,
) -> Result<Vec<Piece>> {
    let mut work = JoinSet::new();
    for (index, piece) in pieces.iter().cloned().enumerate() {
        let pair = Arc::clone(pair);
        work.spawn(async move {
            let (x, y) = digests(&pair, &piece).await?;
            let equal = x.filter(|x| y.as_ref() == Some(x)).map(|digest| digest.rows);
            Ok::<_, Error>((index, equal))
        });
    }
    let mut equal = vec![None; pieces.len()];
    while let Some(done) = work.join_next().await {
        let (index, rows) = done.map_err(|e| Error::bug("a checksum panicked").because(e))??;
        equal[index] = rows;
    }
    let mut left = Vec::new();
    for (piece, equal) in pieces.into_iter().zip(equal) {
        match equal {
            Some(rows) => {
                findings.counts.equal += rows;
                pair.checked(rows);
            }
            None => left.push(piece),
        }
    }
    Ok(left)
}

/// A reader of each side, always in this order: two that wait for each other cannot be.
async fn permits(pair: &Pair) -> Result<(OwnedSemaphorePermit, OwnedSemaphorePermit)> {
    Ok((reader(pair, Which::Source).await?, reader(pair, Which::Target).await?))
}

pub(crate) async fn reader(pair: &Pair, which: Which) -> Result<OwnedSemaphorePermit> {
    let readers = Arc::clone(&pair.side(which).0.readers);
    readers.acquire_owned().await.map_err(|e| Error::bug("readers").because(e))
}

/// Compares a piece row by row; `None` when a side does not come in the order of its keys.
async fn in_order(pair: &Arc<Pair>, piece: Piece, how: &How) -> Result<Option<Findings>> {
    let mut findings = how.findings(pair);
    let (a, b) = permits(pair).await?;
    let mut source = Stream::start(pair, Which::Source, piece.source, a);
    let mut target = Stream::start(pair, Which::Target, piece.target, b);
    let mut merge = Merge::new(&pair.layout, pair.replaces);
    loop {
        let given = match merge.step(&mut findings)? {
            Step::Source => merge.source(source.next(&mut findings, Wrong::Unfit).await?),
            Step::Target => merge.target(target.next(&mut findings, Wrong::Unreadable).await?),
            Step::Done => return Ok(Some(findings)),
        };
        if given.is_err() {
            tracing::debug!(table = %pair.bound.plan.target.name, "not in the order of its keys");
            return Ok(None);
        }
    }
}

type Given = (Prepared, Vec<Reject>);

/// The rows of some splits, one after the other. Several splits are read at the same time where
/// the side has readers to spare: one connection to a server seldom gives what two cores can take.
pub(crate) struct Stream {
    /// What reads the splits that are left; nothing once all have been begun.
    reading: Option<Reading>,
    /// Those that have been begun, in their order.
    lanes: VecDeque<Lane>,
}

/// What it takes to begin with another split.
struct Reading {
    pair: Arc<Pair>,
    which: Which,
    splits: VecDeque<Split>,
    readers: Arc<Readers>,
}

/// Readers of a side, given back when nothing reads any more.
struct Readers {
    free: Arc<Semaphore>,
    _held: OwnedSemaphorePermit,
}

/// One split that is being read, on a task of its own.
struct Lane {
    given: mpsc::Receiver<Given>,
    task: JoinHandle<Result<()>>,
    /// Rows have come.
    begun: bool,
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Stream {
    pub(crate) fn start(
        pair: &Arc<Pair>,
        which: Which,
        splits: Vec<Split>,
        mut permit: OwnedSemaphorePermit,
    ) -> Self {
        // Only those that nobody waits for: who waits for a second one could wait for ever.
        for _ in 1..LANES.min(splits.len()) {
            match Arc::clone(&pair.side(which).0.readers).try_acquire_owned() {
                Ok(another) => permit.merge(another),
                Err(_) => break,
            }
        }
        let free = Arc::new(Semaphore::new(permit.num_permits()));
        let readers = Arc::new(Readers { free, _held: permit });
        let reading = Reading { pair: Arc::clone(pair), which, splits: splits.into(), readers };
        let mut stream = Self { reading: Some(reading), lanes: VecDeque::new() };
        stream.begin();
        stream
    }

    /// The next rows; those that have no form to be compared in go to the findings.
    async fn next(&mut self, findings: &mut Findings, kind: Wrong) -> Result<Option<Prepared>> {
        match self.batch().await? {
            None => Ok(None),
            Some((prepared, rejects)) => {
                findings.rejected(kind, &rejects);
                Ok(Some(prepared))
            }
        }
    }

    pub(crate) async fn batch(&mut self) -> Result<Option<Given>> {
        loop {
            if self.wants_another() {
                self.begin();
            }
            let Some(lane) = self.lanes.front_mut() else {
                return match self.reading {
                    None => Ok(None),
                    Some(_) => Err(Error::bug("a split without a reader")),
                };
            };
            if let Some(given) = lane.given.recv().await {
                lane.begun = true;
                return Ok(Some(given));
            }
            (&mut lane.task).await.map_err(|e| Error::bug("reading panicked").because(e))??;
            self.lanes.pop_front();
        }
    }

    /// Whether nothing reads any more, or what reads is waited for: not for the first batch of a
    /// split, which always takes its time. Who waits for the next ones waits for this side, and has
    /// another reader read it, too.
    fn wants_another(&self) -> bool {
        let reads = |lane: &Lane| !lane.task.is_finished();
        let late = |lane: &Lane| lane.begun && lane.given.is_empty() && reads(lane);
        !self.lanes.iter().any(reads) || self.lanes.front().is_some_and(late)
    }

    /// Begins with another split where a reader is free. A split never gets one before those
    /// whose rows come first: it may not give it back until they have been taken.
    fn begin(&mut self) {
        let Some(reading) = self.reading.as_mut().filter(|_| self.lanes.len() < LANES) else {
            return;
        };
        let Some(split) = reading.splits.pop_front() else {
            self.reading = None;
            return;
        };
        match Arc::clone(&reading.readers.free).try_acquire_owned() {
            Ok(turn) => self.lanes.push_back(reading.lane(split, turn)),
            Err(_) => reading.splits.push_front(split),
        }
    }
}

impl Reading {
    fn lane(&self, split: Split, turn: OwnedSemaphorePermit) -> Lane {
        let (give, given) = mpsc::channel(AHEAD);
        let (pair, which) = (Arc::clone(&self.pair), self.which);
        let readers = Arc::clone(&self.readers);
        let task = tokio::spawn(async move {
            let done = read(&pair, which, &split, &give).await;
            drop((turn, readers));
            done
        });
        Lane { given, task, begun: false }
    }
}

/// Reads a split until its end, or until nobody wants its rows any more.
async fn read(pair: &Pair, which: Which, split: &Split, give: &mpsc::Sender<Given>) -> Result<()> {
    let (side, task) = pair.side(which);
    let mut reader = side.source.open(task, split, None).await?;
    while let Element::Batch(batch) = reader.next(BUDGET).await? {
        if give.send(pair.prepare(which, batch)?).await.is_err() {
            break;
        }
    }
    Ok(())
}
