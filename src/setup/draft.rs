//! A configuration file that is being changed: comments, and whatever is not asked about, stay as they are.

use std::path::Path;

use live::LiveSourceSpec;
use toml_edit::{ArrayOfTables, DocumentMut, Item, Table, Value};

use crate::config::{Config, InvalidConfig};

/// The keys of a source that setup asks about; the others stay.
const ASKED: [&str; 5] = ["name", "source", "view", "modality", "pixel_mm"];

/// A configuration's text, in the making.
#[derive(Clone, Debug)]
pub struct Draft {
    document: DocumentMut,
}

/// Why a file cannot be changed.
#[derive(Debug, thiserror::Error)]
pub enum DraftError {
    /// It cannot be read.
    #[error("{0}")]
    Read(#[from] std::io::Error),
    /// It is no TOML.
    #[error("it is not understood, and so not changed: {0}")]
    Toml(#[from] toml_edit::TomlError),
    /// It does not work as it is.
    #[error("it does not work as it is: {0}")]
    Invalid(#[from] InvalidConfig),
    /// A section is written in a way that is not changed here.
    #[error(
        "`{0}` is not written as a section of its own: write it as [{0}], or change it by hand"
    )]
    Unusual(&'static str),
    /// A source cannot be written down.
    #[error("{0}")]
    Source(#[from] toml::ser::Error),
}

impl Draft {
    /// Of a file; an empty one, if it is not there.
    ///
    /// # Errors
    /// [`DraftError`].
    pub fn open(path: &Path) -> Result<Self, DraftError> {
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Self::parse(""),
            Err(error) => Err(error.into()),
        }
    }

    /// Of a text.
    ///
    /// # Errors
    /// [`DraftError::Toml`], [`DraftError::Invalid`].
    pub fn parse(text: &str) -> Result<Self, DraftError> {
        Config::parse(text)?;
        Ok(Self {
            document: text.parse()?,
        })
    }

    /// As it stands.
    #[must_use]
    pub fn text(&self) -> String {
        self.document.to_string()
    }

    /// What it says.
    ///
    /// # Errors
    /// It does not work.
    pub fn config(&self) -> Result<Config, InvalidConfig> {
        Config::parse(&self.text())
    }

    /// Has this source watched, in place of the one of its name, if there is one. What else that one was told, it keeps.
    ///
    /// # Errors
    /// [`DraftError`]; then nothing has changed.
    pub fn put_source(&mut self, source: &LiveSourceSpec) -> Result<(), DraftError> {
        let new: DocumentMut = toml::to_string(source)?.parse()?;
        let sources = self.sources()?;
        let of_name =
            |table: &Table| table.get("name").and_then(Item::as_str) == Some(&source.name);
        let place = sources.iter().position(of_name);
        let place = place.unwrap_or_else(|| {
            sources.push(Table::new());
            sources.len().saturating_sub(1)
        });
        let table = sources.get_mut(place);
        let table = table.ok_or(DraftError::Unusual("live.sources"))?;
        for key in ASKED {
            match new
                .get(key)
                .cloned()
                .and_then(|item| item.into_value().ok())
            {
                Some(value) => put(table, key, value),
                None => drop(table.remove(key)),
            }
        }
        Ok(())
    }

    /// Lights and foot switch on a board's pins; `None`: neither, and pins that were written by hand stay.
    ///
    /// # Errors
    /// [`DraftError::Unusual`].
    pub fn put_board(&mut self, board: Option<&str>) -> Result<(), DraftError> {
        if board.is_none() && !self.document.contains_key("gpio") {
            return Ok(());
        }
        let gpio = section(&mut self.document, "gpio")?;
        match board {
            Some(board) => put(gpio, "board", board.into()),
            None => drop(gpio.remove("board")),
        }
        Ok(())
    }

    fn sources(&mut self) -> Result<&mut ArrayOfTables, DraftError> {
        let unusual = DraftError::Unusual("live.sources");
        let live = section(&mut self.document, "live")?;
        let item = live.entry("sources").or_insert(Item::None);
        let tables = match std::mem::take(item) {
            Item::ArrayOfTables(tables) => tables,
            Item::None => ArrayOfTables::new(),
            Item::Value(Value::Array(array)) if array.is_empty() => ArrayOfTables::new(),
            // Tables in brackets become sections.
            other => match other.into_array_of_tables() {
                Ok(tables) => tables,
                Err(other) => {
                    *item = other;
                    return Err(unusual);
                }
            },
        };
        *item = Item::ArrayOfTables(tables);
        item.as_array_of_tables_mut().ok_or(unusual)
    }
}

/// The section of that name, made if need be.
fn section<'a>(
    document: &'a mut DocumentMut,
    name: &'static str,
) -> Result<&'a mut Table, DraftError> {
    let made = || {
        let mut table = Table::new();
        table.set_implicit(name == "live");
        Item::Table(table)
    };
    let item = document.entry(name).or_insert_with(made);
    item.as_table_mut().ok_or(DraftError::Unusual(name))
}

