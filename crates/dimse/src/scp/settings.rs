//! Who may send what, and who hears of it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::ae::AeTitle;
use crate::spool::SpooledObject;
use crate::times::TimeLimits;
use crate::tls::TlsKit;

/// What a provider is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScpSettings {
    /// Where it listens.
    pub listen: SocketAddr,
    /// What it is called; who calls another is refused.
    pub title: AeTitle,
    /// Who may call; nobody, if there is none.
    pub callers: Vec<CallerRule>,
    /// Associations at once, each a thread.
    pub associations: usize,
    /// Most bytes of an object.
    pub object_bytes: u64,
    /// How long peers are waited for.
    pub times: TimeLimits,
    /// If there is one, nobody is listened to who does not show a certificate of its authority.
    pub tls: Option<TlsKit>,
}

/// A caller that is let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallerRule {
    /// Its title; any, if none is said.
    pub title: Option<AeTitle>,
    /// Where it calls from; anywhere, if nothing is said.
    pub address: Option<IpAddr>,
}

impl ScpSettings {
    /// The port that is DICOM's by registration; 104 needs rights.
    pub const PORT: u16 = 11112;

    /// On loopback, for nobody yet: four associations, objects of 1 GiB.
    #[must_use]
    pub fn new(title: AeTitle) -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, Self::PORT).into(),
            title,
            callers: Vec::new(),
            associations: 4,
            object_bytes: 1 << 30,
            times: TimeLimits::default(),
            tls: None,
        }
    }

    /// Whether anybody may call from there: asked before a byte is read.
    pub(super) fn admits_address(&self, address: IpAddr) -> bool {
        (self.callers.iter()).any(|caller| caller.is_from(address))
    }

    pub(super) fn admits(&self, title: &AeTitle, address: IpAddr) -> bool {
        self.callers.iter().any(|caller| {
            let called_so = caller.title.as_ref().is_none_or(|own| own == title);
            called_so && caller.is_from(address)
        })
    }
}

impl CallerRule {
    fn is_from(&self, address: IpAddr) -> bool {
        // An IPv4 peer of an IPv6 socket is who it is.
        let own = self.address.map(|address| address.to_canonical());
        own.is_none_or(|own| own == address.to_canonical())
    }
}

/// An object that is on the disk now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedObject {
    /// As it lies in the spool.
    pub object: SpooledObject,
    /// Who sent it.
    pub caller: AeTitle,
}

/// Hears of each object, before it is acknowledged, on the association's own thread: it should only wake who works on it. What was not
/// heard is found by [`crate::Spool::waiting`].
pub trait Receive: Send + Sync {
    /// An object has come, or one that was there already has come again.
    fn received(&self, object: ReceivedObject);
}

impl<F: Fn(ReceivedObject) + Send + Sync> Receive for F {
    fn received(&self, object: ReceivedObject) {
        self(object);
    }
}
