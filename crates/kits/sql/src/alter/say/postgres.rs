//! The steps of a change as statements of PostgreSQL.

use arrow::datatypes::DataType;
use syncline_types::{Code, Column, Error, Result, TableName, TableSchema, field};

use super::{Altering, renames};
use crate::Dialect;
use crate::alter::compare::{Alteration, Place};
use crate::ddl::{check_clause, column_line, create_index, default_sql, foreign_key_clause, names};

const SQL: Dialect = Dialect::Postgres;

pub(super) fn say(
    present: &TableSchema,
    after: &TableSchema,
    steps: &[Alteration],
) -> Result<Altering> {
    let mut out = Altering::default();
    let table = SQL.table(&present.name);
    let mut saying = Saying { present, after, table, out: &mut out };
    saying.release(steps);
    let mut named = false;
    for step in steps {
        if let Alteration::RenameColumn { .. } = step {
            if !std::mem::replace(&mut named, true) {
                saying.rename(&renames(steps));
            }
            continue;
        }
        saying.step(step)?;
    }
    saying.compute_again(steps);
    Ok(out)
}

struct Saying<'a> {
    present: &'a TableSchema,
    after: &'a TableSchema,
    /// Its name, quoted.
    table: String,
    out: &'a mut Altering,
}

impl Saying<'_> {
    fn alter(&mut self, what: impl std::fmt::Display) {
        let statement = format!("ALTER TABLE {} {what}", self.table);
        self.out.push(statement);
    }

    fn step(&mut self, step: &Alteration) -> Result<()> {
        match step {
            Alteration::DropForeignKey(key) => {
                let of = |k: &&syncline_types::ForeignKey| k.columns == key.columns;
                let found = self.present.foreign_keys.iter().find(of).map(|k| k.name.clone());
                let name = Some(key.name.clone()).filter(|n| !n.is_empty()).or(found);
                if let Some(name) = name {
                    self.alter(format!("DROP CONSTRAINT IF EXISTS {}", SQL.quote(&name)));
                }
            }
            Alteration::DropCheck(check) => match &check.name {
                Some(name) => self.alter(format!("DROP CONSTRAINT IF EXISTS {}", SQL.quote(name))),
                None => {
                    self.out.note(format!("a check without a name stays: {}", check.condition.sql))
                }
            },
            Alteration::DropIndex(index) if index.constraint => {
                self.alter(format!("DROP CONSTRAINT IF EXISTS {}", SQL.quote(&index.name)));
            }
            Alteration::DropIndex(index) => {
                let name = TableName {
                    schema: self.present.name.schema.clone(),
                    name: index.name.clone(),
                };
                self.out.push(format!("DROP INDEX IF EXISTS {}", SQL.table(&name)));
            }
            Alteration::DropPrimaryKey(_) => self.drop_primary_key(),
            Alteration::DropColumn(name) => {
                self.alter(format!("DROP COLUMN IF EXISTS {}", SQL.quote(name)));
            }
            Alteration::RenameColumn { .. } => {}
            Alteration::ModifyColumn { from, to, place } => {
                self.modify(from, to)?;
                if place.is_some() {
                    self.note_place(to.name());
                }
            }
            Alteration::AddColumn { column, place } => {
                self.add(column);
                if *place != Place::Last {
                    self.note_place(column.name());
                }
            }
            Alteration::AddPrimaryKey(columns) => {
                self.alter(format!("ADD PRIMARY KEY ({})", names(SQL, columns)));
            }
            Alteration::AddIndex(index) => {
                let mut after = self.after.clone();
                after.name = self.present.name.clone();
                self.out.statements.extend(create_index(SQL, &after, index));
            }
            Alteration::AddCheck(check) => {
                if let Some(clause) = check_clause(SQL, check) {
                    let name = check.name.as_ref().map(|n| format!("CONSTRAINT {} ", SQL.quote(n)));
                    self.alter(format!("ADD {}{clause}", name.unwrap_or_default()));
                }
            }
            Alteration::AddForeignKey(key) => {
                self.alter(format!("ADD {}", foreign_key_clause(SQL, key)));
            }
            Alteration::Comment(comment) => {
                let text = comment.as_ref().map_or_else(|| "NULL".into(), |c| SQL.string(c));
                let statement = format!("COMMENT ON TABLE {} IS {text}", self.table);
                self.out.push(statement);
            }
            Alteration::Options(_) => self.out.note("options of the table are left as they are"),
            Alteration::Partitioning(_) => self.out.note("partitions are left as they are"),
        }
        Ok(())
    }

    fn note_place(&mut self, column: &str) {
        self.out.note(format!("column {column} stands behind the others: {SQL} moves none"));
    }

    /// All at once: a name that is still taken is reached over another.
    fn rename(&mut self, names: &[(&str, &str)]) {
        let taken = |name: &str| names.iter().any(|(from, _)| *from == name);
        let mut second = Vec::new();
        for (n, (from, to)) in names.iter().enumerate() {
            let (from, to) = (SQL.quote(from), SQL.quote(to));
            if taken(names[n].1) {
                let between = SQL.quote(&format!("_syncline_{n}"));
                self.alter(format!("RENAME COLUMN {from} TO {between}"));
                second.push(format!("RENAME COLUMN {between} TO {to}"));
            } else {
                self.alter(format!("RENAME COLUMN {from} TO {to}"));
            }
        }
        for statement in second {
            self.alter(statement);
        }
    }

    /// By whatever name it has.
    fn drop_primary_key(&mut self) {
        let name = SQL.string(&self.table);
        let statement = format!(
            "DO $syncline$ DECLARE k name; BEGIN SELECT conname INTO k FROM pg_constraint \
             WHERE conrelid = {name}::regclass AND contype = 'p'; IF k IS NOT NULL THEN \
             EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', {name}::regclass, k); END IF; \
             END $syncline$"
        );
        self.out.push(statement);
    }

    fn add(&mut self, column: &Column) {
        let line = column_line(SQL, self.after, column, None);
        let key = self.after.primary_key.iter().any(|k| k == column.name());
        let bare = (!column.field.is_nullable() || key)
            && column.default.is_none()
            && column.identity.is_none()
            && column.generated.is_none();
        // The rows that are there get what their source gives them.
        let filling = if bare { implicit(&column.field) } else { None };
        let name = SQL.quote(column.name());
        match filling {
            Some(value) => {
                self.alter(format!("ADD COLUMN {line} DEFAULT {value}"));
                self.alter(format!("ALTER COLUMN {name} DROP DEFAULT"));
            }
            None => self.alter(format!("ADD COLUMN {line}")),
        }
        self.comment(column);
    }

    fn comment(&mut self, column: &Column) {
        if let Some(comment) = &column.comment {
            let name = SQL.quote(column.name());
            let text = SQL.string(comment);
            let statement = format!("COMMENT ON COLUMN {}.{name} IS {text}", self.table);
            self.out.push(statement);
        }
    }

    fn modify(&mut self, from: &Column, to: &Column) -> Result<()> {
        let name = SQL.quote(to.name());
        if is_recomputed(from, to) {
            match (&from.generated, &to.generated) {
                (Some(_), None) => {
                    self.alter(format!("ALTER COLUMN {name} DROP EXPRESSION IF EXISTS"))
                }
                // See `release` and `compute_again`.
                _ => return Ok(()),
            }
        } else if to.generated.is_some() {
            // Made again as a whole where its type is another, too.
            return Ok(());
        }
        let native = |c: &Column| field::native(&c.field, SQL.id()).unwrap_or_default().to_owned();
        let collation = |c: &Column| field::get(&c.field, field::COLLATION).map(str::to_owned);
        let retyped = native(from) != native(to) || collation(from) != collation(to);
        if retyped && from.default.is_some() {
            self.alter(format!("ALTER COLUMN {name} DROP DEFAULT"));
        }
        if from.identity.is_some() && to.identity.is_none() {
            self.alter(format!("ALTER COLUMN {name} DROP IDENTITY IF EXISTS"));
        }
        if retyped {
            let how = conversion(&from.field, &to.field, &name).ok_or_else(|| {
                let text = format!(
                    "{}: values of column {} cannot be made {} from {}",
                    self.present.name,
                    to.name(),
                    native(to),
                    native(from)
                );
                Error::new(Code::Unsupported, text)
                    .hint("alter the target by hand or copy the table anew, then go on")
            })?;
            let collate = collation(to).filter(|c| !c.is_empty());
            let collate =
                collate.map(|c| format!(" COLLATE {}", SQL.quote(&c))).unwrap_or_default();
            let using = how.map(|how| format!(" USING {how}")).unwrap_or_default();
            self.alter(format!("ALTER COLUMN {name} TYPE {}{collate}{using}", native(to)));
        }
        let key = |c: &Column| self.after.primary_key.iter().any(|k| k == c.name());
        match (from.field.is_nullable(), to.field.is_nullable() && !key(to)) {
            (true, false) => self.alter(format!("ALTER COLUMN {name} SET NOT NULL")),
            (false, true) => self.alter(format!("ALTER COLUMN {name} DROP NOT NULL")),
            _ => {}
        }
        if from.default != to.default || retyped && to.default.is_some() {
            match to.default.as_ref().and_then(|d| default_sql(SQL, to, d)) {
                Some(sql) => self.alter(format!("ALTER COLUMN {name} SET DEFAULT {sql}")),
                None if !retyped && from.default.is_some() => {
                    self.alter(format!("ALTER COLUMN {name} DROP DEFAULT"));
                }
                None => {}
            }
        }
        if let (None, Some(identity)) = (from.identity, to.identity) {
            let when = if identity.always { "ALWAYS" } else { "BY DEFAULT" };
            if to.field.is_nullable() && from.field.is_nullable() && !key(to) {
                self.alter(format!("ALTER COLUMN {name} SET NOT NULL"));
            }
            self.alter(format!("ALTER COLUMN {name} ADD GENERATED {when} AS IDENTITY"));
        }
        if from.comment != to.comment {
            let text = to.comment.as_ref().map_or_else(|| "NULL".into(), |c| SQL.string(c));
            let statement = format!("COMMENT ON COLUMN {}.{name} IS {text}", self.table);
            self.out.push(statement);
        }
        Ok(())
    }

    /// Takes computed columns away that stand in the way of a change: those whose expression or
    /// type is another, and those that are computed from a column of another type.
    fn release(&mut self, steps: &[Alteration]) {
        let renames = renames(steps);
        for column in self.released(steps) {
            let new = column.name();
            let old = renames.iter().find(|(_, to)| *to == new).map_or(new, |(from, _)| *from);
            if self.present.column(old).is_some() {
                self.alter(format!("DROP COLUMN {}", SQL.quote(old)));
            }
        }
    }

    fn compute_again(&mut self, steps: &[Alteration]) {
        for column in self.released(steps) {
            self.add(&column);
            self.note_place(column.name());
        }
    }

    /// By their new names.
    fn released(&self, steps: &[Alteration]) -> Vec<Column> {
        let native = |c: &Column| field::native(&c.field, SQL.id()).map(str::to_owned);
        let mut retyped = Vec::new();
        let mut released: Vec<Column> = Vec::new();
        for step in steps {
            let Alteration::ModifyColumn { from, to, .. } = step else { continue };
            let typed = native(from) != native(to);
            if to.generated.is_some() && (typed || is_recomputed(from, to)) {
                released.push((**to).clone());
            } else if typed {
                retyped.push(to.name());
            }
        }
        let added = |name: &str| {
            steps
                .iter()
                .any(|s| matches!(s, Alteration::AddColumn { column, .. } if column.name() == name))
        };
        for column in &self.after.columns {
            let Some(generated) = &column.generated else { continue };
            let uses = retyped.iter().any(|name| mentions(&generated.expression.sql, name));
            let known = released.iter().any(|c| c.name() == column.name());
            if uses && !known && !added(column.name()) {
                released.push(column.clone());
            }
        }
        released
    }
}

