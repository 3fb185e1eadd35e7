//! What is wrong with a TOML text, said without its values: one may be a camera's password, and errors go to the journal.

use std::fmt;

/// Where it is wrong, and in what way.
#[derive(Debug)]
pub struct TomlFault {
    /// From 1; `None` if it is of no one line.
    line: Option<usize>,
    /// What stands before the line's "=".
    key: Option<String>,
    message: String,
}

/// Between what the parser's messages repeat a value.
const VALUES: [(&str, &str); 3] = [
    ("string \"", "\", expected"),
    ("character `", "`, expected"),
    ("unknown variant `", "`, expected"),
];

impl TomlFault {
    /// Of what the parser says of that text.
    pub(super) fn of(text: &str, error: &toml::de::Error) -> Self {
        let before = error.span().and_then(|span| text.get(..span.start));
        let line = before.map(|before| before.matches('\n').count());
        let found = line.and_then(|line| text.lines().nth(line));
        let key = found.and_then(|found| found.split_once('='));
        let plain = |key: &&str| {
            key.chars()
                .all(|c| c.is_alphanumeric() || "._- ".contains(c))
        };
        Self {
            line: line.map(|line| line + 1),
            key: key
                .map(|(key, _)| key.trim())
                .filter(plain)
                .map(String::from),
            message: without_values(error.message()),
        }
    }
}

fn without_values(message: &str) -> String {
    for (opening, closing) in VALUES {
        if let Some((before, rest)) = message.split_once(opening) {
            let (value, after) = rest.split_once(closing).unwrap_or((rest, ""));
            let shown = match is_word(value) && closing.starts_with('`') {
                true => value,
                false => "…",
            };
            return format!("{before}{opening}{shown}{closing}{after}");
        }
    }
    message.to_owned()
}

/// Whether it may be repeated where one of several words is expected: a slip of the pen, and no address.
fn is_word(value: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    value.len() <= 24 && value.chars().all(plain)
}

impl fmt::Display for TomlFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.line, &self.key) {
            (Some(line), Some(key)) => write!(f, "line {line}, `{key}`: {}", self.message),
            (Some(line), None) => write!(f, "line {line}: {}", self.message),
            (None, _) => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for TomlFault {}
