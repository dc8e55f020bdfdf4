//! Which statement it is, and which tables it is about.

use std::collections::HashMap;
use std::sync::Arc;

use syncline_types::{SchemaEffect, TableName, TableSchema};

use super::draft::{Ground, move_names, signature};
use super::keys::{NewKey, What};
use super::{Logged, Read, Surroundings, Understood, Unread, alter, create, keys, mode};
use crate::Dialect;
use crate::script::{Lexer, Rules, Session, TokenKind as Kind, Tokens};

type Effects = Vec<(TableName, SchemaEffect)>;

/// Statements that change no table, by their first words.
const IRRELEVANT: [&str; 44] = [
    "BEGIN",
    "START",
    "COMMIT",
    "ROLLBACK",
    "SAVEPOINT",
    "RELEASE",
    "XA",
    "SET",
    "GRANT",
    "REVOKE",
    "FLUSH",
    "ANALYZE",
    "OPTIMIZE",
    "CHECK",
    "REPAIR",
    "LOCK",
    "UNLOCK",
    "USE",
    "SELECT",
    "SHOW",
    "DO",
    "INSTALL",
    "UNINSTALL",
    "PURGE",
    "RESET",
    "CHANGE",
    "KILL",
    "PREPARE",
    "EXECUTE",
    "DEALLOCATE",
    "HANDLER",
    "HELP",
    "SIGNAL",
    "EXPLAIN",
    "DESCRIBE",
    "DESC",
    "CACHE",
    "LOAD_INDEX",
    "BINLOG",
    "SHUTDOWN",
    "RESTART",
    "CLONE",
    "STOP",
    "DELIMITER",
];

/// What is created, dropped or altered and is no table.
const OTHERS: [&str; 22] = [
    "VIEW",
    "TRIGGER",
    "PROCEDURE",
    "FUNCTION",
    "EVENT",
    "USER",
    "ROLE",
    "SERVER",
    "SEQUENCE",
    "TABLESPACE",
    "LOGFILE",
    "INSTANCE",
    "RESOURCE",
    "SPATIAL_REFERENCE",
    "PACKAGE",
    "LIBRARY",
    "UNDO",
    "PREPARE",
    "AGGREGATE",
    "DEFINER",
    "ALGORITHM",
    "SQL",
];

/// Statements that change rows. With a log of rows they come only when something went wrong.
const ROWS: [&str; 6] = ["INSERT", "UPDATE", "DELETE", "REPLACE", "LOAD", "CALL"];

pub(super) fn read(text: &str, logged: &Logged<'_>, at: &dyn Surroundings) -> Understood {
    let mut rules = Rules::of(Dialect::Mysql);
    rules.ansi_quotes = logged.sql_mode & mode::ANSI_QUOTES != 0;
    rules.backslash = logged.sql_mode & mode::NO_BACKSLASH_ESCAPES == 0;
    let mut session = Session::new(rules);
    session.schema = logged.database.map(str::to_owned);
    let lexer = Lexer::whole(text.as_bytes(), rules);
    let Some(mut tokens) = Tokens::of(lexer, &session) else {
        return Understood::Unclear {
            tables: Vec::new(),
            why: "it cannot be read".into(),
            rows: false,
        };
    };
    let mut statement = Statement { logged, at, changed: HashMap::new() };
    match statement.take(&mut tokens) {
        Ok(effects) if effects.is_empty() => Understood::Irrelevant,
        Ok(effects) => Understood::Effects(effects),
        Err((tables, _)) if tables.is_empty() => Understood::Irrelevant,
        Err((tables, unread)) => Understood::Unclear { tables, why: unread.why, rows: unread.rows },
    }
}

struct Statement<'a> {
    logged: &'a Logged<'a>,
    at: &'a dyn Surroundings,
    /// Tables as an earlier part of the same statement left them.
    changed: HashMap<TableName, Option<Arc<TableSchema>>>,
}

type Taken = Result<Effects, (Vec<TableName>, Unread)>;

