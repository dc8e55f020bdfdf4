//! ALTER TABLE: what dumps complete their tables with, and people too. What is not known to change
//! nothing is applied or refused, never passed over.

use syncline_types::field::{self, COLLATION};
use syncline_types::{Identity, NativeSql, TableName, TableSchema};

use super::native::{self, UserTypes};
use super::sequence::Options;
use super::tokens::Tokens;
use crate::Dialect;

mod drop;
mod rename;

/// What ALTER TABLE says beyond the table's own columns and keys.
#[derive(Debug, Default)]
pub(crate) struct Beyond {
    /// A sequence of these options counts up the column of this name.
    pub(crate) sequence: Option<(Options, String)>,
    /// A table becomes a partition of this one, and which rows it takes.
    pub(crate) partition: Option<(TableName, String)>,
    /// The table is called so from here on.
    pub(crate) renamed: Option<TableName>,
    /// Columns are called otherwise from here on: from, to.
    pub(crate) columns: Vec<(String, String)>,
    /// Columns are gone, or are of another type: what was read before is not theirs.
    pub(crate) reshaped: bool,
    /// What is not copied, for people.
    pub(crate) notes: Vec<String>,
    /// Whom it belongs to.
    pub(crate) owner: Option<String>,
    /// Tables that inherit from it are not meant.
    pub(crate) only: bool,
}

/// What ALTER TABLE says in MySQL that changes nothing of what is copied.
const NOTHING_MYSQL: [&[&str]; 9] = [
    &["DISABLE", "KEYS"],
    &["ENABLE", "KEYS"],
    &["FORCE"],
    &["ALGORITHM"],
    &["LOCK"],
    &["WITH", "VALIDATION"],
    &["WITHOUT", "VALIDATION"],
    &["WAIT"],
    &["NOWAIT"],
];

/// The same in PostgreSQL.
const NOTHING_POSTGRES: [&[&str]; 7] = [
    &["SET", "WITHOUT", "OIDS"],
    &["SET", "WITHOUT", "CLUSTER"],
    &["SET", "LOGGED"],
    &["ENABLE", "TRIGGER"],
    &["DISABLE", "TRIGGER"],
    &["REPLICA", "IDENTITY", "DEFAULT"],
    &["NO", "FORCE", "ROW", "LEVEL", "SECURITY"],
];

/// The actions of ALTER TABLE. The error says what is not read.
pub(crate) fn alter(
    tokens: &mut Tokens<'_>,
    table: &mut TableSchema,
    types: &UserTypes,
) -> Result<Beyond, String> {
    let mut beyond = Beyond::default();
    tokens.eat_all(&["ALTER", "TABLE"]);
    tokens.eat_all(&["IF", "EXISTS"]);
    beyond.only = tokens.eat("ONLY");
    tokens.table();
    loop {
        action(tokens, table, types, &mut beyond)?;
        if !tokens.next_action() {
            return Ok(beyond);
        }
    }
}

fn action(
    tokens: &mut Tokens<'_>,
    table: &mut TableSchema,
    types: &UserTypes,
    beyond: &mut Beyond,
) -> Result<(), String> {
    let dialect = tokens.session.rules.dialect;
    let here = tokens.mark();
    if tokens.eat("ADD") {
        return add(tokens, table, types);
    }
    if tokens.eat("DROP") {
        return drop::drop(tokens, table, beyond);
    }
    if tokens.eat("RENAME") {
        return rename::rename(tokens, table, beyond);
    }
    if tokens.is("MODIFY") || tokens.is("CHANGE") {
        return modify(tokens, table, types, beyond);
    }
    if tokens.is("ALTER") && ["CONSTRAINT", "CHECK", "INDEX"].iter().all(|w| !tokens.is_at(1, w)) {
        tokens.at += 1;
        tokens.eat("COLUMN");
        let name = tokens.name().unwrap_or_default();
        let Some(at) = find(table, dialect, &name) else {
            return Err(format!("ALTER TABLE {} ALTER COLUMN {name}: no such column", table.name));
        };
        return alter_column(tokens, table, at, types, beyond);
    }
    let known = match dialect {
        Dialect::Mysql => mysql_option(tokens, table),
        Dialect::Postgres => postgres_option(tokens, table, beyond),
        Dialect::Sqlite | Dialect::Ansi => false,
    };
    if known || tokens.peek().is_none() {
        return Ok(());
    }
    tokens.back_to(here);
    Err(refused(tokens, table))
}

