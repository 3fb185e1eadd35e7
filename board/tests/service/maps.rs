//! Boards as data.

use std::collections::BTreeSet;

use espmedsam_board::gpio::{
    BOARD_NAMES, GpioChip, GpioConfig, GpioDriver, GpioError, LampRole, PinMap, Pull,
    TriggerAction, board_pins, line_problems, open_lines,
};
use picture::segmenter::SystemClock;

#[test]
fn every_board_has_a_pin_for_everything_and_none_for_two() {
    // A file that nobody has put into the program would not be found by its name.
    let files = std::fs::read_dir(testing::repository("board")).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let boards: BTreeSet<String> = names
        .filter(|name| name != "Cargo.toml")
        .filter_map(|name| name.strip_suffix(".toml").map(str::to_owned))
        .collect();
    let known: BTreeSet<String> = BOARD_NAMES.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(boards, known);
    for board in BOARD_NAMES {
        let map = board_pins(board).unwrap();
        let mut lines: Vec<u32> = map.lamps().map(|(_, pin)| pin.line).collect();
        assert_eq!(lines.len(), LampRole::ALL.len(), "{board}");
        lines.extend(map.trigger.map(|pin| pin.line));
        let distinct: BTreeSet<u32> = lines.iter().copied().collect();
        assert_eq!((distinct.len(), lines.len()), (5, 5), "{board}");
    }
    let unknown = board_pins("rpi6").unwrap_err().to_string();
    assert!(
        unknown.contains("'rpi6'") && unknown.contains("jetson-orin"),
        "{unknown}"
    );
}

/// One cable fits all: the wiring pictures hold for each board with the 40-pin header.
#[test]
fn boards_with_the_same_header_have_the_same_pins_of_it() {
    let headers = ["rpi4", "rpi5", "jetson-orin"].map(|board| {
        let map = board_pins(board).unwrap();
        let mut pins: Vec<_> = map.lamps().map(|(_, pin)| pin.header).collect();
        pins.extend(map.trigger.map(|pin| pin.header));
        pins
    });
    assert_eq!(headers[0], [11, 13, 15, 16, 18].map(Some));
    assert!(headers.iter().all(|pins| *pins == headers[0]));
}

#[test]
fn a_map_that_cannot_be_is_refused_with_what_is_wrong() {
    let base = "chip = \"made-up\"\nready = { line = 1 }\n";
    let map = PinMap::parse(base).unwrap();
    assert_eq!((map.ready.unwrap().active_low, map.trigger), (false, None));
    let trigger = |line, debounce| {
        format!(
            "{base}trigger = {{ line = {line}, active_low = true, pull = \"up\", debounce_ms = {debounce} }}"
        )
    };
    assert_eq!(
        PinMap::parse(&trigger(2, 5)).unwrap().trigger.unwrap().pull,
        Pull::Up
    );
    for (text, why) in [
        (
            trigger(1, 5),
            "line 1, of 'trigger', is for something else already",
        ),
        (
            trigger(2, 201),
            "trigger.debounce_ms: expected 0..=200, found 201",
        ),
        (
            format!(
                "{base}fault = {{ line = 2, header = 4 }}\nbuzzer = {{ line = 3, header = 4 }}"
            ),
            "the header's pin of 'buzzer' is another one's already",
        ),
        (base.replace("made-up", ""), "the chip has no label"),
        ("chip = \"made-up\"".into(), "nothing has a pin"),
        (
            format!("{base}lamp = {{ line = 2 }}"),
            "unknown field `lamp`",
        ),
        (format!("{base}fault = {{ line = -2 }}"), "invalid value"),
    ] {
        let refused = PinMap::parse(&text).unwrap_err();
        assert!(refused.to_string().contains(why), "{refused}");
    }
}

#[test]
fn a_configuration_is_off_unless_something_is_asked_for() {
    let parse = |text: &str| toml::from_str::<GpioConfig>(text).unwrap();
    let off = parse("");
    assert!(!off.is_on() && off.check().is_ok() && off == GpioConfig::default());
    let board = parse("board = \"rpi5\"\ntrigger = \"snapshot\"");
    assert!(board.is_on() && board.trigger == TriggerAction::Snapshot);
    assert_eq!(board.pin_map().unwrap().chip, "pinctrl-rp1");
    // Pins of one's own come before the board's.
    let own =
        parse("board = \"rpi5\"\n[pins]\nchip = \"mine\"\nfault = { line = 3, active_low = true }");
    assert_eq!(own.pin_map().unwrap().chip, "mine");
    assert!(parse("board = \"rpi6\"").check().is_err());
    assert!(parse("driver = \"simulated\"").check().is_ok());
    for wrong in ["pin = 3", "trigger = \"explode\"", "driver = \"magic\""] {
        assert!(toml::from_str::<GpioConfig>(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn lines_that_cannot_be_had_are_named_with_why_not() {
    let chip = |label: &str, used: &[(u32, &str)]| GpioChip {
        path: "/dev/gpiochip0".into(),
        label: label.into(),
        lines: 28,
        used: used
            .iter()
            .map(|(line, by)| (*line, (*by).to_owned()))
            .collect(),
    };
    let map = board_pins("rpi5").unwrap();
    let problems = |chips: &[GpioChip]| -> Vec<String> {
        let found = line_problems(&map, chips).into_iter();
        found.map(|problem| problem.to_string()).collect()
    };
    let rp1 = |used: &[(u32, &str)]| chip("pinctrl-rp1", used);
    assert_eq!(problems(&[chip("other", &[]), rp1(&[])]), [""; 0]);
    // The service that runs, and a line that nothing here is for.
    assert_eq!(problems(&[rp1(&[(17, "espmedsam"), (3, "i2c")])]), [""; 0]);
    assert_eq!(
        problems(&[rp1(&[(24, "gpio-keys"), (17, "")])]),
        [
            "line 17 of pinctrl-rp1, for 'ready': it is taken by ''",
            "line 24 of pinctrl-rp1, for 'trigger': it is taken by 'gpio-keys'"
        ]
    );
    let short = GpioChip {
        lines: 24,
        ..rp1(&[])
    };
    assert_eq!(
        problems(&[short]),
        [
            "line 27 of pinctrl-rp1, for 'streaming': the chip has 24 lines, from 0 on",
            "line 24 of pinctrl-rp1, for 'trigger': the chip has 24 lines, from 0 on"
        ]
    );
    assert!(problems(&[chip("other", &[])])[0].contains("there are: other"));
    assert!(problems(&[])[0].contains("none that may be opened"));
}

#[test]
fn what_is_not_there_is_said() {
    let clock = std::sync::Arc::new(SystemClock);
    let open = |text: &str| {
        let config: GpioConfig = toml::from_str(text).unwrap();
        open_lines(&config, clock.clone()).err()
    };
    let none = open("[pins]\nchip = \"no such chip\"\nready = { line = 1 }").unwrap();
    assert!(
        matches!(&none, GpioError::NoChip { label, .. } if label == "no such chip"),
        "{none}"
    );
    let config = GpioConfig {
        driver: GpioDriver::Rppal,
        board: Some("rpi5".into()),
        ..GpioConfig::default()
    };
    let refused = open_lines(&config, clock.clone()).err().unwrap();
    match cfg!(feature = "rpi") {
        // Not on this machine.
        true => assert!(matches!(refused, GpioError::Line { .. }), "{refused}"),
        false => assert!(matches!(refused, GpioError::Unsupported(_)), "{refused}"),
    }
}
