//! Rows as pages of INSERT statements that the native client of the dialect executes as they are:
//! `mariadb < page`, `psql -v ON_ERROR_STOP=1 -f page`, `sqlite3 db < page`.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Decimal256Type, Field, Float32Type, Float64Type,
    TimeUnit, TimestampMicrosecondType, i256,
};
use syncline_types::{Code, Error, Result, TableSchema, field};

use super::detect::{PAGE_MARK, SCHEMA_MARK};
use crate::{
    ColumnWriter, Dialect, actions, comments, create_indexes, create_table, foreign_keys, moment,
    partitions,
};

/// How pages are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageOptions {
    /// The first page makes the table, its indexes and comments.
    pub with_ddl: bool,
    /// Rows of one INSERT at most.
    pub rows_per_statement: usize,
    /// Bytes of one INSERT at most, but for a single row that is longer. Servers have limits of
    /// their own (MySQL's `max_allowed_packet`).
    pub max_statement_bytes: usize,
}

impl Default for PageOptions {
    fn default() -> Self {
        Self { with_ddl: true, rows_per_statement: 1000, max_statement_bytes: 1 << 20 }
    }
}

/// Writes one table as pages. A page may end behind any statement; memory holds one statement.
#[derive(Debug, Clone)]
pub struct PageWriter {
    dialect: Dialect,
    table: TableSchema,
    /// The whole table, with the columns that it computes by itself.
    definition: TableSchema,
    options: PageOptions,
    /// `INSERT INTO … VALUES`.
    head: String,
    page: u64,
    row: String,
    statement: String,
}

impl PageWriter {
    /// A writer for the table, whose columns are those of the dialect (see [`crate::adapt`]).
    ///
    /// # Errors
    /// [`Code::Unsupported`] for a table without columns, [`Code::BadValue`] for an index that
    /// cannot be written in the dialect.
    pub fn new(dialect: Dialect, table: &TableSchema, options: PageOptions) -> Result<Self> {
        if table.columns.is_empty() {
            let message = format!("{}: a table without columns has no INSERT", table.name);
            return Err(Error::new(Code::Unsupported, message));
        }
        if options.with_ddl {
            create_indexes(dialect, table)?;
        }
        let names: Vec<String> = table.columns.iter().map(|c| dialect.quote(c.name())).collect();
        let always = table.columns.iter().any(|c| c.identity.is_some_and(|i| i.always));
        let overriding = if always && matches!(dialect, Dialect::Postgres | Dialect::Ansi) {
            " OVERRIDING SYSTEM VALUE"
        } else {
            ""
        };
        let into = dialect.table(&table.name);
        let head = format!("INSERT INTO {into} ({}){overriding} VALUES\n", names.join(", "));
        Ok(Self {
            dialect,
            table: table.clone(),
            definition: table.clone(),
            options,
            head,
            page: 0,
            row: String::new(),
            statement: String::new(),
        })
    }

    /// Pages make this table, which may have more columns than the rows: those it computes.
    ///
    /// # Errors
    /// [`Code::BadValue`] for an index that cannot be written in the dialect.
    pub fn defined(mut self, definition: &TableSchema) -> Result<Self> {
        if self.options.with_ddl {
            create_indexes(self.dialect, definition)?;
        }
        self.definition = definition.clone();
        Ok(self)
    }

    /// The number of the page that was begun last, from 1.
    pub fn page(&self) -> u64 {
        self.page
    }

    /// Goes on behind pages that are there already: the next one begun is `page + 1`.
    pub fn resume_after(&mut self, page: u64) {
        self.page = page;
    }

