//! A way in for fuzzing.

use std::sync::Arc;

use dicom::Uid;
use picture::segmenter::SystemClock;

use super::node::RemoteNode;
use crate::ae::{AeTitle, BadAeTitle};
use crate::error::SendError;
use crate::part10::FileMeta;
use crate::scripted::ScriptedPeer;
use crate::sop::{EXPLICIT, VERIFICATION};
use crate::times::TimeLimits;
use crate::wire::PduWire;

/// What an echo, and an object that is sent, come to with a node that says these bytes.
///
/// # Errors
/// None: `F` is a title.
pub fn fuzz_user(bytes: &[u8]) -> Result<[Result<(), SendError>; 2], BadAeTitle> {
    let node = RemoteNode {
        host: String::new(),
        port: 0,
        title: AeTitle::new("F")?,
        own_title: AeTitle::new("F")?,
        times: TimeLimits::default(),
        tls: None,
    };
    let wire = || {
        let peer = ScriptedPeer {
            says: bytes,
            heard: Vec::new(),
        };
        PduWire::new(peer, node.times, Arc::new(SystemClock))
    };
    let uid = |text| Uid::new(text).ok_or(BadAeTitle);
    let meta = FileMeta {
        class: uid(VERIFICATION)?,
        instance: uid(VERIFICATION)?,
        syntax: uid(EXPLICIT)?,
    };
    let stored = node.store_over(wire(), meta, &mut [0_u8; 700].as_slice());
    Ok([node.echo_over(wire()), stored.map(drop)])
}
