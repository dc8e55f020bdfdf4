//! What a provider says of a person, and who that is here.

use serde_json::{Map, Value};
use syncline_types::{Code, Error, Result};

use super::refused;
use crate::caller::Role;
use crate::config::Provider;
use crate::people::check_name;

/// Seconds that clocks may differ by.
const LEEWAY: i64 = 60;

/// Who somebody is to the provider, and what they are to be here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Person {
    /// Issuer and subject: who they are, whatever they are called.
    pub(crate) subject: String,
    /// What they are called.
    pub(crate) name: String,
    /// How far they may go.
    pub(crate) role: Role,
}

/// What a provider says of a person.
pub(super) struct Claims(Map<String, Value>);

impl Claims {
    pub(super) fn read(payload: &[u8]) -> Result<Self> {
        let read = serde_json::from_slice(payload);
        read.map(Self).map_err(|_| refused("its token cannot be read"))
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    /// Refuses what was not said by this provider, to this client, for this sign-in, now.
    pub(super) fn check(&self, provider: &Provider, nonce: &str, now: i64) -> Result<()> {
        if self.text("iss") != Some(&provider.issuer) {
            return Err(refused("its token is another provider's"));
        }
        let id = provider.client_id.as_str();
        let audience = self.0.get("aud");
        let (meant, others) = match audience {
            Some(Value::String(one)) => (one == id, false),
            Some(Value::Array(all)) => (all.iter().any(|one| one == id), all.len() > 1),
            _ => (false, false),
        };
        let party = self.text("azp");
        if !meant || (others && party.is_none()) || party.is_some_and(|party| party != id) {
            return Err(refused("its token is meant for another program"));
        }
        let number = |name: &str| self.0.get(name).and_then(Value::as_f64).map(|n| n as i64);
        if number("exp").is_none_or(|at| at <= now - LEEWAY) {
            return Err(refused("its token has expired"));
        }
        if number("iat").is_none_or(|at| at > now + LEEWAY) {
            return Err(refused("its token comes from the future: a clock is wrong"));
        }
        if !self.text("nonce").is_some_and(|said| super::super::same(said, nonce)) {
            return Err(refused("its token belongs to another sign-in"));
        }
        Ok(())
    }

    /// Whether what is needed to know the person is there.
    pub(super) fn has(&self, provider: &Provider) -> bool {
        self.0.contains_key(&provider.role_claim) && self.text(&provider.name_claim).is_some()
    }

    /// Adds what the provider says of the same person elsewhere.
    pub(super) fn add(&mut self, more: Value) -> Result<()> {
        let Value::Object(more) = more else { return Err(refused("what it says of the person")) };
        // An answer about somebody else must not be mixed in (OpenID Connect Core, 5.3.2).
        if more.get("sub") != self.0.get("sub") {
            return Err(refused("it tells of another person"));
        }
        for (name, value) in more {
            self.0.entry(name).or_insert(value);
        }
        Ok(())
    }

    /// Who it is.
    pub(super) fn person(&self, provider: &Provider, roles: &[(String, Role)]) -> Result<Person> {
        let subject = self.text("sub").ok_or_else(|| refused("its token names nobody"))?;
        let name = self.text(&provider.name_claim).unwrap_or(subject);
        check_name(name).map_err(|_| refused("the name it gives cannot be a user's name here"))?;
        let given: Vec<&str> = match self.0.get(&provider.role_claim) {
            Some(Value::String(one)) => one.split(' ').collect(),
            Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        let role = roles.iter().filter(|(value, _)| given.contains(&value.as_str()));
        let role = role.map(|(_, role)| *role).max().ok_or_else(|| {
            Error::new(Code::Forbidden, format!("the provider gives {name} no role here")).hint(
                format!("roles come from the claim {:?}, by --oidc-role", provider.role_claim),
            )
        })?;
        // No issuer has a space in it.
        let subject = format!("{} {subject}", provider.issuer);
        Ok(Person { subject, name: name.to_owned(), role })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn provider() -> Provider {
        Provider {
            issuer: "https://id.example.com".into(),
            client_id: "syncline".into(),
            ..Provider::default()
        }
    }

    fn good() -> Value {
        json!({
            "iss": "https://id.example.com", "aud": "syncline", "sub": "7", "exp": 1000, "iat": 900,
            "nonce": "n", "preferred_username": "anna", "roles": ["staff", "ops"],
        })
    }

    #[test]
    fn what_was_said_to_others_or_long_ago_is_refused() {
        let check = |change: Value| {
            let mut claims = good();
            for (name, value) in change.as_object().unwrap() {
                claims[name] = value.clone();
            }
            let text = claims.to_string();
            Claims::read(text.as_bytes()).unwrap().check(&provider(), "n", 950)
        };
        check(json!({})).unwrap();
        check(json!({"aud": ["syncline"]})).unwrap();
        check(json!({"aud": ["other", "syncline"], "azp": "syncline"})).unwrap();
        check(json!({"exp": 900})).unwrap();
        for bad in [
            json!({"iss": "https://id.example.com/"}),
            json!({"aud": "other"}),
            json!({"aud": ["other"]}),
            json!({"aud": ["other", "syncline"]}),
            json!({"azp": "other"}),
            json!({"aud": null}),
            json!({"exp": 890}),
            json!({"exp": null}),
            json!({"iat": 1100}),
            json!({"nonce": "m"}),
            json!({"nonce": null}),
        ] {
            assert_eq!(check(bad.clone()).unwrap_err().code(), Code::NotSignedIn, "{bad}");
        }
    }

    #[test]
    fn a_role_is_the_highest_that_was_given() {
        let roles = [("staff".into(), Role::Viewer), ("ops".into(), Role::Operator)];
        let claims = |value: Value| Claims::read(value.to_string().as_bytes()).unwrap();
        let person = claims(good()).person(&provider(), &roles).unwrap();
        let subject = "https://id.example.com 7".to_owned();
        assert_eq!(person, Person { subject, name: "anna".into(), role: Role::Operator });
        let mut none = good();
        none["roles"] = json!("guest");
        let refused = claims(none).person(&provider(), &roles).unwrap_err();
        assert_eq!(refused.code(), Code::Forbidden);
        let mut other = claims(good());
        assert!(other.add(json!({"sub": "8", "x": 1})).is_err());
        other.add(json!({"sub": "7", "x": 1, "roles": ["admin"]})).unwrap();
        assert_eq!(other.person(&provider(), &roles).unwrap().role, Role::Operator);
    }
}
