//! The hand on it: keys, buttons, caliper, sizes of screens, what a screen reader and weak eyes get.

use serde_json::json;

use super::mock::{Mock, PIXEL_MM};
use super::support::wait_until;
use super::{
    Browser, assert_faultless, drawn_mask, mask_pixels, press, save, text, viewer, wait_for_state,
};

fn pressed(browser: &Browser, css: &str) -> bool {
    let script =
        format!("return document.querySelector('{css}').getAttribute('aria-pressed') === 'true'");
    browser.script(&script) == true
}

#[test]
fn everything_can_be_done_by_keys() {
    let mock = Mock::start();
    let browser = viewer(&mock, 1180, 820);
    wait_for_state(&browser, "mask");

    press(&browser, " ");
    wait_until("freeze is asked for", || {
        mock.asked("freeze?source=probe") == 1
    });
    browser.wait_for("document.body.dataset.frozen === 'true'");
    assert!(pressed(&browser, "#freeze"));
    press(&browser, " ");
    wait_until("resume is asked for", || {
        mock.asked("resume?source=probe") == 1
    });
    browser.wait_for("document.body.dataset.frozen === 'false'");

    let filled = drawn_mask(&browser);
    press(&browser, "f");
    let contour = drawn_mask(&browser);
    assert!(contour > 0 && contour < filled, "{contour} of {filled}");
    press(&browser, "o");
    assert_eq!(mask_pixels(&browser), 0);
    assert_eq!(
        text(&browser, "words"),
        "MASK HIDDEN",
        "not to be taken for nothing found"
    );
    press(&browser, "o");
    assert_eq!(drawn_mask(&browser), contour, "as it was before");
    press(&browser, "f");
    press(&browser, "+");
    press(&browser, "+");
    press(&browser, "-");
    assert_eq!(text(&browser, "opacity-value"), "25 %");

    press(&browser, "s");
    wait_until("a snapshot is asked for", || {
        mock.asked("snapshot?source=probe") == 1
    });
    browser.wait_for("document.getElementById('status').innerText === 'Snapshot saved.'");

    browser.wait_for("document.getElementById('area').innerText !== '–'");
    press(&browser, "r");
    let read = text(&browser, "status");
    assert!(
        read.starts_with("mask. Area ") && read.contains("square millimetres"),
        "{read}"
    );

    press(&browser, "?");
    assert_eq!(
        browser.script("return document.getElementById('about').open"),
        true
    );
    save(&browser, "live-help.png");
    browser.click("#left");
    assert_eq!(
        browser.script("return document.body.classList.contains('left')"),
        true
    );
    browser.click("#keys");
    browser.click("#about-close");
    press(&browser, " ");
    press(&browser, "f");
    assert_eq!(mock.asked("freeze?"), 1, "keys are off");
    assert!(pressed(&browser, "[data-style=fill]"));

    // Settings are remembered, but nobody begins without masks.
    browser.click("[data-style=off]");
    browser.open(&format!("http://{}/live", mock.addr));
    wait_for_state(&browser, "mask");
    assert_eq!(
        browser.script("return document.body.classList.contains('left')"),
        true
    );
    assert_eq!(text(&browser, "opacity-value"), "25 %");
    assert!(drawn_mask(&browser) > 0);
}

#[test]
fn a_click_does_not_take_the_space_bar_and_focus_does() {
    let mock = Mock::start();
    let browser = viewer(&mock, 1180, 820);
    wait_for_state(&browser, "mask");
    browser.click("#measure");
    press(&browser, " ");
    wait_until("space freezes", || mock.asked("freeze?") == 1);
    assert!(pressed(&browser, "#measure"));
    browser.keys("#measure", " ");
    assert!(
        !pressed(&browser, "#measure"),
        "a button that has the focus keeps its own key"
    );
    assert_eq!(mock.asked("resume?"), 0);
}

#[test]
fn a_surround_is_shown_and_cut_off_by_the_hand_alone() {
    let mock = Mock::start();
    mock.scene().proposed = json!({"region": {}, "confidence": 0.72});
    let browser = viewer(&mock, 1180, 820);
    wait_for_state(&browser, "mask");
    browser.wait_for("document.getElementById('crop').hasAttribute('data-proposed')");
    browser.click("#crop");
    browser.wait_for("!document.getElementById('crop-preview').hidden");
    assert!(text(&browser, "crop-says").contains("320 × 200 of 400 × 270 pixels"));
    save(&browser, "live-crop.png");
    press(&browser, " ");
    browser.click("#crop-close");
    assert_eq!((mock.asked("region?"), mock.asked("freeze?")), (0, 0));
    assert_eq!(mock.asked("surround?source=probe"), 1);

    browser.click("#crop");
    browser.wait_for("!document.getElementById('crop-keep').disabled");
    browser.click("#crop-keep");
    browser.wait_for("!document.getElementById('crop-dialog').open");
    assert_eq!(
        mock.asked("region?source=probe&x=40&y=20&width=320&height=200"),
        1
    );
    browser.wait_for("!document.getElementById('crop').hasAttribute('data-proposed')");

    browser.click("#crop");
    browser.click("#crop-whole");
    wait_until("the whole picture is asked for", || {
        (mock.scene().asked.iter()).any(|ask| ask == "region?source=probe")
    });
}

