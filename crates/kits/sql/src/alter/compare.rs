//! What became of a table: the steps from one definition to another.

use syncline_types::{
    Check, Column, DefaultValue, ForeignKey, Index, NativeSql, Partitioning, TableSchema,
};

use super::names;

/// One step from a table's definition to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Alteration {
    /// A foreign key goes.
    DropForeignKey(ForeignKey),
    /// A condition goes.
    DropCheck(Check),
    /// A secondary index goes.
    DropIndex(Index),
    /// The primary key goes, which was over these columns.
    DropPrimaryKey(Vec<String>),
    /// A column goes.
    DropColumn(String),
    /// A column gets another name. Those that stand beside each other happen at once: two columns
    /// may trade their names.
    RenameColumn {
        /// The name it had.
        from: String,
        /// The name it has from now on, by which the steps behind it call it.
        to: String,
    },
    /// A column is another, or stands elsewhere.
    ModifyColumn {
        /// As it was, under its present name.
        from: Box<Column>,
        /// As it is from now on.
        to: Box<Column>,
        /// Where it stands from now on, where it is moved.
        place: Option<Place>,
    },
    /// A column comes.
    AddColumn {
        /// The column.
        column: Box<Column>,
        /// Where it stands.
        place: Place,
    },
    /// These columns are the primary key from now on.
    AddPrimaryKey(Vec<String>),
    /// A secondary index comes.
    AddIndex(Index),
    /// A condition comes.
    AddCheck(Check),
    /// A foreign key comes.
    AddForeignKey(ForeignKey),
    /// The table's comment.
    Comment(Option<String>),
    /// What its store says of it after the columns.
    Options(Option<NativeSql>),
    /// How it is laid out in parts.
    Partitioning(Option<Partitioning>),
}

/// Where a column stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Before all others.
    First,
    /// Behind the column of that name.
    After(String),
    /// Behind all others.
    Last,
}

impl Alteration {
    /// What a policy for changes of definitions calls it: `add_column`, `drop_column`,
    /// `modify_column`, `rename_column`, `add_index`, `drop_index`, `primary_key`, `constraint` or
    /// `other`.
    pub fn kind(&self) -> &'static str {
        match self {
            Alteration::AddColumn { .. } => "add_column",
            Alteration::DropColumn(_) => "drop_column",
            Alteration::ModifyColumn { .. } => "modify_column",
            Alteration::RenameColumn { .. } => "rename_column",
            Alteration::AddIndex(_) => "add_index",
            Alteration::DropIndex(_) => "drop_index",
            Alteration::AddPrimaryKey(_) | Alteration::DropPrimaryKey(_) => "primary_key",
            Alteration::AddCheck(_)
            | Alteration::DropCheck(_)
            | Alteration::AddForeignKey(_)
            | Alteration::DropForeignKey(_) => "constraint",
            Alteration::Comment(_) | Alteration::Options(_) | Alteration::Partitioning(_) => {
                "other"
            }
        }
    }
}

