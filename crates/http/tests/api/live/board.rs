//! What the board and a foot do to what is shown.

use std::sync::Mutex;

use ::live::{BoardReading, BoardStrain, FrontPanel, PanelLamp, PanelView, ThermalZone};

use super::*;

/// A panel whose switch is where it was last pressed to.
struct Made {
    simulated: bool,
    down: Mutex<bool>,
}

impl FrontPanel for Made {
    fn look(&self) -> PanelView {
        PanelView {
            lamps: vec![PanelLamp {
                role: "fault",
                lit: true,
                pattern: "two-blinks",
            }],
            simulated: self.simulated,
            pressed: *self.down.lock().unwrap(),
            ..PanelView::default()
        }
    }

    fn press(&self, down: bool) -> bool {
        *self.down.lock().unwrap() = down;
        self.simulated
    }
}

fn panel(simulated: bool) -> Arc<Made> {
    Arc::new(Made {
        simulated,
        down: Mutex::new(false),
    })
}

#[test]
fn a_simulated_panel_is_told_and_pressed_and_a_real_one_is_not() {
    let server = Server::start(ServerConfig::default(), 8);
    server.get("/v1/gpio").assert_problem(404, "not-found");
    assert!(server.get("/v1/info").json()["panel"].is_null());
    server.studio.has_panel(panel(true));
    assert_eq!(server.get("/v1/info").json()["panel"], "simulated");
    let told = server.get("/v1/gpio").json();
    assert_eq!(told["notice"], picture::NOTICE);
    let lamp = serde_json::json!([{"role": "fault", "lit": true, "pattern": "two-blinks"}]);
    assert_eq!((&told["lamps"], &told["pressed"]), (&lamp, &false.into()));
    for down in [true, false] {
        let path = format!("/v1/gpio/trigger?pressed={down}");
        let told = server.post(&path, "", b"").json();
        assert_eq!(told["pressed"], down);
    }
    let trigger = "/v1/gpio/trigger";
    server
        .post(trigger, "", b"")
        .assert_problem(400, "bad-query");
    let foreign = "Origin: https://elsewhere.example\r\n";
    let refused = server.post("/v1/gpio/trigger?pressed=true", foreign, b"");
    assert_eq!(refused.status, 403, "{refused:?}");

    let server = Server::start(ServerConfig::default(), 8);
    let real = panel(false);
    server.studio.has_panel(real.clone());
    server.get("/v1/gpio").assert_problem(404, "not-found");
    let refused = server.post("/v1/gpio/trigger?pressed=true", "", b"");
    refused.assert_problem(404, "not-found");
    assert_eq!(server.get("/v1/info").json()["panel"], "real");
    assert!(!*real.down.lock().unwrap());
}

#[test]
fn a_board_that_is_held_back_is_told_wherever_somebody_looks() {
    let scene = Scene::new();
    let ready = || scene.server.get("/health/ready").json();
    assert!(ready()["board"].is_null());
    scene.server.studio.board_does(BoardReading {
        zones: vec![ThermalZone {
            zone: "0".into(),
            kind: "cpu-thermal".into(),
            celsius: 86.0,
        }],
        strains: vec![BoardStrain::Hot],
        ..BoardReading::default()
    });
    let board = ready()["board"].clone();
    assert_eq!(board["level"], "throttled");
    assert_eq!(board["strains"][0]["strain"], "hot");
    let meaning = board["strains"][0]["meaning"].as_str().unwrap();
    assert_eq!(meaning, BoardStrain::Hot.meaning());
    let told = scene.server.get("/v1/live/latest.json").json();
    assert_eq!(
        (&told["step"], &told["step_reason"]),
        (&"fewer-frames".into(), &"hot".into())
    );
    assert_eq!(told["board"]["celsius"], 86.0);
    let mut socket = scene.socket("source=probe&mask=none");
    let (header, _) = message_with(&mut socket, |header| !header["board"].is_null());
    assert_eq!(header["board"], told["board"]);
}

#[test]
fn a_mask_that_is_hidden_is_drawn_for_nobody_and_that_is_said() {
    let scene = Scene::new();
    let session = scene.server.studio.find(None).unwrap().1;
    scene.puppet.act(BRIGHT);
    scene.wait_for(State::Mask);
    // Held, so that nothing changes but what is asked.
    session.freeze(true);
    let middle = || {
        let drawn = scene.server.get("/v1/live/latest.jpg");
        assert_eq!(drawn.status, 200);
        let drawn = decode(&drawn.body, &FrameLimits::default()).unwrap();
        let at = 3 * (120 * 320 + 160);
        [drawn.rgb()[at], drawn.rgb()[at + 1], drawn.rgb()[at + 2]]
    };
    let grey = |[r, g, b]: [u8; 3]| r.abs_diff(g) < 6 && g.abs_diff(b) < 6;
    assert!(!grey(middle()), "{:?}", middle());
    session.hide_mask(true);
    assert!(grey(middle()), "{:?}", middle());
    let told = scene.server.get("/v1/live/latest.json").json();
    assert_eq!(
        (&told["hidden"], &told["words"]),
        (&true.into(), &"FROZEN - MASK HIDDEN".into())
    );
    session.hide_mask(false);
    assert!(!grey(middle()));
}
