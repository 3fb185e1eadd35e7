//! While the service runs: its manager hears how the flow is, and the configuration is read anew when somebody asks.

use std::sync::Arc;

use picture::segmenter::Segmenter;

use super::manager::{ServiceManager, Word};
use super::reload::Reloader;
use super::signals::Reloads;
use super::vigil::Vigil;

/// Never ends by itself.
pub async fn attend(
    manager: Arc<ServiceManager>,
    flow: Arc<dyn Segmenter>,
    mut reloader: Reloader,
    mut reloads: Reloads,
) {
    let mut vigil = Vigil::default();
    loop {
        say(&manager, &mut vigil, |vigil| vigil.look(flow.as_ref()));
        tokio::select! {
            () = tokio::time::sleep(vigil.pause(manager.watchdog())) => {}
            () = reloads.next() => {
                say(&manager, &mut vigil, |vigil| vigil.reloading());
                let outcome = reload(&mut reloader);
                say(&manager, &mut vigil, |vigil| vigil.reloaded(outcome));
            }
        }
    }
}

fn say(manager: &ServiceManager, vigil: &mut Vigil, words: impl FnOnce(&mut Vigil) -> Vec<Word>) {
    let words = words(vigil);
    if !manager.tell(&words) {
        vigil.not_heard(&words);
    }
}

/// What there is to say of it beside that the service goes on.
fn reload(reloader: &mut Reloader) -> Option<&'static str> {
    match reloader.reload() {
        Ok(reloaded) => {
            tracing::info!("configuration read anew: {reloaded}");
            None
        }
        Err(error) => {
            tracing::error!("the configuration stays as it was: {error}");
            Some("the new configuration was refused, see the log")
        }
    }
}
