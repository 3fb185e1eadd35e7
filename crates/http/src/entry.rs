//! Whether a caller from another machine may do what it asks; and, of all callers, that what they changed is written down.
//!
//! Nobody is asked for anything who came by the door of this machine. By the other one each request shows a token (RFC 6750 §2.1),
//! or the cookie that [`login`](super::login) gave a browser for one.

use std::sync::Arc;
use std::time::SystemTime;

use access::{AccessTime, Caller, Credential, NotAdmitted, Scope};
use axum::Extension;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};

use super::app::App;
use super::door::CameBy;
use super::problem::Kind;
use super::upload;
use super::welcome::Welcome;

/// Says to browsers that this address is never to be called without TLS (RFC 6797), for a year.
const ALWAYS_TLS: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// A browser's cookie. The prefix has browsers take it by TLS, from this very host and for all of it alone.
pub const COOKIE: &str = "__Host-espmedsam";

/// What a request needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Need {
    /// Nothing: whether the program runs may be asked by anybody, and where tokens are entered.
    Nothing,
    Token(Scope),
}

/// Middleware: lets in who may.
pub async fn guard(
    State(app): State<Arc<App>>,
    Extension(came_by): Extension<CameBy>,
    mut request: Request,
    next: Next,
) -> Response {
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map(MatchedPath::as_str);
    let need = needed(request.method(), route);
    let change = change(need, request.method(), route);
    let (caller, welcome) = match (came_by, need) {
        (CameBy::Near, _) | (_, Need::Nothing) => (None, Welcome::unbounded()),
        (CameBy::Far(from), Need::Token(scope)) => {
            let shown = shown(request.headers());
            let admitted = match &app.gate {
                Some(gate) => gate
                    .admit(shown, from, scope, AccessTime::now())
                    .map(|(caller, pass)| (caller, Welcome::while_holds(gate.clone(), pass))),
                None => Err(NotAdmitted::NoToken),
            };
            match admitted {
                Ok((caller, welcome)) => (Some(caller), welcome),
                Err(refusal) => {
                    let response = refused(&refusal, &request, route);
                    // Who is still sending would hear of a broken connection, and not of this.
                    upload::linger(request.into_body());
                    return sealed(response);
                }
            }
        }
    };
    request.extensions_mut().insert(welcome.clone());
    let response = welcome.bound(next.run(request).await);
    if let Some(change) = change.filter(|_| response.status().is_success()) {
        write_down(&app, caller.as_ref(), change).await;
    }
    match came_by {
        CameBy::Near => response,
        CameBy::Far(_) => sealed(response),
    }
}

/// What a request needs, by its route. What nobody thought of needs the most.
fn needed(method: &Method, route: Option<&str>) -> Need {
    let route = route.unwrap_or_default();
    let open = ["/health/live", "/v2/health/live", "/login", "/logout"];
    if open.contains(&route) {
        return Need::Nothing;
    }
    Need::Token(match route {
        _ if method.is_safe() => Scope::Read,
        "/v2/repository/index" => Scope::Read,
        "/v1/segment" => Scope::Segment,
        _ if route.starts_with("/v2/models/") && route.ends_with("/infer") => Scope::Segment,
        _ if ["/v1/live/", "/v1/sources", "/v1/gpio/"]
            .iter()
            .any(|steered| route.starts_with(steered)) =>
        {
            Scope::Control
        }
        _ => Scope::Admin,
    })
}

/// What is written down of a request, if it changes what others see.
fn change(need: Need, method: &Method, route: Option<&str>) -> Option<String> {
    let changes = matches!(need, Need::Token(Scope::Control | Scope::Admin));
    // The route and not the address: a source may be named after whom it shows.
    route
        .filter(|_| changes)
        .map(|route| format!("{method} {route}"))
}

/// What a caller shows, of the two ways; a token outweighs a cookie.
fn shown(headers: &HeaderMap) -> Credential<'_> {
    if let Some(line) = headers.get(header::AUTHORIZATION) {
        let line = line.to_str().unwrap_or_default();
        // The scheme's letters may be large or small (RFC 9110 §11.1).
        let token = line
            .split_at_checked(7)
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer "));
        return Credential::Token(token.map_or("", |(_, token)| token.trim()));
    }
    let cookies = headers.get_all(header::COOKIE).iter();
    let cookies = cookies.filter_map(|line| line.to_str().ok());
    let mut cookies = cookies.flat_map(|line| line.split(';'));
    let ours = cookies.find_map(|pair| cookie(pair.trim()));
    ours.map_or(Credential::None, Credential::Cookie)
}

/// What our cookie holds, if this is it.
pub fn cookie(pair: &str) -> Option<&str> {
    let (name, value) = pair.split_once('=')?;
    (name == COOKIE).then_some(value)
}

fn refused(refusal: &NotAdmitted, request: &Request, route: Option<&str>) -> Response {
    let unknown = matches!(refusal, NotAdmitted::NoToken | NotAdmitted::BadToken);
    if unknown && is_page(request, route) {
        return Redirect::to("/login").into_response();
    }
    said(refusal)
}

