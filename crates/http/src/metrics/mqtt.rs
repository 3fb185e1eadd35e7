//! What an MQTT broker is told.

use mqtt::MqttFigures;

use super::exposition::Exposition;

/// How it goes. Nothing has a name.
pub fn render(out: &mut Exposition, figures: MqttFigures) {
    out.gauge(
        "espmedsam_mqtt_connected",
        "1 while the MQTT broker is there and lets this service in.",
    )
    .put(&[], u8::from(figures.connected));
    out.counter("espmedsam_mqtt_published_total", "Messages that went out.")
        .put(&[], figures.published);
    out.counter(
        "espmedsam_mqtt_left_out_total",
        "Messages that there was no room for, as the broker is slow; what is told later is newer.",
    )
    .put(&[], figures.left_out);
}
