//! Defaults, as the servers show them: a value of the column's type in its usual form.

use syncline_types::DefaultValue;

use super::draft::Ground;
use super::types::Type;
use super::{Read, Unread, expression};
use crate::script::{Token, TokenKind as Kind, Tokens};

/// Whether a word is the present moment.
pub(super) fn is_now(tokens: &Tokens<'_>) -> bool {
    ["CURRENT_TIMESTAMP", "NOW", "LOCALTIME", "LOCALTIMESTAMP"].iter().any(|w| tokens.is(w))
}

/// Over `CURRENT_TIMESTAMP`, `NOW()`, `CURRENT_TIMESTAMP(3)`; the digits.
pub(super) fn now(tokens: &mut Tokens<'_>) -> Read<u64> {
    tokens.at += 1;
    let Some(inside) = tokens.brackets() else { return Ok(0) };
    match inside.as_str() {
        "" => Ok(0),
        digits => digits.parse().map_err(|_| Unread::new("a default is not read")),
    }
}

/// What stands behind DEFAULT.
pub(super) fn read(
    tokens: &mut Tokens<'_>,
    found: &Type,
    ground: &Ground<'_>,
) -> Read<Option<DefaultValue>> {
    let unread = || Unread::new("a default is not read");
    if tokens.eat("NULL") {
        return Ok(None);
    }
    if is_now(tokens) {
        now(tokens)?;
        return Ok(Some(DefaultValue::CurrentTimestamp));
    }
    if tokens.is_punct(b'(') {
        let from = tokens.at;
        tokens.skip_one();
        // MariaDB shows a sole literal without its brackets.
        let literal = tokens.at - from == 3 && tokens.tokens[from + 1].kind != Kind::Word;
        if literal && ground.maria {
            return Err(unread());
        }
        let sql = expression::said(tokens, from, tokens.at, &ground.names)?;
        return Ok(Some(native(sql)));
    }
    let call = tokens.ahead(1).is_some_and(|t| t.kind == Kind::Punct(b'('));
    if ground.maria && call && tokens.peek().is_some_and(|t| t.kind == Kind::Word) {
        let from = tokens.at;
        tokens.at += 1;
        tokens.skip_one();
        let sql = expression::said(tokens, from, tokens.at, &ground.names)?;
        return Ok(Some(native(format!("({sql})"))));
    }
    let negative = tokens.is_punct(b'-');
    if negative || tokens.is_punct(b'+') {
        tokens.at += 1;
    }
    let token = tokens.bump().ok_or_else(unread)?;
    literal(tokens, &token, negative, found, ground)
        .map(Some)
        .ok_or_else(|| Unread::new(format!("a default of {} is not read", found.native)))
}

fn native(sql: String) -> DefaultValue {
    DefaultValue::Native { store: "mysql".into(), sql }
}

/// A literal as a value of the type; `None` when it is none that can be told for sure.
fn literal(
    tokens: &Tokens<'_>,
    token: &Token,
    negative: bool,
    found: &Type,
    ground: &Ground<'_>,
) -> Option<DefaultValue> {
    let value = |text: String| Some(DefaultValue::Value(text));
    let content = tokens.lexer.content(token);
    let text = std::str::from_utf8(&content).ok()?.to_owned();
    let quoted = matches!(token.kind, Kind::Text(_));
    let truth = (token.kind == Kind::Word)
        .then(|| match () {
            () if text.eq_ignore_ascii_case("true") => Some("1"),
            () if text.eq_ignore_ascii_case("false") => Some("0"),
            () => None,
        })
        .flatten();
    let number = match (token.kind, truth) {
        (_, Some(truth)) => truth.to_owned(),
        (Kind::Number, _) if negative => format!("-{text}"),
        (Kind::Number | Kind::Text(_), _) => text.clone(),
        (Kind::Bits, _) if found.base == "bit" => {
            let digits = text.trim_start_matches('0');
            let digits = if digits.is_empty() { "0" } else { digits };
            return Some(native(format!("b'{digits}'")));
        }
        _ => return None,
    };
    match found.base.as_str() {
        "tinyint" | "smallint" | "mediumint" | "int" | "bigint" => {
            let n: i128 = number.trim_start_matches('+').parse().ok()?;
            let width = found.native.split_once('(').and_then(|(_, rest)| rest.split_once(')'));
            let width = width.filter(|_| found.native.contains("zerofill"));
            let width = width.and_then(|(width, _)| width.parse().ok()).unwrap_or(0);
            value(format!("{n:0>width$}"))
        }
        "decimal" => value(decimal(&number, usize::try_from(found.scale?).ok()?)?),
        "float" | "double" => value(float(&number, found)?),
        "bit" => {
            let n: u64 = number.parse().ok().filter(|_| !quoted)?;
            Some(native(format!("b'{n:b}'")))
        }
        "year" => {
            let year: u32 = number.parse().ok()?;
            (1901..=2155).contains(&year).then(|| DefaultValue::Value(year.to_string()))
        }
        "date" | "datetime" | "timestamp" | "time" if quoted => moment(&text, found),
        "char" | "varchar" if quoted || truth.is_none() => {
            let text = if quoted { text } else { number };
            let long = text.chars().count() as u64 > found.length.unwrap_or(0);
            let cut = found.base == "char" && text.ends_with(' ');
            (!long && !cut).then_some(DefaultValue::Value(text))
        }
        "tinytext" | "text" | "mediumtext" | "longtext" | "tinyblob" | "blob" | "mediumblob"
        | "longblob"
            if quoted && ground.maria && !found.json =>
        {
            value(text)
        }
        "json" | "longtext" if quoted && ground.maria => value(text),
        "enum" if quoted => found.members.contains(&text).then_some(DefaultValue::Value(text)),
        "set" if quoted => {
            let chosen: Vec<&str> = text.split(',').filter(|m| !m.is_empty()).collect();
            let places: Option<Vec<usize>> =
                chosen.iter().map(|m| found.members.iter().position(|o| o == m)).collect();
            let rising = places?.windows(2).all(|w| w[0] < w[1]);
            (rising && !text.ends_with(',')).then_some(DefaultValue::Value(text))
        }
        "varbinary" | "binary" if quoted => {
            let plain = text.bytes().all(|b| (b' '..0x7f).contains(&b));
            let whole = found.base == "varbinary" || Some(text.len() as u64) == found.length;
            (plain && whole).then(|| native(crate::Dialect::Mysql.string(&text)))
        }
        "uuid" | "inet4" | "inet6" if quoted => None,
        _ => None,
    }
}

