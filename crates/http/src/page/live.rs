//! The viewer of live video: a page whose style and scripts are files of their own, a trade each.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::super::problem::{Kind, Problem};
use super::html;

static VIEWER: LazyLock<String> =
    LazyLock::new(|| include_str!("live/live.html").replace("%NOTICE%", picture::NOTICE));

/// Scripts and style are this server's own files, its WebSocket and its pictures are its own, and nothing else is allowed.
/// Nothing that came from outside is ever given out as a script, and `nosniff` sees that it is not taken for one.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

macro_rules! files {
    ($($name:literal: $kind:ident),* $(,)?) => {
        [$(($name, $kind, include_str!(concat!("live/", $name)))),*]
    };
}

/// Name, media type, text.
static FILES: [(&str, &str, &str); 13] = files![
    "live.css": STYLE,
    "main.js": SCRIPT,
    "caliper.js": SCRIPT,
    "controls.js": SCRIPT,
    "crop.js": SCRIPT,
    "scale.js": SCRIPT,
    "figures.js": SCRIPT,
    "link.js": SCRIPT,
    "message.js": SCRIPT,
    "panel.js": SCRIPT,
    "stage.js": SCRIPT,
    "standing.js": SCRIPT,
    "trace.js": SCRIPT,
];

/// `GET /live`.
pub async fn viewer() -> Result<Response, Problem> {
    html(VIEWER.as_str(), POLICY)
}

/// `GET /live/{name}`.
pub async fn file(Path(name): Path<String>) -> Result<impl IntoResponse, Problem> {
    let (_, kind, text) = (FILES.iter().find(|(own, ..)| *own == name))
        .ok_or_else(|| Kind::NotFound.because("The viewer has no file of that name."))?;
    Ok(([(header::CONTENT_TYPE, *kind)], *text))
}
