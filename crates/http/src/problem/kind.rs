//! The kinds of problems: one table, from which everything that is said of them follows.

use axum::http::StatusCode;

/// Declares the problems: variant, stable name, status, title, what to do.
macro_rules! problems {
    ($($kind:ident $name:literal $status:ident $title:literal, $action:literal;)*) => {
        /// A kind of problem. Its name is part of the API and never changes its meaning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Kind { $(#[doc = $title] $kind,)* }

        impl Kind {
            /// All kinds.
            pub const ALL: &'static [Kind] = &[$(Kind::$kind,)*];

            /// Stable name, last part of `type`.
            pub fn name(self) -> &'static str { match self { $(Kind::$kind => $name,)* } }
            /// HTTP status.
            pub fn status(self) -> StatusCode { match self { $(Kind::$kind => StatusCode::$status,)* } }
            /// Short summary, the same for every occurrence.
            pub fn title(self) -> &'static str { match self { $(Kind::$kind => $title,)* } }
            /// What the reader can do about it.
            pub fn action(self) -> &'static str { match self { $(Kind::$kind => $action,)* } }
        }
    };
}

problems! {
    EmptyPicture "empty-picture" BAD_REQUEST "No picture was sent",
        "Send the picture file as the request body (curl: --data-binary @picture.png), or as the multipart field `image`.";
    MissingModality "missing-modality" BAD_REQUEST "The modality was not given",
        "Add ?modality=NAME to the address; GET /v1/modalities lists the names. It is never guessed; of DICOM, sent as application/dicom, what the file says is taken.";
    UnknownModality "unknown-modality" BAD_REQUEST "No such modality",
        "Use one of the names that GET /v1/modalities lists.";
    NoGuard "no-guard" BAD_REQUEST "The modality cannot be chosen automatically",
        "Name the modality, or use models that come with a modality guard.";
    UnknownModel "unknown-model" BAD_REQUEST "No such model",
        "Use one of the names that GET /v1/models lists, or leave `model` out.";
    BadQuery "bad-query" BAD_REQUEST "The query cannot be read",
        "Mend or leave out the parameter that the detail names; /openapi.json describes them all.";
    BadMultipart "bad-multipart" BAD_REQUEST "The multipart body cannot be read",
        "Send the picture as the file field `image` (curl: -F image=@picture.png) and wishes as text fields named as the query parameters; /openapi.json describes them all.";
    BadInference "bad-inference" BAD_REQUEST "The inference request cannot be read",
        "Mend what the detail names; GET /v2/models/NAME tells inputs and outputs, /openapi.json the rest.";
    BadHost "bad-host" BAD_REQUEST "The Host header cannot be read",
        "Send exactly one `Host` line with the name or address, and the port, that the request is for.";
    BodyAborted "body-aborted" BAD_REQUEST "The request body broke off",
        "Send the request again.";
    BadSource "bad-source" BAD_REQUEST "The live source cannot be begun as described",
        "Mend what the detail names; /openapi.json describes what a source needs.";
    NoToken "no-token" UNAUTHORIZED "A token is needed",
        "Send `Authorization: Bearer TOKEN`, or enter one at /login in a browser; on the device `espmedsam access add NAME` makes one.";
    BadToken "bad-token" UNAUTHORIZED "The token is not good",
        "Use one that `espmedsam access list` has on the device and whose time is not over; in a browser enter it at /login again.";
    NotForThis "not-for-this" FORBIDDEN "The token is not good for this",
        "Use a token with the scope that the detail names; on the device `espmedsam access add NAME --scope SCOPE` makes one.";
    CrossSite "cross-site" FORBIDDEN "Requests from other sites are refused",
        "Call the API from the page this server serves or from a program that is no browser, or add the site to `allowed_origins` in the configuration (behind a proxy: the name it serves under to `allowed_hosts`).";
    SourcesFixed "sources-fixed" FORBIDDEN "Clients may not begin or end live sources here",
        "Name the source under [[live.sources]] in the configuration, or set `live.clients.sources` there.";
    NoClips "no-clips" FORBIDDEN "Clips are not saved here",
        "Name a folder for them as `live.clips` in the configuration.";
    ModelsFixed "models-fixed" FORBIDDEN "Clients may not change which models there are",
        "Leave the models as they are: each is loaded when it is first asked for. On the device, `espmedsam models add` takes a signed package of others.";
    NotFound "not-found" NOT_FOUND "There is nothing here",
        "See /openapi.json for what there is.";
    NoSuchModel "no-such-model" NOT_FOUND "There is no such model",
        "Use one of the names that POST /v2/repository/index lists, and version 1 or none.";
    NoSuchSource "no-such-source" NOT_FOUND "There is no such live source",
        "Use one of the names that GET /v1/sources lists, as source=.";
    NoSuchClip "no-such-clip" NOT_FOUND "There is no such clip",
        "Use one of the names that GET /v1/live/clips lists.";
    MethodNotAllowed "method-not-allowed" METHOD_NOT_ALLOWED "Wrong method",
        "Use one of the methods in the `Allow` header.";
    NotAcceptable "not-acceptable" NOT_ACCEPTABLE "No reply in a form the client accepts",
        "Accept application/json, image/png, image/jpeg, application/geo+json, image/svg+xml or application/dicom, or choose with format=.";
    NoMask "no-mask" CONFLICT "There is no mask to give now",
        "Look at the state: GET /v1/live/latest.json tells it, and what may be shown.";
    ClipOff "clip-off" CONFLICT "The live source keeps no clip",
        "Set `clip_s` of the source, in the configuration or in POST /v1/sources, and wait for its first picture.";
    NoPicture "no-picture" CONFLICT "The source sends no picture now",
        "Look at the state: GET /v1/live/latest.json tells it; try again once pictures come.";
    SourceExists "source-exists" CONFLICT "There is a live source of that name",
        "Choose another name, or end that source first: DELETE /v1/sources/NAME.";
    NoUpgrade "no-upgrade" UPGRADE_REQUIRED "This address is a WebSocket",
        "Connect to it with a WebSocket client (RFC 6455), or use GET /v1/live/events.";
    BodyTimeout "body-timeout" REQUEST_TIMEOUT "The request body took too long",
        "Send the picture faster, or raise `body_timeout_s` in the configuration.";
    BodyTooLarge "body-too-large" PAYLOAD_TOO_LARGE "The request body is too large",
        "Send a smaller file, or raise `body_limit_mib` in the configuration; GET /v1/info tells the limit.";
    UnsupportedMediaType "unsupported-media-type" UNSUPPORTED_MEDIA_TYPE "The body's Content-Type is not taken",
        "Send the picture file's own bytes (no JSON, no base64) as Content-Type: image/png (or the like), application/dicom, application/octet-stream, or multipart/form-data; curl's --data-binary needs -H 'Content-Type: application/octet-stream'.";
    CompressedBody "compressed-body" UNSUPPORTED_MEDIA_TYPE "Compressed bodies are not taken",
        "Send the body uncompressed, without `Content-Encoding`: picture files are compressed as they are.";
    NotAPicture "not-a-picture" UNSUPPORTED_MEDIA_TYPE "The bytes are no picture",
        "Send the bytes of a PNG, JPEG, BMP, TIFF, WebP or DICOM file as they lie on disk.";
    UnsupportedPicture "unsupported-picture" UNSUPPORTED_MEDIA_TYPE "Pictures of this kind are not read",
        "Save the picture as 8-bit RGB or grey PNG and send that.";
    WrongHost "wrong-host" MISDIRECTED_REQUEST "This server does not go by that name",
        "Call it as localhost or by its IP address, or add the name to `allowed_hosts` in the configuration.";
    DamagedPicture "damaged-picture" UNPROCESSABLE_ENTITY "The picture is truncated or damaged",
        "Check that the file opens elsewhere, and send it whole.";
    PictureTooLarge "picture-too-large" UNPROCESSABLE_ENTITY "The picture has too many pixels",
        "Scale the picture down, or raise `image.max_pixels` or `image.max_memory_mib` in the configuration; GET /v1/info tells both.";
    TooMuchWork "too-much-work" UNPROCESSABLE_ENTITY "Decoding the picture takes too long",
        "Save the picture anew, as PNG or baseline JPEG, or scale it down; `decode_timeout_s` in the configuration sets the time.";
    NoSuchPage "no-such-page" UNPROCESSABLE_ENTITY "The file has no such page",
        "Ask for one of its pages with page=, from 1, of DICOM for frames with frames=, from 0, or leave the wish out.";
    ModalityMismatch "modality-mismatch" UNPROCESSABLE_ENTITY "The picture does not look like this modality",
        "Send the picture as what it is, or with its grey values turned round if it is `inverted`; add on_mismatch=keep to get the mask all the same, marked as a mismatch.";
    PictureTooSmall "picture-too-small" UNPROCESSABLE_ENTITY "The picture is too small",
        "Send the whole picture, not a strip of it.";
    BadRegion "bad-region" UNPROCESSABLE_ENTITY "The region is no part of the picture",
        "Ask for a region within the whole picture, in its own pixels; POST /v1/live/surround tells its size.";
    TooLongForJpeg "too-long-for-jpeg" UNPROCESSABLE_ENTITY "A JPEG cannot hold the picture",
        "Ask for format=overlay, which is PNG, or scale the picture down.";
    Internal "internal" INTERNAL_SERVER_ERROR "A fault of this program",
        "Send the request again; if it fails again, report it with the server's log.";
    ClipNotSaved "clip-not-saved" INTERNAL_SERVER_ERROR "The folder of clips cannot be used",
        "Look after the folder `live.clips` of the configuration: whether it is there, writable, and its disk not full.";
    ClipsFull "clips-full" INSUFFICIENT_STORAGE "There is no more room for clips",
        "Take clips away from the folder `live.clips` of the configuration; they are never removed by themselves.";
    QueueFull "queue-full" SERVICE_UNAVAILABLE "All places are taken",
        "Try again after the seconds in `Retry-After`.";
    UploadBudget "upload-budget" SERVICE_UNAVAILABLE "Too many uploads at once",
        "Try again after the seconds in `Retry-After`, or raise `upload_budget_mib` in the configuration.";
    TooManyConnections "too-many-connections" SERVICE_UNAVAILABLE "Too many connections",
        "Close idle connections, or try again after the seconds in `Retry-After`.";
    TooManyViewers "too-many-viewers" SERVICE_UNAVAILABLE "Too many viewers",
        "Close a viewer, or raise `max_viewers` in the configuration.";
    CamerasSilent "cameras-silent" SERVICE_UNAVAILABLE "The cameras do not answer",
        "Unplug and replug the camera that was plugged in last, and try again.";
    TooManySources "too-many-sources" SERVICE_UNAVAILABLE "Too many live sources",
        "End a source first: DELETE /v1/sources/NAME.";
    TooOften "too-often" TOO_MANY_REQUESTS "Too many requests of one caller",
        "Ask less often: try again after the seconds in `Retry-After`, or raise `requests_per_s` under [access] in the configuration.";
    NotReady "not-ready" SERVICE_UNAVAILABLE "The model is still loading",
        "Try again after the seconds in `Retry-After`; GET /health/ready tells when.";
    ModelUnusable "model-unusable" SERVICE_UNAVAILABLE "The model cannot be used",
        "Check the model files and the manifest; the detail tells what was expected and found.";
    EngineStuck "engine-stuck" SERVICE_UNAVAILABLE "An engine thread does not come back",
        "Restart the server, and report it with the server's log; the detail tells what it is at.";
    TimedOut "timed-out" SERVICE_UNAVAILABLE "The model took too long",
        "Try again, use a smaller model, or raise `request_timeout_s` in the configuration.";
    Stopped "stopped" SERVICE_UNAVAILABLE "The server is stopping",
        "Try again once it has been started again.";
}

