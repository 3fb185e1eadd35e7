//! Pages of other sites that the configuration names, and those it does not.

use super::support::{ASK, Reply, Server, picture};
use espmedsam_http::ServerConfig;

const VIEWER: &str = "https://viewer.example";

fn server(allowed_origins: &[&str]) -> Server {
    Server::start(
        ServerConfig {
            allowed_origins: allowed_origins.iter().map(|o| (*o).into()).collect(),
            ..ServerConfig::default()
        },
        8,
    )
}

/// A POST as a browser sends it for a page of `origin`.
fn post(server: &Server, origin: &str) -> Reply {
    let headers = format!("Origin: {origin}\r\nSec-Fetch-Site: cross-site\r\n");
    server.post(ASK, &headers, &picture(40, 40, [5, 5, 9, 9]))
}

fn preflight(server: &Server, origin: &str) -> Reply {
    let head = format!(
        "OPTIONS {ASK} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nOrigin: {origin}\r\n\
         Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: content-type\r\n\r\n",
        server.addr
    );
    server.send(&head, b"")
}

const ALLOWED: &str = "access-control-allow-origin";

#[test]
fn a_named_site_may_ask_and_read() {
    let server = server(&[VIEWER, "http://localhost:3000"]);
    let asked = preflight(&server, VIEWER);
    assert_eq!((asked.status, asked.header(ALLOWED)), (200, Some(VIEWER)));
    for (name, wanted) in [("methods", "POST"), ("headers", "content-type")] {
        let allowed = asked
            .header(&format!("access-control-allow-{name}"))
            .unwrap();
        assert!(allowed.contains(wanted), "{allowed}");
    }
    let reply = post(&server, VIEWER);
    assert_eq!((reply.status, reply.header(ALLOWED)), (200, Some(VIEWER)));
    assert_eq!(reply.header("access-control-expose-headers"), Some("*"));
    assert_eq!(reply.header("access-control-allow-credentials"), None);
    assert_eq!(
        reply.header("cross-origin-resource-policy"),
        Some("cross-origin")
    );
    let vary = |line: &str| line.eq_ignore_ascii_case("vary: origin");
    assert!(reply.head.lines().any(vary), "{}", reply.head);
    // It reads what went wrong, too.
    let bad = server.post("/v1/segment", &format!("Origin: {VIEWER}\r\n"), b"x");
    bad.assert_problem(400, "missing-modality");
    assert_eq!(bad.header(ALLOWED), Some(VIEWER));
}

#[test]
fn a_site_that_is_not_named_may_do_neither() {
    let server = server(&[VIEWER]);
    for origin in [
        "https://evil.example",
        "http://viewer.example",
        "https://viewer.example:8443",
        "null",
    ] {
        assert_eq!(preflight(&server, origin).header(ALLOWED), None, "{origin}");
        let reply = post(&server, origin);
        reply.assert_problem(403, "cross-site");
        assert_eq!(reply.header(ALLOWED), None, "{origin}");
        assert_eq!(
            reply.header("cross-origin-resource-policy"),
            Some("same-origin")
        );
        // Caches must not hand this to the site that is named.
        assert!(reply.head.to_ascii_lowercase().contains("vary: origin"));
    }
}

#[test]
fn a_page_without_origin_is_let_in_only_by_name() {
    let server = server(&["null"]);
    assert_eq!(post(&server, "null").header(ALLOWED), Some("null"));
    post(&server, VIEWER).assert_problem(403, "cross-site");
}

#[test]
fn unless_set_no_site_is_answered() {
    let server = server(&[]);
    preflight(&server, VIEWER).assert_problem(405, "method-not-allowed");
    let reply = server.send(
        &format!(
            "GET /v1/info HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nOrigin: {VIEWER}\r\n\r\n",
            server.addr
        ),
        b"",
    );
    assert_eq!((reply.status, reply.header(ALLOWED)), (200, None));
    assert_eq!(
        reply.header("cross-origin-resource-policy"),
        Some("same-origin")
    );
    assert!(!reply.head.to_ascii_lowercase().contains("vary"));
}

#[test]
fn behind_a_proxy_the_public_name_is_no_other_site() {
    let server = Server::start(
        ServerConfig {
            allowed_hosts: vec!["public.example".into()],
            ..ServerConfig::default()
        },
        8,
    );
    let png = picture(40, 40, [5, 5, 9, 9]);
    let from = |origin: &str| server.post(ASK, &format!("Origin: {origin}\r\n"), &png);
    assert_eq!(from("https://public.example").status, 200);
    from("https://evil.example").assert_problem(403, "cross-site");
}
