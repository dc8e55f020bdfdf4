//! What a script has: its tables with their columns, keys and comments, their rows counted, and
//! where in the script these stand.

mod defining;
mod parts;
mod settle;

use std::collections::HashSet;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field};
use serde::{Deserialize, Serialize};
use syncline_types::{Code, Error, Index, NativeSql, Result, TableName, TableSchema};

use super::change::{Change, Values, read};
use super::native::UserTypes;
use super::reader::{ReadOptions, same_table};
use super::row::Value;
use super::scan::{Place, Scanner, Step};
use super::sequence::Options;
use super::statement::Head;
use super::tokens::Tokens;
use crate::Dialect;

/// So many bytes of a table's rows lie between two of its marks.
const MARK_EVERY: u64 = 16 << 20;

/// A table of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptTable {
    /// Its columns (those that the rows have values for), keys and indexes. All columns are text
    /// where the script has no CREATE TABLE for it.
    pub schema: TableSchema,
    /// Columns of a row in a statement without a column list, in order.
    pub columns: Vec<String>,
    /// Its partitions that the script makes as tables of their own, whose rows are its rows.
    pub parts: Vec<Part>,
    /// Its rows.
    pub rows: u64,
    /// Bytes of the script between its first row's statement and its last row's end.
    pub bytes: u64,
    /// Before the statement of its first row; `None` without rows.
    pub start: Option<Place>,
    /// Behind its last row, in bytes of the script. Rows of other tables may lie between.
    pub end: u64,
    /// Places between its rows, some 16 MiB apart, with the rows before them: where to cut.
    pub marks: Vec<(u64, Place)>,
    /// What a person should know of it.
    pub notes: Vec<String>,
}

/// A partition of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Its name.
    pub name: TableName,
    /// Columns of a row in a statement without a column list, in order.
    pub columns: Vec<String>,
}

#[derive(Debug)]
struct Entry {
    table: ScriptTable,
    /// The table it is a partition of, and which rows it takes.
    parent: Option<(TableName, String)>,
    /// Tables it has columns and conditions of.
    inherits: Vec<TableName>,
    /// It was made from a page's header, which is exact.
    exact: bool,
    /// Its columns come from rows alone.
    inferred: bool,
}

/// A sequence of the script.
#[derive(Debug)]
struct Counter {
    name: TableName,
    options: Options,
    /// Its last number, and whether it was given already.
    last: Option<(i128, bool)>,
}

impl Counter {
    /// The number it gives next.
    fn next(&self) -> Option<i128> {
        let increment = i128::from(self.options.increment.unwrap_or(1));
        self.last.map(|(last, called)| if called { last + increment } else { last })
    }
}

/// Goes through a whole script and lists its tables.
pub struct ScriptCatalog {
    scanner: Scanner,
    entries: Vec<Entry>,
    types: UserTypes,
    /// What is known of sequences.
    sequences: Vec<Counter>,
    /// Indexes of partitions that are there for one of the whole.
    attached: HashSet<TableName>,
    skipped: u64,
    /// Views, routines and the like, by what they are.
    left: Vec<(&'static str, Vec<String>)>,
    current: Option<(Arc<Head>, Option<usize>)>,
    header_read: bool,
    done: bool,
}

impl ScriptCatalog {
    /// A catalog of a script.
    pub fn new(options: &ReadOptions) -> Self {
        Self {
            scanner: Scanner::new(options.dialect, options.max_statement_bytes, options.decoded),
            entries: Vec::new(),
            types: UserTypes::default(),
            sequences: Vec::new(),
            attached: HashSet::new(),
            skipped: 0,
            left: Vec::new(),
            current: None,
            header_read: false,
            done: false,
        }
    }

    /// Takes the next bytes of the script.
    ///
    /// # Errors
    /// [`Code::Corrupt`] for text that is no SQL, [`Code::Unsupported`] for statements that carry
    /// or change rows in a way that is not read.
    pub fn push(&mut self, chunk: &[u8]) -> Result<()> {
        self.scanner.push(chunk);
        self.run()
    }

