//! The nearest right name, for messages about wrong ones.

/// The candidate that most looks like `name`, when one is near enough to be a slip of the hand.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = name.to_lowercase();
    candidates
        .into_iter()
        .map(|c| (strsim::damerau_levenshtein(&wanted, &c.to_lowercase()), c))
        .filter(|(distance, c)| *distance <= c.chars().count().max(3) / 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, c)| c)
}

/// `; did you mean "x"?`, or nothing.
pub fn did_you_mean<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    nearest(name, candidates).map(|c| format!("; did you mean {c:?}?")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offers_slips_and_nothing_far_off() {
        assert_eq!(nearest("ordres", ["orders", "items"]), Some("orders"));
        assert_eq!(nearest("ORDERS", ["orders"]), Some("orders"));
        assert_eq!(nearest("customers", ["orders", "items"]), None);
        assert_eq!(did_you_mean("delimeter", ["delimiter"]), "; did you mean \"delimiter\"?");
    }
}