/// What cannot be read of the statement, from where the tokens stand.
fn refused(tokens: &mut Tokens<'_>, table: &TableSchema) -> String {
    format!("ALTER TABLE {} … {} is not read", table.name, tokens.rest())
}

/// The column of that name, as the dialect compares names.
fn find(table: &TableSchema, dialect: Dialect, name: &str) -> Option<usize> {
    let exact = table.index_of(name);
    if matches!(dialect, Dialect::Postgres) {
        return exact;
    }
    exact.or_else(|| table.columns.iter().position(|c| c.name().eq_ignore_ascii_case(name)))
}

/// `AUTO_INCREMENT=5`, `ENGINE=InnoDB`, `COMMENT='x'`
fn mysql_option(tokens: &mut Tokens<'_>, table: &mut TableSchema) -> bool {
    if NOTHING_MYSQL.iter().any(|words| tokens.eat_all(words)) {
        tokens.upto_comma();
        return true;
    }
    if tokens.eat("AUTO_INCREMENT") {
        tokens.eat_punct(b'=');
        let next = tokens.bump().and_then(|t| tokens.lexer.string(&t).parse().ok());
        for identity in table.columns.iter_mut().filter_map(|c| c.identity.as_mut()) {
            identity.next = next;
        }
        return next.is_some();
    }
    if tokens.is("COMMENT") {
        tokens.at += 1;
        tokens.eat_punct(b'=');
        table.comment = tokens.text().filter(|c| !c.is_empty());
        return true;
    }
    let option = ["ENGINE", "ROW_FORMAT", "KEY_BLOCK_SIZE", "STATS_PERSISTENT", "CHECKSUM"];
    if !option.iter().any(|word| tokens.is(word)) {
        return false;
    }
    let from = tokens.mark();
    let name = tokens.bump().map(|t| tokens.lexer.string(&t).to_ascii_lowercase());
    tokens.eat_punct(b'=');
    tokens.bump();
    let said = tokens.between(from, tokens.mark());
    let known = table.options.take().map(|o| o.sql).unwrap_or_default();
    let begin = format!("{}=", name.unwrap_or_default());
    let kept = known.split_whitespace().filter(|w| !w.to_ascii_lowercase().starts_with(&begin));
    let words: Vec<&str> = kept.chain([said.as_str()]).collect();
    table.options = Some(tokens.native(words.join(" ")));
    true
}

/// `OWNER TO me`, `CLUSTER ON i`, `REPLICA IDENTITY FULL`, `ENABLE ROW LEVEL SECURITY`
fn postgres_option(tokens: &mut Tokens<'_>, table: &mut TableSchema, beyond: &mut Beyond) -> bool {
    let quote = |name: &str| Dialect::Postgres.quote(name);
    if NOTHING_POSTGRES.iter().any(|words| tokens.eat_all(words)) {
        tokens.upto_comma();
        return true;
    }
    let mut said = None;
    if tokens.eat_all(&["OWNER", "TO"]) {
        beyond.owner = tokens.name();
    } else if tokens.eat_all(&["ATTACH", "PARTITION"]) {
        if let Some(part) = tokens.table() {
            beyond.partition = Some((part, tokens.rest()));
        }
    } else if tokens.eat_all(&["CLUSTER", "ON"]) {
        said = tokens.name().map(|index| format!("CLUSTER ON {}", quote(&index)));
    } else if tokens.eat_all(&["REPLICA", "IDENTITY"]) {
        said = if tokens.eat_all(&["USING", "INDEX"]) {
            let index = tokens.name();
            index.map(|index| format!("REPLICA IDENTITY USING INDEX {}", quote(&index)))
        } else {
            let how = tokens.bump().map(|t| tokens.lexer.string(&t).to_ascii_uppercase());
            how.map(|how| format!("REPLICA IDENTITY {how}"))
        };
    } else if tokens.eat_all(&["SET", "UNLOGGED"]) {
        said = Some("SET UNLOGGED".to_owned());
    } else if tokens.is("SET") && tokens.ahead(1).is_some_and(|t| tokens.lexer.raw(t) == b"(") {
        tokens.at += 1;
        let options = tokens.brackets().unwrap_or_default();
        table.options = Some(tokens.native(format!("WITH ({options})")));
    } else if tokens.eat_all(&["SET", "TABLESPACE"]) || tokens.eat_all(&["SET", "ACCESS"]) {
        let rest = tokens.rest();
        beyond.notes.push(format!("its tablespace or access method {rest} is not kept"));
    } else if tokens.eat_all(&["ENABLE", "ROW", "LEVEL", "SECURITY"])
        || tokens.eat_all(&["FORCE", "ROW", "LEVEL", "SECURITY"])
    {
        beyond.notes.push("row-level security is on, and is not for the copy".into());
    } else if tokens.is("ENABLE") || tokens.is("DISABLE") || tokens.is("INHERIT") {
        // Rules, and triggers that fire always: they are named where they are made.
        let rest = tokens.rest();
        beyond.notes.push(format!("not kept: {rest}"));
    } else {
        return false;
    }
    table.statements.extend(said.map(|sql| tokens.native(sql)));
    true
}

