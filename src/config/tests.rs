use super::*;

#[test]
fn an_empty_file_is_the_default() {
    assert_eq!(Config::parse("").unwrap(), Config::default());
    assert_eq!(Config::default().engine_options(), EngineOptions::default());
}

#[test]
fn the_documented_file_states_the_defaults() {
    let documented = include_str!("../../docs/espmedsam.toml");
    assert_eq!(Config::parse(documented).unwrap(), Config::default());
}

#[test]
fn the_documented_file_has_every_key() {
    let documented = include_str!("../../docs/espmedsam.toml");
    // What has no default stands there behind a '#', as it could be set.
    let settings = documented
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(setting) if setting.starts_with('[') || setting.contains(" = ") => setting,
            _ => line,
        });
    let set = keys::set_by(&settings.collect::<Vec<_>>().join("\n"));
    assert!(set.len() > 30, "{set:?}");
    let mut fullest = Config::default();
    let EngineConfig { models, model, .. } = &mut fullest.engine;
    (*models, *model) = (Some("m".into()), Some("m".into()));
    let LiveConfig { clips, clients, .. } = &mut fullest.live;
    (*clips, clients.replays) = (Some("c".into()), Some("r".into()));
    let file = PathBuf::from("f");
    fullest.access = access::AccessConfig {
        listen: "0.0.0.0:8443".parse().ok(),
        folder: Some(file.clone()),
        certificate: Some(file.clone()),
        key: Some(file.clone()),
        ..access::AccessConfig::default()
    };
    fullest.dicom.tls = Some(gateway::TlsSpec {
        certificate: file.clone(),
        key: file.clone(),
        authority: file,
        incoming: true,
    });
    fullest.openigtlink.listen = Some(([127, 0, 0, 1], 18945).into());
    let MqttConfig {
        broker,
        device,
        client_id,
        user,
        password_file,
        // These have defaults.
        prefix: _,
        results_per_s: _,
        keep_alive_s: _,
    } = &mut fullest.mqtt;
    for text in [broker, device, client_id, user] {
        *text = Some("m".into());
    }
    *password_file = Some("p".into());
    let GpioConfig {
        board,
        pins,
        source,
        // These have defaults.
        driver: _,
        trigger: _,
    } = &mut fullest.gpio;
    (*board, *source) = (Some("rpi5".into()), Some("probe".into()));
    *pins = Some(board::gpio::board_pins("rpi5").unwrap());
    let of_pins = |key: &&String| key.starts_with("gpio.pins.");
    for key in keys::listed(&fullest).keys().filter(|key| !of_pins(key)) {
        assert!(set.contains_key(key), "docs/espmedsam.toml has no {key}");
    }
    for key in ["chip", "ready", "trigger"] {
        let found = set
            .keys()
            .any(|set| set.starts_with(&format!("gpio.pins.{key}")));
        assert!(found, "docs/espmedsam.toml has no gpio.pins.{key}");
    }
}

#[test]
fn keys_are_read_and_unknown_ones_refused() {
    let config =
        Config::parse("[engine]\nthreads = 3\nqueue = 2\n[image]\nmax_pixels = 100").unwrap();
    let options = config.engine_options();
    assert_eq!(
        (options.threads, options.queue, options.limits.max_pixels),
        (3, 2, 100)
    );
    for (text, expected) in [
        ("[engine]\nthread = 3", "thread"),
        ("[engin]\n", "engin"),
        ("[server]\nport = 3", "port"),
        ("[image]\nmax = 3", "max"),
        (
            "[engine]\nqueue = 0",
            "engine.queue: expected 1..=1024, found 0",
        ),
        ("[engine]\nworkers = 0", "engine.workers"),
        ("[engine]\nthreads = 100000", "engine.threads"),
        ("[server]\nbody_limit_mib = 0", "body_limit_mib"),
        ("[server]\nrequest_timeout_s = 120", "engine.watchdog_s"),
        ("[image]\nmax_memory_mib = 289", "image.budget_mib"),
        ("[gpio]\nboard = \"rpi6\"", "gpio: no pins are known"),
        (
            "[gpio]\nboard = \"rpi5\"\ntrigger = \"snapshot\"",
            "live.clips",
        ),
        (
            "[openigtlink]\nclients = 0",
            "openigtlink.clients: expected 1..=16, found 0",
        ),
        ("[dicom]\nport = 104", "port"),
        ("[dicom]\nenabled = true", "dicom.callers: nobody may send"),
        ("[mqtt]\npassword = 'hush'", "password"),
        (
            "[mqtt]\nbroker = 'mqtt://host'",
            "mqtt.broker: expected host:port",
        ),
        ("[image]\ndecode_timeout_s = 0", "image.decode_timeout_s"),
        ("[log]\nlevel = 'loud=very'", "log.level"),
        (
            concat!(
                "[[live.sources]]\nname = 'a'\nmodality = 'm'\nsource = { kind = 'pipe', path = '-' }\n",
                "[[live.sources]]\nname = 'a'\nmodality = 'm'\nsource = { kind = 'phantom', target = 'polyp' }",
            ),
            "live.sources: expected a name of its own for each, found 'a' twice",
        ),
    ] {
        let message = Config::parse(text).unwrap_err().to_string();
        assert!(message.contains(expected), "{text}: {message}");
    }
}

#[test]
fn an_error_says_where_it_is_and_no_value() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("service.toml");
    std::fs::write(&path, "[engine]\nthread = 3").unwrap();
    let error = Config::read(&path).unwrap_err().to_string();
    assert!(
        error.contains("line 2, `thread`: unknown field `thread`"),
        "{error}"
    );

    let source = "[[live.sources]]\nname = 'a'\nmodality = 'm'\nsource = ";
    for (text, key, said) in [
        (
            "{ kind = 'http', url = 'ftp://me:hush@cam' }",
            "source",
            "does not begin with 'http://'",
        ),
        (
            "{ kind = 'http://me:hush@cam/' }",
            "source",
            "unknown variant `…`",
        ),
        (
            "'http://me:hush\"x@cam/'",
            "source",
            "string \"…\", expected",
        ),
        ("{ kind = 'http', url = 'http://me:hush@cam/", "source", ""),
    ] {
        let error = Config::parse(&format!("{source}{text}")).unwrap_err();
        let all = format!("{error} {error:?}");
        assert!(!all.contains("hush"), "{all}");
        assert!(all.contains(&format!("line 4, `{key}`: ")), "{all}");
        assert!(all.contains(said), "{all}");
    }
}

#[test]
fn the_models_folder_is_relative_to_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("service.toml");
    std::fs::write(&path, "[engine]\nmodels = \"weights\"").unwrap();
    assert_eq!(
        Config::read(&path).unwrap().engine.models,
        Some(dir.path().join("weights"))
    );
}