    /// The script is at its end.
    ///
    /// # Errors
    /// As [`ScriptCatalog::push`]; also [`Code::Corrupt`] for a script that is cut short.
    pub fn finish(&mut self) -> Result<()> {
        self.scanner.finish();
        self.run()?;
        if self.scanner.cut_short() {
            return Err(Error::new(
                Code::Corrupt,
                "the dump has no end mark (\"Dump completed\"): it is cut short",
            )
            .hint("make the dump again; if it is whole all the same, put the mark at its end"));
        }
        Ok(())
    }

    /// The dialect it is read in.
    pub fn dialect(&self) -> Dialect {
        self.scanner.session().rules.dialect
    }

    /// Statements that were passed over: neither rows nor anything about tables that are read.
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    /// What of the script is not copied, for people: `views: a, b`.
    pub fn left(&self) -> Vec<String> {
        let line = |(kind, names): &(&str, Vec<String>)| format!("{kind}: {}", names.join(", "));
        self.left.iter().map(line).collect()
    }

    /// The tables found so far, in the script's order. Partitions are parts of their tables.
    pub fn tables(&self) -> Vec<ScriptTable> {
        let sqlite = self.dialect() == Dialect::Sqlite;
        let own = |e: &&Entry| {
            !(sqlite && e.table.schema.name.name.starts_with("sqlite_")) && self.root(e).is_none()
        };
        self.entries.iter().filter(own).map(|entry| self.settle(entry)).collect()
    }

    fn run(&mut self) -> Result<()> {
        while !self.done {
            let step = self.scanner.step()?;
            if !self.header_read && step != Step::Input {
                self.header_read = true;
                self.read_header();
            }
            match step {
                Step::Input => return Ok(()),
                Step::End => self.done = true,
                Step::Row => self.row(),
                Step::Statement => self.statement()?,
            }
        }
        Ok(())
    }

    /// One of our own pages says exactly what it has.
    fn read_header(&mut self) {
        let Some(text) = self.scanner.header.take() else { return };
        if let Ok(schema) = serde_json::from_str::<TableSchema>(text.trim_end()) {
            self.add(schema, true, false);
        }
    }

    fn add(&mut self, schema: TableSchema, exact: bool, inferred: bool) -> usize {
        let sqlite = self.dialect() == Dialect::Sqlite;
        // SQLite's .dump leaves generated columns out of its rows.
        let named = schema.columns.iter().filter(|c| !sqlite || exact || c.generated.is_none());
        let columns = named.map(|c| c.name().to_owned()).collect();
        let table = ScriptTable {
            schema,
            columns,
            parts: Vec::new(),
            rows: 0,
            bytes: 0,
            start: None,
            end: 0,
            marks: Vec::new(),
            notes: Vec::new(),
        };
        let inherits = Vec::new();
        self.entries.push(Entry { table, parent: None, inherits, exact, inferred });
        self.entries.len() - 1
    }

    fn find(&self, name: &TableName) -> Option<usize> {
        let dialect = self.dialect();
        // The same name in the same schema comes before one whose schema is not said.
        let exact = self.entries.iter().position(|e| e.table.schema.name == *name);
        exact.or_else(|| {
            self.entries.iter().position(|e| same_table(&e.table.schema.name, name, dialect))
        })
    }

    /// A table that statements may still add to: a page's header leaves nothing to add.
    fn open(&self, name: &TableName) -> Option<usize> {
        self.find(name).filter(|at| !self.entries[*at].exact)
    }