/// Sets a key, with what is written around its value.
fn put(table: &mut Table, key: &str, mut value: Value) {
    if let Some(old) = table.get(key).and_then(Item::as_value) {
        *value.decor_mut() = old.decor().clone();
    }
    table.insert(key, Item::Value(value));
}

#[cfg(test)]
mod tests {
    use super::*;
    use picture::frame::PixelRect;
    use video::prepare::SourceView;
    use video::spec::SourceSpec;

    fn probe(device: &str) -> LiveSourceSpec {
        let text = format!(
            "name = \"probe\"\nmodality = \"ultrasound\"\nsource = {{ kind = \"v4l2\", device = \"{device}\" }}"
        );
        toml::from_str(&text).unwrap()
    }

    #[test]
    fn a_camera_is_added_to_nothing_and_to_the_shipped_configuration() {
        let shipped = include_str!("../../docs/espmedsam.toml");
        for text in ["", "[live]\nsources = []\n", shipped] {
            let mut draft = Draft::parse(text).unwrap();
            draft.put_source(&probe("/dev/video0")).unwrap();
            let config = draft.config().unwrap();
            assert_eq!(config.live.sources, [probe("/dev/video0")]);
            let comments = |text: &str| text.matches('#').count();
            assert!(comments(&draft.text()) + 1 >= comments(text));
        }
    }

    #[test]
    fn a_source_keeps_what_was_not_asked_and_its_neighbours() {
        let text = "# ours\n[[live.sources]]\nname = \"other\"\nmodality = \"x-ray\"\nsource = { kind = \"phantom\", target = \"lesion\" }\n\n\
             # the scanner\n[[live.sources]]\nname = \"probe\" # left\nmodality = \"auto\"\nbudget_ms = 300 # slow\npixel_mm = \"0.2\"\n\
             source = { kind = \"phantom\", target = \"polyp\" }\n[engine]\nthreads = 2\n";
        let mut draft = Draft::parse(text).unwrap();
        let region = PixelRect {
            x: 1,
            y: 2,
            width: 300,
            height: 200,
        };
        let mut wanted = probe("/dev/video3");
        wanted.view = SourceView {
            region: Some(region),
            ..SourceView::default()
        };
        draft.put_source(&wanted).unwrap();
        let config = draft.config().unwrap();
        assert_eq!(config.engine.threads, 2);
        assert_eq!(config.live.sources[0].name, "other");
        wanted.budget_ms = Some(300);
        assert_eq!(
            config.live.sources[1], wanted,
            "its pixels' size was taken back"
        );
        for comment in ["# ours", "# the scanner", "# left", "# slow"] {
            assert!(draft.text().contains(comment), "{comment}");
        }
        let before = draft.text();
        draft.put_source(&wanted).unwrap();
        assert_eq!(draft.text(), before, "once more changes nothing");
    }

    #[test]
    fn sources_in_brackets_are_kept() {
        let text = "[live]\nsources = [{ name = \"a\", modality = \"x-ray\", source = { kind = \"pipe\", path = \"-\" } }]\n";
        let mut draft = Draft::parse(text).unwrap();
        draft.put_source(&probe("/dev/video0")).unwrap();
        let sources = draft.config().unwrap().live.sources;
        assert!(matches!(sources[0].source, SourceSpec::Pipe { .. }));
        assert_eq!(sources[1], probe("/dev/video0"));
    }

    #[test]
    fn a_board_is_set_and_taken_back() {
        let mut draft = Draft::parse("[gpio]\ntrigger = \"freeze\" # ours\n").unwrap();
        draft.put_board(Some("rpi5")).unwrap();
        assert!(draft.config().unwrap().gpio.is_on());
        draft.put_board(None).unwrap();
        assert!(!draft.config().unwrap().gpio.is_on());
        assert_eq!(draft.text(), "[gpio]\ntrigger = \"freeze\" # ours\n");
    }

    #[test]
    fn what_is_not_understood_is_not_changed() {
        assert!(matches!(Draft::parse("x = 1"), Err(DraftError::Invalid(_))));
        let mut draft = Draft::parse("live = { sources = [] }\n").unwrap();
        let refused = draft.put_source(&probe("/dev/video0"));
        assert!(matches!(refused, Err(DraftError::Unusual("live"))));
        assert_eq!(draft.text(), "live = { sources = [] }\n");
    }
}
