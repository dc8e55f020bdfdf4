//! `mysqlreader/-writer`, `postgresqlreader/-writer`, `rdbmsreader/-writer`.

use serde_json::Value;
use syncline_connector::Secret;
use syncline_types::Result;

use crate::jdbc::{Address, Kind};
use crate::keys::{Keys, Node};
use crate::{Input, Output};

/// Keys that tune DataX alone.
const TUNING: &[&str] = &[
    "batchByteSize",
    "batchSize",
    "fetchSize",
    "jdbcConfig",
    "mandatoryEncoding",
    "multiStatementCount",
    "splitFactor",
];

/// One thing that is read.
enum Read {
    Table(String),
    Query(String),
}

pub(crate) fn reader(
    node: &Node<'_>,
    kind: Option<Kind>,
    notes: &mut Vec<String>,
) -> Result<Vec<Input>> {
    let keys = node.keys()?;
    let user = keys.text("username")?;
    let password = keys.text("password")?.map(Secret::new);
    let filter = keys.text("where")?;
    let columns = keys.texts("column")?;
    if let Some(key) = keys.text("splitPk")? {
        notes.push(format!(
            "{}.splitPk: tables are cut by their own key anyway, {key} is not needed",
            keys.place
        ));
    }
    keys.harmless(TUNING, notes);
    let session = keys.texts("session")?;
    let mut inputs = Vec::new();
    for connection in keys.need("connection")?.one_or_more()? {
        let inner = connection.keys()?;
        let mut address = addresses(&inner.need("jdbcUrl")?, kind, notes)?;
        address.session(&session, &connection)?;
        let queries = inner.texts("querySql")?;
        let reads: Vec<Read> = if queries.is_empty() {
            tables(&inner.need("table")?)?.into_iter().map(Read::Table).collect()
        } else {
            if !inner.texts("table")?.is_empty() {
                let node = inner.need("table")?;
                return Err(node.wrong("stands beside querySql").hint("give one of the two"));
            }
            for key in ["column", "where"] {
                if keys.get(key).is_some() {
                    notes.push(format!(
                        "{}.{key} has no effect on a querySql, which says itself what is read",
                        keys.place
                    ));
                }
            }
            queries.into_iter().map(Read::Query).collect()
        };
        inner.finish()?;
        let url = address.url(user.as_deref());
        for read in reads {
            let what =
                What { read: &read, columns: &columns, filter: filter.as_deref(), keys: &keys };
            let mut input = what.input(&address, url.clone(), password.clone())?;
            input.zero_dates_are_null = address.kind == Kind::Mysql;
            inputs.push(input);
        }
    }
    keys.finish()?;
    Ok(inputs)
}

struct What<'k> {
    read: &'k Read,
    columns: &'k [String],
    filter: Option<&'k str>,
    keys: &'k Keys<'k>,
}

impl What<'_> {
    fn input(&self, address: &Address, url: String, password: Option<Secret>) -> Result<Input> {
        let table = match self.read {
            Read::Query(sql) => {
                let sql = sql.trim().trim_end_matches(';').to_owned();
                return Ok(Input { url, password, query: Some(sql), ..Input::default() });
            }
            Read::Table(table) => table,
        };
        let name = names(table, address.kind).ok_or_else(|| {
            Node::new(&Value::Null, &self.keys.place).wrong(format!("{table:?} is no table's name"))
        })?;
        let filter = self.filter.map(str::to_owned);
        let base = Input { url, password, ..Input::default() };
        if self.columns.is_empty() {
            return Err(self
                .keys
                .need("column")
                .map(|n| n.wrong("no columns"))
                .unwrap_or_else(|e| e));
        }
        if self.columns == ["*"] {
            return Ok(Input { tables: vec![pattern(&name, address.kind)], filter, ..base });
        }
        if self.columns.iter().any(|column| column.trim() == "*") {
            let hint = "name all columns, or give [\"*\"]";
            return Err(self.keys.need("column")?.wrong("\"*\" stands alone").hint(hint));
        }
        let plain: Option<Vec<String>> =
            self.columns.iter().map(|column| identifier(column, address.kind)).collect();
        match plain {
            Some(columns) => Ok(Input {
                tables: vec![pattern(&name, address.kind)],
                filter,
                columns: Some(columns),
                ..base
            }),
            // Constants and expressions are the server's to compute.
            None => {
                let columns: Vec<String> = self
                    .columns
                    .iter()
                    .enumerate()
                    .map(|(at, column)| match identifier(column, address.kind) {
                        Some(_) => column.clone(),
                        None => format!("{column} AS c{}", at + 1),
                    })
                    .collect();
                let condition = filter.map(|f| format!(" WHERE {f}")).unwrap_or_default();
                let sql = format!("SELECT {} FROM {table}{condition}", columns.join(", "));
                Ok(Input { query: Some(sql), ..base })
            }
        }
    }
}