    /// Begins a page: a header that says what it is, the session's settings without which a
    /// literal could mean something else, and in the first page the table.
    ///
    /// # Errors
    /// [`Code::BadValue`] for an index that cannot be written in the dialect.
    pub fn begin_page(&mut self, out: &mut Vec<u8>) -> Result<()> {
        self.page += 1;
        let json = serde_json::to_string(&self.definition)
            .map_err(|e| Error::bug("a table's schema as JSON").because(e))?;
        let name = self.table.name.to_string();
        let mut text =
            format!("{PAGE_MARK}{}, page {}\n{SCHEMA_MARK}{json}\n", self.dialect, self.page);
        text.push_str(&format!("-- table {name:?}\n"));
        for setting in settings(self.dialect) {
            text.push_str(setting);
            text.push_str(";\n");
        }
        if self.page == 1 && self.options.with_ddl {
            let statements = table_statements(self.dialect, &self.definition)?;
            for statement in statements {
                text.push_str(&statement);
                text.push_str(";\n");
            }
        }
        out.extend_from_slice(text.as_bytes());
        Ok(())
    }

    /// Appends the rows, in whole statements.
    ///
    /// # Errors
    /// Of kind data for a value that the dialect has no literal for; `out` is then as it was.
    pub fn write(&mut self, rows: &RecordBatch, out: &mut Vec<u8>) -> Result<()> {
        let before = out.len();
        let written = self.write_rows(rows, out);
        if written.is_err() {
            out.truncate(before);
        }
        written.map_err(|e| e.at(&self.table.name))
    }

    fn write_rows(&mut self, rows: &RecordBatch, out: &mut Vec<u8>) -> Result<()> {
        if rows.num_columns() != self.table.columns.len() {
            return Err(Error::bug("a batch does not have the columns of its table"));
        }
        let pairs = self.table.columns.iter().map(|c| &c.field).zip(rows.columns());
        let writers = pairs
            .map(|(field, array)| Cell::new(self.dialect, field, array.as_ref()))
            .collect::<Result<Vec<_>>>()?;
        self.statement.clear();
        let mut count = 0;
        for at in 0..rows.num_rows() {
            self.row.clear();
            for (n, writer) in writers.iter().enumerate() {
                self.row.push(if n == 0 { '(' } else { ',' });
                writer.write(at, &mut self.row)?;
            }
            self.row.push(')');
            let full = self.statement.len() + self.row.len() + 3 > self.options.max_statement_bytes;
            if count > 0 && (full || count >= self.options.rows_per_statement.max(1)) {
                end_statement(&mut self.statement, out);
                count = 0;
            }
            self.statement.push_str(if count == 0 { &self.head } else { ",\n" });
            self.statement.push_str(&self.row);
            count += 1;
        }
        if count > 0 {
            end_statement(&mut self.statement, out);
        }
        // A single huge row must not keep its memory.
        let keep = self.options.max_statement_bytes.max(1 << 20);
        self.row.clear();
        self.row.shrink_to(keep);
        self.statement.shrink_to(keep);
        Ok(())
    }
}

/// What makes a table that is not there: what it needs, itself, its partitions, indexes, comments.
/// Foreign keys are for a file that is run when all tables have their rows.
fn table_statements(dialect: Dialect, definition: &TableSchema) -> Result<Vec<String>> {
    let own = |needed: &&syncline_types::Requirement| needed.create.store == dialect.id();
    let needed = definition.requires.iter().filter(own);
    let mut statements: Vec<String> = needed.map(|n| unless_there(&n.create.sql)).collect();
    let postgres = dialect == Dialect::Postgres;
    let table = if postgres { actions::bare(definition) } else { definition.clone() };
    statements.push(create_table(dialect, &table));
    if postgres {
        statements.extend(actions::statements(definition, false));
        let into = dialect.table(&table.name);
        for column in &table.columns {
            if let Some(next) = column.identity.and_then(|i| i.next) {
                let name = dialect.quote(column.name());
                statements
                    .push(format!("ALTER TABLE {into} ALTER COLUMN {name} RESTART WITH {next}"));
            }
        }
    }
    statements.extend(partitions(dialect, &table));
    statements.extend(counters(dialect, &table));
    statements.extend(create_indexes(dialect, &table)?);
    if postgres {
        statements.extend(actions::statements(definition, true));
    }
    statements.extend(comments(dialect, &table));
    Ok(statements)
}

