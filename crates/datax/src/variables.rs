//! `${name}` in a job, and `-p '-Dname=value …'` on the command line.

use std::collections::BTreeMap;

use syncline_types::{Code, Error, Result};

/// Reads `-Dname=value -Dother=value`.
///
/// # Errors
/// [`Code::Usage`].
pub fn parse_variables(arguments: &[String]) -> Result<BTreeMap<String, String>> {
    let mut variables = BTreeMap::new();
    for argument in arguments {
        let argument = argument.trim();
        let Some(rest) = argument.strip_prefix("-D") else {
            let message = format!("-p {argument:?}: variables are given as -Dname=value");
            return Err(Error::new(Code::Usage, message));
        };
        // A value may hold blanks, but not a blank before -D.
        for pair in rest.split(" -D") {
            let Some((name, value)) = pair.trim().split_once('=') else {
                let message = format!("-p {pair:?}: a variable is given as -Dname=value");
                return Err(Error::new(Code::Usage, message));
            };
            variables.insert(name.trim().to_owned(), unquoted(value.trim()).to_owned());
        }
    }
    Ok(variables)
}

fn unquoted(value: &str) -> &str {
    let quoted = |mark| value.strip_prefix(mark).and_then(|v: &str| v.strip_suffix(mark));
    quoted('\'').or_else(|| quoted('"')).unwrap_or(value)
}

/// The text with `${name}` replaced, as values that stand inside of JSON texts; `$name`, too,
/// where there is a variable of that name.
///
/// # Errors
/// [`Code::BadValue`] for a `${name}` that has no value.
pub(crate) fn replace(
    text: &str,
    variables: &BTreeMap<String, String>,
    place: &str,
) -> Result<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        let (before, found) = rest.split_at(at);
        out.push_str(before);
        let after = &found[1..];
        let braced = after.strip_prefix('{').and_then(|inner| inner.split_once('}'));
        let word = |c: char| c.is_alphanumeric() || c == '_';
        match braced.filter(|(name, _)| !name.is_empty() && name.chars().all(word)) {
            Some((name, behind)) => {
                let value = variables.get(name).ok_or_else(|| {
                    let line = text[..text.len() - found.len()].matches('\n').count() + 1;
                    let message = format!("{place}:{line}: ${{{name}}} has no value");
                    Error::new(Code::BadValue, message)
                        .hint(format!("give it one: -p '-D{name}=…'"))
                })?;
                out.push_str(&escaped(value));
                rest = behind;
            }
            None => {
                let end = after.find(|c| !word(c)).unwrap_or(after.len());
                match variables.get(&after[..end]) {
                    Some(value) => out.push_str(&escaped(value)),
                    None => out.push_str(&found[..=end]),
                }
                rest = &after[end..];
            }
        }
    }
    out.push_str(rest);
    Ok(out)
}

/// As it stands between the quotes of a JSON text.
fn escaped(value: &str) -> String {
    let quoted = serde_json::Value::from(value).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(arguments: &[&str]) -> BTreeMap<String, String> {
        let arguments: Vec<String> = arguments.iter().map(|a| (*a).to_owned()).collect();
        parse_variables(&arguments).unwrap()
    }

    #[test]
    fn variables_take_their_places() {
        let v = variables(&["-Dday=2026-11-21 -Dn=5", "-Dq='a \"b\" c'"]);
        assert_eq!(v["q"], "a \"b\" c");
        let text =
            r#"{"where": "d = '${day}' and x > $n", "q": "${q}", "price": "5 $", "k": "$other"}"#;
        let done = replace(text, &v, "job").unwrap();
        assert_eq!(
            done,
            r#"{"where": "d = '2026-11-21' and x > 5", "q": "a \"b\" c", "price": "5 $", "k": "$other"}"#
        );
    }

    #[test]
    fn a_variable_without_a_value_is_named_with_its_line() {
        let error = replace("{\n \"a\": \"${day}\"}", &BTreeMap::new(), "job.json").unwrap_err();
        assert!(error.message().contains("job.json:2: ${day}"), "{error}");
        assert!(parse_variables(&["day=1".into()]).is_err());
        assert!(parse_variables(&["-Dday".into()]).is_err());
    }
}