/// A refusal, as a problem and in HTTP's own terms (RFC 6750 §3, RFC 6585 §4).
pub fn said(refusal: &NotAdmitted) -> Response {
    let kind = match refusal {
        NotAdmitted::NoToken => Kind::NoToken,
        NotAdmitted::BadToken => Kind::BadToken,
        NotAdmitted::NotFor { .. } => Kind::NotForThis,
        NotAdmitted::TooSoon(_) => Kind::TooOften,
        NotAdmitted::NoRandom => Kind::Internal,
    };
    let mut text = refusal.to_string();
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    let mut response = kind.because(text + ".").into_response();
    let challenge = match refusal {
        NotAdmitted::NoToken => "Bearer realm=\"espmedsam\"".into(),
        NotAdmitted::BadToken => "Bearer realm=\"espmedsam\", error=\"invalid_token\"".into(),
        NotAdmitted::NotFor { needed, .. } => {
            format!("Bearer realm=\"espmedsam\", error=\"insufficient_scope\", scope=\"{needed}\"")
        }
        NotAdmitted::TooSoon(wait) => {
            let seconds = HeaderValue::from(wait.as_secs() + 1);
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
            return response;
        }
        NotAdmitted::NoRandom => return response,
    };
    if let Ok(challenge) = HeaderValue::from_str(&challenge) {
        response
            .headers_mut()
            .insert(header::WWW_AUTHENTICATE, challenge);
    }
    response
}

/// Whether a person would look at the answer, and is to be shown where tokens are entered.
fn is_page(request: &Request, route: Option<&str>) -> bool {
    let accepted = request.headers().get(header::ACCEPT);
    let accepted = accepted.and_then(|line| line.to_str().ok());
    let html = accepted.is_some_and(|line| line.contains("text/html"));
    request.method() == Method::GET && html && matches!(route, Some("/" | "/live"))
}

fn sealed(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::STRICT_TRANSPORT_SECURITY, ALWAYS_TLS);
    response
}

/// Writes a change down, before the caller is told that it was made.
pub async fn write_down(app: &App, caller: Option<&Caller>, change: String) {
    let Some(audit) = app.audit.clone() else {
        return;
    };
    let who = match caller {
        Some(caller) => format!("token {}", caller.token),
        None => "this device".into(),
    };
    let written = move || audit.write(&who, &change, SystemTime::now());
    match tokio::task::spawn_blocking(written).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, "a change could not be written down"),
        Err(error) => tracing::warn!(%error, "a change was not written down"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn need(method: &str, route: &str) -> Need {
        needed(&method.parse().unwrap(), Some(route))
    }

    #[test]
    fn every_described_operation_needs_what_the_table_says() {
        use Scope::{Admin, Control, Read, Segment};
        let document = super::super::router::openapi_json().unwrap();
        let document: serde_json::Value = serde_json::from_str(&document).unwrap();
        let mut found = Vec::new();
        for (path, operations) in document["paths"].as_object().unwrap() {
            for method in operations.as_object().unwrap().keys() {
                let method = method.to_uppercase();
                found.push((format!("{method} {path}"), need(&method, path)));
            }
        }
        let open = ["GET /health/live", "GET /v2/health/live"];
        let others = [
            (Segment, "POST /v1/segment"),
            (Segment, "POST /v2/models/{name}/infer"),
            (Segment, "POST /v2/models/{name}/versions/{version}/infer"),
            (Read, "POST /v2/repository/index"),
            (Admin, "POST /v2/repository/models/{name}/load"),
            (Admin, "POST /v2/repository/models/{name}/unload"),
            (Control, "DELETE /v1/sources/{name}"),
            (Control, "POST /v1/sources"),
            (Control, "POST /v1/gpio/trigger"),
        ];
        assert!(found.len() > 40, "{}", found.len());
        for (operation, need) in &found {
            let named = others.iter().find(|(_, named)| named == operation);
            let expected = match named {
                _ if open.contains(&operation.as_str()) => Need::Nothing,
                Some((scope, _)) => Need::Token(*scope),
                None if operation.starts_with("POST /v1/live/") => Need::Token(Control),
                None => {
                    assert!(operation.starts_with("GET "), "{operation} is in no table");
                    Need::Token(Read)
                }
            };
            assert_eq!(*need, expected, "{operation}");
        }
        for (_, named) in others {
            assert!(
                found.iter().any(|(operation, _)| operation == named),
                "{named}"
            );
        }
        assert_eq!(need("POST", "/v1/something-new"), Need::Token(Admin));
        assert_eq!(needed(&Method::GET, None), Need::Token(Read));
    }

    #[test]
    fn what_is_shown_is_read_as_it_may_be_written() {
        let of = |name: &'static str, value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, HeaderValue::from_static(value));
            match shown(&headers) {
                Credential::Token(token) => format!("token {token}"),
                Credential::Cookie(cookie) => format!("cookie {cookie}"),
                Credential::None => "none".into(),
            }
        };
        assert_eq!(of("authorization", "Bearer espm_a"), "token espm_a");
        assert_eq!(of("authorization", "bearer  espm_a "), "token espm_a");
        for other in ["Basic YTpi", "Bearer", "espm_a", ""] {
            assert_eq!(of("authorization", other), "token ", "{other}");
        }
        assert_eq!(
            of("cookie", "a=b; __Host-espmedsam=espm_c"),
            "cookie espm_c"
        );
        assert_eq!(
            of("cookie", "espmedsam=espm_c; x__Host-espmedsam=d"),
            "none"
        );
    }
}
