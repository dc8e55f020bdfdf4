//! ALTER TABLE, and CREATE INDEX and DROP INDEX, which are the same.

use std::sync::Arc;

use syncline_types::{SchemaEffect, TableName, TableSchema, field};

use super::draft::{Draft, Ground, in_charset, index_of};
use super::keys::NewKey;
use super::options::Options;
use super::{
    Logged, Read, Surroundings, Unread, column, create, defaults, expression, keys, partitions,
    types,
};
use crate::script::{TokenKind as Kind, Tokens};

/// What an ALTER TABLE does, from behind the table's name on.
pub(super) fn table(
    tokens: &mut Tokens<'_>,
    logged: &Logged<'_>,
    at: &dyn Surroundings,
    before: &Arc<TableSchema>,
) -> Read<Vec<(TableName, SchemaEffect)>> {
    let mark = tokens.mark();
    let mut ground = ground(logged, at, before)?;
    // Expressions may speak of columns that come with the same statement.
    let mut first = true;
    loop {
        tokens.back_to(mark);
        let mut altering = Altering {
            options: Options::of(before),
            draft: Draft::new(&ground, (**before).clone()),
            ground: &ground,
            charset: None,
            columns: false,
            texts: false,
        };
        altering.actions(tokens)?;
        let (after, renamed, new_name) = altering.finish()?;
        if std::mem::take(&mut first) {
            ground.names.extend(expression::names(&after));
            continue;
        }
        return Ok(effects(before, after, renamed, new_name));
    }
}

fn ground<'a>(
    logged: &Logged<'_>,
    at: &'a dyn Surroundings,
    before: &TableSchema,
) -> Read<Ground<'a>> {
    let mut ground = Ground::new(logged, at);
    let options = Options::of(before);
    ground.names = expression::names(before);
    // Options in words that are not read hold the character set too.
    let text = before.options.as_ref().map_or("", |o| o.sql.as_str());
    let word = |key: &str| {
        let found = text.split_whitespace().find_map(|w| w.strip_prefix(key));
        found.map(str::to_owned)
    };
    let charset = options.get("CHARSET").map(str::to_owned).or_else(|| word("CHARSET="));
    let collation = options.get("COLLATE").map(str::to_owned).or_else(|| word("COLLATE="));
    if let Some(charset) = charset {
        let usual = || at.collation(&charset);
        ground.collation = collation.or_else(usual).unwrap_or_default();
        ground.charset = charset;
    }
    Ok(ground)
}

/// The effects of a change of definition, and of a new name.
pub(super) fn effects(
    before: &Arc<TableSchema>,
    after: TableSchema,
    renamed: Vec<(String, String)>,
    new_name: Option<TableName>,
) -> Vec<(TableName, SchemaEffect)> {
    let mut effects = Vec::new();
    let (mut here, mut there) = (after, None);
    if let Some(name) = new_name.filter(|n| *n != before.name) {
        there = Some(Arc::new(here.clone()));
        let maria = here.statements.iter().any(|s| s.sql.starts_with("/* MariaDB"));
        debug_assert_eq!(here.name, name);
        super::draft::move_names(&mut here, &before.name, maria);
    }
    if here != **before || !renamed.is_empty() {
        let signed = TableSchema { statements: before.statements.clone(), ..here.clone() };
        if signed != **before || !renamed.is_empty() {
            let after = Arc::new(here);
            effects.push((before.name.clone(), SchemaEffect::Altered { after, renamed }));
        }
    }
    if let Some(there) = there {
        effects.push((before.name.clone(), SchemaEffect::Renamed(there)));
    }
    effects
}

struct Altering<'g, 'a> {
    options: Options,
    draft: Draft<'g, 'a>,
    ground: &'g Ground<'a>,
    /// CONVERT TO CHARACTER SET.
    charset: Option<(String, String)>,
    /// Columns are added or changed.
    columns: bool,
    /// The table's own character set or collation is another.
    texts: bool,
}

