//! What one of the two servers says and the other does not know: types, collations, engines,
//! options. Each becomes the nearest that holds the same values, and is named.

use std::collections::HashSet;

use syncline_sql::Dialect;
use syncline_types::{Column, DefaultValue, Index, NativeSql, Result, TableSchema, field};

use crate::native::{Native, STORE, of_flavor};
use crate::wire::{Conn, Flavor};
use crate::words::{Kind, items, words};

/// What the server at hand has.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) flavor: Flavor,
    version: (u32, u32, u32),
    collations: HashSet<String>,
    /// What a column gets in a table made with DEFAULT CHARSET=utf8mb4.
    default: Option<String>,
    engines: HashSet<String>,
}

impl Server {
    pub(crate) async fn of(conn: &mut Conn) -> Result<Self> {
        let rows = conn.query("SHOW COLLATION").await?;
        let names = rows.rows.iter().filter_map(|row| rows.get(row, "Collation"));
        let collations = names.map(str::to_owned).collect();
        let default = rows
            .rows
            .iter()
            .filter(|row| rows.get(row, "Charset") == Some("utf8mb4"))
            .find(|row| rows.get(row, "Default") == Some("Yes"))
            .and_then(|row| rows.get(row, "Collation").map(str::to_owned));
        let rows = conn.query("SHOW ENGINES").await?;
        let there = |row: &&Vec<Option<String>>| {
            matches!(rows.get(row, "Support"), Some("YES" | "DEFAULT"))
        };
        let engines = rows.rows.iter().filter(there);
        let engines = engines.filter_map(|row| Some(rows.get(row, "Engine")?.to_lowercase()));
        let (flavor, version) = (conn.flavor, conn.version);
        Ok(Self { flavor, version, collations, default, engines: engines.collect() })
    }

    /// The table in words of this server, and what had to be said otherwise.
    pub(crate) fn fit(&self, table: &mut TableSchema) -> Vec<String> {
        let mut notes = Vec::new();
        let from = maker(table);
        let other = from.is_some_and(|flavor| flavor != self.flavor);
        let mut collations = Collations::new();
        for column in &mut table.columns {
            self.fit_type(column, &mut notes, &mut collations);
            if other {
                self.fit_column(column, &mut notes);
            }
        }
        self.fit_options(table, other, &mut notes, &mut collations);
        notes.extend(said_once(&collations));
        if other {
            if self.flavor == Flavor::MariaDb {
                plain_texts(table);
            }
            self.fit_checks(table, &mut notes);
            self.fit_indexes(table, &mut notes);
            self.fit_partitions(table, &mut notes);
        }
        if other {
            // Only the other server has them.
            table.requires.clear();
        }
        if other || !notes.is_empty() {
            table.statements.clear();
        }
        if table.options.is_none() {
            self.leave_unsaid(table);
        }
        notes
    }

    fn fit_type(&self, column: &mut Column, notes: &mut Vec<String>, collations: &mut Collations) {
        column.field = of_flavor(column.field.clone(), self.flavor);
        if field::get(&column.field, field::STORE) != Some(STORE) {
            return;
        }
        let mut metadata = column.field.metadata().clone();
        let native = field::get(&column.field, field::NATIVE).unwrap_or_default();
        if let Some(other) = other_type(self.flavor, native) {
            notes.push(format!("column {}: {native} is made {other}", column.name()));
            if let Some(length) = Native::parse(&other).number(0)
                && metadata.get(field::LOGICAL).is_some_and(|logical| logical == "text-of")
            {
                // A plain text there, which has room for every address.
                metadata.remove(field::LOGICAL);
                metadata.insert(field::LENGTH.into(), length.to_string());
            }
            metadata.insert(field::NATIVE.into(), other);
        }
        if let Some(wanted) = field::get(&column.field, field::COLLATION)
            && let Some(near) = self.near(wanted)
        {
            let made = format!("collation {wanted} is made {near}");
            collations.push((made, format!("column {}", column.name())));
            if let Some((charset, _)) = near.split_once('_') {
                metadata.insert(field::CHARSET.into(), charset.into());
            }
            metadata.insert(field::COLLATION.into(), near);
        }
        column.field = column.field.clone().with_metadata(metadata);
    }

