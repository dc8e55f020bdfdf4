//! Names of people.

use syncline_types::{Code, Error, Result};

/// Longest name.
const LONGEST: usize = 128;

/// Refuses what is no name: letters, digits, `.`, `_`, `-` and `@`, a letter or digit first.
///
/// # Errors
/// [`Code::BadValue`].
pub(crate) fn check_name(name: &str) -> Result<()> {
    let first = name.chars().next().is_some_and(|c| c.is_ascii_alphanumeric());
    let rest = name.chars().all(|c| c.is_ascii_alphanumeric() || "._-@".contains(c));
    if first && rest && name.len() <= LONGEST {
        return Ok(());
    }
    Err(Error::new(Code::BadValue, "name: not a user's name").hint(format!(
        "up to {LONGEST} letters, digits, dots, hyphens, underscores and @, a letter or digit first"
    )))
}