impl Statement<'_> {
    fn table(&self, name: &TableName) -> Option<Arc<TableSchema>> {
        match self.changed.get(name) {
            Some(changed) => changed.clone(),
            None => self.at.table(name),
        }
    }

    fn take(&mut self, tokens: &mut Tokens<'_>) -> Taken {
        if tokens.is("SET") && tokens.is_at(1, "STATEMENT") {
            while tokens.peek().is_some() && !tokens.eat("FOR") {
                tokens.skip_one();
            }
        }
        while tokens.eat_punct(b';') {}
        let result = match () {
            () if tokens.eat("CREATE") => self.create(tokens),
            () if tokens.eat("ALTER") => self.alter(tokens),
            () if tokens.eat("DROP") => self.drop(tokens),
            () if tokens.eat("RENAME") => self.rename(tokens),
            () if tokens.eat("TRUNCATE") => self.truncate(tokens),
            () if ROWS.iter().any(|w| tokens.is(w)) => self.rows(tokens),
            () if tokens.peek().is_none() || IRRELEVANT.iter().any(|w| tokens.is(w)) => {
                return Ok(Vec::new());
            }
            () => Err((Vec::new(), Unread::new("the statement is not known"))),
        };
        // A statement that is not known at all may be about any table it names.
        result.map_err(|(tables, unread)| match tables.is_empty() {
            true => (self.named(tokens), unread),
            false => (tables, unread),
        })
    }

    /// The tables that are known among all names of the statement.
    fn named(&self, tokens: &Tokens<'_>) -> Vec<TableName> {
        let mut found: Vec<TableName> = Vec::new();
        let name = |at: usize| {
            let token = tokens.tokens.get(at)?;
            tokens.session.is_name(token).then(|| tokens.lexer.string(token))
        };
        for at in 0..tokens.tokens.len() {
            let Some(first) = name(at) else { continue };
            let dot = tokens.tokens.get(at + 1).is_some_and(|t| t.kind == Kind::Punct(b'.'));
            let whole = match name(at + 2).filter(|_| dot) {
                Some(second) => TableName::new(first, second),
                None => TableName { schema: tokens.session.schema.clone(), name: first },
            };
            if !found.contains(&whole) && self.table(&whole).is_some() {
                found.push(whole);
            }
        }
        found
    }

    fn create(&mut self, tokens: &mut Tokens<'_>) -> Taken {
        let replaces = tokens.eat_all(&["OR", "REPLACE"]);
        if tokens.eat("TEMPORARY") {
            return Ok(Vec::new());
        }
        if tokens.eat("TABLE") {
            return self.create_table(tokens, replaces);
        }
        let what = match () {
            () if tokens.is("INDEX") => What::Plain,
            () if tokens.is("UNIQUE") => What::Unique,
            () if tokens.is("FULLTEXT") => What::Fulltext,
            () if tokens.is("SPATIAL") && tokens.is_at(1, "INDEX") => What::Spatial,
            () if tokens.eat("DATABASE") || tokens.eat("SCHEMA") => return Ok(Vec::new()),
            () if OTHERS.iter().any(|w| tokens.is(w)) || tokens.is("SPATIAL") => {
                return Ok(Vec::new());
            }
            () => return Err((Vec::new(), Unread::new("what is created is not known"))),
        };
        if !tokens.eat("INDEX") {
            tokens.at += 1;
            tokens.eat("INDEX");
        }
        let guarded = tokens.eat_all(&["IF", "NOT", "EXISTS"]);
        let unread = || Unread::new("CREATE INDEX is not read");
        let name = tokens.name().ok_or_else(|| (Vec::new(), unread()))?;
        let mut key = NewKey { what, name: Some(name.clone()), ..NewKey::plain(Vec::new()) };
        if tokens.eat("USING") || tokens.eat("TYPE") {
            key.using = tokens.eat("BTREE");
            if !key.using {
                return Err((Vec::new(), unread()));
            }
        }
        let table = tokens.eat("ON").then(|| tokens.table()).flatten();
        let table = table.ok_or_else(|| (Vec::new(), unread()))?;
        let Some(before) = self.table(&table) else { return Ok(Vec::new()) };
        let blame = |unread| (vec![before.name.clone()], unread);
        let ground = Ground::new(self.logged, self.at);
        keys::created(tokens, &ground, &mut key).map_err(blame)?;
        if super::draft::index_of(&before, &name).is_some() {
            return match (guarded, replaces) {
                (true, _) => Ok(Vec::new()),
                (false, true) => {
                    let mut without = (*before).clone();
                    without.indexes.retain(|i| !i.name.eq_ignore_ascii_case(&name));
                    let made = alter::add_key(self.logged, self.at, &Arc::new(without), key);
                    made.map_err(blame)
                }
                (false, false) => {
                    Err(blame(Unread::new(format!("there is an index {name} already"))))
                }
            };
        }
        alter::add_key(self.logged, self.at, &before, key).map_err(blame)
    }

    fn create_table(&mut self, tokens: &mut Tokens<'_>, replaces: bool) -> Taken {
        let guarded = tokens.eat_all(&["IF", "NOT", "EXISTS"]);
        let unread = || (Vec::new(), Unread::new("CREATE TABLE is not read"));
        let name = tokens.table().ok_or_else(unread)?;
        let known = self.table(&name);
        if guarded && known.is_some() {
            return Ok(Vec::new());
        }
        let made = self.made(tokens, &name).map_err(|unread| (vec![name.clone()], unread))?;
        let mut effects = Vec::new();
        if replaces && known.is_some() {
            effects.push((name.clone(), SchemaEffect::Dropped));
        }
        effects.push((name, SchemaEffect::Created(Arc::new(made))));
        Ok(effects)
    }

    fn made(&self, tokens: &mut Tokens<'_>, name: &TableName) -> Read<TableSchema> {
        let unread = |why: &str| Unread::new(why);
        let mark = tokens.mark();
        let bracketed = tokens.eat_punct(b'(');
        if tokens.eat("LIKE") {
            let model = tokens.table().ok_or_else(|| unread("LIKE names no table"))?;
            let model = self
                .table(&model)
                .ok_or_else(|| unread("it is made like a table that is not known"))?;
            return Ok(create::like(self.logged, self.at, name, &model));
        }
        tokens.back_to(mark);
        if !bracketed || tokens.is_at(1, "SELECT") || tokens.is_at(1, "WITH") {
            return Err(unread("it is made by a SELECT"));
        }
        create::columns(tokens, self.logged, self.at, name)
    }

    fn alter(&mut self, tokens: &mut Tokens<'_>) -> Taken {
        tokens.eat("ONLINE");
        tokens.eat("IGNORE");
        if !tokens.eat("TABLE") {
            let database = tokens.is("DATABASE") || tokens.is("SCHEMA");
            return match database || OTHERS.iter().any(|w| tokens.is(w)) {
                true => Ok(Vec::new()),
                false => Err((Vec::new(), Unread::new("what is altered is not known"))),
            };
        }
        tokens.eat_all(&["IF", "EXISTS"]);
        let unread = || (Vec::new(), Unread::new("ALTER TABLE is not read"));
        let name = tokens.table().ok_or_else(unread)?;
        if tokens.eat("WAIT") {
            tokens.at += 1;
        }
        tokens.eat("NOWAIT");
        let Some(before) = self.table(&name) else {
            // A table that is not known may get a name that is.
            return match new_name(tokens) {
                Some(to) => {
                    let why = format!("{name}, which is not known, gets this name");
                    Err((vec![to], Unread { why, rows: true }))
                }
                None => Ok(Vec::new()),
            };
        };
        let exchanged = exchanged(tokens);
        alter::table(tokens, self.logged, self.at, &before).map_err(|unread| {
            let mut tables = vec![before.name.clone()];
            tables.extend(exchanged);
            (tables, unread)
        })
    }

    fn drop(&mut self, tokens: &mut Tokens<'_>) -> Taken {
        if tokens.eat("TEMPORARY") {
            return Ok(Vec::new());
        }
        if tokens.eat("TABLE") || tokens.eat("TABLES") {
            tokens.eat_all(&["IF", "EXISTS"]);
            let mut effects = Vec::new();
            while let Some(name) = tokens.table() {
                if let Some(table) = self.table(&name) {
                    effects.push((table.name.clone(), SchemaEffect::Dropped));
                }
                if !tokens.eat_punct(b',') {
                    break;
                }
            }
            return Ok(effects);
        }
        if tokens.eat("DATABASE") || tokens.eat("SCHEMA") {
            tokens.eat_all(&["IF", "EXISTS"]);
            let unread = || (Vec::new(), Unread::new("DROP DATABASE is not read"));
            let database = tokens.name().ok_or_else(unread)?;
            let tables = self.at.tables(&database).into_iter();
            return Ok(tables.map(|name| (name, SchemaEffect::Dropped)).collect());
        }
        if tokens.eat("INDEX") {
            let guarded = tokens.eat_all(&["IF", "EXISTS"]);
            let unread = || (Vec::new(), Unread::new("DROP INDEX is not read"));
            let name = tokens.name().ok_or_else(unread)?;
            let table = tokens.eat("ON").then(|| tokens.table()).flatten().ok_or_else(unread)?;
            let Some(before) = self.table(&table) else { return Ok(Vec::new()) };
            if guarded && super::draft::index_of(&before, &name).is_none() {
                return Ok(Vec::new());
            }
            let dropped = alter::drop_key(self.logged, self.at, &before, &name);
            return dropped.map_err(|unread| (vec![before.name.clone()], unread));
        }
        match OTHERS.iter().any(|w| tokens.is(w)) || tokens.is("SPATIAL") {
            true => Ok(Vec::new()),
            false => Err((Vec::new(), Unread::new("what is dropped is not known"))),
        }
    }

    fn rename(&mut self, tokens: &mut Tokens<'_>) -> Taken {
        if tokens.is("USER") {
            return Ok(Vec::new());
        }
        let unread = || (Vec::new(), Unread::new("RENAME is not read"));
        if !(tokens.eat("TABLE") || tokens.eat("TABLES")) {
            return Err(unread());
        }
        let mut effects = Vec::new();
        let mut strange = Vec::new();
        loop {
            tokens.eat_all(&["IF", "EXISTS"]);
            let from = tokens.table().ok_or_else(unread)?;
            if tokens.eat("WAIT") {
                tokens.at += 1;
            }
            tokens.eat("NOWAIT");
            let to = tokens.eat("TO").then(|| tokens.table()).flatten().ok_or_else(unread)?;
            match self.table(&from) {
                Some(before) => {
                    let mut after = (*before).clone();
                    move_names(&mut after, &to, self.at.maria());
                    after.statements = vec![signature(&Ground::new(self.logged, self.at))];
                    let after = Arc::new(after);
                    effects.push((from.clone(), SchemaEffect::Renamed(after.clone())));
                    self.changed.insert(from, None);
                    self.changed.insert(to, Some(after));
                }
                None => strange.push((from, to)),
            }
            if !tokens.eat_punct(b',') {
                break;
            }
        }
        match strange.first() {
            None => Ok(effects),
            // Unless the name is one that nobody knows, either.
            Some((from, _)) => {
                let why = format!("{from}, which is not known, gets this name");
                let mut tables: Vec<TableName> = strange.iter().map(|(_, to)| to.clone()).collect();
                tables.extend(effects.into_iter().map(|(name, _)| name));
                tables.dedup();
                Err((tables, Unread { why, rows: true }))
            }
        }
    }

    fn truncate(&mut self, tokens: &mut Tokens<'_>) -> Taken {
        tokens.eat("TABLE");
        let unread = || (Vec::new(), Unread::new("TRUNCATE is not read"));
        let name = tokens.table().ok_or_else(unread)?;
        let table = self.table(&name);
        Ok(table.map(|t| (t.name.clone(), SchemaEffect::Truncated)).into_iter().collect())
    }

    /// Rows that change by a statement.
    fn rows(&mut self, tokens: &mut Tokens<'_>) -> Taken {
        // How a server that was started anew says that a table in memory is empty.
        let mark = tokens.mark();
        if tokens.eat_all(&["DELETE", "FROM"])
            && let Some(name) = tokens.table()
            && tokens.peek().is_none()
        {
            let table = self.table(&name);
            return Ok(table
                .map(|t| (t.name.clone(), SchemaEffect::Truncated))
                .into_iter()
                .collect());
        }
        tokens.back_to(mark);
        let why = "rows are changed by a statement, and the log does not tell which".to_owned();
        Err((self.named(tokens), Unread { why, rows: true }))
    }
}

/// The name behind RENAME TO, wherever it stands in an ALTER TABLE.
fn new_name(tokens: &mut Tokens<'_>) -> Option<TableName> {
    while tokens.peek().is_some() {
        let column =
            tokens.is_at(1, "COLUMN") || tokens.is_at(1, "INDEX") || tokens.is_at(1, "KEY");
        if tokens.is("RENAME") && !column {
            tokens.at += 1;
            let _ = tokens.eat("TO") || tokens.eat("AS") || tokens.eat_punct(b'=');
            return tokens.table();
        }
        tokens.skip_one();
    }
    None
}

/// The other table of EXCHANGE PARTITION.
fn exchanged(tokens: &mut Tokens<'_>) -> Option<TableName> {
    let mark = tokens.mark();
    let mut found = None;
    if tokens.is("EXCHANGE") && tokens.is_at(1, "PARTITION") {
        while tokens.peek().is_some() && !tokens.eat_all(&["WITH", "TABLE"]) {
            tokens.at += 1;
        }
        found = tokens.table();
    }
    tokens.back_to(mark);
    found
}