type Altered = (TableSchema, Vec<(String, String)>, Option<TableName>);

impl Altering<'_, '_> {
    fn actions(&mut self, tokens: &mut Tokens<'_>) -> Read<()> {
        loop {
            if tokens.eat_punct(b',') || tokens.eat_punct(b';') {
                continue;
            }
            if tokens.peek().is_none() {
                return Ok(());
            }
            self.action(tokens)?;
        }
    }

    fn action(&mut self, tokens: &mut Tokens<'_>) -> Read<()> {
        if partitions::read(tokens, &mut self.draft)? {
            return Ok(());
        }
        self.columns |= tokens.is("ADD") || tokens.is("MODIFY") || tokens.is("CHANGE");
        if tokens.eat("ADD") {
            return self.add(tokens);
        }
        if tokens.eat("DROP") {
            return self.drop(tokens);
        }
        if tokens.eat("MODIFY") || tokens.is("CHANGE") {
            return self.change(tokens);
        }
        if tokens.eat("ALTER") {
            return self.alter(tokens);
        }
        if tokens.eat("RENAME") {
            return self.rename(tokens);
        }
        if tokens.eat_all(&["CONVERT", "TO"]) {
            return self.convert(tokens);
        }
        if self.without_effect(tokens) {
            return Ok(());
        }
        if self.options.is_known() {
            let texts = (self.options.charset.clone(), self.options.collation.clone());
            if self.options.read(tokens)? {
                self.texts |=
                    texts != (self.options.charset.clone(), self.options.collation.clone());
                return Ok(());
            }
        }
        // A comment and a counter are no part of the words that are kept.
        if (tokens.is("COMMENT") || tokens.is("AUTO_INCREMENT")) && self.options.read(tokens)? {
            return Ok(());
        }
        Err(Unread::new(format!("of ALTER TABLE is not read: {}", tokens.rest())))
    }

    /// Words that say how it is done.
    fn without_effect(&mut self, tokens: &mut Tokens<'_>) -> bool {
        if tokens.eat("ALGORITHM") || tokens.eat("LOCK") || tokens.eat("WAIT") {
            tokens.eat_punct(b'=');
            tokens.at += 1;
            return true;
        }
        if tokens.eat_all(&["ORDER", "BY"]) {
            tokens.at = tokens.end;
            return true;
        }
        tokens.eat("FORCE")
            || tokens.eat("NOWAIT")
            || tokens.eat_all(&["ENABLE", "KEYS"])
            || tokens.eat_all(&["DISABLE", "KEYS"])
            || tokens.eat_all(&["WITH", "VALIDATION"])
            || tokens.eat_all(&["WITHOUT", "VALIDATION"])
    }

    fn add(&mut self, tokens: &mut Tokens<'_>) -> Read<()> {
        if tokens.is("SYSTEM") || tokens.is("PERIOD") {
            return Err(Unread::new(format!("ADD {} is not read", tokens.rest())));
        }
        if !tokens.is("COLUMN") {
            let before = (self.draft.new_keys.len(), self.draft.new_checks.len());
            let missing = self.is_guarded(tokens);
            if create::constraint(tokens, self.ground, &mut self.draft)? {
                if missing {
                    self.only_missing(before);
                }
                return Ok(());
            }
        }
        tokens.eat("COLUMN");
        let guarded = tokens.eat_all(&["IF", "NOT", "EXISTS"]);
        if tokens.is_punct(b'(') {
            tokens.open();
            loop {
                create::item(tokens, self.ground, &mut self.draft)?;
                if tokens.eat_punct(b')') {
                    return Ok(());
                }
                if !tokens.eat_punct(b',') {
                    return Err(Unread::new(format!("ADD is not read: {}", tokens.rest())));
                }
            }
        }
        let said = column::read(tokens, self.ground)?;
        if !(guarded && self.draft.has_column(said.column.name())) {
            self.draft.add(said);
        }
        Ok(())
    }

