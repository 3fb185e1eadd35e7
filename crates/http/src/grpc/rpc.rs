//! What can be called: one list, and what each call asks and is told.

use axum::body::Bytes;
use prost::Message;

use super::ask::{RestAsk, in_model};
use super::bulk::{self, ENVELOPE, unreadable};
use super::fault::{GrpcCode, GrpcFault};
use super::frame::framed;
use super::message::{
    ModelMetadataResponse, ModelNamed, RepositoryModelResponse, ServerLiveResponse,
};
use super::tell::{RestAnswer, readiness};
use crate::problem::Problem;

/// Where the protocol is.
const SERVICE: &str = "/inference.GRPCInferenceService/";

/// A call of `GRPCInferenceService` that is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rpc {
    ServerLive,
    ServerReady,
    ModelReady,
    ServerMetadata,
    ModelMetadata,
    ModelInfer,
    RepositoryIndex,
    RepositoryModelLoad,
    RepositoryModelUnload,
}

impl Rpc {
    /// The one at this address.
    ///
    /// # Errors
    /// [`GrpcCode::Unimplemented`].
    pub fn at(path: &str) -> Result<Self, GrpcFault> {
        let served = match path.strip_prefix(SERVICE) {
            Some("ServerLive") => Self::ServerLive,
            Some("ServerReady") => Self::ServerReady,
            Some("ModelReady") => Self::ModelReady,
            Some("ServerMetadata") => Self::ServerMetadata,
            Some("ModelMetadata") => Self::ModelMetadata,
            Some("ModelInfer") => Self::ModelInfer,
            Some("RepositoryIndex") => Self::RepositoryIndex,
            Some("RepositoryModelLoad") => Self::RepositoryModelLoad,
            Some("RepositoryModelUnload") => Self::RepositoryModelUnload,
            _ => {
                return Err(GrpcFault::new(
                    GrpcCode::Unimplemented,
                    "This call is not served; docs/kserve.md lists those that are.",
                ));
            }
        };
        Ok(served)
    }

    /// The REST request that means the same.
    ///
    /// # Errors
    /// A message that cannot be read, has too many fields, or says two things.
    pub fn ask(self, message: Bytes) -> Result<RestAsk, GrpcFault> {
        match self {
            Self::ModelInfer => bulk::check(&message)?,
            _ if message.len() > ENVELOPE => {
                return Err(GrpcFault::new(
                    GrpcCode::ResourceExhausted,
                    format!("The message has more than {ENVELOPE} bytes."),
                ));
            }
            _ => {}
        }
        let model = |rest| {
            let ModelNamed { name, version } = read(message.clone())?;
            Ok(RestAsk::get(in_model(&name, &version, rest)))
        };
        match self {
            Self::ServerLive => Ok(RestAsk::get("/v2/health/live")),
            Self::ServerReady => Ok(RestAsk::get("/v2/health/ready")),
            Self::ServerMetadata => Ok(RestAsk::get("/v2")),
            Self::ModelReady => model("/ready"),
            Self::ModelMetadata => model(""),
            Self::ModelInfer => Ok(RestAsk::infer(read(message)?)?),
            Self::RepositoryIndex => Ok(RestAsk::index(&read(message)?)),
            Self::RepositoryModelLoad => Ok(RestAsk::change(&read(message)?, "load")),
            Self::RepositoryModelUnload => Ok(RestAsk::change(&read(message)?, "unload")),
        }
    }

    /// The message, as it is sent, that says what the REST API answered.
    ///
    /// # Errors
    /// Its problem; a fault of this program.
    pub fn tell(self, answer: Result<RestAnswer, Problem>) -> Result<Vec<u8>, GrpcFault> {
        match self {
            Self::ServerReady | Self::ModelReady => framed(&readiness(answer)?),
            Self::ServerLive => framed(&answer?.message::<ServerLiveResponse>()?),
            Self::ServerMetadata => framed(&answer?.server()?),
            Self::ModelMetadata => framed(&answer?.message::<ModelMetadataResponse>()?),
            Self::ModelInfer => framed(&answer?.inferred()?),
            Self::RepositoryIndex => framed(&answer?.index()?),
            Self::RepositoryModelLoad | Self::RepositoryModelUnload => {
                answer?;
                framed(&RepositoryModelResponse {})
            }
        }
    }
}

fn read<M: Message + Default>(message: Bytes) -> Result<M, GrpcFault> {
    M::decode(message).map_err(|_| unreadable())
}
