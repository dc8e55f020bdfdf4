//! What the statements of a script that hold no rows say about tables: made, dropped, given keys,
//! indexes, comments, counters.

use syncline_types::{Index, Partitioning, Requirement, TableName, TableSchema};

use super::create::Extras;
use super::native::UserTypes;
use super::sequence::{Options, qualified};
use super::tokens::Tokens;
use crate::Dialect;

/// What a statement without rows says about tables.
pub(crate) enum Change {
    /// Nothing about tables.
    Nothing,
    /// It carries or changes rows in a way that is not read; how.
    Refused(String),
    /// A table, and what stands behind its columns.
    Create(TableSchema, Extras),
    /// A table with another's columns, and whether it is a partition: which rows it takes, and how
    /// it is cut further.
    Child(TableName, TableName, Option<(String, Option<Partitioning>)>),
    /// A table like another: with all that one has, or with its columns alone.
    Like(TableName, TableName, bool),
    Drop(Vec<TableName>),
    Alter(TableName),
    Index(TableName, Index),
    Comment(TableName, Option<String>, Option<String>),
    /// A type, domain, sequence or extension, and what is known of its values.
    Made(Requirement, Values),
    /// A sequence's last number, and whether it was given already.
    Counted(TableName, i128, bool),
    /// What is said of a sequence.
    Sequence(TableName, Options),
    /// A comment on an index or a constraint: its name (a constraint's without the schema), its
    /// table where that is said, and the text.
    PartComment(TableName, Option<TableName>, Option<String>),
    /// A partition has the index of this name for one of the whole.
    Attached(TableName),
    /// Something that is not copied: what, and its name; for a trigger, its table.
    Left(&'static str, String, Option<TableName>),
}

/// What a type of the script's own holds.
pub(crate) enum Values {
    /// These words.
    Members(Vec<String>),
    /// Those of another type.
    Of(String),
    /// Numbers counted so.
    Counted(Box<Options>),
    Unknown,
}

pub(crate) fn read(tokens: &mut Tokens<'_>, types: &UserTypes) -> Change {
    if tokens.is("CREATE") {
        return create(tokens, types).unwrap_or(Change::Nothing);
    }
    let change = if tokens.eat_all(&["DROP", "TABLE"]) {
        tokens.eat_all(&["IF", "EXISTS"]);
        let mut names = Vec::new();
        while let Some(name) = tokens.table() {
            names.push(name);
            if !tokens.next_action() {
                break;
            }
        }
        Some(Change::Drop(names))
    } else if tokens.eat_all(&["ALTER", "TABLE"]) {
        tokens.skip_only();
        tokens.table().map(Change::Alter)
    } else if tokens.eat_all(&["ALTER", "SEQUENCE"]) {
        sequence(tokens)
    } else if tokens.eat_all(&["ALTER", "INDEX"]) {
        attached(tokens)
    } else if tokens.eat_all(&["COMMENT", "ON"]) {
        comment(tokens)
    } else if tokens.eat("GRANT") || tokens.eat("REVOKE") {
        rights(tokens)
    } else if tokens.eat("SELECT")
        || tokens.session.rules.dialect == Dialect::Mysql && tokens.eat("DO")
    {
        setval(&tokens.rest())
    } else {
        None
    };
    change.unwrap_or(Change::Nothing)
}

/// Words between CREATE and what is created, in things that are not copied.
const BEFORE: [&str; 12] = [
    "OR",
    "REPLACE",
    "ALGORITHM",
    "UNDEFINED",
    "MERGE",
    "TEMPTABLE",
    "DEFINER",
    "SQL",
    "SECURITY",
    "INVOKER",
    "TEMP",
    "TEMPORARY",
];

fn create(tokens: &mut Tokens<'_>, types: &UserTypes) -> Option<Change> {
    if let Some(made) = made(tokens) {
        return Some(made);
    }
    let unique = tokens.eat_all(&["CREATE", "UNIQUE", "INDEX"]);
    if unique || tokens.eat_all(&["CREATE", "INDEX"]) {
        return tokens.created_index(unique).map(|(table, index)| Change::Index(table, index));
    }
    if let Some(left) = beside(tokens) {
        return Some(left);
    }
    let special = ["FULLTEXT", "SPATIAL"].into_iter().find(|kind| tokens.is_at(1, kind));
    if let Some(kind) = special.filter(|_| tokens.is_at(2, "INDEX") || tokens.is_at(2, "KEY")) {
        tokens.at += 3;
        let (table, mut index) = tokens.created_index(false)?;
        let over = index.definition.as_ref().map(|d| d.sql.clone()).unwrap_or_else(|| {
            let columns: Vec<String> =
                index.parts.iter().map(|p| Dialect::Mysql.quote(&p.column)).collect();
            format!("({})", columns.join(","))
        });
        let name = Dialect::Mysql.quote(&index.name);
        index.definition = Some(tokens.native(format!("{kind} KEY {name} {over}")));
        return Some(Change::Index(table, index));
    }
    let start = tokens.mark();
    if let Some((table, extras)) = tokens.create_table(types) {
        return Some(Change::Create(table, extras));
    }
    tokens.back_to(start);
    tokens.counted.clear();
    child(tokens).or_else(|| {
        tokens.back_to(start);
        left(tokens)
    })
}

/// `CREATE TABLE a PARTITION OF b …`, `… (LIKE b)`, `… AS SELECT`.
fn child(tokens: &mut Tokens<'_>) -> Option<Change> {
    tokens.eat("CREATE");
    for word in ["TEMPORARY", "TEMP", "UNLOGGED"] {
        tokens.eat(word);
    }
    if !tokens.eat("TABLE") {
        return None;
    }
    tokens.eat_all(&["IF", "NOT", "EXISTS"]);
    let name = tokens.table()?;
    if tokens.eat_all(&["PARTITION", "OF"]) {
        let parent = tokens.table()?;
        // Its own columns and constraints may stand in brackets before its bounds.
        tokens.brackets();
        let from = tokens.at;
        let by = loop {
            if tokens.peek().is_none() {
                break None;
            }
            if tokens.eat_all(&["PARTITION", "BY"]) {
                break Some(tokens.at);
            }
            tokens.at += 1;
        };
        let bounds = tokens.between(from, tokens.end);
        let further = by.map(|at| Partitioning {
            by: tokens.native(tokens.between(at, tokens.end)),
            partitions: Vec::new(),
        });
        return Some(Change::Child(name, parent, Some((bounds, further))));
    }
    let bracket = tokens.eat_punct(b'(');
    if tokens.eat("LIKE") {
        return like(tokens, name);
    }
    tokens.at -= usize::from(bracket);
    let selects = tokens.rest().to_ascii_uppercase().contains("SELECT");
    selects.then(|| Change::Refused(format!("CREATE TABLE {name} … SELECT is not read")))
}

/// `other INCLUDING ALL`, behind LIKE.
fn like(tokens: &mut Tokens<'_>, name: TableName) -> Option<Change> {
    let other = tokens.table()?;
    if tokens.session.rules.dialect == Dialect::Mysql {
        return Some(Change::Like(name, other, true));
    }
    let all = tokens.eat_all(&["INCLUDING", "ALL"]);
    if tokens.is_punct(b')') && tokens.ahead(1).is_none() {
        return Some(Change::Like(name, other, all));
    }
    let rest = tokens.rest();
    Some(Change::Refused(format!("CREATE TABLE {name} (LIKE {other} … {rest} is not read")))
}

/// Policies, rules and statistics: of a table, and not copied.
fn beside(tokens: &mut Tokens<'_>) -> Option<Change> {
    let here = tokens.mark();
    tokens.eat("CREATE");
    tokens.eat_all(&["OR", "REPLACE"]);
    let kinds = [
        ("POLICY", "policies of row-level security", "ON"),
        ("RULE", "rules", "TO"),
        ("STATISTICS", "extended statistics", "FROM"),
    ];
    let found = kinds.into_iter().find(|(word, ..)| tokens.eat(word));
    let Some((_, kind, before)) = found else {
        tokens.back_to(here);
        return None;
    };
    tokens.eat_all(&["IF", "NOT", "EXISTS"]);
    let name = tokens.table()?.name;
    while tokens.peek().is_some() && !tokens.eat(before) {
        tokens.skip_one();
    }
    Some(Change::Left(kind, name, tokens.table()))
}

/// `SELECT, INSERT ON TABLE t TO someone`, behind GRANT or REVOKE.
fn rights(tokens: &mut Tokens<'_>) -> Option<Change> {
    while tokens.peek().is_some() && !tokens.eat("ON") {
        tokens.skip_one();
    }
    let table = tokens.eat("TABLE");
    let others = ["SCHEMA", "SEQUENCE", "FUNCTION", "PROCEDURE", "DATABASE", "TYPE", "ALL"];
    if !table && others.iter().any(|word| tokens.is(word)) || tokens.peek().is_none() {
        return Some(Change::Left("rights", tokens.rest(), None));
    }
    let here = tokens.mark();
    let name = tokens.table();
    if name.is_none() || !(tokens.eat("TO") || tokens.eat("FROM")) {
        tokens.back_to(here);
        return Some(Change::Left("rights", tokens.rest(), None));
    }
    Some(Change::Left("rights", tokens.name().unwrap_or_default(), name))
}

/// `i ATTACH PARTITION p`, behind ALTER INDEX.
fn attached(tokens: &mut Tokens<'_>) -> Option<Change> {
    tokens.eat_all(&["IF", "EXISTS"]);
    tokens.table()?;
    tokens.eat_all(&["ATTACH", "PARTITION"]).then_some(())?;
    tokens.table().map(Change::Attached)
}

/// Types, domains, sequences and extensions.
fn made(tokens: &mut Tokens<'_>) -> Option<Change> {
    let kinds = ["TYPE", "DOMAIN", "SEQUENCE", "EXTENSION", "COLLATION"];
    let unlogged = tokens.is_at(1, "UNLOGGED") && tokens.is_at(2, "SEQUENCE");
    let at = if unlogged { 2 } else { 1 };
    let kind = kinds.into_iter().find(|kind| tokens.is("CREATE") && tokens.is_at(at, kind))?;
    let create = tokens.native(tokens.all());
    tokens.at += at + 1;
    tokens.eat_all(&["IF", "NOT", "EXISTS"]);
    let name = if kind == "EXTENSION" {
        // It may lie in any schema.
        TableName::bare(tokens.name()?)
    } else {
        tokens.table()?
    };
    let values = match kind {
        "TYPE" if tokens.eat_all(&["AS", "ENUM"]) => {
            let mut members = Vec::new();
            tokens.open();
            while let Some(member) = tokens.text() {
                members.push(member);
                tokens.next_comma();
            }
            Values::Members(members)
        }
        "DOMAIN" => {
            tokens.eat("AS");
            Values::Of(tokens.native_type())
        }
        "SEQUENCE" => Values::Counted(Box::new(tokens.sequence_options())),
        _ => Values::Unknown,
    };
    let kind = kind.to_ascii_lowercase();
    Some(Change::Made(Requirement { kind, name, create }, values))
}

/// Views, triggers and routines.
fn left(tokens: &mut Tokens<'_>) -> Option<Change> {
    tokens.eat("CREATE");
    loop {
        let definer = tokens.is("DEFINER");
        if !BEFORE.iter().any(|word| tokens.is(word)) {
            break;
        }
        tokens.at += 1;
        if tokens.eat_punct(b'=') && definer {
            // `user`@`host`
            while tokens.peek().is_some()
                && !["SQL", "VIEW", "TRIGGER", "FUNCTION", "PROCEDURE", "EVENT", "AGGREGATE"]
                    .iter()
                    .any(|word| tokens.is(word))
            {
                tokens.at += 1;
            }
        }
    }
    for word in ["MATERIALIZED", "RECURSIVE", "AGGREGATE", "CONSTRAINT", "VIRTUAL"] {
        tokens.eat(word);
    }
    let kinds = [
        ("VIEW", "views"),
        ("TRIGGER", "triggers"),
        ("FUNCTION", "functions"),
        ("PROCEDURE", "procedures"),
        ("EVENT", "events"),
        ("TABLE", "virtual tables"),
    ];
    let (_, kind) = kinds.into_iter().find(|(word, _)| tokens.eat(word))?;
    tokens.eat_all(&["IF", "NOT", "EXISTS"]);
    let name = tokens.table()?.name;
    let mut table = None;
    if kind == "triggers" {
        while tokens.peek().is_some() && !tokens.eat("ON") {
            tokens.at += 1;
        }
        table = tokens.table();
    }
    Some(Change::Left(kind, name, table))
}

/// `s OWNED BY table.column RESTART WITH 5`, behind ALTER SEQUENCE.
fn sequence(tokens: &mut Tokens<'_>) -> Option<Change> {
    tokens.eat_all(&["IF", "EXISTS"]);
    let sequence = tokens.table()?;
    if tokens.is("OWNER") || tokens.is("RENAME") {
        return None;
    }
    Some(Change::Sequence(sequence, tokens.sequence_options()))
}

fn comment(tokens: &mut Tokens<'_>) -> Option<Change> {
    if tokens.eat("TABLE") {
        let table = tokens.table()?;
        tokens.eat("IS");
        return Some(Change::Comment(table, None, tokens.text()));
    }
    if tokens.eat("INDEX") || tokens.is("CONSTRAINT") {
        let constraint = tokens.eat("CONSTRAINT");
        let name = tokens.table()?;
        let table = if constraint && tokens.eat("ON") { Some(tokens.table()?) } else { None };
        tokens.eat("IS");
        return Some(Change::PartComment(name, table, tokens.text()));
    }
    if !tokens.eat("COLUMN") {
        // Of a schema, a type, a function …
        let what = tokens.bump().map(|t| tokens.lexer.string(&t).to_lowercase())?;
        let name = tokens.table()?.name;
        // An extension brings its own.
        if what == "extension" {
            return None;
        }
        return Some(Change::Left("comments", format!("on {what} {name}"), None));
    }
    let (table, column) = tokens.column_of_table()?;
    tokens.eat("IS");
    Some(Change::Comment(table, Some(column), tokens.text()))
}

/// `pg_catalog.setval('sequence', 3, true)`
fn setval(call: &str) -> Option<Change> {
    let (_, arguments) = call.split_once("setval(").or_else(|| call.split_once("SETVAL("))?;
    let (name, rest) = match arguments.strip_prefix('\'') {
        Some(text) => text.split_once('\'')?,
        // MariaDB's is no text.
        None => arguments.split_once(',')?,
    };
    let rest = rest.trim_start_matches("::regclass");
    let mut numbers = rest.trim_start_matches(',').split([',', ')']).map(str::trim);
    let last: i128 = numbers.next()?.parse().ok()?;
    let called = !matches!(numbers.next(), Some("false" | "0"));
    Some(Change::Counted(qualified(name)?, last, called))
}
