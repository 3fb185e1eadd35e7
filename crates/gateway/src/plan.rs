//! A configuration, checked and understood.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use dicom::Identity;
use dimse::{
    AeTitle, CallerRule, DestinationKind, Destinations, FolderBounds, RemoteNode, RouteName,
    ScpSettings, StowServer, TimeLimits, TlsError, TlsKit,
};

use crate::config::{
    AnswerKind, BadDicomSetting, DestinationConfig, DestinationSpec, DicomConfig, TlsSpec,
};

/// Longest that a DICOMweb server may take for an object.
const WEB_PATIENCE: Duration = Duration::from_secs(120);
/// Threads for associations, at most.
const MOST_ASSOCIATIONS: usize = 64;
/// Files of a folder, at most: their names are all in memory.
const MOST_FILES: usize = 100_000;
/// Longest first line of an authorization file.
const LONGEST_SECRET: usize = 4096;

/// What a configuration comes to.
#[derive(Clone, Debug)]
pub struct GatewayPlan {
    /// Who may send what.
    pub scp: ScpSettings,
    /// Where both folders lie.
    pub folder: PathBuf,
    /// Most that waits to be worked on.
    pub spool: FolderBounds,
    /// Most that waits to be sent.
    pub outbox: FolderBounds,
    /// Who gets which answers.
    pub routes: Vec<AnswerRoute>,
    /// Where that is.
    pub destinations: Destinations,
    /// Whether answers say who they are of.
    pub identity: Identity,
    /// Most frames of an object.
    pub max_frames: u32,
}

/// Who gets which answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnswerRoute {
    /// By its name.
    pub name: RouteName,
    /// Which; no report without the segmentation that it refers to, and that one first.
    pub answers: BTreeSet<AnswerKind>,
}

impl DicomConfig {
    /// Checks what can be known without a look at the disk.
    ///
    /// # Errors
    /// The first [`BadDicomSetting`].
    pub fn check(&self) -> Result<(), BadDicomSetting> {
        self.planned(SecretSource::Unread).map(drop)
    }

    /// What it comes to, with the secrets that files hold.
    ///
    /// # Errors
    /// [`BadDicomSetting`], a file that cannot be read among them.
    pub fn plan(&self) -> Result<GatewayPlan, BadDicomSetting> {
        self.planned(SecretSource::Files)
    }

    fn planned(&self, secrets: SecretSource) -> Result<GatewayPlan, BadDicomSetting> {
        self.check_bounds()?;
        let title = title(&self.title, "title")?;
        let spec = self.tls.as_ref();
        let kit = spec.map(|spec| secrets.kit(spec)).transpose()?.flatten();
        let incoming = spec.is_some_and(|spec| spec.incoming);
        let around = DestinationPlan {
            own_title: &title,
            secrets,
            has_tls: spec.is_some(),
            kit: kit.as_ref(),
        };
        let callers = self.callers.iter().map(|caller| {
            Ok(CallerRule {
                title: Some(self::title(&caller.title, "callers")?),
                address: Some(caller.address),
            })
        });
        let mut routes = Vec::new();
        let mut destinations = BTreeMap::new();
        for destination in &self.destinations {
            let route = route(destination)?;
            let kind = around.kind(&destination.to)?;
            if destinations.insert(route.name.clone(), kind).is_some() {
                let reason = format!("'{}' twice", route.name);
                return Err(BadDicomSetting::new("destinations", reason));
            }
            routes.push(route);
        }
        let mebibytes = |mib: u32| u64::from(mib) << 20;
        Ok(GatewayPlan {
            scp: ScpSettings {
                listen: self.listen,
                callers: callers.collect::<Result<_, _>>()?,
                associations: self.associations,
                object_bytes: mebibytes(self.object_mib),
                tls: kit.clone().filter(|_| incoming),
                ..ScpSettings::new(title.clone())
            },
            folder: self.folder.clone(),
            spool: FolderBounds {
                entries: self.spool_objects,
                bytes: mebibytes(self.spool_mib),
            },
            outbox: FolderBounds {
                entries: self.outbox_objects,
                bytes: mebibytes(self.outbox_mib),
            },
            routes,
            destinations: Destinations(destinations),
            identity: self.identity.into(),
            max_frames: self.max_frames,
        })
    }

