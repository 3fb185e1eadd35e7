//! Live sources as a configuration or a request names them.

use std::io;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use picture::frame::FrameLimits;
use picture::scale::{PixelSize, Scale};
use picture::segmenter::Ask;
use serde::{Deserialize, Serialize};
use video::prepare::SourceView;
use video::source::{Opener, SourceError};
use video::spec::SourceSpec;

use crate::cameras::OfferedCamera;
use crate::clip::ClipBounds;
use crate::settings::LiveSettings;
use crate::state::LivePatience;

/// What is watched, and how.
#[derive(Clone, Debug)]
pub struct SessionSpec {
    /// Opens the source.
    pub opener: Arc<dyn Opener>,
    /// What is to be seen of it at first.
    pub view: SourceView,
    /// What is asked of the model.
    pub ask: Ask,
    /// How it is to be treated.
    pub settings: LiveSettings,
}

/// Longest name of a source.
const LONGEST_NAME: usize = 64;
/// The oldest that a mask may be, milliseconds.
const BUDGET_MS: RangeInclusive<u32> = 20..=10_000;
/// The longest that may pass without a picture, milliseconds.
const SIGNAL_MS: RangeInclusive<u32> = 50..=60_000;
/// The confidence that a mask is to have.
const CONFIDENCE: RangeInclusive<f32> = 0.0..=1.0;
/// Length of a clip, seconds.
const CLIP_S: RangeInclusive<u32> = 0..=60;
/// Memory of a clip, MiB.
const CLIP_MIB: RangeInclusive<u32> = 1..=256;

/// A live source, and what is to be done with its pictures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = SourceDescription))]
#[serde(deny_unknown_fields)]
pub struct LiveSourceSpec {
    /// Its name: letters, digits, `-` and `_`.
    #[cfg_attr(feature = "openapi", schema(value_type = schemas::SourceName))]
    pub name: String,
    /// Where the pictures come from.
    pub source: SourceSpec,
    /// What is to be seen of them.
    #[serde(default)]
    pub view: SourceView,
    /// The modality, as in the manifest, or `auto`.
    pub modality: String,
    /// The model; the one meant for the modality if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// A model to fall back on when the board is too slow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub small_model: Option<String>,
    /// Millimetres per pixel of what is to be seen: "0.14", or "0.14,0.15" (column, row).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pixel_mm: Option<String>,
    /// The oldest that a mask may be, milliseconds.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<schemas::BudgetMs>))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget_ms: Option<u32>,
    /// Without a picture for so long there is no signal, milliseconds. More than the time between two pictures.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<schemas::SignalMs>))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal_ms: Option<u32>,
    /// Whether masks are steadied by those before them; they are, if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steady: Option<bool>,
    /// A mask of a lower confidence is not shown.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<schemas::LeastConfidence>))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsure_below: Option<f32>,
    /// So many of the last seconds are kept in memory, to be saved when somebody asks; none if left out.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<schemas::ClipSeconds>))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clip_s: Option<u32>,
    /// The most memory that they may take, MiB; 64 if left out.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<schemas::ClipMib>))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clip_mib: Option<u32>,
}

/// Of clips where it is not said, MiB.
const USUAL_CLIP_MIB: u32 = 64;

/// What is wrong with a live source's description.
#[derive(Debug, thiserror::Error)]
pub enum BadSource {
    /// A value that cannot work.
    #[error("{key}: {what}")]
    Value {
        /// The key.
        key: &'static str,
        /// What is wrong with it.
        what: String,
    },
    /// The source can never be opened as it is described.
    #[error(transparent)]
    Source(#[from] SourceError),
}

/// Who describes a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asker {
    /// Whoever set this machine up.
    Owner,
    /// Whoever can reach it.
    Client,
}

/// Makes what opens a source; knows devices, and what clients may ask for.
pub trait Workshop: Send + Sync {
    /// What opens that source.
    ///
    /// # Errors
    /// [`SourceError::Unusable`]: there is no such thing, or a client may not ask for it.
    fn opener(&self, spec: &SourceSpec, asker: Asker) -> Result<Arc<dyn Opener>, SourceError>;

    /// What a picture may cost.
    fn limits(&self) -> FrameLimits;

    /// Whether sources may be begun and ended by that asker.
    fn allows(&self, asker: Asker) -> bool;

    /// The cameras and grabbers that are there now. May block for as long as a driver does.
    ///
    /// # Errors
    /// The system's, if it cannot be asked at all.
    fn cameras(&self) -> io::Result<Vec<OfferedCamera>>;
}

impl LiveSourceSpec {
    /// What is to be watched.
    ///
    /// # Errors
    /// [`BadSource`].
    pub fn session(&self, workshop: &dyn Workshop, asker: Asker) -> Result<SessionSpec, BadSource> {
        let settings = self.settings()?;
        let region = self.view.check(&workshop.limits());
        region.map_err(|error| BadSource::Value {
            key: "view.region",
            what: error.to_string(),
        })?;
        Ok(SessionSpec {
            opener: workshop.opener(&self.source, asker)?,
            view: self.view,
            ask: Ask {
                model: self.model.clone(),
                ..Ask::new(self.modality.as_str())
            },
            settings,
        })
    }