    /// A row of `sqlite_sequence`: a table's name, and its last number.
    fn count_sqlite(&mut self) {
        let buf = self.scanner.buf();
        let [Value::Text(a, b, _), Value::Number(c, d)] = *self.scanner.row.values else { return };
        let name = String::from_utf8_lossy(&buf[a..b]).into_owned();
        let last: Option<i128> = String::from_utf8_lossy(&buf[c..d]).parse().ok();
        if let Some(at) = self.open(&TableName::bare(name)) {
            let columns = self.entries[at].table.schema.columns.iter_mut();
            for identity in columns.filter_map(|c| c.identity.as_mut()) {
                identity.next = last.map(|n| n + 1);
            }
        }
    }

    fn row(&mut self) {
        let Some(head) = self.scanner.head() else { return };
        if head.table.name == "sqlite_sequence" && self.dialect() == Dialect::Sqlite {
            self.count_sqlite();
            return;
        }
        let index = match &self.current {
            Some((known, index)) if Arc::ptr_eq(known, head) => *index,
            _ => {
                let head = head.clone();
                let index = self.find(&head.table).or_else(|| Some(self.infer(&head)));
                self.current = Some((head, index));
                index
            }
        };
        let Some(entry) = index.and_then(|at| self.entries.get_mut(at)) else { return };
        let position = self.scanner.position();
        let table = &mut entry.table;
        let start = match &table.start {
            Some(start) => start.offset,
            None => {
                let place = self.scanner.statement_place();
                table.start.insert(place).offset
            }
        };
        table.rows += 1;
        table.end = position;
        table.bytes = position - start;
        let last = table.marks.last().map_or(start, |(_, place)| place.offset);
        if position - last >= MARK_EVERY {
            table.marks.push((table.rows, self.scanner.place()));
        }
    }

    /// A table of which there are only rows.
    fn infer(&mut self, head: &Head) -> usize {
        let names = head.columns.clone().unwrap_or_else(|| {
            (1..=self.scanner.row.values.len()).map(|n| format!("column{n}")).collect()
        });
        let fields = names.into_iter().map(|name| Field::new(name, DataType::Utf8, true));
        self.add(TableSchema::new(head.table.clone(), fields), false, true)
    }

    fn statement(&mut self) -> Result<()> {
        let session = self.scanner.session().clone();
        let Some(mut tokens) = Tokens::of(self.scanner.lexer(), &session) else {
            self.skipped += 1;
            return Ok(());
        };
        let change = read(&mut tokens, &self.types);
        let text = NativeSql::new(self.dialect().id(), tokens.all());
        drop(tokens);
        match change {
            Change::Nothing => self.skipped += 1,
            Change::Refused(what) => return Err(self.scanner.unsupported(&what)),
            Change::Create(mut table, extras) => {
                table.statements = match self.dialect() {
                    Dialect::Sqlite => vec![as_kept(text)],
                    Dialect::Mysql => vec![self.as_shown(text)],
                    // What is to be done beside the definition.
                    Dialect::Postgres => table.statements,
                    Dialect::Ansi => Vec::new(),
                };
                self.create(table, extras);
            }
            Change::Child(name, parent, bounds) => self.create_child(name, &parent, bounds),
            Change::Like(name, other, all) => self.create_like(name, &other, all)?,
            Change::Drop(names) => {
                self.entries.retain(|e| !names.contains(&e.table.schema.name) || e.table.rows > 0);
                self.current = None;
            }
            Change::Alter(name) => self.alter(&name)?,
            Change::Index(name, index) => self.add_index(&name, index, text),
            Change::Made(requirement, values) => {
                let name = requirement.name.name.clone();
                match values {
                    Values::Members(members) => {
                        drop(self.types.enums.insert(name, members));
                    }
                    Values::Of(native) => drop(self.types.domains.insert(name, native)),
                    Values::Counted(options) => {
                        let options = Options { serial: true, ..*options };
                        self.counter(&requirement.name).options = options;
                    }
                    Values::Unknown => {}
                }
                self.types.made.push(requirement);
            }
            Change::Left(kind, name, table) => {
                self.skipped += 1;
                match table.and_then(|table| self.open(&table)) {
                    Some(at) => {
                        self.note(at, format!("{kind} are not copied: {name}"));
                    }
                    None => self.leave(kind, name),
                }
            }
            Change::Comment(name, column, text) => {
                if let Some(at) = self.open(&name) {
                    let schema = &mut self.entries[at].table.schema;
                    match column {
                        None => schema.comment = text,
                        Some(column) => {
                            let found = schema.columns.iter_mut().find(|c| c.name() == column);
                            if let Some(found) = found {
                                found.comment = text;
                            }
                        }
                    }
                }
            }
            Change::PartComment(name, table, text) => self.comment_part(&name, table, text),
            Change::Attached(part) => drop(self.attached.insert(part)),
            Change::Counted(sequence, last, called) => {
                if let Some(at) = self.find_counter(&sequence) {
                    self.sequences[at].last = Some((last, called));
                }
            }
            Change::Sequence(sequence, options) => {
                let counter = self.counter(&sequence);
                if let Some(restart) = options.restart {
                    counter.last = Some((restart.into(), false));
                }
                counter.options = options.over(std::mem::take(&mut counter.options));
            }
        }
        Ok(())
    }

