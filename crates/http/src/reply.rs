//! A rendered report → the reply: its bytes as they are, what goes along with them as headers.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

use picture::report::{Form, Rendered, Times};

/// Type, essentials and times.
pub fn headers(form: Form, rendered: &Rendered) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for essential in &rendered.essentials {
        let name = format!("x-espmedsam-{}", essential.name);
        put(&mut headers, &name, &essential.value);
    }
    let always = [
        (header::CONTENT_TYPE, form.media_type()),
        (header::CACHE_CONTROL, "no-store"),
        // One address, several forms: caches and proxies must look at `Accept`.
        (header::VARY, "accept"),
    ];
    headers.extend(always.map(|(name, value)| (name, HeaderValue::from_static(value))));
    put(
        &mut headers,
        "server-timing",
        &server_timing(&rendered.times),
    );
    headers
}

/// As browsers show it (W3C Server Timing).
fn server_timing(times: &Times) -> String {
    let metrics = times
        .rows()
        .map(|time| format!("{};dur={:.3}", time.name, time.ms));
    metrics.collect::<Vec<_>>().join(", ")
}

/// Sets a header; a value that no header can carry (a manifest may hold any text) is left out.
fn put(headers: &mut HeaderMap, name: &str, value: &str) {
    if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_str(value)) {
        headers.insert(name, value);
    }
}
