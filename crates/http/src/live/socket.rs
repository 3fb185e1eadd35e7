//! What may be shown, for programs and the viewer: a WebSocket, a message for each moment.

use std::pin::pin;
use std::sync::Arc;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::ws::{CloseCode, CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::response::Response;
use live::{LiveView, Session};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::latest::{mask_png, report};
use super::present::Trial;
use super::query::{Asked, find};
use super::rendition::MaskForm;
use super::told::{Along, told};
use super::watch::LiveWatch;
use crate::app::App;
use crate::config::seconds;
use crate::door::CameBy;
use crate::problem::{Kind, Problem};
use crate::welcome::Welcome;

/// Longest message that a client may send: none is needed.
const LONGEST: usize = 1 << 10;

/// Most messages of a client between two of ours. Pings of a proxy or a library are a few a minute.
const TALKATIVE: usize = 64;

/// Whether the picture goes with its mask.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum PictureForm {
    /// Not.
    #[default]
    None,
    /// As the payload: a JPEG of the very picture, nothing drawn on it.
    Jpeg,
}

/// What a WebSocket's client wants.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct SocketQuery {
    /// The source's name, from /v1/sources; may be left out if there is one only.
    source: Option<String>,
    /// In which form the mask comes.
    #[serde(default)]
    #[param(inline)]
    mask: MaskForm,
    /// Whether the picture comes with it; not together with `mask=png`, as there is one payload.
    #[serde(default)]
    #[param(inline)]
    picture: PictureForm,
}

/// A WebSocket (RFC 6455) on which every message is binary: the length of a JSON header as 32 bits, most significant byte
/// first; the header, which is what /v1/live/latest.json gives; and the payload that its `payload` names, if any.
///
/// A message comes for each answer and each change of state, and now and then if there are none. It is the newest at the time
/// of sending: a slow client is sent fewer, and `missed` says how many answers it was not sent.
#[utoipa::path(get, path = "/v1/live/ws", operation_id = "live_socket", tag = "live", params(SocketQuery),
    responses((status = 101, description = "Messages without end"), Problem))]
pub async fn socket(
    State(app): State<Arc<App>>,
    Extension(came_by): Extension<CameBy>,
    Extension(welcome): Extension<Welcome>,
    Asked(query): Asked<SocketQuery>,
    upgrade: Result<WebSocketUpgrade, axum::extract::ws::rejection::WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    let upgrade = upgrade.map_err(|rejection| Kind::NoUpgrade.because(rejection.body_text()))?;
    if query.mask == MaskForm::Png && query.picture == PictureForm::Jpeg {
        let one = "A message has one payload: 'mask=png' or 'picture=jpeg'.";
        return Err(Kind::BadQuery.because(one));
    }
    let (name, session) = find(&app, query.source.as_deref())?;
    let mut watch = LiveWatch::begin(app.viewers_place(came_by)?, name, session);
    let upgrade = upgrade.max_message_size(LONGEST).max_frame_size(LONGEST);
    Ok(upgrade.on_upgrade(move |mut socket| async move {
        let served = tokio::select! {
            served = serve(&app, &mut socket, &mut watch, &query) => served,
            () = welcome.over() => farewell(&app, &mut socket, close_code::POLICY, "this token is not good any more").await,
        };
        // Whoever went away has nothing to be told.
        let _gone = served;
    }))
}

