//! Lights that say how the service does, and a foot switch that does something to what is shown.
//!
//! One thread waits for the switch, one acts, one sees to the lamps: none of them waits for another. Edges go from the first
//! to the second through a queue of fixed length ([`heapless::spsc`]); what does not go in is counted and told.

mod acts;
mod lamps;
mod line;
mod patterns;
mod threads;

pub use self::lamps::{LampKeeper, PanelFault, ServiceState, SourceState};
pub use self::line::{EDGES, EdgeLine, Heard, next_press};
pub use self::patterns::BlinkPattern;
pub use self::threads::{Panel, PanelParts};
