//! A table while a statement makes or alters it: what is said piece by piece, and the table that
//! the server makes of it in the end.

use syncline_types::{
    Check, Column, ForeignKey, Generated, Index, IndexPart, NativeSql, TableName, TableSchema,
    field,
};

use super::keys::{NewKey, add_keys, settled, sorted, without};
use super::{Logged, NativeColumn, Read, Surroundings, Unread, charsets};
use crate::Dialect;
use crate::alter::compare::Place;

/// Where a table is made or altered.
pub(super) struct Ground<'a> {
    pub(super) at: &'a dyn Surroundings,
    pub(super) maria: bool,
    pub(super) version: (u16, u16, u16),
    pub(super) sql_mode: u64,
    pub(super) explicit_timestamps: bool,
    /// The character set that columns get which name none.
    pub(super) charset: String,
    pub(super) collation: String,
    /// The columns that expressions may speak of.
    pub(super) names: Vec<String>,
}

impl<'a> Ground<'a> {
    pub(super) fn new(logged: &Logged<'_>, at: &'a dyn Surroundings) -> Self {
        Self {
            at,
            maria: at.maria(),
            version: at.version(),
            sql_mode: logged.sql_mode,
            explicit_timestamps: logged.explicit_timestamps,
            charset: String::new(),
            collation: String::new(),
            names: Vec::new(),
        }
    }

    /// The character set and the collation that follow from what is said of both.
    pub(super) fn texts(
        &self,
        charset: Option<&str>,
        collation: Option<&str>,
    ) -> Read<(String, String)> {
        let unknown = |what: &str| Unread::new(format!("{what} is not known"));
        match (charset, collation) {
            (None, None) => Ok((self.charset.clone(), self.collation.clone())),
            (Some(charset), None) => {
                let collation = self.at.collation(charset).ok_or_else(|| unknown(charset))?;
                Ok((charset.to_owned(), collation))
            }
            (charset, Some(collation)) => {
                if let Some(own) = self.at.charset(collation) {
                    return Ok((own, collation.to_owned()));
                }
                // MariaDB names some without their character set.
                let charset = charset.unwrap_or(&self.charset);
                let whole = format!("{charset}_{collation}");
                let own = self.at.charset(&whole).ok_or_else(|| unknown(collation))?;
                Ok((own, whole))
            }
        }
    }
}

/// A check as it is said.
#[derive(Debug, Clone)]
pub(super) struct NewCheck {
    pub(super) name: Option<String>,
    pub(super) condition: String,
    pub(super) enforced: bool,
}

/// A column as it is said, and what else its line says.
#[derive(Debug, Clone)]
pub(super) struct Said {
    pub(super) column: Column,
    pub(super) primary: bool,
    pub(super) unique: bool,
    pub(super) check: Option<NewCheck>,
    pub(super) place: Option<Place>,
}

/// A column that was there.
struct Slot {
    old: String,
    column: Column,
    gone: bool,
    /// It is moved, by a step of its own.
    moves: bool,
}

/// A column that comes, or one that moves (by the index of its slot).
enum Coming {
    New(Box<Column>, Option<Place>),
    Moved(usize, Place),
}

pub(super) struct Draft<'g, 'a> {
    pub(super) ground: &'g Ground<'a>,
    /// As it was; options and comment are changed in place.
    pub(super) table: TableSchema,
    slots: Vec<Slot>,
    coming: Vec<Coming>,
    pub(super) renamed: Vec<(String, String)>,
    /// Columns that are said anew, by their new names.
    pub(super) changed: Vec<String>,
    pub(super) new_keys: Vec<NewKey>,
    pub(super) new_checks: Vec<NewCheck>,
    pub(super) new_references: Vec<ForeignKey>,
    pub(super) new_name: Option<TableName>,
}

impl<'g, 'a> Draft<'g, 'a> {
    pub(super) fn new(ground: &'g Ground<'a>, table: TableSchema) -> Self {
        let slot = |c: &Column| Slot {
            old: c.name().to_owned(),
            column: c.clone(),
            gone: false,
            moves: false,
        };
        let slots = table.columns.iter().map(slot).collect();
        Self {
            ground,
            table,
            slots,
            coming: Vec::new(),
            renamed: Vec::new(),
            changed: Vec::new(),
            new_keys: Vec::new(),
            new_checks: Vec::new(),
            new_references: Vec::new(),
            new_name: None,
        }
    }

