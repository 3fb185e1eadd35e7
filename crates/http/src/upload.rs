//! Receives a request body within its limits: size, time, and a budget that all uploads share.

use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::http::{HeaderMap, header};
use http_body_util::{BodyDataStream, BodyExt};

use super::config::{ServerConfig, seconds};
use super::metered::{Metered, TooMuch, kib};
use super::pool::{PoolPermit, PoolShare};
use super::problem::{Kind, Problem, shortened};
use super::wish::Wishes;

/// Most bytes of a text field in a multipart body.
const FIELD_LIMIT: usize = 256;

/// The field of a multipart body that holds the picture.
const PICTURE: &str = "image";

/// How the picture travels in the body.
#[derive(Debug, PartialEq, Eq)]
pub enum Packaging {
    /// The body is the picture.
    Raw,
    /// The same, and it is DICOM (PS3.18): what the file says of itself counts where nothing is asked.
    Dicom,
    /// `multipart/form-data` with this boundary.
    Multipart(String),
}

impl Packaging {
    /// Reads `Content-Type`. None at all is taken as a raw picture: what the bytes are is found out from the bytes.
    pub fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        check_coding(headers)?;
        let Some(value) = headers.get(header::CONTENT_TYPE) else {
            return Ok(Self::Raw);
        };
        let value = value.to_str().unwrap_or("unreadable");
        let essence = value
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase();
        match essence.as_str() {
            "application/octet-stream" => Ok(Self::Raw),
            "application/dicom" => Ok(Self::Dicom),
            image if image.starts_with("image/") => Ok(Self::Raw),
            "multipart/form-data" => multer::parse_boundary(value)
                .map(Self::Multipart)
                .map_err(|_| Kind::BadMultipart.because("Content-Type names no boundary.")),
            _ => {
                let essence = shortened(&essence);
                Err(Kind::UnsupportedMediaType.because(format!("The Content-Type is '{essence}'.")))
            }
        }
    }
}

/// Refuses a body that is compressed: its size would say nothing of what it holds.
///
/// # Errors
/// [`Kind::CompressedBody`].
pub fn check_coding(headers: &HeaderMap) -> Result<(), Problem> {
    for coding in headers.get_all(header::CONTENT_ENCODING) {
        let coding = coding.to_str().unwrap_or("unreadable").trim();
        if !coding.is_empty() && !coding.eq_ignore_ascii_case("identity") {
            let coding = shortened(coding);
            return Err(Kind::CompressedBody.because(format!(
                "The Content-Encoding is '{coding}'; this server takes bodies as they are."
            )));
        }
    }
    Ok(())
}

/// What a body held.
#[derive(Debug, Default)]
pub struct Upload {
    /// The picture file.
    pub bytes: Vec<u8>,
    /// Text fields of a multipart body.
    pub wishes: Wishes,
    /// The upload's share of the budget; to be held as long as the bytes live.
    pub share: Option<PoolPermit>,
}

/// Receives the body, or says why not. A refused body is read and dropped for a moment in the background, so that a
/// client that is still sending gets to read the refusal instead of a reset connection.
pub async fn receive(
    config: &ServerConfig,
    budget: PoolShare,
    packaging: Packaging,
    body: Body,
) -> Result<Upload, Problem> {
    receive_within(config.body_limit(), config, budget, packaging, body).await
}

/// The same, of a body of at most so many bytes.
pub async fn receive_within(
    limit: u64,
    config: &ServerConfig,
    budget: PoolShare,
    packaging: Packaging,
    body: Body,
) -> Result<Upload, Problem> {
    let declared = check_declared(limit, &budget, &body);
    let mut metered = Metered::new(body, limit, budget);
    let result = match declared {
        Err(problem) => Err(problem),
        Ok(declared) => {
            let reading = async {
                match packaging {
                    Packaging::Raw | Packaging::Dicom => read_raw(&mut metered, declared).await,
                    Packaging::Multipart(boundary) => read_multipart(&mut metered, boundary).await,
                }
            };
            let late = || {
                Kind::BodyTimeout.because(format!(
                    "It was not complete after {} s.",
                    config.body_timeout_s
                ))
            };
            tokio::time::timeout(seconds(config.body_timeout_s), reading)
                .await
                .unwrap_or_else(|_| Err(late()))
        }
    };
    let (rest, share) = metered.into_parts();
    match result {
        Ok(upload) => Ok(Upload { share, ..upload }),
        Err(problem) => {
            linger(rest);
            Err(problem)
        }
    }
}