    /// Whether IF NOT EXISTS stands in what is added.
    fn is_guarded(&self, tokens: &Tokens<'_>) -> bool {
        (0..5).any(|n| {
            tokens.is_at(n, "IF") && tokens.is_at(n + 1, "NOT") && tokens.is_at(n + 2, "EXISTS")
        })
    }

    /// Of what was added just now, only that which is not there.
    fn only_missing(&mut self, before: (usize, usize)) {
        let table = &self.draft.table;
        let mut at = 0;
        self.draft.new_keys.retain(|key| {
            at += 1;
            let there = key.name.as_ref().is_some_and(|n| index_of(table, n).is_some());
            let primary = key.what == keys::What::Primary && !table.primary_key.is_empty();
            at <= before.0 || !(there || primary)
        });
        let mut at = 0;
        self.draft.new_checks.retain(|check| {
            at += 1;
            at <= before.1
                || !table.checks.iter().any(|c| check.name.is_some() && c.name == check.name)
        });
        self.draft.new_references.retain(|key| {
            !table.foreign_keys.iter().any(|k| !key.name.is_empty() && k.name == key.name)
        });
    }

    fn drop(&mut self, tokens: &mut Tokens<'_>) -> Read<()> {
        if tokens.eat_all(&["PRIMARY", "KEY"]) {
            self.draft.table.primary_key.clear();
            return Ok(());
        }
        if tokens.eat_all(&["FOREIGN", "KEY"]) {
            return self.drop_constraint(tokens, &[Named::ForeignKey]);
        }
        if tokens.eat("INDEX") || tokens.eat("KEY") {
            return self.drop_constraint(tokens, &[Named::Index]);
        }
        if tokens.eat("CHECK") {
            return self.drop_constraint(tokens, &[Named::Check]);
        }
        if tokens.eat("CONSTRAINT") {
            return self.drop_constraint(tokens, &[Named::ForeignKey, Named::Check, Named::Index]);
        }
        if tokens.is("SYSTEM") || tokens.is("PERIOD") {
            return Err(Unread::new(format!("DROP {} is not read", tokens.rest())));
        }
        tokens.eat("COLUMN");
        let guarded = tokens.eat_all(&["IF", "EXISTS"]);
        let name = tokens.name().ok_or_else(|| Unread::new("DROP names no column"))?;
        let _ = tokens.eat("RESTRICT") || tokens.eat("CASCADE");
        if guarded && !self.draft.has_column(&name) {
            return Ok(());
        }
        self.draft.drop_column(&name)
    }

    fn drop_constraint(&mut self, tokens: &mut Tokens<'_>, kinds: &[Named]) -> Read<()> {
        let guarded = tokens.eat_all(&["IF", "EXISTS"]);
        let name = tokens.name().ok_or_else(|| Unread::new("DROP has no name"))?;
        let lower = name.to_lowercase();
        let table = &mut self.draft.table;
        if lower == "primary" && !kinds.contains(&Named::Check) && kinds.contains(&Named::Index)
            || lower == "primary" && kinds.len() == 3
        {
            table.primary_key.clear();
            return Ok(());
        }
        for kind in kinds {
            let found = match kind {
                Named::ForeignKey => {
                    let keys = &mut table.foreign_keys;
                    let at = keys.iter().position(|k| k.name.to_lowercase() == lower);
                    at.map(|n| drop(keys.remove(n)))
                }
                Named::Check => {
                    let named = |c: &syncline_types::Check| {
                        c.name.as_deref().is_some_and(|n| n.to_lowercase() == lower)
                    };
                    let at = table.checks.iter().position(named);
                    at.map(|n| drop(table.checks.remove(n)))
                }
                Named::Index => index_of(table, &name).map(|n| drop(table.indexes.remove(n))),
            };
            if found.is_some() {
                return Ok(());
            }
        }
        if guarded { Ok(()) } else { Err(Unread::new(format!("there is no {name} to be dropped"))) }
    }