/// The next number of a column that MySQL or SQLite count up.
fn counters(dialect: Dialect, table: &TableSchema) -> Option<String> {
    let next = table.columns.iter().find_map(|c| c.identity?.next)?;
    match dialect {
        Dialect::Mysql => {
            Some(format!("ALTER TABLE {} AUTO_INCREMENT = {next}", dialect.table(&table.name)))
        }
        Dialect::Sqlite if next > 1 => {
            // The table of counters is there once a table has one.
            let name = dialect.string(&table.name.name);
            Some(format!("INSERT INTO sqlite_sequence (name, seq) VALUES ({name}, {})", next - 1))
        }
        _ => None,
    }
}

/// A statement of PostgreSQL that does nothing where it was run before.
fn unless_there(create: &str) -> String {
    // A block takes no rows.
    let create = create.replace("; SELECT pg_catalog.setval(", "; PERFORM pg_catalog.setval(");
    let mut tag = String::from("$syncline$");
    while create.contains(&tag) {
        tag.insert(1, 'x');
    }
    format!(
        "DO {tag} BEGIN {create}; EXCEPTION WHEN duplicate_object OR duplicate_table THEN NULL; \
         END {tag}"
    )
}

/// The script that adds a table's foreign keys, and what old rows need not fulfil, to be run when
/// all tables have their rows; `None` for a table that has none, or has them from the start (SQLite).
pub fn foreign_key_page(dialect: Dialect, table: &TableSchema) -> Option<String> {
    let last = match dialect {
        Dialect::Postgres => actions::last(table),
        _ => Vec::new(),
    };
    let keys: Vec<String> = foreign_keys(dialect, table).into_iter().chain(last).collect();
    if keys.is_empty() {
        return None;
    }
    let name = table.name.to_string();
    let mut text = format!("{PAGE_MARK}{dialect}, foreign keys\n-- table {name:?}\n");
    let checked = |setting: &&str| !setting.contains("foreign_key");
    for statement in settings(dialect).iter().copied().filter(checked) {
        text.push_str(&format!("{statement};\n"));
    }
    for key in keys {
        text.push_str(&format!("{key};\n"));
    }
    Some(text)
}

fn end_statement(statement: &mut String, out: &mut Vec<u8>) {
    statement.push_str(";\n");
    out.extend_from_slice(statement.as_bytes());
    statement.clear();
}

fn settings(dialect: Dialect) -> &'static [&'static str] {
    match dialect {
        Dialect::Mysql => &[
            "SET NAMES utf8mb4",
            "SET time_zone = '+00:00'",
            "SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO,NO_ENGINE_SUBSTITUTION,STRICT_ALL_TABLES'",
            // Tables may be loaded in any order, as with mysqldump.
            "SET foreign_key_checks = 0",
        ],
        Dialect::Postgres => &[
            "SET client_encoding = 'UTF8'",
            "SET standard_conforming_strings = on",
            "SET timezone = 'UTC'",
            "SET datestyle = 'ISO, YMD'",
            "SET intervalstyle = 'postgres'",
            "SET xmloption = content",
        ],
        Dialect::Sqlite => &["PRAGMA foreign_keys=OFF"],
        Dialect::Ansi => &[],
    }
}

/// One column's literals, with what a script needs beyond a statement sent by a driver.
struct Cell<'a> {
    literals: ColumnWriter<'a>,
    array: &'a dyn Array,
    dialect: Dialect,
    /// What it has beside the numbers of its type; see [`field::SPECIAL`].
    special: Option<&'a str>,
    /// Texts and numbers of SQLite stand in it.
    loose: bool,
}

impl<'a> Cell<'a> {
    fn new(dialect: Dialect, field: &'a Field, array: &'a dyn Array) -> Result<Self> {
        let special = field::get(field, field::SPECIAL);
        let loose = field::native(field, Dialect::Sqlite.id()).is_some()
            && field::logical(field) == Some("text-of");
        let literals = ColumnWriter::new(dialect, field, array)?;
        Ok(Self { literals, array, dialect, special, loose })
    }

