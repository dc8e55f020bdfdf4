//! Columns of another name within all that speaks of them: keys, indexes, expressions.

use syncline_types::{NativeSql, TableSchema};

use crate::Dialect;
use crate::script::{Lexer, Rules, TokenKind};

/// The table with its columns under other names, `(old, new)`, all at once: two may trade theirs.
pub(super) fn renamed(table: &TableSchema, names: &[(String, String)]) -> TableSchema {
    let mut table = table.clone();
    if names.is_empty() {
        return table;
    }
    for column in &mut table.columns {
        if let Some(new) = new_name(names, column.name()) {
            column.field = column.field.clone().with_name(new);
        }
        if let Some(generated) = &mut column.generated {
            within(&mut generated.expression, names);
        }
        if let Some(syncline_types::DefaultValue::Native { store, sql }) = &mut column.default {
            let mut native = NativeSql::new(store.clone(), std::mem::take(sql));
            within(&mut native, names);
            *sql = native.sql;
        }
    }
    let change = |name: &mut String| {
        if let Some(new) = new_name(names, name) {
            *name = new.to_owned();
        }
    };
    table.primary_key.iter_mut().for_each(change);
    for index in &mut table.indexes {
        index.parts.iter_mut().for_each(|part| change(&mut part.column));
        index.definition.iter_mut().for_each(|d| within(d, names));
    }
    table.checks.iter_mut().for_each(|check| within(&mut check.condition, names));
    for key in &mut table.foreign_keys {
        key.columns.iter_mut().for_each(change);
        if key.references == table.name {
            key.referenced.iter_mut().for_each(change);
        }
    }
    if let Some(partitioning) = &mut table.partitioning {
        within(&mut partitioning.by, names);
    }
    table
}

fn new_name<'a>(names: &'a [(String, String)], old: &str) -> Option<&'a str> {
    names.iter().find(|(from, _)| from == old).map(|(_, to)| to.as_str())
}

/// The columns' other names within an expression.
fn within(native: &mut NativeSql, names: &[(String, String)]) {
    let Some(dialect) = Dialect::parse(&native.store) else { return };
    let text = native.sql.as_bytes();
    let mut lexer = Lexer::whole(text, Rules::of(dialect));
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    while let Ok(token) = lexer.token() {
        let (quoted, end) = match token.kind {
            TokenKind::End => break,
            TokenKind::Name(_) => (true, token.end + 1),
            TokenKind::Word => (false, token.end),
            _ => continue,
        };
        let name = lexer.string(&token);
        let call = text.get(end) == Some(&b'(');
        let Some(new) = new_name(names, &name).filter(|_| quoted || !call) else { continue };
        let start = token.start - usize::from(quoted);
        out.push_str(&native.sql[from..start]);
        out.push_str(&dialect.quote(new));
        from = end;
    }
    if from > 0 {
        out.push_str(&native.sql[from..]);
        native.sql = out;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_change_within_expressions_and_nowhere_else() {
        let names = [("a".to_owned(), "b".to_owned()), ("b".to_owned(), "a".to_owned())];
        let mut sql = NativeSql::new("mysql", "`a` + `b` > length('a') and a(`a`) <> 'b`a`'");
        within(&mut sql, &names);
        assert_eq!(sql.sql, "`b` + `a` > length('a') and a(`b`) <> 'b`a`'");
        let mut sql = NativeSql::new("postgres", "(a > 0) AND \"b\" = 'a'");
        within(&mut sql, &names);
        assert_eq!(sql.sql, "(\"b\" > 0) AND \"a\" = 'a'");
    }
}