fn add(tokens: &mut Tokens<'_>, table: &mut TableSchema, types: &UserTypes) -> Result<(), String> {
    let not_read = |tokens: &mut Tokens<'_>| {
        Err(format!("ALTER TABLE {} ADD {} is not read", table.name, tokens.rest()))
    };
    if tokens.is("PARTITION") || tokens.is("SYSTEM") || tokens.is("PERIOD") {
        return not_read(tokens);
    }
    tokens.eat("COLUMN");
    tokens.eat_all(&["IF", "NOT", "EXISTS"]);
    if tokens.session.rules.dialect == Dialect::Mysql && tokens.is_punct(b'(') {
        tokens.open();
        loop {
            tokens.item(table, types);
            if !tokens.eat_punct(b',') {
                break;
            }
        }
        return match tokens.eat_punct(b')') {
            true => Ok(()),
            false => Err(format!("ALTER TABLE {} ADD (…) is not read", table.name)),
        };
    }
    let columns = table.columns.len();
    let first = tokens.at;
    tokens.item(table, types);
    if table.columns.len() > columns && tokens.say_a_place(first) {
        let table = &table.name;
        return Err(format!("ALTER TABLE {table} ADD a column between others is not read"));
    }
    Ok(())
}

fn modify(
    tokens: &mut Tokens<'_>,
    table: &mut TableSchema,
    types: &UserTypes,
    beyond: &mut Beyond,
) -> Result<(), String> {
    let rename = tokens.eat("CHANGE");
    tokens.eat("MODIFY");
    tokens.eat("COLUMN");
    tokens.eat_all(&["IF", "EXISTS"]);
    let old = if rename { tokens.name() } else { None };
    let first = tokens.at;
    let Some(column) = tokens.column(table, types) else { return Err(refused(tokens, table)) };
    let moved = tokens.say_a_place(first);
    let name = old.unwrap_or_else(|| column.name().to_owned());
    let Some(at) = find(table, Dialect::Mysql, &name) else {
        return Err(format!("ALTER TABLE {}: no column {name}", table.name));
    };
    if moved {
        return Err(format!("ALTER TABLE {} moves column {name}: that is not read", table.name));
    }
    let mut column = in_charset(table, column);
    let before = table.columns[at].name().to_owned();
    let (renamed, new) = (before != column.name(), column.name().to_owned());
    if renamed {
        column.field = column.field.clone().with_name(&before);
    }
    beyond.reshaped |= column.field.data_type() != table.columns[at].field.data_type();
    table.columns[at] = column;
    if renamed {
        rename::column(table, &before, &new)?;
        beyond.columns.push((before, new));
    }
    Ok(())
}

/// The column with the table's character set where it says none.
fn in_charset(table: &TableSchema, column: syncline_types::Column) -> syncline_types::Column {
    let mut column = column;
    let options = table.options.as_ref().and_then(|o| o.of(Dialect::Mysql.id()));
    let of = |name: &str| {
        let mut words = options.unwrap_or_default().split_whitespace();
        words.find_map(|word| {
            let (key, value) = word.split_once('=')?;
            key.eq_ignore_ascii_case(name).then(|| value.to_owned())
        })
    };
    if native::takes_charset(&column.field) && field::get(&column.field, field::CHARSET).is_none() {
        let own = field::get(&column.field, COLLATION).is_some();
        let charset = of("CHARSET").map(|c| (field::CHARSET, c));
        let collation = of("COLLATE").filter(|_| !own).map(|c| (COLLATION, c));
        column.field = field::with(column.field.clone(), charset.into_iter().chain(collation));
    }
    column
}

