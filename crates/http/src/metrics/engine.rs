//! The engine, as it is when somebody asks.

use picture::segmenter::{Readiness, Segmenter};

use super::exposition::Exposition;

/// Each [`Readiness`] in a word.
const STATES: [&str; 4] = ["starting", "ready", "failed", "stuck"];

fn state(readiness: &Readiness) -> &'static str {
    let [starting, ready, failed, stuck] = STATES;
    match readiness {
        Readiness::Starting => starting,
        Readiness::Ready => ready,
        Readiness::Failed(_) => failed,
        Readiness::Stuck(_) => stuck,
    }
}

/// State, queue and models.
pub fn render(out: &mut Exposition, engine: &dyn Segmenter) {
    out.gauge(
        "espmedsam_engine_state",
        "1 for the state that the engine is in.",
    )
    .put_state(&[], &STATES, state(&engine.readiness()));
    let (waiting, capacity) = engine.queue();
    out.gauge("espmedsam_engine_queue_length", "Jobs that wait.")
        .put(&[], waiting);
    out.gauge("espmedsam_engine_queue_capacity", "The most that may wait.")
        .put(&[], capacity);
    let mut models = out.gauge(
        "espmedsam_model_info",
        "The models, by the SHA-256 over the hashes of all their files.",
    );
    for model in engine.models() {
        let side = model.side.to_string();
        let labels = [
            ("model", model.name.as_str()),
            ("sha256", &model.sha256),
            ("side", &side),
            ("default", if model.default { "true" } else { "false" }),
        ];
        models.put(&labels, 1);
    }
}
