//! The page on which a browser of another machine shows its token: a form, no script.

use std::sync::LazyLock;

use axum::response::Response;

use super::super::problem::Problem;
use super::{hash, html};

static LOGIN: LazyLock<String> =
    LazyLock::new(|| include_str!("login.html").replace("%NOTICE%", picture::NOTICE));

static POLICY: LazyLock<String> = LazyLock::new(|| {
    format!(
        "default-src 'none'; style-src 'sha256-{}'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
        hash(&LOGIN, "<style>", "</style>")
    )
});

/// The page, and what became of the last attempt, in words of ours.
///
/// # Errors
/// None in practice: the policy is plain text.
pub fn login(said: &str) -> Result<Response, Problem> {
    html(LOGIN.replace("%SAID%", said), &POLICY)
}
