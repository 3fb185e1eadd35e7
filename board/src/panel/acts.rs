//! What a press does.

use std::sync::Arc;
use std::time::SystemTime;

use live::{LiveError, Session, Studio};

use crate::gpio::{Press, TriggerAction};

/// What presses do, and to which source.
#[derive(Clone, Debug, Default)]
pub(super) struct PressActs {
    /// What a short one does.
    pub short: TriggerAction,
    /// The source; all, if none is named.
    pub source: Option<String>,
}

impl PressActs {
    /// Does it.
    ///
    /// # Errors
    /// Why it is not done, or not to all.
    pub fn act(&self, studio: &Studio, press: Press) -> Result<(), LiveError> {
        let sessions = self.sessions(studio)?;
        match (press, self.short) {
            (Press::Short, TriggerAction::Freeze) => {
                let frozen = sessions.iter().any(|(_, s)| s.look().frozen.is_some());
                sessions.iter().for_each(|(_, s)| s.freeze(!frozen));
            }
            (Press::Short, TriggerAction::Snapshot) => {
                let save = |name: &str| studio.save_snapshot(name, SystemTime::now());
                let saved: Vec<_> = sessions.iter().map(|(name, _)| save(name)).collect();
                for file in saved {
                    tracing::info!("snapshot: {}", file?.name);
                }
            }
            (Press::Long, _) => {
                let hidden = sessions.iter().any(|(_, s)| s.look().hidden);
                sessions.iter().for_each(|(_, s)| s.hide_mask(!hidden));
            }
        }
        Ok(())
    }

    fn sessions(&self, studio: &Studio) -> Result<Vec<(String, Arc<Session>)>, LiveError> {
        let all = studio.all();
        match &self.source {
            None if !all.is_empty() => Ok(all),
            source => Ok(vec![studio.find(source.as_deref())?]),
        }
    }
}
