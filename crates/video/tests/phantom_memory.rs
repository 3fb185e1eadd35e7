//! A phantom's frame allocates nothing once it has been opened: counted by the allocator itself.

use std::sync::Arc;

use counting::Taken;
use espmedsam_video::phantom::{Anatomy, Phantom, PhantomSpec};
use picture::frame::Frame;
use picture::segmenter::SystemClock;

#[test]
fn a_frame_allocates_nothing() {
    for anatomy in [Anatomy::FetalHead, Anatomy::Lesion, Anatomy::Polyp] {
        let phantom = Phantom::new(PhantomSpec::new(anatomy), Arc::new(SystemClock)).unwrap();
        let mut patient = phantom.patient();
        let mut canvas = Frame::new(640, 480, vec![0; 3 * 640 * 480]).unwrap();
        let before = Taken::here();
        for sequence in 0..20 {
            patient.draw(sequence, &mut canvas).unwrap();
        }
        assert_eq!(Taken::here().since(before).allocations, 0, "{anatomy:?}");
    }
}
