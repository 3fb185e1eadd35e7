//! Which pin is for what.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::error::GpioError;
use super::role::LampRole;

/// Longest that a switch may be let settle, ms: longer than any bounces, and short of what a foot takes.
const LONGEST_DEBOUNCE: u16 = 200;

/// A board's pins by what they are for; any may be left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PinMap {
    /// The chip's label. Its number may be another one after the next start.
    pub chip: String,
    /// See [`LampRole::Ready`].
    pub ready: Option<LampPin>,
    /// See [`LampRole::Streaming`].
    pub streaming: Option<LampPin>,
    /// See [`LampRole::Fault`].
    pub fault: Option<LampPin>,
    /// See [`LampRole::Buzzer`].
    pub buzzer: Option<LampPin>,
    /// The foot switch.
    pub trigger: Option<SwitchPin>,
}

/// An output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LampPin {
    /// Its line on the chip.
    pub line: u32,
    /// The pin of the board's header that it is on, for people.
    pub header: Option<u8>,
    /// Whether it is lit when the line is low.
    #[serde(default)]
    pub active_low: bool,
}

/// An input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SwitchPin {
    /// Its line on the chip.
    pub line: u32,
    /// The pin of the board's header that it is on, for people.
    pub header: Option<u8>,
    /// Whether it is down when the line is low, as of a switch to ground.
    pub active_low: bool,
    /// What holds the line while the switch is open.
    pub pull: Pull,
    /// It counts what it has been for so long, ms.
    pub debounce_ms: u16,
}

/// What holds a line that nothing drives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pull {
    /// A resistor in the chip, to its supply.
    Up,
    /// One to ground.
    Down,
    /// One outside of it, or none is needed.
    External,
}

impl SwitchPin {
    /// It counts what it has been for so long.
    #[must_use]
    pub fn debounce(&self) -> Duration {
        Duration::from_millis(self.debounce_ms.into())
    }
}

impl PinMap {
    /// Reads a map, and checks that it can be.
    ///
    /// # Errors
    /// [`GpioError::BadMap`].
    pub fn parse(text: &str) -> Result<Self, GpioError> {
        let map: Self = toml::from_str(text).map_err(|why| GpioError::BadMap(why.to_string()))?;
        map.check()?;
        Ok(map)
    }

    /// Whether it can be: a chip, no pin for two things, a switch that comes to rest.
    ///
    /// # Errors
    /// [`GpioError::BadMap`].
    pub fn check(&self) -> Result<(), GpioError> {
        let bad = |why: String| Err(GpioError::BadMap(why));
        if self.chip.is_empty() {
            return bad("the chip has no label".into());
        }
        let (mut lines, mut headers) = (BTreeSet::new(), BTreeSet::new());
        for (name, line, header) in self.roles() {
            if !lines.insert(line) {
                return bad(format!(
                    "line {line}, of '{name}', is for something else already"
                ));
            }
            if header.is_some_and(|header| !headers.insert(header)) {
                return bad(format!(
                    "the header's pin of '{name}' is another one's already"
                ));
            }
        }
        if lines.is_empty() {
            return bad("nothing has a pin".into());
        }
        match self.trigger {
            Some(SwitchPin { debounce_ms, .. }) if debounce_ms > LONGEST_DEBOUNCE => bad(format!(
                "trigger.debounce_ms: expected 0..={LONGEST_DEBOUNCE}, found {debounce_ms}"
            )),
            _ => Ok(()),
        }
    }

    /// What has a pin: what it is for, its line, and its pin of the header.
    pub fn roles(&self) -> impl Iterator<Item = (&'static str, u32, Option<u8>)> {
        let lamps = self
            .lamps()
            .map(|(role, pin)| (role.name(), pin.line, pin.header));
        let switch = self
            .trigger
            .iter()
            .map(|pin| ("trigger", pin.line, pin.header));
        lamps.chain(switch)
    }

    /// The pin of an output, if it has one.
    #[must_use]
    pub fn lamp(&self, role: LampRole) -> Option<LampPin> {
        match role {
            LampRole::Ready => self.ready,
            LampRole::Streaming => self.streaming,
            LampRole::Fault => self.fault,
            LampRole::Buzzer => self.buzzer,
        }
    }

    /// The outputs that have a pin.
    pub fn lamps(&self) -> impl Iterator<Item = (LampRole, LampPin)> {
        let pin = |role| Some((role, self.lamp(role)?));
        LampRole::ALL.into_iter().filter_map(pin)
    }
}
