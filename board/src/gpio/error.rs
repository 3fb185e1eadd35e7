/// Why lights and switch cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum GpioError {
    /// No board of that name is known.
    #[error("no pins are known of a board '{asked}'; there are: {known}")]
    UnknownBoard {
        /// What was asked.
        asked: String,
        /// Comma-separated names.
        known: String,
    },
    /// A map of pins that cannot be.
    #[error("the map of pins: {0}")]
    BadMap(String),
    /// There is no such chip.
    #[error("no GPIO chip is labelled '{label}'; there are: {found}")]
    NoChip {
        /// What was looked for.
        label: String,
        /// Labels of those that there are, comma-separated.
        found: String,
    },
    /// A chip has no such line.
    #[error("{what}: the chip has {lines} lines, from 0 on")]
    NoLine {
        /// The line, and what it is for.
        what: String,
        /// How many the chip has.
        lines: u32,
    },
    /// Somebody else has a line.
    #[error("{what}: it is taken by '{by}'")]
    Taken {
        /// The line, and what it is for.
        what: String,
        /// Who has it; empty if that is not said.
        by: String,
    },
    /// This program cannot do it here.
    #[error("{0}")]
    Unsupported(&'static str),
    /// The system refuses a line, or has lost it.
    #[error("{what}: {cause}")]
    Line {
        /// What was asked.
        what: String,
        /// Why not.
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl GpioError {
    /// Of a line, what was asked of it and why it is refused.
    pub(super) fn line(
        what: impl Into<String>,
        cause: impl std::error::Error + Send + Sync + 'static,
    ) -> Self {
        Self::Line {
            what: what.into(),
            cause: Box::new(cause),
        }
    }
}
