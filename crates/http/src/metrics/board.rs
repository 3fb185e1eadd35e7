//! The board: heat, clocks, power, lights and foot switch.

use live::{BoardReading, BoardStrain, PanelView, StrainLevel};

use super::exposition::Exposition;

/// How it does, as it was last read.
pub fn render(out: &mut Exposition, board: &BoardReading) {
    let mut family = out.gauge(
        "espmedsam_board_temperature_celsius",
        "Temperature of each thermal zone.",
    );
    for zone in &board.zones {
        family.put(&[("zone", &zone.zone), ("type", &zone.kind)], zone.celsius);
    }
    let mut family = out.gauge(
        "espmedsam_board_cpu_hertz",
        "Clock of the processors of each policy.",
    );
    for clock in &board.clocks {
        if let Some(hertz) = clock.hertz {
            family.put(&[("policy", &clock.policy)], hertz);
        }
    }
    let mut family = out.gauge(
        "espmedsam_board_cpu_max_hertz",
        "The fastest that they can run.",
    );
    for clock in &board.clocks {
        if let Some(hertz) = clock.max_hertz {
            family.put(&[("policy", &clock.policy)], hertz);
        }
    }
    let mut family = out.gauge(
        "espmedsam_board_cooling_ratio",
        "How much of what it can do each cooling device does: of a processor, how far it is held back.",
    );
    for cooling in &board.cooling {
        family.put(
            &[("device", &cooling.device), ("type", &cooling.kind)],
            cooling.ratio,
        );
    }
    let mut family = out.gauge("espmedsam_board_power_watts", "Power of each rail.");
    for rail in &board.rails {
        family.put(
            &[("monitor", &rail.monitor), ("rail", &rail.rail)],
            rail.watts,
        );
    }
    let mut family = out.gauge("espmedsam_board_strain", "1 for each thing that is amiss.");
    for strain in BoardStrain::ALL {
        let is = u8::from(board.strains.contains(&strain));
        family.put(&[("strain", strain.name())], is);
    }
    out.gauge(
        "espmedsam_board_state",
        "1 for how the board does, all in all: throttled, it is slower than it could be.",
    )
    .put_state(
        &[],
        &StrainLevel::ALL.map(StrainLevel::name),
        board.level().name(),
    );
}

/// Lights and foot switch.
pub fn render_panel(out: &mut Exposition, panel: &PanelView) {
    let mut family = out.gauge("espmedsam_panel_lamp", "1 for each lamp that is lit.");
    for lamp in &panel.lamps {
        family.put(&[("role", lamp.role)], u8::from(lamp.lit));
    }
    let up = u8::from(panel.problem.is_none());
    out.gauge("espmedsam_panel_up", "1 if its lines can be used.")
        .put(&[], up);
    let mut family = out.counter(
        "espmedsam_panel_edges_total",
        "Edges of the foot switch: taken into the queue, or lost as it, or the kernel's, was full.",
    );
    family.put(&[("fate", "queued")], panel.edges.queued);
    family.put(&[("fate", "overflowed")], panel.edges.overflowed);
    let mut family = out.counter(
        "espmedsam_panel_presses_total",
        "Presses of the foot switch.",
    );
    family.put(&[("press", "short")], panel.short);
    family.put(&[("press", "long")], panel.long);
}
