//! `--columns 'id, name:title, born:year:int32'`, taken apart.

use syncline_engine::ColumnMapping;
use syncline_types::{Code, Error, Result};

/// The columns, in the order given.
///
/// A part in double quotes or backticks is literal; a doubled quote stands for itself. Commas in
/// parentheses belong to a type.
pub(crate) fn parse(text: &str) -> Result<Vec<ColumnMapping>> {
    let bad = |why: &str| Error::new(Code::BadValue, format!("--columns: {why}"));
    let mut columns = Vec::new();
    let mut parts = vec![String::new()];
    let mut depth = 0usize;
    let mut chars = text.chars().peekable();
    loop {
        match chars.next() {
            Some(quote @ ('"' | '`')) if parts.last().is_some_and(|p| p.trim().is_empty()) => {
                let mut literal = String::new();
                loop {
                    match chars.next() {
                        None => return Err(bad("a quote is not closed")),
                        Some(c) if c == quote => {
                            if chars.next_if_eq(&quote).is_none() {
                                break;
                            }
                            literal.push(quote);
                        }
                        Some(c) => literal.push(c),
                    }
                }
                while chars.next_if(|c| c.is_whitespace()).is_some() {}
                if !matches!(chars.peek(), None | Some(':' | ',')) {
                    return Err(bad("a quoted name goes on after its quote"));
                }
                if let Some(last) = parts.last_mut() {
                    *last = format!("\u{0}{literal}");
                }
            }
            Some(':') if depth == 0 => parts.push(String::new()),
            Some(',') if depth == 0 => columns.push(mapping(std::mem::take(&mut parts))?),
            None => {
                columns.push(mapping(std::mem::take(&mut parts))?);
                return Ok(columns);
            }
            Some(c) => {
                match c {
                    '(' => depth += 1,
                    ')' => depth = depth.saturating_sub(1),
                    _ => {}
                }
                if let Some(last) = parts.last_mut() {
                    last.push(c);
                }
            }
        }
        if parts.is_empty() {
            parts.push(String::new());
        }
    }
}

/// One column from its parts; a part that was quoted begins with NUL, which no name contains.
fn mapping(parts: Vec<String>) -> Result<ColumnMapping> {
    let mut parts = parts.into_iter().map(|p| match p.strip_prefix('\u{0}') {
        Some(literal) => literal.to_owned(),
        None => p.trim().to_owned(),
    });
    let from = parts.next().unwrap_or_default();
    let to = parts.next().filter(|p| !p.is_empty()).unwrap_or_else(|| from.clone());
    let kind = parts.next().filter(|p| !p.is_empty());
    if from.is_empty() || parts.next().is_some() {
        return Err(Error::new(
            Code::BadValue,
            "--columns: each column is from, from:to or from:to:type, with commas between",
        ));
    }
    Ok(ColumnMapping { from, to, kind })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(from: &str, to: &str, kind: Option<&str>) -> ColumnMapping {
        ColumnMapping { from: from.into(), to: to.into(), kind: kind.map(Into::into) }
    }

    #[test]
    fn names_types_and_quotes() {
        assert_eq!(
            parse("id, name:title, born:year:int32, price::decimal(10,2)").unwrap(),
            [
                column("id", "id", None),
                column("name", "title", None),
                column("born", "year", Some("int32")),
                column("price", "price", Some("decimal(10,2)")),
            ]
        );
        assert_eq!(
            parse(r#""a,b:c":`x``y`, "say ""hi"""  "#).unwrap(),
            [column("a,b:c", "x`y", None), column("say \"hi\"", "say \"hi\"", None)]
        );
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", "a,,b", "a:b:c:d", "\"a", "\"a\"b"] {
            assert_eq!(parse(text).unwrap_err().code(), Code::BadValue, "{text}");
        }
    }
}
