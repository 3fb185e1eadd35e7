//! What is asked, and in which order.

use std::time::Duration;

use live::{LiveSourceSpec, OfferedCamera};
use picture::NOTICE;
use picture::frame::PixelRect;
use picture::scale::PixelSize;
use video::prepare::SourceView;
use video::spec::SourceSpec;

use super::dialogue::Dialogue;
use super::draft::{Draft, DraftError};
use crate::config::{Config, InvalidConfig};

/// What a source is called that has no name yet.
const NAME: &str = "probe";
/// For a foot to find its switch.
const PRESS_PATIENCE: Duration = Duration::from_secs(20);
const NONE: &str = "none";

/// What is around the board, and a service to try things with.
pub trait Surroundings {
    /// Cameras and grabbers.
    ///
    /// # Errors
    /// They cannot be listed; says why.
    fn cameras(&self) -> Result<Vec<OfferedCamera>, String>;

    /// Modalities of the models that the configuration has used: names, and what each marks.
    ///
    /// # Errors
    /// There are no models; says why.
    fn modalities(&self, config: &Config) -> Result<Vec<(String, String)>, String>;

    /// Boards whose pins are known.
    fn boards(&self) -> Vec<String>;

    /// Serves as this configuration says, until it is dropped. What is asked of it is asked of that source.
    ///
    /// # Errors
    /// It cannot; says why.
    fn preview(&self, config: Config, source: &str) -> Result<Box<dyn Preview>, String>;
}

/// A service that shows the source.
pub trait Preview {
    /// Where a person looks at it.
    fn address(&self) -> &str;

    /// Whether pictures come.
    fn sees(&self) -> bool;

    /// The region that was chosen in the viewer; `None`: all.
    fn region(&self) -> Option<PixelRect>;

    /// The modality that was chosen there.
    fn modality(&self) -> String;

    /// How large a pixel is, as it was set up or measured in the viewer; `None`: not known.
    fn pixel(&self) -> Option<PixelSize>;

    /// Waits for a press of the foot switch; whether there was one.
    fn pressed(&self, patience: Duration) -> bool;
}