impl Kind {
    /// Seconds after which trying again makes sense, where it does.
    pub(super) fn retry_after(self) -> Option<u16> {
        match self {
            Self::QueueFull
            | Self::UploadBudget
            | Self::TooManyConnections
            | Self::TooManyViewers => Some(1),
            Self::NotReady | Self::TimedOut => Some(2),
            Self::Stopped => Some(10),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use picture::frame::Format;
    use picture::report::Form;
    use std::collections::HashSet;

    #[test]
    fn names_are_unique_and_every_field_is_filled() {
        let names: HashSet<_> = Kind::ALL.iter().map(|kind| kind.name()).collect();
        assert_eq!(names.len(), Kind::ALL.len());
        for kind in Kind::ALL {
            assert!(
                kind.name()
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c == '-'),
                "{kind:?}"
            );
            assert!(
                kind.status().is_client_error() || kind.status().is_server_error(),
                "{kind:?}"
            );
            assert!(
                kind.title().len() > 5 && kind.action().ends_with('.'),
                "{kind:?}"
            );
        }
    }

    #[test]
    fn what_is_read_and_what_can_be_had_is_named() {
        let formats = Format::names_in_words();
        assert!(Kind::NotAPicture.action().contains(&formats));
        for form in Form::ALL {
            let advice = Kind::NotAcceptable.action();
            assert!(advice.contains(form.media_type()), "{form:?}: {advice}");
        }
    }
}
