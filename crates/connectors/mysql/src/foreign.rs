//! Types and collations that one of the two servers has and the other has not.

use std::collections::HashSet;

use syncline_types::{Result, TableSchema, field};

use crate::native::{Native, STORE};
use crate::wire::{Conn, Flavor};

/// The table in words of the server at hand: a type or collation it does not have becomes the
/// nearest that holds the same values.
pub(crate) async fn for_flavor(conn: &mut Conn, table: &TableSchema) -> Result<TableSchema> {
    let collations: HashSet<String> = conn
        .query("SHOW COLLATION")
        .await?
        .rows
        .into_iter()
        .filter_map(|row| row.into_iter().next().flatten())
        .collect();
    let mut table = table.clone();
    for column in &mut table.columns {
        let mut metadata = column.field.metadata().clone();
        if field::get(&column.field, field::STORE) != Some(STORE) {
            continue;
        }
        if let Some(native) = field::get(&column.field, field::NATIVE)
            && let Some(other) = other_type(conn.flavor, native)
        {
            metadata.insert(field::NATIVE.into(), other.into());
            metadata.insert(field::CHARSET.into(), "ascii".into());
            metadata.insert(field::COLLATION.into(), "ascii_bin".into());
        } else if let Some(collation) = field::get(&column.field, field::COLLATION) {
            if let Some(near) = nearest_collation(collation, &collations) {
                metadata.insert(field::COLLATION.into(), near);
            }
        }
        column.field = column.field.clone().with_metadata(metadata);
    }
    Ok(table)
}

fn other_type(flavor: Flavor, native: &str) -> Option<&'static str> {
    match (flavor, Native::parse(native).base.as_str()) {
        (Flavor::MySql, "uuid") => Some("char(36)"),
        (Flavor::MySql, "inet6") => Some("varchar(45)"),
        (Flavor::MySql, "inet4") => Some("varchar(15)"),
        _ => None,
    }
}

/// A collation of the same character set that compares alike; `None` when the server has the one
/// asked for.
fn nearest_collation(wanted: &str, there: &HashSet<String>) -> Option<String> {
    // MariaDB lists its uca1400 collations without the character set before the name.
    let has = |name: &str| {
        there.contains(name)
            || name
                .split_once('_')
                .is_some_and(|(_, rest)| rest.starts_with("uca1400") && there.contains(rest))
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
        let maria: HashSet<String> =
            ["utf8mb4_bin", "utf8mb4_nopad_bin", "uca1400_ai_ci", "utf8mb4_general_ci"]
                .map(str::to_owned)
                .into();
        assert_eq!(nearest_collation("utf8mb4_general_ci", &maria), None);
        let near = nearest_collation("utf8mb4_0900_ai_ci", &maria);
        assert_eq!(near.as_deref(), Some("utf8mb4_uca1400_ai_ci"));
        assert_eq!(
            nearest_collation("utf8mb4_0900_bin", &maria).as_deref(),
            Some("utf8mb4_nopad_bin")
        );
        let mysql: HashSet<String> = ["utf8mb4_0900_ai_ci".to_owned()].into();
        let near = nearest_collation("utf8mb4_uca1400_ai_ci", &mysql);
        assert_eq!(near.as_deref(), Some("utf8mb4_0900_ai_ci"));
    }
}