fn alter_column(
    tokens: &mut Tokens<'_>,
    table: &mut TableSchema,
    at: usize,
    types: &UserTypes,
    beyond: &mut Beyond,
) -> Result<(), String> {
    let dialect = tokens.session.rules.dialect;
    let postgres = dialect == Dialect::Postgres;
    let store = dialect.id();
    let name = table.columns[at].name().to_owned();
    let quoted = Dialect::Postgres.quote(&name);
    let column = &mut table.columns[at];
    if tokens.eat_all(&["SET", "DEFAULT"]) {
        tokens.default(column);
    } else if tokens.eat_all(&["DROP", "DEFAULT"]) {
        column.default = None;
    } else if tokens.eat_all(&["SET", "NOT", "NULL"]) {
        column.field.set_nullable(false);
    } else if tokens.eat_all(&["DROP", "NOT", "NULL"]) {
        column.field.set_nullable(true);
    } else if !postgres {
        return Err(refused(tokens, table));
    } else if tokens.eat("TYPE") || tokens.eat_all(&["SET", "DATA", "TYPE"]) {
        retype(tokens, table, at, types, beyond);
    } else if tokens.is("SET") && (tokens.is_at(1, "STORAGE") || tokens.is_at(1, "COMPRESSION")) {
        tokens.eat("SET");
        let more = tokens.upto_comma();
        let mut words = column.attributes.take().map(|a| a.sql).unwrap_or_default();
        if !words.is_empty() {
            words.push(' ');
        }
        column.attributes = Some(NativeSql::new(store, words + &more));
    } else if tokens.is("SET")
        && (tokens.is_at(1, "STATISTICS")
            || tokens.ahead(1).is_some_and(|t| tokens.lexer.raw(t) == b"("))
    {
        let words = tokens.upto_comma();
        table.statements.push(NativeSql::new(store, format!("ALTER COLUMN {quoted} {words}")));
    } else if tokens.eat_all(&["ADD", "GENERATED"]) {
        let always = tokens.eat("ALWAYS");
        column.identity = Some(Identity { always, next: None });
        tokens.eat_all(&["BY", "DEFAULT"]);
        tokens.eat_all(&["AS", "IDENTITY"]);
        let mut options = Options::default();
        if tokens.eat_punct(b'(') {
            options = tokens.sequence_options();
            tokens.eat_punct(b')');
        }
        beyond.sequence = Some((options, name));
    } else if tokens.eat_all(&["DROP", "IDENTITY"]) {
        column.identity = None;
    } else if tokens.eat_all(&["SET", "GENERATED"]) {
        let always = tokens.eat("ALWAYS");
        tokens.eat_all(&["BY", "DEFAULT"]);
        column.identity = Some(Identity { always, next: column.identity.and_then(|i| i.next) });
    } else {
        return Err(refused(tokens, table));
    }
    Ok(())
}

/// `TYPE text COLLATE "C" USING x::text`
fn retype(
    tokens: &mut Tokens<'_>,
    table: &mut TableSchema,
    at: usize,
    types: &UserTypes,
    beyond: &mut Beyond,
) {
    let before = table.columns[at].field.clone();
    let native = tokens.native_type_until("USING");
    let field =
        native::field(Dialect::Postgres, before.name(), &native, before.is_nullable(), types);
    let collation = tokens.eat("COLLATE").then(|| tokens.collation()).into_iter().flatten();
    table.columns[at].field = field::with(field, collation);
    if tokens.eat("USING") {
        tokens.upto_comma();
    }
    beyond.reshaped = true;
}

impl Tokens<'_> {
    /// Over `IF EXISTS ONLY`.
    pub(crate) fn skip_only(&mut self) {
        self.eat_all(&["IF", "EXISTS"]);
        self.eat("ONLY");
    }

    /// Whether MySQL is told where a column goes among the others: from this token up to here.
    fn say_a_place(&self, from: usize) -> bool {
        let said = &self.tokens[from..self.at];
        said.iter().any(|t| self.lexer.is(t, "AFTER") || self.lexer.is(t, "FIRST"))
    }

    /// The text up to the next comma that stands in no bracket.
    fn upto_comma(&mut self) -> String {
        let from = self.at;
        while self.peek().is_some() && !self.is_punct(b',') {
            self.skip_one();
        }
        self.between(from, self.at)
    }

    /// A type, up to an option or this word.
    fn native_type_until(&mut self, word: &str) -> String {
        let from = self.at;
        while self.peek().is_some() && !self.is_punct(b',') && !self.at_option() && !self.is(word) {
            self.skip_one();
        }
        self.between(from, self.at)
    }
}
