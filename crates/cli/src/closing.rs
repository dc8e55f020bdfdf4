//! The table at the end of a run: what became of each table, and of the whole.

use syncline_engine::{Summary, TableSummary};

use crate::output::{self, count};

/// Headings of columns that hold numbers.
const NUMBERS: [&str; 6] =
    ["rows read", "rows written", "inserts", "updates", "deletes", "dead letters"];

/// The closing table.
pub(crate) fn closing_table(summary: &Summary) -> String {
    let bad = summary.dead_letters > 0;
    let followed = summary.tables.iter().any(|t| !t.changes.is_empty());
    // Of a run that only went on following there is no copying to tell of.
    let copied = !followed || summary.rows_written > summary.rows_resumed;
    let mut header = vec!["source", "target"];
    if copied {
        header.extend(["rows read", "rows written"]);
    }
    if followed {
        header.extend(["inserts", "updates", "deletes"]);
    }
    if bad {
        header.push("dead letters");
    }
    let row = |table: &TableSummary| {
        let mut row = vec![table.source.clone(), table.target.clone()];
        if copied {
            row.extend([table.rows_read, table.rows_written].map(count));
        }
        if followed {
            let changes = &table.changes;
            row.extend([changes.inserts, changes.updates, changes.deletes].map(count));
        }
        if bad {
            row.push(count(table.dead_letters));
        }
        row
    };
    let mut text = output::table(&header, &NUMBERS, summary.tables.iter().map(row).collect());
    text.push_str("\n\n");
    text.push_str(&total(summary, copied, followed));
    for table in &summary.tables {
        for change in &table.changed {
            let values = if change.values == 1 { "value" } else { "values" };
            text.push_str(&format!(
                "\n{}: column {:?}: {} {values} changed ({}: {})",
                table.target,
                change.column,
                count(change.values),
                change.kind,
                change.policy
            ));
        }
    }
    if bad {
        text.push_str(&format!(
            "\n{} kept as dead letters: syncline dead-letters list {}",
            number_of(summary.dead_letters, "row"),
            summary.run
        ));
    }
    text
}

/// `1,458 rows in 0.2 s, 7,290 rows/s`; `1,458 rows and 20 changes in 12 s`.
fn total(summary: &Summary, copied: bool, followed: bool) -> String {
    let time = output::span(summary.seconds);
    let rows = number_of(summary.rows_written, "row");
    let changes = summary.tables.iter().map(|t| t.changes.all()).sum();
    let changes = number_of(changes, "change");
    if followed {
        return if copied {
            format!("{rows} and {changes} in {time}")
        } else {
            format!("{changes} in {time}")
        };
    }
    let moved = summary.rows_written - summary.rows_resumed.min(summary.rows_written);
    #[allow(clippy::cast_precision_loss)] // a rate for people
    let rate = moved as f64 / summary.seconds.max(0.001);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // not negative
    let rate = count(rate as u64);
    let before = match summary.rows_resumed {
        0 => String::new(),
        resumed => format!(" ({} of them before)", count(resumed)),
    };
    format!("{rows}{before} in {time}, {rate} rows/s")
}

/// `1 row`, `1,458 rows`.
fn number_of(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", count(number), if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use syncline_engine::Changes;

    use super::*;

    fn summary(copied: u64, resumed: u64, changes: Changes) -> Summary {
        let table = TableSummary {
            source: "a".to_owned(),
            target: "b".to_owned(),
            rows_read: copied,
            rows_written: copied,
            changes,
            ..TableSummary::default()
        };
        Summary {
            tables: vec![table],
            rows_read: copied,
            rows_written: copied,
            rows_resumed: resumed,
            seconds: 2.0,
            ..Summary::default()
        }
    }

    #[test]
    fn the_table_shows_what_there_was() {
        let none = Changes::default();
        let some = Changes { inserts: 3, updates: 2, deletes: 1 };
        let copy = closing_table(&summary(1_000, 0, none));
        assert!(copy.ends_with("1,000 rows in 2.0 s, 500 rows/s"), "{copy}");
        assert!(!copy.contains("inserts"), "{copy}");
        let both = closing_table(&summary(1_000, 0, some));
        assert!(both.ends_with("1,000 rows and 6 changes in 2.0 s"), "{both}");
        let follow = closing_table(&summary(1_000, 1_000, some));
        assert!(follow.ends_with("\n6 changes in 2.0 s"), "{follow}");
        assert!(!follow.contains("rows read") && follow.contains("deletes"), "{follow}");
    }
}
