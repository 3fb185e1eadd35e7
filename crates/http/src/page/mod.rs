//! The pages, and nothing from elsewhere: one for still pictures, one file; the [`live`] viewer.

mod live;
mod login;

use std::sync::LazyLock;

use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest, Sha256};

use super::problem::{Problem, internal};
use picture::frame::Format;

pub use live::{file, viewer};
pub use login::login;

/// The file, with the formats that are read in their places.
static PAGE: LazyLock<String> = LazyLock::new(|| {
    let list = |fact: fn(Format) -> &'static str, between| {
        let facts: Vec<_> = Format::ALL.iter().map(|format| fact(*format)).collect();
        facts.join(between)
    };
    include_str!("index.html")
        .replace(
            "%ACCEPT%",
            &[&list(Format::media_type, ","), ".dcm", ".dicom"].join(","),
        )
        .replace("%FORMATS%", &list(Format::name, ", "))
});

/// Allows the page's own script and style by their hashes (CSP Level 3 §2.3.1), pictures from here, calls to here,
/// and nothing else: text that slips into the page cannot run.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    format!(
        "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; img-src 'self' blob: data:; \
         connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        hash(&PAGE, "<script>", "</script>"),
        hash(&PAGE, "<style>", "</style>")
    )
});

/// SHA-256 of what stands between the two in a page, base64.
fn hash(page: &str, open: &str, close: &str) -> String {
    let inline = page
        .split_once(open)
        .and_then(|(_, rest)| rest.split_once(close))
        .map_or("", |(inline, _)| inline);
    BASE64_STANDARD.encode(Sha256::digest(inline))
}

/// `GET /`.
pub async fn page() -> Result<Response, Problem> {
    html(PAGE.as_str(), &POLICY)
}

/// A page under its policy.
fn html(page: impl Into<Body>, policy: &str) -> Result<Response, Problem> {
    let policy = HeaderValue::from_str(policy).map_err(|error| internal(&error.to_string()))?;
    let kind = HeaderValue::from_static("text/html; charset=utf-8");
    Ok((
        [
            (header::CONTENT_TYPE, kind),
            (header::CONTENT_SECURITY_POLICY, policy),
        ],
        page.into(),
    )
        .into_response())
}
