//! Hints for those who are not at a command line.
//!
//! Errors of the engine and of connectors name what to do as options of the command line. Who meets
//! the same error through a server sets the same things in a job: there its keys stand in the
//! options' place.

/// An option of the command line, what says the same in a job, and whether a value follows it.
const OPTIONS: &[(&str, &str, bool)] = &[
    ("allow-lossy", "errors.allow_lossy: true", false),
    ("columns", "columns", false),
    ("create", "sink.create", false),
    ("filter", "a step `filter`", false),
    ("fresh", "fresh: true", false),
    ("from", "source.from", true),
    ("generated", "sink.generated", true),
    ("max-errors", "errors.rows", true),
    ("mode", "mode", true),
    ("on-schema-change", "schema_changes", false),
    ("query", "source.query", true),
    ("retention", "source.retention", true),
    ("to", "sink.table", true),
    ("until", "until", true),
    ("values", "errors.values", true),
    ("when-lost", "source.when_lost", true),
    ("where", "source.where", true),
    ("write", "sink.write", true),
];

/// Phrases that read better otherwise.
const PHRASES: &[(&str, &str)] = &[
    ("start over with --fresh", "start the job afresh (fresh: true)"),
    ("copy the tables anew: --fresh", "copy the tables anew (fresh: true)"),
    ("--allow-lossy (errors.allow_lossy in a job file)", "errors.allow_lossy: true"),
];

/// A hint as it is said of a job on a server: with the keys of a job in the place of our options.
/// Options of other programs stay what they are.
pub fn in_terms_of_jobs(hint: &str) -> String {
    // It is the one program whose options are named like ours.
    if !hint.contains("--") || hint.contains("iconv ") {
        return hint.to_owned();
    }
    let phrased = PHRASES.iter().fold(hint.to_owned(), |text, (from, to)| text.replace(from, to));
    let mut said = String::with_capacity(phrased.len());
    let mut rest = phrased.as_str();
    while let Some(at) = rest.find("--") {
        let (before, option) = (&rest[..at], &rest[at + 2..]);
        said.push_str(before);
        let length = option.find(|c: char| !c.is_ascii_lowercase() && c != '-');
        let name = &option[..length.unwrap_or(option.len())];
        rest = &option[name.len()..];
        let known = OPTIONS.iter().find(|(known, ..)| *known == name);
        let begins = before.chars().next_back().is_none_or(|c| !c.is_alphanumeric() && c != '-');
        match known.filter(|_| begins) {
            None => said.extend(["--", name]),
            Some((_, key, valued)) => {
                said.push_str(key);
                let value = rest.strip_prefix(' ').and_then(|value| value.chars().next());
                let follows = value.is_some_and(|c| c.is_alphanumeric() || "'`{<".contains(c));
                if *valued && follows {
                    said.push(':');
                }
            }
        }
    }
    said.push_str(rest);
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_become_keys_of_a_job() {
        for (hint, said) in [
            ("start over with --fresh", "start the job afresh (fresh: true)"),
            (
                "use --write append or replace, or give the table a primary key",
                "use sink.write: append or replace, or give the table a primary key",
            ),
            (
                "copy the tables anew: --fresh, or --when-lost resnapshot; have",
                "copy the tables anew (fresh: true), or source.when_lost: resnapshot; have",
            ),
            ("give names that differ: --to '{a}'", "give names that differ: sink.table: '{a}'"),
            ("create it, or leave --create at auto", "create it, or leave sink.create at auto"),
            ("--max-errors N lets rows go", "errors.rows: N lets rows go"),
            ("--values zero_date=null NULL", "errors.values: zero_date=null NULL"),
            ("or ignored: --on-schema-change", "or ignored: schema_changes"),
        ] {
            assert_eq!(in_terms_of_jobs(hint), said);
        }
    }

    #[test]
    fn options_of_others_stay() {
        for hint in [
            "start the server with --log-bin --binlog-format=ROW and a --server-id",
            "convert it first: iconv --from utf-32 --to utf-8",
            "give another address with --listen",
            "a -- b",
            "x--to",
            "",
        ] {
            assert_eq!(in_terms_of_jobs(hint), hint);
        }
    }
}
