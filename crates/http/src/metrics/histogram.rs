//! How often what took how long.

use std::sync::atomic::{AtomicU64, Ordering};

use super::exposition::{Family, Labels};

/// Upper bounds of the buckets, seconds: from a kernel's millisecond over a frame's 33 ms, the 60 ms that a live mask may
/// take and the 400 ms after which it is stale, to the minute that a request may take.
const BOUNDS: [f64; 18] = [
    0.001, 0.002, 0.004, 0.008, 0.016, 0.033, 0.045, 0.06, 0.1, 0.15, 0.25, 0.4, 0.7, 1.5, 4.0,
    10.0, 30.0, 60.0,
];
const BUCKETS: usize = BOUNDS.len() + 1;

/// Durations, counted by size. To observe takes neither a lock nor memory.
#[derive(Debug, Default)]
pub struct Histogram {
    /// Within each bound, but not within the one before; the last: beyond all of them.
    buckets: [AtomicU64; BUCKETS],
    /// Of all, nanoseconds.
    sum: AtomicU64,
}

impl Histogram {
    /// One took so long. What is no time at all, as it is negative or no number, counts as 0.
    pub fn observe(&self, seconds: f64) {
        let seconds = seconds.max(0.0);
        let bucket = BOUNDS.partition_point(|bound| *bound < seconds);
        if let Some(bucket) = self.buckets.get(bucket) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        // The conversion keeps within its bounds; the sum would be full after 584 years, and then begin anew.
        (self.sum).fetch_add((seconds * 1e9) as u64, Ordering::Relaxed);
    }

    /// Its lines. Its count is its last bucket's, so that both agree even while somebody observes.
    pub fn put(&self, family: &mut Family<'_>, labels: Labels<'_>) {
        let mut count = 0_u64;
        let bounds = BOUNDS.map(|bound| bound.to_string());
        let bounds = bounds.iter().map(String::as_str).chain(["+Inf"]);
        for (bound, bucket) in bounds.zip(&self.buckets) {
            count = count.saturating_add(bucket.load(Ordering::Relaxed));
            family.line("_bucket", &[labels, &[("le", bound)]].concat(), count);
        }
        let sum = self.sum.load(Ordering::Relaxed) as f64 / 1e9;
        family.line("_sum", labels, sum);
        family.line("_count", labels, count);
    }
}
