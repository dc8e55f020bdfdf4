//! What a job wants done with bad values, kind by kind.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use syncline_types::{Code, Error, Flaw, Result, did_you_mean};

/// What is done with a bad value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ValuePolicy {
    /// The first ends the run.
    Fail,
    /// Its row goes to the dead letters.
    DeadLetter,
    /// NULL takes its place.
    Null,
    /// The nearest value that fits takes its place: a text is cut, a number or date is the largest
    /// or smallest there is, −0 is 0.
    Clamp,
}

impl ValuePolicy {
    /// Every policy.
    pub const ALL: &'static [ValuePolicy] =
        &[ValuePolicy::Fail, ValuePolicy::DeadLetter, ValuePolicy::Null, ValuePolicy::Clamp];

    /// Its name in a job file.
    pub fn name(self) -> &'static str {
        match self {
            ValuePolicy::Fail => "fail",
            ValuePolicy::DeadLetter => "dead-letter",
            ValuePolicy::Null => "null",
            ValuePolicy::Clamp => "clamp",
        }
    }

    /// Whether another value takes the place of the bad one.
    pub fn changes(self) -> bool {
        matches!(self, ValuePolicy::Null | ValuePolicy::Clamp)
    }
}

impl fmt::Display for ValuePolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The kinds that a policy can be given for by name; the others follow `default`.
const KINDS: &[&str] = &[
    "zero_date",
    "invalid_date",
    "nul_in_text",
    "invalid_utf8",
    "nan",
    "infinity",
    "negative_zero",
    "out_of_range",
    "too_long",
    "default",
];

/// What is done with bad values of each kind. Written as `zero_date=null, default=dead-letter`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ValuePolicies {
    named: BTreeMap<Flaw, ValuePolicy>,
    default: Option<ValuePolicy>,
}

impl ValuePolicies {
    /// What is done with values of a kind; `None` when the job says nothing, so that the limit of
    /// bad rows decides.
    pub fn of(&self, flaw: Flaw) -> Option<ValuePolicy> {
        self.named.get(&flaw).copied().or(self.default)
    }

    /// Nothing is said about any kind.
    pub fn is_empty(&self) -> bool {
        self.named.is_empty() && self.default.is_none()
    }

    /// Kinds with a policy that puts another value in place of the bad one.
    pub fn changing(&self) -> impl Iterator<Item = (Flaw, ValuePolicy)> + '_ {
        Flaw::ALL.iter().filter_map(|flaw| {
            let policy = self.of(*flaw).filter(|p| p.changes())?;
            Some((*flaw, policy))
        })
    }

    /// Adds what is done with a kind (or `default`), both by name.
    ///
    /// # Errors
    /// [`Code::UnknownKey`], [`Code::BadValue`] with the nearest name, or when the policy has no
    /// meaning for the kind.
    pub fn set(&mut self, kind: &str, policy: &str) -> Result<()> {
        let policy =
            ValuePolicy::ALL.iter().copied().find(|p| p.name() == policy).ok_or_else(|| {
                let names = ValuePolicy::ALL.iter().map(|p| p.name());
                let near = did_you_mean(policy, names);
                Error::new(Code::BadValue, format!("{kind}: {policy:?} is no policy{near}"))
                    .hint("policies are fail, dead-letter, null and clamp")
            })?;
        if kind == "default" {
            if policy == ValuePolicy::Clamp {
                return Err(no_nearest(kind));
            }
            self.default = Some(policy);
            return Ok(());
        }
        let flaw = Flaw::ALL.iter().copied().find(|f| f.name() == kind && KINDS.contains(&kind));
        let flaw = flaw.ok_or_else(|| {
            let near = did_you_mean(kind, KINDS.iter().copied());
            Error::new(Code::UnknownKey, format!("{kind:?} is no kind of bad value{near}"))
                .hint(format!("kinds are {}", KINDS.join(", ")))
        })?;
        if policy == ValuePolicy::Clamp && !flaw.has_nearest() {
            return Err(no_nearest(kind));
        }
        self.named.insert(flaw, policy);
        Ok(())
    }

    /// Reads `zero_date=null, too_long=clamp`.
    ///
    /// # Errors
    /// As [`ValuePolicies::set`].
    pub fn parse(text: &str) -> Result<Self> {
        let mut policies = Self::default();
        for part in text.split(',').map(str::trim).filter(|p| !p.is_empty()) {
            let (kind, policy) = part.split_once('=').ok_or_else(|| {
                Error::new(Code::BadValue, format!("{part:?}: KIND=POLICY was expected"))
                    .hint("write it as zero_date=null, too_long=clamp")
            })?;
            policies.set(kind.trim(), policy.trim())?;
        }
        Ok(policies)
    }
}

fn no_nearest(kind: &str) -> Error {
    let message = format!("{kind}: clamp has no meaning here, for there is no nearest value");
    Error::new(Code::BadValue, message).hint(
        "clamp goes with infinity, negative_zero, out_of_range and too_long; others take null",
    )
}

impl fmt::Display for ValuePolicies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = self.named.iter().map(|(flaw, policy)| (flaw.name(), policy));
        let all = named.chain(self.default.iter().map(|policy| ("default", policy)));
        for (index, (kind, policy)) in all.enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{kind}={policy}")?;
        }
        Ok(())
    }
}

impl From<ValuePolicies> for String {
    fn from(policies: ValuePolicies) -> Self {
        policies.to_string()
    }
}

impl TryFrom<String> for ValuePolicies {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        Self::parse(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_are_read_as_they_are_written() {
        let text = "zero_date=null, too_long=clamp, default=dead-letter";
        let policies = ValuePolicies::parse(text).unwrap();
        assert_eq!(policies.to_string(), text);
        assert_eq!(policies.of(Flaw::ZeroDate), Some(ValuePolicy::Null));
        assert_eq!(policies.of(Flaw::Other), Some(ValuePolicy::DeadLetter));
        assert_eq!(policies.changing().count(), 2);
        assert_eq!(ValuePolicies::parse("").unwrap().of(Flaw::Nan), None);
    }

    #[test]
    fn what_has_no_meaning_is_refused_with_the_nearest_name() {
        for text in ["zero_date=clamp", "default=clamp", "nan=clamp", "invalid_utf8=clamp", "x"] {
            let error = ValuePolicies::parse(text).unwrap_err();
            assert_eq!(error.code(), Code::BadValue, "{text}");
        }
        let error = ValuePolicies::parse("zero_dat=null").unwrap_err();
        assert_eq!(error.code(), Code::UnknownKey);
        assert!(error.message().contains("zero_date"), "{error}");
        let error = ValuePolicies::parse("nan=nul").unwrap_err();
        assert!(error.message().contains("null"), "{error}");
        assert!(ValuePolicies::parse("other=null").is_err());
    }
}
