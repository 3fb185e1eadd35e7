use std::net::SocketAddr;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use live::LiveSourceSpec;
use picture::scale::PixelSize;
use video::http::HttpAddress;
use video::openigtlink::LinkAddress;
use video::prepare::SourceView;
use video::spec::{PictureRate, SourceSpec};

use super::failure::Failure;
use super::serve::serve_as;
use crate::service::reload::ConfigOrigin;

#[derive(Debug, clap::Args)]
pub(super) struct LiveArgs {
    /// Where the video comes from: `-` (Y4M or JPEGs on standard input), a FIFO, a camera (/dev/video0), an address
    /// (http://…, openigtlink://host:port), a file or a folder to be replayed, or a phantom (phantom:fetal-head, phantom:lesion, phantom:polyp; without
    /// its target phantom:no-polyp, and so on).
    #[arg(value_name = "SOURCE")]
    source: String,
    /// The modality, as `espmedsam models` lists them. A phantom has its own.
    #[arg(long, value_name = "NAME")]
    modality: Option<String>,
    /// The model; the one meant for the modality if not given.
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
    /// Millimetres per pixel: one number, or two (column,row).
    #[arg(long, value_name = "MM")]
    pixel_mm: Option<String>,
    /// Pictures a second, of a camera, a replay or a phantom; its own if not given.
    #[arg(long, value_name = "N")]
    rate: Option<f64>,
    /// The oldest that a mask may be, milliseconds.
    #[arg(long, value_name = "MS")]
    budget_ms: Option<u32>,
    /// Configuration (TOML); every key has a default that works.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Address and port [default: the configuration's, else 127.0.0.1:8080]; port 0 takes a free one.
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
}

pub(super) fn run(args: &LiveArgs, models: Option<&Path>) -> Result<(), Failure> {
    let (listen, source) = (args.listen, args.described()?);
    serve_as(
        ConfigOrigin {
            file: args.config.clone(),
            adjust: Box::new(move |config| {
                config.server.listen = listen.unwrap_or(config.server.listen);
                config.live.sources.push(source.clone());
            }),
        },
        models,
    )
}

impl LiveArgs {
    fn described(&self) -> Result<LiveSourceSpec, Failure> {
        let usage = |text: String| Failure::Usage(text);
        let rate = self.rate.map(PictureRate::try_from).transpose();
        let rate = rate.map_err(|error| usage(format!("--rate: {error}")))?;
        if let Some(text) = &self.pixel_mm {
            let size = text.parse::<PixelSize>();
            size.map_err(|error| usage(format!("--pixel-mm: {error}")))?;
        }
        let (source, own) = source(&self.source, rate)?;
        let modality = self.modality.clone().or(own.map(str::to_owned));
        let modality = modality.ok_or_else(|| {
            usage(
                "--modality is needed: it is never guessed (`espmedsam models` lists them)".into(),
            )
        })?;
        Ok(LiveSourceSpec {
            name: "live".into(),
            source,
            view: SourceView::default(),
            modality,
            model: self.model.clone(),
            small_model: None,
            pixel_mm: self.pixel_mm.clone(),
            budget_ms: self.budget_ms,
            signal_ms: None,
            unsure_below: None,
            steady: None,
            clip_s: None,
            clip_mib: None,
        })
    }
}

/// The source that a text means, and its modality, if it has one of its own.
fn source(
    text: &str,
    rate: Option<PictureRate>,
) -> Result<(SourceSpec, Option<&'static str>), Failure> {
    if let Some(target) = text.strip_prefix("phantom:") {
        let own = match target {
            "polyp" | "no-polyp" => "colonoscopy",
            _ => "ultrasound",
        };
        let target = target.to_owned();
        return Ok((SourceSpec::Phantom { target, rate }, Some(own)));
    }
    if text.starts_with("http://") {
        let url = HttpAddress::try_from(text.to_owned());
        let url = url.map_err(|error| Failure::Usage(format!("{text}: {error}")))?;
        return Ok((SourceSpec::Http { url }, None));
    }
    if let Some(place) = text.strip_prefix("openigtlink://") {
        let address = LinkAddress::try_from(place.to_owned());
        let address = address.map_err(|error| Failure::Usage(format!("{text}: {error}")))?;
        let device = None;
        return Ok((SourceSpec::OpenIgtLink { address, device }, None));
    }
    let path = PathBuf::from(text);
    let kind = std::fs::metadata(&path).map(|found| found.file_type());
    let spec = match kind {
        _ if text == "-" => SourceSpec::Pipe { path },
        Ok(kind) if kind.is_fifo() => SourceSpec::Pipe { path },
        Ok(kind) if kind.is_file() || kind.is_dir() => SourceSpec::Replay {
            path,
            rate,
            r#loop: true,
        },
        // A camera may be plugged in later.
        Ok(_) | Err(_) if path.starts_with("/dev") => SourceSpec::V4l2 {
            device: path,
            size: None,
            rate,
            encoding: None,
        },
        Ok(_) => {
            return Err(Failure::Usage(format!(
                "{text} is nothing that video comes from"
            )));
        }
        Err(error) => return Err(Failure::Usage(format!("{text}: {error}"))),
    };
    Ok((spec, None))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_known_by_what_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let of = |text: &str| source(text, None);
        assert!(matches!(of("-"), Ok((SourceSpec::Pipe { .. }, None))));
        let (phantom, modality) = of("phantom:polyp").unwrap();
        assert!(matches!(phantom, SourceSpec::Phantom { .. }) && modality == Some("colonoscopy"));
        let replay = of(&folder.path().display().to_string());
        assert!(matches!(
            replay,
            Ok((SourceSpec::Replay { r#loop: true, .. }, None))
        ));
        assert!(matches!(
            of("/dev/video77"),
            Ok((SourceSpec::V4l2 { .. }, None))
        ));
        assert!(matches!(
            of("http://camera/stream"),
            Ok((SourceSpec::Http { .. }, None))
        ));
        assert!(matches!(
            of("openigtlink://127.0.0.1"),
            Ok((SourceSpec::OpenIgtLink { .. }, None))
        ));
        assert!(of("/nowhere/at/all").is_err() && of("http://").is_err());
    }
}
