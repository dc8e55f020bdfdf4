//! The steps of a change as statements of MySQL and MariaDB: one ALTER TABLE, which is done whole
//! or not at all, and foreign keys around it.

use syncline_types::{Check, ForeignKey, TableSchema};

use super::{Altering, renames};
use crate::alter::compare::{Alteration, Place};
use crate::alter::pending::same_name;
use crate::ddl::{check_clause, column_line, column_of, foreign_key_clause, names};
use crate::{Dialect, index_clause};

const SQL: Dialect = Dialect::Mysql;

pub(super) fn say(present: &TableSchema, after: &TableSchema, steps: &[Alteration]) -> Altering {
    let mut out = Altering::default();
    let table = SQL.table(&present.name);
    for step in steps {
        if let Alteration::DropForeignKey(key) = step
            && let Some(name) = foreign_key_name(present, key)
        {
            out.push(format!("ALTER TABLE {table} DROP FOREIGN KEY {}", SQL.quote(name)));
        }
    }
    let clauses = clauses(present, after, steps, &mut out.notes);
    if !clauses.is_empty() {
        out.push(format!("ALTER TABLE {table} {}", clauses.join(", ")));
    }
    for step in steps {
        if let Alteration::Partitioning(partitioning) = step {
            let by = partitioning.as_ref().and_then(|p| p.by.of(SQL.id()));
            out.push(format!("ALTER TABLE {table} {}", by.unwrap_or("REMOVE PARTITIONING")));
        }
    }
    for step in steps {
        if let Alteration::AddForeignKey(key) = step {
            out.push(format!("ALTER TABLE {table} ADD {}", foreign_key_clause(SQL, key)));
        }
    }
    out
}

fn foreign_key_name<'a>(present: &'a TableSchema, key: &'a ForeignKey) -> Option<&'a str> {
    if !key.name.is_empty() {
        return Some(&key.name);
    }
    let there = present.foreign_keys.iter().find(|k| k.columns == key.columns);
    there.map(|k| k.name.as_str())
}

fn clauses(
    present: &TableSchema,
    after: &TableSchema,
    steps: &[Alteration],
    notes: &mut Vec<String>,
) -> Vec<String> {
    let renames = renames(steps);
    let old_name = |new: &str| renames.iter().find(|(_, to)| *to == new).map(|(from, _)| *from);
    let modified = |name: &str| {
        steps.iter().any(|s| matches!(s, Alteration::ModifyColumn { to, .. } if to.name() == name))
    };
    let added = |name: &str| {
        steps
            .iter()
            .any(|s| matches!(s, Alteration::AddColumn { column, .. } if column.name() == name))
    };
    let line = |column: &syncline_types::Column| column_line(SQL, after, column, None);
    let mut clauses = Vec::new();
    // Columns that are others only by the check that MariaDB keeps in their line.
    let mut lined: Vec<&str> = Vec::new();
    for step in steps {
        match step {
            Alteration::DropIndex(index) => {
                clauses.push(format!("DROP INDEX {}", SQL.quote(&index.name)));
            }
            Alteration::DropPrimaryKey(_) => clauses.push("DROP PRIMARY KEY".into()),
            Alteration::DropColumn(name) => {
                clauses.push(format!("DROP COLUMN {}", SQL.quote(name)));
            }
            Alteration::RenameColumn { from, to } if !modified(to) => {
                clauses.push(format!("RENAME COLUMN {} TO {}", SQL.quote(from), SQL.quote(to)));
            }
            Alteration::RenameColumn { .. } => {}
            Alteration::ModifyColumn { to, place, .. } => {
                let place = place.as_ref().map(said).unwrap_or_default();
                clauses.push(match old_name(to.name()) {
                    Some(old) => format!("CHANGE COLUMN {} {}{place}", SQL.quote(old), line(to)),
                    None => format!("MODIFY COLUMN {}{place}", line(to)),
                });
            }
            Alteration::AddColumn { column, place } => {
                clauses.push(format!("ADD COLUMN {}{}", line(column), said(place)));
            }
            Alteration::AddPrimaryKey(columns) => {
                clauses.push(format!("ADD PRIMARY KEY ({})", names(SQL, columns)));
            }
            Alteration::AddIndex(index) => clauses.push(format!("ADD {}", index_clause(index))),
            Alteration::DropCheck(check) | Alteration::AddCheck(check) => {
                let drops = matches!(step, Alteration::DropCheck(_));
                match of_column(present, after, check) {
                    Some(name) if !modified(name) && !added(name) && !lined.contains(&name) => {
                        lined.push(name);
                        clauses.extend(
                            after.column(name).map(|c| format!("MODIFY COLUMN {}", line(c))),
                        );
                    }
                    Some(_) => {}
                    None => clauses.extend(check_step(check, drops)),
                }
            }
            Alteration::Comment(comment) => {
                let comment = SQL.string(comment.as_deref().unwrap_or_default());
                clauses.push(format!("COMMENT={comment}"));
            }
            Alteration::Options(options) => {
                let options = options.as_ref().and_then(|o| o.of(SQL.id())).unwrap_or_default();
                match changed_options(present, options) {
                    Some(said) if said.is_empty() => {}
                    Some(said) => clauses.push(said),
                    None => notes.push(format!("options are left as they are: {options}")),
                }
            }
            Alteration::DropForeignKey(_)
            | Alteration::AddForeignKey(_)
            | Alteration::Partitioning(_) => {}
        }
    }
    clauses
}

