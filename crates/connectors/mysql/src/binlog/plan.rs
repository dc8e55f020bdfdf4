//! What to do with the rows of one kind of event: which columns are taken from which image.

use std::sync::Arc;

use syncline_types::{Code, Error, Op, Result};

use super::cell::{Lie, Means};
use super::event::cut;
use super::map::Layout;
use super::set::Set;
use crate::wire::packet::Fields;

/// What happened to the rows of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Insert,
    Update,
    Delete,
}

/// One column of an image.
#[derive(Debug)]
struct Step {
    lie: Lie,
    /// Where its values go, and what they mean.
    into: Option<(usize, Means)>,
    /// Its place in the key.
    key: Option<usize>,
}

/// The columns of an image, and where they go.
#[derive(Debug, Default)]
struct Image {
    steps: Vec<Step>,
    /// So many of the first steps reach all of the key.
    to_key: usize,
}

/// Where rows of an operation go.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) op: Op,
    /// Columns of the table, rising.
    pub(crate) columns: Vec<usize>,
}

/// Which key columns of the new row are told by the old one, what they mean, and where they go.
type Kept = Vec<(usize, Means, usize)>;

/// How the rows of events with the same columns are taken apart.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) layout: Arc<Layout>,
    kind: Kind,
    /// The bits of the columns in the event.
    bits: (Vec<u8>, Vec<u8>),
    /// Of an insert, the new rows; else the old ones.
    first: Image,
    /// Of an update, the new rows.
    second: Image,
    /// Columns of the new row's key that only the old one tells.
    kept: Kept,
    pub(crate) old: Option<Target>,
    pub(crate) new: Option<Target>,
    /// Old rows of updates are wanted always, not only where the key changed.
    always: bool,
}

fn has(bits: &[u8], at: usize) -> bool {
    bits.get(at / 8).is_some_and(|b| b >> (at % 8) & 1 == 1)
}

/// The bytes of a key's columns in a row; `None` for NULL.
type KeyBytes<'a> = Vec<Option<&'a [u8]>>;

impl Plan {
    /// A plan for events whose images have the columns that the bits say.
    ///
    /// # Errors
    /// [`Code::NoOldImage`] when they do not tell which row is meant.
    pub(crate) fn new(
        layout: &Arc<Layout>,
        kind: Kind,
        bits: (&[u8], &[u8]),
        old_images: bool,
    ) -> Result<Self> {
        let keyed = !layout.key.is_empty();
        let whole_old = old_images || !keyed;
        let present = |bits: &[u8]| -> Vec<usize> {
            let cells = layout.cells.iter().enumerate().filter(|(at, _)| has(bits, *at));
            cells.filter_map(|(_, cell)| Some(cell.column.as_ref()?.0)).collect()
        };
        let (first, second) = (present(bits.0), present(bits.1));
        let sorted = |mut columns: Vec<usize>| {
            columns.sort_unstable();
            columns.dedup();
            columns
        };
        if kind != Kind::Insert {
            let missing = layout.key.iter().find(|k| !first.contains(k));
            if let Some(column) = missing {
                let table = &layout.table;
                let text = format!(
                    "{}: the log does not tell {} of changed rows, which is in its key",
                    table.name,
                    table.columns[*column].name()
                );
                return Err(Error::new(Code::NoOldImage, text)
                    .hint("SET GLOBAL binlog_row_image=FULL, or give the table a primary key"));
            }
        }
        let old_columns = match whole_old {
            true => sorted(first.clone()),
            false => sorted(layout.key.clone()),
        };
        let (old, new) = match kind {
            Kind::Insert => (None, Some(Target { op: Op::Insert, columns: sorted(first) })),
            Kind::Delete => (Some(Target { op: Op::Delete, columns: old_columns }), None),
            Kind::Update => {
                let mut columns = second;
                columns.extend(&layout.key);
                let new = Target { op: Op::Update, columns: sorted(columns) };
                (Some(Target { op: Op::Before, columns: old_columns }), Some(new))
            }
        };
        let image = |bits: &[u8], target: Option<&Target>| {
            let place = |c: usize| target?.columns.iter().position(|t| *t == c);
            let mut image = Image::default();
            for (at, cell) in layout.cells.iter().enumerate().filter(|(at, _)| has(bits, *at)) {
                let into = cell.column.as_ref().and_then(|(c, m)| Some((place(*c)?, m.clone())));
                image.steps.push(Step { lie: cell.lie, into, key: cell.key });
                if cell.key.is_some() {
                    image.to_key = image.steps.len();
                }
                let _ = at;
            }
            image
        };
        let (first, second) = match kind {
            Kind::Insert => (image(bits.0, new.as_ref()), Image::default()),
            _ => (image(bits.0, old.as_ref()), image(bits.1, new.as_ref())),
        };
        let kept = kept(layout, bits.1, new.as_ref().filter(|_| kind == Kind::Update));
        Ok(Self {
            layout: Arc::clone(layout),
            kind,
            bits: (bits.0.to_vec(), bits.1.to_vec()),
            first,
            second,
            kept,
            old,
            new,
            always: whole_old,
        })
    }

