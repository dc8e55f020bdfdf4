//! What is wrong with the text of a job file, in our words.

use syncline_types::{Code, Error, did_you_mean};

/// A parser's error as ours: which kind it is, and where.
pub(super) fn refused(error: &serde_saphyr::Error, place: &str) -> Error {
    use serde_saphyr::Error as E;
    let at = error.location().map(|l| format!(":{}:{}", l.line(), l.column())).unwrap_or_default();
    let place = format!("{place}{at}");
    // The place stands before the message already; what is left is the words and the snippet.
    let text = error.to_string();
    let text = match text.strip_prefix("error: line ").and_then(|rest| rest.split_once(": ")) {
        Some((_, words)) => words.to_owned(),
        None => text,
    };
    let text = veiled(&text);
    let mut cause = error;
    while let E::WithSnippet { error, .. } | E::AliasError { error, .. } = cause {
        cause = error;
    }
    match cause {
        E::SerdeUnknownField { field, expected, .. } => {
            let near = did_you_mean(field, expected.iter().copied());
            Error::new(Code::UnknownKey, format!("{place}: unknown key {field:?}{near}"))
                .hint("`syncline schema job` prints every key there is")
        }
        E::SerdeUnknownVariant { variant, expected, .. } => Error::new(
            Code::BadValue,
            format!("{place}: {variant:?} is none of {}", expected.join(", ")),
        ),
        E::SerdeMissingField { field, .. } => {
            Error::new(Code::BadValue, format!("{place}: key {field:?} is missing"))
        }
        E::SerdeInvalidType { .. }
        | E::SerdeInvalidValue { .. }
        | E::SerdeInvalidLength { .. }
        | E::InvalidScalar { .. }
        | E::InvalidBooleanStrict { .. }
        | E::Unexpected { .. } => Error::new(Code::BadValue, format!("{place}: {text}")),
        // What a key's own reader says of its value.
        E::Message { msg, .. } => Error::new(Code::BadValue, format!("{place}: {}", veiled(msg))),
        _ => Error::new(Code::JobSyntax, format!("{place}: {text}")),
    }
}

/// The text without passwords: it shows lines of the file, and some stand where they do not belong.
fn veiled(text: &str) -> String {
    let in_urls = text.match_indices("://").filter_map(|(at, mark)| {
        let rest = &text[at + mark.len()..];
        let url = rest.split(|c: char| c.is_whitespace() || "\"'`\\".contains(c)).next()?;
        let (_, password) = url.rsplit_once('@')?.0.split_once(':')?;
        Some(password)
    });
    let by_key = text.lines().filter_map(|line| {
        let (_, value) = line.split_once("password")?;
        let value = value.trim_start_matches(['"', '\'', ' ']).strip_prefix([':', '='])?;
        // What is in braces says where the password is.
        let value = value.trim_matches([' ', '"', '\'', '}', ',']);
        (!value.starts_with('{')).then_some(value)
    });
    let mut secrets: Vec<&str> = in_urls.chain(by_key).filter(|s| !s.is_empty()).collect();
    // The longest first: one may be a part of another.
    secrets.sort_unstable_by_key(|secret| std::cmp::Reverse(secret.len()));
    secrets.iter().fold(text.to_owned(), |text, secret| match secret.len() {
        // As short as that it stands in other words as well.
        0..4 => text.replace(&format!(":{secret}@"), ":***@"),
        _ => text.replace(secret, "***"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_taken_out_of_what_is_shown() {
        for (text, shown) in [
            ("3 | source: mysql://me:s3:c@ret@db/x", "3 | source: mysql://me:***@db/x"),
            ("url: \"postgres://me:p@db/x\"\n", "url: \"postgres://me:***@db/x\"\n"),
            ("mysql://me@db/x and http://h:80/", "mysql://me@db/x and http://h:80/"),
            ("string `hunter2`\n4 | password: hunter2\n", "string `***`\n4 | password: ***\n"),
            ("{\"password\": \"a and b\"}", "{\"password\": \"***\"}"),
            ("password: { env: SHOP }", "password: { env: SHOP }"),
        ] {
            assert_eq!(veiled(text), shown);
        }
    }
}