    fn check_bounds(&self) -> Result<(), BadDicomSetting> {
        let bad = |key, reason: &str| Err(BadDicomSetting::new(key, reason));
        if self.enabled && self.callers.is_empty() {
            return bad(
                "callers",
                "nobody may send; list who may, or set enabled = false",
            );
        }
        if self.enabled && self.destinations.is_empty() {
            return bad(
                "destinations",
                "answers would go nowhere; list one at least",
            );
        }
        for (key, found, most) in [
            ("spool_objects", self.spool_objects, MOST_FILES),
            ("outbox_objects", self.outbox_objects, MOST_FILES),
            ("associations", self.associations, MOST_ASSOCIATIONS),
        ] {
            if !(1..=most).contains(&found) {
                return bad(key, &format!("expected 1 to {most}, found {found}"));
            }
        }
        for (key, found) in [
            ("spool_mib", self.spool_mib),
            ("outbox_mib", self.outbox_mib),
            ("object_mib", self.object_mib),
            ("max_frames", self.max_frames),
        ] {
            if found == 0 {
                return bad(key, "must be at least 1");
            }
        }
        match self.object_mib <= self.spool_mib {
            true => Ok(()),
            false => bad("spool_mib", "must be at least object_mib"),
        }
    }
}

/// Where secrets come from: their files; or nowhere, if what stands around them is to be checked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum SecretSource {
    Unread,
    Files,
}

impl SecretSource {
    fn line(self, path: &Path) -> std::io::Result<String> {
        match self {
            Self::Unread => Ok(String::new()),
            Self::Files => first_line(path),
        }
    }

    fn kit(self, spec: &TlsSpec) -> Result<Option<TlsKit>, BadDicomSetting> {
        if self == Self::Unread {
            return Ok(None);
        }
        let bad = |error: TlsError| BadDicomSetting::new("tls", error.to_string());
        TlsKit::read(&spec.into()).map(Some).map_err(bad)
    }
}

fn title(text: &str, key: &'static str) -> Result<AeTitle, BadDicomSetting> {
    AeTitle::new(text).map_err(|error| BadDicomSetting::new(key, format!("'{text}': {error}")))
}

fn route(destination: &DestinationConfig) -> Result<AnswerRoute, BadDicomSetting> {
    let DestinationConfig { name, answers, .. } = destination;
    let bad = |reason| Err(BadDicomSetting::new("destinations", reason));
    let Some(route) = RouteName::new(name) else {
        return bad(format!(
            "'{name}' is no name: up to 32 small letters, digits, '-' and '_'"
        ));
    };
    let answers: BTreeSet<AnswerKind> = answers.iter().copied().collect();
    if answers.is_empty() {
        return bad(format!("'{name}' gets no answers"));
    }
    if answers.contains(&AnswerKind::Sr) && !answers.contains(&AnswerKind::Seg) {
        return bad(format!(
            "'{name}': a report (sr) refers to the segmentation (seg), which has to go there too"
        ));
    }
    Ok(AnswerRoute {
        name: route,
        answers,
    })
}

/// What all destinations share.
struct DestinationPlan<'a> {
    own_title: &'a AeTitle,
    secrets: SecretSource,
    has_tls: bool,
    kit: Option<&'a TlsKit>,
}

impl DestinationPlan<'_> {
    fn kind(&self, spec: &DestinationSpec) -> Result<DestinationKind, BadDicomSetting> {
        match spec {
            DestinationSpec::Node { tls: true, .. } if !self.has_tls => Err(BadDicomSetting::new(
                "destinations",
                "tls = true needs certificates (dicom.tls)",
            )),
            DestinationSpec::Node {
                host,
                port,
                title,
                tls,
            } => Ok(DestinationKind::Node(RemoteNode {
                host: host.clone(),
                port: *port,
                title: self::title(title, "destinations")?,
                own_title: self.own_title.clone(),
                times: TimeLimits::default(),
                tls: self.kit.cloned().filter(|_| *tls),
            })),
            DestinationSpec::Web {
                root,
                authorization_file,
            } => {
                let server = self.web(root, authorization_file.as_deref());
                let server = server.map_err(|reason| BadDicomSetting::new("destinations", reason));
                Ok(DestinationKind::Web(server?))
            }
        }
    }

    fn web(&self, root: &str, authorization: Option<&Path>) -> Result<StowServer, String> {
        let said = authorization.map(|path| {
            let unreadable = |error| format!("{}: {error}", path.display());
            self.secrets.line(path).map_err(unreadable)
        });
        // What it is spoken with is not read while settings alone are checked.
        let unread = self.secrets == SecretSource::Unread && self.has_tls;
        let root = match root.strip_prefix("https://").filter(|_| unread) {
            Some(host) => format!("http://{host}"),
            None => root.into(),
        };
        let server = StowServer::new(&root, said.transpose()?, WEB_PATIENCE, self.kit);
        server.map_err(|error| error.to_string())
    }
}

