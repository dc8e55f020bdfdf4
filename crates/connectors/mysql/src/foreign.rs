//! Types and collations that one of the two servers has and the other has not.

use std::collections::HashSet;

use syncline_types::{Result, TableSchema, field};

use crate::native::{Native, STORE};
use crate::wire::{Conn, Flavor};

/// The table in words of the server at hand: a type or collation it does not have becomes the
/// nearest that holds the same values, and what is the server's default is left unsaid.
pub(crate) async fn for_flavor(conn: &mut Conn, table: &TableSchema) -> Result<TableSchema> {
    let rows = conn.query("SHOW COLLATION").await?;
    let collations: HashSet<&str> =
        rows.rows.iter().filter_map(|row| rows.get(row, "Collation")).collect();
    // What a column gets in a table made with DEFAULT CHARSET=utf8mb4.
    let default = rows
        .rows
        .iter()
        .filter(|row| rows.get(row, "Charset") == Some("utf8mb4"))
        .find(|row| rows.get(row, "Default") == Some("Yes"))
        .and_then(|row| rows.get(row, "Collation"));
    let mut table = table.clone();
    for column in &mut table.columns {
        if field::get(&column.field, field::STORE) != Some(STORE) {
            continue;
        }
        let mut metadata = column.field.metadata().clone();
        let native = field::get(&column.field, field::NATIVE).unwrap_or_default();
        if let Some(other) = other_type(conn.flavor, native) {
            metadata.insert(field::NATIVE.into(), other);
        }
        if let Some(wanted) = field::get(&column.field, field::COLLATION) {
            let near = nearest_collation(wanted, &collations);
            if near.as_deref().or(Some(wanted)) == default {
                metadata.remove(field::CHARSET);
                metadata.remove(field::COLLATION);
            } else if let Some(near) = near {
                metadata.insert(field::COLLATION.into(), near);
            }
        }
        column.field = column.field.clone().with_metadata(metadata);
    }
    Ok(table)
}

/// The type of the server at hand for one of the other's; `None` when it has the type.
fn other_type(flavor: Flavor, native: &str) -> Option<String> {
    let ascii = |native: &str| format!("{native} CHARACTER SET ascii COLLATE ascii_bin");
    match (flavor, Native::parse(native).base.as_str()) {
        (Flavor::MySql, "uuid") => Some(ascii("char(36)")),
        (Flavor::MySql, "inet6") => Some(ascii("varchar(45)")),
        (Flavor::MySql, "inet4") => Some(ascii("varchar(15)")),
        (Flavor::MariaDb, "geomcollection") => Some("geometrycollection".into()),
        // The reference system travels with every value; MariaDB has another word for the column's.
        (Flavor::MariaDb, _) => native.split_once(" SRID ").map(|(base, _)| base.to_owned()),
        _ => None,
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
    }

    #[test]
    fn types_of_the_other_server_become_near_ones() {
        assert_eq!(other_type(Flavor::MariaDb, "point SRID 4326").as_deref(), Some("point"));
        assert_eq!(other_type(Flavor::MySql, "point SRID 4326"), None);
        assert_eq!(other_type(Flavor::MySql, "int(11)"), None);
    }
}
