//! One picture through all stages, timed.

mod passes;
mod pipeline;
mod plan;
mod reading;
mod watch;

pub use passes::Observer;
pub use pipeline::Pipeline;
pub(crate) use plan::Plan;
pub(crate) use reading::Reading;
pub use reading::Subject;
