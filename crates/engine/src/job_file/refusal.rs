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
        _ => Error::new(Code::JobSyntax, format!("{place}: {text}")),
    }
}
