//! What of a table's definition still holds once its columns have been chosen, renamed, given other
//! types or changed on the way: conditions and computed values are words of the source's store, and
//! say the source's names.

use syncline_types::{Column, ForeignKey, Partition, TableSchema, field};

use crate::chain::Chain;
use crate::job::GeneratedColumns;

/// The table as it leaves the chain, with what of the source's definition still holds; and what
/// does not, for people.
///
/// `altered` tells that steps of the chain may have changed values.
pub(crate) fn definition(
    source: &TableSchema,
    chain: &Chain,
    generated: GeneratedColumns,
    altered: bool,
) -> (TableSchema, Vec<String>) {
    let mut table = chain.output.clone();
    let mut notes = Vec::new();
    let lost: Vec<&str> =
        source.columns.iter().map(Column::name).filter(|name| !is_kept(chain, name)).collect();

    for column in &mut table.columns {
        column.generated = None;
        let origin = chain.origin(column.name());
        let Some(computed) = origin.and_then(|o| o.generated.as_ref()) else { continue };
        if generated == GeneratedColumns::Materialise {
            continue;
        }
        let why = if altered {
            "steps may have changed its values".to_owned()
        } else if origin.is_none_or(|o| !same_type(o, column)) {
            "it gets another type".to_owned()
        } else if let Some(name) = named(&lost, &computed.expression.sql) {
            format!("it is computed from {name}")
        } else {
            column.generated = Some(computed.clone());
            continue;
        };
        notes.push(format!("column {} is made a plain one: {why}", column.name()));
    }

    table.checks = source.checks.clone();
    table.partitioning = source.partitioning.clone();
    let indexes = table.indexes.clone();
    notes.extend(leave_out(&mut table, &lost));
    for index in &source.indexes {
        if !indexes.iter().any(|i| i.name == index.name) {
            notes.push(format!("index {} is left out: its columns are not carried", index.name));
        }
    }
    table.foreign_keys = source.foreign_keys.clone();
    table.foreign_keys.retain_mut(|key| match renamed(chain, key) {
        Some(columns) => {
            key.columns = columns;
            true
        }
        None => {
            notes
                .push(format!("foreign key {} is left out: its columns are not carried", key.name));
            false
        }
    });
    let untouched =
        lost.is_empty()
            && table.columns.len() == source.columns.len()
            && table.columns.iter().zip(&source.columns).all(|(a, b)| {
                a.name() == b.name() && a.generated.is_some() == b.generated.is_some()
            });
    table.statements = source.statements.clone();
    if !untouched {
        notes.extend(keep_actions(&mut table, &lost));
    }
    (table, notes)
}

/// Of the statements keeps those of PostgreSQL, each about a part of the table, but for those that
/// name a column which is not there under its name. Other stores' say the whole table again.
pub(crate) fn keep_actions(table: &mut TableSchema, lost: &[&str]) -> Vec<String> {
    let mut notes = Vec::new();
    table.statements.retain(|action| {
        let Some(sql) = action.of("postgres") else { return false };
        let lost = named(lost, sql);
        notes.extend(lost.map(|l| format!("left out: {sql}: it is about {l}")));
        lost.is_none()
    });
    notes
}

/// Makes columns plain ones that are computed from a column that is not there under its name.
pub(crate) fn materialise(table: &mut TableSchema, lost: &[&str]) -> Vec<String> {
    let mut notes = Vec::new();
    for column in &mut table.columns {
        let Some(computed) = &column.generated else { continue };
        if let Some(name) = named(lost, &computed.expression.sql) {
            let column_name = column.name();
            notes.push(format!(
                "column {column_name} is made a plain one: it is computed from {name}"
            ));
            column.generated = None;
        }
    }
    notes
}

/// Leaves out conditions, indexes and partitions whose words name a column that is not there under
/// its name.
pub(crate) fn leave_out(table: &mut TableSchema, lost: &[&str]) -> Vec<String> {
    let mut notes = Vec::new();
    table.checks.retain(|check| {
        let lost = named(lost, &check.condition.sql);
        let name = check.name.as_deref().unwrap_or(&check.condition.sql);
        notes.extend(lost.map(|l| format!("check {name} is left out: it is about {l}")));
        lost.is_none()
    });
    table.indexes.retain(|index| {
        let lost = index.definition.as_ref().and_then(|d| named(lost, &d.sql));
        notes.extend(lost.map(|l| format!("index {} is left out: it is about {l}", index.name)));
        lost.is_none()
    });
    if let Some(partitioning) = &mut table.partitioning {
        let bounds = partitioning.partitions.iter().map(|p| p.bounds.sql.as_str());
        let mut words = std::iter::once(partitioning.by.sql.as_str()).chain(bounds);
        if let Some(l) = words.find_map(|sql| named(lost, sql)) {
            notes.push(format!(
                "partitions are not carried: they go by {l}. The table is made flat"
            ));
            table.partitioning = None;
            return notes;
        }
        for partition in &mut partitioning.partitions {
            for why in keep_whole(partition, &|sql| named(lost, sql)) {
                notes.push(format!("partition {}: {why}", partition.name.name));
            }
        }
    }
    notes
}

