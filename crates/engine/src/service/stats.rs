use heapless::HistoryBuf;

/// Jobs whose latency is remembered.
const WINDOW: usize = 256;

/// What the engine has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Stats {
    /// Jobs answered with a mask.
    pub done: u64,
    /// Jobs accepted but answered with an error.
    pub failed: u64,
    /// Jobs turned away because the queue was full.
    pub rejected: u64,
    /// From acceptance to mask, over the most recent jobs; `None` before the first.
    pub latency: Option<Latency>,
}

/// Percentiles of wall-clock times, milliseconds (nearest rank).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Latency {
    /// Half the jobs took no longer.
    pub p50: f64,
    /// 95 of 100 jobs took no longer.
    pub p95: f64,
    /// The longest.
    pub max: f64,
}

impl Latency {
    /// Of these times in milliseconds, in any order; `None` if there are none.
    #[must_use]
    pub fn of(times: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut times: Vec<f64> = times.into_iter().collect();
        times.sort_by(f64::total_cmp);
        // Nearest rank: the smallest value that at least `percent` of all do not exceed.
        let rank = |percent: usize| {
            times
                .get((times.len() * percent).div_ceil(100).saturating_sub(1))
                .copied()
        };
        Some(Self {
            p50: rank(50)?,
            p95: rank(95)?,
            max: rank(100)?,
        })
    }
}

/// Counts, and the latencies of the last [`WINDOW`] jobs: fixed memory however long the engine runs.
#[derive(Debug, Default)]
pub(super) struct Recorder {
    done: u64,
    failed: u64,
    rejected: u64,
    recent: HistoryBuf<f64, WINDOW>,
}

impl Recorder {
    pub(super) fn done(&mut self, total: f64) {
        self.done += 1;
        self.recent.write(total);
    }

    pub(super) fn failed(&mut self) {
        self.failed += 1;
    }

    pub(super) fn rejected(&mut self) {
        self.rejected += 1;
    }

    pub(super) fn stats(&self) -> Stats {
        let Self {
            done,
            failed,
            rejected,
            ..
        } = *self;
        Stats {
            done,
            failed,
            rejected,
            latency: Latency::of(self.recent.as_slice().iter().copied()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_nearest_rank() {
        // The definition on 1..=100: the p-th percentile is p itself.
        let latency = Latency::of((1..=100).rev().map(f64::from)).unwrap();
        assert_eq!(
            latency,
            Latency {
                p50: 50.0,
                p95: 95.0,
                max: 100.0
            }
        );
        assert_eq!(
            Latency::of([7.0]),
            Some(Latency {
                p50: 7.0,
                p95: 7.0,
                max: 7.0
            })
        );
        assert_eq!(Latency::of([]), None);
    }

    #[test]
    fn only_recent_jobs_count() {
        let mut recorder = Recorder::default();
        recorder.done(1e6);
        (0..WINDOW).for_each(|_| recorder.done(1.0));
        let stats = recorder.stats();
        assert_eq!(stats.done, WINDOW as u64 + 1);
        assert_eq!(stats.latency.unwrap().max, 1.0);
    }
}
