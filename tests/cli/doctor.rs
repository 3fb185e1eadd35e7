//! The doctor, in front of devices that are made of files.

use std::path::Path;

use serde_json::Value;

use super::{NOTICE, espmedsam, json, str, text, workplace};

fn put(root: &Path, path: &str, content: &str) {
    let path = root.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

fn put_all(root: &Path, files: &[(&str, &str)]) {
    for (path, content) in files {
        put(root, path, content);
    }
}

/// A Pi in good health, with a toy model and a packaged configuration.
fn device() -> tempfile::TempDir {
    let dir = workplace();
    let root = dir.path();
    put_all(
        root,
        &[
            ("proc/device-tree/model", "Raspberry Pi 5 Model B Rev 1.0\0"),
            (
                "proc/meminfo",
                "MemTotal:        4000000 kB\nMemAvailable:    3000000 kB\n",
            ),
            ("sys/class/thermal/thermal_zone0/type", "cpu-thermal\n"),
            ("sys/class/thermal/thermal_zone0/temp", "48250\n"),
            ("sys/class/rtc/rtc0/name", "rpi_rtc\n"),
            ("dev/gpiochip99", ""),
            ("run/systemd/timesync/synchronized", ""),
            ("etc/espmedsam/config.toml", "[engine]\nthreads = 2\n"),
        ],
    );
    dir
}

fn examine(dir: &Path, more: &[&str]) -> (Option<i32>, Value) {
    let models = dir.join("models");
    let mut args = vec![
        "doctor",
        "--json",
        "--root",
        str(dir),
        "--models",
        str(&models),
    ];
    args.extend(more);
    let output = espmedsam(&args);
    (output.status.code(), json(&output.stdout))
}

fn section<'a>(report: &'a Value, name: &str) -> &'a Value {
    let mut sections = report["sections"].as_array().unwrap().iter();
    sections.find(|section| section["name"] == name).unwrap()
}

fn fact<'a>(report: &'a Value, of: &str, name: &str) -> &'a str {
    let mut facts = section(report, of)["facts"].as_array().unwrap().iter();
    let found = facts.find(|fact| fact["name"] == name);
    found.unwrap_or_else(|| panic!("{of}: no {name}"))["value"]
        .as_str()
        .unwrap()
}

/// What is wrong there, and that each has its advice.
fn findings(report: &Value, of: &str) -> Vec<String> {
    let findings = section(report, of)["findings"].as_array().unwrap();
    let one = |finding: &Value| {
        assert!(!finding["advice"].as_str().unwrap().is_empty());
        format!(
            "{}: {}",
            finding["severity"].as_str().unwrap(),
            finding["what"].as_str().unwrap()
        )
    };
    findings.iter().map(one).collect()
}

#[test]
fn a_device_in_good_health_has_no_findings_of_its_own() {
    let dir = device();
    let (_, report) = examine(dir.path(), &[]);
    assert_eq!(report["notice"], NOTICE);
    assert_eq!(
        fact(&report, "processor", "board"),
        "Raspberry Pi 5 Model B Rev 1.0"
    );
    assert_eq!(fact(&report, "heat and power", "cpu-thermal"), "48 °C");
    assert_eq!(
        fact(&report, "memory and disk", "memory"),
        "2929 of 3906 MiB available"
    );
    assert_eq!(fact(&report, "GPIO", "/dev/gpiochip99"), "cannot be opened");
    assert_eq!(fact(&report, "clock", "set from a network"), "yes");
    assert_eq!(fact(&report, "configuration", "engine.threads"), "2 (file)");
    assert_eq!(
        fact(&report, "configuration", "engine.queue"),
        "8 (default)"
    );
    for part in ["models", "heat and power", "clock", "configuration", "GPIO"] {
        assert_eq!(findings(&report, part), [""; 0], "{part}");
    }
}

#[test]
fn faults_are_named_with_what_to_do_and_the_exit_code_tells() {
    let dir = device();
    put(dir.path(), "models/base.bin", "cut off");
    let (code, report) = examine(dir.path(), &[]);
    assert_eq!((code, report["verdict"].as_str()), (Some(2), Some("fault")));
    let found = findings(&report, "models");
    assert!(
        found
            .iter()
            .any(|what| what.starts_with("fault: ") && what.contains("base.bin")),
        "{found:?}"
    );
}

