//! Lights and a foot switch that are simulated, and what a foot does for all who look.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use live::{FrontPanel, PanelLamp, PanelView};

use super::mock::Mock;
use super::support::wait_until;
use super::{assert_faultless, drawn_mask, mask_pixels, save, text, viewer, wait_for_state};

/// A panel that notes what is done to it.
#[derive(Default)]
struct Noted {
    presses: Mutex<Vec<bool>>,
    fault: AtomicBool,
    looks: AtomicU64,
}

impl FrontPanel for Noted {
    fn look(&self) -> PanelView {
        self.looks.fetch_add(1, Ordering::Relaxed);
        let lamp = |role, lit| PanelLamp {
            role,
            lit,
            pattern: if lit { "on" } else { "off" },
        };
        PanelView {
            lamps: vec![
                lamp("ready", true),
                lamp("fault", self.fault.load(Ordering::Relaxed)),
            ],
            simulated: true,
            ..PanelView::default()
        }
    }

    fn press(&self, down: bool) -> bool {
        self.presses.lock().unwrap().push(down);
        true
    }
}

#[test]
fn a_simulated_panel_is_seen_and_clicked() {
    let panel = Arc::new(Noted::default());
    let mock = Mock::with_panel(panel.clone());
    let browser = viewer(&mock, 1366, 860);
    wait_for_state(&browser, "mask");
    browser.wait_for("document.querySelectorAll('#lamps li').length === 2");
    let lit = |role: &str, lit: bool| {
        format!("document.querySelector('#lamps [data-role={role}]').dataset.lit === '{lit}'")
    };
    browser.wait_for(&lit("ready", true));
    browser.wait_for(&lit("fault", false));
    panel.fault.store(true, Ordering::Relaxed);
    browser.wait_for(&lit("fault", true));
    save(&browser, "live-panel.png");
    browser.click("#trigger");
    wait_until("it was pressed and let go", || {
        *panel.presses.lock().unwrap() == [true, false]
    });
    // By keyboard as well, and with nothing else done that the key does elsewhere.
    browser.keys("#trigger", " ");
    wait_until("it was pressed by a key", || {
        *panel.presses.lock().unwrap() == [true, false, true, false]
    });
    assert_eq!((mock.asked("freeze"), mock.asked("resume")), (0, 0));
    assert_faultless(&browser);
}

#[test]
fn without_one_nothing_is_shown_of_it() {
    let mock = Mock::start();
    let browser = viewer(&mock, 1366, 860);
    wait_for_state(&browser, "mask");
    assert_eq!(
        browser.script("return document.getElementById('panel').hidden"),
        true
    );
    assert_faultless(&browser);
}

#[test]
fn a_mask_that_is_hidden_for_all_is_not_drawn_and_that_is_said() {
    let mock = Mock::start();
    let browser = viewer(&mock, 1366, 860);
    wait_for_state(&browser, "mask");
    assert!(drawn_mask(&browser) > 1000);
    mock.scene().header["hidden"] = true.into();
    browser.wait_for("document.getElementById('words').innerText === 'MASK HIDDEN'");
    assert_eq!(mask_pixels(&browser), 0);
    assert!(text(&browser, "says").starts_with("Hidden by the foot switch."));
    mock.scene().header["frozen"] = true.into();
    browser.wait_for("document.getElementById('words').innerText === 'FROZEN · MASK HIDDEN'");
    mock.scene().header["frozen"] = false.into();
    mock.scene().header["hidden"] = false.into();
    browser.wait_for("document.getElementById('words').innerText === 'MASK'");
    assert!(drawn_mask(&browser) > 1000);
    assert_faultless(&browser);
}