    /// What the other server says of a column.
    fn fit_column(&self, column: &mut Column, notes: &mut Vec<String>) {
        let name = column.name().to_owned();
        if let Some(attributes) = column.attributes.take() {
            let mut kept = Vec::new();
            for attribute in attributes_of(&attributes.sql) {
                let known = attribute.eq_ignore_ascii_case("INVISIBLE")
                    || attribute.to_ascii_uppercase().starts_with("ON UPDATE");
                match known {
                    true => kept.push(attribute),
                    false => notes.push(format!("column {name}: {attribute} is left out")),
                }
            }
            column.attributes = (!kept.is_empty()).then(|| NativeSql::new(STORE, kept.join(" ")));
        }
        if column.generated.as_ref().is_some_and(|g| g.expression.sql.starts_with("ROW ")) {
            notes.push(format!("column {name} becomes a plain one: the table keeps no history"));
            column.generated = None;
        } else if column.generated.is_some()
            && self.flavor == Flavor::MariaDb
            && !column.field.is_nullable()
        {
            notes.push(format!("column {name}: a generated column takes no NOT NULL"));
            column.field = column.field.clone().with_nullable(true);
        }
        let native = Native::parse(field::native(&column.field, STORE).unwrap_or_default());
        match column.default.take() {
            Some(DefaultValue::Native { sql, .. }) if sql.contains("nextval(") => {
                notes.push(format!("column {name}: its default {sql} is left out"));
            }
            // MySQL takes such a default as an expression only.
            Some(DefaultValue::Value(text))
                if self.flavor == Flavor::MySql
                    && (native.base.ends_with("text")
                        || native.base.ends_with("blob")
                        || native.base == "json") =>
            {
                let sql = format!("({})", Dialect::Mysql.string(&text));
                column.default = Some(DefaultValue::Native { store: STORE.into(), sql });
            }
            default => column.default = default,
        }
    }

    fn fit_checks(&self, table: &mut TableSchema, notes: &mut Vec<String>) {
        let maria = self.flavor == Flavor::MariaDb;
        table.checks.retain(|check| {
            let kept = check.enforced || !maria;
            if !kept {
                let name = check.name.as_deref().unwrap_or("without a name");
                notes.push(format!("check {name} is left out: it is not enforced"));
            }
            kept
        });
        for check in &mut table.checks {
            // MariaDB's own names are the same in every table; MySQL's are the schema's.
            if !maria && check.name.as_ref().is_some_and(|n| n.starts_with("CONSTRAINT_")) {
                check.name = None;
            }
        }
    }

    fn fit_indexes(&self, table: &mut TableSchema, notes: &mut Vec<String>) {
        let mut kept = Vec::new();
        for mut index in std::mem::take(&mut table.indexes) {
            match self.fit_index(table, &mut index) {
                Ok(()) => kept.push(index),
                Err(why) => notes.push(format!("index {} is left out: {why}", index.name)),
            }
        }
        table.indexes = kept;
    }