/// The first of the columns that the text may name.
fn named<'a>(columns: &[&'a str], sql: &str) -> Option<&'a str> {
    columns.iter().find(|name| names(sql, name)).copied()
}

/// Leaves out what a partition has of its own that is about a column that is lost.
fn keep_whole<'a>(
    partition: &mut Partition,
    lost_in: &impl Fn(&str) -> Option<&'a str>,
) -> Vec<String> {
    let mut notes = Vec::new();
    partition.indexes.retain(|index| {
        let words = index.definition.iter().map(|d| d.sql.as_str());
        let columns = index.parts.iter().map(|part| part.column.as_str());
        let lost = words.chain(columns).find_map(lost_in);
        notes.extend(lost.map(|l| format!("index {} is left out: it is about {l}", index.name)));
        lost.is_none()
    });
    for actions in [&mut partition.actions, &mut partition.late_actions] {
        actions.retain(|action| {
            let lost = lost_in(&action.sql);
            notes.extend(lost.map(|l| format!("{} is left out: it is about {l}", action.sql)));
            lost.is_none()
        });
    }
    notes
}

/// Whether a column of the source leaves the chain under its own name and with its own type.
fn is_kept(chain: &Chain, name: &str) -> bool {
    let (Some(column), Some(origin)) = (chain.output.column(name), chain.origin(name)) else {
        return false;
    };
    origin.name() == name && same_type(origin, column)
}

fn same_type(one: &Column, two: &Column) -> bool {
    one.field.data_type() == two.field.data_type()
        && field::get(&one.field, field::NATIVE) == field::get(&two.field, field::NATIVE)
}

/// The columns of a foreign key as they leave the chain.
fn renamed(chain: &Chain, key: &ForeignKey) -> Option<Vec<String>> {
    key.columns.iter().map(|name| chain.destination(name).map(str::to_owned)).collect()
}

