//! KServe's Open Inference Protocol over gRPC: a second envelope of [`kserve`](super::kserve), not a second implementation.
//!
//! A call's way: [`mod@listen`] (HTTP/2, bounded) → [`call`] → [`frame`] (its one message) → [`bulk`] (what it may have many of) →
//! [`message`] (fields) → [`ask`] (the REST request that means the same) → the router, with all its limits → [`tell`] (its answer
//! as a message). Whatever goes wrong is a [`fault`] with a code of gRPC's.
//!
//! A call is one message either way (unary), so what there is of gRPC over HTTP/2 (its document PROTOCOL-HTTP2) is a prefix of
//! five bytes and two trailers. They are read here, since libraries of gRPC take as much memory as a prefix says at once, and
//! this way a message is received as every other body is: by its bytes, within a budget that all share.

mod ask;
mod bulk;
mod call;
mod fault;
mod frame;
mod listen;
mod message;
mod percent;
mod quiet;
mod rpc;
mod tell;
#[cfg(test)]
mod tests;

pub use self::call::grpc_router;
pub use self::listen::listen;
