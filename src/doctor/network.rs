//! The node of a DICOM network: whether it listens, and whether those are there who answers go to.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use dimse::{DestinationKind, RemoteNode, TimeLimits};
use gateway::DicomConfig;

use super::entries;
use super::report::ReportSection;

/// Longest that anybody is waited for here.
const PATIENCE: Duration = Duration::from_secs(3);

pub(super) fn section(root: &Path, config: &DicomConfig) -> ReportSection {
    let mut section = ReportSection::new("DICOM network");
    if !config.enabled {
        section.fact("state", "off (dicom.enabled)");
        return section;
    }
    section.fact("node", format!("{} at {}", config.title, config.listen));
    folder(root, config, &mut section);
    // The network of another system's files is not this one's.
    if root == Path::new("/") {
        listens(config.listen, &mut section);
        destinations(config, &mut section);
    }
    section
}

/// What lies there: numbers alone.
fn folder(root: &Path, config: &DicomConfig, section: &mut ReportSection) {
    let folder = root.join(config.folder.strip_prefix("/").unwrap_or(&config.folder));
    let count = |sub: &str, ending: &str| {
        let names = entries(&folder.join(sub), "");
        names.iter().filter(|name| name.ends_with(ending)).count()
    };
    let [spooled, waiting, refused] = [
        count("spool", ".dcm"),
        count("outbox", ".dcm"),
        count("outbox", ".refused"),
    ];
    section.fact("pictures that wait", spooled);
    section.fact("answers that wait", waiting);
    if refused > 0 {
        section.warning(
            format!("{refused} answers were refused by their destination and are set aside"),
            "the log says why; correct the destination's settings, then: sudo systemctl restart espmedsam (they are tried again)",
        );
    }
}

fn listens(listen: SocketAddr, section: &mut ReportSection) {
    let mut address = listen;
    if address.ip().is_unspecified() {
        address.set_ip(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    if TcpStream::connect_timeout(&address, PATIENCE).is_err() {
        section.fault(
            format!("nobody takes pictures at {listen}"),
            "start the service: sudo systemctl restart espmedsam; if it runs, its log says what is wrong with [dicom]",
        );
    }
}

fn destinations(config: &DicomConfig, section: &mut ReportSection) {
    let plan = match config.plan() {
        Ok(plan) => plan,
        Err(error) => {
            section.fault(
                error.to_string(),
                "correct it: the service does not start with it",
            );
            return;
        }
    };
    for (name, kind) in plan.destinations.0 {
        let kind = match kind {
            DestinationKind::Node(node) => DestinationKind::Node(RemoteNode {
                times: TimeLimits {
                    connect: PATIENCE,
                    pdu: PATIENCE,
                    idle: PATIENCE,
                    association: PATIENCE,
                },
                ..node
            }),
            web @ DestinationKind::Web(_) => web,
        };
        match kind.echo() {
            Ok(()) => section.fact(format!("destination {name}"), "is there"),
            Err(error) => section.fault(
                format!("destination {name}: {error}"),
                format!(
                    "switch it on; check dicom.destinations; have it let {} in from this address (answers wait for it meanwhile)",
                    config.title
                ),
            ),
        }
    }
}
