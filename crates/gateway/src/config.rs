//! The section `[dicom]` of the configuration.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use dicom::Identity;
use dimse::{ScpSettings, TlsFiles};
use picture::report::Form;
use serde::{Deserialize, Serialize};

/// `[dicom]`: pictures taken in over a DICOM network. Off by default; unknown keys are refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DicomConfig {
    /// Whether it listens at all.
    pub enabled: bool,
    /// Address and port. Loopback unless set otherwise: titles and addresses are no proof of who somebody is.
    pub listen: SocketAddr,
    /// What this node is called, by who sends to it and by who is sent to.
    pub title: String,
    /// Who may send; nobody unless listed.
    pub callers: Vec<CallerConfig>,
    /// Where answers go.
    pub destinations: Vec<DestinationConfig>,
    /// Certificates, for a program that is built with TLS; none: nothing is encrypted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsSpec>,
    /// Whether answers say who they are of.
    pub identity: SentIdentity,
    /// Where objects lie until they are worked on, and answers until they are acknowledged. Made if need be.
    pub folder: PathBuf,
    /// Most objects that wait to be worked on.
    pub spool_objects: usize,
    /// Most MiB of them.
    pub spool_mib: u32,
    /// Most answers that wait to be sent, or are set aside.
    pub outbox_objects: usize,
    /// Most MiB of them.
    pub outbox_mib: u32,
    /// Longest object that is taken, MiB.
    pub object_mib: u32,
    /// Most frames of an object; one with more gets no answer.
    pub max_frames: u32,
    /// Senders at once.
    pub associations: usize,
}

/// TLS: both sides show a certificate of one authority.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsSpec {
    /// This node's certificate, and those between it and the authority's, in PEM.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
    /// The authority's certificate.
    pub authority: PathBuf,
    /// Whether senders have to use it too, or only destinations.
    #[serde(default = "yes")]
    pub incoming: bool,
}

/// Who may send.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallerConfig {
    /// What it calls itself.
    pub title: String,
    /// Where it calls from.
    pub address: IpAddr,
}

/// Where answers go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DestinationConfig {
    /// What it is called here: small letters, digits, `-` and `_`.
    pub name: String,
    /// Which.
    pub to: DestinationSpec,
    /// Which answers it gets.
    #[serde(default = "usual_answers")]
    pub answers: Vec<AnswerKind>,
}

/// A destination, by its kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum DestinationSpec {
    /// A node that is sent to by C-STORE.
    Node {
        /// A name or an address.
        host: String,
        /// Often 104 or 11112.
        port: u16,
        /// What it is called.
        title: String,
        /// By TLS, with the certificates of [`DicomConfig::tls`].
        #[serde(default)]
        tls: bool,
    },
    /// A DICOMweb server that is sent to by STOW-RS.
    Web {
        /// Its service root: `http://host:8042/dicom-web`; by TLS, with those certificates, `https://`.
        root: String,
        /// A file whose first line is said in the header `Authorization`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        authorization_file: Option<PathBuf>,
    },
}

/// An answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AnswerKind {
    /// A binary segmentation of all frames.
    Seg,
    /// A fractional one.
    SegFractional,
    /// A report of the measurements, which refers to the binary segmentation.
    Sr,
    /// A report with the outlines and measurements of all regions; it refers to no segmentation.
    SrOutlines,
    /// The overlay, of the frame with the largest mask.
    Capture,
}

/// [`Identity`], as it is configured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SentIdentity {
    /// Answers are of the patient and the study of their source: an archive files them there.
    #[default]
    Kept,
    /// They say nothing of them, and no archive can file them under the patient.
    Removed,
}

/// A setting that cannot work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("dicom.{key}: {reason}")]
pub struct BadDicomSetting {
    /// The key at fault.
    pub key: &'static str,
    /// What is wrong with it.
    pub reason: String,
}

impl BadDicomSetting {
    pub(crate) fn new(key: &'static str, reason: impl Into<String>) -> Self {
        Self {
            key,
            reason: reason.into(),
        }
    }
}

fn yes() -> bool {
    true
}

fn usual_answers() -> Vec<AnswerKind> {
    vec![AnswerKind::Seg, AnswerKind::Sr]
}

impl Default for DicomConfig {
    fn default() -> Self {
        Self {
            enabled: false,
            listen: (Ipv4Addr::LOCALHOST, ScpSettings::PORT).into(),
            title: "ESPMEDSAM".into(),
            callers: Vec::new(),
            destinations: Vec::new(),
            tls: None,
            identity: SentIdentity::default(),
            folder: "/var/lib/espmedsam/dicom".into(),
            spool_objects: 256,
            spool_mib: 1024,
            outbox_objects: 1024,
            outbox_mib: 512,
            object_mib: 512,
            max_frames: 300,
            associations: 4,
        }
    }
}

impl AnswerKind {
    /// As what it is made.
    #[must_use]
    pub fn form(self) -> Form {
        match self {
            Self::Seg => Form::Seg,
            Self::SegFractional => Form::SegFractional,
            Self::Sr => Form::Sr,
            Self::SrOutlines => Form::SrOutlines,
            Self::Capture => Form::Capture,
        }
    }
}

impl From<&TlsSpec> for TlsFiles {
    fn from(spec: &TlsSpec) -> Self {
        Self {
            certificate: spec.certificate.clone(),
            key: spec.key.clone(),
            authority: spec.authority.clone(),
        }
    }
}

impl From<SentIdentity> for Identity {
    fn from(identity: SentIdentity) -> Self {
        match identity {
            SentIdentity::Kept => Self::Kept,
            SentIdentity::Removed => Self::Removed,
        }
    }
}
