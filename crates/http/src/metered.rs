//! A body that is counted as it arrives.

use std::error::Error as StdError;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::{Body, Bytes, HttpBody};
use http_body::{Frame, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::problem::{Kind, Problem};

/// Why a body was cut off.
#[derive(Clone, Copy, Debug, thiserror::Error)]
pub enum TooMuch {
    #[error("The limit is {0} bytes.")]
    Limit(u64),
    #[error("All uploads together have used up their memory.")]
    Budget,
}

impl From<TooMuch> for Problem {
    fn from(error: TooMuch) -> Self {
        let kind = match error {
            TooMuch::Limit(_) => Kind::BodyTooLarge,
            TooMuch::Budget => Kind::UploadBudget,
        };
        kind.because(error.to_string())
    }
}

/// A body that is counted as it arrives: against its own limit and, in KiB, against the budget of all.
pub struct Metered {
    inner: Body,
    left: u64,
    received: u64,
    share: Option<OwnedSemaphorePermit>,
    budget: Arc<Semaphore>,
}

impl Metered {
    /// Counts `inner` against `limit` bytes, and in KiB against `budget`.
    pub fn new(inner: Body, limit: u64, budget: Arc<Semaphore>) -> Self {
        Self {
            inner,
            left: limit,
            received: 0,
            share: None,
            budget,
        }
    }

    /// What was not read yet, and the share of the budget that the bytes read have taken.
    pub fn into_parts(self) -> (Body, Option<OwnedSemaphorePermit>) {
        (self.inner, self.share)
    }

    fn count(&mut self, bytes: u64) -> Result<(), TooMuch> {
        self.left = self
            .left
            .checked_sub(bytes)
            .ok_or(TooMuch::Limit(self.left + self.received))?;
        self.received += bytes;
        let charged = self
            .share
            .as_ref()
            .map_or(0, OwnedSemaphorePermit::num_permits) as u64;
        let missing = self.received.div_ceil(1024).saturating_sub(charged);
        if missing > 0 {
            let missing = u32::try_from(missing).map_err(|_| TooMuch::Budget)?;
            let more = self
                .budget
                .clone()
                .try_acquire_many_owned(missing)
                .map_err(|_| TooMuch::Budget)?;
            match &mut self.share {
                Some(share) => share.merge(more),
                None => self.share = Some(more),
            }
        }
        Ok(())
    }
}

impl HttpBody for Metered {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let Some(frame) = ready!(Pin::new(&mut self.inner).poll_frame(cx)?) else {
            return Poll::Ready(None);
        };
        let bytes = frame.data_ref().map_or(0, Bytes::len) as u64;
        Poll::Ready(Some(match self.count(bytes) {
            Ok(()) => Ok(frame),
            Err(too_much) => Err(axum::Error::new(Box::<dyn StdError + Send + Sync>::from(
                too_much,
            ))),
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
