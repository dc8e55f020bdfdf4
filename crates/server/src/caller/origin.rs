//! Which pages may ask in somebody's name: those this node serves, and those it was told of.

use axum::http::{HeaderMap, HeaderValue, header, request::Parts};
use syncline_types::{Code, Error, Result};

/// Origins of pages (`https://console.example.com`) that are served elsewhere and may use this
/// node's API.
#[derive(Debug, Clone, Default)]
pub(crate) struct Origins(Vec<String>);

impl Origins {
    /// Those that were named.
    pub(crate) fn new(named: Vec<String>) -> Self {
        let plain = |origin: String| origin.trim_end_matches('/').to_ascii_lowercase();
        Self(named.into_iter().map(plain).collect())
    }

    /// Whether this one was named.
    pub(crate) fn contains(&self, origin: &HeaderValue) -> bool {
        let origin = origin.to_str().unwrap_or_default().to_ascii_lowercase();
        self.0.contains(&origin)
    }
}

/// Host and port a request was sent to, as its sender wrote them.
pub(crate) fn authority_of(parts: &Parts) -> Option<String> {
    // HTTP/2 has it in the URI.
    let in_uri = parts.uri.authority().map(|a| a.as_str().to_owned());
    in_uri.or_else(|| host(&parts.headers).map(str::to_owned))
}

fn host(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::HOST)?.to_str().ok()
}

/// Refuses a request that a page of somebody else has made in the name of who is signed in.
/// Browsers say with `Origin` where such a request comes from.
///
/// # Errors
/// [`Code::Forbidden`].
pub(crate) fn same_origin(parts: &Parts, allowed: &Origins) -> Result<()> {
    let Some(origin) = parts.headers.get(header::ORIGIN) else { return Ok(()) };
    let own = origin.to_str().ok().and_then(|o| o.split_once("://")).map(|(_, at)| at);
    let here = authority_of(parts);
    if allowed.contains(origin)
        || own.zip(here.as_deref()).is_some_and(|(a, b)| a.eq_ignore_ascii_case(b))
    {
        return Ok(());
    }
    Err(Error::new(Code::Forbidden, "the request comes from a page of another origin")
        .hint("start the server with --console-origin, where that page is its console"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_of_another_host_or_port_is_refused() {
        let allowed = Origins::new(vec!["https://console.example.com/".into()]);
        let asked = |origin: Option<&str>| {
            let mut request = axum::http::Request::builder().header("host", "Sync:7171");
            if let Some(origin) = origin {
                request = request.header("origin", origin);
            }
            let parts = request.body(()).unwrap().into_parts().0;
            same_origin(&parts, &allowed).is_ok()
        };
        assert!(asked(None));
        assert!(asked(Some("http://sync:7171")));
        assert!(asked(Some("https://console.example.com")));
        for other in ["http://sync", "http://sync:7172", "http://evil/sync:7171", "null", ""] {
            assert!(!asked(Some(other)), "{other}");
        }
    }
}
