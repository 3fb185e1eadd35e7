//! A reply body that holds its place until the client has taken it.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use axum::body::{Body, Bytes, HttpBody};
use http_body::{Frame, SizeHint};
use tokio::sync::OwnedSemaphorePermit;

/// Bytes handed to the connection at a time. The connection asks for the next only when it has room, so a client
/// that reads slowly leaves the rest here, where place and deadline count.
const SLICE: usize = 64 << 10;

/// A whole reply in memory, given out in slices. While it lives, so does its permit.
pub struct Held {
    rest: Bytes,
    deadline: Instant,
    _place: OwnedSemaphorePermit,
}

impl Held {
    /// A body of `bytes`; after `deadline` the connection is broken off. (A client that takes nothing at all is cut
    /// by the connection's write time-out.)
    pub fn body(bytes: Vec<u8>, deadline: Instant, place: OwnedSemaphorePermit) -> Body {
        Body::new(Self {
            rest: bytes.into(),
            deadline,
            _place: place,
        })
    }
}

impl HttpBody for Held {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Poll::Ready(if self.rest.is_empty() {
            None
        } else if Instant::now() > self.deadline {
            Some(Err(std::io::Error::new(
                std::io::ErrorKind::TimedOut,
                "the client reads too slowly",
            )))
        } else {
            let slice = self.rest.len().min(SLICE);
            Some(Ok(Frame::data(self.rest.split_to(slice))))
        })
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;
    use std::sync::Arc;
    use std::time::Duration;
    use tokio::sync::Semaphore;

    #[tokio::test]
    async fn the_bytes_come_whole_and_the_place_is_given_back_after_them() {
        let places = Arc::new(Semaphore::new(1));
        let bytes: Vec<u8> = (0..3 * SLICE + 5).map(|i| (i % 251) as u8).collect();
        let place = places.clone().try_acquire_owned().unwrap();
        let body = Held::body(
            bytes.clone(),
            Instant::now() + Duration::from_secs(60),
            place,
        );
        assert_eq!(body.size_hint().exact(), Some(bytes.len() as u64));
        assert_eq!(places.available_permits(), 0);
        assert_eq!(body.collect().await.unwrap().to_bytes(), bytes);
        assert_eq!(places.available_permits(), 1);
    }

    #[tokio::test]
    async fn after_the_deadline_the_reply_is_broken_off() {
        let places = Arc::new(Semaphore::new(1));
        let place = places.clone().try_acquire_owned().unwrap();
        let late = Instant::now() - Duration::from_secs(1);
        assert!(
            Held::body(vec![0; 10], late, place)
                .collect()
                .await
                .is_err()
        );
        assert_eq!(places.available_permits(), 1);
    }
}