fn first_line(path: &Path) -> std::io::Result<String> {
    let text = std::fs::read_to_string(path)?;
    let line = text.lines().next().unwrap_or_default().trim();
    match (1..=LONGEST_SECRET).contains(&line.len()) {
        true => Ok(line.into()),
        false => Err(std::io::ErrorKind::InvalidData.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dicom::Identity;

    const WELL: &str = r#"
        enabled = true
        callers = [{ title = "US1", address = "10.0.0.5" }]
        [[destinations]]
        name = "pacs"
        to = { kind = "node", host = "pacs", port = 104, title = "PACS" }
        [[destinations]]
        name = "web"
        to = { kind = "web", root = "http://10.0.0.3:8042/dicom-web" }
        answers = ["capture", "seg"]
    "#;

    fn config(text: &str) -> DicomConfig {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn it_is_off_and_on_loopback_unless_told_otherwise() {
        let default = config("");
        assert_eq!(default, DicomConfig::default());
        assert!(!default.enabled && default.listen.ip().is_loopback());
        default.check().unwrap();
        let plan = config(WELL).plan().unwrap();
        assert_eq!(plan.identity, Identity::Kept);
        let caller = &plan.scp.callers[0];
        assert_eq!(caller.title, AeTitle::new("US1").ok());
        assert_eq!(caller.address, "10.0.0.5".parse().ok());
        use AnswerKind::{Capture, Seg, Sr};
        let answers = |at: usize| plan.routes[at].answers.iter().copied().collect::<Vec<_>>();
        // A segmentation goes before the report that refers to it.
        assert_eq!([answers(0), answers(1)], [[Seg, Sr], [Seg, Capture]]);
    }

    #[test]
    fn what_cannot_work_is_named() {
        let wrong = |from: &str, to: &str| {
            assert!(WELL.contains(from), "{from}");
            match toml::from_str::<DicomConfig>(&WELL.replacen(from, to, 1)) {
                Ok(config) => config.check().unwrap_err().to_string(),
                Err(error) => error.to_string(),
            }
        };
        for (from, to, expected) in [
            ("callers =", "caller =", "caller"),
            (
                r#"[{ title = "US1", address = "10.0.0.5" }]"#,
                "[]",
                "dicom.callers",
            ),
            (r#", address = "10.0.0.5""#, "", "address"),
            ("US1", "no\\\\title", "dicom.callers"),
            ("enabled = true", "title = ''", "dicom.title"),
            ("enabled = true", "max_frames = 0", "dicom.max_frames"),
            ("enabled = true", "spool_mib = 511", "dicom.spool_mib"),
            ("enabled = true", "spool_objects = 0", "dicom.spool_objects"),
            ("enabled = true", "identity = 'maybe'", "maybe"),
            (r#"name = "pacs""#, r#"name = "PACS""#, "'PACS' is no name"),
            (r#"name = "pacs""#, r#"name = "web""#, "'web' twice"),
            ("http://", "https://", "has to begin with http://"),
            ("port = 104", "port = 104, tls = true", "needs certificates"),
            ("host =", "hots =", "hots"),
            (r#""seg"]"#, r#""sr"]"#, "refers to the segmentation"),
            (r#"["capture", "seg"]"#, "[]", "gets no answers"),
            (r#"["capture", "seg"]"#, r#"["png"]"#, "png"),
        ] {
            let message = wrong(from, to);
            assert!(message.contains(expected), "{to}: {message}");
        }
        let nowhere = "enabled = true\ncallers = [{ title = 'A', address = '::1' }]";
        let message = config(nowhere).check().unwrap_err().to_string();
        assert!(message.contains("dicom.destinations"), "{message}");
    }

    #[test]
    fn certificates_that_are_not_there_are_named() {
        let tls = "tls = { certificate = 'c.pem', key = 'k.pem', authority = 'a.pem' }\n";
        let text = WELL.replace("port = 104", "port = 104, tls = true");
        let config = config(&format!("{tls}{}", text.replace("http://", "https://")));
        let planned = config.plan().unwrap_err().to_string();
        config.check().unwrap();
        assert!(planned.starts_with("dicom.tls: c.pem: "), "{planned}");
    }

    #[test]
    fn what_lets_in_stays_in_its_file() {
        let here = tempfile::tempdir().unwrap();
        let file = here.path().join("key");
        let text = WELL.replace(
            "/dicom-web\"",
            &format!("/dicom-web\", authorization_file = \"{}\"", file.display()),
        );
        let config = config(&text);
        config.check().unwrap();
        let missing = config.plan().unwrap_err().to_string();
        assert!(missing.contains("key"), "{missing}");
        std::fs::write(&file, "Bearer hidden\n").unwrap();
        let plan = config.plan().unwrap();
        assert!(!format!("{config:?} {plan:?}").contains("hidden"));
        std::fs::write(&file, "\n").unwrap();
        assert!(config.plan().is_err());
    }
}
