//! A body that is counted as it arrives.

use std::error::Error as StdError;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::pool::{PoolFull, PoolPermit, PoolShare};
use super::problem::{Kind, Problem};
use axum::body::{Body, Bytes, HttpBody};
use http_body::{Frame, SizeHint};

/// Why a body was cut off.
#[derive(Clone, Copy, Debug, thiserror::Error)]
pub enum TooMuch {
    #[error("The limit is {0} bytes.")]
    Limit(u64),
    #[error("All uploads together have used up their memory.")]
    Budget(PoolFull),
}

impl From<TooMuch> for Problem {
    fn from(error: TooMuch) -> Self {
        let text = error.to_string();
        match error {
            TooMuch::Limit(_) => Kind::BodyTooLarge.because(text),
            TooMuch::Budget(full) => full.problem(Kind::UploadBudget, text),
        }
    }
}

/// What so many bytes take of the budget.
pub fn kib(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX)
}

/// A body that is counted as it arrives: against its own limit and, in KiB, against the budget of all.
pub struct Metered {
    inner: Body,
    left: u64,
    received: u64,
    share: Option<PoolPermit>,
    budget: PoolShare,
}

impl Metered {
    /// Counts `inner` against `limit` bytes, and in KiB against `budget`.
    pub fn new(inner: Body, limit: u64, budget: PoolShare) -> Self {
        Self {
            inner,
            left: limit,
            received: 0,
            share: None,
            budget,
        }
    }

    /// What was not read yet, and the share of the budget that the bytes read have taken.
    pub fn into_parts(self) -> (Body, Option<PoolPermit>) {
        (self.inner, self.share)
    }

    fn count(&mut self, bytes: u64) -> Result<(), TooMuch> {
        self.left = self
            .left
            .checked_sub(bytes)
            .ok_or(TooMuch::Limit(self.left + self.received))?;
        self.received += bytes;
        let charged = self.share.as_ref().map_or(0, PoolPermit::count);
        let missing = kib(self.received).saturating_sub(charged);
        if missing > 0 {
            let more = self.budget.take(missing);
            let more = more.map_err(TooMuch::Budget)?;
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
