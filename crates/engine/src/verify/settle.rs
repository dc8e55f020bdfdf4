//! A comparison while rows are on their way: what differs is looked at again, and counts when it
//! then differs in the very same way.

use std::collections::HashSet;

use super::findings::{Counts, Difference, Wrong};

/// Differences of a table that are kept to be looked for again.
pub(crate) const KEPT: usize = 20_000;

/// What of a table's differences stands: those that both looks have found.
///
/// When more differ than are kept, all of the second look stand: nothing is called equal that was
/// not seen to be.
pub(crate) fn settle(first: &[Difference], counts: &mut Counts, second: &mut Vec<Difference>) {
    let kept = u64::try_from(second.len()).unwrap_or(u64::MAX);
    if kept < counts.wrong() || first.len() >= KEPT {
        return;
    }
    let before: HashSet<&Difference> = first.iter().collect();
    let all = second.len();
    second.retain(|difference| before.contains(difference));
    let of = |kind| second.iter().filter(|d| d.kind == kind).count() as u64;
    *counts = Counts {
        equal: counts.equal,
        missing: of(Wrong::Missing),
        extra: of(Wrong::Extra),
        different: of(Wrong::Different),
        unfit: of(Wrong::Unfit),
        unreadable: of(Wrong::Unreadable),
        moving: (all - second.len()) as u64,
    };
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
        let mut second = vec![difference(Wrong::Missing, "1"), difference(Wrong::Extra, "3")];
        let mut counts = Counts { equal: 7, missing: 1, extra: 1, ..Counts::default() };
        settle(&first, &mut counts, &mut second);
        assert_eq!(second, [difference(Wrong::Missing, "1")]);
        assert_eq!(counts, Counts { equal: 7, missing: 1, moving: 1, ..Counts::default() });
    }

    #[test]
    fn what_could_not_be_kept_stands() {
        let mut second = vec![difference(Wrong::Extra, "3")];
        let mut counts = Counts { extra: 9, ..Counts::default() };
        settle(&[], &mut counts, &mut second);
        assert_eq!((counts.extra, counts.moving), (9, 0));
    }
}
