//! Browsers that have shown a token once: a cookie stands for it (a video or a picture in a page cannot bring a header along).

use std::sync::Mutex;
use std::time::{Duration, Instant};

use picture::sync::lock;

use crate::secret::{AccessSecret, SecretDigest};

/// Most at once; with one more the oldest ends.
const MOST: usize = 64;

/// The browsers that are let in, until they leave, their time is over, or the service ends.
#[derive(Debug)]
pub struct Sittings {
    lasts: Duration,
    open: Mutex<Vec<Sitting>>,
}

#[derive(Debug)]
struct Sitting {
    cookie: SecretDigest,
    /// Of the token that was shown: when that is taken away, this is over.
    token: SecretDigest,
    begun: Instant,
}

impl Sittings {
    pub fn new(lasts: Duration) -> Self {
        let open = Mutex::default();
        Self { lasts, open }
    }

    /// How long a cookie is good for.
    pub fn lasts(&self) -> Duration {
        self.lasts
    }

    /// What the cookie is to hold.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub fn begin(
        &self,
        token: SecretDigest,
        now: Instant,
    ) -> Result<AccessSecret, getrandom::Error> {
        let secret = AccessSecret::draw()?;
        let mut open = lock(&self.open);
        self.sweep(&mut open, now);
        if open.len() == MOST {
            open.remove(0);
        }
        open.push(Sitting {
            cookie: SecretDigest::of(secret.text()),
            token,
            begun: now,
        });
        Ok(secret)
    }

    /// The token that was shown for this cookie.
    pub fn token(&self, cookie: &SecretDigest, now: Instant) -> Option<SecretDigest> {
        let mut open = lock(&self.open);
        self.sweep(&mut open, now);
        let mut found = None;
        for sitting in open.iter() {
            if sitting.cookie.is(cookie).into() {
                found = Some(sitting.token);
            }
        }
        found
    }

    pub fn end(&self, cookie: &str) {
        let cookie = SecretDigest::of(cookie);
        lock(&self.open).retain(|sitting| !bool::from(sitting.cookie.is(&cookie)));
    }

    fn sweep(&self, open: &mut Vec<Sitting>, now: Instant) {
        open.retain(|sitting| now.saturating_duration_since(sitting.begun) < self.lasts);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sitting_ends_by_time_by_leaving_and_by_too_many_after_it() {
        let begun = Instant::now();
        let sittings = Sittings::new(Duration::from_secs(10));
        let token = SecretDigest::of("token");
        let after = |seconds| begun + Duration::from_secs(seconds);
        let [one, two] = [(); 2].map(|()| sittings.begin(token, begun).unwrap());
        assert_eq!(
            sittings.token(&SecretDigest::of(one.text()), after(9)),
            Some(token)
        );
        assert_eq!(
            sittings.token(&SecretDigest::of("espm_another"), after(9)),
            None
        );
        sittings.end(one.text());
        assert_eq!(
            sittings.token(&SecretDigest::of(one.text()), after(9)),
            None
        );
        assert_eq!(
            sittings.token(&SecretDigest::of(two.text()), after(9)),
            Some(token)
        );
        assert_eq!(
            sittings.token(&SecretDigest::of(two.text()), after(10)),
            None
        );
        let first = sittings.begin(token, after(20)).unwrap();
        for _ in 1..=MOST {
            assert!(
                sittings
                    .token(&SecretDigest::of(first.text()), after(20))
                    .is_some()
            );
            sittings.begin(token, after(20)).unwrap();
        }
        assert_eq!(
            sittings.token(&SecretDigest::of(first.text()), after(20)),
            None
        );
    }
}
