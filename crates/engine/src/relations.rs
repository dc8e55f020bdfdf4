//! Foreign keys between the tables of a run: under which names those of new tables refer to others,
//! and in which order existing tables are loaded so that theirs hold at every moment.

use std::collections::HashMap;

use syncline_connector::WriteMode;
use syncline_types::{ForeignKey, Result, TableName, TableSchema, field};

use crate::job::Job;
use crate::matching::find_column;
use crate::plan::{BoundTable, Destination, target_name};

/// Brings the foreign keys of all tables into the target's names, and the tables into an order.
pub(crate) async fn settle(
    job: &Job,
    to: &Destination<'_>,
    tables: &mut [BoundTable],
) -> Result<()> {
    let mut others = Others { job, to, found: HashMap::new() };
    for index in 0..tables.len() {
        if tables[index].plan.exists || tables[index].plan.definition.foreign_keys.is_empty() {
            continue;
        }
        let mut keys = Vec::new();
        let mut notes = Vec::new();
        for key in tables[index].plan.definition.foreign_keys.clone() {
            let name = match key.name.is_empty() {
                true => format!("over {}", key.columns.join(", ")),
                false => key.name.clone(),
            };
            match others.renamed(tables, index, key).await? {
                Ok(key) => keys.push(key),
                Err(why) => notes.push(format!("foreign key {name} is left out: {why}")),
            }
        }
        let plan = &mut tables[index].plan;
        plan.target.foreign_keys.clone_from(&keys);
        plan.definition.foreign_keys = keys;
        plan.notes.extend(notes);
    }
    order(tables);
    Ok(())
}

/// Tables that are not copied, and may be at the target.
struct Others<'a> {
    job: &'a Job,
    to: &'a Destination<'a>,
    found: HashMap<TableName, Option<TableSchema>>,
}

impl Others<'_> {
    /// The foreign key of `tables[index]` in the target's names, or why it has to be left out.
    async fn renamed(
        &mut self,
        tables: &[BoundTable],
        index: usize,
        mut key: ForeignKey,
    ) -> Result<std::result::Result<ForeignKey, String>> {
        let owner = &tables[index].plan;
        let mut references = key.references.clone();
        if references.schema.is_none() {
            references.schema.clone_from(&owner.source.name.schema);
        }
        let copied = tables.iter().find(|t| t.plan.source.name == references);
        let (there, columns) = match copied {
            Some(copied) => {
                let named = match key.referenced.is_empty() {
                    true => &copied.plan.source.primary_key,
                    false => &key.referenced,
                };
                let carried = |name: &String| copied.destination(name).map(str::to_owned);
                let Some(columns) = named.iter().map(carried).collect::<Option<Vec<_>>>() else {
                    return Ok(Err(format!(
                        "columns it refers to are not carried of {references}"
                    )));
                };
                (copied.plan.definition.clone(), columns)
            }
            None => match self.at_target(&references).await? {
                Some(there) => {
                    let columns = match key.referenced.is_empty() {
                        true => there.primary_key.clone(),
                        false => key.referenced.clone(),
                    };
                    (there, columns)
                }
                None => {
                    return Ok(Err(format!("{references} is neither copied nor at the target")));
                }
            },
        };
        let spelled =
            |name: &String| find_column(&there, name).map(|at| there.columns[at].name().to_owned());
        let Some(columns) = columns.iter().map(spelled).collect::<Option<Vec<_>>>() else {
            return Ok(Err(format!("{} has no such columns at the target", there.name)));
        };
        if columns.len() != key.columns.len() {
            return Ok(Err(format!("{} has another key at the target", there.name)));
        }
        // MySQL alone lets a foreign key refer to what is not unique.
        if !is_key(&there, &columns) && store(&owner.source) != store(&owner.definition) {
            return Ok(Err(format!("{} are no key of {}", columns.join(", "), there.name)));
        }
        key.references = there.name;
        key.referenced = columns;
        Ok(Ok(key))
    }

    async fn at_target(&mut self, source: &TableName) -> Result<Option<TableSchema>> {
        let Ok(name) = target_name(self.job, source) else { return Ok(None) };
        if let Some(found) = self.found.get(&name) {
            return Ok(found.clone());
        }
        let found = self.to.describe(&name).await?.map(|t| t.schema);
        self.found.insert(name, found.clone());
        Ok(found)
    }
}

fn store(table: &TableSchema) -> Option<&str> {
    table.columns.iter().find_map(|c| field::get(&c.field, field::STORE))
}

