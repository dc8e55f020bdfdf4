//! The table of `docs/fidelity.md`: which kinds of bad value a policy decides on, by target.
//! `SYNCLINE_BLESS=1` writes it; otherwise it must be current.

use std::fmt::Write as _;
use std::path::PathBuf;

use crate::kinds::{KINDS, Outcome, To, outcome};

const BEGIN: &str = "<!-- generated: policies -->\n";
const END: &str = "<!-- end: policies -->\n";

fn table() -> String {
    let names: Vec<&str> = To::ALL.iter().map(|to| to.name()).collect();
    let mut text = format!("| kind | value | {} |\n|---|---|", names.join(" | "));
    text.push_str(&"---|".repeat(names.len()));
    text.push('\n');
    for kind in &KINDS {
        let _ = write!(text, "| `{}` | {} |", kind.flaw, kind.shown);
        for to in To::ALL {
            let cell = match outcome(kind, to) {
                Outcome::Kept(_) => "kept".to_owned(),
                Outcome::Bad(None) => "policy".to_owned(),
                Outcome::Bad(Some("2147483646")) => "policy; the last day there is".to_owned(),
                Outcome::Bad(Some(nearest)) => format!("policy; {nearest}"),
            };
            let _ = write!(text, " {cell} |");
        }
        text.push('\n');
    }
    text
}

#[test]
fn the_page_says_what_is_tested_here() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/fidelity.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let start = page.find(BEGIN).expect("the page has a place for the table") + BEGIN.len();
    let stop = page.find(END).expect("the page has an end of the table");
    let found = table();
    if std::env::var_os("SYNCLINE_BLESS").is_some() {
        std::fs::write(&path, format!("{}{found}{}", &page[..start], &page[stop..])).unwrap();
        return;
    }
    assert!(
        page[start..stop] == found,
        "docs/fidelity.md is not current: SYNCLINE_BLESS=1 cargo test -p syncline-cli --test \
         value_policies page writes it; found:\n{found}"
    );
}
