//! Who may call: names this server goes by, and no other web site.
//!
//! There is no login, so a browser on the same machine must not be turned into a tool of some web page:
//! - DNS rebinding (a foreign name that resolves to this machine) is stopped by checking `Host`;
//! - a form or script of another site that POSTs here is stopped by `Sec-Fetch-Site`, or by `Origin` from
//!   browsers without it. Programs that are no browser send neither.
//!
//! No CORS header is ever sent, so that other sites cannot read replies either.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Uri, header, uri::Authority};
use axum::middleware::Next;
use axum::response::Response;

use super::App;
use super::config::ServerConfig;
use super::problem::{Kind, Problem};

/// Middleware: refuses misdirected and cross-site requests.
pub async fn guard(
    State(app): State<Arc<App>>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let host = check_host(&app.config, request.headers(), request.uri())?;
    if !request.method().is_safe() {
        check_site(request.headers(), &host)?;
    }
    Ok(next.run(request).await)
}

/// The name (with port) the client calls this server by, if it is one of ours.
fn check_host(config: &ServerConfig, headers: &HeaderMap, uri: &Uri) -> Result<String, Problem> {
    let text = |value: &axum::http::HeaderValue| value.to_str().ok().map(str::to_owned);
    // An absolute request target outranks `Host` (RFC 9112 §3.2.2).
    let host = uri
        .authority()
        .map(|authority| authority.as_str().to_owned());
    let host = host.or_else(|| headers.get(header::HOST).and_then(text));
    let Some((host, authority)) =
        host.and_then(|host| host.parse::<Authority>().ok().map(|parsed| (host, parsed)))
    else {
        return Err(Kind::WrongHost.because("The request has no readable `Host` header."));
    };
    let name = authority
        .host()
        .trim_start_matches('[')
        .trim_end_matches(']');
    let open = !config.listen.ip().is_loopback() && config.allowed_hosts.is_empty();
    let listed = || {
        config
            .allowed_hosts
            .iter()
            .any(|allowed| allowed.eq_ignore_ascii_case(name))
    };
    let local = || name.eq_ignore_ascii_case("localhost");
    // An address cannot be rebound: only names resolve to what their owner likes.
    let address = || name.parse::<IpAddr>().is_ok();
    if open || local() || address() || listed() {
        Ok(host)
    } else {
        Err(Kind::WrongHost.because(format!("The request was for '{name}'.")))
    }
}

/// Refuses a state-changing request that a browser sends on behalf of another site.
fn check_site(headers: &HeaderMap, host: &str) -> Result<(), Problem> {
    let read = |name: &str| {
        headers
            .get(name)
            .map(|value| value.to_str().unwrap_or("unreadable"))
    };
    let foreign = match (read("sec-fetch-site"), read("origin")) {
        (Some(site), _) => !matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => origin
            .split_once("://")
            .is_none_or(|(_, own)| !own.eq_ignore_ascii_case(host)),
        (None, None) => false,
    };
    if foreign {
        Err(Kind::CrossSite.because("The browser says that another site sent this request."))
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_str(value).unwrap()))
            .collect()
    }

    fn host_passes(config: &ServerConfig, host: &str) -> bool {
        check_host(config, &headers(&[("host", host)]), &Uri::from_static("/")).is_ok()
    }

    #[test]
    fn on_loopback_only_own_names_and_addresses_pass() {
        let config = ServerConfig {
            allowed_hosts: vec!["board.lan".into()],
            ..ServerConfig::default()
        };
        for host in [
            "localhost",
            "LOCALHOST:8080",
            "127.0.0.1:8080",
            "[::1]:8080",
            "192.168.0.7",
            "board.lan:80",
        ] {
            assert!(host_passes(&config, host), "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:8080",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "",
        ] {
            assert!(!host_passes(&config, host), "{host}");
        }
        assert!(check_host(&config, &HeaderMap::new(), &Uri::from_static("/")).is_err());
        let absolute = Uri::from_static("http://evil.example/v1/info");
        assert!(check_host(&config, &headers(&[("host", "localhost")]), &absolute).is_err());
    }

    #[test]
    fn elsewhere_any_name_passes_unless_a_list_is_set() {
        let open = ServerConfig {
            listen: "0.0.0.0:80".parse().unwrap(),
            ..ServerConfig::default()
        };
        assert!(host_passes(&open, "anything.example"));
        let listed = ServerConfig {
            allowed_hosts: vec!["board.lan".into()],
            ..open
        };
        assert!(!host_passes(&listed, "anything.example"));
    }

    #[test]
    fn other_sites_are_refused_and_programs_pass() {
        let passes =
            |pairs: &[(&'static str, &str)]| check_site(&headers(pairs), "localhost:8080").is_ok();
        assert!(passes(&[]));
        assert!(passes(&[("sec-fetch-site", "same-origin")]));
        assert!(passes(&[("origin", "http://localhost:8080")]));
        assert!(!passes(&[("sec-fetch-site", "cross-site")]));
        assert!(!passes(&[("sec-fetch-site", "same-site")]));
        assert!(!passes(&[("origin", "http://localhost:3000")]));
        assert!(!passes(&[("origin", "null")]));
        assert!(!passes(&[
            ("sec-fetch-site", "cross-site"),
            ("origin", "http://localhost:8080")
        ]));
    }
}
