//! What of a change is still to be done to a table that is there, and the table behind a change.

use syncline_types::{Check, Column, ForeignKey, Index, TableSchema};

use super::compare::{Alteration, Place, same_column};
use super::names;
use crate::Dialect;

/// The steps that are not done yet, as the target's table shows: what is there already is left as
/// it is, what is gone is gone.
pub(super) fn pending(
    dialect: Dialect,
    present: &TableSchema,
    after: &TableSchema,
    steps: Vec<Alteration>,
) -> Vec<Alteration> {
    let renames: Vec<(String, String)> = steps
        .iter()
        .filter_map(|step| match step {
            Alteration::RenameColumn { from, to } => Some((from.clone(), to.clone())),
            _ => None,
        })
        .collect();
    let view =
        View { dialect, present, after, renamed: are_renamed(dialect, present, after, &renames) };
    let all: Vec<Alteration> =
        steps.iter().filter(|s| view.is_due(s, &steps, &renames)).cloned().collect();
    all
}

struct View<'a> {
    dialect: Dialect,
    present: &'a TableSchema,
    after: &'a TableSchema,
    /// Columns have their new names.
    renamed: bool,
}

impl View<'_> {
    fn is_due(&self, step: &Alteration, all: &[Alteration], renames: &[(String, String)]) -> bool {
        match step {
            // A new column or one of another name may have taken the name.
            Alteration::DropColumn(name) => {
                let taken = renames.iter().any(|(_, to)| to == name)
                    || all.iter().any(|s| {
                        matches!(s, Alteration::AddColumn { column, .. } if column.name() == name)
                    });
                self.column(name).is_some() && !(taken && self.is_behind(all))
            }
            Alteration::RenameColumn { .. } => !self.renamed,
            Alteration::ModifyColumn { to, .. } => {
                // By the name it has now.
                let name = match renames.iter().find(|(_, new)| new == to.name()) {
                    Some((old, _)) if !self.renamed => old,
                    _ => to.name(),
                };
                let Some(column) = self.column(name) else { return true };
                let mut column = column.clone();
                column.field = column.field.clone().with_name(to.name());
                !same_column(&column, to) || self.is_misplaced(step)
            }
            Alteration::AddColumn { column, .. } => {
                let to_come = all.iter().any(
                    |s| matches!(s, Alteration::DropColumn(name) if self.same(name, column.name())),
                ) && !self.is_behind(all);
                let to_leave = !self.renamed
                    && renames.iter().any(|(from, _)| self.same(from, column.name()));
                to_come || to_leave || self.column(column.name()).is_none()
            }
            Alteration::DropPrimaryKey(columns) => self.present.primary_key == *columns,
            Alteration::AddPrimaryKey(columns) => self.present.primary_key != *columns,
            Alteration::DropIndex(index) => self.index(index).is_some_and(|there| {
                !all.iter().any(|s| matches!(s, Alteration::AddIndex(new) if self.says(there, new)))
            }),
            Alteration::AddIndex(index) => {
                !self.index(index).is_some_and(|there| {
                    self.says(there, index)
                        || !all.iter().any(
                            |s| matches!(s, Alteration::DropIndex(old) if self.same(&old.name, &index.name)),
                        )
                })
            }
            Alteration::DropCheck(check) => self.check(check).is_some(),
            Alteration::AddCheck(check) => {
                let replaced = all.iter().any(
                    |s| matches!(s, Alteration::DropCheck(old) if old.name == check.name),
                );
                replaced || self.check(check).is_none()
            }
            Alteration::DropForeignKey(key) => self.foreign_key(key).is_some_and(|there| {
                !all.iter().any(|s| matches!(s, Alteration::AddForeignKey(new) if self.same_key(there, new)))
            }),
            Alteration::AddForeignKey(key) => {
                !self.foreign_key(key).is_some_and(|there| {
                    self.same_key(there, key)
                        || !all.iter().any(
                            |s| matches!(s, Alteration::DropForeignKey(old) if old.name == key.name),
                        )
                })
            }
            Alteration::Comment(comment) => {
                self.dialect != Dialect::Sqlite && self.present.comment != *comment
            }
            Alteration::Options(options) => self.present.options != *options,
            Alteration::Partitioning(partitioning) => self.present.partitioning != *partitioning,
        }
    }

    /// Whether names are one to the dialect.
    fn same(&self, a: &str, b: &str) -> bool {
        same_name(self.dialect, a, b)
    }

    fn column(&self, name: &str) -> Option<&Column> {
        self.present.columns.iter().find(|c| self.same(c.name(), name))
    }

    /// The change has been made before: every column of the table as it is to be is there as it is
    /// to be.
    fn is_behind(&self, all: &[Alteration]) -> bool {
        self.renamed
            && all.iter().all(|s| match s {
                Alteration::AddColumn { column, .. } => {
                    self.column(column.name()).is_some_and(|c| {
                        c.field.data_type() == column.field.data_type()
                            && c.field.metadata() == column.field.metadata()
                    })
                }
                Alteration::DropColumn(name) => {
                    self.column(name).is_none() || self.after.column(name).is_some()
                }
                _ => true,
            })
    }

    /// Only MySQL says where a column stands.
    fn is_misplaced(&self, step: &Alteration) -> bool {
        let Alteration::ModifyColumn { to, place: Some(place), .. } = step else { return false };
        if self.dialect != Dialect::Mysql {
            return false;
        }
        let Some(at) = self.present.columns.iter().position(|c| self.same(c.name(), to.name()))
        else {
            return true;
        };
        match place {
            Place::First => at != 0,
            Place::Last => at + 1 != self.present.columns.len(),
            Place::After(name) => {
                !at.checked_sub(1).is_some_and(|b| self.same(self.present.columns[b].name(), name))
            }
        }
    }

    fn index(&self, index: &Index) -> Option<&Index> {
        self.present.indexes.iter().find(|i| self.same(&i.name, &index.name))
    }

    /// Whether an index that is there is the one wanted.
    fn says(&self, there: &Index, wanted: &Index) -> bool {
        self.same(&there.name, &wanted.name)
            && there.unique == wanted.unique
            && there.parts == wanted.parts
            && there.definition.is_some() == wanted.definition.is_some()
    }

    fn check(&self, check: &Check) -> Option<&Check> {
        self.present.checks.iter().find(|there| match (&there.name, &check.name) {
            (Some(a), Some(b)) => self.same(a, b),
            _ => there.condition == check.condition,
        })
    }

    /// Whether two foreign keys say the same: MySQL's engines refuse at once in any case.
    fn same_key(&self, a: &ForeignKey, b: &ForeignKey) -> bool {
        use syncline_types::ReferentialAction::{NoAction, Restrict};
        let plain = |key: &ForeignKey| {
            let mut key = key.clone();
            for action in [&mut key.on_delete, &mut key.on_update] {
                if self.dialect == Dialect::Mysql && *action == Restrict {
                    *action = NoAction;
                }
            }
            key
        };
        plain(a) == plain(b)
    }

    fn foreign_key(&self, key: &ForeignKey) -> Option<&ForeignKey> {
        self.present.foreign_keys.iter().find(|there| {
            if !key.name.is_empty() && !there.name.is_empty() {
                return self.same(&there.name, &key.name);
            }
            there.columns == key.columns && there.references.name == key.references.name
        })
    }
}