fn is_recomputed(from: &Column, to: &Column) -> bool {
    from.generated.as_ref().map(|g| &g.expression) != to.generated.as_ref().map(|g| &g.expression)
}

/// Whether an expression may speak of a column.
fn mentions(sql: &str, name: &str) -> bool {
    let word = |c: char| c.is_alphanumeric() || c == '_';
    sql.match_indices(name).any(|(at, _)| {
        let before = sql[..at].chars().next_back();
        let behind = sql[at + name.len()..].chars().next();
        !before.is_some_and(word) && !behind.is_some_and(word)
    })
}

/// What a column that takes no NULL and has no default gets in rows that are there, as MySQL gives
/// it; `None` where there is no such value here.
fn implicit(column: &arrow::datatypes::Field) -> Option<String> {
    let native = field::native(column, SQL.id()).unwrap_or_default();
    let of_type = |text: &str| Some(format!("{}::{native}", SQL.string(text)));
    if let Some(members) = field::get(column, field::MEMBERS)
        && field::logical(column) == Some("enum")
    {
        let members: Vec<String> = serde_json::from_str(members).ok()?;
        return Some(SQL.string(members.first()?));
    }
    match (column.data_type(), field::logical(column)) {
        (DataType::Boolean, _) => Some("false".into()),
        (t, _) if t.is_numeric() => Some("0".into()),
        (DataType::Utf8, Some("decimal")) => Some("0".into()),
        (DataType::Utf8, Some("json")) => of_type("null"),
        (DataType::Utf8, Some("bit")) => {
            of_type(&"0".repeat(usize::try_from(field::length(column).unwrap_or(1)).ok()?))
        }
        (DataType::Utf8, None | Some("set" | "enum")) => Some("''".into()),
        (DataType::Binary, None) => of_type(""),
        (DataType::FixedSizeBinary(16), Some("uuid")) => {
            of_type("00000000-0000-0000-0000-000000000000")
        }
        (DataType::Time64(_), _) => of_type("00:00:00"),
        (DataType::Duration(_), _) => of_type("0"),
        _ => None,
    }
}