    fn clip(&self) -> Result<Option<ClipBounds>, BadSource> {
        let seconds = within("clip_s", self.clip_s, CLIP_S)?.unwrap_or(0);
        let mib = within("clip_mib", self.clip_mib, CLIP_MIB)?.unwrap_or(USUAL_CLIP_MIB);
        Ok((seconds > 0).then(|| ClipBounds {
            span: Duration::from_secs(seconds.into()),
            bytes: (mib as usize) << 20,
        }))
    }

    fn settings(&self) -> Result<LiveSettings, BadSource> {
        let default = LiveSettings::default();
        let time = |key, ms, range| {
            let ms = within(key, ms, range)?;
            Ok::<_, BadSource>(ms.map(|ms| Duration::from_millis(ms.into())))
        };
        let LivePatience {
            budget,
            signal,
            first,
        } = default.patience;
        let scale = match &self.pixel_mm {
            None => Scale::Unknown,
            Some(text) => {
                Scale::Uniform(
                    text.parse::<PixelSize>()
                        .map_err(|error| BadSource::Value {
                            key: "pixel_mm",
                            what: error.to_string(),
                        })?,
                )
            }
        };
        let unsure_below = self.unsure_below.unwrap_or(default.unsure_below);
        if !CONFIDENCE.contains(&unsure_below) {
            return Err(BadSource::Value {
                key: "unsure_below",
                what: format!("expected {CONFIDENCE:?}, found {unsure_below}"),
            });
        }
        Ok(LiveSettings {
            patience: LivePatience {
                budget: time("budget_ms", self.budget_ms, BUDGET_MS)?.unwrap_or(budget),
                signal: time("signal_ms", self.signal_ms, SIGNAL_MS)?.unwrap_or(signal),
                first,
            },
            scale,
            small_model: self.small_model.clone(),
            unsure_below,
            steady: self.steady.unwrap_or(default.steady),
            clip: self.clip()?,
            ..default
        })
    }
}

/// What the OpenAPI document says of a description's values.
#[cfg(feature = "openapi")]
mod schemas {
    use picture::schema::{number, text, whole};

    picture::schemas! {
        /// What a source may be called.
        SourceName: text(format!("^[A-Za-z0-9_-]{{1,{}}}$", super::LONGEST_NAME)),
        /// A mask's greatest age, milliseconds.
        BudgetMs: whole(&super::BUDGET_MS),
        /// The longest without a picture, milliseconds.
        SignalMs: whole(&super::SIGNAL_MS),
        /// The least confidence.
        LeastConfidence: {
            let (least, most) = super::CONFIDENCE.into_inner();
            number(&(least.into()..=most.into()))
        },
        /// A clip's length, seconds.
        ClipSeconds: whole(&super::CLIP_S),
        /// A clip's memory, MiB.
        ClipMib: whole(&super::CLIP_MIB),
    }
}

/// Whether a source may be called so.
pub(crate) fn is_name(text: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=LONGEST_NAME).contains(&text.len()) && text.bytes().all(letter)
}

/// A value that may be left out, if it lies within its range.
fn within(
    key: &'static str,
    value: Option<u32>,
    range: RangeInclusive<u32>,
) -> Result<Option<u32>, BadSource> {
    match value {
        Some(found) if !range.contains(&found) => Err(BadSource::Value {
            key,
            what: format!("expected {range:?}, found {found}"),
        }),
        value => Ok(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<LiveSourceSpec, toml::de::Error> {
        toml::from_str(text)
    }

    const PROBE: &str =
        "name = 'probe'\nmodality = 'ultrasound'\nsource = { kind = 'pipe', path = '-' }\n";

    #[test]
    fn what_is_not_said_is_the_default() {
        let settings = read(PROBE).unwrap().settings().unwrap();
        assert_eq!(settings, LiveSettings::default());
    }

    #[test]
    fn what_is_said_is_taken() {
        let text = format!(
            "{PROBE}pixel_mm = '0.2'\nbudget_ms = 150\nsignal_ms = 2000\nunsure_below = 0.25\nclip_s = 30\n"
        );
        let settings = read(&text).unwrap().settings().unwrap();
        assert_eq!(settings.patience.budget, Duration::from_millis(150));
        assert_eq!(settings.patience.signal, Duration::from_millis(2000));
        assert_eq!(
            settings.scale,
            Scale::Uniform(PixelSize::new([0.2; 2]).unwrap())
        );
        assert_eq!(settings.unsure_below, 0.25);
        let clip = ClipBounds {
            span: Duration::from_secs(30),
            bytes: 64 << 20,
        };
        assert_eq!(settings.clip, Some(clip));
        let off = read(&format!("{PROBE}clip_s = 0")).unwrap();
        assert_eq!(off.settings().unwrap().clip, None);
    }

    #[test]
    fn what_cannot_work_is_refused_by_its_key() {
        for (line, key) in [
            ("pixel_mm = '0'", "pixel_mm"),
            ("budget_ms = 5", "budget_ms"),
            ("signal_ms = 100000", "signal_ms"),
            ("unsure_below = nan", "unsure_below"),
            ("clip_s = 61", "clip_s"),
            ("clip_s = 5\nclip_mib = 257", "clip_mib"),
        ] {
            let refused = read(&format!("{PROBE}{line}"))
                .unwrap()
                .settings()
                .unwrap_err();
            assert!(refused.to_string().starts_with(key), "{refused}");
        }
        assert!(read(&format!("{PROBE}colour = 'blue'")).is_err());
    }
}
