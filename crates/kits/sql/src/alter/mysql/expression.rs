//! Expressions of a statement, spelled as the servers do: names in backticks, words in lower case.

use syncline_types::TableSchema;

use super::Read;
use super::Unread;
use crate::Dialect;
use crate::script::TokenKind as Kind;
use crate::script::Tokens;

/// The tokens from `from` up to `to` as an expression over the table's columns.
pub(super) fn said(
    tokens: &Tokens<'_>,
    from: usize,
    to: usize,
    columns: &[String],
) -> Read<String> {
    let mut out = String::new();
    // What the last token was: nothing, an opening bracket, an operand, an operator.
    let mut last = Last::Start;
    for at in from..to {
        let token = &tokens.tokens[at];
        let next = tokens.tokens.get(at + 1).filter(|_| at + 1 < to).map(|t| t.kind);
        match token.kind {
            Kind::Name(_) => {
                let name = tokens.lexer.string(token);
                gap(&mut out, last);
                out.push_str(&Dialect::Mysql.quote(column(columns, &name).unwrap_or(&name)));
                last = Last::Operand;
            }
            Kind::Word => {
                let word = tokens.lexer.string(token);
                let call = next == Some(Kind::Punct(b'('));
                gap(&mut out, last);
                match column(columns, &word).filter(|_| !call && last != Last::Dot) {
                    Some(name) => out.push_str(&Dialect::Mysql.quote(name)),
                    None => out.push_str(&word.to_lowercase()),
                }
                last = if call { Last::Call } else { Last::Operand };
            }
            Kind::Text(_) => {
                gap(&mut out, last);
                let bytes = tokens.lexer.content(token);
                let text =
                    std::str::from_utf8(&bytes).map_err(|_| Unread::new("a text is not UTF-8"))?;
                out.push_str(&Dialect::Mysql.string(text));
                last = Last::Operand;
            }
            Kind::Number => {
                gap(&mut out, last);
                out.push_str(&tokens.lexer.string(token));
                last = Last::Operand;
            }
            Kind::Hex(_) => {
                gap(&mut out, last);
                out.push_str(&format!("X'{}'", tokens.lexer.string(token).to_uppercase()));
                last = Last::Operand;
            }
            Kind::Bits => {
                gap(&mut out, last);
                out.push_str(&format!("b'{}'", tokens.lexer.string(token)));
                last = Last::Operand;
            }
            Kind::Punct(b'(') => {
                if last != Last::Call {
                    gap(&mut out, last);
                }
                out.push('(');
                last = Last::Open;
            }
            Kind::Punct(b')') => {
                out.push(')');
                last = Last::Operand;
            }
            Kind::Punct(b',') => {
                out.push(',');
                last = Last::Open;
            }
            Kind::Punct(b'.') => {
                out.push('.');
                last = Last::Dot;
            }
            Kind::Punct(sign) => {
                let joined = at > from
                    && matches!(last, Last::Operator)
                    && tokens.tokens[at - 1].end == token.start;
                let sole = matches!(last, Last::Start | Last::Open | Last::Operator) && !joined;
                if !joined {
                    gap(&mut out, last);
                }
                out.push(char::from(sign));
                // A sign before a number belongs to it.
                last = if sole && matches!(sign, b'-' | b'+' | b'~') {
                    Last::Open
                } else {
                    Last::Operator
                };
            }
            Kind::End => {}
        }
    }
    Ok(out)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Last {
    Start,
    Open,
    Call,
    Dot,
    Operand,
    Operator,
}

fn gap(out: &mut String, last: Last) {
    if matches!(last, Last::Operand | Last::Operator) {
        out.push(' ');
    }
}

fn column<'a>(columns: &'a [String], name: &str) -> Option<&'a str> {
    let lower = name.to_lowercase();
    columns.iter().find(|c| c.to_lowercase() == lower).map(String::as_str)
}

/// The names of a table's columns.
pub(super) fn names(table: &TableSchema) -> Vec<String> {
    table.columns.iter().map(|c| c.name().to_owned()).collect()
}
