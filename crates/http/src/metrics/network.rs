//! The node of a DICOM network.

use gateway::{GatewayView, ObjectFate};

use super::exposition::Exposition;

/// How it does. Destinations are named as they are configured; nothing else has a name.
pub fn render(out: &mut Exposition, view: &GatewayView) {
    let well = u8::from(view.problems().is_empty());
    out.gauge("espmedsam_dicom_up", "1 if nothing is wrong with it.")
        .put(&[], well);
    out.gauge("espmedsam_dicom_associations", "Who sends now.")
        .put(&[], view.associations);
    out.counter(
        "espmedsam_dicom_received_total",
        "Objects that were taken in, again those that wait already.",
    )
    .put(&[], view.received);
    let mut objects = out.counter(
        "espmedsam_dicom_objects_total",
        "Objects that were worked on, by what became of them.",
    );
    for fate in ObjectFate::ALL {
        let count = view.fates.get(fate).copied().unwrap_or_default();
        objects.put(&[("outcome", fate.name())], count);
    }
    out.gauge(
        "espmedsam_dicom_spool_objects",
        "Objects that wait to be worked on.",
    )
    .put(&[], view.spooled);
    let held = u8::from(view.held.is_some());
    out.gauge(
        "espmedsam_dicom_held",
        "1 while something is in the way of the next object: an engine that is busy or not ready, a full outbox.",
    )
    .put(&[], held);
    let mut outbox = out.gauge(
        "espmedsam_dicom_outbox_objects",
        "Answers that wait to be sent, and those that their destination refused.",
    );
    outbox.put(&[("state", "waiting")], view.outbox.waiting);
    outbox.put(&[("state", "refused")], view.outbox.refused);
    out.gauge("espmedsam_dicom_outbox_bytes", "Bytes of both.")
        .put(&[], view.outbox.bytes);
    let mut sendings = out.counter(
        "espmedsam_dicom_sendings_total",
        "Attempts to send: acknowledged; failed, to be tried again; refused, for good.",
    );
    for (destination, counts) in &view.sendings {
        let fates = [
            ("sent", counts.sent),
            ("failed", counts.failed),
            ("refused", counts.refused),
        ];
        for (fate, count) in fates {
            let labels = [("destination", destination.as_str()), ("fate", fate)];
            sendings.put(&labels, count);
        }
    }
}
