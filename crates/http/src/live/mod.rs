//! Live sources: what may be seen of them, in the forms that viewers take, and what a person can do to them.
//!
//! A viewer [`watch`]es; what it is sent is [`told`] as JSON, or drawn and encoded once for all lookers ([`gallery`]), and
//! only if there are any. Whoever is slow misses pictures and is told how many; it is always sent what may be shown at the
//! moment of sending, never what was queued.

mod cameras;
mod clips;
mod control;
mod draw;
mod events;
mod gallery;
mod latest;
mod pixels;
mod present;
mod query;
mod recorder;
mod region;
mod rendition;
mod socket;
mod sources;
mod stream;
mod surround;
mod told;
mod watch;

use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use self::gallery::Gallery;
pub use self::query::Asked;

use super::app::App;

/// Longest description of a source, bytes.
const DESCRIPTION: usize = 16 << 10;

/// Every route of live sources.
pub fn described() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(sources::list, sources::begin))
        .routes(routes!(sources::end))
        .routes(routes!(cameras::list))
        .routes(routes!(stream::stream))
        .routes(routes!(socket::socket))
        .routes(routes!(events::events))
        .routes(routes!(latest::json))
        .routes(routes!(latest::png))
        .routes(routes!(latest::jpeg))
        .routes(routes!(recorder::y4m))
        .routes(routes!(control::freeze))
        .routes(routes!(control::resume))
        .routes(routes!(control::modality))
        .routes(routes!(control::snapshot))
        .routes(routes!(clips::save))
        .routes(routes!(clips::list))
        .routes(routes!(clips::read))
        .routes(routes!(surround::propose))
        .routes(routes!(surround::picture))
        .routes(routes!(surround::confirm))
        .routes(routes!(pixels::rescale))
        .layer(DefaultBodyLimit::max(DESCRIPTION))
}
