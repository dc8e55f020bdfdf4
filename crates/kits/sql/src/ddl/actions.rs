//! What makes a table of PostgreSQL the very same beyond what its definition's own parts can say:
//! *actions*, kept as the table's `statements`, each of them what follows ALTER TABLE.
//!
//! Three words are our own. `SERIAL "column" "sequence" AS …` makes a sequence that belongs to the
//! column and fills it; `SEQUENCE NAME "column" "sequence"` names that of an identity; `COMMENT ON
//! …` is followed by what the table has (`CONSTRAINT "c" IS '…'`, `INDEX "i" IS '…'`). An action
//! that adds a primary key takes the place of the definition's.

use syncline_types::{NativeSql, TableName, TableSchema, field};

use crate::Dialect;

const DIALECT: Dialect = Dialect::Postgres;

/// Where a column of PostgreSQL has the name of its domain; its native type is the domain's base.
pub const DOMAIN: &str = "syncline.domain";

/// Where a column of PostgreSQL has the schema of its collation.
pub const COLLATION_SCHEMA: &str = "syncline.collation-schema";

/// A sequence that a column counts by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sequence {
    /// `bigint`, `integer` or `smallint`.
    pub ty: String,
    /// What is added for the next number.
    pub increment: i64,
    /// The least number.
    pub least: i64,
    /// The greatest number.
    pub most: i64,
    /// The first number.
    pub start: i64,
    /// How many a session takes at once.
    pub cache: i64,
    /// It begins again when it is through.
    pub cycles: bool,
}

impl Sequence {
    /// One as it comes without options.
    pub fn plain(ty: &str) -> Self {
        let ty = ty.to_owned();
        let most = widest(&ty).1;
        Self { ty, increment: 1, least: 1, most, start: 1, cache: 1, cycles: false }
    }

    /// The action that makes a column a serial one.
    pub fn serial(&self, column: &str, name: &str) -> String {
        let (column, name) = (DIALECT.quote(column), DIALECT.quote(name));
        let cycle = if self.cycles { " CYCLE" } else { "" };
        format!(
            "SERIAL {column} {name} AS {} INCREMENT BY {} MINVALUE {} MAXVALUE {} START WITH {} \
             CACHE {}{cycle}",
            self.ty, self.increment, self.least, self.most, self.start, self.cache
        )
    }

    /// The action that makes an identity's sequence what it is; `None` where it is as it comes.
    pub fn identity(&self, column: &str) -> Option<String> {
        if *self == Self::plain(&self.ty) {
            return None;
        }
        let cycle = if self.cycles { "CYCLE" } else { "NO CYCLE" };
        Some(format!(
            "ALTER COLUMN {} SET INCREMENT BY {} SET MINVALUE {} SET MAXVALUE {} SET START WITH {} \
             SET CACHE {} SET {cycle} RESTART WITH {}",
            DIALECT.quote(column),
            self.increment,
            self.least,
            self.most,
            self.start,
            self.cache,
            self.start
        ))
    }
}

/// The least and the greatest number of a sequence's type.
pub fn widest(ty: &str) -> (i64, i64) {
    match ty {
        "smallint" => (i16::MIN.into(), i16::MAX.into()),
        "integer" => (i32::MIN.into(), i32::MAX.into()),
        _ => (i64::MIN, i64::MAX),
    }
}

/// The action that names an identity's sequence; `None` where it has the name it comes with.
pub fn sequence_name(table: &str, column: &str, name: &str) -> Option<String> {
    let usual = format!("{table}_{column}_seq");
    (usual != name)
        .then(|| format!("SEQUENCE NAME {} {}", DIALECT.quote(column), DIALECT.quote(name)))
}

/// The actions of a table that concern columns it has.
pub fn actions(table: &TableSchema) -> impl Iterator<Item = &str> {
    let own = table.statements.iter().filter_map(|s| s.of(DIALECT.id()));
    own.filter(|action| {
        let counted = counting(action);
        let named = action.strip_prefix("ALTER COLUMN ").map(|rest| quoted(rest).0);
        let column = counted.as_ref().or(named.as_ref()).map(|name| table.column(name));
        let there = match column {
            None => true,
            Some(None) => false,
            Some(Some(column)) => counted.is_none() || column.identity.is_some(),
        };
        there && !(table.primary_key.is_empty() && primary_key(action).is_some())
    })
}

