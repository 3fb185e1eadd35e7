//! Which address is answered by what, and what lies around all of them.

use std::any::Any;
use std::sync::{Arc, LazyLock};

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, Uri, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Router, body::Bytes};
use picture::segmenter::EngineError;
use tower::{Layer, ServiceBuilder};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::normalize_path::NormalizePathLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::trace::TraceLayer;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::app::{App, ServedParts};
use super::config::ServerConfig;
use super::door::CameBy;
use super::problem::{Kind, Problem};
use super::{
    admission, bill, catalog, cors, entry, gpio, kserve, live, login, metrics, page, problem,
    samples, scrape, segment,
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "espmedsam",
        description = "Prompt-free medical image segmentation on the device. Research use only. Not for clinical use."
    ),
    components(schemas(problem::ProblemBody, kserve::InferFault, kserve::InferWanted)),
    modifiers(&Tokens),
    // On this machine nothing is shown.
    security((), ("token" = []))
)]
struct Api;

/// What callers from other machines show.
struct Tokens;

impl Modify for Tokens {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let token = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some(
                "From other machines; `espmedsam access add` makes one (docs/access.md)",
            ));
        let components = openapi.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(token.build()));
    }
}

/// Every route that the OpenAPI document describes.
fn described() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::with_openapi(Api::openapi())
        .routes(routes!(segment::segment))
        .routes(routes!(catalog::modalities))
        .routes(routes!(catalog::models))
        .routes(routes!(catalog::info))
        .routes(routes!(bill::bill))
        .routes(routes!(catalog::live))
        .routes(routes!(catalog::ready))
        .routes(routes!(samples::list))
        .routes(routes!(samples::picture))
        .routes(routes!(problem::list))
        .routes(routes!(problem::explain))
        .routes(routes!(scrape::scrape))
        .routes(routes!(gpio::look))
        .routes(routes!(gpio::trigger))
        .merge(live::described())
        .merge(kserve::described())
}

/// The OpenAPI document, as it is served and as it is checked in at `docs/openapi.json`.
///
/// # Errors
/// None in practice: the document is plain data.
pub fn openapi_json() -> Result<String, serde_json::Error> {
    Ok(described().into_openapi().to_pretty_json()? + "\n")
}

/// The whole API as a service, for tests without a socket and for [`serve`](crate::serve()).
///
/// Takes `config` as checked: see [`ServerConfig::check`].
pub fn router(config: ServerConfig, parts: impl Into<ServedParts>) -> Router {
    routes(App::new(config, parts)).layer(Extension(CameBy::Near))
}

pub(super) fn routes(app: Arc<App>) -> Router {
    let (routes, _) = described().split_for_parts();
    let always = |name: HeaderName, value| {
        SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
    };
    let layers = ServiceBuilder::new()
        .layer(from_fn_with_state(
            app.meters.requests.clone(),
            metrics::count,
        ))
        .layer(from_fn(kserve::reword))
        .layer(TraceLayer::new_for_http().make_span_with(span))
        .layer(always(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(always(header::CACHE_CONTROL, "no-store"))
        .layer(always(header::REFERRER_POLICY, "no-referrer"))
        .layer(SetResponseHeaderLayer::if_not_present(
            HeaderName::from_static("cross-origin-resource-policy"),
            cors::resource_policy,
        ))
        .option_layer(cors::layer(&app.config))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn_with_state(app.clone(), admission::guard))
        .layer(from_fn_with_state(app.clone(), entry::guard))
        .layer(from_fn_with_state(app.clone(), until_the_end));
    let routes = routes
        .route("/", get(page::page))
        .route("/live", get(page::viewer))
        .route("/live/{name}", get(page::file))
        .route("/openapi.json", get(openapi))
        .route("/login", get(login::page).post(login::enter))
        .route("/logout", post(login::leave))
        .fallback(not_found)
        .method_not_allowed_fallback(wrong_method)
        .layer(layers)
        .with_state(app);
    // Around the routes, not among them: a slash at the end has to go before they are chosen by.
    Router::new().fallback_service(NormalizePathLayer::trim_trailing_slash().layer(routes))
}

/// What is logged with all that happens in a request, where somebody asked for so much: nothing that its client wrote.
fn span(request: &Request) -> tracing::Span {
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map_or("none", MatchedPath::as_str);
    tracing::debug_span!("request", method = %request.method(), route)
}

/// Answers what is still waiting when the end comes; dropping the rest gives it up.
async fn until_the_end(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let mut ending = app.ending.subscribe();
    tokio::select! {
        response = next.run(request) => response,
        _ = ending.wait_for(|ending| *ending) => Problem::from(EngineError::Stopped).into_response(),
    }
}

async fn openapi(State(_): State<Arc<App>>) -> Result<Response, Problem> {
    // Made once: it takes milliseconds of a core, which whoever asks again and again would have of others.
    static MADE: LazyLock<Result<Bytes, serde_json::Error>> =
        LazyLock::new(|| openapi_json().map(Bytes::from));
    let document = MADE.as_ref();
    let document = document.map_err(|error| problem::internal(&error.to_string()))?;
    let kind = [(header::CONTENT_TYPE, "application/json")];
    Ok((kind, document.clone()).into_response())
}

async fn not_found(uri: Uri) -> Problem {
    Kind::NotFound.because(format!("There is no '{}'.", uri.path()))
}

async fn wrong_method(method: Method, uri: Uri) -> Problem {
    Kind::MethodNotAllowed.because(format!("'{}' is not asked for with {method}.", uri.path()))
}

fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    problem::internal(&text.unwrap_or_else(|| "a panic without words".into())).into_response()
}