/// Why setup ended without a configuration.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// Nobody answers.
    #[error("nobody answers: {0}")]
    Dialogue(#[from] std::io::Error),
    /// The configuration cannot be changed.
    #[error("configuration: {0}")]
    Draft(#[from] DraftError),
    /// What was answered does not work together.
    #[error("configuration: {0}")]
    Invalid(#[from] InvalidConfig),
    /// There is nothing to be set up.
    #[error("{0}")]
    Nothing(String),
}

/// Asks, shows, and puts the answers into the draft. Whether they are to be written.
///
/// # Errors
/// [`SetupError`]; the draft is of no use then.
pub fn run(
    draft: &mut Draft,
    around: &dyn Surroundings,
    with: &mut impl Dialogue,
) -> Result<bool, SetupError> {
    with.say(NOTICE)?;
    with.say("An empty answer keeps what is in brackets. Nothing is written before the end.\n")?;
    loop {
        let config = draft.config()?;
        let source = ask_source(&config, around, with)?;
        draft.put_source(&source)?;
        let board = ask_board(&config, around, with)?;
        draft.put_board(board.as_deref())?;
        if try_out(draft, source, around, with)? {
            break;
        }
    }
    with.say("\nThat makes:\n")?;
    for source in &draft.config()?.live.sources {
        let text = toml::to_string(source).map_err(DraftError::from)?;
        with.say(&format!("[[live.sources]]\n{text}"))?;
    }
    Ok(with.agrees("Write it?", true)?)
}

/// The camera, its modality and its pixels' size. Beginning with what the configuration has.
fn ask_source(
    config: &Config,
    around: &dyn Surroundings,
    with: &mut impl Dialogue,
) -> Result<LiveSourceSpec, SetupError> {
    let camera_of = |source: &&LiveSourceSpec| matches!(source.source, SourceSpec::V4l2 { .. });
    let known = config.live.sources.iter().find(camera_of).cloned();
    let device = ask_camera(known.as_ref(), around, with)?;
    let modalities = around.modalities(config).map_err(SetupError::Nothing)?;
    let names: Vec<String> = modalities.iter().map(|(name, _)| name.clone()).collect();
    let shown: Vec<String> = modalities
        .iter()
        .map(|(name, what)| format!("{name}: {what}"))
        .collect();
    let usual = |name: &str| names.iter().position(|other| other == name);
    let default = known.as_ref().and_then(|source| usual(&source.modality));
    let default = default.or_else(|| usual("ultrasound")).unwrap_or(0);
    let chosen = with.choose("\nWhat does it show?", &shown, default)?;
    let modality = names.get(chosen).cloned().unwrap_or_default();
    let size = known.as_ref().and_then(|source| source.pixel_mm.clone());
    let pixel_mm = with.ask_for(
        "\nMillimetres per pixel of the picture, or column,row, where the machine always shows the same depth; else none",
        size.as_deref().unwrap_or(NONE),
        |answer| match answer {
            NONE => Ok(None),
            text => text
                .parse::<PixelSize>()
                .map(|_| Some(text.to_owned()))
                .map_err(|error| error.to_string()),
        },
    )?;
    let view = known
        .as_ref()
        .map_or_else(SourceView::default, |source| source.view);
    let (size, rate, encoding) = match &known {
        Some(LiveSourceSpec {
            source:
                SourceSpec::V4l2 {
                    device: old,
                    size,
                    rate,
                    encoding,
                },
            ..
        }) if *old == device => (*size, *rate, *encoding),
        _ => (None, None, None),
    };
    Ok(LiveSourceSpec {
        name: known
            .as_ref()
            .map_or_else(|| NAME.into(), |source| source.name.clone()),
        source: SourceSpec::V4l2 {
            device,
            size,
            rate,
            encoding,
        },
        view,
        modality,
        model: None,
        small_model: None,
        pixel_mm,
        budget_ms: None,
        signal_ms: None,
        unsure_below: None,
        steady: None,
        clip_s: None,
        clip_mib: None,
    })
}

/// Which camera, by the name that stays the same.
fn ask_camera(
    known: Option<&LiveSourceSpec>,
    around: &dyn Surroundings,
    with: &mut impl Dialogue,
) -> Result<std::path::PathBuf, SetupError> {
    let found = around.cameras().map_err(SetupError::Nothing)?;
    let (usable, useless): (Vec<_>, Vec<_>) = found
        .into_iter()
        .partition(|camera| camera.problem.is_none());
    for camera in useless {
        let why = camera.problem.unwrap_or_default();
        with.say(&format!(
            "  not usable: {} ({}): {why}",
            camera.card,
            camera.path.display()
        ))?;
    }
    if usable.is_empty() {
        return Err(SetupError::Nothing(
            "no camera or grabber is there: plug it in, and see what `espmedsam cameras` says"
                .into(),
        ));
    }
    let devices: Vec<_> = usable
        .iter()
        .map(|camera| camera.stable.clone().unwrap_or_else(|| camera.path.clone()))
        .collect();
    let shown: Vec<String> = usable
        .iter()
        .zip(&devices)
        .map(|(camera, device)| format!("{} ({})", camera.card, device.display()))
        .collect();
    let is_known = |device: &std::path::PathBuf| match known.map(|source| &source.source) {
        Some(SourceSpec::V4l2 { device: old, .. }) => old == device,
        _ => false,
    };
    let default = devices.iter().position(is_known).unwrap_or(0);
    let chosen = with.choose("Which camera or grabber?", &shown, default)?;
    Ok(devices.into_iter().nth(chosen).unwrap_or_default())
}

fn ask_board(
    config: &Config,
    around: &dyn Surroundings,
    with: &mut impl Dialogue,
) -> Result<Option<String>, SetupError> {
    let mut names = vec![NONE.to_owned()];
    names.extend(around.boards());
    let known = config.gpio.board.as_ref();
    let default = known.and_then(|board| names.iter().position(|name| name == board));
    let question = "\nLights and a foot switch on the pins of which board (board/README.md)?";
    let chosen = with.choose(question, &names, default.unwrap_or(0))?;
    Ok(names.into_iter().nth(chosen).filter(|name| name != NONE))
}

/// Has the source looked at, and the foot switch tried. Whether all was right; crop and modality as they were left.
fn try_out(
    draft: &mut Draft,
    mut source: LiveSourceSpec,
    around: &dyn Surroundings,
    with: &mut impl Dialogue,
) -> Result<bool, SetupError> {
    let config = draft.config()?;
    let has_switch = config.gpio.is_on();
    let preview = match around.preview(config, &source.name) {
        Ok(preview) => preview,
        Err(why) => {
            with.say(&format!("\nThat cannot be shown: {why}"))?;
            return Ok(!with.agrees("Ask anew?", true)?);
        }
    };
    with.say(&format!(
        "\nLook at it: {}\nThere the region to be seen is found (Crop), the modality changed, and a pixel's size measured (Caliper, Set scale).",
        preview.address()
    ))?;
    with.ask("Enter, once it is as it should be", "go on")?;
    if !preview.sees() {
        with.say("No picture comes from it.")?;
        if with.agrees("Ask anew?", true)? {
            return Ok(false);
        }
    }
    if has_switch {
        try_switch(preview.as_ref(), with)?;
    }
    source.view.region = preview.region();
    source.modality = preview.modality();
    source.pixel_mm = preview.pixel().map(|pixel| pixel.to_string());
    draft.put_source(&source)?;
    Ok(true)
}

/// Until it is heard, or given up.
fn try_switch(preview: &dyn Preview, with: &mut impl Dialogue) -> Result<(), SetupError> {
    loop {
        with.say("\nPress the foot switch, shortly.")?;
        if preview.pressed(PRESS_PATIENCE) {
            return Ok(with.say("It was heard.")?);
        }
        with.say("Nothing was heard: it belongs between pin 18 and ground (pin 20).")?;
        if !with.agrees("Try again?", true)? {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setup::Console;

    /// One good camera, one that is not, and a person who draws a region and changes the modality.
    struct Room {
        cameras: Vec<OfferedCamera>,
        sees: bool,
        presses: bool,
        /// In the viewer.
        measured: Option<PixelSize>,
    }

    struct Shown {
        sees: bool,
        presses: bool,
        pixel: Option<PixelSize>,
    }

    const REGION: PixelRect = PixelRect {
        x: 8,
        y: 16,
        width: 320,
        height: 240,
    };

    impl Surroundings for Room {
        fn cameras(&self) -> Result<Vec<OfferedCamera>, String> {
            Ok(self.cameras.clone())
        }

        fn modalities(&self, _: &Config) -> Result<Vec<(String, String)>, String> {
            let all = [
                ("x-ray", "lungs"),
                ("ultrasound", "head"),
                ("colonoscopy", "polyp"),
            ];
            Ok(all.map(|(name, what)| (name.into(), what.into())).into())
        }

        fn boards(&self) -> Vec<String> {
            vec!["rpi4".into(), "rpi5".into()]
        }

        fn preview(&self, config: Config, source: &str) -> Result<Box<dyn Preview>, String> {
            assert_eq!(config.live.sources[0].name, source);
            let Room { sees, presses, .. } = *self;
            let given = config.live.sources[0].pixel_mm.as_deref();
            let given = given.map(|text| text.parse().unwrap());
            let pixel = self.measured.or(given);
            Ok(Box::new(Shown {
                sees,
                presses,
                pixel,
            }))
        }
    }

    impl Preview for Shown {
        fn address(&self) -> &str {
            "http://127.0.0.1:8080/live"
        }

        fn sees(&self) -> bool {
            self.sees
        }

        fn region(&self) -> Option<PixelRect> {
            Some(REGION)
        }

        fn modality(&self) -> String {
            "colonoscopy".into()
        }

        fn pixel(&self) -> Option<PixelSize> {
            self.pixel
        }

        fn pressed(&self, _: Duration) -> bool {
            self.presses
        }
    }

    fn camera(path: &str, problem: Option<&str>) -> OfferedCamera {
        OfferedCamera {
            path: path.into(),
            stable: Some(format!("{path}-by-id").into()),
            card: "grabber".into(),
            problem: problem.map(Into::into),
            formats: Vec::new(),
        }
    }

    fn room() -> Room {
        Room {
            cameras: vec![
                camera("/dev/video0", Some("it is busy")),
                camera("/dev/video2", None),
            ],
            sees: true,
            presses: true,
            measured: None,
        }
    }

    fn answered(
        draft: &mut Draft,
        room: &Room,
        answers: &str,
    ) -> (Result<bool, SetupError>, String) {
        let mut words = Vec::new();
        let outcome = run(
            draft,
            room,
            &mut Console::new(answers.as_bytes(), &mut words),
        );
        (outcome, String::from_utf8(words).unwrap())
    }

    #[test]
    fn answers_become_a_configuration_and_are_the_next_defaults() {
        let mut draft = Draft::parse("").unwrap();
        let (written, said) = answered(&mut draft, &room(), "\n2\n0.25\nrpi5\n\nyes\n");
        assert!(written.unwrap());
        assert!(
            said.contains(NOTICE) && said.contains("it is busy") && said.contains("It was heard")
        );
        let config = draft.config().unwrap();
        let [source] = config.live.sources.as_slice() else {
            panic!("{}", draft.text());
        };
        assert_eq!(
            (source.name.as_str(), source.modality.as_str()),
            ("probe", "colonoscopy")
        );
        assert_eq!(source.view.region, Some(REGION));
        assert_eq!(source.pixel_mm.as_deref(), Some("0.25"));
        assert_eq!(config.gpio.board.as_deref(), Some("rpi5"));
        assert!(
            draft.text().contains("/dev/video2-by-id"),
            "the name that stays"
        );
        let before = draft.text();
        let (written, _) = answered(&mut draft, &room(), "\n\n\n\n\n\n");
        assert!(written.unwrap());
        assert_eq!(draft.text(), before, "six times Enter changes nothing");
    }

    #[test]
    fn a_pixel_that_was_measured_in_the_viewer_outweighs_what_was_answered() {
        let measuring = Room {
            measured: Some("0.19,0.2".parse().unwrap()),
            ..room()
        };
        let mut draft = Draft::parse("").unwrap();
        let (written, _) = answered(&mut draft, &measuring, "\n2\n0.25\nrpi5\n\nyes\n");
        assert!(written.unwrap());
        let config = draft.config().unwrap();
        let pixel = config.live.sources[0].pixel_mm.as_deref();
        assert_eq!(pixel, Some("0.19,0.2"));
    }

    #[test]
    fn without_a_picture_it_asks_anew_or_is_told_to_go_on() {
        let blind = Room {
            sees: false,
            ..room()
        };
        let mut draft = Draft::parse("").unwrap();
        let (written, said) = answered(&mut draft, &blind, "\n\n\n\n\nyes\n\n\n\n\n\nno\nno\n");
        assert!(!written.unwrap(), "not to be written");
        assert_eq!(said.matches("No picture comes").count(), 2);
    }

    #[test]
    fn a_switch_that_is_not_heard_is_said() {
        let deaf = Room {
            presses: false,
            ..room()
        };
        let mut draft = Draft::parse("").unwrap();
        let (written, said) = answered(&mut draft, &deaf, "\n\n\n2\n\nyes\nno\n\n");
        assert!(written.unwrap());
        assert_eq!(said.matches("Nothing was heard").count(), 2);
    }

    #[test]
    fn without_a_camera_or_an_answer_nothing_comes_of_it() {
        let empty = Room {
            cameras: Vec::new(),
            ..room()
        };
        let mut draft = Draft::parse("").unwrap();
        let (outcome, _) = answered(&mut draft, &empty, "\n");
        assert!(matches!(outcome, Err(SetupError::Nothing(_))));
        let (outcome, _) = answered(&mut draft, &room(), "\n\n");
        assert!(matches!(outcome, Err(SetupError::Dialogue(_))));
    }
}
