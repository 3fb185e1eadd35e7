//! Replies in memory until clients have taken them: within one budget, at a minimum pace.
//!
//! A reply costs its whole length until its last slice is taken. When the next one does not fit, the reader who has
//! taken nothing for longest is cut off, at once if that is long ([`STALLED`]), else after as long a wait: so that who
//! reads slowly, or not at all, keeps nobody waiting.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes, HttpBody};
use http_body::{Frame, SizeHint};
use picture::sync::lock;
use tokio::sync::Notify;

/// Bytes handed to the connection at a time. The connection asks for the next only when it has room, so a client
/// that reads slowly leaves the rest here, where budget and pace count.
const SLICE: usize = 64 << 10;
/// Who has taken nothing for so long makes room for the next reply.
const STALLED: Duration = Duration::from_secs(1);
/// How often a reply that waits for room asks again.
const TICK: Duration = Duration::from_millis(20);
/// From here on the pace counts.
const GRACE: Duration = Duration::from_secs(5);
/// Least bytes a second, over the whole reply.
const PACE: f64 = (16 << 10) as f64;

/// A client's connection, which can be cut from outside. The default one is nobody's.
#[derive(Clone, Debug, Default)]
pub struct Line(Arc<Notify>);

impl Line {
    /// Resolves once it is cut.
    pub async fn broken(&self) {
        self.0.notified().await;
    }

    fn cut(&self) {
        // Kept for a connection that is not waiting right now.
        self.0.notify_one();
    }
}

/// All replies being read.
#[derive(Debug)]
pub struct Replies {
    budget: usize,
    readers: Mutex<Vec<Arc<Reader>>>,
}

/// A reply being read.
#[derive(Debug)]
struct Reader {
    /// What it costs.
    bytes: usize,
    line: Line,
    progress: Mutex<Progress>,
}

/// How far a reader has come.
#[derive(Clone, Copy, Debug)]
struct Progress {
    began: Instant,
    /// When the last slice was taken.
    last: Instant,
    /// Bytes.
    taken: usize,
}

impl Progress {
    fn is_too_slow(&self, now: Instant) -> bool {
        let time = now.saturating_duration_since(self.began);
        let counted = time.saturating_sub(GRACE).as_secs_f64();
        (self.taken as f64) < PACE * counted
    }
}

impl Replies {
    /// Replies of so many bytes together, or a single longer one.
    pub fn new(budget: usize) -> Arc<Self> {
        Arc::new(Self {
            budget,
            readers: Mutex::default(),
        })
    }

    /// A body of `bytes` for the client at `line`, as soon as there is room: after [`STALLED`] at the latest.
    pub async fn admit(self: &Arc<Self>, bytes: Vec<u8>, line: Line) -> Body {
        let came = Instant::now();
        loop {
            if let Some(reader) = self.enter(bytes.len(), &line, came) {
                return Body::new(Held {
                    rest: bytes.into(),
                    reader,
                    replies: self.clone(),
                });
            }
            tokio::time::sleep(TICK).await;
        }
    }

    /// Cuts off who is slower than the pace.
    pub fn cut_slow(&self) {
        let now = Instant::now();
        self.readers().retain(|reader| {
            let slow = reader.progress().is_too_slow(now);
            if slow {
                reader.line.cut();
            }
            !slow
        });
    }

    /// Bytes of replies that are being read.
    pub fn used(&self) -> usize {
        cost(&self.readers())
    }

    /// A place for a reply that came at `came`, if there is room or can be made.
    fn enter(&self, bytes: usize, line: &Line, came: Instant) -> Option<Arc<Reader>> {
        let (now, bytes) = (Instant::now(), bytes.min(self.budget));
        let mut readers = self.readers();
        while cost(&readers) + bytes > self.budget {
            let last = |reader: &Arc<Reader>| reader.progress().last;
            let (at, last) =
                (readers.iter().map(last).enumerate()).min_by_key(|(_, last)| *last)?;
            // Neither has that one been idle for long, nor has this reply waited as long.
            if now.saturating_duration_since(last.min(came)) < STALLED {
                return None;
            }
            readers.swap_remove(at).line.cut();
        }
        let reader = Arc::new(Reader {
            bytes,
            line: line.clone(),
            progress: Mutex::new(Progress {
                began: now,
                last: now,
                taken: 0,
            }),
        });
        readers.push(reader.clone());
        Some(reader)
    }

