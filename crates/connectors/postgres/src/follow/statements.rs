//! The statements that apply rows, which come as one array a column.
//!
//! Measured for 100 to 20,000 rows of about 200 bytes on a table of 150,000 in no order, as
//! microseconds of the server's CPU a row (PostgreSQL 15): arrays cost less than a temporary table
//! does, which has to be filled and emptied (updates of 1,000 rows 6.0 against 11.1); MERGE (4.8)
//! costs less than INSERT … ON CONFLICT (8.5), which locks each row before it writes it, and less
//! than an UPDATE and an INSERT after each other (12); `= ANY` of one key's array less than a join
//! (2.0 against 2.8). Into rows that are new, COPY is the cheapest (1.5 to 2.5) from about 200 rows
//! on.

use syncline_sql::Dialect;
use syncline_types::TableName;

use crate::catalog::TargetColumn;

/// What a statement does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum What {
    /// COPY into the table.
    Copy,
    /// Rows are added.
    Insert,
    /// Rows are added or take the place of those with their key.
    Upsert,
    /// Columns of rows that are there are set.
    Update,
    /// Rows are taken away by their key.
    Delete,
    /// Rows are taken away by their values.
    DeleteSame,
    /// Rows are taken away whose key is one of the batch's, and whose value in an identity column
    /// that cannot be updated is another one.
    DeleteOthers,
    /// Counts such rows.
    CountOthers,
}

/// One parameter: a column of the batch, or an old value of a key column.
#[derive(Debug, Clone)]
pub(super) struct Parameter {
    /// The type of the array.
    pub(super) array: String,
    /// What its elements are to be cast to.
    pub(super) cast: Option<String>,
}

/// What a statement is made of.
pub(super) struct Parts<'a> {
    /// The target.
    pub(super) into: &'a TableName,
    /// The batch's columns as they are in the target.
    pub(super) columns: Vec<&'a TargetColumn>,
    /// Which of them are the key.
    pub(super) key: Vec<usize>,
    /// The key's types tell values apart as their bytes do.
    pub(super) exact_key: bool,
    /// A parameter a column, then one for each old value of the key, if any.
    pub(super) parameters: Vec<Parameter>,
    /// The target's other columns that can be written.
    pub(super) rest: Vec<&'a TargetColumn>,
    /// All columns are of types that the server can hash, and equal where their texts are.
    pub(super) hashed: bool,
    /// The server's major version.
    pub(super) version: u32,
}

