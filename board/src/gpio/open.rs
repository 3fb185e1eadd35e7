//! A configuration → lines that can be used.

use std::sync::Arc;
use std::time::Duration;

use picture::segmenter::Clock;

use super::config::{GpioConfig, GpioDriver};
use super::error::GpioError;
use super::lines::PanelLines;
use super::pins::PinMap;
use super::simulated::SimulatedLines;

/// Of a switch that is clicked: a finger on glass does not bounce.
const NO_BOUNCE: Duration = Duration::ZERO;

/// Lines, and those of nothing if they are.
pub struct OpenedLines {
    /// What drives a panel.
    pub lines: Arc<dyn PanelLines>,
    /// The same, if it is simulated: what the viewer clicks.
    pub simulated: Option<Arc<SimulatedLines>>,
}

/// The lines that a configuration means.
///
/// # Errors
/// [`GpioError`].
pub fn open_lines(config: &GpioConfig, clock: Arc<dyn Clock>) -> Result<OpenedLines, GpioError> {
    let real = |lines| OpenedLines {
        lines,
        simulated: None,
    };
    match config.driver {
        GpioDriver::Simulated => {
            let lines = Arc::new(SimulatedLines::new(clock, NO_BOUNCE));
            Ok(OpenedLines {
                lines: lines.clone(),
                simulated: Some(lines),
            })
        }
        GpioDriver::Chardev => chardev(&config.pin_map()?, clock).map(real),
        GpioDriver::Rppal => rppal(&config.pin_map()?, clock).map(real),
    }
}

#[cfg(target_os = "linux")]
fn chardev(map: &PinMap, clock: Arc<dyn Clock>) -> Result<Arc<dyn PanelLines>, GpioError> {
    Ok(Arc::new(super::chardev::ChardevLines::open(map, clock)?))
}

#[cfg(not(target_os = "linux"))]
fn chardev(_: &PinMap, _: Arc<dyn Clock>) -> Result<Arc<dyn PanelLines>, GpioError> {
    Err(GpioError::Unsupported(
        "GPIO's character device is Linux's alone",
    ))
}

#[cfg(all(feature = "rpi", target_os = "linux"))]
fn rppal(map: &PinMap, clock: Arc<dyn Clock>) -> Result<Arc<dyn PanelLines>, GpioError> {
    Ok(Arc::new(super::rpi::RppalLines::open(map, clock)?))
}

#[cfg(not(all(feature = "rpi", target_os = "linux")))]
fn rppal(_: &PinMap, _: Arc<dyn Clock>) -> Result<Arc<dyn PanelLines>, GpioError> {
    Err(GpioError::Unsupported(
        "this program was built without rppal (feature 'rpi', Linux); use the driver 'chardev'",
    ))
}
