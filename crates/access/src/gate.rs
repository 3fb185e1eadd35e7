//! Whether one who calls may do what is asked.

use std::net::IpAddr;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use crate::config::AccessConfig;
use crate::keeper::RollKeeper;
use crate::pace::{Paces, TooSoon};
use crate::roll::{RollError, TokenEntry};
use crate::scope::Scope;
use crate::secret::{AccessSecret, SecretDigest};
use crate::sitting::Sittings;

/// Longest text that is looked at as a token.
const LONGEST: usize = 256;

/// Everything that decides about callers from other machines.
#[derive(Debug)]
pub struct Gate {
    roll: RollKeeper,
    sittings: Sittings,
    paces: Paces,
}

/// What a caller shows.
#[derive(Clone, Copy)]
pub enum Credential<'a> {
    /// A token.
    Token(&'a str),
    /// What a browser was given for one.
    Cookie(&'a str),
    /// Nothing.
    None,
}

/// Now, by both clocks: one that tells the day, and one that never jumps.
#[derive(Clone, Copy, Debug)]
pub struct AccessTime {
    /// The day; by this tokens end.
    pub day: SystemTime,
    /// By this browsers' sittings end.
    pub steady: Instant,
}

impl AccessTime {
    /// By the system's clocks.
    #[must_use]
    pub fn now() -> Self {
        Self {
            day: SystemTime::now(),
            steady: Instant::now(),
        }
    }
}

/// Who was let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The token's name.
    pub token: String,
}

/// What somebody was let in by, and for what: to ask again later, while they are still there.
#[derive(Clone, Copy, Debug)]
pub struct AccessPass {
    shown: ShownSecret,
    needed: Scope,
}

/// What is kept of what was shown.
#[derive(Clone, Copy, Debug)]
enum ShownSecret {
    Token(SecretDigest),
    Cookie(SecretDigest),
}

impl ShownSecret {
    fn of(shown: Credential<'_>) -> Option<Self> {
        let digest = |text: &str| (text.len() <= LONGEST).then(|| SecretDigest::of(text));
        match shown {
            Credential::Token(text) => digest(text).map(Self::Token),
            Credential::Cookie(text) => digest(text).map(Self::Cookie),
            Credential::None => None,
        }
    }
}

/// Why somebody is not let in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAdmitted {
    /// Nothing was shown.
    #[error("this door needs a token")]
    NoToken,
    /// Nobody's, taken away, or over. Which of them is nobody's business.
    #[error("this token, or this browser's session, is not good any more, or never was")]
    BadToken,
    /// Good for other things.
    #[error("the token '{token}' is not good for '{needed}'")]
    NotFor {
        /// Its name.
        token: String,
        /// What it would have to be good for.
        needed: Scope,
    },
    /// Too often.
    #[error("that was too often; again in {} s", .0.as_secs() + 1)]
    TooSoon(Duration),
    /// The system gives no random numbers.
    #[error("no random numbers from the system")]
    NoRandom,
}

impl Gate {
    /// Of a folder of tokens.
    ///
    /// # Errors
    /// The roll cannot be read.
    pub fn open(folder: &Path, config: &AccessConfig, now: AccessTime) -> Result<Self, RollError> {
        Ok(Self {
            roll: RollKeeper::open(folder, now.steady)?,
            sittings: Sittings::new(config.session()),
            paces: Paces::new(config.requests_per_s(), config.failures_per_minute()),
        })
    }

    /// Whether a caller may do something now.
    ///
    /// # Errors
    /// [`NotAdmitted`].
    pub fn admit(
        &self,
        shown: Credential<'_>,
        from: IpAddr,
        needed: Scope,
        now: AccessTime,
    ) -> Result<(Caller, AccessPass), NotAdmitted> {
        let (TokenEntry { name, scopes, .. }, shown) = self.known(shown, from, now)?;
        match scopes.contains(&needed) {
            true => Ok((Caller { token: name }, AccessPass { shown, needed })),
            false => Err(NotAdmitted::NotFor {
                token: name,
                needed,
            }),
        }
    }

    /// Whether who was let in would still be. Costs nothing of how often a token may be used.
    #[must_use]
    pub fn holds(&self, pass: &AccessPass, now: AccessTime) -> bool {
        let found = self.find(pass.shown, now);
        found.is_some_and(|token| token.scopes.contains(&pass.needed))
    }

