//! How often one caller may ask, and how often a stranger may be wrong: the generic cell rate algorithm (ITU-T I.371, annex A), by
//! which a caller needs one number, the time at which it would be through if it had asked evenly.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use picture::sync::lock;

/// Callers that are remembered at once. Beyond these all are held back until the first are forgotten: memory is bounded, and who
/// shows a good token is not asked where from.
const MOST: usize = 4096;

/// What one caller may do in a time.
#[derive(Debug)]
pub struct Paces {
    callers: CallerPace<String>,
    strangers: CallerPace<IpAddr>,
}

/// Come back after this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooSoon(pub Duration);

impl Paces {
    /// So many requests a second for each token, twice as many at once; so many failures a minute for each address.
    pub fn new(requests_per_s: NonZeroU32, failures_per_minute: NonZeroU32) -> Self {
        let at_once = requests_per_s.saturating_mul(NonZeroU32::MIN.saturating_add(1));
        Self {
            callers: CallerPace::new(Duration::from_secs(1) / requests_per_s.get(), at_once),
            strangers: CallerPace::new(
                Duration::from_secs(60) / failures_per_minute.get(),
                failures_per_minute,
            ),
        }
    }

    /// A request with the token of that name.
    ///
    /// # Errors
    /// [`TooSoon`].
    pub fn request(&self, token: &str, now: Instant) -> Result<(), TooSoon> {
        self.callers.ask(token.to_owned(), now)
    }

    /// A request with no token, or a wrong one.
    ///
    /// # Errors
    /// [`TooSoon`].
    pub fn failure(&self, from: IpAddr, now: Instant) -> Result<(), TooSoon> {
        self.strangers.ask(household(from), now)
    }
}

/// A rate, and how far each caller is ahead of it.
#[derive(Debug)]
struct CallerPace<K> {
    /// Between two that come evenly.
    interval: Duration,
    /// How far ahead one may be.
    ahead: Duration,
    through: Mutex<HashMap<K, Instant>>,
}

impl<K: Eq + Hash> CallerPace<K> {
    fn new(interval: Duration, at_once: NonZeroU32) -> Self {
        Self {
            interval,
            ahead: interval.saturating_mul(at_once.get() - 1),
            through: Mutex::default(),
        }
    }

    fn ask(&self, caller: K, now: Instant) -> Result<(), TooSoon> {
        let mut through = lock(&self.through);
        if through.len() >= MOST && !through.contains_key(&caller) {
            // Who is not ahead is as one who never came.
            through.retain(|_, at| *at > now);
            if through.len() >= MOST {
                return Err(TooSoon(self.interval + self.ahead));
            }
        }
        let at = through.entry(caller).or_insert(now);
        let ahead = at.saturating_duration_since(now);
        if ahead > self.ahead {
            return Err(TooSoon(ahead - self.ahead));
        }
        *at = now + ahead + self.interval;
        Ok(())
    }
}

/// Whoever has one IPv6 address has all 2⁶⁴ of its network (RFC 4291 §2.5.4).
fn household(from: IpAddr) -> IpAddr {
    match from.to_canonical() {
        IpAddr::V6(address) => {
            let network = u128::from(address) >> 64 << 64;
            IpAddr::V6(Ipv6Addr::from(network))
        }
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paces(requests: u32, failures: u32) -> Paces {
        let some = |count| NonZeroU32::new(count).unwrap();
        Paces::new(some(requests), some(failures))
    }

    #[test]
    fn each_token_has_its_own_pace() {
        let paces = paces(4, 1);
        let begun = Instant::now();
        let ask = |token, ms| paces.request(token, begun + Duration::from_millis(ms));
        // Twice a second's at once, and then one for each quarter of a second.
        let at_once = (0..20).filter(|_| ask("a", 0).is_ok()).count();
        assert_eq!(at_once, 8);
        assert_eq!(ask("a", 0), Err(TooSoon(Duration::from_millis(250))));
        assert_eq!(ask("a", 249), Err(TooSoon(Duration::from_millis(1))));
        assert_eq!((ask("a", 250), ask("b", 250)), (Ok(()), Ok(())));
        assert!(ask("a", 250).is_err());
        // Rested, it may ask as at the beginning, and no oftener.
        let later = (0..20).filter(|_| ask("a", 60_000).is_ok()).count();
        assert_eq!(later, 8);
    }

    #[test]
    fn over_a_long_time_it_is_the_rate() {
        let paces = paces(3, 1);
        let begun = Instant::now();
        let asked = (0..10_000).filter(|ms| {
            let now = begun + Duration::from_millis(*ms);
            paces.request("a", now).is_ok()
        });
        // 3 a second for 10 s, and the 6 that were there at the beginning.
        let count = asked.count();
        assert!((35..=36).contains(&count), "{count}");
    }

    #[test]
    fn a_network_of_ipv6_is_one_stranger_and_ipv4_is_ipv4_however_written() {
        let paces = paces(1, 1);
        let now = Instant::now();
        let fails = |from: &str| paces.failure(from.parse().unwrap(), now).is_ok();
        assert!(fails("2001:db8::1") && !fails("2001:db8::ffff:2"));
        assert!(fails("2001:db8:0:1::1"));
        assert!(fails("192.0.2.1") && !fails("::ffff:192.0.2.1") && fails("192.0.2.2"));
    }

    #[test]
    fn strangers_are_remembered_in_bounded_number_and_forgotten() {
        let paces = paces(1, 1);
        let now = Instant::now();
        let address = |index: u32| IpAddr::V4(index.into());
        for index in 0..MOST as u32 {
            assert_eq!(paces.failure(address(index), now), Ok(()));
        }
        // All of them came within the minute.
        assert!(paces.failure(address(u32::MAX), now).is_err());
        assert_eq!(lock(&paces.strangers.through).len(), MOST);
        let later = now + Duration::from_secs(60);
        assert_eq!(paces.failure(address(u32::MAX), later), Ok(()));
        assert_eq!(lock(&paces.strangers.through).len(), 1);
    }
}
