//! What is on the screen in each state, and for how long.

use serde_json::{Value, json};

use super::mock::{BUDGET, Mock, PIXEL_MM, report};
use super::{assert_faultless, drawn_mask, mask_pixels, save, text, viewer, wait_for_state};

#[test]
fn a_mask_is_shown_with_its_figures_and_its_age() {
    let mock = Mock::start();
    let browser = viewer(&mock, 1366, 860);
    wait_for_state(&browser, "mask");
    let report = report();
    let canvas = browser
        .script("const { width, height } = document.getElementById('mask'); return width * height");
    let share = drawn_mask(&browser) as f64 / canvas.as_f64().unwrap();
    // The outer half of the contour lies beyond the mask.
    let beyond = share / report["area"]["fraction"].as_f64().unwrap();
    assert!(
        (1.0..1.03).contains(&beyond),
        "{beyond} of the mask's area is drawn upon"
    );
    let px = report["area"]["px"].as_f64().unwrap();
    browser.wait_for("document.getElementById('area').innerText !== '–'");
    let shown: f64 = text(&browser, "area").replace(',', "").parse().unwrap();
    assert!((shown - px * PIXEL_MM * PIXEL_MM).abs() <= 0.5, "{shown}");
    assert_eq!(text(&browser, "area-unit"), "mm²");
    let round = report["ellipse"]["circumference_mm"].as_f64().unwrap();
    assert_eq!(text(&browser, "round"), format!("{round:.1}"));
    assert_eq!(text(&browser, "dice"), "96");
    assert_eq!(text(&browser, "latency"), "32 ms");
    assert_eq!(text(&browser, "rates"), "25 of 30 a second");
    let age: f64 = text(&browser, "age")
        .strip_suffix(" ms")
        .unwrap()
        .parse()
        .unwrap();
    assert!((48.0..BUDGET + 100.0).contains(&age), "{age}");
    assert_eq!(
        text(&browser, "says"),
        "ultrasound: fetal head, nerve, breast lesion"
    );
    assert_eq!(
        browser.script("return [...document.querySelectorAll('.notice')].at(-1).innerText"),
        picture::NOTICE
    );
    browser.wait_for(
        "(() => { const c = document.getElementById('trace'); return c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some(v => v > 0); })()",
    );
    save(&browser, "live-desktop.png");

    assert_faultless(&browser);

    // Whether anything is there is told where the model says so.
    let shown = "document.getElementById('presence').parentElement.hidden";
    assert_eq!(browser.script(&format!("return {shown}")), true);
    mock.scene().header["presence"] = json!({"score": 0.9375, "state": "present"});
    browser.wait_for(&format!(
        "!{shown} && document.getElementById('presence').innerText === '0.94, present'"
    ));

    // What is not as it should be is said beside it.
    mock.scene().header["step"] = "small-model".into();
    mock.scene().header["still_ms"] = 12_000.0.into();
    browser.wait_for("document.getElementById('step').innerText === 'REDUCED: smaller model'");
    browser.wait_for("document.getElementById('still').innerText === 'UNCHANGED for 12.0 s'");

    // So is a board that is slower than it could be, in amber and in red.
    mock.scene().header["step_reason"] = "hot".into();
    let strain = |level, meaning| serde_json::json!({"level": level, "celsius": 84.6, "strains": [{"strain": "hot", "meaning": meaning}]});
    mock.scene().header["board"] = strain("warm", "It is warm.");
    browser.wait_for(
        "document.getElementById('step').innerText === 'REDUCED: smaller model, board too hot'",
    );
    browser.wait_for("document.getElementById('strain').innerText === 'It is warm.'");
    assert_eq!(text(&browser, "board"), "85 °C");
    let colour = "return getComputedStyle(document.getElementById('strain')).color";
    assert_eq!(browser.script(colour), "rgb(240, 182, 77)");
    mock.scene().header["board"] = strain("throttled", "It is too hot.");
    browser.wait_for("document.getElementById('strain').innerText === 'It is too hot.'");
    assert_eq!(browser.script(colour), "rgb(255, 145, 136)");
    mock.scene().header["board"] = Value::Null;
    browser.wait_for("document.getElementById('strain').hidden");

    // Without a size of pixels there are no millimetres.
    let mut scene = mock.scene();
    scene.header["pixel_mm"] = Value::Null;
    scene.header["result"]
        .as_object_mut()
        .unwrap()
        .remove("ellipse");
    drop(scene);
    browser.wait_for("document.getElementById('area-unit').innerText === 'px'");
    assert_eq!(text(&browser, "area").replace(',', ""), px.to_string());
    assert_eq!(text(&browser, "round"), "–");
    assert_eq!(text(&browser, "round-note"), "pixel size unknown");
}

