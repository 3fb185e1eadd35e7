//! Live video: from a source's pictures to what may be shown of them now.
//!
//! [`Session`] watches one source: its pictures go to the model's lane, where the newest wins; its answers become a
//! [`LiveView`] for whoever looks. What may be shown ([`State`]) is worked out from what is known and the time whenever
//! somebody looks, so that nothing that stopped goes on looking alive. [`steady`] keeps masks and verdicts from
//! flickering, and moves a mask with the picture. Knows the model by the seam alone, and no protocol.
//!
//! Research use only. Not for clinical use.

mod announce;
mod cameras;
mod capture;
mod clip;
mod condition;
mod core;
mod counts;
mod desk;
mod ears;
mod error;
mod judge;
mod lane_desk;
mod observer;
mod pace;
mod panel;
mod pool;
mod session;
mod settings;
mod spec;
mod state;
pub mod steady;
mod studio;
mod surround;
mod view;

pub use self::cameras::{CameraFormat, CameraSize, OfferedCamera};
pub use self::clip::{
    ClipAbout, ClipBounds, ClipCut, ClipError, ClipFile, ClipShelf, LiveClip, SavedClip,
    ShelfBounds,
};
pub use self::condition::{
    BoardReading, BoardStrain, CoolingDevice, CpuClock, PowerRail, StrainLevel, ThermalZone,
};
pub use self::counts::{CaptureCounts, LiveCounts};
pub use self::ears::Listener;
pub use self::error::LiveError;
pub use self::observer::Observer;
pub use self::pace::{Pace, PaceReason, PaceStep};
pub use self::panel::{EdgeCounts, FrontPanel, PanelLamp, PanelView};
pub use self::session::Session;
pub use self::settings::LiveSettings;
pub use self::spec::{Asker, BadSource, LiveSourceSpec, SessionSpec, Workshop};
pub use self::state::{LivePatience, Signal, Standing, State, Verdict};
pub use self::studio::{MOST_SOURCES, Studio, vet};
pub use self::surround::SurroundSighting;
pub use self::view::{LiveAnswer, LivePicture, LiveView, Rates};
