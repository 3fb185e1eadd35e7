//! What an MQTT broker is told.

use std::path::Path;
use std::sync::Arc;

use mqtt::{MqttFigures, MqttMeter};
use picture::segmenter::SystemClock;
use testing::exposition::Scrape;
use testing::fake::Fake;
use testing::puppet::Puppet;

use super::{App, Exposition, ServedParts, ServerConfig, Studio, put_together};
use crate::metrics::render_mqtt;

#[test]
fn a_broker_is_told_of() {
    let mut out = Exposition::new();
    let figures = MqttFigures {
        connected: true,
        published: 7,
        left_out: 2,
    };
    render_mqtt(&mut out, figures);
    let scrape = Scrape::read(&out.finish()).unwrap();
    for (name, expected) in [
        ("connected", 1.0),
        ("published_total", 7.0),
        ("left_out_total", 2.0),
    ] {
        let value = scrape.value(&format!("espmedsam_mqtt_{name}"), &[]);
        assert_eq!(value, Some(expected), "{name}");
    }
}

#[test]
fn where_there_is_none_nothing_is_said_of_it() {
    let clock = Arc::new(SystemClock);
    let puppet = Puppet::new(clock.clone());
    let studio = Studio::new(Fake::new(1), clock, Arc::new(puppet));
    let said = |mqtt: Option<Arc<MqttMeter>>| {
        let parts = ServedParts {
            mqtt,
            ..studio.clone().into()
        };
        let app = App::new(ServerConfig::default(), parts);
        put_together(&app, &[], Path::new("/nowhere")).contains("espmedsam_mqtt_")
    };
    assert_eq!((said(None), said(Some(Arc::default()))), (false, true));
}