    fn slot(&self, name: &str) -> Read<usize> {
        let lower = name.to_lowercase();
        let found = self.slots.iter().position(|s| !s.gone && s.old.to_lowercase() == lower);
        found.ok_or_else(|| Unread::new(format!("there is no column {name}")))
    }

    pub(super) fn has_column(&self, name: &str) -> bool {
        let lower = name.to_lowercase();
        self.slot(name).is_ok()
            || self.coming.iter().any(
                |c| matches!(c, Coming::New(column, _) if column.name().to_lowercase() == lower),
            )
    }

    /// The column that was there under that name.
    pub(super) fn column(&mut self, name: &str) -> Read<&mut Column> {
        let at = self.slot(name)?;
        Ok(&mut self.slots[at].column)
    }

    /// All columns of which nothing is known yet that they go.
    pub(super) fn columns(&mut self) -> impl Iterator<Item = &mut Column> {
        let coming = self.coming.iter_mut().filter_map(|c| match c {
            Coming::New(column, _) => Some(&mut **column),
            Coming::Moved(..) => None,
        });
        self.slots.iter_mut().filter(|s| !s.gone).map(|s| &mut s.column).chain(coming)
    }

    pub(super) fn add(&mut self, said: Said) {
        self.take_line(&said, None);
        self.coming.push(Coming::New(Box::new(said.column), said.place));
    }

    /// MODIFY and CHANGE.
    pub(super) fn change(&mut self, old: &str, said: Said) -> Read<()> {
        let at = self.slot(old)?;
        let was = self.slots[at].old.clone();
        self.take_line(&said, Some(&was));
        self.changed.push(said.column.name().to_owned());
        if was != said.column.name() {
            self.renamed.push((was.clone(), said.column.name().to_owned()));
        }
        // What the counter gives next goes on.
        let mut column = said.column;
        if let (Some(new), Some(old)) = (&mut column.identity, self.slots[at].column.identity) {
            new.next = old.next;
        }
        self.slots[at].column = column;
        if let Some(place) = said.place {
            self.slots[at].moves = true;
            self.coming.push(Coming::Moved(at, place));
        }
        Ok(())
    }

    pub(super) fn rename(&mut self, old: &str, new: &str) -> Read<()> {
        let at = self.slot(old)?;
        let slot = &mut self.slots[at];
        slot.column.field = slot.column.field.clone().with_name(new);
        if slot.old != new {
            self.renamed.push((slot.old.clone(), new.to_owned()));
        }
        Ok(())
    }

    pub(super) fn drop_column(&mut self, name: &str) -> Read<()> {
        let at = self.slot(name)?;
        self.slots[at].gone = true;
        let own = self.slots[at].old.clone();
        for index in &mut self.table.indexes {
            if index.definition.is_some() && index.parts.iter().any(|p| p.column == own) {
                *index = without(index, &own, self.ground)?;
            } else {
                index.parts.retain(|p| p.column != own);
            }
        }
        self.table.indexes.retain(|i| !i.parts.is_empty());
        self.table.primary_key.retain(|c| *c != own);
        // Those that speak of this column alone go with it; of others the server lets none go.
        let quoted = Dialect::Mysql.quote(&own);
        let maria = self.ground.maria;
        self.table.checks.retain(|check| {
            let of_column = maria && check.name.as_deref() == Some(own.as_str());
            !of_column && !check.condition.sql.contains(&quoted)
        });
        Ok(())
    }

    /// Keys and checks of a column's line. `was`: the name under which the column was there.
    fn take_line(&mut self, said: &Said, was: Option<&str>) {
        let part =
            IndexPart { column: said.column.name().to_owned(), prefix: None, descending: false };
        if said.primary {
            self.new_keys.push(NewKey::primary(vec![part.clone()]));
        }
        if said.unique {
            self.new_keys.push(NewKey::unique(vec![part]));
        }
        if self.ground.maria
            && let Some(was) = was
        {
            self.table.checks.retain(|c| c.name.as_deref() != Some(was));
        }
        self.new_checks.extend(said.check.clone());
    }