/// The column whose counting an action is about.
fn counting(action: &str) -> Option<String> {
    for begin in ["SERIAL ", "SEQUENCE NAME "] {
        if let Some(rest) = action.strip_prefix(begin) {
            return Some(quoted(rest).0);
        }
    }
    let (column, rest) = quoted(action.strip_prefix("ALTER COLUMN ")?);
    rest.starts_with("SET INCREMENT BY ").then_some(column)
}

/// Name and words of an action that adds a primary key.
pub fn primary_key(action: &str) -> Option<(String, &str)> {
    let (name, words) = quoted(action.strip_prefix("ADD CONSTRAINT ")?);
    words.starts_with("PRIMARY KEY").then_some((name, words))
}

/// Actions for when the rows and indexes are there: old rows need not fulfil what they add, or
/// they are about indexes.
pub fn is_late(action: &str) -> bool {
    action.ends_with(" NOT VALID")
        || action.starts_with("CLUSTER ON")
        || action.starts_with("REPLICA IDENTITY USING")
        || action.starts_with("COMMENT ON ")
}

/// A quoted name at the beginning, and what follows it.
pub fn quoted(text: &str) -> (String, &str) {
    let mut name = String::new();
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c != '"' {
            name.push(c);
        } else if chars.next_if(|(_, next)| *next == '"').is_some() {
            name.push('"');
        } else {
            return (name, text[at + 1..].trim_start());
        }
    }
    (name, "")
}

/// The statement of a late action, or of another that needs nothing to be looked up.
pub fn statement(table: &TableName, action: &str) -> String {
    let name = DIALECT.table(table);
    let Some(about) = action.strip_prefix("COMMENT ON ") else {
        return format!("ALTER TABLE {name} {action}");
    };
    match about.strip_prefix("INDEX ").map(quoted) {
        Some((index, rest)) => {
            let index = TableName { schema: table.schema.clone(), name: index };
            format!("COMMENT ON INDEX {} {rest}", DIALECT.table(&index))
        }
        None => {
            let (constraint, rest) = quoted(about.strip_prefix("CONSTRAINT ").unwrap_or(about));
            let constraint = DIALECT.quote(&constraint);
            format!("COMMENT ON CONSTRAINT {constraint} ON {name} {rest}")
        }
    }
}

/// The table as CREATE TABLE makes it: without what its actions make, with the types' own names.
pub fn bare(table: &TableSchema) -> TableSchema {
    let mut bare = table.clone();
    let made = |name: &str| {
        let begin = format!("ADD CONSTRAINT {} ", DIALECT.quote(name));
        actions(table).any(|a| a.starts_with(&begin))
    };
    if actions(table).any(|a| primary_key(a).is_some()) {
        bare.primary_key.clear();
    }
    bare.checks.retain(|check| !check.name.as_deref().is_some_and(made));
    for column in &mut bare.columns {
        let mut metadata = column.field.metadata().clone();
        if let Some(domain) = metadata.remove(DOMAIN) {
            metadata.insert(field::NATIVE.into(), domain);
        }
        let native = metadata.get(field::NATIVE).cloned().unwrap_or_default();
        if let Some(schema) = metadata.remove(COLLATION_SCHEMA)
            && let Some(collation) = metadata.remove(field::COLLATION)
        {
            let collation = DIALECT.table(&TableName::new(schema, collation));
            metadata.insert(field::NATIVE.into(), format!("{native} COLLATE {collation}"));
        }
        column.field = column.field.clone().with_metadata(metadata);
        column.attributes = None;
        let begin = format!("SERIAL {} ", DIALECT.quote(column.name()));
        if actions(table).any(|a| a.starts_with(&begin)) {
            column.identity = None;
        }
    }
    bare
}

/// `STORAGE EXTERNAL COMPRESSION lz4` of the table's columns as actions, each with its words.
pub fn storage(table: &TableSchema) -> Vec<String> {
    let mut actions = Vec::new();
    for column in &table.columns {
        let words = column.attributes.as_ref().and_then(|a| a.of(DIALECT.id()));
        let words: Vec<&str> = words.unwrap_or_default().split_whitespace().collect();
        let name = DIALECT.quote(column.name());
        let pairs = words.chunks(2).filter(|pair| pair.len() == 2);
        actions.extend(pairs.map(|p| format!("ALTER COLUMN {name} SET {} {}", p[0], p[1])));
    }
    actions
}