/// Whether the text may name the column. A text that happens to hold its name counts, too: it is
/// left out rather than wrong.
fn names(sql: &str, column: &str) -> bool {
    let (sql, column) = (sql.to_lowercase(), column.to_lowercase());
    let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    let doubled = [column.replace('`', "``"), column.replace('"', "\"\"")];
    let forms = std::iter::once(&column).chain(&doubled);
    let mut places = forms.flat_map(|form| sql.match_indices(form.as_str()));
    places.any(|(at, found)| {
        let before = sql[..at].chars().next_back();
        let after = sql[at + found.len()..].chars().next();
        let whole = !before.is_some_and(is_word) && !after.is_some_and(is_word);
        whole || !found.chars().all(is_word)
    })
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::{DataType, Field};
    use syncline_convert::ValuePolicies;
    use syncline_types::{
        Check, Generated, Index, IndexPart, NativeSql, Partitioning, ReferentialAction, TableName,
    };

    use super::*;
    use crate::job::ColumnMapping;

    fn sql(text: &str) -> NativeSql {
        NativeSql::new("mysql", text)
    }

    fn source() -> TableSchema {
        let fields = ["id", "boss", "pay", "twice"].map(|n| Field::new(n, DataType::Int64, true));
        let mut table = TableSchema::new(TableName::bare("staff"), fields);
        table.primary_key = vec!["id".into()];
        table.columns[3].generated = Some(Generated { expression: sql("`pay` * 2"), stored: true });
        let check = |name: &str, text: &str| Check {
            name: Some(name.into()),
            condition: sql(text),
            enforced: true,
        };
        table.checks = vec![check("a", "`pay` > 0"), check("b", "`payment` > 0 or `id` > 1")];
        let part = IndexPart { column: "pay".into(), prefix: None, descending: false };
        table.indexes = vec![
            Index::new("by_pay", vec![part], false),
            Index {
                definition: Some(sql("KEY `odd` ((`pay` + 1))")),
                ..Index::new("odd", Vec::new(), false)
            },
        ];
        table.foreign_keys = vec![ForeignKey {
            name: "boss".into(),
            columns: vec!["boss".into()],
            references: table.name.clone(),
            referenced: vec!["id".into()],
            on_delete: ReferentialAction::default(),
            on_update: ReferentialAction::default(),
            attributes: None,
        }];
        table.partitioning =
            Some(Partitioning { by: sql("PARTITION BY HASH (`pay`)"), partitions: Vec::new() });
        table.statements = vec![sql("CREATE TABLE staff …")];
        table
    }

    fn carried(
        chosen: Option<&[(&str, &str)]>,
        generated: GeneratedColumns,
    ) -> (TableSchema, Vec<String>) {
        let mapping = |(from, to): &(&str, &str)| ColumnMapping {
            from: (*from).into(),
            to: (*to).into(),
            kind: None,
        };
        let chosen: Option<Vec<ColumnMapping>> =
            chosen.map(|columns| columns.iter().map(mapping).collect());
        let table = source();
        let chain =
            Chain::bind(&table, chosen.as_deref(), &[], &[], &ValuePolicies::default()).unwrap();
        definition(&table, &chain, generated, false)
    }

    #[test]
    fn a_table_that_is_copied_as_it_is_keeps_everything() {
        let (table, notes) = carried(None, GeneratedColumns::Keep);
        assert_eq!((table, notes), (source(), Vec::new()));
        let (table, notes) = carried(None, GeneratedColumns::Materialise);
        assert!(table.columns[3].generated.is_none() && notes.is_empty());
        assert!(table.statements.is_empty(), "they say it is generated");
    }

    #[test]
    fn what_names_a_renamed_column_is_left_out_and_said() {
        let columns = [("id", "id"), ("boss", "chief"), ("pay", "wage"), ("twice", "twice")];
        let (table, notes) = carried(Some(&columns), GeneratedColumns::Keep);
        assert!(table.columns[3].generated.is_none());
        assert_eq!(table.checks.iter().map(|c| c.name.as_deref()).collect::<Vec<_>>(), [Some("b")]);
        assert_eq!(table.indexes.len(), 1, "by_pay is over the column under its new name");
        assert_eq!(table.indexes[0].parts[0].column, "wage");
        assert_eq!(table.foreign_keys[0].columns, ["chief"]);
        assert!(table.partitioning.is_none() && table.statements.is_empty());
        assert_eq!(
            notes,
            [
                "column twice is made a plain one: it is computed from pay",
                "check a is left out: it is about pay",
                "index odd is left out: it is about pay",
                "partitions are not carried: they go by pay. The table is made flat",
            ]
        );
    }

    #[test]
    fn a_generated_column_that_is_chosen_stays_one_while_its_words_hold() {
        let columns = [("id", "id"), ("pay", "pay"), ("twice", "double")];
        let (table, notes) = carried(Some(&columns), GeneratedColumns::Keep);
        assert!(table.columns[2].generated.is_some());
        assert_eq!(notes, ["foreign key boss is left out: its columns are not carried"]);
    }

    #[test]
    fn what_only_a_partition_has_goes_with_the_columns_it_is_about() {
        let name = TableName::bare("p");
        let mut part = Partition::new(name.clone(), name, sql("FOR VALUES IN (1)"));
        let parts = |c: &str| vec![IndexPart { column: c.into(), prefix: None, descending: false }];
        part.indexes =
            vec![Index::new("a", parts("pay"), true), Index::new("b", parts("id"), true)];
        part.actions = vec![sql("ADD CHECK (pay > 0)"), sql("ADD CHECK (id > 0)")];
        let lost = ["pay"];
        let lost_in = |sql: &str| lost.iter().find(|name| names(sql, name)).copied();
        assert_eq!(
            keep_whole(&mut part, &lost_in),
            [
                "index a is left out: it is about pay",
                "ADD CHECK (pay > 0) is left out: it is about pay"
            ]
        );
        assert_eq!(part.own(), ["index b", "ADD CHECK (id > 0)"]);
    }

    #[test]
    fn names_are_found_as_words() {
        assert!(
            names("(`Pay` > 0)", "pay") && names("pay>0", "pay") && names("\"a b\" > 0", "a b")
        );
        assert!(names("`a``b` > 0", "a`b") && !names("`repay` > payment", "pay"));
    }
}