    /// MODIFY (already passed) and CHANGE.
    fn change(&mut self, tokens: &mut Tokens<'_>) -> Read<()> {
        let changes = tokens.eat("CHANGE");
        tokens.eat("COLUMN");
        let guarded = tokens.eat_all(&["IF", "EXISTS"]);
        let mut old = None;
        if changes {
            old = Some(tokens.name().ok_or_else(|| Unread::new("CHANGE names no column"))?);
        }
        let said = column::read(tokens, self.ground)?;
        let old = old.unwrap_or_else(|| said.column.name().to_owned());
        if guarded && !self.draft.has_column(&old) {
            return Ok(());
        }
        self.draft.change(&old, said)
    }

    /// ALTER COLUMN, ALTER INDEX, ALTER CHECK.
    fn alter(&mut self, tokens: &mut Tokens<'_>) -> Read<()> {
        let other = ["INDEX", "KEY", "CHECK", "CONSTRAINT"].iter().any(|w| tokens.is(w));
        if other && !tokens.is_at(1, "SET") {
            return Err(Unread::new(format!("ALTER {} is not read", tokens.rest())));
        }
        tokens.eat("COLUMN");
        let guarded = tokens.eat_all(&["IF", "EXISTS"]);
        let name = tokens.name().ok_or_else(|| Unread::new("ALTER names no column"))?;
        if guarded && !self.draft.has_column(&name) {
            return Err(Unread::new("ALTER COLUMN IF EXISTS is not read"));
        }
        if tokens.eat_all(&["DROP", "DEFAULT"]) {
            self.draft.column(&name)?.default = None;
            return Ok(());
        }
        if !tokens.eat_all(&["SET", "DEFAULT"]) {
            return Err(Unread::new(format!("ALTER COLUMN {} is not read", tokens.rest())));
        }
        let column = self.draft.column(&name)?;
        let native = field::native(&column.field, "mysql").unwrap_or_default().to_owned();
        let found = parsed(&native, self.ground)?;
        let default = defaults::read(tokens, &found, self.ground)?;
        self.draft.column(&name)?.default = default;
        Ok(())
    }

    fn rename(&mut self, tokens: &mut Tokens<'_>) -> Read<()> {
        let unread = || Unread::new("RENAME is not read");
        if tokens.eat("COLUMN") {
            let guarded = tokens.eat_all(&["IF", "EXISTS"]);
            let old = tokens.name().ok_or_else(unread)?;
            let new = tokens.eat("TO").then(|| tokens.name()).flatten().ok_or_else(unread)?;
            if guarded && !self.draft.has_column(&old) {
                return Ok(());
            }
            return self.draft.rename(&old, &new);
        }
        let index = tokens.is("INDEX") || tokens.is("KEY");
        if index && !tokens.ahead(1).is_some_and(|t| t.kind == Kind::Punct(b'.')) {
            tokens.at += 1;
            let guarded = tokens.eat_all(&["IF", "EXISTS"]);
            let old = tokens.name().ok_or_else(unread)?;
            let new = tokens.eat("TO").then(|| tokens.name()).flatten().ok_or_else(unread)?;
            let Some(at) = index_of(&self.draft.table, &old) else {
                return if guarded { Ok(()) } else { Err(unread()) };
            };
            let index = &mut self.draft.table.indexes[at];
            if let Some(definition) = &mut index.definition {
                let quote = |name: &str| crate::Dialect::Mysql.quote(name);
                definition.sql = definition.sql.replacen(&quote(&index.name), &quote(&new), 1);
            }
            index.name = new;
            return Ok(());
        }
        let _ = tokens.eat("TO") || tokens.eat("AS") || tokens.eat_punct(b'=');
        self.draft.new_name = Some(tokens.table().ok_or_else(unread)?);
        Ok(())
    }

