//! `GET /metrics`: what [`metrics`] has to tell, put together when somebody asks.

use std::path::Path;
use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;

use super::app::App;
use super::metrics::{self, Exposition, LiveScrape};
use super::problem::{Problem, internal};

/// Figures for Prometheus.
///
/// Requests, connections, engine, results, live sources, process and board, in Prometheus' text format 0.0.4.
#[utoipa::path(get, path = "/metrics", operation_id = "get_metrics", tag = "about",
    responses((status = 200, description = "The figures now", body = String, content_type = "text/plain"), Problem))]
pub async fn scrape(State(app): State<Arc<App>>) -> Result<impl IntoResponse, Problem> {
    // The kernel's files may take their time, and so may who is asked for the models.
    let text = tokio::task::spawn_blocking(move || text(&app, Path::new("/"))).await;
    let text = text.map_err(|panic| internal(&panic.to_string()))?;
    Ok(([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], text))
}

/// All of it now; `root` is where the system's files are.
fn text(app: &App, root: &Path) -> String {
    let watched = app.studio.all();
    let meters = app.meters.live.of(&watched);
    let views: Vec<_> = (watched.iter())
        .map(|(_, session)| session.look())
        .collect();
    let sources: Vec<_> = (watched.iter().zip(&views).zip(&meters))
        .map(|(((name, session), view), meter)| LiveScrape {
            name,
            view,
            viewers: session.listeners(),
            meter,
        })
        .collect();
    put_together(app, &sources, root)
}

pub(super) fn put_together(app: &App, sources: &[LiveScrape<'_>], root: &Path) -> String {
    let mut out = Exposition::new();
    out.gauge("espmedsam_build_info", "The program.")
        .put(&[("version", env!("CARGO_PKG_VERSION"))], 1);
    app.meters.render(&mut out);
    budgets(&mut out, app);
    metrics::render_engine(&mut out, app.engine.as_ref());
    metrics::render_live(&mut out, sources);
    if let Some(board) = app.studio.board() {
        metrics::render_board(&mut out, &board);
    }
    if let Some(panel) = app.studio.panel() {
        metrics::render_panel(&mut out, &panel.look());
    }
    #[cfg(feature = "network")]
    if let Some(gateway) = &app.gateway {
        metrics::render_network(&mut out, &gateway.look());
    }
    if let Some(meter) = &app.mqtt {
        metrics::render_mqtt(&mut out, meter.look());
    }
    metrics::render_host(&mut out, root);
    out.finish()
}

/// What may be spent, and how much of it is.
fn budgets(out: &mut Exposition, app: &App) {
    let config = &app.config;
    out.gauge("espmedsam_http_connections", "Open connections.")
        .put(&[], app.connections.taken());
    out.gauge(
        "espmedsam_http_connections_max",
        "The most that may be open.",
    )
    .put(&[], config.max_connections);
    out.gauge("espmedsam_live_viewers_max", "The most that may look.")
        .put(&[], config.max_viewers);
    out.gauge(
        "espmedsam_http_pictures",
        "Requests between the engine's queue and their rendered reply.",
    )
    .put(&[], app.in_flight.taken());
    out.gauge("espmedsam_http_pictures_max", "The most that there may be.")
        .put(&[], config.max_in_flight);
    let uploads = config.upload_budget_kib() as usize;
    let budgets = [
        (
            "uploads",
            app.uploads.taken().saturating_mul(1024),
            uploads.saturating_mul(1024),
        ),
        ("replies", app.replies.used(), config.reply_budget()),
    ];
    let mut family = out.gauge(
        "espmedsam_http_budget_used_bytes",
        "Memory that bodies take: uploads until they are decoded, replies until they are read.",
    );
    for (budget, used, _) in budgets {
        family.put(&[("budget", budget)], used);
    }
    let mut family = out.gauge(
        "espmedsam_http_budget_bytes",
        "The most that they may take.",
    );
    for (budget, _, most) in budgets {
        family.put(&[("budget", budget)], most);
    }
}
