//! A provider on loopback, and objects to send it.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dimse::{
    AeTitle, CallerRule, FolderBounds, ReceivedObject, RemoteNode, ScpSettings, Spool, StoreScp,
    TimeLimits,
};
use tempfile::TempDir;

pub const ULTRASOUND: &str = "1.2.840.10008.5.1.4.1.1.6.1";
pub const EXPLICIT: &str = "1.2.840.10008.1.2.1";

/// Long enough for a busy machine: reached only when a test fails.
pub const PATIENCE: TimeLimits = TimeLimits {
    connect: Duration::from_secs(60),
    pdu: Duration::from_secs(60),
    idle: Duration::from_secs(60),
    association: Duration::from_secs(120),
};

pub const BOUNDS: FolderBounds = FolderBounds {
    entries: 1000,
    bytes: 1 << 28,
};

pub fn title(text: &str) -> AeTitle {
    AeTitle::new(text).unwrap()
}

/// A provider called "SCP" for "SCU", with what it was told.
pub struct Provider {
    pub scp: StoreScp,
    pub spool: Arc<Spool>,
    pub heard: Receiver<ReceivedObject>,
    pub folder: TempDir,
}

impl Provider {
    pub fn start() -> Self {
        Self::with(|_| {}, BOUNDS)
    }

    pub fn with(change: impl FnOnce(&mut ScpSettings), bounds: FolderBounds) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let spool = Arc::new(Spool::open(folder.path(), bounds).unwrap());
        let mut settings = ScpSettings {
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            callers: vec![CallerRule {
                title: Some(title("SCU")),
                address: Some(Ipv4Addr::LOCALHOST.into()),
            }],
            times: PATIENCE,
            ..ScpSettings::new(title("SCP"))
        };
        change(&mut settings);
        let (tell, heard) = mpsc::channel();
        let tell = Mutex::new(tell);
        let receive = move |object| tell.lock().unwrap().send(object).unwrap_or_default();
        let scp = StoreScp::start(settings, spool.clone(), Arc::new(receive)).unwrap();
        Self {
            scp,
            spool,
            heard,
            folder,
        }
    }

    pub fn node(&self) -> RemoteNode {
        node(self.scp.address().port())
    }
}

pub fn node(port: u16) -> RemoteNode {
    RemoteNode {
        host: "127.0.0.1".into(),
        port,
        title: title("SCP"),
        own_title: title("SCU"),
        times: PATIENCE,
        tls: None,
    }
}

/// An element of group 2, with a length of two bytes.
fn meta_element(element: u8, vr: &[u8; 2], value: &[u8]) -> Vec<u8> {
    let mut value = value.to_vec();
    value.resize(value.len().next_multiple_of(2), 0);
    let mut bytes = vec![2, 0, element, 0];
    bytes.extend(vr);
    bytes.extend((value.len() as u16).to_le_bytes());
    bytes.extend(value);
    bytes
}

/// A Part 10 file whose data set is these bytes: nobody here looks into it.
pub fn object(class: &str, instance: &str, syntax: &str, data: &[u8]) -> Vec<u8> {
    let meta = [
        meta_element(2, b"UI", class.as_bytes()),
        meta_element(3, b"UI", instance.as_bytes()),
        meta_element(16, b"UI", syntax.as_bytes()),
    ]
    .concat();
    let mut bytes = vec![0; 128];
    bytes.extend(b"DICM");
    bytes.extend(meta_element(0, b"UL", &(meta.len() as u32).to_le_bytes()));
    bytes.extend(meta);
    bytes.extend(data);
    bytes
}

/// Bytes that are no others'.
pub fn data(seed: usize, length: usize) -> Vec<u8> {
    (0..length)
        .map(|at| (at * 31 + at / 256 + seed) as u8)
        .collect()
}

/// A file of a folder, of that number.
pub fn file(folder: &Path, number: usize, length: usize) -> PathBuf {
    let path = folder.join(format!("{number}.dcm"));
    let bytes = object(
        ULTRASOUND,
        &format!("1.2.3.{number}"),
        EXPLICIT,
        &data(number, length),
    );
    std::fs::write(&path, bytes).unwrap();
    path
}
