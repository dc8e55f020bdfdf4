//! The console's files, which the binary carries, and the answer to every path that is nothing else.

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Response};
use rust_embed::{EmbeddedFile, RustEmbed};
use syncline_types::{Code, Error};
use tower_http::compression::CompressionLayer;

use crate::problem::Failed;
use crate::state::AppState;

/// What `npm run build` made. A debug build reads the folder; a release has it inside.
#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/../../console/dist"]
#[allow_missing = true]
struct Built;

/// Where everything begins that is no page of the console.
const NOT_PAGES: [&str; 6] = ["api", "assets", "docs", "healthz", "readyz", "metrics"];

/// Nothing but what this server sends; the component library and the editor set styles.
const POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; \
                      form-action 'self'; object-src 'none'";

/// Answers whatever no other route does.
pub(crate) fn router() -> Router<AppState> {
    Router::new().fallback(answer).layer(CompressionLayer::new())
}

async fn answer(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path().trim_start_matches('/');
    if method != Method::GET && method != Method::HEAD {
        return nothing(uri.path());
    }
    if path == "config.json" {
        let json = [(header::CONTENT_TYPE, "application/json")];
        return guarded((json, r#"{"api":"/api/v1"}"#).into_response(), "no-cache");
    }
    let name = if path.is_empty() { "index.html" } else { path };
    if let Some(file) = find(name) {
        return file_of(name, file, &headers);
    }
    if !is_page(path) {
        return nothing(uri.path());
    }
    match find("index.html") {
        Some(file) => file_of("index.html", file, &headers),
        None => guarded((StatusCode::NOT_FOUND, Html(NOT_BUILT)).into_response(), "no-cache"),
    }
}

/// A built file of exactly that name. Names that lead elsewhere are none, encoded or not: what a
/// file is called is never decoded.
fn find(name: &str) -> Option<EmbeddedFile> {
    let plain = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.contains('\\');
    name.split('/').all(plain).then(|| Built::get(name)).flatten()
}

/// Whether a path is one that the console gives to a page of its own: without an extension, and
/// none of what the server answers itself.
fn is_page(path: &str) -> bool {
    let mut parts = path.split('/');
    let first = parts.next().unwrap_or_default();
    // No page's name begins with a dot, encoded or not.
    let dotted = |part: &str| part.starts_with('.') || part.to_lowercase().starts_with("%2e");
    let traverses = path.split('/').any(dotted);
    // Names of connections and jobs may have dots; only what lies in the root can be a file.
    let file = parts.next().is_none() && first.contains('.');
    !NOT_PAGES.contains(&first) && !file && !traverses
}

fn file_of(name: &str, file: EmbeddedFile, headers: &HeaderMap) -> Response {
    // Weak: the same file may go out compressed.
    let tag = format!("W/\"{}\"", hex::encode(&file.metadata.sha256_hash()[..12]));
    // Vite writes what a file holds into its name.
    let caching = match name.starts_with("assets/") {
        true => "public, max-age=31536000, immutable",
        false => "no-cache",
    };
    let known = headers.get(header::IF_NONE_MATCH).and_then(|v| v.to_str().ok());
    let fresh = known.is_some_and(|known| known.split(',').any(|one| one.trim() == tag));
    let mut response = if fresh {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let kind = [(header::CONTENT_TYPE, kind(name))];
        (kind, Body::from(file.data.into_owned())).into_response()
    };
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    guarded(response, caching)
}

/// What keeps a browser from doing more with it than is meant.
pub(crate) fn guarded(mut response: Response, caching: &'static str) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CACHE_CONTROL, caching),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

fn nothing(path: &str) -> Response {
    let error = Error::new(Code::NotFound, format!("there is nothing at {path}"))
        .hint("the API is described at /docs/api");
    Failed(error).into_response()
}

/// The media type by the extension: those that Vite writes.
fn kind(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "wasm" => "application/wasm",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

const NOT_BUILT: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
<title>Syncline</title><h1>Syncline</h1>\
<p>The server runs; its console was not built into it. In a checkout: \
<code>cd console &amp;&amp; npm ci &amp;&amp; npm run build</code>, then build the binary again.</p>\
<p><a href=\"/docs/api\">The API</a></p></html>";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_deep_links_lead_to_the_console() {
        for page in ["", "runs", "runs/0198", "connections/shop.v2", "jobs/a/edit"] {
            assert!(is_page(page), "{page}");
        }
        for other in [
            "api/v1/nothing",
            "assets/gone.js",
            "favicon.png",
            "docs/nothing",
            "metrics/x",
            "runs/../../etc/passwd",
            "runs/%2e%2e/etc/passwd",
            "runs/..%2f..%2fetc%2fpasswd",
        ] {
            assert!(!is_page(other), "{other}");
        }
    }

    #[test]
    fn names_that_lead_out_of_the_folder_are_no_files() {
        for name in ["../Cargo.toml", "assets/../../package.json", "/etc/passwd", ".git", "a//b"] {
            assert!(find(name).is_none(), "{name}");
        }
    }
}
