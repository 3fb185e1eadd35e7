use crate::clip::ClipError;
use crate::spec::BadSource;

/// Why a source is not watched.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    /// The system gives no thread.
    #[error("no thread for a live source: {0}")]
    Thread(#[from] std::io::Error),
    /// Not a name for a source.
    #[error("a source's name is 1 to 64 letters, digits, '-' and '_'")]
    BadName,
    /// It is described in a way that cannot work.
    #[error("a source cannot be begun: {0}")]
    Bad(#[from] BadSource),
    /// No clip of it is saved.
    #[error(transparent)]
    Clip(#[from] ClipError),
    /// Who asks may not begin or end sources.
    #[error("clients may not begin or end sources here")]
    Forbidden,
    /// There is one of that name.
    #[error("there is a source '{0}' already")]
    NameTaken(String),
    /// There are as many as may be.
    #[error("no more than {most} sources at once")]
    TooMany {
        /// So many.
        most: usize,
    },
    /// There is none of that name, or none was named and there is not just one.
    #[error("{}; there are: {}", unnamed(asked.as_deref()), none_if_empty(available))]
    NoSuch {
        /// What was asked.
        asked: Option<String>,
        /// Comma-separated names.
        available: String,
    },
}

fn unnamed(asked: Option<&str>) -> String {
    asked.map_or("no source was named".into(), |name| {
        format!("no source '{name}'")
    })
}

fn none_if_empty(names: &str) -> &str {
    if names.is_empty() { "none" } else { names }
}