    fn convert(&mut self, tokens: &mut Tokens<'_>) -> Read<()> {
        if !(tokens.eat_all(&["CHARACTER", "SET"]) || tokens.eat("CHARSET")) {
            return Err(Unread::new("CONVERT is not read"));
        }
        let charset = tokens.name().or_else(|| tokens.text());
        let charset = charset.ok_or_else(|| Unread::new("a character set has no name"))?;
        if charset.eq_ignore_ascii_case("default") || charset.eq_ignore_ascii_case("binary") {
            return Err(Unread::new(format!("CONVERT TO CHARACTER SET {charset} is not read")));
        }
        let charset = super::charsets::charset_name(&charset);
        let mut collation = None;
        if tokens.eat("COLLATE") {
            let name = tokens.name().or_else(|| tokens.text());
            collation = name.map(|n| super::charsets::collation_name(&n));
        }
        self.charset = Some(self.ground.texts(Some(&charset), collation.as_deref())?);
        Ok(())
    }

    fn finish(mut self) -> Read<Altered> {
        if self.texts && self.columns {
            return Err(Unread::new("columns and the table's character set change at once"));
        }
        if let Some((charset, collation)) = &self.charset {
            if !self.options.is_known() {
                return Err(Unread::new("the table's options are not read"));
            }
            self.options.charset = Some(charset.clone());
            self.options.collation = Some(collation.clone());
            let ground = self.ground;
            for column in self.draft.columns() {
                let texts = field::get(&column.field, field::CHARSET).is_some();
                if texts && field::native(&column.field, "mysql") == Some("json") {
                    // MariaDB's JSON keeps its own, or becomes a mere text of the new one.
                    let why = format!("whether {} stays json is not known", column.name());
                    return Err(Unread::new(why));
                }
                if texts {
                    column.field = in_charset(ground, column, charset, collation)?;
                }
            }
        }
        if self.options.charset.is_some() || self.options.collation.is_some() {
            self.options.settle(self.ground)?;
        }
        let renamed = self.draft.renamed.clone();
        let new_name = self.draft.new_name.clone();
        let mut after = self.draft.finish()?;
        self.options.write(&mut after);
        Ok((after, renamed, new_name))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Named {
    ForeignKey,
    Check,
    Index,
}

/// A type as the catalog shows it, taken apart.
fn parsed(native: &str, ground: &Ground<'_>) -> Read<types::Type> {
    let session = crate::script::Session::new(crate::script::Rules::of(crate::Dialect::Mysql));
    let lexer = crate::script::Lexer::whole(
        native.as_bytes(),
        crate::script::Rules::of(crate::Dialect::Mysql),
    );
    let mut tokens =
        Tokens::of(lexer, &session).ok_or_else(|| Unread::new("a type is not read"))?;
    types::read(&mut tokens, ground)
}

/// CREATE INDEX on a table.
pub(super) fn add_key(
    logged: &Logged<'_>,
    at: &dyn Surroundings,
    before: &Arc<TableSchema>,
    key: NewKey,
) -> Read<Vec<(TableName, SchemaEffect)>> {
    let ground = ground(logged, at, before)?;
    let mut draft = Draft::new(&ground, (**before).clone());
    draft.new_keys.push(key);
    Ok(effects(before, draft.finish()?, Vec::new(), None))
}

/// DROP INDEX on a table.
pub(super) fn drop_key(
    logged: &Logged<'_>,
    at: &dyn Surroundings,
    before: &Arc<TableSchema>,
    name: &str,
) -> Read<Vec<(TableName, SchemaEffect)>> {
    let ground = ground(logged, at, before)?;
    let mut draft = Draft::new(&ground, (**before).clone());
    if name.eq_ignore_ascii_case("primary") {
        draft.table.primary_key.clear();
    } else if let Some(at) = index_of(&draft.table, name) {
        draft.table.indexes.remove(at);
    } else {
        return Err(Unread::new(format!("there is no index {name}")));
    }
    Ok(effects(before, draft.finish()?, Vec::new(), None))
}
