//! Callers from other machines: whether they may come, by which certificate, and with how many tokens.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use access::{AccessConfig, AuditRecord, IdentityError, TlsIdentity, TokenRoll};

use super::report::ReportSection;

pub(super) fn section(root: &Path, config: &AccessConfig, now: SystemTime) -> ReportSection {
    let mut section = ReportSection::new("other machines");
    let below = |path: &Path| -> PathBuf { root.join(path.strip_prefix("/").unwrap_or(path)) };
    let folder = config.folder.as_deref().map(below);
    match config.listen {
        None => section.fact("state", "let in by nobody (access.listen)"),
        Some(listen) => section.fact("door", format!("https at {listen}")),
    }
    let Some(folder) = folder else {
        return section;
    };
    if config.listen.is_some() {
        let own = config.certificate.as_deref().zip(config.key.as_deref());
        let identity = match own {
            Some((certificate, key)) => {
                TlsIdentity::read(&below(certificate), &below(key)).map(Some)
            }
            None => TlsIdentity::kept(&folder),
        };
        certificate(identity, &mut section);
        tokens(TokenRoll::read(&folder), now, &mut section);
    }
    match AuditRecord::read(&folder) {
        Ok(record) => section.fact("changes written down", record.lines.len()),
        Err(error) => section.warning(
            error.to_string(),
            "keep the folder as it is for whoever is to look into it; then move record*.jsonl away, and a new record begins",
        ),
    }
    section
}

fn certificate(identity: Result<Option<TlsIdentity>, IdentityError>, section: &mut ReportSection) {
    let usable = identity.and_then(|identity| {
        let told = identity.as_ref().map(TlsIdentity::fingerprint);
        identity.map(|identity| identity.server()).transpose()?;
        Ok(told)
    });
    match usable {
        Ok(Some(fingerprint)) => section.fact("certificate, SHA-256", fingerprint),
        Ok(None) => section.fact("certificate", "made when the service starts"),
        Err(error) => section.fault(
            error.to_string(),
            "correct access.certificate and access.key; one that was made here is made anew once identity.pem is moved away",
        ),
    }
}

fn tokens(
    roll: Result<TokenRoll, access::RollError>,
    now: SystemTime,
    section: &mut ReportSection,
) {
    match roll {
        Ok(roll) => {
            let good = roll.tokens().iter().filter(|token| !token.has_ended(now));
            section.fact("tokens that are good", good.count());
        }
        Err(error) => section.fault(
            error.to_string(),
            "espmedsam access add NAME --scope SCOPE makes tokens",
        ),
    }
}

#[cfg(test)]
mod tests {
    use access::{NewToken, Scope};
    use durable::SystemDisk;

    use super::*;

    #[test]
    fn a_shut_door_is_no_fault_and_an_open_one_is_described() {
        let root = tempfile::tempdir().unwrap();
        let shut = section(root.path(), &AccessConfig::default(), SystemTime::now());
        assert!(shut.findings.is_empty());
        let folder = root.path().join("access");
        std::fs::create_dir(&folder).unwrap();
        let config = AccessConfig {
            listen: "0.0.0.0:8443".parse().ok(),
            folder: Some("/access".into()),
            ..AccessConfig::default()
        };
        let identity = TlsIdentity::kept_or_made(&folder, &[], &SystemDisk).unwrap();
        let mut roll = TokenRoll::default();
        let new = NewToken {
            name: "a".into(),
            scopes: [Scope::Read].into(),
            lasts: None,
        };
        roll.add(new, SystemTime::now()).unwrap();
        roll.write(&folder, &SystemDisk).unwrap();
        let open = section(root.path(), &config, SystemTime::now());
        assert!(open.findings.is_empty(), "{:?}", open.findings);
        let facts = format!("{:?}", open.facts);
        assert!(facts.contains(&identity.fingerprint()), "{facts}");
        std::fs::write(folder.join("tokens.json"), "broken").unwrap();
        std::fs::write(folder.join("identity.pem"), "broken").unwrap();
        std::fs::write(folder.join("record.jsonl"), "broken").unwrap();
        let broken = section(root.path(), &config, SystemTime::now());
        assert_eq!(broken.findings.len(), 3, "{:?}", broken.findings);
    }
}
