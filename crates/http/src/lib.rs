//! The local HTTP API and its page. The only crate that knows axum; it knows the model as
//! [`Segmenter`](picture::segmenter::Segmenter) alone.
//!
//! A request's way: [`cors`], [`admission`] and, from other machines, [`entry`] (may this client call?) → [`segment`] → [`wish`] (what is asked?) →
//! [`upload`] (limits) → [`work`] (the engine's queue) → [`picture::report`] (rendering, on blocking threads) → [`reply`] (headers) →
//! [`held`] (given out as the client takes it). Whatever goes wrong on the way is a [`problem`].
//! [`kserve`] is another way in, by the Open Inference Protocol, through the same limits;
//! [`grpc`] has it in another envelope.
//! What happens is counted by [`metrics`], which [`scrape`] tells.

mod admission;
mod app;
mod bill;
mod board;
mod catalog;
mod config;
mod cors;
mod door;
mod entry;
mod gpio;
mod grpc;
mod held;
mod kserve;
mod live;
mod login;
mod metered;
mod metrics;
mod negotiate;
#[cfg(feature = "network")]
mod network;
mod page;
mod pool;
mod problem;
mod reply;
mod router;
mod samples;
mod scrape;
mod segment;
mod serve;
mod upload;
mod welcome;
mod wish;
mod work;

pub use app::ServedParts;
pub use config::{BadSetting, ServerConfig};
pub use door::{Door, Doors, FarDoor};
pub use grpc::grpc_router;
pub use metrics::{LiveMeter, ResultMeter};
pub use problem::{Kind, Problem};
pub use router::{openapi_json, router};
pub use serve::serve;