#[test]
fn in_no_state_but_mask_is_there_a_mask() {
    let mock = Mock::start();
    let browser = viewer(&mock, 1180, 820);
    for (state, words) in [
        ("nothing-found", "NOTHING FOUND"),
        ("unsure", "UNSURE"),
        ("wrong-modality", "WRONG MODALITY"),
        ("stale", "STALE"),
        ("overload", "OVERLOAD"),
        ("no-signal", "NO SIGNAL"),
        ("model-fault", "MODEL FAULT"),
        ("starting", "STARTING"),
        ("ended", "ENDED"),
        ("of-a-newer-server", "OF A NEWER SERVER"),
    ] {
        mock.say("mask");
        wait_for_state(&browser, "mask");
        assert!(drawn_mask(&browser) > 1000);
        mock.say(state);
        // Polygons that come with another state by a fault of the server are not drawn either.
        mock.scene().header["result"] = report();
        mock.scene().header["detail"] = "what is amiss".into();
        wait_for_state(&browser, state);
        assert_eq!(mask_pixels(&browser), 0, "{state}");
        assert_eq!(text(&browser, "words"), words);
        for figure in ["area", "round", "dice"] {
            assert_eq!(text(&browser, figure), "–", "{figure} in {state}");
        }
        // On a busy machine the page says "stale" by its own clock first, and the server's reason a moment later.
        browser.wait_for("document.getElementById('says').innerText.endsWith('(what is amiss)')");
        let veil = "getComputedStyle(document.getElementById('veil')).display";
        assert_eq!(browser.script(&format!("return {veil}")), "flex");
        browser.wait_for(&format!(
            "document.getElementById('status').innerText.startsWith('{}. ')",
            words.to_lowercase()
        ));
        save(&browser, &format!("live-state-{state}.png"));
    }
    mock.say("unsure");
    mock.scene().header["presence"] = json!({"score": 0.41, "state": "unsure"});
    browser.wait_for(
        "document.getElementById('says').innerText === 'Not sure enough that anything is there to be shown.'",
    );
    // The mask was off the canvas by the time that each state was told.
    let told = browser.script("return notes.states");
    for told in told.as_array().unwrap() {
        assert!(told[0] == "mask" || told[2] == 0, "{told}");
    }
}

