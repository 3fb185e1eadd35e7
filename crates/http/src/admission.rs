//! Who may call: names this server goes by, and no other web site.
//!
//! On this machine there is no login, so a browser on it must not be turned into a tool of some web page:
//! - DNS rebinding (a foreign name that resolves to this machine) is stopped by checking `Host`;
//! - a form or script of another site that POSTs here is stopped by `Sec-Fetch-Site`, or by `Origin` from
//!   browsers without it. Programs that are no browser send neither.
//!
//! Sites that the configuration names are let through, and may read replies too (see [`cors`](super::cors)).

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Uri, header, uri::Authority};
use axum::middleware::Next;
use axum::response::Response;

use super::app::App;
use super::config::ServerConfig;
use super::door::CameBy;
use super::problem::{Kind, Problem, shortened};

/// Middleware: refuses misdirected and cross-site requests.
pub async fn guard(
    State(app): State<Arc<App>>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let far = matches!(request.extensions().get(), Some(CameBy::Far(_)));
    let host = check_host(&app.config, far, request.headers(), request.uri())?;
    // Browsers let any site open a WebSocket to anywhere: no rule but ours keeps it from reading.
    let socket = request.headers().contains_key(header::SEC_WEBSOCKET_KEY);
    if socket || !request.method().is_safe() {
        check_site(&app.config, request.headers(), &host)?;
    }
    Ok(next.run(request).await)
}

/// The name (with port) the client calls this server by, if it is one of ours.
///
/// By the door for other machines any name passes unless a list is set: what a page could do by rebinding, it could not without a
/// token, and a browser's cookie goes to the name it came from alone.
fn check_host(
    config: &ServerConfig,
    far: bool,
    headers: &HeaderMap,
    uri: &Uri,
) -> Result<Authority, Problem> {
    // One line, no more and no less (RFC 9112 §3.2): two, and a proxy in front may have gone by the other.
    let mut lines = headers.get_all(header::HOST).iter();
    let (Some(line), None) = (lines.next(), lines.next()) else {
        let count = headers.get_all(header::HOST).iter().count();
        return Err(Kind::BadHost.because(format!("The request has {count} `Host` lines.")));
    };
    let line = line.to_str().ok().and_then(|line| line.parse().ok());
    // An absolute request target outranks `Host` (RFC 9112 §3.2.2).
    let host: Authority = uri
        .authority()
        .cloned()
        .or(line)
        .ok_or_else(|| Kind::BadHost.because("The `Host` line holds no host."))?;
    let name = host.host().trim_start_matches('[').trim_end_matches(']');
    let elsewhere = far || !config.listen.ip().is_loopback();
    let open = elsewhere && config.allowed_hosts.is_empty();
    let local = || name.eq_ignore_ascii_case("localhost");
    // An address cannot be rebound: only names resolve to what their owner likes.
    let address = || name.parse::<IpAddr>().is_ok();
    if open || local() || address() || is_listed(config, &host) {
        Ok(host)
    } else {
        let host = shortened(host.as_str());
        Err(Kind::WrongHost.because(format!("The request was for '{host}'.")))
    }
}

/// Whether `allowed_hosts` has this host, on any port or on this one. No port is that of HTTP or HTTPS: behind a proxy
/// it may be either.
fn is_listed(config: &ServerConfig, host: &Authority) -> bool {
    let same_port = |port: u16| {
        host.port_u16()
            .map_or(matches!(port, 80 | 443), |own| own == port)
    };
    config
        .allowed_hosts
        .iter()
        .filter_map(|entry| entry.parse::<Authority>().ok())
        .any(|entry| {
            entry.host().eq_ignore_ascii_case(host.host()) && entry.port_u16().is_none_or(same_port)
        })
}