#[test]
fn a_line_of_known_length_tells_how_large_a_pixel_is() {
    let mock = Mock::start();
    let browser = viewer(&mock, 1180, 820);
    wait_for_state(&browser, "mask");
    let hidden = "document.getElementById('scale').hidden";
    browser.wait_for(hidden);
    browser.click("#measure");
    browser.wait_for(&format!("!{hidden}"));
    browser.click("#scale");
    // It lies across three tenths of the picture's 400 columns.
    assert!(text(&browser, "scale-says").contains("120.0 px"));
    save(&browser, "live-scale.png");
    browser.click("#scale-set");
    assert!(text(&browser, "scale-says").contains("its length in millimetres"));
    assert_eq!(mock.asked("scale?"), 0);
    browser.keys("#scale-mm", "30");
    browser.click("#scale-set");
    browser.wait_for("!document.getElementById('scale-dialog').open");
    assert_eq!(mock.asked("scale?source=probe&pixel_mm=0.25"), 1);
    browser.click("#scale");
    browser.click("#scale-unknown");
    wait_until("it is not known any more", || {
        (mock.scene().asked.iter()).any(|ask| ask == "scale?source=probe")
    });
}

#[test]
fn the_modality_is_the_servers_and_its_refusals_are_read_out() {
    let mock = Mock::start();
    let browser = viewer(&mock, 1180, 820);
    wait_for_state(&browser, "mask");
    let choose = |name: &str| {
        browser.script(&format!(
            "const choice = document.getElementById('modality'); choice.value = '{name}'; choice.dispatchEvent(new Event('change'))"
        ));
    };
    choose("dermoscopy");
    browser.wait_for("document.getElementById('says').innerText.startsWith('dermoscopy')");
    assert_eq!(mock.asked("modality?source=probe&modality=dermoscopy"), 1);
    choose("microscopy");
    browser.wait_for("!document.getElementById('trouble').hidden");
    assert_eq!(
        text(&browser, "trouble"),
        "No such model: There is none for microscopy."
    );
    browser.wait_for("document.getElementById('modality').value === 'dermoscopy'");
    assert_eq!(
        browser.script("return document.getElementById('trouble').getAttribute('role')"),
        "alert"
    );
}

/// Fingers on the stage: what each does, at fractions of the picture.
fn touch(browser: &Browser, kind: &str, fingers: &[[f64; 2]]) {
    let place = browser.script("const box = document.getElementById('picture').getBoundingClientRect(); return [box.left, box.top, box.width, box.height]");
    let place: [f64; 4] = serde_json::from_value(place).unwrap();
    let points: Vec<_> = (fingers.iter().enumerate())
        .map(|(id, [x, y])| json!({"id": id, "x": place[0] + x * place[2], "y": place[1] + y * place[3]}))
        .collect();
    browser.devtools(
        "Input.dispatchTouchEvent",
        json!({"type": kind, "touchPoints": points}),
    );
}

#[test]
fn a_caliper_goes_by_one_finger_by_two_and_by_arrows() {
    let mock = Mock::start();
    let browser = viewer(&mock, 1180, 820);
    wait_for_state(&browser, "mask");
    press(&browser, "c");
    browser.wait_for("document.getElementById('caliper').hasAttribute('data-on')");
    // As it comes: over three tenths of the picture's 400 px.
    assert_eq!(text(&browser, "length"), format!("{:.1}", 120.0 * PIXEL_MM));
    let length = || -> f64 { text(&browser, "length").parse().unwrap() };
    let near = |mm: f64| assert!((length() - mm).abs() < 1.0, "{} mm, not {mm}", length());

    touch(&browser, "touchStart", &[[0.1, 0.2]]);
    touch(&browser, "touchMove", &[[0.6, 0.2]]);
    touch(&browser, "touchEnd", &[]);
    near(200.0 * PIXEL_MM);
    assert_eq!(text(&browser, "length-unit"), "mm");
    touch(&browser, "touchStart", &[[0.2, 0.9]]);
    touch(&browser, "touchStart", &[[0.2, 0.9], [0.8, 0.9]]);
    touch(&browser, "touchMove", &[[0.2, 0.5], [0.8, 0.5]]);
    save(&browser, "live-caliper.png");
    touch(&browser, "touchEnd", &[]);
    near(240.0 * PIXEL_MM);

    // Shift with an arrow: ten pixels. The second finger has the first end.
    let before = length();
    browser.keys("[data-end='0']", "\u{E008}\u{E014}");
    assert!(
        (length() - before - 10.0 * PIXEL_MM).abs() < 0.11,
        "{before} to {}",
        length()
    );
    assert!(text(&browser, "status").starts_with("Caliper: "));
    browser.click("#measure");
    assert_eq!(text(&browser, "length"), "–");
    assert_faultless(&browser);
}

