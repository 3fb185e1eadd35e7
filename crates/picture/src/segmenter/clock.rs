//! What time it is, and waiting for it: handed in, so that tests of time need not wait.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::sync::lock;

/// How long [`ManualClock::wait_for_sleepers`] waits, by the real time: reached only when a test fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// Tells the time, and waits for it.
pub trait Clock: std::fmt::Debug + Send + Sync {
    /// Now.
    fn now(&self) -> Instant;
    /// Blocks until then, or until the bell has been rung.
    fn wait(&self, until: Instant, bell: &Bell);
    /// Blocks until then.
    fn sleep_until(&self, until: Instant) {
        self.wait(until, &Bell::default());
    }
}

/// Ends waiting early. Once rung it stays rung, until it is hushed; clones are the same bell.
#[derive(Clone, Debug, Default)]
pub struct Bell(Arc<Tongue>);

#[derive(Debug, Default)]
struct Tongue {
    rung: Mutex<bool>,
    heard: Condvar,
}

impl Bell {
    /// Wakes all who wait, and all who will.
    pub fn ring(&self) {
        *lock(&self.0.rung) = true;
        self.0.heard.notify_all();
    }

    /// Lets it be rung anew. Who has to hear every ring looks for what it was rung for after this.
    pub fn hush(&self) {
        *lock(&self.0.rung) = false;
    }

    /// Has all who wait look again what time it is.
    fn nudge(&self) {
        // Taken so that nobody is between looking and waiting.
        drop(lock(&self.0.rung));
        self.0.heard.notify_all();
    }
}

/// The system's.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn wait(&self, until: Instant, bell: &Bell) {
        let mut rung = lock(&bell.0.rung);
        while !*rung {
            let left = until.saturating_duration_since(self.now());
            if left.is_zero() {
                return;
            }
            let waited = bell.0.heard.wait_timeout(rung, left);
            (rung, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// One that goes on only when told to: who waits for a time waits until a test has advanced it so far.
#[derive(Debug)]
pub struct ManualClock {
    hands: Mutex<Hands>,
    /// Somebody began to wait.
    joined: Condvar,
}

#[derive(Debug)]
struct Hands {
    now: Instant,
    sleepers: Vec<Sleeper>,
    /// Sleepers so far: tells them apart.
    slept: u64,
}

/// Who waits for a time that is to come.
#[derive(Debug)]
struct Sleeper {
    number: u64,
    until: Instant,
    bell: Bell,
}

impl ManualClock {
    /// Lets so much time pass, and wakes those who waited for it. They count as sleepers no more when this returns.
    pub fn advance(&self, by: Duration) {
        let woken = {
            let mut hands = lock(&self.hands);
            hands.now += by;
            let now = hands.now;
            hands.sleepers.extract_if(.., |s| s.until <= now).collect()
        };
        // Without the clock's lock: a sleeper looks at the clock while it holds its bell's.
        let woken: Vec<Sleeper> = woken;
        woken.iter().for_each(|sleeper| sleeper.bell.nudge());
    }

    /// The next time that somebody waits for.
    #[must_use]
    pub fn next_waking(&self) -> Option<Instant> {
        let hands = lock(&self.hands);
        hands.sleepers.iter().map(|sleeper| sleeper.until).min()
    }

    /// Blocks until so many threads wait for a time that is to come; whether they do, within a minute of real time.
    #[must_use]
    pub fn wait_for_sleepers(&self, count: usize) -> bool {
        let few = |hands: &mut Hands| hands.sleepers.len() < count;
        let joined = &self.joined;
        let waited = joined.wait_timeout_while(lock(&self.hands), PATIENCE, few);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self {
            hands: Mutex::new(Hands {
                now: Instant::now(),
                sleepers: Vec::new(),
                slept: 0,
            }),
            joined: Condvar::new(),
        }
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Instant {
        lock(&self.hands).now
    }

    fn wait(&self, until: Instant, bell: &Bell) {
        let number = {
            let mut hands = lock(&self.hands);
            if until <= hands.now {
                return;
            }
            hands.slept += 1;
            let number = hands.slept;
            hands.sleepers.push(Sleeper {
                number,
                until,
                bell: bell.clone(),
            });
            self.joined.notify_all();
            number
        };
        let mut rung = lock(&bell.0.rung);
        while !*rung && self.now() < until {
            rung = (bell.0.heard.wait(rung)).unwrap_or_else(PoisonError::into_inner);
        }
        drop(rung);
        let sleepers = &mut lock(&self.hands).sleepers;
        sleepers.retain(|sleeper| sleeper.number != number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn sleepers_wake_when_their_time_has_come_and_not_before() {
        let clock = ManualClock::default();
        let start = clock.now();
        let (woke, heard) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            for hours in [1, 2] {
                let (clock, woke) = (&clock, woke.clone());
                scope.spawn(move || {
                    clock.sleep_until(start + hours * HOUR);
                    woke.send((hours, clock.now() - start)).unwrap();
                });
            }
            assert!(clock.wait_for_sleepers(2));
            assert_eq!(clock.next_waking(), Some(start + HOUR));
            clock.advance(HOUR - Duration::from_nanos(1));
            assert!(clock.wait_for_sleepers(2));
            clock.advance(Duration::from_nanos(1));
            assert_eq!(heard.recv(), Ok((1, HOUR)));
            assert_eq!(clock.next_waking(), Some(start + 2 * HOUR));
            clock.advance(5 * HOUR);
            assert_eq!(heard.recv(), Ok((2, 6 * HOUR)));
            assert_eq!(clock.next_waking(), None);
        });
        clock.sleep_until(start);
    }

    #[test]
    fn a_bell_ends_waiting_by_every_clock_and_stays_rung() {
        let manual = ManualClock::default();
        for clock in [&manual as &dyn Clock, &SystemClock] {
            let bell = Bell::default();
            let far = clock.now() + HOUR;
            std::thread::scope(|scope| {
                scope.spawn(|| clock.wait(far, &bell));
                bell.ring();
            });
            clock.wait(far, &bell);
            assert!(clock.now() < far);
        }
        assert_eq!(manual.next_waking(), None);
    }

    #[test]
    fn the_system_clock_waits_no_less_than_asked() {
        let until = SystemClock.now() + Duration::from_millis(20);
        SystemClock.sleep_until(until);
        assert!(SystemClock.now() >= until);
    }
}
