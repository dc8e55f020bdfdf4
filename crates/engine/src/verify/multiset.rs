//! Two sorted streams of hashes, compared as multisets of rows.

use std::collections::BTreeMap;

use syncline_types::Result;

use super::spill::Entry;

/// How often a side has a row too many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Surplus {
    /// The rows with this key that only the source has, by their hash, with how often.
    pub(crate) source: BTreeMap<u128, u64>,
    /// The rows with this key that only the target has.
    pub(crate) target: BTreeMap<u128, u64>,
}

/// What is not the same under one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unequal {
    /// The hash of the key.
    pub(crate) key: u128,
    /// The rows.
    pub(crate) surplus: Surplus,
}

impl Unequal {
    /// Missing, extra and different rows. Rows of both sides with one key are one row that differs,
    /// as far as they go in pairs.
    pub(crate) fn counts(&self) -> (u64, u64, u64) {
        let source: u64 = self.surplus.source.values().sum();
        let target: u64 = self.surplus.target.values().sum();
        let pairs = source.min(target);
        (source - pairs, target - pairs, pairs)
    }
}

/// Compares; `found` is told what is not the same, in the order of keys. Returns how many rows are
/// equal.
pub(crate) fn compare(
    source: impl Iterator<Item = Result<Entry>>,
    target: impl Iterator<Item = Result<Entry>>,
    mut found: impl FnMut(Unequal) -> Result<()>,
) -> Result<u64> {
    let (mut source, mut target) = (source.peekable(), target.peekable());
    let mut equal = 0;
    loop {
        let key = match (peek(&mut source)?, peek(&mut target)?) {
            (None, None) => return Ok(equal),
            (Some(a), Some(b)) if a == b => {
                // Nearly always; a pair of equal rows can be taken away whatever follows.
                source.next();
                target.next();
                equal += 1;
                continue;
            }
            (Some(a), Some(b)) => a.key.min(b.key),
            (Some(a), None) => a.key,
            (None, Some(b)) => b.key,
        };
        let mut surplus =
            Surplus { source: rows(&mut source, key)?, target: rows(&mut target, key)? };
        for (row, count) in &mut surplus.source {
            if let Some(other) = surplus.target.get_mut(row) {
                let both = (*count).min(*other);
                equal += both;
                *count -= both;
                *other -= both;
            }
        }
        surplus.source.retain(|_, count| *count > 0);
        surplus.target.retain(|_, count| *count > 0);
        if !surplus.source.is_empty() || !surplus.target.is_empty() {
            found(Unequal { key, surplus })?;
        }
    }
}

fn peek<I: Iterator<Item = Result<Entry>>>(
    entries: &mut std::iter::Peekable<I>,
) -> Result<Option<Entry>> {
    match entries.peek() {
        None => Ok(None),
        Some(Ok(entry)) => Ok(Some(*entry)),
        Some(Err(_)) => match entries.next() {
            Some(Err(error)) => Err(error),
            _ => Ok(None),
        },
    }
}

/// The rows of one key, with how often each is there.
fn rows<I: Iterator<Item = Result<Entry>>>(
    entries: &mut std::iter::Peekable<I>,
    key: u128,
) -> Result<BTreeMap<u128, u64>> {
    let mut rows = BTreeMap::new();
    while peek(entries)?.is_some_and(|entry| entry.key == key) {
        if let Some(entry) = entries.next() {
            *rows.entry(entry?.row).or_insert(0) += 1;
        }
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What is left when every row of one side takes an equal one of the other with it.
    fn naive(source: &[Entry], target: &[Entry]) -> (u64, Vec<Entry>, Vec<Entry>) {
        let (mut left, mut right, mut equal) = (Vec::new(), target.to_vec(), 0);
        for entry in source {
            match right.iter().position(|other| other == entry) {
                Some(at) => {
                    right.swap_remove(at);
                    equal += 1;
                }
                None => left.push(*entry),
            }
        }
        left.sort_unstable();
        right.sort_unstable();
        (equal, left, right)
    }

    fn entries() -> impl Strategy<Value = Vec<Entry>> {
        let entry = (0u128..8, 0u128..4).prop_map(|(key, row)| Entry { key, row });
        prop::collection::vec(entry, 0..60)
    }

    fn spread(key: u128, rows: &BTreeMap<u128, u64>) -> impl Iterator<Item = Entry> + '_ {
        rows.iter().flat_map(move |(row, n)| (0..*n).map(move |_| Entry { key, row: *row }))
    }

    proptest! {
        #[test]
        fn agrees_with_taking_rows_away_one_by_one(
            mut source in entries(), mut target in entries()
        ) {
            source.sort_unstable();
            target.sort_unstable();
            let (mut left, mut right) = (Vec::new(), Vec::new());
            let (mut missing, mut extra, mut different) = (0, 0, 0);
            let each = |list: &[Entry]| list.iter().map(|e| Ok(*e)).collect::<Vec<_>>();
            let equal = compare(each(&source).into_iter(), each(&target).into_iter(), |unequal| {
                left.extend(spread(unequal.key, &unequal.surplus.source));
                right.extend(spread(unequal.key, &unequal.surplus.target));
                let (m, e, d) = unequal.counts();
                (missing, extra, different) = (missing + m, extra + e, different + d);
                Ok(())
            })
            .unwrap();
            let (naive_equal, naive_left, naive_right) = naive(&source, &target);
            prop_assert_eq!((equal, &left, &right), (naive_equal, &naive_left, &naive_right));
            prop_assert_eq!(equal + missing + different, source.len() as u64);
            prop_assert_eq!(equal + extra + different, target.len() as u64);
        }
    }
}
