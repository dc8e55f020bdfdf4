//! Cookies: the session's, and the one that a sign-in with a provider is tied to.

use axum::http::{HeaderMap, HeaderValue, header};

/// How cookies are named and marked on this node.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cookies {
    /// Browsers may send them over TLS only.
    pub(crate) secure: bool,
}

impl Cookies {
    /// The session's name. The prefix makes browsers refuse one that another host or an
    /// unencrypted page has set.
    pub(crate) fn session(self) -> &'static str {
        if self.secure { "__Host-syncline_session" } else { "syncline_session" }
    }

    /// The name of what a sign-in with a provider is tied to.
    pub(crate) fn sign_in(self) -> &'static str {
        if self.secure { "__Host-syncline_sign_in" } else { "syncline_sign_in" }
    }

    /// The header that sets a cookie for so many seconds; 0 takes it away.
    pub(crate) fn set(self, name: &str, value: &str, seconds: i64) -> Option<HeaderValue> {
        let secure = if self.secure { "; Secure" } else { "" };
        let text =
            format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}{secure}");
        HeaderValue::from_str(&text).ok()
    }

    /// The value of a cookie in a request.
    pub(crate) fn get<'a>(self, headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
        headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|header| header.to_str().ok())
            .flat_map(|header| header.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .find_map(|(found, value)| (found == name && !value.is_empty()).then_some(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_found_by_its_whole_name() {
        let mut headers = HeaderMap::new();
        let cookies = Cookies { secure: false };
        assert_eq!(cookies.get(&headers, "a"), None);
        headers.append(header::COOKIE, HeaderValue::from_static("xa=1; a=2;b=;  c=4=5"));
        headers.append(header::COOKIE, HeaderValue::from_static("d=6"));
        for (name, value) in [("a", Some("2")), ("b", None), ("c", Some("4=5")), ("d", Some("6"))] {
            assert_eq!(cookies.get(&headers, name), value, "{name}");
        }
        let set = Cookies { secure: true }.set("a", "b", 60).unwrap();
        let set = set.to_str().unwrap();
        for mark in ["a=b;", "HttpOnly", "SameSite=Lax", "Secure", "Max-Age=60", "Path=/"] {
            assert!(set.contains(mark), "{set}");
        }
    }
}
