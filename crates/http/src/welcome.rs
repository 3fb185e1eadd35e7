//! How long a caller from another machine may stay: what has no end of its own (video, events) ends with the token that it was let
//! in by.

use std::sync::Arc;
use std::time::Duration;

use access::{AccessPass, AccessTime, Gate};
use axum::body::{Body, HttpBody};
use axum::response::Response;
use futures_util::StreamExt;

/// How often it is asked.
const ASKED: Duration = Duration::from_millis(500);

/// For how long a request's caller is welcome; every request has one among its extensions.
#[derive(Clone, Debug)]
pub struct Welcome(Option<(Arc<Gate>, AccessPass)>);

impl Welcome {
    /// For ever: of callers on this machine.
    pub fn unbounded() -> Self {
        Self(None)
    }

    /// As long as that is good.
    pub fn while_holds(gate: Arc<Gate>, pass: AccessPass) -> Self {
        Self(Some((gate, pass)))
    }

    /// Resolves once it is over.
    pub async fn over(self) {
        let Some((gate, pass)) = self.0 else {
            return std::future::pending().await;
        };
        while gate.holds(&pass, AccessTime::now()) {
            tokio::time::sleep(ASKED).await;
        }
    }

    /// The same response, which ends when this is over. One of a known length does so soon anyway, and stays as it is.
    pub fn bound(self, response: Response) -> Response {
        if self.0.is_none() || response.body().size_hint().exact().is_some() {
            return response;
        }
        let until = Box::pin(self.over());
        response.map(|body| Body::from_stream(body.into_data_stream().take_until(until)))
    }
}