/// The column that is there before and after, and in whose line the check stands.
fn of_column<'a>(present: &TableSchema, after: &'a TableSchema, check: &Check) -> Option<&'a str> {
    let name = column_of(SQL, after, check)?;
    let there = present.columns.iter().any(|c| same_name(SQL, c.name(), name));
    // A check of the table that is called as a column: MySQL has such, and shows them apart.
    let signed = present.statements.iter().filter_map(|s| s.of(SQL.id()));
    let of_table = signed.into_iter().any(|s| s.starts_with("/* MySQL"));
    (!of_table || !there).then_some(name)
}

fn check_step(check: &Check, drops: bool) -> Option<String> {
    let name = check.name.as_ref().map(|n| SQL.quote(n));
    if drops {
        return name.map(|n| format!("DROP CONSTRAINT {n}"));
    }
    let clause = check_clause(SQL, check)?;
    Some(match name {
        Some(name) => format!("ADD CONSTRAINT {name} {clause}"),
        None => format!("ADD {clause}"),
    })
}

fn said(place: &Place) -> String {
    match place {
        Place::First => " FIRST".into(),
        Place::After(name) => format!(" AFTER {}", SQL.quote(name)),
        Place::Last => String::new(),
    }
}

/// Those options that are not the table's already, and what takes back the ones it has beyond;
/// `None` when there are such as stand in no ALTER TABLE.
fn changed_options(present: &TableSchema, wanted: &str) -> Option<String> {
    let there = present.options.as_ref().and_then(|o| o.of(SQL.id())).unwrap_or_default();
    let plain = |text: &str| {
        let known = |word: &str| word == "DEFAULT" || word.contains('=');
        text.split_whitespace().all(known) && !text.contains(['\'', '/'])
    };
    if !plain(wanted) {
        return None;
    }
    let words: Vec<&str> = wanted.split_whitespace().filter(|w| *w != "DEFAULT").collect();
    let differs = |w: &&&str| !there.split_whitespace().any(|t| t.eq_ignore_ascii_case(w));
    let mut said: Vec<String> = words.iter().filter(differs).map(|w| (*w).to_owned()).collect();
    // A character set brings its own collation along, unless it is said.
    let collates = |w: &String| w.to_ascii_uppercase().starts_with("COLLATE=");
    if said.iter().any(|w| w.to_ascii_uppercase().starts_with("CHARSET="))
        && !said.iter().any(collates)
    {
        said.extend(words.iter().map(|w| (*w).to_owned()).filter(collates));
    }
    let key = |word: &str| word.split_once('=').map(|(key, _)| key.to_ascii_uppercase());
    for over in there.split_whitespace().filter(|_| plain(there)).filter_map(key) {
        if words.iter().any(|w| key(w).as_ref() == Some(&over)) {
            continue;
        }
        let usual = match over.as_str() {
            "ROW_FORMAT" | "PACK_KEYS" | "STATS_PERSISTENT" | "STATS_AUTO_RECALC"
            | "STATS_SAMPLE_PAGES" => "DEFAULT",
            "KEY_BLOCK_SIZE" | "MIN_ROWS" | "MAX_ROWS" | "AVG_ROW_LENGTH" | "CHECKSUM"
            | "DELAY_KEY_WRITE" => "0",
            _ => continue,
        };
        said.push(format!("{over}={usual}"));
    }
    Some(said.join(" "))
}