    /// A person should know this of a table.
    fn note(&mut self, at: usize, note: String) {
        let notes = &mut self.entries[at].table.notes;
        if !notes.contains(&note) {
            notes.push(note);
        }
    }

    /// Something of the script is not copied.
    fn leave(&mut self, kind: &'static str, name: String) {
        match self.left.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, names)) if names.contains(&name) => {}
            Some((_, names)) => names.push(name),
            None => self.left.push((kind, vec![name])),
        }
    }

    /// The sequence of that name: in the same schema, or where one of the two says none.
    fn find_counter(&self, name: &TableName) -> Option<usize> {
        let exact = self.sequences.iter().position(|s| s.name == *name);
        exact.or_else(|| {
            self.sequences.iter().position(|s| {
                let said = s.name.schema.is_some() && name.schema.is_some();
                s.name.name == name.name && !said
            })
        })
    }

    fn counter(&mut self, name: &TableName) -> &mut Counter {
        let at = self.find_counter(name).unwrap_or_else(|| {
            let (name, options) = (name.clone(), Options::default());
            self.sequences.push(Counter { name, options, last: None });
            self.sequences.len() - 1
        });
        &mut self.sequences[at]
    }

    /// A column of the table counts by a sequence of these options.
    fn count(&mut self, table: &TableName, column: String, options: Options) {
        let usual = TableName {
            schema: table.schema.clone(),
            name: format!("{}_{column}_seq", table.name),
        };
        let name = options.name.clone().unwrap_or(usual);
        let counter = self.counter(&name);
        counter.options = Options { owner: Some((table.clone(), column)), ..options };
    }

    /// A statement as MySQL's source keeps it: behind the name of the server that said it.
    fn as_shown(&self, mut text: NativeSql) -> NativeSql {
        if let Some(maker) = self.scanner.maker {
            text.sql = format!("/* {maker} */ {}", text.sql);
        }
        text
    }

    fn add_index(&mut self, name: &TableName, index: Index, text: NativeSql) {
        let sqlite = self.dialect() == Dialect::Sqlite;
        let Some(at) = self.open(name) else { return };
        let schema = &mut self.entries[at].table.schema;
        if schema.indexes.iter().any(|known| known.name == index.name) {
            return;
        }
        schema.indexes.push(index);
        if sqlite && !schema.statements.is_empty() {
            schema.statements.push(text);
        } else if text.store != Dialect::Postgres.id() {
            // The statement that made it no longer says it all.
            schema.statements.clear();
        }
    }
}

/// A statement as SQLite itself keeps it: without IF NOT EXISTS.
fn as_kept(mut text: NativeSql) -> NativeSql {
    const SHELL: &str = "CREATE TABLE IF NOT EXISTS ";
    if let Some(rest) = text.sql.strip_prefix(SHELL) {
        text.sql = format!("CREATE TABLE {rest}");
    }
    text
}
