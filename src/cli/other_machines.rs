//! The door for other machines beside the server, and the record of what callers change: there if they are configured.

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use access::{AccessConfig, AccessTime, AuditLog, Gate, TlsIdentity, make_access_folder};
use durable::SystemDisk;
use http::{FarDoor, ServedParts};
use picture::NOTICE;
use tokio::net::TcpListener;

use super::failure::Failure;

/// Whoever writes the record from here.
const WHO: &str = "the service";
/// Where the system says what the machine is called.
const HOST_NAME: &str = "/proc/sys/kernel/hostname";

/// It, or nothing.
#[derive(Default)]
pub(super) struct OtherMachines {
    door: Option<FarDoor>,
    gate: Option<Arc<Gate>>,
    audit: Option<Arc<AuditLog>>,
}

impl OtherMachines {
    /// Opens the door, if the configuration has one.
    pub(super) async fn begin(config: &AccessConfig) -> Result<Self, Failure> {
        let Some(folder) = &config.folder else {
            return Ok(Self::default());
        };
        let made = make_access_folder(folder, &SystemDisk);
        let Some(listen) = config.listen else {
            // Nobody is let in by what is written here; a disk that cannot be written to ends no service.
            if let Err(error) = made {
                tracing::warn!(%error, "what callers change is not written down");
            }
            return Ok(Self {
                audit: Some(audit(folder)),
                ..Self::default()
            });
        };
        let failed = |error: &dyn std::fmt::Display| Failure::Failed(format!("access: {error}"));
        made.map_err(|error| failed(&format!("{}: {error}", folder.display())))?;
        let own = config.certificate.as_ref().zip(config.key.as_ref());
        let identity = match own {
            Some((certificate, key)) => TlsIdentity::read(certificate, key),
            None => {
                let host = std::fs::read_to_string(HOST_NAME).unwrap_or_default();
                let names = config.all_names(host.trim());
                TlsIdentity::kept_or_made(folder, &names, &SystemDisk)
            }
        };
        let identity = identity.map_err(|error| failed(&error))?;
        let tls = identity.server().map_err(|error| failed(&error))?;
        let gate = Gate::open(folder, config, AccessTime::now()).map_err(|error| failed(&error))?;
        let listener = TcpListener::bind(listen).await;
        let listener = listener.map_err(|error| failed(&format!("{listen}: {error}")))?;
        let address = listener.local_addr().map_err(|error| failed(&error))?;
        let fingerprint = identity.fingerprint();
        tracing::info!(
            "other machines: https://{address}, certificate SHA-256 {fingerprint} – {NOTICE}"
        );
        Ok(Self {
            door: Some(FarDoor {
                listener,
                tls: tls.into(),
            }),
            gate: Some(Arc::new(gate)),
            audit: Some(audit(folder)),
        })
    }

    /// The door itself, which is the server's from now on.
    pub(super) fn take_door(&mut self) -> Option<FarDoor> {
        self.door.take()
    }

    /// What is served, and who decides about callers.
    pub(super) fn served_with(&self, parts: ServedParts) -> ServedParts {
        ServedParts {
            gate: self.gate.clone(),
            audit: self.audit.clone(),
            ..parts
        }
    }

    /// Writes down what became of the service itself.
    pub(super) fn note(&self, what: &str) {
        if let Some(audit) = &self.audit
            && let Err(error) = audit.write(WHO, what, SystemTime::now())
        {
            tracing::warn!(%error, "not written down: {what}");
        }
    }
}

fn audit(folder: &Path) -> Arc<AuditLog> {
    Arc::new(AuditLog::new(folder, Arc::new(SystemDisk)))
}