    fn readers(&self) -> MutexGuard<'_, Vec<Arc<Reader>>> {
        lock(&self.readers)
    }
}

/// What they cost together.
fn cost(readers: &[Arc<Reader>]) -> usize {
    readers.iter().map(|reader| reader.bytes).sum()
}

impl Reader {
    fn progress(&self) -> MutexGuard<'_, Progress> {
        lock(&self.progress)
    }
}

/// A whole reply in memory, given out in slices.
struct Held {
    rest: Bytes,
    reader: Arc<Reader>,
    replies: Arc<Replies>,
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut readers = self.replies.readers();
        readers.retain(|reader| !Arc::ptr_eq(reader, &self.reader));
    }
}

impl HttpBody for Held {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        let slice = self.rest.len().min(SLICE);
        let mut progress = self.reader.progress();
        (progress.last, progress.taken) = (Instant::now(), progress.taken + slice);
        drop(progress);
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(slice)))))
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

    #[tokio::test]
    async fn the_bytes_come_whole_and_the_budget_is_given_back_after_them() {
        let bytes: Vec<u8> = (0..3 * SLICE + 5).map(|i| (i % 251) as u8).collect();
        let replies = Replies::new(bytes.len());
        let body = replies.admit(bytes.clone(), Line::default()).await;
        assert_eq!(body.size_hint().exact(), Some(bytes.len() as u64));
        assert_eq!(replies.used(), bytes.len());
        assert_eq!(body.collect().await.unwrap().to_bytes(), bytes);
        assert_eq!(replies.used(), 0);
    }

    /// Reads one slice.
    async fn read(body: &mut Body) {
        assert!(body.frame().await.unwrap().is_ok());
    }

    #[tokio::test]
    async fn who_has_taken_nothing_for_longest_makes_room() {
        let replies = Replies::new(10 * SLICE);
        let (deaf, reading) = (Line::default(), Line::default());
        let _deaf = replies.admit(vec![0; 5 * SLICE], deaf.clone()).await;
        let mut body = replies.admit(vec![0; 5 * SLICE], reading.clone()).await;
        let came = Instant::now();
        let mut third = Box::pin(replies.admit(vec![0; SLICE], Line::default()));
        // Nobody is cut while all go on.
        let soon = tokio::time::timeout(STALLED / 4, &mut third).await;
        assert!(soon.is_err(), "somebody was cut at once");
        read(&mut body).await;
        let _third = third.await;
        assert!(came.elapsed() < 2 * STALLED);
        let cut = |line: Line| async move {
            let cut = tokio::time::timeout(Duration::from_millis(10), line.broken());
            cut.await.is_ok()
        };
        assert!(cut(deaf).await && !cut(reading).await);
        assert_eq!(replies.used(), 6 * SLICE);
        // Longer than the budget: alone, all others gone by then.
        let _long = replies.admit(vec![0; 11 * SLICE], Line::default()).await;
        assert_eq!(replies.used(), 10 * SLICE);
    }

    #[test]
    fn the_pace_counts_after_the_grace() {
        let began = Instant::now();
        let progress = |taken| Progress {
            began,
            last: began,
            taken,
        };
        let after = |seconds: u64| began + Duration::from_secs(seconds);
        assert!(!progress(0).is_too_slow(after(5)));
        assert!(progress(0).is_too_slow(after(6)));
        // 16 KiB a second, from the sixth on.
        assert!(!progress(16 << 10).is_too_slow(after(6)));
        assert!(progress(16 << 10).is_too_slow(after(7)));
        assert!(!progress(160 << 10).is_too_slow(after(15)));
    }
}