fn is_key(table: &TableSchema, columns: &[String]) -> bool {
    let same = |key: &[&str]| {
        key.len() == columns.len() && columns.iter().all(|c| key.contains(&c.as_str()))
    };
    let primary: Vec<&str> = table.primary_key.iter().map(String::as_str).collect();
    let unique = table.indexes.iter().filter(|i| i.unique && i.definition.is_none());
    same(&primary)
        || unique.into_iter().any(|index| {
            let parts: Vec<&str> = index.parts.iter().map(|p| p.column.as_str()).collect();
            index.parts.iter().all(|p| p.prefix.is_none()) && same(&parts)
        })
}

/// Sets which tables each waits for, and the foreign keys that no order fulfils.
fn order(tables: &mut [BoundTable]) {
    let refers: Vec<Vec<(usize, usize)>> = (0..tables.len())
        .map(|index| {
            let plan = &tables[index].plan;
            // A table that is replaced is loaded beside, where nothing refers to anything.
            if !plan.exists || plan.write == WriteMode::Replace {
                return Vec::new();
            }
            let keys = plan.definition.foreign_keys.iter().enumerate();
            keys.filter_map(|(at, key)| {
                let same = |t: &BoundTable| same_table(&t.plan.target.name, &key.references);
                Some((at, tables.iter().position(same)?))
            })
            .collect()
        })
        .collect();
    let edges: Vec<Vec<usize>> =
        refers.iter().map(|keys| keys.iter().map(|(_, to)| *to).collect()).collect();
    let circle = circles(&edges);
    for (index, keys) in refers.into_iter().enumerate() {
        let mut after: Vec<u32> = Vec::new();
        let mut circular = Vec::new();
        for (at, to) in keys {
            let key = &tables[index].plan.definition.foreign_keys[at];
            if circle[index] == circle[to] {
                circular.push(key.clone());
            } else if let Ok(to) = u32::try_from(to)
                && !after.contains(&to)
            {
                after.push(to);
            }
        }
        let plan = &mut tables[index].plan;
        for key in &circular {
            let name = if key.name.is_empty() { key.columns.join(", ") } else { key.name.clone() };
            plan.notes.push(format!(
                "foreign key {name} closes a circle: it is checked once all rows are there"
            ));
        }
        plan.after = after;
        plan.circular = circular;
    }
}

/// One of them may leave out the schema: the target's default.
pub(crate) fn same_table(one: &TableName, two: &TableName) -> bool {
    one.name == two.name
        && (one.schema == two.schema || one.schema.is_none() || two.schema.is_none())
}

/// A number for each table, the same for those that refer to each other in a circle (Tarjan's
/// strongly connected components). A table that refers to itself alone has a number of its own.
fn circles(edges: &[Vec<usize>]) -> Vec<usize> {
    /// What is known of a table: when it was seen, and the earliest it leads back to.
    struct Search<'a> {
        edges: &'a [Vec<usize>],
        seen: Vec<Option<usize>>,
        low: Vec<usize>,
        open: Vec<usize>,
        circle: Vec<Option<usize>>,
        next: usize,
    }
    impl Search<'_> {
        fn visit(&mut self, at: usize) {
            self.seen[at] = Some(self.next);
            self.low[at] = self.next;
            self.next += 1;
            self.open.push(at);
            for &to in &self.edges[at] {
                match self.seen[to] {
                    None => {
                        self.visit(to);
                        self.low[at] = self.low[at].min(self.low[to]);
                    }
                    Some(seen) if self.circle[to].is_none() => {
                        self.low[at] = self.low[at].min(seen);
                    }
                    Some(_) => {}
                }
            }
            if Some(self.low[at]) == self.seen[at] {
                while let Some(member) = self.open.pop() {
                    self.circle[member] = Some(at);
                    if member == at {
                        break;
                    }
                }
            }
        }
    }
    let n = edges.len();
    let mut search = Search {
        edges,
        seen: vec![None; n],
        low: vec![0; n],
        open: Vec::new(),
        circle: vec![None; n],
        next: 0,
    };
    for at in 0..n {
        if search.seen[at].is_none() {
            search.visit(at);
        }
    }
    search.circle.into_iter().map(Option::unwrap_or_default).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_in_a_circle_share_a_number() {
        // 0 → 1 → 2 → 0, 3 → 0, 4 → 4, 5 alone.
        let circle = circles(&[vec![1], vec![2], vec![0], vec![0], vec![4], vec![]]);
        assert!(circle[0] == circle[1] && circle[1] == circle[2]);
        let mut apart = vec![circle[0], circle[3], circle[4], circle[5]];
        apart.sort_unstable();
        apart.dedup();
        assert_eq!(apart.len(), 4);
    }

    #[test]
    fn a_default_schema_goes_without_saying() {
        let full = TableName::new("shop", "orders");
        assert!(same_table(&full, &TableName::bare("orders")));
        assert!(!same_table(&full, &TableName::new("other", "orders")));
        assert!(!same_table(&full, &TableName::bare("order")));
    }
}