#[test]
fn a_silent_server_is_stale_then_gone_then_found_again() {
    let mock = Mock::start();
    let browser = viewer(&mock, 1180, 820);
    wait_for_state(&browser, "mask");
    let connections = mock.asked("ws?source=probe&mask=polygons&picture=jpeg");
    assert_eq!(connections, 1);
    mock.scene().talks = false;
    wait_for_state(&browser, "no-connection");
    assert_eq!(mask_pixels(&browser), 0);
    assert_eq!(text(&browser, "words"), "NO CONNECTION");
    let last = browser.script("return notes.message").as_f64().unwrap();
    let states = browser.script("return notes.states");
    let after = |state: &str| {
        let states = states.as_array().unwrap().iter().rev();
        let told = states.into_iter().find(|told| told[0] == state).unwrap();
        assert_eq!(told[2], 0, "the mask is off in {state}");
        told[1].as_f64().unwrap() - last
    };
    // The page asks the time every 50 ms; the second beyond is for a busy machine to get round to it.
    let stale = after("stale");
    let rule = BUDGET + 100.0;
    assert!(
        (rule - 100.0..rule + 1000.0).contains(&stale),
        "after {stale} ms"
    );
    let gone = after("no-connection");
    assert!((2000.0..3000.0).contains(&gone), "after {gone} ms");
    save(&browser, "live-no-connection.png");

    mock.scene().talks = true;
    wait_for_state(&browser, "mask");
    assert!(drawn_mask(&browser) > 1000);
    assert!(mock.asked("ws?") > connections, "by another connection");

    // A server that is down, and comes back.
    mock.scene().welcomes = false;
    wait_for_state(&browser, "no-connection");
    let tries = mock.asked("ws?");
    super::support::wait_until("it tries again and again", || mock.asked("ws?") > tries + 2);
    mock.scene().welcomes = true;
    wait_for_state(&browser, "mask");
    assert_faultless(&browser);
}

#[test]
fn masks_that_cannot_be_drawn_in_step_are_not_shown() {
    let mock = Mock::start();
    let browser = viewer(&mock, 1180, 820);
    wait_for_state(&browser, "mask");
    // A picture that is none: the one before grows old.
    mock.scene().jpeg = b"no picture".to_vec();
    wait_for_state(&browser, "stale");
    assert_eq!(mask_pixels(&browser), 0);
    mock.scene().jpeg = super::mock::sample("hc18_230_HC.jpg");
    wait_for_state(&browser, "mask");
    // A mask of a picture of another shape.
    mock.scene().header["result"]["image"]["width"] = 270.into();
    wait_for_state(&browser, "stale");
    mock.scene().header["result"] = report();
    wait_for_state(&browser, "mask");
    // Messages of another source.
    browser.script("document.getElementById('source').value = 'scope'; document.getElementById('source').dispatchEvent(new Event('change'))");
    wait_for_state(&browser, "mask");
    assert_eq!(mock.asked("ws?source=scope"), 1);
    assert!(
        browser
            .script("return location.search")
            .as_str()
            .unwrap()
            .contains("source=scope")
    );
}

#[test]
fn a_source_that_is_not_there_is_said_and_found_when_it_comes() {
    let mock = Mock::start();
    mock.scene().sources.clear();
    let browser = viewer(&mock, 1180, 820);
    wait_for_state(&browser, "no-source");
    save(&browser, "live-no-source.png");
    mock.scene().sources.push("probe");
    wait_for_state(&browser, "mask");
}

#[test]
fn a_frozen_mask_is_shown_as_that_and_may_be_old() {
    let mock = Mock::start();
    let browser = viewer(&mock, 1180, 820);
    wait_for_state(&browser, "mask");
    browser.click("#freeze");
    browser.wait_for("document.body.dataset.frozen === 'true'");
    mock.scene().header["age_ms"] = 12_000.into();
    browser.wait_for("document.getElementById('age').innerText.startsWith('12.')");
    assert_eq!(text(&browser, "words"), "FROZEN");
    assert_eq!(text(&browser, "freeze"), "Resume");
    assert!(drawn_mask(&browser) > 1000);
    save(&browser, "live-frozen.png");
    // Not frozen, a mask of that age is stale, whatever the server calls it.
    mock.scene().header["frozen"] = false.into();
    wait_for_state(&browser, "stale");
    assert_eq!(mask_pixels(&browser), 0);
}

#[test]
fn without_scripts_the_device_draws_the_mask_itself() {
    let mock = Mock::start();
    let browser = super::Browser::start(800, 600);
    browser.devtools(
        "Emulation.setScriptExecutionDisabled",
        serde_json::json!({"value": true}),
    );
    browser.open(&format!("http://{}/live", mock.addr));
    super::support::wait_until("the stream is asked for", || {
        mock.asked("stream.mjpeg") == 1
    });
    assert_eq!(mock.asked("ws?"), 0);
    save(&browser, "live-no-script.png");
}
