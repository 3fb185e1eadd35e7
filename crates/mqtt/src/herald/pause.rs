//! How long a broker that is not there is left alone.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

/// After the first failure.
const FIRST: Duration = Duration::from_secs(1);
/// The longest; a connection that held so long counts as a good one.
const LONGEST: Duration = Duration::from_secs(60);

/// Doubles with each failure, up to a minute; a quarter more or less, by the client's name: boards that lost the same broker do
/// not all come back at once.
pub struct Redial {
    client: u64,
    failures: u32,
}

impl Redial {
    /// Of that client; nothing has failed yet.
    pub fn new(client_id: &str) -> Self {
        Self {
            client: hash(client_id),
            failures: 0,
        }
    }

    /// How long to wait, after a connection that held for so long.
    pub fn pause(&mut self, held: Duration) -> Duration {
        if held >= LONGEST {
            self.failures = 0;
        }
        let doubled = 1_u32.checked_shl(self.failures).unwrap_or(u32::MAX);
        let pause = FIRST.saturating_mul(doubled).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        let percent = 75 + hash((self.client, self.failures)) % 51;
        pause * percent as u32 / 100
    }
}

fn hash(of: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_minute_and_differ_between_boards() {
        let pauses = |client| {
            let mut redial = Redial::new(client);
            [(); 40].map(|()| redial.pause(Duration::ZERO))
        };
        let (one, other) = (pauses("board-01"), pauses("board-02"));
        assert_ne!(one, other);
        let within =
            |pause: Duration, about: Duration| pause >= about * 3 / 4 && pause <= about * 5 / 4;
        for (i, pause) in one.into_iter().enumerate() {
            let about = (FIRST * 2_u32.pow(i.min(10) as u32)).min(LONGEST);
            assert!(within(pause, about), "{i}: {pause:?}");
        }
        let mut redial = Redial::new("board-01");
        for _ in 0..10 {
            redial.pause(LONGEST / 2);
        }
        assert!(within(redial.pause(Duration::ZERO), LONGEST));
        assert!(within(redial.pause(LONGEST), FIRST));
    }
}