/// Digits with exactly `scale` of them behind the point.
fn decimal(text: &str, scale: usize) -> Option<String> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, behind) = digits.split_once('.').unwrap_or((digits, ""));
    let plain = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
    if !plain(whole) || !plain(behind) || whole.is_empty() && behind.is_empty() {
        return None;
    }
    let behind = if behind.len() > scale {
        let (kept, cut) = behind.split_at(scale);
        cut.bytes().all(|b| b == b'0').then_some(kept)?
    } else {
        behind
    };
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let zero = whole == "0" && behind.bytes().all(|b| b == b'0');
    let sign = if zero { "" } else { sign };
    Some(match scale {
        0 => format!("{sign}{whole}"),
        _ => format!("{sign}{whole}.{behind:0<scale$}"),
    })
}

fn float(text: &str, found: &Type) -> Option<String> {
    if let Some(scale) = found.scale {
        let value = decimal(text, usize::try_from(scale).ok()?)?;
        let digits = value.bytes().filter(u8::is_ascii_digit).count();
        return (digits <= if found.base == "float" { 6 } else { 15 }).then_some(value);
    }
    let plain = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-'));
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let n: f64 = text.parse().ok()?;
    let room = if found.base == "float" { 6 } else { 15 };
    (plain && digits <= room && (n == 0.0 || n.abs() >= 1e-3)).then(|| format!("{n}"))
}

/// A date, a time, or both, in full.
fn moment(text: &str, found: &Type) -> Option<DefaultValue> {
    let digits = |text: &str, shape: &str| {
        text.len() == shape.len()
            && text
                .bytes()
                .zip(shape.bytes())
                .all(|(b, s)| if s == b'0' { b.is_ascii_digit() } else { b == s })
    };
    let scale = usize::try_from(found.scale.unwrap_or(0)).ok()?;
    let (main, fraction) = text.split_once('.').unwrap_or((text, ""));
    let fraction_fits = fraction.len() <= scale && fraction.bytes().all(|b| b.is_ascii_digit());
    let padded = |main: &str| match scale {
        0 => main.to_owned(),
        _ => format!("{main}.{fraction:0<scale$}"),
    };
    let whole = match found.base.as_str() {
        "date" => digits(text, "0000-00-00").then(|| text.to_owned())?,
        "time" => {
            let bare = main.strip_prefix('-').unwrap_or(main);
            (digits(bare, "00:00:00") || digits(bare, "000:00:00")).then_some(())?;
            fraction_fits.then(|| padded(main))?
        }
        _ if digits(main, "0000-00-00") && fraction.is_empty() => {
            padded(&format!("{main} 00:00:00"))
        }
        _ => (digits(main, "0000-00-00 00:00:00") && fraction_fits).then(|| padded(main))?,
    };
    let odd = found.base != "time" && (whole.contains("-00") || whole.starts_with("0000"));
    Some(if odd { native(format!("'{whole}'")) } else { DefaultValue::Value(whole) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_get_the_digits_of_their_type() {
        for (text, scale, said) in [
            ("1.5", 2, Some("1.50")),
            ("-0.0", 2, Some("0.00")),
            ("007", 0, Some("7")),
            ("1.250", 2, Some("1.25")),
            ("1.255", 2, None),
            (".5", 1, Some("0.5")),
            ("1e3", 0, None),
        ] {
            assert_eq!(decimal(text, scale).as_deref(), said, "{text}");
        }
    }
}