/// Contrast (WCAG 2.2, 1.4.3) of every text that is seen, against what lies behind it: the worst, and whose it is.
const WORST_CONTRAST: &str = "
    const part = v => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
    const light = ([r, g, b]) => .2126 * part(r) + .7152 * part(g) + .0722 * part(b);
    const numbers = colour => colour.match(/[\\d.]+/g).map(Number);
    const behind = element => {
        for (let e = element; e; e = e.parentElement) {
            const colour = numbers(getComputedStyle(e).backgroundColor);
            if (colour.length < 4 || colour[3] === 1) return colour;
        }
        return [0, 0, 0];
    };
    let worst = [99, ''];
    for (const element of document.querySelectorAll('body *')) {
        const own = [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim());
        if (!own || element.closest('svg, noscript, .spoken') || !element.checkVisibility()) continue;
        const pair = [numbers(getComputedStyle(element).color), behind(element)].map(light).sort((a, b) => b - a);
        const contrast = (pair[0] + .05) / (pair[1] + .05);
        if (contrast < worst[0]) worst = [contrast, `${element.tagName}#${element.id}: ${element.textContent}`];
    }
    return worst;";

/// Controls smaller than a fingertip, 44 px either way.
const SMALL: &str = "
    return [...document.querySelectorAll('#app button, #app select, #app input, #app a')].flatMap(element => {
        const { width, height } = element.getBoundingClientRect();
        if (element.closest('[hidden]')) return []; // of a panel that is not simulated here
        return width < 44 || height < 44 ? `${element.id || element.textContent} ${width} x ${height}` : [];
    });";

#[test]
fn it_fits_a_phone_a_tablet_and_weak_eyes() {
    let mock = Mock::start();
    let browser = viewer(&mock, 1366, 860);
    wait_for_state(&browser, "mask");
    for (name, width, height) in [
        ("phone", 390, 844),
        ("phone-lying", 844, 390),
        ("tablet", 1180, 820),
        ("tablet-upright", 820, 1180),
        ("desktop", 1920, 1080),
    ] {
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": name.starts_with("phone")});
        browser.devtools("Emulation.setDeviceMetricsOverride", size);
        for state in ["nothing-found", "no-signal", "mask"] {
            mock.say(state);
            wait_for_state(&browser, state);
            browser.wait_for("document.getElementById('age').innerText !== '–'");
            let worst = browser.script(WORST_CONTRAST);
            assert!(
                worst[0].as_f64().unwrap() >= 4.5,
                "{name}, {state}: {worst}"
            );
            save(&browser, &format!("live-{name}-{state}.png"));
        }
        browser.wait_for("maskPixels() > 0");
        assert_eq!(browser.script(SMALL), json!([]), "{name}");
        let seen = browser.script(&format!(
            "const inside = ['picture', 'words', 'age', 'freeze', 'snapshot'].filter(id => {{
                 const box = document.getElementById(id).getBoundingClientRect();
                 return box.left >= 0 && box.top >= 0 && box.right <= {width} && box.bottom <= {height};
             }});
             return [inside.length, document.documentElement.scrollWidth <= {width}];"
        ));
        assert_eq!(
            seen,
            json!([5, true]),
            "{name}: without scrolling, nothing sideways"
        );
    }
}

#[test]
fn nobody_looks_and_nothing_is_asked_for() {
    let mock = Mock::start();
    let browser = viewer(&mock, 1180, 820);
    wait_for_state(&browser, "mask");
    let hide = |hidden: bool| {
        browser.script(&format!(
            "Object.defineProperty(document, 'hidden', {{ value: {hidden}, configurable: true }}); document.dispatchEvent(new Event('visibilitychange'))"
        ));
    };
    hide(true);
    assert_eq!(mask_pixels(&browser), 0);
    assert_ne!(browser.script("return document.body.dataset.state"), "mask");
    let connections = mock.asked("ws?");
    hide(false);
    wait_for_state(&browser, "mask");
    assert_eq!(mock.asked("ws?"), connections + 1);
}