/// The statements that follow CREATE TABLE, before rows, in a script of PostgreSQL; `late` ones
/// when the indexes are there. Those of [`last`] are not among them.
pub fn statements(table: &TableSchema, late: bool) -> Vec<String> {
    let mut statements = Vec::new();
    let in_time = |action: &&str| !is_last(table, action);
    for action in actions(table).filter(|a| is_late(a) == late).filter(in_time) {
        if let Some(words) = action.strip_prefix("SERIAL ") {
            statements.extend(serial(table, words));
        } else if let Some(words) = action.strip_prefix("SEQUENCE NAME ") {
            statements.push(named(table, words));
        } else {
            statements.push(statement(&table.name, action));
        }
    }
    if !late {
        statements.extend(storage(table).iter().map(|action| statement(&table.name, action)));
    }
    statements
}

/// Whether it is for when all rows are in: what they need not fulfil, and comments on that and on
/// foreign keys.
fn is_last(table: &TableSchema, action: &str) -> bool {
    let Some(about) = action.strip_prefix("COMMENT ON CONSTRAINT ").map(|rest| quoted(rest).0)
    else {
        return action.ends_with(" NOT VALID");
    };
    let begin = format!("ADD CONSTRAINT {} ", DIALECT.quote(&about));
    table.foreign_keys.iter().any(|key| key.name == about)
        || actions(table).any(|a| a.ends_with(" NOT VALID") && a.starts_with(&begin))
}

/// The statements for when all rows are in and foreign keys are made.
pub fn last(table: &TableSchema) -> Vec<String> {
    let own = actions(table).filter(|action| is_last(table, action));
    own.map(|action| statement(&table.name, action)).collect()
}

/// Makes a sequence that belongs to the column and fills it: `"column" "sequence" AS …`.
fn serial(table: &TableSchema, words: &str) -> Vec<String> {
    let (column, rest) = quoted(words);
    let (name, options) = quoted(rest);
    let next = table.column(&column).and_then(|c| c.identity?.next);
    let name = TableName { schema: table.name.schema.clone(), name };
    let (name, of) = (DIALECT.table(&name), DIALECT.table(&table.name));
    let (column, text) = (DIALECT.quote(&column), DIALECT.string(&name));
    let mut statements = vec![
        format!("CREATE SEQUENCE IF NOT EXISTS {name} {options}"),
        format!(
            "ALTER TABLE {of} ALTER COLUMN {column} SET DEFAULT nextval({text}::pg_catalog.regclass)"
        ),
        format!("ALTER SEQUENCE {name} OWNED BY {of}.{column}"),
    ];
    if let Some(next) = next.filter(|next| within(options, *next)) {
        statements.push(format!("ALTER SEQUENCE {name} RESTART WITH {next}"));
    }
    statements
}

/// Whether a sequence of these options can give the number: it may be through.
fn within(options: &str, number: i128) -> bool {
    let words: Vec<&str> = options.split_whitespace().collect();
    let of = |name: &str| {
        let at = words.iter().position(|w| *w == name)?;
        words.get(at + 1)?.parse::<i128>().ok()
    };
    of("MINVALUE").is_none_or(|least| number >= least)
        && of("MAXVALUE").is_none_or(|most| number <= most)
}

/// Names an identity's sequence, whatever name it came with: `"column" "sequence"`.
fn named(table: &TableSchema, words: &str) -> String {
    let (column, rest) = quoted(words);
    let (name, of) = (quoted(rest).0, DIALECT.string(&DIALECT.table(&table.name)));
    let (column, name) = (DIALECT.string(&column), DIALECT.string(&name));
    let body = format!(
        "BEGIN EXECUTE pg_catalog.format('ALTER SEQUENCE %s RENAME TO %I', \
         pg_catalog.pg_get_serial_sequence({of}, {column}), {name}); \
         EXCEPTION WHEN duplicate_table THEN NULL; END"
    );
    let mut tag = String::from("$syncline$");
    while body.contains(&tag) {
        tag.insert(1, 'x');
    }
    format!("DO {tag} {body} {tag}")
}

