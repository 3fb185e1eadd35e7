//! What a server answers before its stream begins.

use super::framing::Framing;

/// The longest head that is read.
pub(super) const HEAD: usize = 16 << 10;

/// Why an answer is no stream.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// Not in time.
    #[error("no answer came in time")]
    Silent,
    /// It ends within its head, or that is too long, or it is not HTTP.
    #[error("the answer is not HTTP")]
    NotHttp,
    /// It is elsewhere.
    #[error("the stream has moved to '{0}': give that address")]
    Moved(String),
    /// User and password are wanted, or others, or sent in another way than RFC 7617's.
    #[error(
        "user and password are wanted, as http://USER:PASSWORD@..., or are not the right ones, or basic authentication is not allowed (status {0})"
    )]
    Credentials(u16),
    /// Any other status than 200.
    #[error("the answer has status {0}")]
    Status(u16),
    /// A page, say.
    #[error("the answer is '{0}', not a stream of pictures")]
    Type(String),
    /// Compressed, though that was not asked for.
    #[error("the answer is encoded as '{0}'")]
    Encoded(String),
}

impl HttpError {
    /// Whether another answer may come if it is asked again.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Silent | Self::NotHttp => true,
            Self::Status(status) => *status >= 500 || matches!(status, 408 | 425 | 429),
            Self::Moved(_) | Self::Credentials(_) | Self::Type(_) | Self::Encoded(_) => false,
        }
    }
}

/// Where a head ends among these bytes: after its empty line.
pub(super) fn head_end(bytes: &[u8]) -> Option<usize> {
    let after = |end: &[u8]| {
        let at = bytes.windows(end.len()).position(|window| window == end);
        at.map(|at| at + end.len())
    };
    match (after(b"\r\n\r\n"), after(b"\n\n")) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// How the body of an answer with this head is framed.
///
/// # Errors
/// [`HttpError`] if it is no stream of pictures.
pub(super) fn read_head(head: &[u8]) -> Result<Framing, HttpError> {
    let text = String::from_utf8_lossy(head);
    let mut lines = text.lines();
    let status = (lines.next())
        .and_then(|line| line.strip_prefix("HTTP/1."))
        .and_then(|line| line.split(' ').nth(1)?.parse::<u16>().ok())
        .ok_or(HttpError::NotHttp)?;
    let fields: Vec<(&str, &str)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.trim(), value.trim()))
        .collect();
    let field = |wanted: &str| {
        let mut fields = fields.iter();
        fields.find_map(|(name, value)| name.eq_ignore_ascii_case(wanted).then_some(*value))
    };
    match status {
        200 => {}
        300..=399 => return Err(HttpError::Moved(field("location").unwrap_or("?").into())),
        401 | 403 => return Err(HttpError::Credentials(status)),
        _ => return Err(HttpError::Status(status)),
    }
    let kind = field("content-type").unwrap_or_default().to_lowercase();
    if kind.starts_with("text/") || kind.starts_with("application/json") {
        return Err(HttpError::Type(kind));
    }
    let coding = field("content-encoding")
        .unwrap_or("identity")
        .to_lowercase();
    if coding != "identity" {
        return Err(HttpError::Encoded(coding));
    }
    let chunked =
        field("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked"));
    match field("content-length") {
        _ if chunked => Ok(Framing::chunked()),
        Some(length) => Ok(Framing::Length(
            length.parse().map_err(|_| HttpError::NotHttp)?,
        )),
        None => Ok(Framing::UntilClosed),
    }
}
