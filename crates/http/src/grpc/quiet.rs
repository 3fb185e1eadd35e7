//! Whether a connection has calls at work: one that has none for long is ended.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

/// The calls of one connection that have come and are not answered to their end.
#[derive(Clone, Debug)]
pub struct CallsAtWork(Arc<watch::Sender<usize>>);

/// One of them, until it is dropped.
#[derive(Debug)]
pub struct CallAtWork(CallsAtWork);

impl CallsAtWork {
    pub fn none() -> Self {
        Self(Arc::new(watch::Sender::new(0)))
    }

    pub fn begin(&self) -> CallAtWork {
        self.0.send_modify(|calls| *calls += 1);
        CallAtWork(self.clone())
    }

    /// Resolves once there was none for `first` from now, and once any came, for `later` since the last.
    pub async fn quiet(&self, first: Duration, later: Duration) {
        let mut calls = self.0.subscribe();
        let mut patience = first;
        loop {
            let busy = *calls.borrow_and_update() > 0;
            let changed = calls.changed();
            let waited = match busy {
                true => Ok(changed.await),
                false => tokio::time::timeout(patience, changed).await,
            };
            let Ok(Ok(())) = waited else { return };
            patience = later;
        }
    }
}

impl Drop for CallAtWork {
    fn drop(&mut self) {
        self.0
            .0
            .send_modify(|calls| *calls = calls.saturating_sub(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::Future;
    use std::pin::{Pin, pin};
    use std::task::{Context, Waker};

    fn is_quiet(quiet: Pin<&mut impl Future>) -> bool {
        quiet
            .poll(&mut Context::from_waker(Waker::noop()))
            .is_ready()
    }

    #[tokio::test]
    async fn silence_counts_from_the_end_of_the_last_call() {
        let (at_once, never) = (Duration::ZERO, Duration::from_secs(86_400));
        let calls = CallsAtWork::none();
        calls.quiet(at_once, never).await;
        let mut quiet = pin!(calls.quiet(never, at_once));
        assert!(!is_quiet(quiet.as_mut()), "the first patience counts");
        let call = calls.begin();
        assert!(!is_quiet(quiet.as_mut()), "a call is at work");
        drop(call);
        // The later patience counts.
        quiet.await;
        let call = calls.begin();
        let mut quiet = pin!(calls.quiet(at_once, never));
        assert!(!is_quiet(quiet.as_mut()), "a call is at work");
        drop(call);
        assert!(!is_quiet(quiet.as_mut()), "it counts from its end");
    }
}
