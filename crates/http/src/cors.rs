//! What browsers let other sites do with this server (CORS, Fetch Standard §3.2): nothing, unless the configuration
//! names them. Cookies are never sent along from another site (`SameSite=Strict`), so credentials are never allowed; a page of
//! another site may bring a token.

use std::time::Duration;

use axum::http::{HeaderValue, Method, Response, header};
use tower_http::cors::{AllowOrigin, CorsLayer, ExposeHeaders};

use super::config::ServerConfig;

/// How long a browser may remember the answer to its preflight request.
const REMEMBERED: Duration = Duration::from_secs(3600);

/// Answers preflight requests and marks replies for the sites named; `None` where none is.
pub fn layer(config: &ServerConfig) -> Option<CorsLayer> {
    let origins: Vec<HeaderValue> = config
        .allowed_origins
        .iter()
        .filter_map(|origin| origin.parse().ok())
        .collect();
    (!origins.is_empty()).then(|| {
        CorsLayer::new()
            .allow_origin(AllowOrigin::list(origins))
            .allow_methods([Method::GET, Method::HEAD, Method::POST, Method::DELETE])
            .allow_headers([header::ACCEPT, header::AUTHORIZATION, header::CONTENT_TYPE])
            .expose_headers(ExposeHeaders::any())
            .max_age(REMEMBERED)
            .vary([header::ORIGIN])
    })
}

/// `Cross-Origin-Resource-Policy` of a reply: a site that may read it may embed it too.
pub fn resource_policy<B>(response: &Response<B>) -> Option<HeaderValue> {
    let allowed = response
        .headers()
        .contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN);
    Some(HeaderValue::from_static(match allowed {
        true => "cross-origin",
        false => "same-origin",
    }))
}