    /// Whether it is the plan for events of this kind with these columns.
    pub(crate) fn fits(&self, kind: Kind, bits: (&[u8], &[u8])) -> bool {
        self.kind == kind && self.bits.0 == bits.0 && self.bits.1 == bits.1
    }

    /// Puts all rows of an event into the set.
    pub(crate) fn rows(self: &Arc<Self>, rows: &[u8], set: &mut Set) -> Result<()> {
        let mut fields = Fields(rows);
        let (old, new) = set.groups(self);
        while !fields.0.is_empty() {
            match self.kind {
                Kind::Insert => self.first.put(&mut fields, set, new)?,
                Kind::Delete => self.first.put(&mut fields, set, old)?,
                Kind::Update if self.always => {
                    self.old_whole(&mut fields, set, old, new)?;
                }
                Kind::Update => {
                    let before = self.first.key(&mut fields, self.layout.key.len(), false)?;
                    self.keyed(&mut fields, set, (old, new), &before)?;
                }
            }
        }
        Ok(())
    }

    /// An update whose old row is wanted as far as it is told.
    fn old_whole(
        &self,
        fields: &mut Fields<'_>,
        set: &mut Set,
        old: usize,
        new: usize,
    ) -> Result<()> {
        let before = match self.kept.is_empty() {
            true => Vec::new(),
            false => {
                let mut ahead = Fields(fields.0);
                self.first.key(&mut ahead, self.layout.key.len(), true)?
            }
        };
        self.first.put(fields, set, old)?;
        self.second.take(fields, set, new)?;
        self.keep(set, new, &before);
        set.end_row(new);
        Ok(())
    }

    /// An update of which the old row matters only where the key changed.
    fn keyed(
        &self,
        fields: &mut Fields<'_>,
        set: &mut Set,
        (old, new): (usize, usize),
        before: &KeyBytes<'_>,
    ) -> Result<()> {
        let mut ahead = Fields(fields.0);
        let after = self.second.key(&mut ahead, before.len(), true)?;
        let told = |at: usize| !self.kept.iter().any(|(k, ..)| *k == at);
        if before.iter().zip(&after).enumerate().any(|(at, (a, b))| told(at) && a != b) {
            for step in self.first.steps.iter().take(self.first.to_key) {
                let Some((key, (into, means))) = step.key.zip(step.into.as_ref()) else { continue };
                set.put(old, *into, means, before[key]);
            }
            set.end_row(old);
        }
        self.second.take(fields, set, new)?;
        self.keep(set, new, before);
        set.end_row(new);
        Ok(())
    }

    /// The columns of the key that only the old row tells are what they were.
    fn keep(&self, set: &mut Set, group: usize, before: &KeyBytes<'_>) {
        for (key, means, into) in &self.kept {
            set.put(group, *into, means, before.get(*key).copied().flatten());
        }
    }
}

/// Columns of the key that the new image, with the columns that the bits say, does not tell.
fn kept(layout: &Layout, bits: &[u8], new: Option<&Target>) -> Kept {
    let Some(new) = new else { return Vec::new() };
    let cells = layout.cells.iter().enumerate().filter(|(at, _)| !has(bits, *at));
    let kept = cells.filter_map(|(_, cell)| {
        let (column, means) = cell.column.as_ref()?;
        let into = new.columns.iter().position(|c| c == column)?;
        Some((cell.key?, means.clone(), into))
    });
    kept.collect()
}

impl Image {
    fn nulls<'a>(&self, fields: &mut Fields<'a>) -> Result<&'a [u8]> {
        fields.take(self.steps.len().div_ceil(8)).ok_or_else(cut)
    }

    /// Takes a row off, and ends it in its group.
    fn put(&self, fields: &mut Fields<'_>, set: &mut Set, group: usize) -> Result<()> {
        self.take(fields, set, group)?;
        set.end_row(group);
        Ok(())
    }

    /// Takes a row's values off.
    #[inline]
    fn take(&self, fields: &mut Fields<'_>, set: &mut Set, group: usize) -> Result<()> {
        let nulls = self.nulls(fields)?;
        for (at, step) in self.steps.iter().enumerate() {
            let bytes = match has(nulls, at) {
                true => None,
                false => Some(step.lie.take(fields).ok_or_else(cut)?),
            };
            if let Some((into, means)) = &step.into {
                set.put(group, *into, means, bytes);
            }
        }
        Ok(())
    }

    /// The key's bytes in the row; the rest of the row is passed over, unless `only`.
    fn key<'a>(&self, fields: &mut Fields<'a>, keys: usize, only: bool) -> Result<KeyBytes<'a>> {
        let nulls = self.nulls(fields)?;
        let mut key = vec![None; keys];
        let end = if only { self.to_key } else { self.steps.len() };
        for (at, step) in self.steps[..end].iter().enumerate() {
            if has(nulls, at) {
                continue;
            }
            let bytes = step.lie.take(fields).ok_or_else(cut)?;
            if let Some(place) = step.key {
                key[place] = Some(bytes);
            }
        }
        Ok(key)
    }
}