pub(super) fn same_name(dialect: Dialect, a: &str, b: &str) -> bool {
    match dialect {
        Dialect::Mysql => a.to_lowercase() == b.to_lowercase(),
        Dialect::Sqlite => a.eq_ignore_ascii_case(b),
        Dialect::Postgres | Dialect::Ansi => a == b,
    }
}

/// Whether the columns have their new names: where names are traded, the order tells.
fn are_renamed(
    dialect: Dialect,
    present: &TableSchema,
    after: &TableSchema,
    renames: &[(String, String)],
) -> bool {
    let is_old = |name: &str| renames.iter().any(|(from, _)| from == name);
    let is_new = |name: &str| renames.iter().any(|(_, to)| to == name);
    let traded = renames.iter().any(|(from, to)| is_new(from) || is_old(to));
    let there = |name: &str| present.columns.iter().find(|c| same_name(dialect, c.name(), name));
    if !traded {
        return renames.iter().all(|(from, to)| {
            let Some(column) = there(to) else { return false };
            // In another case of letters a name is the same.
            if same_name(dialect, from, to) {
                return column.name() == to;
            }
            // A column that goes may still have the name.
            there(from).is_none() || after.column(from).is_some()
        });
    }
    let involved = |name: &str| is_old(name) || is_new(name);
    let now: Vec<&str> = present.columns.iter().map(Column::name).filter(|n| involved(n)).collect();
    let then: Vec<&str> = after.columns.iter().map(Column::name).filter(|n| involved(n)).collect();
    now == then
}

/// The table behind these steps.
pub(super) fn applied(table: &TableSchema, steps: &[Alteration]) -> TableSchema {
    let mut table = table.clone();
    let renames: Vec<(String, String)> = steps
        .iter()
        .filter_map(|step| match step {
            Alteration::RenameColumn { from, to } => Some((from.clone(), to.clone())),
            _ => None,
        })
        .collect();
    let mut first = true;
    for step in steps {
        match step {
            Alteration::RenameColumn { .. } => {
                if std::mem::take(&mut first) {
                    table = names::renamed(&table, &renames);
                }
            }
            other => apply(&mut table, other),
        }
    }
    table.statements.clear();
    table
}

fn apply(table: &mut TableSchema, step: &Alteration) {
    match step {
        Alteration::DropForeignKey(key) => table.foreign_keys.retain(|k| {
            if k.name.is_empty() { k.columns != key.columns } else { k.name != key.name }
        }),
        Alteration::DropCheck(check) => {
            table.checks.retain(|c| c.name != check.name || check.name.is_none() && c != check);
        }
        Alteration::DropIndex(index) => table.indexes.retain(|i| i.name != index.name),
        Alteration::DropPrimaryKey(_) => table.primary_key.clear(),
        Alteration::DropColumn(name) => table.columns.retain(|c| c.name() != name),
        Alteration::RenameColumn { .. } => {}
        Alteration::ModifyColumn { to, place, .. } => {
            let Some(at) = table.index_of(to.name()) else { return };
            table.columns[at] = (**to).clone();
            if let Some(place) = place {
                let column = table.columns.remove(at);
                put(table, column, place);
            }
        }
        Alteration::AddColumn { column, place } => put(table, (**column).clone(), place),
        Alteration::AddPrimaryKey(columns) => table.primary_key = columns.clone(),
        Alteration::AddIndex(index) => table.indexes.push(index.clone()),
        Alteration::AddCheck(check) => table.checks.push(check.clone()),
        Alteration::AddForeignKey(key) => table.foreign_keys.push(key.clone()),
        Alteration::Comment(comment) => table.comment = comment.clone(),
        Alteration::Options(options) => table.options = options.clone(),
        Alteration::Partitioning(partitioning) => table.partitioning = partitioning.clone(),
    }
}

fn put(table: &mut TableSchema, column: Column, place: &Place) {
    let at = match place {
        Place::First => 0,
        Place::Last => table.columns.len(),
        Place::After(name) => table.index_of(name).map_or(table.columns.len(), |n| n + 1),
    };
    table.columns.insert(at, column);
}