    /// The table as the server has it from now on.
    pub(super) fn finish(mut self) -> Read<TableSchema> {
        let mut table = self.table.clone();
        if !self.renamed.is_empty() {
            self.rename_within(&mut table)?;
        }
        table.columns = self.placed()?;
        let ground = self.ground;
        if let Some(name) = &self.new_name {
            move_names(&mut table, name, ground.maria);
        }
        settled(&mut table, &self.changed)?;
        add_references(&mut table, self.new_references, &mut self.new_keys);
        add_keys(&mut table, self.new_keys, ground)?;
        for name in table.primary_key.clone() {
            let lower = name.to_lowercase();
            let column = table.columns.iter_mut().find(|c| c.name().to_lowercase() == lower);
            let column = column.ok_or_else(|| Unread::new(format!("there is no column {name}")))?;
            column.field = column.field.clone().with_nullable(false);
        }
        sorted(&mut table);
        add_checks(&mut table, self.new_checks, ground);
        table.statements = vec![signature(ground)];
        Ok(table)
    }

    /// New names in all that speaks of the columns but themselves.
    fn rename_within(&self, table: &mut TableSchema) -> Read<()> {
        let speaks = |sql: &str| {
            self.renamed.iter().any(|(old, _)| sql.to_lowercase().contains(&old.to_lowercase()))
        };
        let told = |what: &str| {
            Err(Unread::new(format!("a column has another name, of which {what} speaks")))
        };
        if table.partitioning.as_ref().is_some_and(|p| speaks(&p.by.sql)) {
            return told("the layout in partitions");
        }
        let computed = |c: &&Slot| {
            !c.gone && c.column.generated.as_ref().is_some_and(|g| speaks(&g.expression.sql))
        };
        if self.slots.iter().any(|s| computed(&s)) {
            return told("a generated column");
        }
        if self.ground.maria {
            // A check of a column has the column's name.
            for check in &mut table.checks {
                let new = self.renamed.iter().find(|(old, _)| check.name.as_ref() == Some(old));
                check.name = new.map(|(_, new)| new.clone()).or(check.name.take());
            }
        }
        *table = crate::alter::names::renamed(table, &self.renamed);
        Ok(())
    }

    /// The columns in their places.
    fn placed(&mut self) -> Read<Vec<Column>> {
        let staying = self.slots.iter().filter(|s| !s.gone && !s.moves);
        let mut columns: Vec<Column> = staying.map(|s| s.column.clone()).collect();
        for coming in &self.coming {
            let (column, place) = match coming {
                Coming::New(column, place) => ((**column).clone(), place.clone()),
                Coming::Moved(at, _) if self.slots[*at].gone => continue,
                Coming::Moved(at, place) => (self.slots[*at].column.clone(), Some(place.clone())),
            };
            let at = match &place {
                None | Some(Place::Last) => columns.len(),
                Some(Place::First) => 0,
                Some(Place::After(name)) => {
                    let lower = name.to_lowercase();
                    let found = columns.iter().position(|c| c.name().to_lowercase() == lower);
                    1 + found.ok_or_else(|| Unread::new(format!("there is no column {name}")))?
                }
            };
            columns.insert(at, column);
        }
        Ok(columns)
    }
}

/// Under its new name: the constraints that the server named after the table, too.
pub(super) fn move_names(table: &mut TableSchema, name: &TableName, maria: bool) {
    let old = std::mem::replace(&mut table.name, name.clone());
    let new_name = |own: &str, mark: &str| {
        let number = own.strip_prefix(old.name.as_str())?.strip_prefix(mark)?;
        let counted = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
        counted.then(|| format!("{}{mark}{number}", name.name))
    };
    for key in &mut table.foreign_keys {
        if let Some(new) = new_name(&key.name, "_ibfk_") {
            key.name = new;
        }
        if key.references == old {
            key.references = name.clone();
        }
    }
    if !maria {
        for check in &mut table.checks {
            let new = check.name.as_deref().and_then(|own| new_name(own, "_chk_"));
            check.name = new.or(check.name.take());
        }
    }
}

