//! A live source: frames in, the newest mask out.

use std::ptr::null_mut;
use std::time::Duration;

use embed::{GuestError, GuestFault, GuestLane};

use super::guard::{guarded, guarded_or};
use super::pointers::{HandlePlace, borrow, hand_out, take_back, write};
use super::segment::{frame, wish};
use crate::code::EspmedsamCode;
use crate::handles::{EspmedsamLive, EspmedsamSegmenter};
use crate::records::{EspmedsamCounts, EspmedsamPicture, EspmedsamSight, EspmedsamWish};

/// A live source beside the segmenter's other work. A frame that is older than stale_after_ms when its turn comes has no mask,
/// but the code ESPMEDSAM_CODE_STALE; 0: none is too old. The wish has no region: that is cut out by data and stride. To be closed
/// by espmedsam_live_close; the segmenter may be closed before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn espmedsam_live_open(
    segmenter: *const EspmedsamSegmenter,
    wish: *const EspmedsamWish,
    stale_after_ms: u32,
    live: *mut *mut EspmedsamLive,
) -> EspmedsamCode {
    guarded(|| {
        // SAFETY: the folder's rule.
        let (out, segmenter) =
            unsafe { (HandlePlace::new(live)?, borrow(segmenter, "segmenter")?) };
        // SAFETY: the same.
        let wish = unsafe { self::wish(wish) }?;
        let stale = (stale_after_ms > 0).then(|| Duration::from_millis(stale_after_ms.into()));
        let guest = segmenter.guest.clone();
        let lane = GuestLane::open(&guest, &wish, stale)?;
        out.put(EspmedsamLive { lane, guest });
        Ok(())
    })
}

/// Copies a frame in and returns at once: it takes the place of the one that waits, if one does. sequence: the caller's own
/// number of it, by which its mask is told from others.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn espmedsam_live_push(
    live: *const EspmedsamLive,
    picture: *const EspmedsamPicture,
    sequence: u64,
) -> EspmedsamCode {
    guarded(|| {
        // SAFETY: the folder's rule.
        let live = unsafe { borrow(live, "live") }?;
        // SAFETY: the same.
        let frame = unsafe { frame(picture, &live.guest.limits()) }?;
        live.lane.push(frame, sequence).map(|_| ())
    })
}

/// The newest answer that was not taken yet, waiting for it for wait_ms at most. ESPMEDSAM_CODE_OK: sight->result is its mask, to
/// be freed. ESPMEDSAM_CODE_NO_MASK: there is none yet. Any other code: why the frame sight->sequence has none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn espmedsam_live_poll(
    live: *const EspmedsamLive,
    wait_ms: u32,
    sight: *mut EspmedsamSight,
) -> EspmedsamCode {
    guarded(|| {
        // SAFETY: the folder's rule.
        let lane = &unsafe { borrow(live, "live") }?.lane;
        let mut record = EspmedsamSight {
            struct_size: size_of::<EspmedsamSight>(),
            sequence: 0,
            age_ms: 0.0,
            result: null_mut(),
        };
        // SAFETY: the same. A record that cannot be filled takes no answer away.
        unsafe { write(sight, &record) }?;
        let found = lane.poll(Duration::from_millis(wait_ms.into()));
        let found = found.ok_or_else(|| GuestFault::NoMask.because("there is no new mask yet"))?;
        record.sequence = found.sequence;
        record.age_ms = found.age.as_secs_f64() * 1000.0;
        let outcome = match found.result {
            Ok(segmentation) => {
                record.result = hand_out(segmentation.into());
                Ok(())
            }
            Err(error) => Err(GuestError::from(error)),
        };
        // SAFETY: the same.
        unsafe { write(sight, &record) }?;
        outcome
    })
}

/// What became of all frames so far.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn espmedsam_live_counts(
    live: *const EspmedsamLive,
    counts: *mut EspmedsamCounts,
) -> EspmedsamCode {
    guarded(|| {
        // SAFETY: the folder's rule.
        let of = unsafe { borrow(live, "live") }?.lane.counts();
        let record = EspmedsamCounts {
            struct_size: size_of::<EspmedsamCounts>(),
            pushed: of.offered,
            under_way: of.waiting + of.in_work,
            replaced: of.replaced,
            computed: of.computed,
            failed: of.failed,
        };
        // SAFETY: the same.
        unsafe { write(counts, &record) }
    })
}

/// Ends a live source, which no other thread uses any more: the frame that waits is dropped. NULL: nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn espmedsam_live_close(live: *mut EspmedsamLive) {
    guarded_or((), || {
        // SAFETY: the folder's rule.
        unsafe { take_back(live) };
        Ok(())
    });
}