    /// A browser shows a token, and is given what its cookie is to hold.
    ///
    /// # Errors
    /// [`NotAdmitted`].
    pub fn log_in(
        &self,
        token: &str,
        from: IpAddr,
        now: AccessTime,
    ) -> Result<(Caller, AccessSecret), NotAdmitted> {
        let (token, _) = self.known(Credential::Token(token), from, now)?;
        let begun = self.sittings.begin(*token.digest(), now.steady);
        let cookie = begun.map_err(|_| NotAdmitted::NoRandom)?;
        Ok((Caller { token: token.name }, cookie))
    }

    /// What the cookie holds is good for nothing any more.
    pub fn log_out(&self, cookie: &str) {
        self.sittings.end(cookie);
    }

    /// How long a browser may stay.
    #[must_use]
    pub fn session(&self) -> Duration {
        self.sittings.lasts()
    }

    /// The token that is shown, or stands behind what is shown, if it is good and not used too often.
    fn known(
        &self,
        shown: Credential<'_>,
        from: IpAddr,
        now: AccessTime,
    ) -> Result<(TokenEntry, ShownSecret), NotAdmitted> {
        let too_soon = |TooSoon(wait)| NotAdmitted::TooSoon(wait);
        let secret = ShownSecret::of(shown);
        let found = secret.and_then(|secret| Some((self.find(secret, now)?, secret)));
        let Some((token, secret)) = found else {
            self.paces.failure(from, now.steady).map_err(too_soon)?;
            return Err(match shown {
                Credential::None => NotAdmitted::NoToken,
                _ => NotAdmitted::BadToken,
            });
        };
        let paced = self.paces.request(&token.name, now.steady);
        paced.map_err(too_soon)?;
        Ok((token, secret))
    }