/// How values of one type are made those of another: nothing to be said, an expression, or (`None`)
/// not at all.
#[allow(clippy::option_option, reason = "three answers, as the words above say")]
fn conversion(
    from: &arrow::datatypes::Field,
    to: &arrow::datatypes::Field,
    name: &str,
) -> Option<Option<String>> {
    let native = field::native(to, SQL.id()).unwrap_or_default();
    let (a, b) = (from.data_type(), to.data_type());
    let (la, lb) = (field::logical(from), field::logical(to));
    let plain_text = |t: &DataType, l: Option<&str>| {
        *t == DataType::Utf8 && matches!(l, None | Some("set" | "enum" | "text-of"))
    };
    let cast = || Some(Some(format!("{name}::{native}")));
    let is_number = |t: &DataType, l: Option<&str>| {
        t.is_numeric() || *t == DataType::Utf8 && l == Some("decimal")
    };
    match (a, b) {
        // Without a word, PostgreSQL refuses what does not fit, instead of cutting it.
        _ if a == b
            && la == lb
            && la != Some("text-of")
            && la != Some("enum")
            && la != Some("json") =>
        {
            Some(None)
        }
        _ if plain_text(a, la) && plain_text(b, lb) && native.starts_with("varchar") => Some(None),
        _ if plain_text(a, la) && native == "text" => Some(None),
        (DataType::Boolean, _) if is_number(b, lb) => Some(Some(format!("{name}::int::{native}"))),
        (_, DataType::Boolean) if is_number(a, la) => Some(Some(format!("{name} <> 0"))),
        _ if a.is_floating() && b.is_integer() => {
            Some(Some(format!("round({name}::numeric)::{native}")))
        }
        _ if is_number(a, la) && is_number(b, lb) => Some(None),
        (DataType::Timestamp(_, None), DataType::Timestamp(_, Some(_)))
        | (DataType::Timestamp(_, Some(_)), DataType::Timestamp(_, None)) => {
            Some(Some(format!("{name} AT TIME ZONE 'UTC'")))
        }
        (DataType::Timestamp(_, Some(_)), DataType::Date32) => {
            Some(Some(format!("({name} AT TIME ZONE 'UTC')::date")))
        }
        (DataType::Date32, DataType::Timestamp(_, Some(_))) => {
            Some(Some(format!("{name}::timestamp AT TIME ZONE 'UTC'")))
        }
        (DataType::Timestamp(..), DataType::Date32)
        | (DataType::Date32, DataType::Timestamp(..)) => cast(),
        (DataType::Utf8, DataType::Binary) if plain_text(a, la) => {
            Some(Some(format!("convert_to({name}, 'UTF8')")))
        }
        (DataType::Binary, DataType::Utf8) if plain_text(b, lb) => {
            Some(Some(format!("convert_from({name}, 'UTF8')")))
        }
        (DataType::Timestamp(_, Some(_)), DataType::Utf8) => None,
        // From its text form, into it, and between types that have the same one.
        (DataType::Utf8, _) | (_, DataType::Utf8) => Some(Some(format!("{name}::text::{native}"))),
        _ => None,
    }
}