    fn fit_index(&self, table: &TableSchema, index: &mut Index) -> Result<(), &'static str> {
        let long = |column: &str| {
            let native = table.column(column).and_then(|c| field::native(&c.field, STORE));
            native.is_some_and(|n| n.contains("text") || n.contains("blob") || n == "json")
        };
        let text = index.definition.as_ref().map(|d| d.sql.clone()).unwrap_or_default();
        let special = text.starts_with("FULLTEXT") || text.starts_with("SPATIAL");
        if self.flavor == Flavor::MySql
            && !special
            && index.parts.iter().any(|p| p.prefix.is_none() && long(&p.column))
        {
            return Err("MySQL indexes only the beginning of a long text");
        }
        if text.is_empty() {
            return Ok(());
        }
        if text.contains("WITHOUT OVERLAPS") {
            return Err("MySQL has no periods");
        }
        if text.starts_with("VECTOR") {
            return Err("MySQL has no such indexes");
        }
        let group = words(&text).into_iter().find(|w| w.kind == Kind::Group);
        let columns = group.map_or(0, |g| items(g.inside()).len());
        if self.flavor == Flavor::MariaDb && columns != index.parts.len() {
            return Err("MariaDB has no indexes over expressions");
        }
        if self.flavor == Flavor::MariaDb && text.contains("WITH PARSER") {
            return Err("it is WITH PARSER, of which MariaDB has none");
        }
        let text = match self.flavor {
            Flavor::MariaDb => text.replace("/*!80000 INVISIBLE */", "IGNORED"),
            Flavor::MySql => text.replace(" IGNORED", " INVISIBLE"),
        };
        index.definition = Some(NativeSql::new(STORE, text));
        Ok(())
    }

    fn fit_partitions(&self, table: &mut TableSchema, notes: &mut Vec<String>) {
        let Some(partitioning) = &table.partitioning else { return };
        let by = &partitioning.by.sql;
        if by.contains("SYSTEM_TIME") || (self.flavor == Flavor::MySql && by.contains(" DEFAULT "))
        {
            notes.push("partitions are not carried: the table is made flat".into());
            table.partitioning = None;
        }
    }

    /// Engine, character set and collation of the table; of another server's other options, those
    /// that both know.
    fn fit_options(
        &self,
        table: &mut TableSchema,
        other: bool,
        notes: &mut Vec<String>,
        collations: &mut Collations,
    ) {
        const BOTH: [&str; 8] = [
            "ROW_FORMAT",
            "KEY_BLOCK_SIZE",
            "STATS_PERSISTENT",
            "STATS_AUTO_RECALC",
            "CHECKSUM",
            "STATS_SAMPLE_PAGES",
            "PACK_KEYS",
            "DELAY_KEY_WRITE",
        ];
        let Some(options) = table.options.as_ref().and_then(|o| o.of(STORE)) else { return };
        let all = words(options);
        let mut out: Vec<String> = Vec::new();
        let mut at = 0;
        while at < all.len() {
            if other && all[at].is("WITH") && all.get(at + 1).is_some_and(|w| w.is("SYSTEM")) {
                notes.push("it keeps no history: WITH SYSTEM VERSIONING is left out".into());
                at += 3;
                continue;
            }
            let valued = all.get(at + 1).is_some_and(|w| w.text == "=");
            let value = all.get(at + 2).filter(|_| valued).map(|w| w.text);
            let text = &options
                [all[at].at..all[if valued { (at + 2).min(all.len() - 1) } else { at }].end()];
            match value {
                Some(engine) if all[at].is("ENGINE") => match self.engine(engine) {
                    None => out.push(text.into()),
                    Some(why) => {
                        notes.push(format!("its engine, {engine}, {why}: it is made InnoDB"));
                        out.push("ENGINE=InnoDB".into());
                    }
                },
                Some(wanted) if all[at].is("COLLATE") => match self.near(wanted) {
                    None => out.push(text.into()),
                    Some(near) => {
                        let made = format!("collation {wanted} is made {near}");
                        collations.push((made, "the table".into()));
                        out.push(format!("COLLATE={near}"));
                    }
                },
                _ if all[at].is("DEFAULT") => out.push("DEFAULT".into()),
                Some(charset) if all[at].is("CHARSET") && !self.has_charset(charset) => {
                    out.push("CHARSET=utf8mb4".into());
                }
                _ if !other || all[at].is("CHARSET") => out.push(text.into()),
                Some(_) if BOTH.iter().any(|known| all[at].is(known)) => out.push(text.into()),
                _ => notes.push(format!("table option {text} is left out")),
            }
            at += if valued { 3 } else { 1 };
        }
        // Word for word where nothing was to be changed: comments are no words.
        if other || !notes.is_empty() || !collations.is_empty() {
            table.options = Some(NativeSql::new(STORE, out.join(" ")));
        }
    }

    /// Why tables of this engine cannot be made here.
    fn engine(&self, engine: &str) -> Option<&'static str> {
        let lower = engine.to_lowercase();
        match lower.as_str() {
            "mrg_myisam" | "federated" | "connect" | "spider" => Some("shows rows of others"),
            _ if self.engines.contains(&lower) => None,
            _ => Some("is not there"),
        }
    }

    fn has_charset(&self, charset: &str) -> bool {
        let prefix = format!("{charset}_");
        self.collations.iter().any(|c| c == charset || c.starts_with(&prefix))
    }

    /// As [`nearest_collation`], in another character set where the server has not got the one.
    fn near(&self, wanted: &str) -> Option<String> {
        let there: HashSet<&str> = self.collations.iter().map(String::as_str).collect();
        let charset = wanted.split_once('_').map_or(wanted, |(charset, _)| charset);
        if self.has_charset(charset) || there.contains(wanted) {
            return nearest_collation(wanted, &there);
        }
        let kind = wanted.split_once('_').map_or("bin", |(_, kind)| kind);
        let wanted = format!("utf8mb4_{kind}");
        nearest_collation(&wanted, &there).or(Some(wanted))
    }

    /// What is the server's default is not said of the columns of a table without options.
    fn leave_unsaid(&self, table: &mut TableSchema) {
        for column in &mut table.columns {
            if field::get(&column.field, field::COLLATION) == self.default.as_deref() {
                let mut metadata = column.field.metadata().clone();
                metadata.remove(field::CHARSET);
                metadata.remove(field::COLLATION);
                column.field = column.field.clone().with_metadata(metadata);
            }
        }
    }

    /// The name and version that a statement of this server begins with.
    pub(crate) fn signature(conn: &Conn) -> String {
        format!("/* {} */ ", conn.server())
    }

    /// MySQL 8: names of checks are the schema's.
    pub(crate) fn shares_check_names(&self) -> bool {
        self.flavor == Flavor::MySql && self.version >= (8, 0, 16)
    }
}