pub(crate) fn writer(
    node: &Node<'_>,
    kind: Option<Kind>,
    notes: &mut Vec<String>,
) -> Result<Vec<Output>> {
    let keys = node.keys()?;
    let user = keys.text("username")?;
    let password = keys.text("password")?.map(Secret::new);
    let columns = keys.texts("column")?;
    if columns.is_empty() {
        return Err(keys.need("column")?.wrong("no columns"));
    }
    let write = write_mode(&keys, notes)?;
    if let Some(node) = keys.get("emptyAsNull") {
        notes.push(format!(
            "{}: an empty text for a number is a bad row here, and never NULL",
            node.place
        ));
    }
    let (before, after) = (keys.texts("preSql")?, keys.texts("postSql")?);
    keys.harmless(TUNING, notes);
    let session = keys.texts("session")?;
    let mut outputs = Vec::new();
    for connection in keys.need("connection")?.one_or_more()? {
        let inner = connection.keys()?;
        let mut address = addresses(&inner.need("jdbcUrl")?, kind, notes)?;
        address.session(&session, &connection)?;
        let tables = tables(&inner.need("table")?)?;
        inner.finish()?;
        for table in tables {
            let name = names(&table, address.kind)
                .ok_or_else(|| connection.wrong(format!("{table:?} is no table's name")))?;
            let column = |c: &String| match identifier(c, address.kind) {
                Some(name) => Ok(name),
                None if c == "*" => Ok(c.clone()),
                None => Err(keys.need("column")?.wrong(format!("{c:?} is no column's name"))),
            };
            let sql = |statements: &[String]| -> Vec<String> {
                statements.iter().map(|s| s.replace("@table", &table)).collect()
            };
            outputs.push(Output {
                url: address.url(user.as_deref()),
                password: password.clone(),
                table: Some(name.join(".")),
                columns: columns.iter().map(column).collect::<Result<_>>()?,
                write: Some(write),
                before: sql(&before),
                after: sql(&after),
                makes_target: false,
                ..Output::default()
            });
        }
    }
    keys.finish()?;
    Ok(outputs)
}

