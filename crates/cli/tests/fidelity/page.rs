//! `docs/fidelity.md`: the part of one source between its marks.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;
use std::sync::Mutex;

use crate::Pair;
use crate::store::{Kind, Store};

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/fidelity.md")
}

fn marks(source: &Store) -> (String, String) {
    let name = source.kind.name();
    (format!("<!-- generated: {name} -->\n"), format!("<!-- end: {name} -->\n"))
}

/// Compares the part of a source with what was found, or writes it when `SYNCLINE_BLESS` is set.
/// Where a server is missing there is nothing to compare.
pub(crate) fn check(source: &Store, pairs: &BTreeMap<Kind, Pair>) {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if pairs.len() < Kind::ALL.len() {
        return;
    }
    let found = table(source, pairs);
    let page = std::fs::read_to_string(path()).unwrap();
    let (begin, end) = marks(source);
    let start = page.find(&begin).expect("the page has a place for the source") + begin.len();
    let stop = page.find(&end).expect("the page has an end for the source");
    if std::env::var_os("SYNCLINE_BLESS").is_some() {
        let page = format!("{}{found}{}", &page[..start], &page[stop..]);
        std::fs::write(path(), page).unwrap();
        return;
    }
    assert!(
        page[start..stop] == found,
        "docs/fidelity.md is not current for {}: SYNCLINE_BLESS=1 cargo test -p syncline-cli \
         --test fidelity writes it; found:\n{found}",
        source.kind.name()
    );
}

fn table(source: &Store, pairs: &BTreeMap<Kind, Pair>) -> String {
    let mut text = String::new();
    let mut remarks: Vec<String> = Vec::new();
    let names: Vec<&str> = pairs.keys().map(|k| k.name()).collect();
    let _ = writeln!(text, "| type | {} |", names.join(" | "));
    let _ = writeln!(text, "|---|{}", "---|".repeat(names.len()));
    for (column, of) in source.types.iter().enumerate() {
        let _ = write!(text, "| `{}` |", cell(of.native));
        for said in pairs.values().map(|pair| &pair[column]) {
            let refused = match said.refused.as_slice() {
                [] => None,
                refused => Some(format!("refused: {}", refused.join(", "))),
            };
            let why =
                said.why.as_deref().and_then(|w| w.split_once(": ")).map(|(_, w)| w.to_owned());
            let remark: Vec<String> = why.into_iter().chain(refused).collect();
            let mark = if remark.is_empty() {
                String::new()
            } else {
                let remark = remark.join("; ");
                let at = remarks.iter().position(|r| *r == remark).unwrap_or_else(|| {
                    remarks.push(remark);
                    remarks.len() - 1
                });
                format!(" ({})", at + 1)
            };
            let same = said.to == of.native;
            let to = if same { String::new() } else { format!("`{}` ", cell(&said.to)) };
            let _ = write!(text, " {to}{}{mark} |", said.word);
        }
        text.push('\n');
    }
    text.push('\n');
    for (at, remark) in remarks.iter().enumerate() {
        let _ = writeln!(text, "{}. {remark}", at + 1);
    }
    text
}

/// A type within a cell: a bar would end it.
fn cell(native: &str) -> String {
    native.replace('|', "\\|").replace('\n', " ")
}
