//! What is beside the sources on a board: lights, a foot switch, thermometers.

use std::io;
use std::sync::Arc;

use board::gpio::{GpioConfig, GpioError, open_lines};
use board::heat::{HeatWatch, SystemHeat};
use board::panel::{Panel, PanelParts};
use live::Studio;
use picture::segmenter::SystemClock;

/// In service as long as they are held.
pub struct Fittings {
    _heat: HeatWatch,
    _panel: Option<Panel>,
}

impl Fittings {
    /// Puts them in service. Without lights, if they cannot be had: a lamp that stays dark is no reason not to serve.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn begin(config: &GpioConfig, studio: &Arc<Studio>) -> io::Result<Self> {
        let sensor = Arc::new(SystemHeat::default());
        let clock = Arc::new(SystemClock);
        Ok(Self {
            _heat: HeatWatch::start(sensor, studio, clock)?,
            _panel: match panel(config) {
                Ok(parts) => parts.map(|parts| Panel::start(parts, studio)).transpose()?,
                Err(error) => {
                    tracing::error!("no lights and no foot switch: {error}");
                    None
                }
            },
        })
    }
}

fn panel(config: &GpioConfig) -> Result<Option<PanelParts>, GpioError> {
    if !config.is_on() {
        return Ok(None);
    }
    let clock = Arc::new(SystemClock);
    Ok(Some(PanelParts {
        lines: open_lines(config, clock.clone())?,
        config: config.clone(),
        clock,
    }))
}
