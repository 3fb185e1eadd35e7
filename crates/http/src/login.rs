//! Where a browser of another machine shows a token once: videos and pictures in a page cannot bring a header along, so it is given a
//! cookie that no script reads and no other site sends (RFC 6265bis, `__Host-`, `HttpOnly`, `SameSite=Strict`).

use std::sync::Arc;

use access::AccessTime;
use axum::extract::rejection::FormRejection;
use axum::extract::{DefaultBodyLimit, FromRequest, Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::{Extension, Form};
use serde::Deserialize;

use super::app::App;
use super::config::seconds;
use super::door::CameBy;
use super::entry::{self, COOKIE, cookie};
use super::page;
use super::problem::{Kind, Problem, internal};

/// Longest form that is read.
const LONGEST: usize = 1 << 10;

/// What the form holds.
#[derive(Deserialize)]
struct Entered {
    token: String,
}

/// `GET /login`.
pub async fn page(Extension(came_by): Extension<CameBy>) -> Result<Response, Problem> {
    match came_by {
        // Nobody is asked for anything here.
        CameBy::Near => Ok(Redirect::to("/").into_response()),
        CameBy::Far(_) => page::login(""),
    }
}

/// `POST /login`: a token for a cookie.
pub async fn enter(
    State(app): State<Arc<App>>,
    Extension(came_by): Extension<CameBy>,
    request: Request,
) -> Result<Response, Problem> {
    let (CameBy::Far(from), Some(gate)) = (came_by, &app.gate) else {
        return Ok(Redirect::to("/").into_response());
    };
    let patience = app.config.body_timeout_s;
    let late = |_| Kind::BodyTimeout.because(format!("It was not complete after {patience} s."));
    let reading = tokio::time::timeout(seconds(patience), read(request)).await;
    let Form(Entered { token }) = reading
        .map_err(late)?
        .map_err(|error| Kind::BadQuery.because(error.body_text()))?;
    match gate.log_in(token.trim(), from, AccessTime::now()) {
        Ok((caller, secret)) => {
            entry::write_down(&app, Some(&caller), "logged in".into()).await;
            let age = gate.session().as_secs();
            let cookie = format!("{}; Max-Age={age}", laid_down(secret.text()));
            with_cookie(Redirect::to("/live"), &cookie)
        }
        Err(refusal) => {
            let said = entry::said(&refusal);
            let mut shown = page::login(&format!("Not let in: {refusal}."))?;
            *shown.status_mut() = said.status();
            let waits = said.headers().get(header::RETRY_AFTER);
            if let Some(wait) = waits {
                shown
                    .headers_mut()
                    .insert(header::RETRY_AFTER, wait.clone());
            }
            Ok(shown)
        }
    }
}

async fn read(mut request: Request) -> Result<Form<Entered>, FormRejection> {
    DefaultBodyLimit::max(LONGEST).apply(&mut request);
    Form::from_request(request, &()).await
}

/// `POST /logout`: the cookie is good for nothing any more.
pub async fn leave(State(app): State<Arc<App>>, headers: HeaderMap) -> Result<Response, Problem> {
    let lines = headers.get_all(header::COOKIE).iter();
    let lines = lines.filter_map(|line| line.to_str().ok());
    for ours in lines
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| cookie(pair.trim()))
    {
        if let Some(gate) = &app.gate {
            gate.log_out(ours);
        }
    }
    with_cookie(
        Redirect::to("/login"),
        &format!("{}; Max-Age=0", laid_down("")),
    )
}

fn laid_down(value: &str) -> String {
    format!("{COOKIE}={value}; Path=/; Secure; HttpOnly; SameSite=Strict")
}

fn with_cookie(redirect: Redirect, cookie: &str) -> Result<Response, Problem> {
    let cookie = HeaderValue::from_str(cookie).map_err(|error| internal(&error.to_string()))?;
    let mut response = redirect.into_response();
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    Ok(response)
}
