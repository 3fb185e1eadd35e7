//! Lights, a buzzer and a foot switch, by what they are for: which pin that is on a board is data (`board/*.toml`).
//!
//! [`PanelLines`] is what all of them are behind: Linux's character device, `rppal` (feature `rpi`), or simulated. A
//! [`PressReader`] makes presses of the switch's edges.

mod boards;
#[cfg(target_os = "linux")]
mod chardev;
mod chips;
mod config;
mod error;
mod lines;
mod open;
mod pins;
mod press;
mod role;
#[cfg(all(feature = "rpi", target_os = "linux"))]
mod rpi;
mod simulated;

pub use self::boards::{BOARD_NAMES, board_pins};
#[cfg(target_os = "linux")]
pub use self::chardev::gpio_chips;
pub use self::chips::{GpioChip, line_problems};
pub use self::config::{GpioConfig, GpioDriver, TriggerAction};
pub use self::error::GpioError;
pub use self::lines::{Edge, PanelLines};
pub use self::open::{OpenedLines, open_lines};
pub use self::pins::{LampPin, PinMap, Pull, SwitchPin};
pub use self::press::{LONG_PRESS, Press, PressReader};
pub use self::role::LampRole;
pub use self::simulated::SimulatedLines;
