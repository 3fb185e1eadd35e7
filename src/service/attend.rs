//! While the service runs: its manager hears how the flow is, and the configuration is read anew when somebody asks.

use std::sync::Arc;

use picture::segmenter::Segmenter;

use super::manager::ServiceManager;
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
        manager.tell(&vigil.look(flow.as_ref()));
        tokio::select! {
            () = tokio::time::sleep(vigil.pause(manager.watchdog())) => {}
            () = reloads.next() => {
                manager.tell(&vigil.reloading());
                let outcome = reload(&mut reloader);
                manager.tell(&vigil.reloaded(&outcome));
            }
        }
    }
}

/// What became of it, in words.
fn reload(reloader: &mut Reloader) -> String {
    match reloader.reload() {
        Ok(reloaded) => {
            tracing::info!("configuration read anew: {reloaded}");
            "serving".into()
        }
        Err(error) => {
            tracing::error!("the configuration stays as it was: {error}");
            "serving; the new configuration was refused, see the log".into()
        }
    }
}
