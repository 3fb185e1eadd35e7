//! A way in for fuzzing.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use picture::segmenter::SystemClock;

use super::serve::ScpHouse;
use super::settings::{CallerRule, ReceivedObject, ScpSettings};
use crate::ae::{AeTitle, BadAeTitle};
use crate::scripted::ScriptedPeer;
use crate::spool::Spool;
use crate::wire::PduWire;

/// An association with a peer that says these bytes to one called `F`.
///
/// # Errors
/// None: `F` is a title.
pub fn fuzz_association(bytes: &[u8], spool: &Arc<Spool>) -> Result<(), BadAeTitle> {
    let anybody = CallerRule {
        title: None,
        address: None,
    };
    let settings = ScpSettings {
        callers: vec![anybody],
        object_bytes: 1 << 20,
        ..ScpSettings::new(AeTitle::new("F")?)
    };
    let house = ScpHouse {
        settings,
        spool: spool.clone(),
        receive: Arc::new(|_: ReceivedObject| {}),
    };
    let peer = ScriptedPeer {
        says: bytes,
        heard: Vec::new(),
    };
    let mut wire = PduWire::new(peer, house.settings.times, Arc::new(SystemClock));
    // Whatever it is, it is an answer.
    let _ = house.serve(&mut wire, IpAddr::V4(Ipv4Addr::LOCALHOST));
    Ok(())
}