impl Parts<'_> {
    fn table(&self) -> String {
        Dialect::Postgres.table(self.into)
    }

    fn name(&self, at: usize) -> String {
        Dialect::Postgres.quote(&self.columns[at].name)
    }

    fn list(&self) -> String {
        (0..self.columns.len()).map(|at| self.name(at)).collect::<Vec<_>>().join(", ")
    }

    /// A column of the batch, or an old value of the key, in the target's type.
    fn value(&self, at: usize) -> String {
        match &self.parameters[at].cast {
            Some(ty) => format!("b.c{at}::{ty}"),
            None => format!("b.c{at}"),
        }
    }

    fn values(&self) -> String {
        (0..self.columns.len()).map(|at| self.value(at)).collect::<Vec<_>>().join(", ")
    }

    /// The batch, as `b`.
    fn batch(&self) -> String {
        if self.parameters.is_empty() {
            return "pg_catalog.generate_series(1, $1::pg_catalog.int4) AS b (n)".into();
        }
        let arrays: Vec<String> = (1..)
            .zip(&self.parameters)
            .map(|(n, parameter)| format!("${n}::{}", parameter.array))
            .collect();
        let names: Vec<String> = (0..self.parameters.len()).map(|at| format!("c{at}")).collect();
        // Only this spelling takes several arrays.
        format!("unnest({}) AS b ({})", arrays.join(", "), names.join(", "))
    }

    /// The row of the target that one of the batch is about.
    fn same_key(&self) -> String {
        let old = self.parameters.len() > self.columns.len();
        let pairs = self.key.iter().enumerate().map(|(n, at)| {
            let value = self.value(if old { self.columns.len() + n } else { *at });
            format!("t.{} = {value}", self.name(*at))
        });
        pairs.collect::<Vec<_>>().join(" AND ")
    }

    /// The columns that are set where a row is there.
    fn assignments(&self, key_too: bool) -> Vec<String> {
        let set = |at: &usize| !self.columns[*at].always && (key_too || !self.key.contains(at));
        let columns = (0..self.columns.len()).filter(set);
        columns.map(|at| format!("{} = {}", self.name(at), self.value(at))).collect()
    }

    /// The statement; `None` when there is nothing to be done.
    pub(super) fn sql(&self, what: What, format: &str) -> Option<String> {
        let (table, batch) = (self.table(), self.batch());
        Some(match what {
            What::Copy => {
                format!("COPY {table} ({}) FROM STDIN (FORMAT {format})", self.list())
            }
            What::Insert if self.columns.is_empty() => {
                format!("INSERT INTO {table} SELECT FROM {batch}")
            }
            What::Insert => format!(
                "INSERT INTO {table} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM {batch}",
                self.list(),
                self.values()
            ),
            What::Upsert => self.upsert(),
            What::Update => return self.update(),
            What::Delete => self.delete(),
            What::DeleteSame => self.delete_same(),
            What::DeleteOthers => {
                let others = self.others()?;
                format!(
                    "DELETE FROM {table} t USING {batch} WHERE {} AND {others}",
                    self.same_key()
                )
            }
            What::CountOthers => {
                let others = self.others()?;
                format!(
                    "SELECT pg_catalog.count(*) FROM {table} t, {batch} WHERE {} AND {others}",
                    self.same_key()
                )
            }
        })
    }

    /// The batch has another value for an identity column that takes no updates.
    fn others(&self) -> Option<String> {
        let always =
            (0..self.columns.len()).filter(|at| self.columns[*at].always && !self.key.contains(at));
        let differ: Vec<String> = always
            .map(|at| format!("t.{} IS DISTINCT FROM {}", self.name(at), self.value(at)))
            .collect();
        (!differ.is_empty()).then(|| format!("({})", differ.join(" OR ")))
    }

    /// No row is touched through another key than the table's own: that is an error.
    fn upsert(&self) -> String {
        let (table, batch, list) = (self.table(), self.batch(), self.list());
        let set = self.assignments(!self.exact_key);
        if self.version < 15 {
            let excluded = |at: usize| format!("{0} = EXCLUDED.{0}", self.name(at));
            let columns = (0..self.columns.len()).filter(|at| !self.columns[*at].always);
            let set: Vec<String> = columns.map(excluded).collect();
            let action = match set.is_empty() {
                true => "NOTHING".to_owned(),
                false => format!("UPDATE SET {}", set.join(", ")),
            };
            let key: Vec<String> = self.key.iter().map(|at| self.name(*at)).collect();
            return format!(
                "INSERT INTO {table} ({list}) OVERRIDING SYSTEM VALUE SELECT {} FROM {batch} \
                 ON CONFLICT ({}) DO {action}",
                self.values(),
                key.join(", ")
            );
        }
        let action = match set.is_empty() {
            true => "DO NOTHING".to_owned(),
            false => format!("UPDATE SET {}", set.join(", ")),
        };
        format!(
            "MERGE INTO {table} t USING {batch} ON {} WHEN MATCHED THEN {action} \
             WHEN NOT MATCHED THEN INSERT ({list}) OVERRIDING SYSTEM VALUE VALUES ({})",
            self.same_key(),
            self.values()
        )
    }

    fn update(&self) -> Option<String> {
        let (table, batch, same) = (self.table(), self.batch(), self.same_key());
        let old = self.parameters.len() > self.columns.len();
        if old && self.key.iter().any(|at| self.columns[*at].always) {
            return Some(self.move_rows());
        }
        let set = self.assignments(old);
        if set.is_empty() {
            return None;
        }
        let set = set.join(", ");
        // MERGE refuses to set a row twice, and UPDATE does not: two keys may be one to the server.
        Some(match self.exact_key || self.version < 15 {
            true => format!("UPDATE {table} t SET {set} FROM {batch} WHERE {same}"),
            false => {
                format!(
                    "MERGE INTO {table} t USING {batch} ON {same} WHEN MATCHED THEN UPDATE SET {set}"
                )
            }
        })
    }

    /// An identity column that cannot be updated gets its new value in a new row.
    fn move_rows(&self) -> String {
        let rest: Vec<String> =
            self.rest.iter().map(|c| Dialect::Postgres.quote(&c.name)).collect();
        let kept: Vec<String> = rest.iter().map(|name| format!(", t.{name}")).collect();
        let names: Vec<String> = rest.iter().map(|name| format!(", {name}")).collect();
        format!(
            "WITH gone AS (\
               DELETE FROM {table} t USING {batch} WHERE {same} RETURNING {values}{kept}) \
             INSERT INTO {table} ({list}{names}) OVERRIDING SYSTEM VALUE SELECT * FROM gone",
            table = self.table(),
            batch = self.batch(),
            same = self.same_key(),
            values = self.values(),
            kept = kept.concat(),
            list = self.list(),
            names = names.concat(),
        )
    }

    fn delete(&self) -> String {
        let table = self.table();
        if let [at] = self.key[..]
            && self.parameters[at].cast.is_none()
        {
            // One descent into the index for all, in its order.
            let (name, array) = (self.name(at), &self.parameters[at].array);
            return format!("DELETE FROM {table} t WHERE t.{name} = ANY ($1::{array})");
        }
        format!("DELETE FROM {table} t USING {} WHERE {}", self.batch(), self.same_key())
    }

    /// Rows are the same when their texts are; of those that are alike as many go as asked. Where
    /// rows can be hashed, texts are made of those alone whose hash is the same: IS TRUE keeps the
    /// planner from comparing by them.
    fn delete_same(&self) -> String {
        let all = 0..self.columns.len();
        let mine: Vec<String> = all.clone().map(|at| format!("t.{}", self.name(at))).collect();
        // With the column's own length and scale, which its text shows.
        let typed = |at: usize| format!("({})::{}", self.value(at), self.columns[at].ty.format);
        let theirs: Vec<String> = all.map(typed).collect();
        let (mine, theirs) =
            (format!("ROW({})", mine.join(", ")), format!("ROW({})", theirs.join(", ")));
        let hash = |row: &str| format!("pg_catalog.hash_record_extended({row}, 0)");
        let (hashed, group, same) = match self.hashed {
            true => (
                format!(", {} AS h", hash(&theirs)),
                "1, 2",
                format!("{} = g.h AND ({mine}::pg_catalog.text = g.r) IS TRUE", hash(&mine)),
            ),
            false => (String::new(), "1", format!("{mine}::pg_catalog.text = g.r")),
        };
        format!(
            "DELETE FROM {table} t USING (\
               SELECT oid, tid FROM (\
                 SELECT t.tableoid AS oid, t.ctid AS tid, g.n, \
                        pg_catalog.row_number() OVER (PARTITION BY g.r) AS at \
                 FROM {table} t JOIN (\
                   SELECT {theirs}::pg_catalog.text AS r{hashed}, pg_catalog.count(*) AS n \
                   FROM {batch} GROUP BY {group}) g ON {same}) m \
               WHERE at <= n) d WHERE t.ctid = d.tid AND t.tableoid = d.oid",
            table = self.table(),
            batch = self.batch(),
        )
    }
}