/// Reads and drops what is still coming, for at most two seconds.
pub fn linger(mut body: Body) {
    if !body.is_end_stream() {
        tokio::spawn(tokio::time::timeout(Duration::from_secs(2), async move {
            while let Some(Ok(_)) = body.frame().await {}
        }));
    }
}

/// Refuses by `Content-Length`, before a byte is read. Returns the declared length, 0 where there is none.
fn check_declared(limit: u64, budget: &PoolShare, body: &Body) -> Result<usize, Problem> {
    let declared = body.size_hint().lower();
    if declared > limit {
        return Err(TooMuch::Limit(limit).into());
    }
    budget.check(kib(declared)).map_err(TooMuch::Budget)?;
    Ok(usize::try_from(declared).unwrap_or(0))
}

async fn read_raw(body: &mut Metered, declared: usize) -> Result<Upload, Problem> {
    // Reserving costs address space only: pages are not touched before bytes arrive, and those are metered.
    let mut bytes = Vec::with_capacity(declared);
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.map_err(read_problem)?.into_data() {
            bytes.extend_from_slice(&data);
        }
    }
    Ok(Upload {
        bytes,
        ..Upload::default()
    })
}

async fn read_multipart(body: &mut Metered, boundary: String) -> Result<Upload, Problem> {
    let mut multipart = multer::Multipart::new(BodyDataStream::new(body), boundary);
    let (mut picture, mut wishes) = (None, Wishes::default());
    while let Some(field) = multipart.next_field().await.map_err(multipart_problem)? {
        let name = field.name().unwrap_or_default().to_owned();
        if name == PICTURE {
            if picture.replace(read_field(field, None).await?).is_some() {
                return Err(Kind::BadMultipart
                    .because(format!("There is more than one field `{PICTURE}`.")));
            }
        } else if field.file_name().is_some() && !Wishes::NAMES.contains(&name.as_str()) {
            let name = shortened(&name);
            return Err(Kind::BadMultipart.because(format!(
                "There is a file in the field `{name}`: send it as field `{PICTURE}`."
            )));
        } else {
            let bytes = read_field(field, Some(FIELD_LIMIT)).await?;
            let text = String::from_utf8(bytes);
            let text = text.map_err(|_| {
                let name = shortened(&name);
                Kind::BadMultipart.because(format!("The field `{name}` is not UTF-8."))
            })?;
            wishes.set(&name, &text, Kind::BadMultipart)?;
        }
    }
    let bytes = picture
        .ok_or_else(|| Kind::EmptyPicture.because(format!("There is no field `{PICTURE}`.")))?;
    Ok(Upload {
        bytes,
        wishes,
        share: None,
    })
}