#[test]
fn warnings_alone_are_exit_code_one() {
    let dir = device();
    let root = dir.path();
    put_all(
        root,
        &[
            ("sys/class/thermal/thermal_zone0/temp", "84000\n"),
            ("sys/class/thermal/cooling_device0/type", "cpufreq-cpu0\n"),
            ("sys/class/thermal/cooling_device0/cur_state", "2\n"),
            ("sys/class/thermal/cooling_device0/max_state", "4\n"),
            ("sys/class/thermal/cooling_device1/type", "pwm-fan\n"),
            ("sys/class/thermal/cooling_device1/cur_state", "4\n"),
            ("sys/class/hwmon/hwmon1/name", "rpi_volt\n"),
            ("sys/class/hwmon/hwmon1/in0_lcrit_alarm", "1\n"),
            (
                "proc/meminfo",
                "MemTotal: 900000 kB\nMemAvailable: 90000 kB\n",
            ),
        ],
    );
    let socket = "etc/systemd/system/sockets.target.wants/espmedsam.socket";
    put(root, socket, "");
    let camera = "[[live.sources]]\nname = \"probe\"\nmodality = \"bright\"\n\
                  source = { kind = \"v4l2\", device = \"/dev/v4l/by-id/usb-77\" }\n\
                  [[live.sources]]\nname = \"cam\"\nmodality = \"bright\"\n\
                  source = { kind = \"http\", url = \"http://nurse:secret@cam/DOE\" }\n";
    put(
        root,
        "etc/espmedsam/config.toml",
        &format!("[server]\nlisten = \"0.0.0.0:80\"\ntrust_network = true\n{camera}"),
    );
    let (code, report) = examine(root, &[]);
    assert_eq!(
        (code, report["verdict"].as_str()),
        (Some(1), Some("warning"))
    );
    assert_eq!(
        findings(&report, "heat and power"),
        ["warning: low-voltage", "warning: hot"]
    );
    let memory = findings(&report, "memory and disk");
    assert_eq!(memory[0], "warning: only 87 MiB of memory are available");
    let cameras = findings(&report, "cameras");
    let absent = "warning: source 'probe': its camera /dev/v4l/by-id/usb-77 is not there";
    assert!(cameras.iter().any(|what| what == absent), "{cameras:?}");
    let said = findings(&report, "configuration");
    assert!(said[0].contains("systemd opens the socket"), "{said:?}");
    std::fs::remove_file(root.join(socket)).unwrap();
    let (_, without) = examine(root, &[]);
    assert_eq!(findings(&without, "configuration"), [""; 0]);
    let sources = fact(&report, "configuration", "live.sources");
    assert_eq!(
        sources,
        "probe: /dev/v4l/by-id/usb-77, cam: over HTTP (file)"
    );
}

#[test]
fn sources_that_keep_the_service_from_starting_are_faults() {
    let dir = device();
    let config = dir.path().join("etc/espmedsam/config.toml");
    let source = |name: &str, modality: &str, device: &str| {
        format!(
            "[[live.sources]]\nname = \"{name}\"\nmodality = \"{modality}\"\n\
             source = {{ kind = \"v4l2\", device = \"{device}\" }}\n"
        )
    };
    let text = source("wrong", "bright", "/dev/null")
        + &source("away", "bright", "/dev/video4242")
        + &source("odd", "brigth", "/dev/video4242");
    std::fs::write(&config, text).unwrap();
    // Of this machine, as the devices are its own.
    let models = dir.path().join("models");
    let (config, models) = (str(&config), str(&models));
    let output = espmedsam(&["doctor", "--json", "--config", config, "--models", models]);
    assert_eq!(output.status.code(), Some(2));
    let report = json(&output.stdout);
    let cameras = findings(&report, "cameras");
    let has = |beginning: &str| cameras.iter().any(|what| what.starts_with(beginning));
    assert!(has("fault: source 'wrong': "), "{cameras:?}");
    assert!(has("warning: source 'away': its camera"), "{cameras:?}");
    let models = findings(&report, "models");
    assert_eq!(
        models,
        ["fault: source 'odd': there is no modality 'brigth'"]
    );
}

