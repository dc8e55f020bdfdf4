//! What a job file says of bad values: `errors.values`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use syncline_convert::{ValuePolicies, ValuePolicy};
use syncline_types::Result;

/// What is done with bad values, by what is wrong with them.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ValuesConfig {
    /// A date with month or day zero: `0000-00-00`, `2024-00-10`.
    #[serde(deserialize_with = "policy", skip_serializing_if = "Option::is_none")]
    pub zero_date: Option<ValueConfig>,
    /// A day that no calendar has: `2023-02-30`.
    #[serde(deserialize_with = "policy", skip_serializing_if = "Option::is_none")]
    pub invalid_date: Option<ValueConfig>,
    /// U+0000 in a text, where the target's texts have none (PostgreSQL).
    #[serde(deserialize_with = "policy", skip_serializing_if = "Option::is_none")]
    pub nul_in_text: Option<ValueConfig>,
    /// Bytes that are no text in the encoding they should have.
    #[serde(deserialize_with = "policy", skip_serializing_if = "Option::is_none")]
    pub invalid_utf8: Option<ValueConfig>,
    /// NaN, where the target has only numbers.
    #[serde(deserialize_with = "policy", skip_serializing_if = "Option::is_none")]
    pub nan: Option<ValueConfig>,
    /// Infinity, where the target has only finite values.
    #[serde(deserialize_with = "policy", skip_serializing_if = "Option::is_none")]
    pub infinity: Option<BoundedValueConfig>,
    /// −0, where the target has one zero; the nearest value is 0.
    #[serde(deserialize_with = "policy", skip_serializing_if = "Option::is_none")]
    pub negative_zero: Option<BoundedValueConfig>,
    /// A number, date or time beyond the target's range.
    #[serde(deserialize_with = "policy", skip_serializing_if = "Option::is_none")]
    pub out_of_range: Option<BoundedValueConfig>,
    /// A text or bytes longer than the target's column.
    #[serde(deserialize_with = "policy", skip_serializing_if = "Option::is_none")]
    pub too_long: Option<BoundedValueConfig>,
    /// All other kinds, and bad values of no kind of their own.
    #[serde(deserialize_with = "policy", skip_serializing_if = "Option::is_none")]
    pub default: Option<ValueConfig>,
}

/// What is done with a bad value that has no nearest one.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ValueConfig {
    /// The first ends the run, whatever the limits are.
    Fail,
    /// The row goes to the dead letters; within the limits, where some are given.
    DeadLetter,
    /// NULL takes its place.
    Null,
}

/// What is done with a bad value that has a nearest one.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BoundedValueConfig {
    /// The first ends the run, whatever the limits are.
    Fail,
    /// The row goes to the dead letters; within the limits, where some are given.
    DeadLetter,
    /// NULL takes its place.
    Null,
    /// The nearest value that fits takes its place: a text is cut, a number or date is the largest
    /// or smallest there is.
    Clamp,
}

impl From<()> for ValueConfig {
    fn from((): ()) -> Self {
        Self::Null
    }
}

impl From<()> for BoundedValueConfig {
    fn from((): ()) -> Self {
        Self::Null
    }
}

/// A policy by its name. YAML and JSON have a `null` of their own, which means the policy here.
fn policy<'de, D, P>(deserializer: D) -> std::result::Result<Option<P>, D::Error>
where
    D: serde::Deserializer<'de>,
    P: Deserialize<'de> + From<()>,
{
    Ok(Some(Option::deserialize(deserializer)?.unwrap_or_else(|| P::from(()))))
}

impl ValuesConfig {
    pub(super) fn policies(&self) -> Result<ValuePolicies> {
        let plain = |policy: ValueConfig| match policy {
            ValueConfig::Fail => ValuePolicy::Fail,
            ValueConfig::DeadLetter => ValuePolicy::DeadLetter,
            ValueConfig::Null => ValuePolicy::Null,
        };
        let bounded = |policy: BoundedValueConfig| match policy {
            BoundedValueConfig::Fail => ValuePolicy::Fail,
            BoundedValueConfig::DeadLetter => ValuePolicy::DeadLetter,
            BoundedValueConfig::Null => ValuePolicy::Null,
            BoundedValueConfig::Clamp => ValuePolicy::Clamp,
        };
        let given = [
            ("zero_date", self.zero_date.map(plain)),
            ("invalid_date", self.invalid_date.map(plain)),
            ("nul_in_text", self.nul_in_text.map(plain)),
            ("invalid_utf8", self.invalid_utf8.map(plain)),
            ("nan", self.nan.map(plain)),
            ("infinity", self.infinity.map(bounded)),
            ("negative_zero", self.negative_zero.map(bounded)),
            ("out_of_range", self.out_of_range.map(bounded)),
            ("too_long", self.too_long.map(bounded)),
            ("default", self.default.map(plain)),
        ];
        let mut policies = ValuePolicies::default();
        for (kind, policy) in given {
            if let Some(policy) = policy {
                policies.set(kind, policy.name()).map_err(|e| e.at("errors.values"))?;
            }
        }
        Ok(policies)
    }
}
