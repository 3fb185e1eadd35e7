//! How lamps blink, as data.

use std::time::Duration;

/// How a lamp is lit: for so many milliseconds, dark for so many, and so on, again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BlinkPattern {
    /// What it is called.
    pub name: &'static str,
    /// Lit, dark, lit …, ms. None: dark. One: always lit.
    pub beats: &'static [u16],
}

macro_rules! patterns {
    ($($(#[$about:meta])* $name:ident = $word:literal: $beats:expr;)*) => {
        impl BlinkPattern {
            $($(#[$about])* pub const $name: Self = Self { name: $word, beats: &$beats };)*
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),*];
        }
    };
}

patterns! {
    /// Nothing.
    DARK = "off": [];
    /// All is as it should be.
    ON = "on": [1000];
    /// Something is on its way, or held.
    SLOW = "slow": [1000, 1000];
    /// Lit, but not as one would think.
    WINK = "wink": [1800, 200];
    /// Nothing comes that should.
    FAST = "fast": [200, 200];
    /// A fault with this number.
    ONE = "one-blink": [200, 1600];
    /// A fault with this number.
    TWO = "two-blinks": [200, 300, 200, 1300];
    /// A fault with this number.
    THREE = "three-blinks": [200, 300, 200, 300, 200, 1300];
    /// A fault with this number.
    FOUR = "four-blinks": [200, 300, 200, 300, 200, 300, 200, 1300];
    /// Sounded once: it was done.
    CHIRP = "chirp": [100];
    /// Sounded once: it was not, or something has gone wrong.
    COMPLAINT = "complaint": [100, 100, 100, 100, 300];
}

impl BlinkPattern {
    /// How long it takes once.
    #[must_use]
    pub fn length(&self) -> Duration {
        let beats = self.beats.iter();
        Duration::from_millis(beats.map(|beat| u64::from(*beat)).sum())
    }

    /// Whether a lamp is lit so long after it began.
    #[must_use]
    pub fn is_lit(&self, since: Duration) -> bool {
        let length = self.length().as_nanos();
        let Some(mut left) = since.as_nanos().checked_rem(length) else {
            return false;
        };
        for (i, beat) in self.beats.iter().enumerate() {
            let beat = Duration::from_millis((*beat).into()).as_nanos();
            match left.checked_sub(beat) {
                Some(rest) => left = rest,
                None => return i % 2 == 0,
            }
        }
        false
    }
}