/// A field's bytes, of which there may be at most `limit`.
async fn read_field(
    mut field: multer::Field<'_>,
    limit: Option<usize>,
) -> Result<Vec<u8>, Problem> {
    let mut bytes = Vec::new();
    while let Some(chunk) = field.chunk().await.map_err(multipart_problem)? {
        if let Some(limit) = limit
            && chunk.len() > limit - bytes.len()
        {
            let name = shortened(field.name().unwrap_or_default());
            return Err(Kind::BadMultipart.because(format!(
                "The field `{name}` has more than {limit} bytes of text; the picture's field is `{PICTURE}`."
            )));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

fn read_problem(error: axum::Error) -> Problem {
    let cause = error.into_inner();
    match cause.downcast_ref::<TooMuch>() {
        Some(too_much) => (*too_much).into(),
        None => Kind::BodyAborted.because("The connection ended before the body did."),
    }
}

fn multipart_problem(error: multer::Error) -> Problem {
    match error {
        multer::Error::StreamReadFailed(cause) => match cause.downcast::<axum::Error>() {
            Ok(cause) => read_problem(*cause),
            Err(_) => Kind::BodyAborted.because("The connection ended before the body did."),
        },
        other => Kind::BadMultipart.because(format!("It is not well-formed: {other}.")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::door::CameBy;
    use super::super::pool::SharedPool;
    use super::*;

    /// What callers on this machine may take of a budget.
    fn near(budget: &SharedPool) -> PoolShare {
        budget.share(CameBy::Near)
    }

    #[tokio::test]
    async fn a_share_of_the_budget_is_held_with_the_bytes_and_given_back() {
        let (config, budget) = (ServerConfig::default(), SharedPool::new(100));
        let upload = receive(
            &config,
            near(&budget),
            Packaging::Raw,
            Body::from(vec![7; 10_241]),
        )
        .await
        .unwrap();
        assert_eq!(upload.bytes, vec![7; 10_241]);
        assert_eq!(budget.taken(), 11);
        drop(upload);
        assert_eq!(budget.taken(), 0);
    }

    #[tokio::test]
    async fn a_refused_upload_gives_its_share_back() {
        let (config, budget) = (ServerConfig::default(), SharedPool::new(4));
        let problem = receive(
            &config,
            near(&budget),
            Packaging::Raw,
            Body::from(vec![1; 5000]),
        )
        .await
        .unwrap_err();
        assert_eq!(problem.kind, Kind::UploadBudget);
        assert_eq!(budget.taken(), 0);
    }

    #[tokio::test]
    async fn multipart_is_taken_apart_and_strangers_are_refused() {
        let part = |name: &str, value: &str| {
            format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
        };
        let read = async |parts: &[String]| {
            let body = Body::from(parts.concat() + "--b--\r\n");
            receive(
                &ServerConfig::default(),
                near(&SharedPool::new(100)),
                Packaging::Multipart("b".into()),
                body,
            )
            .await
        };
        let (image, modality) = (part("image", "pixels"), part("modality", "ultrasound"));
        let upload = read(&[image.clone(), modality.clone()]).await.unwrap();
        assert_eq!(upload.bytes, b"pixels");
        let mut wishes = Wishes::default();
        wishes
            .set("modality", "ultrasound", Kind::BadQuery)
            .unwrap();
        assert_eq!(upload.wishes, wishes);
        for (parts, kind) in [
            (vec![modality.clone()], Kind::EmptyPicture),
            (vec![image.clone(), image.clone()], Kind::BadMultipart),
            (
                vec![image.clone(), modality.clone(), modality],
                Kind::BadMultipart,
            ),
            (
                vec![image.clone(), part("colour", "red")],
                Kind::BadMultipart,
            ),
            (
                vec![image, part("model", &"x".repeat(FIELD_LIMIT + 1))],
                Kind::BadMultipart,
            ),
            (vec![], Kind::EmptyPicture),
        ] {
            assert_eq!(read(&parts).await.unwrap_err().kind, kind, "{parts:?}");
        }
    }

    #[test]
    fn content_types_are_told_apart() {
        let of = |value: &'static str| {
            Packaging::of(&HeaderMap::from_iter([(
                header::CONTENT_TYPE,
                value.parse().unwrap(),
            )]))
        };
        assert_eq!(Packaging::of(&HeaderMap::new()), Ok(Packaging::Raw));
        assert_eq!(of("image/png"), Ok(Packaging::Raw));
        assert_eq!(of("Application/Octet-Stream"), Ok(Packaging::Raw));
        assert_eq!(
            of("multipart/form-data; boundary=xyz"),
            Ok(Packaging::Multipart("xyz".into()))
        );
        assert_eq!(
            of("multipart/form-data").unwrap_err().kind,
            Kind::BadMultipart
        );
        assert_eq!(
            of("application/x-www-form-urlencoded").unwrap_err().kind,
            Kind::UnsupportedMediaType
        );
        assert_eq!(of("application/dicom"), Ok(Packaging::Dicom));
        assert_eq!(
            of("text/plain").unwrap_err().kind,
            Kind::UnsupportedMediaType
        );
    }
}
