//! An answer of the REST API as a message.

use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use http_body_util::BodyExt;
use serde::de::DeserializeOwned;

use super::fault::GrpcFault;
use super::message::{
    BinaryParts, IndexedModel, ModelInferResponse, ReadyResponse, RepositoryIndexResponse,
    ServerMetadataResponse,
};
use crate::kserve::JSON_LENGTH;
use crate::problem::{Problem, internal};
use picture::NOTICE;

/// A good answer of the REST API, whole.
pub struct RestAnswer {
    headers: HeaderMap,
    body: Bytes,
}

impl RestAnswer {
    /// Takes an answer in; what was held of it for its client is free by then.
    ///
    /// # Errors
    /// The problem, if it is one.
    pub async fn of(mut response: Response) -> Result<Self, Problem> {
        if let Some(problem) = response.extensions_mut().remove::<Problem>() {
            return Err(problem);
        }
        if response.status() != StatusCode::OK {
            return Err(internal(&format!("an answer of {}", response.status())));
        }
        let (parts, body) = response.into_parts();
        let body = body.collect().await;
        let body = body.map_err(|error| internal(&error.to_string()))?;
        Ok(Self {
            headers: parts.headers,
            body: body.to_bytes(),
        })
    }

    /// Bytes of it.
    pub fn len(&self) -> usize {
        self.body.len()
    }

    /// A message that has the same fields.
    ///
    /// # Errors
    /// A fault of this program: the two differ.
    pub fn message<M: DeserializeOwned>(&self) -> Result<M, GrpcFault> {
        read(&self.body)
    }

    pub fn server(&self) -> Result<ServerMetadataResponse, GrpcFault> {
        let mut server: ServerMetadataResponse = self.message()?;
        // There is no other field for it.
        server.extensions.push(NOTICE.into());
        Ok(server)
    }

    pub fn index(&self) -> Result<RepositoryIndexResponse, GrpcFault> {
        let models: Vec<IndexedModel> = self.message()?;
        Ok(RepositoryIndexResponse { models })
    }

    /// The result, with each output's values as the binary data had them: they are not copied.
    pub fn inferred(&self) -> Result<ModelInferResponse, GrpcFault> {
        let length = self.headers.get(JSON_LENGTH);
        let length = length.and_then(|line| line.to_str().ok()?.parse().ok());
        let length: usize = length.ok_or_else(|| differ("no length of the JSON"))?;
        let mut rest = self.body.clone();
        if length > rest.len() {
            return Err(differ("the JSON is cut"));
        }
        let json = rest.split_to(length);
        let mut response: ModelInferResponse = read(&json)?;
        let parts: BinaryParts = read(&json)?;
        for output in parts.outputs {
            let length = output.parameters.binary_data_size;
            if length > rest.len() {
                return Err(differ("an output is cut"));
            }
            response.raw_output_contents.push(rest.split_to(length));
        }
        Ok(response)
    }
}

/// Whether it is ready. Not to be, and not to be there, is an answer to that and no error.
///
/// # Errors
/// Any other problem.
pub fn readiness(answer: Result<RestAnswer, Problem>) -> Result<ReadyResponse, GrpcFault> {
    match answer {
        Ok(answer) => answer.message(),
        Err(problem) => match problem.kind.status() {
            StatusCode::NOT_FOUND | StatusCode::SERVICE_UNAVAILABLE => {
                Ok(ReadyResponse { ready: false })
            }
            _ => Err(problem.into()),
        },
    }
}

fn read<M: DeserializeOwned>(json: &[u8]) -> Result<M, GrpcFault> {
    serde_json::from_slice(json).map_err(|error| differ(&error.to_string()))
}

fn differ(how: &str) -> GrpcFault {
    internal(&format!("gRPC and REST differ: {how}")).into()
}