/// What the catalog puts before a table's own statement.
pub(super) fn signature(ground: &Ground<'_>) -> NativeSql {
    let name = if ground.maria { "MariaDB" } else { "MySQL" };
    let (major, minor, patch) = ground.version;
    NativeSql::new("mysql", format!("/* {name} {major}.{minor}.{patch} */ "))
}

fn add_references(table: &mut TableSchema, new: Vec<ForeignKey>, keys: &mut Vec<NewKey>) {
    let numbers = |table: &TableSchema| {
        let mark = format!("{}_ibfk_", table.name.name);
        let number = |key: &ForeignKey| key.name.strip_prefix(&mark)?.parse::<u64>().ok();
        table.foreign_keys.iter().filter_map(number).max().unwrap_or(0)
    };
    for mut key in new {
        let part = |c: &String| IndexPart { column: c.clone(), prefix: None, descending: false };
        keys.push(NewKey {
            name: Some(key.name.clone()).filter(|n| !n.is_empty()),
            generated: true,
            ..NewKey::plain(key.columns.iter().map(part).collect())
        });
        if key.name.is_empty() {
            key.name = format!("{}_ibfk_{}", table.name.name, numbers(table) + 1);
        }
        if key.references.schema.is_none() {
            key.references.schema = table.name.schema.clone();
        }
        table.foreign_keys.push(key);
    }
}

fn add_checks(table: &mut TableSchema, new: Vec<NewCheck>, ground: &Ground<'_>) {
    let mark = format!("{}_chk_", table.name.name);
    for check in new {
        let name = check.name.unwrap_or_else(|| {
            let taken = |name: &str| {
                table.checks.iter().any(|c| {
                    c.name.as_deref().is_some_and(|n| n.to_lowercase() == name.to_lowercase())
                })
            };
            let number = |c: &Check| c.name.as_deref()?.strip_prefix(&mark)?.parse::<u64>().ok();
            match ground.maria {
                true => (1_u64..)
                    .map(|n| format!("CONSTRAINT_{n}"))
                    .find(|name| !taken(name))
                    .unwrap_or_default(),
                false => {
                    let last = table.checks.iter().filter_map(number).max().unwrap_or(0);
                    format!("{mark}{}", last + 1)
                }
            }
        });
        let condition = NativeSql::new("mysql", check.condition);
        table.checks.push(Check { name: Some(name), condition, enforced: check.enforced });
    }
}

/// A column's field with another character set.
pub(super) fn in_charset(
    ground: &Ground<'_>,
    column: &Column,
    charset: &str,
    collation: &str,
) -> Read<arrow::datatypes::Field> {
    let native = field::native(&column.field, "mysql").unwrap_or_default();
    let was = field::get(&column.field, field::CHARSET).unwrap_or_default();
    let base = native.split(['(', ' ']).next().unwrap_or_default();
    let grows = charsets::width(charset) > charsets::width(was);
    if grows && matches!(base, "tinytext" | "text" | "mediumtext") {
        let why = format!("column {} may have become a longer {base}", column.name());
        return Err(Unread::new(why));
    }
    let length = field::length(&column.field);
    if length.is_some_and(|n| n * charsets::width(charset) > 65_535) {
        return Err(Unread::new(format!("column {} may have become a text", column.name())));
    }
    Ok(ground.at.field(&NativeColumn {
        name: column.name(),
        native,
        nullable: column.field.is_nullable(),
        charset: Some(charset),
        collation: Some(collation),
        length,
    }))
}

/// A generated column's expression.
pub(super) fn generated(sql: String, stored: bool) -> Generated {
    Generated { expression: NativeSql::new("mysql", sql), stored }
}

/// The index of that name.
pub(super) fn index_of(table: &TableSchema, name: &str) -> Option<usize> {
    let lower = name.to_lowercase();
    table.indexes.iter().position(|i: &Index| i.name.to_lowercase() == lower)
}
