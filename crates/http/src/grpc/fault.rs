//! What goes wrong, as gRPC says it: a code and a text, in trailers (PROTOCOL-HTTP2, "Responses").

use axum::http::{HeaderMap, HeaderValue, StatusCode};

use super::percent::percent_encoded;
use crate::kserve::InferFault;
use crate::problem::{Kind, Problem};

/// gRPC's status codes, of which these are used here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum GrpcCode {
    Ok = 0,
    InvalidArgument = 3,
    DeadlineExceeded = 4,
    NotFound = 5,
    PermissionDenied = 7,
    ResourceExhausted = 8,
    Unimplemented = 12,
    Internal = 13,
    Unavailable = 14,
    Unauthenticated = 16,
}

/// Why a call has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrpcFault {
    /// For programs.
    pub code: GrpcCode,
    /// For people; of a problem of the API's with its type.
    pub text: String,
}

impl GrpcFault {
    pub fn new(code: GrpcCode, text: impl Into<String>) -> Self {
        Self {
            code,
            text: text.into(),
        }
    }
}

impl From<Kind> for GrpcCode {
    fn from(kind: Kind) -> Self {
        match kind {
            // Trying again with less, or a little later, helps.
            Kind::QueueFull
            | Kind::UploadBudget
            | Kind::TooManyConnections
            | Kind::TooManyViewers
            | Kind::TooOften => Self::ResourceExhausted,
            Kind::TimedOut | Kind::BodyTimeout => Self::DeadlineExceeded,
            kind => match kind.status() {
                StatusCode::UNAUTHORIZED => Self::Unauthenticated,
                StatusCode::FORBIDDEN | StatusCode::MISDIRECTED_REQUEST => Self::PermissionDenied,
                StatusCode::NOT_FOUND => Self::NotFound,
                StatusCode::PAYLOAD_TOO_LARGE => Self::ResourceExhausted,
                StatusCode::SERVICE_UNAVAILABLE => Self::Unavailable,
                status if status.is_client_error() => Self::InvalidArgument,
                _ => Self::Internal,
            },
        }
    }
}

impl From<Problem> for GrpcFault {
    fn from(problem: Problem) -> Self {
        Self::new(problem.kind.into(), InferFault::from(&problem).error)
    }
}

/// The trailers that end an answer.
pub fn trailers(code: GrpcCode, text: &str) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from(code as u16));
    // Whatever is not printable, and what it is written with.
    let text = percent_encoded(text, |byte| matches!(byte, b' '..=b'~') && byte != b'%');
    if let Ok(text) = HeaderValue::from_str(&text)
        && !text.is_empty()
    {
        trailers.insert("grpc-message", text);
    }
    trailers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_has_a_code_and_is_said_in_a_trailer() {
        for kind in Kind::ALL {
            let fault = GrpcFault::from(kind.because("Größe 100 %."));
            assert_ne!(fault.code, GrpcCode::Ok, "{kind:?}");
            let ours = kind.status() == StatusCode::INTERNAL_SERVER_ERROR;
            assert!(!ours || fault.code == GrpcCode::Internal, "{kind:?}");
            assert!(fault.text.contains("/problems/"), "{kind:?}");
            let said = trailers(fault.code, &fault.text);
            let text = said["grpc-message"].to_str().unwrap();
            assert!(text.starts_with("Gr%C3%B6%C3%9Fe 100 %25."), "{text}");
        }
    }

    #[test]
    fn codes_are_those_of_the_document() {
        use GrpcCode::*;
        for (kind, code) in [
            (Kind::BadInference, InvalidArgument),
            (Kind::DamagedPicture, InvalidArgument),
            (Kind::NoSuchModel, NotFound),
            (Kind::ModelsFixed, PermissionDenied),
            (Kind::WrongHost, PermissionDenied),
            (Kind::BodyTooLarge, ResourceExhausted),
            (Kind::QueueFull, ResourceExhausted),
            (Kind::UploadBudget, ResourceExhausted),
            (Kind::TimedOut, DeadlineExceeded),
            (Kind::Stopped, Unavailable),
            (Kind::NotReady, Unavailable),
            (Kind::Internal, Internal),
        ] {
            assert_eq!(GrpcCode::from(kind), code, "{kind:?}");
        }
    }
}