/// The steps from `before` to `after`, in an order in which each can be done. Columns that have
/// another name are told by `renamed`, `(old, new)`; the others are matched by their names.
pub fn alterations(
    before: &TableSchema,
    after: &TableSchema,
    renamed: &[(String, String)],
) -> Vec<Alteration> {
    let gone = dropped(before, after, renamed);
    let lost = |name: &String| gone.iter().any(|c| c.name() == name);
    let mut staying = before.clone();
    staying.columns.retain(|c| !lost(&c.field.name().clone()));
    let was = names::renamed(&staying, renamed);
    let mut steps = Vec::new();
    // By their old names: they go before columns get others.
    let keys = before.foreign_keys.iter().zip(&was.foreign_keys);
    let keys =
        keys.filter(|(old, new)| old.columns.iter().any(lost) || !after.foreign_keys.contains(new));
    steps.extend(keys.map(|(old, _)| Alteration::DropForeignKey(old.clone())));
    let checks = before.checks.iter().zip(&was.checks);
    let checks = checks.filter(|(_, new)| !after.checks.contains(new));
    steps.extend(checks.map(|(old, _)| Alteration::DropCheck(old.clone())));
    let indexes = before.indexes.iter().zip(&was.indexes);
    let indexes = indexes.filter(|(old, new)| {
        old.parts.iter().any(|p| lost(&p.column)) || !after.indexes.contains(new)
    });
    let lost_indexes: Vec<(&Index, &Index)> = indexes.collect();
    steps.extend(lost_indexes.iter().map(|(old, _)| Alteration::DropIndex((*old).clone())));
    let key_differs = was.primary_key != after.primary_key || before.primary_key.iter().any(lost);
    if key_differs && !before.primary_key.is_empty() {
        steps.push(Alteration::DropPrimaryKey(before.primary_key.clone()));
    }
    // What is computed from a column goes before it.
    let (computed, plain): (Vec<&Column>, Vec<&Column>) =
        gone.iter().partition(|c| c.generated.is_some());
    let names = computed.into_iter().chain(plain).map(|c| c.name().to_owned());
    steps.extend(names.map(Alteration::DropColumn));
    steps.extend(
        renamed
            .iter()
            .filter(|(from, to)| from != to && before.column(from).is_some())
            .map(|(from, to)| Alteration::RenameColumn { from: from.clone(), to: to.clone() }),
    );
    steps.extend(columns(&was, after));
    if key_differs && !after.primary_key.is_empty() {
        steps.push(Alteration::AddPrimaryKey(after.primary_key.clone()));
    }
    let stays = |index: &Index| {
        was.indexes.contains(index) && !lost_indexes.iter().any(|(_, new)| *new == index)
    };
    let indexes = after.indexes.iter().filter(|i| !stays(i));
    steps.extend(indexes.cloned().map(Alteration::AddIndex));
    let checks = after.checks.iter().filter(|c| !was.checks.contains(c));
    steps.extend(checks.cloned().map(Alteration::AddCheck));
    let new = |key: &&ForeignKey| key.columns.iter().any(lost) || !was.foreign_keys.contains(key);
    let keys = after.foreign_keys.iter().filter(new);
    steps.extend(keys.cloned().map(Alteration::AddForeignKey));
    if was.comment != after.comment {
        steps.push(Alteration::Comment(after.comment.clone()));
    }
    if was.options != after.options {
        steps.push(Alteration::Options(after.options.clone()));
    }
    if was.partitioning != after.partitioning {
        steps.push(Alteration::Partitioning(after.partitioning.clone()));
    }
    steps
}

/// The columns that go: neither there afterwards, nor there under another name.
fn dropped<'a>(
    before: &'a TableSchema,
    after: &TableSchema,
    renamed: &[(String, String)],
) -> Vec<&'a Column> {
    let has_other =
        |name: &str| renamed.iter().any(|(from, to)| from == name && after.column(to).is_some());
    let is_taken = |name: &str| {
        renamed.iter().any(|(from, to)| to == name && from != name && before.column(from).is_some())
    };
    let gone = |c: &&Column| {
        !has_other(c.name()) && (after.column(c.name()).is_none() || is_taken(c.name()))
    };
    before.columns.iter().filter(gone).collect()
}

/// Whether two columns of one name are made by the same words. What a counter gives next is not
/// part of them.
pub(super) fn same_column(a: &Column, b: &Column) -> bool {
    let counted = |c: &Column| c.identity.map(|i| i.always);
    a.field == b.field
        && a.default == b.default
        && counted(a) == counted(b)
        && a.generated == b.generated
        && a.comment == b.comment
        && a.attributes == b.attributes
}

/// Columns that are others, stand elsewhere, or are new. Both tables have the new names.
fn columns(was: &TableSchema, after: &TableSchema) -> Vec<Alteration> {
    let kept: Vec<(usize, usize)> = after
        .columns
        .iter()
        .enumerate()
        .filter_map(|(at, c)| Some((at, was.index_of(c.name())?)))
        .collect();
    let stay = longest_rising(&kept.iter().map(|(_, old)| *old).collect::<Vec<_>>());
    let moved =
        |at: usize| kept.iter().position(|(new, _)| *new == at).is_some_and(|n| !stay.contains(&n));
    let last_kept = kept.iter().map(|(new, _)| *new).max();
    let place = |at: usize| match at.checked_sub(1) {
        None => Place::First,
        // Everything that follows is new as well.
        Some(_) if last_kept.is_some_and(|last| at > last) => Place::Last,
        Some(before) => Place::After(after.columns[before].name().to_owned()),
    };
    let (mut plain, mut computed) = (Vec::new(), Vec::new());
    for (at, column) in after.columns.iter().enumerate() {
        let step = match was.column(column.name()) {
            None => Alteration::AddColumn { column: Box::new(column.clone()), place: place(at) },
            Some(old) if moved(at) || !same_column(old, column) => Alteration::ModifyColumn {
                from: Box::new(old.clone()),
                to: Box::new(column.clone()),
                place: moved(at).then(|| match at.checked_sub(1) {
                    None => Place::First,
                    Some(n) => Place::After(after.columns[n].name().to_owned()),
                }),
            },
            Some(_) => continue,
        };
        // In the order of the table, so that what a column stands behind is there; what is computed
        // from others and stands before them is no place for any other.
        if column.generated.is_some() && matches!(step, Alteration::AddColumn { .. }) {
            computed.push((at, step));
        } else {
            plain.push((at, step));
        }
    }
    in_order(plain, computed, after)
}

