//! What ALTER TABLE does to partitions: to their layout, or to the rows in them.

use super::draft::Draft;
use super::{Read, Unread};
use crate::script::Tokens;

/// One action on partitions; false when none stands here.
pub(super) fn read(tokens: &mut Tokens<'_>, draft: &mut Draft<'_, '_>) -> Read<bool> {
    let rows = |what: &str| {
        Err(Unread {
            why: format!("rows went or came with {what}, of which the log does not tell"),
            rows: true,
        })
    };
    if tokens.eat_all(&["DROP", "PARTITION"]) {
        return rows("DROP PARTITION");
    }
    if tokens.eat_all(&["TRUNCATE", "PARTITION"]) {
        return rows("TRUNCATE PARTITION");
    }
    if tokens.eat_all(&["EXCHANGE", "PARTITION"]) {
        return rows("EXCHANGE PARTITION");
    }
    if tokens.is("CONVERT") && (tokens.is_at(1, "PARTITION") || tokens.is_at(1, "TABLE")) {
        return rows("CONVERT PARTITION");
    }
    for word in ["DISCARD", "IMPORT"] {
        if tokens.eat(word) {
            return rows("a tablespace");
        }
    }
    let upkeep = ["ANALYZE", "CHECK", "OPTIMIZE", "REBUILD", "REPAIR"];
    if upkeep.iter().any(|w| tokens.is(w)) && tokens.is_at(1, "PARTITION") {
        tokens.rest();
        return Ok(true);
    }
    if tokens.eat_all(&["REMOVE", "PARTITIONING"]) {
        draft.table.partitioning = None;
        return Ok(true);
    }
    if tokens.is("PARTITION") && tokens.is_at(1, "BY") {
        let sql = tokens.between(tokens.at, tokens.end);
        let by = tokens.native(sql);
        tokens.at = tokens.end;
        draft.table.partitioning =
            Some(syncline_types::Partitioning { by, partitions: Vec::new() });
        return Ok(true);
    }
    if tokens.eat_all(&["ADD", "PARTITION"]) {
        tokens.eat_all(&["IF", "NOT", "EXISTS"]);
        let _ = tokens.eat("NO_WRITE_TO_BINLOG") || tokens.eat("LOCAL");
        return add(tokens, draft).map(|()| true);
    }
    if ["REORGANIZE", "COALESCE"].iter().any(|w| tokens.is(w)) {
        return Err(Unread::new("partitions are laid out anew"));
    }
    Ok(false)
}

/// The new ones behind those that are listed.
fn add(tokens: &mut Tokens<'_>, draft: &mut Draft<'_, '_>) -> Read<()> {
    let unread = || Unread::new("new partitions are not read");
    let added = tokens.brackets().ok_or_else(unread)?;
    let partitioning = draft.table.partitioning.as_mut().ok_or_else(unread)?;
    let by = &mut partitioning.by.sql;
    let listed = by.trim_end().strip_suffix(')').map(str::to_owned);
    match listed.filter(|_| by.to_ascii_uppercase().contains(" VALUES ")) {
        Some(listed) => *by = format!("{},\n {added})", listed.trim_end()),
        None => return Err(unread()),
    }
    Ok(())
}
