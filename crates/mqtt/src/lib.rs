//! What is told of live sources to an MQTT broker (MQTT 3.1.1): whether the service runs, each source's state, and results
//! without pictures. Nothing is subscribed to, so nobody gets in by it.
//!
//! [`MqttReporter`] looks at all sources four times a second and tells what is new. What it tells is what is so at that
//! moment: without a broker nothing is kept for later, and once there is one again it hears how things are then. Knows
//! brokers by the trait [`Broker`] alone, and the model not at all.
//!
//! Research use only. Not for clinical use.

mod broker;
mod bulletin;
mod config;
mod herald;
mod message;
mod meter;
mod plan;
mod reporter;
mod rumqtt;
mod scripted;
mod topics;

pub use self::broker::{Broker, BrokerLink, LinkError, LinkNews};
pub use self::config::{BadMqttSetting, MqttConfig};
pub use self::message::{MOST_BYTES, MqttDelivery, MqttMessage};
pub use self::meter::{MqttFigures, MqttMeter};
pub use self::plan::{MqttLogin, MqttPlan};
pub use self::reporter::MqttReporter;
pub use self::rumqtt::RumqttBroker;
pub use self::scripted::{BrokerMood, ScriptedBroker};
pub use self::topics::MqttTopics;
