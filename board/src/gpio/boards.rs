//! The boards whose pins are known, as data that the program carries with it.

use super::error::GpioError;
use super::pins::PinMap;

macro_rules! boards {
    ($($name:literal),* $(,)?) => {
        /// Names of the boards whose pins are known.
        pub const BOARD_NAMES: &[&str] = &[$($name),*];
        const TEXTS: &[&str] = &[$(include_str!(concat!("../../", $name, ".toml"))),*];
    };
}

boards!["rpi4", "rpi5", "jetson-orin", "generic-arm64"];

/// The pins of a board.
///
/// # Errors
/// [`GpioError::UnknownBoard`].
pub fn board_pins(board: &str) -> Result<PinMap, GpioError> {
    let known = BOARD_NAMES.iter().zip(TEXTS);
    let found = known.into_iter().find(|(name, _)| **name == board);
    let (_, text) = found.ok_or_else(|| GpioError::UnknownBoard {
        asked: board.into(),
        known: BOARD_NAMES.join(", "),
    })?;
    PinMap::parse(text)
}
