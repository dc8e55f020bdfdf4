//! What commands print: tables for people, errors with their codes.
#![allow(clippy::print_stdout, clippy::print_stderr)] // printing is what this module is for

use std::io::{IsTerminal, Write};

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use syncline_types::Error;

/// A line on standard output. A reader that has left (`| head`) is no error.
pub(crate) fn line(text: impl AsRef<str>) {
    let _ = writeln!(std::io::stdout().lock(), "{}", text.as_ref());
}

/// A line on standard error.
pub(crate) fn note(text: impl AsRef<str>) {
    let _ = writeln!(std::io::stderr().lock(), "{}", text.as_ref());
}

/// A question on standard error, which is answered on the same line.
pub(crate) fn prompt(what: &str) {
    let mut out = std::io::stderr().lock();
    let _ = write!(out, "{what}: ").and_then(|()| out.flush());
}

/// A value as JSON on one line of standard output.
pub(crate) fn json(value: &impl serde::Serialize) {
    line(serde_json::to_string(value).unwrap_or_default());
}

/// An error for people, on standard error: code, what and where, what to do.
pub(crate) fn error(error: &Error) {
    let bold = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let (red, plain) = if bold { ("\x1b[1;31m", "\x1b[0m") } else { ("", "") };
    note(format!("{red}error {}{plain}: {}", error.code(), error.chain()));
    if let Some(hint) = error.hint_text() {
        note(format!("  hint: {hint}"));
    }
    note(format!("  more: syncline explain {}", error.code()));
}

/// A table without lines, for people. Columns named in `right` are aligned to the right.
pub(crate) fn table(header: &[&str], right: &[&str], rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header.to_vec());
    table.add_rows(rows);
    for (index, name) in header.iter().enumerate() {
        if let Some(column) = table.column_mut(index) {
            column.set_padding((0, 2));
            if right.contains(name) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
    }
    table.to_string().lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

/// 1234567 as 1,234,567.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// An amount of data for people: `512 B`, `1.5 MB`.
pub(crate) fn bytes(number: u64) -> String {
    let units = [("GB", 1_000_000_000_u64), ("MB", 1_000_000), ("kB", 1_000)];
    match units.into_iter().find(|(_, size)| number >= *size) {
        #[allow(clippy::cast_precision_loss)] // a size for people
        Some((unit, size)) => format!("{:.1} {unit}", number as f64 / size as f64),
        None => format!("{number} B"),
    }
}

/// A length of time for people: `0.4 s`, `42 s`, `3 min 5 s`, `2 h 10 min`.
pub(crate) fn span(seconds: f64) -> String {
    if seconds < 10.0 {
        return format!("{seconds:.1} s");
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // not negative
    let whole = seconds.round() as u64;
    match whole {
        0..60 => format!("{whole} s"),
        60..3_600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3_600, whole % 3_600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1234567, "1,234,567")] {
            assert_eq!(count(number), text);
        }
    }

    #[test]
    fn amounts_of_data_read_well() {
        for (number, text) in [(999, "999 B"), (1_500, "1.5 kB"), (2_340_000_000, "2.3 GB")] {
            assert_eq!(bytes(number), text);
        }
    }

    #[test]
    fn lengths_of_time_read_well() {
        for (seconds, text) in [
            (0.04, "0.0 s"),
            (9.94, "9.9 s"),
            (59.4, "59 s"),
            (59.9, "1 min 0 s"),
            (3_599.0, "59 min 59 s"),
            (7_800.0, "2 h 10 min"),
        ] {
            assert_eq!(span(seconds), text);
        }
    }
}
