//! What is told to an MQTT broker beside the server: begun if it is configured.

use std::sync::Arc;
use std::time::Duration;

use live::Studio;
use mqtt::{MqttMeter, MqttPlan, MqttReporter};

use super::failure::Failure;
use crate::config::Config;

/// What is to be told, looked over before there is a model; or nothing.
pub(super) struct BrokerPlan(Option<MqttPlan>);

/// Who tells, or nobody.
pub(super) struct BrokerTelling(Option<MqttReporter>);

impl BrokerPlan {
    /// That of a configuration.
    pub(super) fn of(config: &Config) -> Result<Self, Failure> {
        let plan = config.mqtt.plan();
        let plan = plan.map_err(|error| Failure::Usage(error.to_string()))?;
        Ok(Self(plan))
    }

    /// Begins to tell; the broker need not be there.
    pub(super) fn begin(self, studio: &Arc<Studio>) -> Result<BrokerTelling, Failure> {
        let begun = self
            .0
            .map(|plan| MqttReporter::begin(&plan, studio.clone()));
        let begun = begun.transpose();
        begun
            .map(BrokerTelling)
            .map_err(|error| Failure::Failed(format!("mqtt: {error}")))
    }
}

impl BrokerTelling {
    /// What is counted, if anything is told.
    pub(super) fn meter(&self) -> Option<Arc<MqttMeter>> {
        self.0.as_ref().map(MqttReporter::meter)
    }

    /// Takes leave of the broker; whether it did in time.
    pub(super) fn end(self, patience: Duration) -> bool {
        self.0.is_none_or(|reporter| reporter.end(patience))
    }
}
