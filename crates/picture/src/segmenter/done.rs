use super::error::EngineError;
use super::segmentation::Segmentation;

/// Called with a job's outcome. It should not block: it runs on the thread that computes.
pub type Done = Box<dyn FnOnce(Result<Segmentation, EngineError>) + Send>;
