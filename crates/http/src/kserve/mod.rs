//! KServe's Open Inference Protocol, version 2, over HTTP/REST with the binary tensor data extension
//! (<https://github.com/kserve/open-inference-protocol>), beside the API under `/v1` and with its limits.
//!
//! A model of the protocol is a modality ([`name`]). A request's way: [`infer`] → [`request`] (its JSON, bounded) → [`ask`]
//! (what is asked, lengths checked) → the engine's queue → [`answer`]. Whatever goes wrong is a problem of the API's, which
//! [`fault`] says in the protocol's words.

mod about;
mod answer;
mod ask;
mod bounds;
mod fault;
mod infer;
mod name;
mod outputs;
mod pixels;
mod repository;
mod request;
#[cfg(test)]
mod tests;
mod values;

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use self::answer::BinaryPart;
pub use self::ask::JSON_LENGTH;
pub use self::bounds::BINARY_SIZE;
pub use self::fault::{InferFault, reword};
pub use self::request::InferWanted;

use super::app::App;

/// Every route of the protocol.
pub fn described() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(about::server))
        .routes(routes!(about::live))
        .routes(routes!(about::ready))
        .routes(routes!(about::model))
        .routes(routes!(about::model_version))
        .routes(routes!(about::model_ready))
        .routes(routes!(about::version_ready))
        .routes(routes!(infer::infer))
        .routes(routes!(infer::infer_version))
        .routes(routes!(repository::index))
        .routes(routes!(repository::load))
        .routes(routes!(repository::unload))
}
