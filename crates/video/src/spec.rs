//! Sources as a configuration or a request names them.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::http::{HttpAddress, HttpStream};
use crate::openigtlink::{LinkAddress, LinkStream};
use crate::pipe::{Pipe, PipeEnd};
use crate::replay::Replay;
use crate::source::{Encoding, Opener, SourceContext};

/// A source, by its kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum SourceSpec {
    /// Y4M or JPEGs from another program.
    Pipe {
        /// A FIFO, or `-`: standard input.
        #[cfg_attr(feature = "openapi", schema(value_type = String))]
        path: PathBuf,
    },
    /// MJPEG (or Y4M) over HTTP.
    Http {
        /// `http://[user:password@]host[:port]/path`; written back without user, password and query.
        #[cfg_attr(feature = "openapi", schema(value_type = schemas::HttpUrl))]
        url: HttpAddress,
    },
    /// Pictures from an OpenIGTLink server.
    OpenIgtLink {
        /// Where it is: `host:port`.
        #[cfg_attr(feature = "openapi", schema(value_type = String, example = "plus:18944"))]
        address: LinkAddress,
        /// Whose pictures are taken; those of the first that sends one, if nothing is said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        device: Option<String>,
    },
    /// A file or a folder.
    Replay {
        /// Which.
        #[cfg_attr(feature = "openapi", schema(value_type = String))]
        path: PathBuf,
        /// Pictures a second, if not the file's own.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "openapi", schema(value_type = Option<schemas::Rate>))]
        rate: Option<PictureRate>,
        /// Whether it begins again at its end.
        #[serde(default = "yes")]
        r#loop: bool,
    },
    /// A camera or a grabber of Video4Linux. What is not said is left to the device.
    V4l2 {
        /// `/dev/video0`; better a link of `/dev/v4l/by-id`, which stays the same.
        #[cfg_attr(feature = "openapi", schema(value_type = String))]
        device: PathBuf,
        /// Width and height in pixels.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        size: Option<[u32; 2]>,
        /// Pictures a second.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "openapi", schema(value_type = Option<schemas::Rate>))]
        rate: Option<PictureRate>,
        /// How pictures are to come.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        encoding: Option<Encoding>,
    },
    /// A made-up target that moves.
    Phantom {
        /// Which.
        target: String,
        /// Pictures a second.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "openapi", schema(value_type = Option<schemas::Rate>))]
        rate: Option<PictureRate>,
    },
}

/// What the OpenAPI document says of a source's values.
#[cfg(feature = "openapi")]
mod schemas {
    use picture::schema::{number, text};

    picture::schemas! {
        /// Where a stream is.
        HttpUrl: text(format!("^{}", crate::http::SCHEME)),
        /// Pictures a second.
        Rate: number(&super::RATES),
    }
}

fn yes() -> bool {
    true
}

/// What a rate may be, pictures a second.
const RATES: RangeInclusive<f64> = 0.02..=1000.0;

/// Pictures a second.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct PictureRate(f64);

/// A rate that is none.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("{0} pictures a second are no rate from {min} to {max}", min = RATES.start(), max = RATES.end())]
pub struct BadRate(f64);

impl TryFrom<f64> for PictureRate {
    type Error = BadRate;

    fn try_from(rate: f64) -> Result<Self, BadRate> {
        match RATES.contains(&rate) {
            true => Ok(Self(rate)),
            false => Err(BadRate(rate)),
        }
    }
}

impl From<PictureRate> for f64 {
    fn from(rate: PictureRate) -> Self {
        rate.0
    }
}

impl PictureRate {
    /// How long each picture is shown.
    #[must_use]
    pub fn each(self) -> Duration {
        Duration::from_secs_f64(1.0 / self.0)
    }
}

impl SourceSpec {
    /// What opens it. `None` for devices and phantoms, which are made elsewhere.
    #[must_use]
    pub fn opener(&self, context: &SourceContext) -> Option<Arc<dyn Opener>> {
        let context = context.clone();
        match self {
            Self::Pipe { path } => {
                let end = match path == Path::new("-") {
                    true => PipeEnd::StandardInput,
                    false => PipeEnd::Fifo(path.clone()),
                };
                Some(Arc::new(Pipe { end, context }))
            }
            Self::Http { url } => Some(Arc::new(HttpStream {
                address: url.clone(),
                context,
            })),
            Self::OpenIgtLink { address, device } => Some(Arc::new(LinkStream {
                address: address.clone(),
                device: device.clone(),
                context,
            })),
            Self::Replay { path, rate, r#loop } => Some(Arc::new(Replay {
                path: path.clone(),
                each: rate.map(PictureRate::each),
                looped: *r#loop,
                context,
            })),
            Self::V4l2 { .. } | Self::Phantom { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use picture::frame::FrameLimits;
    use picture::segmenter::SystemClock;

    use super::*;

    fn read(text: &str) -> Result<SourceSpec, serde_json::Error> {
        serde_json::from_str(text)
    }

    #[test]
    fn specs_are_read_and_open_what_they_name() {
        let context = SourceContext {
            clock: Arc::new(SystemClock),
            limits: FrameLimits::default(),
        };
        for (text, label) in [
            (r#"{"kind":"pipe","path":"-"}"#, Some("standard input")),
            (r#"{"kind":"pipe","path":"/run/video"}"#, Some("/run/video")),
            (
                r#"{"kind":"http","url":"http://u:secret@cam:81/a?token=secret"}"#,
                Some("http://cam:81/a"),
            ),
            (
                r#"{"kind":"openigtlink","address":"plus:18944","device":"Image_Reference"}"#,
                Some("plus:18944"),
            ),
            (r#"{"kind":"replay","path":"loop.avi"}"#, Some("loop.avi")),
            (
                r#"{"kind":"replay","path":"folder","rate":12.5,"loop":false}"#,
                Some("folder"),
            ),
            (
                r#"{"kind":"v4l2","device":"/dev/video0","size":[640,480],"rate":30,"encoding":"jpeg"}"#,
                None,
            ),
            (r#"{"kind":"v4l2","device":"/dev/video0"}"#, None),
            (
                r#"{"kind":"phantom","target":"ultrasound","rate":25}"#,
                None,
            ),
        ] {
            let spec = read(text).unwrap();
            let opener = spec.opener(&context);
            assert_eq!(
                opener.map(|opener| opener.label()).as_deref(),
                label,
                "{text}"
            );
            let written = serde_json::to_string(&spec).unwrap();
            assert!(!written.contains("secret") && !format!("{spec:?}").contains("secret"));
            if !text.contains("secret") {
                assert_eq!(read(&written).unwrap(), spec);
            }
        }
        let each = PictureRate::try_from(12.5).unwrap().each();
        assert_eq!(each, Duration::from_millis(80));
    }

    #[test]
    fn what_is_no_spec_is_refused() {
        for text in [
            r#"{"path":"-"}"#,
            r#"{"kind":"rtsp","url":"x"}"#,
            r#"{"kind":"pipe"}"#,
            r#"{"kind":"pipe","path":"-","rate":5}"#,
            r#"{"kind":"http","url":"https://cam/"}"#,
            r#"{"kind":"openigtlink","address":"plus:none"}"#,
            r#"{"kind":"replay","path":"a","rate":0}"#,
            r#"{"kind":"replay","path":"a","rate":1e9}"#,
            r#"{"kind":"v4l2","device":"/dev/video0","encoding":"h264"}"#,
            r#"{"kind":"phantom","target":"x","size":[1,1]}"#,
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