async fn serve(
    app: &App,
    socket: &mut WebSocket,
    watch: &mut LiveWatch,
    query: &SocketQuery,
) -> Result<(), axum::Error> {
    loop {
        let view = match next(socket, watch).await? {
            SocketTurn::View(view) => *view,
            SocketTurn::Gone => return Ok(()),
            SocketTurn::Ended => {
                let ended = "the source, or the server, has ended";
                return farewell(app, socket, close_code::AWAY, ended).await;
            }
            SocketTurn::Talkative => {
                let heard = "nothing is to be said here";
                return farewell(app, socket, close_code::POLICY, heard).await;
            }
        };
        let message = match message(app, watch, view, query).await {
            Ok(message) => message,
            Err(problem) => {
                tracing::error!("a live answer could not be sent: {problem:?}");
                continue;
            }
        };
        let sent = socket.send(Message::Binary(message));
        match tokio::time::timeout(seconds(app.config.reply_timeout_s), sent).await {
            Ok(sent) => sent?,
            // It takes nothing: it is let go.
            Err(_) => return Ok(()),
        }
    }
}

/// What comes next.
enum SocketTurn {
    /// Something to be seen.
    View(Box<LiveView>),
    /// The source, or the server, has ended.
    Ended,
    /// The client has gone.
    Gone,
    /// The client says far more than any does.
    Talkative,
}

/// Waits for it. What the client says is read meanwhile: pings are answered by that, and all else means nothing here.
async fn next(socket: &mut WebSocket, watch: &mut LiveWatch) -> Result<SocketTurn, axum::Error> {
    // Begun once: whoever talks without pause would put it off for ever.
    let mut view = pin!(watch.next());
    for _ in 0..TALKATIVE {
        tokio::select! {
            biased;
            view = &mut view => return Ok(view.map_or(SocketTurn::Ended, |view| SocketTurn::View(view.into()))),
            said = socket.recv() => match said {
                Some(Ok(Message::Close(_))) | None => return Ok(SocketTurn::Gone),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error),
            },
        }
    }
    Ok(SocketTurn::Talkative)
}

/// The last that is said, and why.
async fn farewell(
    app: &App,
    socket: &mut WebSocket,
    code: CloseCode,
    reason: &'static str,
) -> Result<(), axum::Error> {
    let reason = reason.into();
    let close = socket.send(Message::Close(Some(CloseFrame { code, reason })));
    let patience = seconds(app.config.reply_timeout_s);
    tokio::time::timeout(patience, close)
        .await
        .unwrap_or(Ok(()))
}

async fn message(
    app: &App,
    watch: &mut LiveWatch,
    mut view: LiveView,
    query: &SocketQuery,
) -> Result<Bytes, Problem> {
    let mut trial = Trial::default();
    let (payload, result) = loop {
        let payload = payload(app, &watch.session, &view, query).await?;
        let result = report(app, &watch.session, &view, query.mask).await?;
        if trial.succeeded(&watch.session, &mut view) {
            break (payload, result);
        }
    };
    let missed = watch.missed(&view);
    let (asked, board) = (watch.session.asked(), app.studio.board());
    let header = told(
        watch,
        &view,
        Along {
            missed,
            payload: payload.as_ref().map(|(media_type, _)| *media_type),
            result: result.as_deref(),
            modality: asked.modality.as_str(),
            board: board.as_deref(),
        },
    );
    let header = serde_json::to_vec(&header);
    let header = header.map_err(|error| crate::problem::internal(&error.to_string()))?;
    let payload = payload.map(|(_, bytes)| bytes).unwrap_or_default();
    let mut message = Vec::with_capacity(4 + header.len() + payload.len());
    message.extend_from_slice(&(header.len() as u32).to_be_bytes());
    message.extend_from_slice(&header);
    message.extend_from_slice(&payload);
    Ok(message.into())
}

/// The payload and its media type.
async fn payload(
    app: &App,
    session: &Session,
    view: &LiveView,
    query: &SocketQuery,
) -> Result<Option<(&'static str, Bytes)>, Problem> {
    if query.mask == MaskForm::Png {
        let mask = mask_png(app, session, view).await?;
        return Ok(mask.map(|mask| ("image/png", mask)));
    }
    if query.picture == PictureForm::None || view.picture.is_none() {
        return Ok(None);
    }
    let jpeg = app.gallery.plain(session, view).await?;
    Ok(Some(("image/jpeg", jpeg)))
}
