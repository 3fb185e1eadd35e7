//! Lights and foot switch on a GPIO chip of Linux: the PL061 of qemu's machine `virt`, whose line 3 is the machine's power
//! button. Whoever emulates it presses that whenever this says so (`cross/board.sh`). Ends with a panic where anything is not
//! as it should be. Called by `make test-board` in an emulated board.

#![allow(clippy::expect_used, reason = "it is a test, for another machine")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use espmedsam_board::gpio::{
    GpioConfig, GpioError, LampRole, PanelLines, Press, PressReader, board_pins, gpio_chips,
    open_lines,
};
use picture::segmenter::SystemClock;

const BOARD: &str = "generic-arm64";
/// What whoever emulates the board waits for.
const PRESS: &str = "board: press";
const PRESSES: usize = 20;
/// qemu holds the button for so long (`hw/gpio/gpio_key.c`), by a clock that an emulated board does not keep up with.
const HELD: Duration = Duration::from_millis(100);
const PATIENCE: Duration = Duration::from_secs(10);

fn main() {
    let pins = board_pins(BOARD).expect("a map");
    let chips = gpio_chips().expect("chips");
    println!("{chips:?}");
    let chip = chips.iter().find(|chip| chip.label == pins.chip);
    assert_eq!(chip.expect("the chip, by its label").lines, 8);
    let config = GpioConfig {
        board: Some(BOARD.into()),
        ..GpioConfig::default()
    };
    let open = || open_lines(&config, Arc::new(SystemClock));
    let lines = open().expect("lines").lines;
    let twice = open().err().expect("a refusal: the lines are taken");
    assert!(matches!(twice, GpioError::Line { .. }), "{twice}");
    println!("taken: {twice}");
    lights(lines.as_ref());
    presses(lines.as_ref());
    drop(lines);
    open().expect("the lines again");
    println!("gpio: all as it should be");
}

/// Each lamp is lit alone, by the word of the kernel.
fn lights(lines: &dyn PanelLines) {
    let levels = || {
        let told = std::fs::read_to_string("/sys/kernel/debug/gpio").expect("debugfs");
        let of_ours = told
            .lines()
            .filter(|line| line.contains("espmedsam") && line.contains("out"));
        of_ours
            .map(|line| line.contains("out hi"))
            .collect::<Vec<_>>()
    };
    assert_eq!(levels(), [false; 4]);
    for (i, lamp) in LampRole::ALL.into_iter().enumerate() {
        lines.set(lamp, true).expect("a lamp");
        let lit: Vec<bool> = (0..4).map(|other| other == i).collect();
        assert_eq!(levels(), lit, "{lamp:?}");
        lines.set(lamp, false).expect("a lamp");
    }
    println!("4 lamps, one by one");
}

/// Each press is one, in the kernel's time, and none is made up.
fn presses(lines: &dyn PanelLines) {
    let mut reader = PressReader::new(lines.debounce());
    println!("let settle here: {:?}", lines.debounce());
    let quiet = Instant::now();
    assert_eq!(
        lines.wait(Duration::from_millis(300)).expect("silence"),
        None
    );
    assert!(quiet.elapsed() >= Duration::from_millis(300));
    let mut last = quiet;
    for number in 1..=PRESSES {
        println!("{PRESS}");
        let (asked, mut told, mut times) = (Instant::now(), Vec::new(), Vec::new());
        while told.is_empty() {
            assert!(asked.elapsed() < PATIENCE, "press {number}: {times:?}");
            let before = Instant::now();
            let press = match lines.wait(Duration::from_millis(20)).expect("the switch") {
                Some(edge) => {
                    assert!(edge.at >= last && edge.at <= Instant::now(), "{edge:?}");
                    assert_eq!(edge.down, times.len() % 2 == 0, "{edge:?}");
                    last = edge.at;
                    times.push(edge.at);
                    reader.edge(edge)
                }
                None => reader.quiet_until(before),
            };
            told.extend(press);
        }
        assert_eq!((told.as_slice(), times.len()), (&[Press::Short][..], 2));
        let held = times[1] - times[0];
        assert!((HELD / 2..HELD * 5).contains(&held), "{held:?}");
    }
    println!("{PRESSES} presses, each told once");
}