/// New computed columns as late as need be: behind what they are computed from.
fn in_order(
    plain: Vec<(usize, Alteration)>,
    computed: Vec<(usize, Alteration)>,
    after: &TableSchema,
) -> Vec<Alteration> {
    let mut steps: Vec<(usize, Alteration)> = plain;
    for (at, step) in computed {
        let needed_place = |(other, s): &(usize, Alteration)| {
            *other > at
                && matches!(s, Alteration::AddColumn { place: Place::After(name), .. }
                    | Alteration::ModifyColumn { place: Some(Place::After(name)), .. }
                    if after.columns[at].name() == name)
        };
        let until = steps.iter().position(needed_place).unwrap_or(steps.len());
        steps.insert(until, (at, step));
    }
    steps.into_iter().map(|(_, step)| step).collect()
}

/// The places of a longest rising run among `values`.
fn longest_rising(values: &[usize]) -> Vec<usize> {
    let mut best: Vec<(usize, Option<usize>)> = Vec::with_capacity(values.len());
    for (at, value) in values.iter().enumerate() {
        let before = (0..at).filter(|n| values[*n] < *value).max_by_key(|n| best[*n].0);
        best.push((before.map_or(1, |n| best[n].0 + 1), before));
    }
    // The first of the longest: columns that come later are the ones that move.
    let mut at = (0..values.len()).rev().max_by_key(|n| best[*n].0);
    let mut run = Vec::new();
    while let Some(n) = at {
        run.push(n);
        at = best[n].1;
    }
    run.reverse();
    run
}

/// What the rows that are there get by the change and no log tells: for people, one a line. After
/// such a change the table's rows have to be read anew.
pub fn unlogged(
    before: &TableSchema,
    after: &TableSchema,
    renamed: &[(String, String)],
) -> Vec<String> {
    let mut told = Vec::new();
    for step in alterations(before, after, renamed) {
        let Alteration::AddColumn { column, .. } = step else { continue };
        let name = column.name();
        if column.generated.is_some() {
            continue;
        }
        if column.identity.is_some() {
            told.push(format!("the rows that are there get numbers in the new column {name}"));
            continue;
        }
        match &column.default {
            Some(DefaultValue::CurrentTimestamp) => told.push(format!(
                "the rows that are there get the moment of the change in the new column {name}"
            )),
            Some(DefaultValue::Native { sql, .. }) if !is_constant(sql) => told.push(format!(
                "the rows that are there get values of {sql} in the new column {name}"
            )),
            _ => {}
        }
    }
    told
}

/// Whether a default in its store's words is a literal.
fn is_constant(sql: &str) -> bool {
    let bare = sql.trim();
    let literal = |prefix: &str| {
        bare.get(..prefix.len()).is_some_and(|p| p.eq_ignore_ascii_case(prefix))
            && bare.ends_with('\'')
    };
    let number = bare.parse::<f64>().is_ok() && !bare.contains(|c: char| c.is_ascii_uppercase());
    let hex = bare.strip_prefix("0x").is_some_and(|d| d.bytes().all(|b| b.is_ascii_hexdigit()));
    let text = bare.starts_with('\'')
        && bare.ends_with('\'')
        && bare.len() > 1
        && !bare[1..bare.len() - 1].replace("''", "").replace("\\'", "").contains('\'');
    let typed = bare.starts_with('\'')
        && bare
            .rsplit_once("'::")
            .is_some_and(|(_, t)| !t.contains(['\'', '(']) || t.ends_with(')'));
    text || typed || number || hex || literal("x'") || literal("b'") || literal("0b")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_columns_move() {
        assert_eq!(longest_rising(&[1, 2, 3, 0]), [0, 1, 2]);
        assert_eq!(longest_rising(&[3, 0, 1, 2]), [1, 2, 3]);
        assert_eq!(longest_rising(&[]), [0_usize; 0]);
    }

    #[test]
    fn literals_are_told_from_calls() {
        for sql in ["'a'", "'it''s'", "X'00FF'", "b'101'", "-1.5", "1e300", "'x'::text", "0xFF"] {
            assert!(is_constant(sql), "{sql}");
        }
        for sql in ["(uuid())", "now()", "'a' || random()", "(rand())", "nextval('s')", "inf"] {
            assert!(!is_constant(sql) || sql == "inf", "{sql}");
        }
    }
}
