//! The thread that reads how the board does, and tells whoever serves live sources.

use std::io;
use std::sync::{Arc, Weak};
use std::time::Duration;

use live::{BoardReading, BoardStrain, StrainLevel, Studio};
use picture::segmenter::Clock;

use super::HeatSensor;
use crate::ending::ThreadEnd;

/// How often it is read: heat is slow, and each reading asks a firmware.
const EVERY: Duration = Duration::from_secs(2);

/// Reads as long as it is held. A driver that does not return keeps the thread until it does.
#[derive(Debug)]
pub struct HeatWatch {
    ending: Arc<ThreadEnd>,
}

impl HeatWatch {
    /// Reads at once, and from now on.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(
        sensor: Arc<dyn HeatSensor>,
        studio: &Arc<Studio>,
        clock: Arc<dyn Clock>,
    ) -> io::Result<Self> {
        let ending = Arc::new(ThreadEnd::default());
        let (over, studio) = (ending.clone(), Arc::downgrade(studio));
        let thread = std::thread::Builder::new().name("board-heat".into());
        thread.spawn(move || watch(sensor.as_ref(), &studio, clock.as_ref(), &over))?;
        Ok(Self { ending })
    }
}

impl Drop for HeatWatch {
    fn drop(&mut self) {
        self.ending.come();
    }
}

fn watch(sensor: &dyn HeatSensor, studio: &Weak<Studio>, clock: &dyn Clock, ending: &ThreadEnd) {
    let mut told = Vec::new();
    loop {
        let reading = sensor.read();
        let Some(studio) = studio.upgrade() else {
            return;
        };
        if reading.strains != told {
            say(&reading);
            told.clone_from(&reading.strains);
        }
        studio.board_does(reading);
        drop(studio);
        if ending.pass(clock, EVERY) {
            return;
        }
    }
}

fn say(reading: &BoardReading) {
    let meanings: Vec<_> = reading
        .strains
        .iter()
        .map(|s| BoardStrain::meaning(*s))
        .collect();
    match reading.level() {
        StrainLevel::Fine => tracing::info!("the board is well again"),
        StrainLevel::Warm | StrainLevel::Throttled => tracing::warn!("{}", meanings.join(" ")),
    }
}