    fn write(&self, row: usize, out: &mut String) -> Result<()> {
        if self.dialect == Dialect::Sqlite
            && *self.array.data_type() == DataType::Utf8
            && self.array.is_valid(row)
        {
            let text = self.array.as_string::<i32>().value(row);
            if let Some(number) = super::loose::literal(text).filter(|_| self.loose) {
                out.push_str(&number);
                return Ok(());
            }
            if text.contains(['\r', '\0']) {
                push_sqlite_text(text, out);
                return Ok(());
            }
        }
        if self.array.is_valid(row) {
            if let Some(literal) = special_float(self.dialect, self.array, row) {
                out.push_str(literal);
                return Ok(());
            }
            if let Some(text) = self.special.and_then(|s| beyond(s, self.array, row)) {
                self.dialect.push_string(&text, out);
                return Ok(());
            }
        }
        self.literals.write(row, out)
    }
}

/// The text of a value that the column's type has no number for; `None` for all others.
fn beyond(special: &str, array: &dyn Array, row: usize) -> Option<String> {
    let infinite = |positive| {
        let text = if positive { "infinity" } else { "-infinity" };
        (special == "infinity").then(|| text.to_owned())
    };
    match array.data_type() {
        DataType::Date32 => match array.as_primitive::<Date32Type>().value(row) {
            i32::MAX => infinite(true),
            i32::MIN => infinite(false),
            days => odd_date(special, days.into()),
        },
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            match array.as_primitive::<TimestampMicrosecondType>().value(row) {
                i64::MAX => infinite(true),
                i64::MIN => infinite(false),
                micros => {
                    let mut text = odd_date(special, micros.div_euclid(moment::DAY))?;
                    text.push(' ');
                    moment::push_time(micros.rem_euclid(moment::DAY), &mut text);
                    Some(text)
                }
            }
        }
        DataType::Decimal128(..) => {
            let nan = array.as_primitive::<Decimal128Type>().value(row) == i128::MIN;
            (special == "nan" && nan).then(|| "NaN".into())
        }
        DataType::Decimal256(..) => {
            let nan = array.as_primitive::<Decimal256Type>().value(row) == i256::MIN;
            (special == "nan" && nan).then(|| "NaN".into())
        }
        _ => None,
    }
}

/// A date that is no day of the calendar.
fn odd_date(special: &str, days: i64) -> Option<String> {
    let mut text = String::new();
    (special == "zero-date" && moment::push_no_day(days, &mut text)).then_some(text)
}

/// Floats whose usual digits would not arrive: numbers with a point are decimals first, in which
/// zero has no sign; and MySQL finds the shortest digits of the largest float out of its range.
fn special_float(dialect: Dialect, array: &dyn Array, row: usize) -> Option<&'static str> {
    let value = match array.data_type() {
        DataType::Float32 => f64::from(array.as_primitive::<Float32Type>().value(row)),
        DataType::Float64 => array.as_primitive::<Float64Type>().value(row),
        _ => return None,
    };
    let single = *array.data_type() == DataType::Float32;
    let largest = single && value.abs() == f64::from(f32::MAX);
    match dialect {
        Dialect::Mysql if value == 0.0 && value.is_sign_negative() => Some("-0e0"),
        Dialect::Mysql if largest && value > 0.0 => Some("3.4028234663852886e38"),
        Dialect::Mysql if largest => Some("-3.4028234663852886e38"),
        Dialect::Postgres if value == 0.0 && value.is_sign_negative() => Some("'-0'::float8"),
        _ => None,
    }
}

/// SQLite's shell drops a CR before LF, and ends a line at NUL, also within a text.
fn push_sqlite_text(text: &str, out: &mut String) {
    let mut literal = text.to_owned();
    let mut after = String::new();
    let mut calls = 0;
    for (byte, code, letter) in [('\r', "13", 'r'), ('\0', "0", '0')] {
        if !literal.contains(byte) {
            continue;
        }
        let mut mark = format!("\\{letter}");
        let mut n = 0;
        while literal.contains(&mark) {
            n += 1;
            mark = format!("\\{letter}{n}\\");
        }
        literal = literal.replace(byte, &mark);
        after.push_str(&format!(",'{mark}',char({code}))"));
        calls += 1;
    }
    out.push_str(&"replace(".repeat(calls));
    Dialect::Sqlite.push_string(&literal, out);
    out.push_str(&after);
}
