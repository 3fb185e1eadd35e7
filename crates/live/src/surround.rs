//! Looks at a source's whole pictures for a while, and proposes what to cut off of them.

use std::sync::Arc;
use std::time::Duration;

use video::surround::{SurroundFinder, SurroundProposal};

use crate::core::Core;

/// Longest that pictures are looked at.
const PATIENCE: Duration = Duration::from_secs(2);
/// From one picture to the next: what stands still is to be told from what moves slowly.
const APART: Duration = Duration::from_millis(60);
/// Pictures that are enough.
const ENOUGH: u32 = 24;

/// What was found of a console's surround.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SurroundSighting {
    /// Where the scan seems to lie; `None`: the picture has no surround, or it was not found.
    pub proposal: Option<SurroundProposal>,
    /// Width and height of the whole picture.
    pub size: [u32; 2],
    /// Pictures that were looked at.
    pub pictures: u32,
}

/// Looks at the next pictures; blocks for two seconds at most. `None` if none came.
pub(crate) fn find_surround(core: &Core) -> Option<SurroundSighting> {
    let clock = core.clock.as_ref();
    let end = clock.now() + PATIENCE;
    let mut finder = SurroundFinder::default();
    while finder.pictures() < ENOUGH && !core.is_stopped() {
        let Some(whole) = core.viewfinder.next_whole(clock, end) else {
            break;
        };
        finder.look(&whole);
        drop(whole);
        clock.wait((clock.now() + APART).min(end), &core.ending);
    }
    Some(SurroundSighting {
        proposal: finder.propose(),
        size: finder.size()?,
        pictures: finder.pictures(),
    })
}

/// Looks once the source begins, and keeps what it would propose. Nothing is cut off by it.
pub(crate) fn propose_first(core: &Arc<Core>) {
    while !core.is_stopped() {
        if let Some(seen) = find_surround(core) {
            return core.propose(seen.proposal);
        }
    }
}