/// Which server's words a table is in, where that is known.
fn maker(table: &TableSchema) -> Option<Flavor> {
    let sql = table.statements.iter().find_map(|s| s.of(STORE))?;
    match () {
        () if sql.starts_with("/* MariaDB") => Some(Flavor::MariaDb),
        () if sql.starts_with("/* MySQL") => Some(Flavor::MySql),
        () => None,
    }
}

/// What becomes of a collation, and of what it is.
type Collations = Vec<(String, String)>;

/// One line for each collation, with all that has it.
fn said_once(collations: &Collations) -> Vec<String> {
    let mut lines: Vec<(&str, Vec<&str>)> = Vec::new();
    for (made, of) in collations {
        match lines.iter_mut().find(|(said, _)| said == made) {
            Some((_, all)) => all.push(of),
            None => lines.push((made, vec![of])),
        }
    }
    lines.iter().map(|(made, all)| format!("{made} ({})", all.join(", "))).collect()
}

/// Has expressions say their texts without the character set that MySQL puts before each: MariaDB
/// loses the escapes of such a text.
fn plain_texts(table: &mut TableSchema) {
    for column in &mut table.columns {
        if let Some(generated) = &mut column.generated {
            generated.expression.sql = without_introducers(&generated.expression.sql);
        }
        if let Some(DefaultValue::Native { sql, .. }) = &mut column.default {
            *sql = without_introducers(sql);
        }
    }
    for check in &mut table.checks {
        check.condition.sql = without_introducers(&check.condition.sql);
    }
}

