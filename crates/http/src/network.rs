//! What is said of the node of a DICOM network to whoever asks whether all is well: numbers, and no identifier.

use gateway::GatewayView;
use serde::Serialize;
use utoipa::ToSchema;

/// How the node of a DICOM network does.
#[derive(Serialize, ToSchema)]
pub struct DicomReport {
    /// `working`, or `impaired`: something is wrong, and nothing is lost by it.
    #[schema(example = "working")]
    state: &'static str,
    /// What is wrong.
    problems: Vec<String>,
    /// Objects that wait to be worked on.
    waiting: usize,
    /// Answers that wait to be sent.
    outgoing: usize,
    /// Answers that their destination refused, set aside.
    refused: usize,
}

impl From<&GatewayView> for DicomReport {
    fn from(view: &GatewayView) -> Self {
        let problems = view.problems();
        Self {
            state: match problems.is_empty() {
                true => "working",
                false => "impaired",
            },
            problems,
            waiting: view.spooled,
            outgoing: view.outbox.waiting,
            refused: view.outbox.refused,
        }
    }
}