/// Refuses a state-changing request that a browser sends on behalf of another site.
fn check_site(config: &ServerConfig, headers: &HeaderMap, host: &Authority) -> Result<(), Problem> {
    let read = |name: &str| {
        headers
            .get(name)
            .map(|value| value.to_str().unwrap_or("unreadable"))
    };
    let origin = read("origin");
    let named = origin.is_some_and(|origin| config.allowed_origins.iter().any(|o| o == origin));
    // Behind a proxy `Host` may be a name of the inner network; the browser still knows the public one.
    let ours = |origin: &str| {
        let authority = origin.split_once("://").map(|(_, rest)| rest.parse());
        matches!(authority, Some(Ok(own)) if own == *host || is_listed(config, &own))
    };
    let welcome = match (read("sec-fetch-site"), origin) {
        _ if named => true,
        (Some(site), _) => matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => ours(origin),
        (None, None) => true,
    };
    if welcome {
        Ok(())
    } else {
        Err(Kind::CrossSite.because("The browser says that another site sent this request."))
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

    fn site_passes(config: &ServerConfig, pairs: &[(&'static str, &str)]) -> bool {
        let host = Authority::from_static("localhost:8080");
        check_site(config, &headers(pairs), &host).is_ok()
    }

    fn host_passes(config: &ServerConfig, host: &str) -> bool {
        check_host(
            config,
            false,
            &headers(&[("host", host)]),
            &Uri::from_static("/"),
        )
        .is_ok()
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
        assert!(check_host(&config, false, &HeaderMap::new(), &Uri::from_static("/")).is_err());
        let absolute = Uri::from_static("http://evil.example/v1/info");
        assert!(
            check_host(
                &config,
                false,
                &headers(&[("host", "localhost")]),
                &absolute
            )
            .is_err()
        );
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
        let passes = |pairs: &[_]| site_passes(&ServerConfig::default(), pairs);
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

    #[test]
    fn sites_that_are_named_pass_to_the_letter() {
        let config = ServerConfig {
            allowed_origins: vec!["https://viewer.example".into()],
            ..ServerConfig::default()
        };
        let passes = |origin| {
            site_passes(
                &config,
                &[("sec-fetch-site", "cross-site"), ("origin", origin)],
            )
        };
        assert!(passes("https://viewer.example"));
        for origin in [
            "http://viewer.example",
            "https://viewer.example:8443",
            "https://a.viewer.example",
            "https://viewer.example.evil",
            "null",
        ] {
            assert!(!passes(origin), "{origin}");
        }
    }

    #[test]
    fn behind_a_proxy_its_public_names_are_ours() {
        let config = ServerConfig {
            allowed_hosts: vec!["public.example".into(), "other.example:8443".into()],
            ..ServerConfig::default()
        };
        let passes = |origin| site_passes(&config, &[("origin", origin)]);
        for origin in [
            "https://public.example",
            "https://public.example:8443",
            "https://other.example:8443",
        ] {
            assert!(passes(origin), "{origin}");
        }
        for origin in [
            "https://other.example",
            "https://evil.example",
            "https://public.example.evil",
            "null",
        ] {
            assert!(!passes(origin), "{origin}");
        }
        // A browser that says more is believed.
        let other = ("origin", "https://public.example");
        assert!(!site_passes(
            &config,
            &[("sec-fetch-site", "cross-site"), other]
        ));
    }

    #[test]
    fn a_name_listed_with_a_port_counts_on_that_one() {
        let config = ServerConfig {
            allowed_hosts: vec!["box.local:8080".into(), "board.lan:80".into()],
            ..ServerConfig::default()
        };
        for host in [
            "box.local:8080",
            "BOX.local:8080",
            "board.lan",
            "board.lan:80",
        ] {
            assert!(host_passes(&config, host), "{host}");
        }
        for host in ["box.local", "box.local:8081", "board.lan:8080"] {
            assert!(!host_passes(&config, host), "{host}");
        }
    }

    #[test]
    fn there_is_one_host_line() {
        let mut two = headers(&[("host", "localhost")]);
        two.append("host", HeaderValue::from_static("localhost"));
        for bad in [two, HeaderMap::new(), headers(&[("host", "a b")])] {
            let config = ServerConfig::default();
            let problem = check_host(&config, false, &bad, &Uri::from_static("/")).unwrap_err();
            assert_eq!(problem.kind, Kind::BadHost, "{bad:?}");
        }
    }
}
