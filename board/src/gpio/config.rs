use serde::{Deserialize, Serialize};

use super::boards::board_pins;
use super::error::GpioError;
use super::pins::PinMap;

/// `[gpio]`: lights and a foot switch. There are none, unless a board, pins or the simulated ones are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GpioConfig {
    /// The board, whose pins are known.
    pub board: Option<String>,
    /// Pins, in place of the board's.
    pub pins: Option<PinMap>,
    /// What drives them.
    pub driver: GpioDriver,
    /// What a short press of the switch does.
    pub trigger: TriggerAction,
    /// The source that it does it to; all, unless it is set.
    pub source: Option<String>,
}

/// What drives lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GpioDriver {
    /// Linux's character device.
    #[default]
    Chardev,
    /// The crate `rppal`, on a Raspberry Pi.
    Rppal,
    /// Nothing: to be seen and clicked in the viewer.
    Simulated,
}

/// What a short press does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TriggerAction {
    /// Holds the picture, or lets it go on.
    #[default]
    Freeze,
    /// Saves the picture with its mask.
    Snapshot,
}

impl GpioConfig {
    /// Whether there is anything at all.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.driver == GpioDriver::Simulated || self.board.is_some() || self.pins.is_some()
    }

    /// The pins that it means.
    ///
    /// # Errors
    /// [`GpioError::UnknownBoard`], [`GpioError::BadMap`].
    pub fn pin_map(&self) -> Result<PinMap, GpioError> {
        match (&self.pins, &self.board) {
            (Some(pins), _) => pins.check().map(|()| pins.clone()),
            (None, Some(board)) => board_pins(board),
            (None, None) => Err(GpioError::BadMap(
                "neither a board nor pins are named".into(),
            )),
        }
    }

    /// Whether it can work, as far as is known without the hardware.
    ///
    /// # Errors
    /// As of [`GpioConfig::pin_map`].
    pub fn check(&self) -> Result<(), GpioError> {
        let needs_pins = self.is_on() && self.driver != GpioDriver::Simulated;
        match needs_pins || self.board.is_some() || self.pins.is_some() {
            true => self.pin_map().map(drop),
            false => Ok(()),
        }
    }
}