    /// The token that is shown, or stands behind what is shown, if it is good.
    fn find(&self, shown: ShownSecret, now: AccessTime) -> Option<TokenEntry> {
        let digest = match shown {
            ShownSecret::Token(digest) => digest,
            ShownSecret::Cookie(cookie) => self.sittings.token(&cookie, now.steady)?,
        };
        let roll = self.roll.current(now.steady);
        let token = roll.find(&digest)?;
        (!token.has_ended(now.day)).then(|| token.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roll::{NewToken, TokenRoll};
    use durable::SystemDisk;

    const FROM: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    struct House {
        dir: tempfile::TempDir,
        roll: TokenRoll,
        begun: AccessTime,
    }

    impl House {
        fn new() -> Self {
            Self {
                dir: tempfile::tempdir().unwrap(),
                roll: TokenRoll::default(),
                begun: AccessTime::now(),
            }
        }

        fn token(&mut self, name: &str, scopes: &[Scope], lasts: Option<Duration>) -> String {
            let new = NewToken {
                name: name.into(),
                scopes: scopes.iter().copied().collect(),
                lasts,
            };
            let secret = self.roll.add(new, self.begun.day).unwrap();
            self.roll.write(self.dir.path(), &SystemDisk).unwrap();
            secret.text().into()
        }

        fn gate(&self, config: &AccessConfig) -> Gate {
            Gate::open(self.dir.path(), config, self.begun).unwrap()
        }

        fn after(&self, seconds: u64) -> AccessTime {
            after(self.begun, seconds)
        }
    }

    fn after(begun: AccessTime, seconds: u64) -> AccessTime {
        let passed = Duration::from_secs(seconds);
        AccessTime {
            day: begun.day + passed,
            steady: begun.steady + passed,
        }
    }

    #[test]
    fn a_token_is_good_for_what_it_was_given_and_no_more() {
        let mut house = House::new();
        let token = house.token("viewer", &[Scope::Read, Scope::Control], None);
        let gate = house.gate(&AccessConfig::default());
        for scope in Scope::ALL {
            let asked = gate.admit(Credential::Token(&token), FROM, scope, house.begun);
            let asked = asked.map(|(caller, _)| caller);
            let viewer = || "viewer".to_owned();
            let expected = match scope {
                Scope::Read | Scope::Control => Ok(Caller { token: viewer() }),
                needed => Err(NotAdmitted::NotFor {
                    token: viewer(),
                    needed,
                }),
            };
            assert_eq!(asked, expected);
        }
    }

    #[test]
    fn nothing_wrong_over_and_overlong_are_refused_and_then_held_back() {
        let mut house = House::new();
        let hour = Some(Duration::from_secs(3600));
        let token = house.token("short", &[Scope::Read], hour);
        let config = AccessConfig {
            failures_per_minute: 4,
            ..AccessConfig::default()
        };
        let gate = house.gate(&config);
        let ask = |shown, after| {
            let asked = gate.admit(shown, FROM, Scope::Read, house.after(after));
            asked.map(|(caller, _)| caller)
        };
        assert_eq!(ask(Credential::None, 0), Err(NotAdmitted::NoToken));
        let long = token.clone() + &"a".repeat(LONGEST);
        for wrong in [
            Credential::Token(&long),
            Credential::Token(""),
            Credential::Cookie(&token),
        ] {
            assert_eq!(ask(wrong, 0), Err(NotAdmitted::BadToken));
        }
        let held = ask(Credential::Token("espm_x"), 0);
        assert!(matches!(held, Err(NotAdmitted::TooSoon(_))), "{held:?}");
        // From the same address a good one is good.
        assert!(ask(Credential::Token(&token), 0).is_ok());
        assert!(ask(Credential::Token(&token), 3599).is_ok());
        assert_eq!(
            ask(Credential::Token(&token), 3600),
            Err(NotAdmitted::BadToken)
        );
    }

    #[test]
    fn a_browser_s_sitting_ends_with_its_token() {
        let mut house = House::new();
        let token = house.token("ward", &[Scope::Read], None);
        let gate = house.gate(&AccessConfig::default());
        let (caller, cookie) = gate.log_in(&token, FROM, house.begun).unwrap();
        assert_eq!(caller.token, "ward");
        let begun = house.begun;
        let ask = |seconds| {
            let shown = Credential::Cookie(cookie.text());
            let asked = gate.admit(shown, FROM, Scope::Read, after(begun, seconds));
            asked.map(|(caller, _)| caller)
        };
        assert!(ask(0).is_ok());
        // What stands for a token is none.
        let as_token = Credential::Token(cookie.text());
        let asked = gate.admit(as_token, FROM, Scope::Read, house.begun);
        assert_eq!(asked.err(), Some(NotAdmitted::BadToken));
        // A token of the same name is another.
        house.roll.remove("ward").unwrap();
        house.token("ward", &[Scope::Read], None);
        assert_eq!(ask(2), Err(NotAdmitted::BadToken));
        let again = house.token("more", &[Scope::Read], None);
        let (_, cookie) = gate.log_in(&again, FROM, house.after(4)).unwrap();
        gate.log_out(cookie.text());
        let left = Credential::Cookie(cookie.text());
        let asked = gate.admit(left, FROM, Scope::Read, house.after(5));
        assert_eq!(asked.err(), Some(NotAdmitted::BadToken));
    }

    #[test]
    fn who_was_let_in_is_so_until_the_token_the_sitting_or_the_scope_is_gone() {
        let mut house = House::new();
        let hour = Some(Duration::from_secs(3600));
        let [ward, short] = [("ward", None), ("short", hour)]
            .map(|(name, lasts)| house.token(name, &[Scope::Read], lasts));
        let gate = house.gate(&AccessConfig::default());
        let let_in = |shown| gate.admit(shown, FROM, Scope::Read, house.begun).unwrap().1;
        let (_, cookie) = gate.log_in(&ward, FROM, house.begun).unwrap();
        let (_, left) = gate.log_in(&ward, FROM, house.begun).unwrap();
        let [by_token, by_cookie, by_left, by_short] = [
            Credential::Token(&ward),
            Credential::Cookie(cookie.text()),
            Credential::Cookie(left.text()),
            Credential::Token(&short),
        ]
        .map(let_in);
        let holds = |pass, seconds| gate.holds(pass, after(house.begun, seconds));
        for pass in [&by_token, &by_cookie, &by_left, &by_short] {
            // As often as one likes.
            assert!((0..100).all(|_| holds(pass, 1)));
        }
        gate.log_out(left.text());
        assert!(holds(&by_cookie, 1) && !holds(&by_left, 1));
        assert!(holds(&by_short, 3599) && !holds(&by_short, 3600));
        let begun = house.begun;
        house.roll.remove("ward").unwrap();
        house.token("ward", &[Scope::Control], None);
        let holds = |pass| gate.holds(pass, after(begun, 3602));
        assert!(!holds(&by_token) && !holds(&by_cookie));
    }

    #[test]
    fn who_asks_too_often_waits_and_others_do_not() {
        let mut house = House::new();
        let [one, other] = ["one", "other"].map(|name| house.token(name, &[Scope::Read], None));
        let config = AccessConfig {
            requests_per_s: 1,
            ..AccessConfig::default()
        };
        let gate = house.gate(&config);
        let ask = |token| gate.admit(Credential::Token(token), FROM, Scope::Read, house.begun);
        assert!(ask(&one).is_ok() && ask(&one).is_ok());
        assert!(matches!(ask(&one), Err(NotAdmitted::TooSoon(_))));
        assert!(ask(&other).is_ok());
    }
}