fn without_introducers(sql: &str) -> String {
    let all = words(sql);
    let mut out = String::new();
    let mut from = 0;
    for (at, word) in all.iter().enumerate() {
        let before_text = all.get(at + 1).is_some_and(|w| w.kind == Kind::Text);
        if word.kind == Kind::Group {
            out.push_str(&sql[from..=word.at]);
            out.push_str(&without_introducers(word.inside()));
            from = word.end() - 1;
        } else if before_text && (word.is("_utf8mb4") || word.is("_utf8mb3")) {
            out.push_str(&sql[from..word.at]);
            from = word.end();
        }
    }
    out.push_str(&sql[from..]);
    out
}

/// The attributes of a column one by one.
fn attributes_of(sql: &str) -> Vec<&str> {
    let all = words(sql);
    let mut found = Vec::new();
    let mut at = 0;
    while at < all.len() {
        let next = |n: usize| all.get(at + n);
        let long = match () {
            () if all[at].is("ON") => match next(3).filter(|w| w.kind == Kind::Group) {
                Some(_) => 4,
                None => 3,
            },
            () if all[at].is("WITHOUT") || all[at].is("WITH") => 3,
            () if next(1).is_some_and(|w| w.text == "=") => 3,
            () if all[at].is("STORAGE") || all[at].is("COLUMN_FORMAT") => 2,
            () => 1,
        };
        let last = (at + long).min(all.len()) - 1;
        found.push(&sql[all[at].at..all[last].end()]);
        at = last + 1;
    }
    found
}

/// The type of the server at hand for one of the other's; `None` when it has the type.
fn other_type(flavor: Flavor, native: &str) -> Option<String> {
    let ascii = |native: &str| format!("{native} CHARACTER SET ascii COLLATE ascii_bin");
    match (flavor, Native::parse(native).base.as_str()) {
        (Flavor::MySql, "uuid") => Some(ascii("char(36)")),
        (Flavor::MySql, "inet6") => Some(ascii("varchar(45)")),
        (Flavor::MySql, "inet4") => Some(ascii("varchar(15)")),
        (Flavor::MySql, _) => native.split_once(" /*M!").map(|(plain, _)| plain.to_owned()),
        (Flavor::MariaDb, "geomcollection") => Some("geometrycollection".into()),
        // The reference system travels with every value; MariaDB has another word for the column's.
        (Flavor::MariaDb, _) => native.split_once(" SRID ").map(|(base, _)| base.to_owned()),
    }
}

