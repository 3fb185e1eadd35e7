use serde::Serialize;

use super::record::{CheckState, Report};
use crate::NOTICE;

/// One of the few facts that go along with a result in whatever form, so that a picture does not travel without them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Essential {
    /// Its name, in kebab-case: `area-px`.
    pub name: &'static str,
    /// Its value, for people and programs alike.
    pub value: String,
}

impl Report {
    /// The report's essentials; what is not known is left out.
    #[must_use]
    pub fn essentials(&self) -> Vec<Essential> {
        let pages = self.image.page.zip(self.image.pages);
        let codes: Vec<_> = self.warnings.iter().map(|warning| warning.code).collect();
        let known = [
            ("notice", Some(NOTICE.to_owned())),
            ("result", word(&self.result)),
            ("presence", self.presence.and_then(|of| word(&of.state))),
            (
                "presence-score",
                self.presence.map(|of| format!("{:.4}", of.score)),
            ),
            ("model", Some(self.model.name.clone())),
            ("model-sha256", Some(self.model.sha256.clone())),
            ("modality", Some(self.modality.name.clone())),
            ("area-px", Some(self.area.px.to_string())),
            ("area-fraction", Some(format!("{:.6}", self.area.fraction))),
            ("regions", Some(self.regions.count.to_string())),
            ("modality-check", word(&self.modality_check.state)),
            (
                "confidence",
                self.confidence.map(|dice| format!("{dice:.4}")),
            ),
            (
                "pages",
                pages.map(|(page, pages)| format!("{page}/{pages}")),
            ),
            ("warnings", (!codes.is_empty()).then(|| codes.join(", "))),
        ];
        known
            .into_iter()
            .filter_map(|(name, value)| {
                Some(Essential {
                    name,
                    value: value?,
                })
            })
            .collect()
    }
}

impl Report {
    /// What is to be doubted about the result, in words.
    #[must_use]
    pub fn doubts(&self) -> Option<String> {
        let mismatch = (self.modality_check.state == CheckState::ModalityMismatch)
            .then_some("The picture does not look like its modality.");
        let warnings = self.warnings.iter().map(|warning| warning.message.as_str());
        let all: Vec<_> = mismatch.into_iter().chain(warnings).collect();
        (!all.is_empty()).then(|| all.join(" "))
    }
}

/// The word that JSON has for one of several states.
fn word(state: &impl Serialize) -> Option<String> {
    let json = serde_json::to_value(state).ok()?;
    json.as_str().map(str::to_owned)
}
