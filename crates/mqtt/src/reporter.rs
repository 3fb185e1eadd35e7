//! The thread that tells.

use std::io;
use std::sync::{Arc, OnceLock};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant, SystemTime};

use live::Studio;
use picture::segmenter::{Clock, SystemClock};

use crate::broker::Broker;
use crate::herald::{Herald, HeraldParts};
use crate::meter::MqttMeter;
use crate::plan::MqttPlan;
use crate::rumqtt::RumqttBroker;

/// How often an end is looked for.
const LOOK: Duration = Duration::from_millis(10);

/// Tells a broker of live sources, on a thread of its own that nobody waits for. Told to end when it is dropped.
#[derive(Debug)]
pub struct MqttReporter {
    meter: Arc<MqttMeter>,
    /// By when it is to have taken leave, once it is to end.
    ends: Arc<OnceLock<Instant>>,
    thread: Option<JoinHandle<bool>>,
}

impl MqttReporter {
    /// Begins to tell; the broker need not be there.
    ///
    /// # Errors
    /// The system's, if it gives no thread.
    pub fn begin(plan: &MqttPlan, studio: Arc<Studio>) -> io::Result<Self> {
        let broker = Box::new(RumqttBroker::new(plan)?);
        Self::begin_with(plan, studio, broker)
    }

    /// The same, with any broker.
    ///
    /// # Errors
    /// As of [`MqttReporter::begin`].
    pub fn begin_with(
        plan: &MqttPlan,
        studio: Arc<Studio>,
        broker: Box<dyn Broker>,
    ) -> io::Result<Self> {
        let meter = Arc::new(MqttMeter::default());
        let ends = Arc::new(OnceLock::new());
        let parts = HeraldParts {
            studio,
            broker,
            meter: meter.clone(),
            clock: Arc::new(SystemClock),
            wall: SystemTime::now,
        };
        let (mut herald, until) = (Herald::new(plan, parts), ends.clone());
        let thread = Builder::new().name("mqtt".into()).spawn(move || {
            loop {
                if let Some(until) = until.get() {
                    return herald.end(*until);
                }
                let next = herald.tell();
                herald.hear(next);
            }
        })?;
        Ok(Self {
            meter,
            ends,
            thread: Some(thread),
        })
    }

    /// What happened, counted.
    #[must_use]
    pub fn meter(&self) -> Arc<MqttMeter> {
        self.meter.clone()
    }

    /// Takes leave of the broker; whether that was done in time. A thread that does not come back is left behind.
    #[must_use]
    pub fn end(mut self, patience: Duration) -> bool {
        let Some(thread) = self.thread.take() else {
            return true;
        };
        let until = SystemClock.now() + patience;
        self.ends.get_or_init(|| until);
        while !thread.is_finished() && SystemClock.now() < until {
            std::thread::sleep(LOOK);
        }
        thread.is_finished() && thread.join().unwrap_or(false)
    }
}

impl Drop for MqttReporter {
    fn drop(&mut self) {
        self.ends.get_or_init(|| SystemClock.now());
    }
}
