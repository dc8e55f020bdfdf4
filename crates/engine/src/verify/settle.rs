//! A comparison while rows are on their way: what differs is looked at again, and counts when it
//! then differs in the very same way.

use std::collections::HashMap;

use super::findings::{Counts, Difference, Wrong};

/// Differences of a table that are kept to be looked for again.
pub(crate) const KEPT: usize = 20_000;

/// How often a table is looked at, at most, while rows of it are on their way.
pub(crate) const LOOKS: u32 = 4;

/// Which of a table's differences stand: those that the look before has found, too. The others are
/// counted as moving.
///
/// `None` when more differ than are kept: then all of the second look stand, so that nothing is
/// called equal that was not seen to be.
pub(crate) fn settle(
    first: &[Difference],
    counts: &mut Counts,
    second: &[Difference],
) -> Option<Vec<bool>> {
    let kept = u64::try_from(second.len()).unwrap_or(u64::MAX);
    if kept < counts.wrong() || first.len() >= KEPT {
        return None;
    }
    // Rows that are alike differ as often as there are too many or too few.
    let mut before: HashMap<&Difference, usize> = HashMap::new();
    for difference in first {
        *before.entry(difference).or_default() += 1;
    }
    let stands = |difference: &Difference| match before.get_mut(difference) {
        Some(left) if *left > 0 => {
            *left -= 1;
            true
        }
        _ => false,
    };
    let stands: Vec<bool> = second.iter().map(stands).collect();
    let of = |kind| {
        let both = second.iter().zip(&stands);
        both.filter(|(d, stands)| **stands && d.kind == kind).count() as u64
    };
    *counts = Counts {
        equal: counts.equal,
        missing: of(Wrong::Missing),
        extra: of(Wrong::Extra),
        different: of(Wrong::Different),
        unfit: of(Wrong::Unfit),
        unreadable: of(Wrong::Unreadable),
        moving: stands.iter().filter(|stands| !**stands).count() as u64,
    };
    Some(stands)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::ColumnValue;

    fn difference(kind: Wrong, id: &str) -> Difference {
        Difference {
            table: "t".into(),
            kind,
            key: vec![ColumnValue { column: "id".into(), value: id.into() }],
            columns: Vec::new(),
            reason: None,
        }
    }

    #[test]
    fn what_both_looks_have_found_stands() {
        let first = [difference(Wrong::Missing, "1"), difference(Wrong::Different, "2")];
        let second = [difference(Wrong::Missing, "1"), difference(Wrong::Extra, "3")];
        let mut counts = Counts { equal: 7, missing: 1, extra: 1, ..Counts::default() };
        assert_eq!(settle(&first, &mut counts, &second), Some(vec![true, false]));
        assert_eq!(counts, Counts { equal: 7, missing: 1, moving: 1, ..Counts::default() });
    }

    #[test]
    fn of_rows_that_are_alike_as_many_stand_as_were_found_before() {
        let once = [difference(Wrong::Extra, "1")];
        let twice = [difference(Wrong::Extra, "1"), difference(Wrong::Extra, "1")];
        let mut counts = Counts { extra: 2, ..Counts::default() };
        assert_eq!(settle(&once, &mut counts, &twice), Some(vec![true, false]));
        assert_eq!((counts.extra, counts.moving), (1, 1));
        let mut counts = Counts { extra: 1, ..Counts::default() };
        assert_eq!(settle(&twice, &mut counts, &once), Some(vec![true]));
    }

    #[test]
    fn what_could_not_be_kept_stands() {
        let second = [difference(Wrong::Extra, "3")];
        let mut counts = Counts { extra: 9, ..Counts::default() };
        assert_eq!(settle(&[], &mut counts, &second), None);
        assert_eq!((counts.extra, counts.moving), (9, 0));
    }
}