/// What another store's table leaves out of an action, for a person; `None` where that is nothing,
/// or is said of the part it is about.
pub(super) fn left_out(action: &NativeSql, table: &TableSchema) -> Option<String> {
    let sql = action.of(DIALECT.id())?;
    if let Some(column) = counting(sql) {
        table.column(&column)?.identity?;
        let words: Vec<&str> = sql.split_whitespace().collect();
        let of = |name: &str| {
            let at = words.iter().rposition(|w| *w == name)?;
            words.get(at + 1)?.parse::<i64>().ok()
        };
        let cycles = words.ends_with(&["CYCLE"])
            || sql.contains(" SET CYCLE ") && !sql.contains(" SET NO CYCLE ");
        let (increment, least, most) = (of("BY")?, of("MINVALUE")?, of("MAXVALUE")?);
        let tops = [i64::from(i16::MAX), i64::from(i32::MAX), i64::MAX];
        if increment == 1 && !cycles && least == 1 && tops.contains(&most) {
            return None;
        }
        let again = if cycles { ", over and over" } else { "" };
        return Some(format!(
            "column {column} counts by {increment} from {least} to {most}{again} at the source, and \
             by one here"
        ));
    }
    if let Some((name, words)) = primary_key(sql) {
        let told = ["DEFERRABLE", "INCLUDE"].iter().any(|word| words.contains(word));
        return told.then(|| format!("primary key {name} is made without its options: {words}"));
    }
    if sql.starts_with("ADD CONSTRAINT ") || sql.starts_with("SEQUENCE NAME ") {
        return None;
    }
    Some(format!("left out, only {DIALECT} can say it: {sql}"))
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::{DataType, Field};
    use syncline_types::Identity;

    use super::*;

    #[test]
    fn quoted_names_are_read_to_their_end() {
        assert_eq!(quoted("\"a\"\"b\" \"c\" AS x"), ("a\"b".into(), "\"c\" AS x"));
        assert_eq!(
            primary_key("ADD CONSTRAINT \"my key\" PRIMARY KEY (a)"),
            Some(("my key".into(), "PRIMARY KEY (a)"))
        );
        assert_eq!(primary_key("ADD CONSTRAINT \"PRIMARY KEY\" CHECK (a)"), None);
    }

    #[test]
    fn another_store_is_told_how_a_column_counts() {
        let mut table = TableSchema::new(
            TableName::bare("t"),
            ["id", "the id"].map(|name| Field::new(name, DataType::Int32, false)),
        );
        for column in &mut table.columns {
            column.identity = Some(Identity { always: false, next: None });
        }
        let note = |sql: &str| left_out(&NativeSql::new("postgres", sql), &table);
        let plain = Sequence::plain("integer");
        assert_eq!(plain.identity("id"), None);
        assert_eq!(note(&plain.serial("id", "s")), None);
        let odd = Sequence { increment: -5, least: -100, most: -1, cycles: true, ..plain };
        for sql in [odd.serial("the id", "s"), odd.identity("the id").unwrap()] {
            assert_eq!(
                note(&sql).unwrap(),
                "column the id counts by -5 from -100 to -1, over and over at the source, and by \
                 one here"
            );
        }
        assert_eq!(
            note("SET UNLOGGED").unwrap(),
            "left out, only postgres can say it: SET UNLOGGED"
        );
        assert_eq!(note("ADD CONSTRAINT \"k\" PRIMARY KEY (a)"), None);
        assert!(note("ADD CONSTRAINT \"k\" PRIMARY KEY (a) DEFERRABLE").is_some());
        assert_eq!(left_out(&NativeSql::new("sqlite", "CREATE TABLE t (a)"), &table), None);
        let sql = odd.serial("id", "s");
        table.columns[0].identity = None;
        assert_eq!(left_out(&NativeSql::new("postgres", sql), &table), None, "that is said");
    }

    #[test]
    fn comments_name_what_they_are_about() {
        let table = TableName::new("s", "t");
        assert_eq!(
            statement(&table, "COMMENT ON INDEX \"i\" IS 'x'"),
            "COMMENT ON INDEX \"s\".\"i\" IS 'x'"
        );
        assert_eq!(
            statement(&table, "COMMENT ON CONSTRAINT \"c\" IS 'x'"),
            "COMMENT ON CONSTRAINT \"c\" ON \"s\".\"t\" IS 'x'"
        );
    }
}