/// insert, replace or update, as our modes.
fn write_mode(keys: &Keys<'_>, notes: &mut Vec<String>) -> Result<&'static str> {
    let Some(node) = keys.get("writeMode") else { return Ok("append") };
    let mode = node.text()?.trim().to_ascii_lowercase();
    match mode.split(['(', ' ']).next().unwrap_or_default() {
        "insert" if mode == "insert" || mode == "insert into" => Ok("append"),
        "replace" => {
            notes.push(format!(
                "{}: a row that is there is updated, not deleted and inserted; columns that are \
                 not written keep their values",
                node.place
            ));
            Ok("upsert")
        }
        "update" | "on" => Ok("upsert"),
        _ => {
            Err(node.wrong(format!("{mode:?} is not supported")).hint("insert, replace or update"))
        }
    }
}

/// The tables of a list; `a,b` are two, and `t[0-3]` is four, `t[00-15]` sixteen.
fn tables(node: &Node<'_>) -> Result<Vec<String>> {
    let mut all = Vec::new();
    for one in node.one_or_more()? {
        let text = one.text()?;
        // A quoted name may hold anything.
        let names: Vec<&str> =
            if text.contains(['`', '"']) { vec![&text] } else { text.split(',').collect() };
        for name in names.into_iter().map(str::trim).filter(|name| !name.is_empty()) {
            match ranged(name) {
                Some(names) => all.extend(names),
                None => all.push(name.to_owned()),
            }
        }
    }
    if all.is_empty() { Err(node.wrong("no table")) } else { Ok(all) }
}

/// The names that `before[from-to]after` stands for. A number is as wide as the first of them.
fn ranged(name: &str) -> Option<Vec<String>> {
    let (before, rest) = name.split_once('[')?;
    let (range, after) = rest.split_once(']')?;
    let (from, to) = range.split_once('-')?;
    let (first, last) = (from.parse::<u32>().ok()?, to.parse::<u32>().ok()?);
    let width = if from.starts_with('0') { from.len() } else { 0 };
    (first <= last && last - first < 100_000 && !before.is_empty())
        .then(|| (first..=last).map(|n| format!("{before}{n:0width$}{after}")).collect())
}

fn addresses(node: &Node<'_>, kind: Option<Kind>, notes: &mut Vec<String>) -> Result<Address> {
    let mut all = Vec::new();
    for one in node.one_or_more()? {
        let address = Address::parse(&one, notes)?;
        if kind.is_some_and(|kind| kind != address.kind) {
            return Err(one.wrong("the address is of another kind of store than the plug-in"));
        }
        all.push(address);
    }
    let mut all = all.into_iter();
    let first = all.next().ok_or_else(|| node.wrong("no address"))?;
    first.join(all.collect(), node)
}

/// The parts of a table's name, unquoted; `None` when it is none.
fn names(text: &str, kind: Kind) -> Option<Vec<String>> {
    let mut parts = Vec::new();
    let mut rest = text.trim();
    loop {
        let (part, after) = part(rest, kind)?;
        parts.push(part);
        match after.strip_prefix('.') {
            Some(more) => rest = more,
            None if after.is_empty() && parts.len() <= 2 => return Some(parts),
            None => return None,
        }
    }
}

/// The first part of a name, and what follows it.
fn part(text: &str, kind: Kind) -> Option<(String, &str)> {
    let close = match text.chars().next()? {
        '`' if kind != Kind::Postgres => Some('`'),
        '"' => Some('"'),
        '[' if kind == Kind::Sqlite => Some(']'),
        _ => None,
    };
    let Some(close) = close else {
        let word = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
        let end = text.find(|c| !word(c)).unwrap_or(text.len());
        let (name, after) = text.split_at(end);
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        // PostgreSQL takes names without quotes in small letters.
        let name = if kind == Kind::Postgres { name.to_lowercase() } else { name.to_owned() };
        return Some((name, after));
    };
    let mut name = String::new();
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c != close {
            name.push(c);
        } else if chars.peek().is_some_and(|(_, next)| *next == close) {
            chars.next();
            name.push(close);
        } else {
            return (!name.is_empty()).then(|| (name, &text[at + close.len_utf8()..]));
        }
    }
    None
}

/// A column's name, unquoted; `None` for a constant or an expression.
fn identifier(text: &str, kind: Kind) -> Option<String> {
    let text = text.trim();
    let constant = ["null", "true", "false"].iter().any(|word| text.eq_ignore_ascii_case(word));
    let niladic = ["current_date", "current_time", "current_timestamp", "sysdate"];
    if constant || niladic.iter().any(|word| text.eq_ignore_ascii_case(word)) {
        return None;
    }
    match part(text, kind) {
        Some((name, "")) => Some(name),
        _ => None,
    }
}

/// The table alone, as a pattern that nothing else fits.
fn pattern(name: &[String], kind: Kind) -> String {
    let mark = if kind == Kind::Mysql { '`' } else { '"' };
    let quote =
        |part: &String| format!("{mark}{}{mark}", part.replace(mark, &format!("{mark}{mark}")));
    name.iter().map(quote).collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_columns_are_told_from_expressions() {
        let column = |text: &str| identifier(text, Kind::Mysql);
        assert_eq!(column("id"), Some("id".into()));
        assert_eq!(column("`ta``ble`"), Some("ta`ble".into()));
        for text in
            ["1", "'x'", "null", "TRUE", "2.3", "to_char(a + 1)", "a b", "a.b", "now()", "*"]
        {
            assert_eq!(column(text), None, "{text}");
        }
        assert_eq!(identifier("Id", Kind::Postgres), Some("id".into()));
        assert_eq!(identifier("\"Id\"", Kind::Postgres), Some("Id".into()));
        assert_eq!(ranged("t_[8-10]_x").unwrap(), ["t_8_x", "t_9_x", "t_10_x"]);
        assert_eq!(ranged("s.t[00-02]").unwrap(), ["s.t00", "s.t01", "s.t02"]);
        for text in ["t", "[0-3]", "t[3-1]", "t[a-b]", "t[0-3"] {
            assert_eq!(ranged(text), None, "{text}");
        }
        let table = |text: &str| names(text, Kind::Mysql).map(|n| pattern(&n, Kind::Mysql));
        assert_eq!(table("shop.`or.ders`"), Some("`shop`.`or.ders`".into()));
        assert_eq!(table("a b"), None);
        assert_eq!(table("a.b.c"), None);
    }
}