/// A collation of the same character set that compares alike; `None` when the server has the one
/// asked for, or none that is near.
fn nearest_collation(wanted: &str, there: &HashSet<&str>) -> Option<String> {
    // MariaDB lists its uca1400 collations without the character set before the name.
    let has = |name: &str| {
        let short = name.split_once('_').map(|(_, rest)| rest);
        there.contains(name) || short.is_some_and(|s| s.starts_with("uca1400") && there.contains(s))
    };
    if has(wanted) {
        return None;
    }
    let (charset, kind) = wanted.split_once('_')?;
    let exact = kind.ends_with("_bin") || kind == "bin";
    let sensitive = kind.ends_with("_cs");
    let near: &[&str] = match (exact, sensitive) {
        (true, _) => &["nopad_bin", "bin"],
        (_, true) => &["uca1400_as_cs", "0900_as_cs", "bin"],
        _ => &["uca1400_ai_ci", "0900_ai_ci", "unicode_520_ci", "unicode_ci", "general_ci"],
    };
    near.iter().map(|kind| format!("{charset}_{kind}")).find(|name| has(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::native::{Described, field_of};

    fn server(flavor: Flavor, collations: &[&str]) -> Server {
        Server {
            flavor,
            version: (8, 0, 33),
            collations: collations.iter().map(|c| (*c).to_owned()).collect(),
            default: None,
            engines: HashSet::from(["innodb".to_owned()]),
        }
    }

    #[test]
    fn collations_of_the_other_server_become_near_ones() {
        let maria = HashSet::from([
            "utf8mb4_bin",
            "utf8mb4_nopad_bin",
            "uca1400_ai_ci",
            "utf8mb4_general_ci",
        ]);
        assert_eq!(nearest_collation("utf8mb4_general_ci", &maria), None);
        let near = nearest_collation("utf8mb4_0900_ai_ci", &maria);
        assert_eq!(near.as_deref(), Some("utf8mb4_uca1400_ai_ci"));
        let near = nearest_collation("utf8mb4_0900_bin", &maria);
        assert_eq!(near.as_deref(), Some("utf8mb4_nopad_bin"));
        let mysql = HashSet::from(["utf8mb4_0900_ai_ci"]);
        let near = nearest_collation("utf8mb4_uca1400_ai_ci", &mysql);
        assert_eq!(near.as_deref(), Some("utf8mb4_0900_ai_ci"));
        // A character set that is not there.
        let maria = server(Flavor::MariaDb, &["utf8mb4_unicode_ci", "utf8mb4_bin"]);
        assert_eq!(maria.near("gb18030_chinese_ci").as_deref(), Some("utf8mb4_unicode_ci"));
    }

    #[test]
    fn types_of_the_other_server_become_near_ones() {
        assert_eq!(other_type(Flavor::MariaDb, "point SRID 4326").as_deref(), Some("point"));
        assert_eq!(other_type(Flavor::MySql, "point SRID 4326"), None);
        assert_eq!(other_type(Flavor::MySql, "int(11)"), None);
        let compressed = "varchar(9) /*M!100301 COMPRESSED*/";
        assert_eq!(other_type(Flavor::MySql, compressed).as_deref(), Some("varchar(9)"));
        assert_eq!(other_type(Flavor::MariaDb, compressed), None);
    }

    #[test]
    fn addresses_become_texts_that_have_room_for_them() {
        for (native, made, length) in [
            ("inet4", "varchar(15) CHARACTER SET ascii COLLATE ascii_bin", 15),
            ("inet6", "varchar(45) CHARACTER SET ascii COLLATE ascii_bin", 45),
        ] {
            let described = Described { name: "a", native, nullable: true, ..Described::default() };
            let field = field_of(&described);
            let mut table = TableSchema::new(syncline_types::TableName::bare("t"), [field.clone()]);
            server(Flavor::MariaDb, &[]).fit(&mut table);
            assert_eq!(table.columns[0].field, field, "MariaDB has it");
            server(Flavor::MySql, &[]).fit(&mut table);
            let fitted = &table.columns[0].field;
            assert_eq!(field::native(fitted, STORE), Some(made));
            assert_eq!((field::logical(fitted), field::length(fitted)), (None, Some(length)));
            assert!(field::length(&field) <= field::length(fitted));
        }
    }

    #[test]
    fn texts_are_said_without_their_character_set() {
        let sql = r"(concat(_utf8mb4'x\'(_utf8mb4',`_utf8mb4`) <> _utf8mb4'')";
        assert_eq!(without_introducers(sql), r"(concat('x\'(_utf8mb4',`_utf8mb4`) <> '')");
    }

    #[test]
    fn options_that_only_one_knows_are_left_out_and_named() {
        let mut table = TableSchema::new(syncline_types::TableName::bare("t"), []);
        let options = "ENGINE=Aria DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin PAGE_CHECKSUM=1 ROW_FORMAT=PAGE";
        table.options = Some(NativeSql::new(STORE, options));
        table.statements = vec![NativeSql::new(STORE, "/* MariaDB 10.11.6 */ CREATE TABLE `t` ()")];
        let notes = server(Flavor::MySql, &["utf8mb4_bin"]).fit(&mut table);
        assert_eq!(notes.len(), 2, "{notes:?}");
        let options = table.options.unwrap().sql;
        assert_eq!(
            options,
            "ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin ROW_FORMAT=PAGE"
        );
        assert!(table.statements.is_empty());
        let sql = "ON UPDATE current_timestamp(3) INVISIBLE WITHOUT SYSTEM VERSIONING `x`='y'";
        let expected =
            ["ON UPDATE current_timestamp(3)", "INVISIBLE", "WITHOUT SYSTEM VERSIONING", "`x`='y'"];
        assert_eq!(attributes_of(sql), expected);
    }
}