#[test]
fn models_are_looked_for_where_the_service_does() {
    let dir = device();
    let root = dir.path();
    // Beside whoever asks, and in no place of the device.
    let asked = |root: &Path| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_espmedsam"));
        command.args(["doctor", "--json", "--root", str(root)]);
        json(&command.current_dir(root).output().unwrap().stdout)
    };
    let found = findings(&asked(root), "models");
    assert!(found[0].contains("usr/share/espmedsam/models"), "{found:?}");
    let installed = root.join("usr/share/espmedsam");
    std::fs::create_dir_all(&installed).unwrap();
    std::fs::rename(root.join("models"), installed.join("models")).unwrap();
    let report = asked(root);
    assert_eq!(findings(&report, "models"), [""; 0]);
    let folder = fact(&report, "models", "folder");
    assert_eq!(folder, str(&installed.join("models")));
}

#[test]
fn the_firmware_s_flags_are_read() {
    let dir = device();
    put(
        dir.path(),
        "sys/devices/platform/soc/soc:firmware/get_throttled",
        "50005\n",
    );
    let (_, report) = examine(dir.path(), &[]);
    assert_eq!(
        findings(&report, "heat and power"),
        ["warning: low-voltage"]
    );
    put(
        dir.path(),
        "sys/devices/platform/soc/soc:firmware/get_throttled",
        "0\n",
    );
    let (_, report) = examine(dir.path(), &[]);
    assert_eq!(findings(&report, "heat and power"), [""; 0]);
}

#[test]
fn a_configuration_that_cannot_be_used_is_a_fault_and_the_command_line_is_told_apart() {
    let dir = device();
    put(
        dir.path(),
        "etc/espmedsam/config.toml",
        "[engine]\nthread = 2\n",
    );
    let (code, report) = examine(dir.path(), &["--listen", "127.0.0.1:99"]);
    assert_eq!(code, Some(2));
    assert!(findings(&report, "configuration")[0].contains("thread"));
    assert_eq!(
        fact(&report, "configuration", "server.listen"),
        "\"127.0.0.1:99\" (--listen)"
    );
    let models = dir.path().join("models");
    let output = espmedsam(&[
        "doctor",
        "--root",
        str(dir.path()),
        "--models",
        str(&models),
    ]);
    let said = text(&output.stdout);
    assert!(
        said.contains("FAULT")
            && said.contains("what to do: ")
            && said.ends_with(&format!("{NOTICE}\n")),
        "{said}"
    );
}

#[test]
fn a_dicom_network_is_told_of_by_numbers() {
    let dir = device();
    let root = dir.path();
    let (_, report) = examine(root, &[]);
    assert_eq!(
        fact(&report, "DICOM network", "state"),
        "off (dicom.enabled)"
    );
    let dicom = "[dicom]\nenabled = true\ncallers = [{ title = \"US1\", address = \"10.0.0.5\" }]\n\
                 [[dicom.destinations]]\nname = \"pacs\"\n\
                 to = { kind = \"node\", host = \"10.0.0.2\", port = 104, title = \"PACS\" }\n";
    put(root, "etc/espmedsam/config.toml", dicom);
    put(root, "var/lib/espmedsam/dicom/spool/0a.dcm", "");
    let (_, report) = examine(root, &[]);
    assert_eq!(fact(&report, "DICOM network", "pictures that wait"), "1");
    assert_eq!(fact(&report, "DICOM network", "answers that wait"), "0");
    assert_eq!(findings(&report, "DICOM network"), [""; 0]);
    put(root, "var/lib/espmedsam/dicom/outbox/0.1.pacs.refused", "");
    let (code, report) = examine(root, &[]);
    assert_eq!(code, Some(1));
    let found = findings(&report, "DICOM network");
    assert!(found[0].contains("1 answers were refused"), "{found:?}");
    assert_eq!(
        fact(&report, "DICOM network", "node"),
        "ESPMEDSAM at 127.0.0.1:11112"
    );
}
