//! Lights and a foot switch that are simulated: to be seen and clicked. Those of glass and metal are not for clients.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use live::{FrontPanel, PanelView};
use picture::NOTICE;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::app::App;
use super::live::Asked;
use super::problem::{Kind, Problem};

/// A simulated panel.
#[derive(Serialize, ToSchema)]
pub struct PanelReport {
    /// Research use only. Not for clinical use.
    notice: &'static str,
    /// Its lamps, and its buzzer.
    lamps: Vec<LampReport>,
    /// Whether the foot switch is down, as far as it has settled.
    pressed: bool,
    /// Short presses so far.
    short: u64,
    /// Long ones.
    long: u64,
    /// Edges that were lost, as they came faster than they were acted upon.
    overflowed: u64,
}

/// A lamp.
#[derive(Serialize, ToSchema)]
pub struct LampReport {
    /// What it is for: `ready`, `streaming`, `fault`, `buzzer`.
    role: &'static str,
    /// Whether it is lit now.
    lit: bool,
    /// How it is lit: `on`, `off`, `slow`, `fast`, `wink`, `one-blink` to `four-blinks`.
    pattern: &'static str,
}

impl From<PanelView> for PanelReport {
    fn from(view: PanelView) -> Self {
        let lamps = view.lamps.into_iter().map(|lamp| LampReport {
            role: lamp.role,
            lit: lamp.lit,
            pattern: lamp.pattern,
        });
        Self {
            notice: NOTICE,
            lamps: lamps.collect(),
            pressed: view.pressed,
            short: view.short,
            long: view.long,
            overflowed: view.edges.overflowed,
        }
    }
}

/// What is done to the foot switch.
#[derive(Clone, Copy, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct TriggerQuery {
    /// Whether it goes down, or up. Down for 0.8 seconds is a long press.
    pressed: bool,
}

/// The lights and the foot switch, while they are simulated (`gpio.driver` in the configuration); 404 otherwise.
#[utoipa::path(get, path = "/v1/gpio", operation_id = "get_panel", tag = "panel",
    responses((status = 200, description = "The simulated panel now", body = PanelReport), Problem))]
pub async fn look(State(app): State<Arc<App>>) -> Result<Json<PanelReport>, Problem> {
    Ok(Json(simulated(&app)?.look().into()))
}

/// Presses the foot switch or lets it go, while it is simulated; 404 otherwise.
#[utoipa::path(post, path = "/v1/gpio/trigger", operation_id = "press_trigger", tag = "panel", params(TriggerQuery),
    responses((status = 200, description = "The simulated panel now", body = PanelReport), Problem))]
pub async fn trigger(
    State(app): State<Arc<App>>,
    Asked(query): Asked<TriggerQuery>,
) -> Result<Json<PanelReport>, Problem> {
    let panel = simulated(&app)?;
    panel.press(query.pressed);
    Ok(Json(panel.look().into()))
}

fn simulated(app: &App) -> Result<&Arc<dyn FrontPanel>, Problem> {
    let panel = app.studio.panel().filter(|panel| panel.look().simulated);
    panel.ok_or_else(|| {
        Kind::NotFound.because("There are no simulated lights and foot switch here.")
    })
}
