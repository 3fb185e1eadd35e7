//! The board.

use std::path::Path;
use std::sync::Arc;

use live::{
    BoardReading, BoardStrain, CoolingDevice, CpuClock, EdgeCounts, FrontPanel, PanelLamp,
    PanelView, PowerRail, ThermalZone,
};
use testing::exposition::Scrape;
use testing::fake::Fake;

use super::app;
use crate::scrape::put_together;

/// A board that has it all, and is too hot.
pub fn reading() -> BoardReading {
    BoardReading {
        zones: vec![ThermalZone {
            zone: "0".into(),
            kind: "cpu-thermal".into(),
            celsius: 86.5,
        }],
        clocks: vec![CpuClock {
            policy: "0".into(),
            hertz: Some(1.5e9),
            max_hertz: Some(2.4e9),
        }],
        cooling: vec![CoolingDevice {
            device: "0".into(),
            kind: "pwm-fan".into(),
            ratio: 0.75,
        }],
        // Two meters may call a rail the same: that would be one series twice, which Prometheus refuses.
        rails: [("3", 7.5), ("4", 2.5)]
            .map(|(monitor, watts)| PowerRail {
                monitor: monitor.into(),
                rail: "VDD_IN".into(),
                watts,
            })
            .into(),
        strains: vec![BoardStrain::Hot],
    }
}

struct Lit;

impl FrontPanel for Lit {
    fn look(&self) -> PanelView {
        PanelView {
            lamps: vec![PanelLamp {
                role: "ready",
                lit: true,
                pattern: "on",
            }],
            edges: EdgeCounts {
                queued: 8,
                overflowed: 1,
            },
            short: 3,
            problem: Some("unplugged".into()),
            ..PanelView::default()
        }
    }

    fn press(&self, _: bool) -> bool {
        false
    }
}

#[test]
fn the_board_and_its_panel_are_told_once_they_are_known() {
    let fake = Fake::new(4);
    let app = app(&fake);
    let scrape = || Scrape::read(&put_together(&app, &[], Path::new("/nowhere"))).unwrap();
    let none = scrape();
    let known =
        |name: &str| name.starts_with("espmedsam_board") || name.starts_with("espmedsam_panel");
    assert!(!none.names().iter().any(|name| known(name)));
    app.studio.board_does(reading());
    app.studio.has_panel(Arc::new(Lit));
    let scrape = scrape();
    for (name, labels, expected) in [
        (
            "board_temperature_celsius",
            vec![("zone", "0"), ("type", "cpu-thermal")],
            86.5,
        ),
        ("board_cpu_hertz", vec![("policy", "0")], 1.5e9),
        ("board_cpu_max_hertz", vec![("policy", "0")], 2.4e9),
        (
            "board_cooling_ratio",
            vec![("device", "0"), ("type", "pwm-fan")],
            0.75,
        ),
        (
            "board_power_watts",
            vec![("monitor", "3"), ("rail", "VDD_IN")],
            7.5,
        ),
        (
            "board_power_watts",
            vec![("monitor", "4"), ("rail", "VDD_IN")],
            2.5,
        ),
        ("board_strain", vec![("strain", "hot")], 1.0),
        ("board_strain", vec![("strain", "low-voltage")], 0.0),
        ("board_state", vec![("state", "throttled")], 1.0),
        ("board_state", vec![("state", "fine")], 0.0),
        ("panel_lamp", vec![("role", "ready")], 1.0),
        ("panel_up", vec![], 0.0),
        ("panel_edges_total", vec![("fate", "queued")], 8.0),
        ("panel_edges_total", vec![("fate", "overflowed")], 1.0),
        ("panel_presses_total", vec![("press", "short")], 3.0),
        ("panel_presses_total", vec![("press", "long")], 0.0),
    ] {
        let value = scrape.value(&format!("espmedsam_{name}"), &labels);
        assert_eq!(value, Some(expected), "{name} {labels:?}");
    }
}
