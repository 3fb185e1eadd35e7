//! The page in a real browser: headless Chromium, driven through chromedriver, against the server in this process.

use super::support::Server;
use super::support::webdriver::Browser;
use espmedsam_http::ServerConfig;
use picture::frame::{FileInfo, Format};
use picture::mask::presence::{Presence, PresenceState};
use picture::segmenter::Readiness;
use serde_json::json;
use testing::dicom::DicomSketch;

/// What the overlay canvas shows: pixels drawn at all, the sum of their opacity, and those of amber (the patch prompt).
const OVERLAY: &str = "
    const canvas = document.getElementById('overlay');
    const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
    let drawn = 0, opacity = 0, amber = 0;
    for (let i = 0; i < data.length; i += 4) if (data[i + 3]) {
        drawn += 1; opacity += data[i + 3]; amber += data[i] > data[i + 2] + 60;
    }
    return [drawn, opacity, amber, canvas.width * canvas.height];";

fn overlay(browser: &Browser) -> [u64; 4] {
    serde_json::from_value(browser.script(OVERLAY)).unwrap()
}

fn text(browser: &Browser, id: &str) -> String {
    let text = browser.script(&format!("return document.getElementById('{id}').innerText"));
    text.as_str().unwrap().to_owned()
}

fn save(browser: &Browser, name: &str) {
    let folder = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| testing::repository("target"), std::path::PathBuf::from);
    let shot = browser.screenshot();
    assert!(
        image::load_from_memory(&shot).is_ok(),
        "the screenshot is a picture"
    );
    std::fs::write(folder.join(name), shot).unwrap();
}

#[test]
fn a_visitor_sees_masks_and_readable_errors() {
    let server = Server::start(ServerConfig::default(), 8);
    let browser = Browser::start(1360, 900);
    server.fake.set_readiness(Readiness::Starting);
    browser.open(&format!("http://{}/", server.addr));
    browser.wait_for("document.getElementById('ready').textContent === 'model is loading'");
    browser.wait_for("document.querySelectorAll('#samples img').length === 5");
    assert_eq!(
        server.fake.counts().0,
        0,
        "nothing is asked of a model that is loading"
    );
    server.fake.set_readiness(Readiness::Ready);
    browser.wait_for("document.getElementById('ready').textContent === 'ready'");
    let notice = browser.script("return document.querySelector('.notice').innerText");
    assert_eq!(notice, "Research use only — not for clinical use");

    assert_eq!(
        browser.script("return new URL(document.querySelector('header a').href).pathname"),
        "/live"
    );

    // The first sample shows its mask by itself, and chooses its modality.
    browser.wait_for("!document.getElementById('results').hidden");
    let pressed = browser
        .script("return document.querySelector('#samples [aria-pressed=true]').dataset.sample");
    assert_eq!(pressed, "hc18_230_HC.jpg");
    assert_eq!(
        browser.script("return document.getElementById('modality').value"),
        "ultrasound"
    );
    let [drawn, opacity, amber, all] = overlay(&browser);
    assert!(
        drawn > all / 100 && drawn < all,
        "a part of the canvas is tinted: {drawn} of {all}"
    );
    assert_eq!(amber, 0);
    let area = text(&browser, "area");
    let px: u64 = area
        .chars()
        .filter(char::is_ascii_digit)
        .collect::<String>()
        .parse()
        .unwrap();
    assert!(area.ends_with("px area") && px > 100, "{area}");
    assert!(
        drawn as f64 / all as f64 > px as f64 / (400.0 * 270.0),
        "the whole mask is drawn ({drawn} of {all} on the canvas, {px} in the picture), and the contour around it"
    );
    assert!(text(&browser, "area-fraction").ends_with(" %"));
    assert_eq!(text(&browser, "confidence"), "87.5 %");
    assert!(
        text(&browser, "times").contains("Encode") && text(&browser, "times").contains("40 ms")
    );
    assert!(text(&browser, "made-by").contains(testing::fake::SHA256));
    assert_eq!(text(&browser, "warnings"), "");

    // The slider, by keyboard: Home is fully transparent, only the contour stays.
    browser.keys("#opacity", "\u{E011}");
    let [contour, ..] = overlay(&browser);
    assert!(contour > 0 && contour < drawn, "{contour} of {drawn}");
    browser.keys("#opacity", "\u{E010}");
    assert!(overlay(&browser)[1] > opacity, "End is opaque");
    browser.click("#contour");
    browser.keys("#opacity", "\u{E011}");
    assert_eq!(overlay(&browser)[0], 0, "neither tint nor contour");

    browser.click("#patch");
    assert!(
        overlay(&browser)[2] > 0,
        "the patch prompt's cells are drawn"
    );
    browser.click("#contour");
    browser.script("const slider = document.getElementById('opacity'); slider.value = 45; slider.dispatchEvent(new Event('input'))");
    save(&browser, "page.png");

    // The whole way again by keyboard, in the dark, on a telephone.
    browser.devtools(
        "Emulation.setEmulatedMedia",
        json!({"features": [{"name": "prefers-color-scheme", "value": "dark"}]}),
    );
    server.fake.files_say(FileInfo {
        pages: 4,
        ..FileInfo::plain(Format::Tiff, 8)
    });
    browser.keys("[data-sample^=kvasir]", "\u{E007}");
    browser.wait_for(
        "document.getElementById('found').innerText === 'Found: bright parts of colonoscopy'",
    );
    assert!(text(&browser, "warnings").starts_with("Page 1 of 4 was read"));
    save(&browser, "page-dark.png");
    let telephone = json!({"width": 390, "height": 1900, "deviceScaleFactor": 2, "mobile": true});
    browser.devtools("Emulation.setDeviceMetricsOverride", telephone);
    assert_eq!(
        browser.script("return document.documentElement.scrollWidth <= 390"),
        true,
        "no sideways scrolling"
    );
    save(&browser, "page-phone.png");
    browser.devtools("Emulation.clearDeviceMetricsOverride", json!({}));

    // A file that is no picture gives a problem to read, as text, whatever it says; the next picture clears it.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("<img src=x onerror=alert(1)>.txt");
    std::fs::write(&file, "this is no picture").unwrap();
    browser.keys("#file", file.to_str().unwrap());
    browser.wait_for("!document.getElementById('problem').hidden");
    let problem = text(&browser, "problem");
    for part in [
        "The bytes are no picture",
        "expected PNG, JPEG",
        "Send the bytes of a PNG, JPEG, BMP, TIFF, WebP or DICOM file as they lie on disk.",
        "/problems/not-a-picture",
    ] {
        assert!(problem.contains(part), "{part} in {problem}");
    }
    assert!(
        text(&browser, "caption").contains("<img src=x"),
        "shown, not run"
    );
    assert_eq!(
        browser.script("return document.querySelectorAll('#caption img').length"),
        0
    );
    save(&browser, "page-error.png");
    browser.click("[data-sample='ISIC_0000390.jpg']");
    browser.wait_for(
        "!document.getElementById('results').hidden && document.getElementById('problem').hidden",
    );

    // A picture of the visitor's own.
    let own = folder.path().join("own.png");
    std::fs::write(&own, super::support::picture(200, 100, [20, 20, 50, 40])).unwrap();
    browser.keys("#file", own.to_str().unwrap());
    browser.wait_for("document.getElementById('area').innerText === '2,000 px area'");
    assert_eq!(overlay(&browser)[3], 1400 * 700, "its own proportions");

    // Whether anything is there is said in plain words.
    for (score, state, said) in [
        (
            0.41,
            PresenceState::Unsure,
            "Unsure whether anything is there (presence 0.41)",
        ),
        (0.03, PresenceState::Absent, "Nothing found (presence 0.03)"),
        (
            0.97,
            PresenceState::Present,
            "Found: bright parts of dermoscopy (presence 0.97)",
        ),
    ] {
        server.fake.says_presence(Some(Presence { score, state }));
        browser.click("[data-sample='ISIC_0000390.jpg']");
        browser.wait_for(&format!(
            "document.getElementById('found').innerText === '{said}'"
        ));
        let nothing = text(&browser, "area") == "0 px area";
        assert_eq!(nothing, state == PresenceState::Absent, "{said}");
    }
}

#[test]
fn a_cine_loop_is_shown_frame_by_frame() {
    let server = Server::start(ServerConfig::default(), 8);
    let browser = Browser::start(1360, 900);
    browser.open(&format!("http://{}/", server.addr));
    browser.wait_for("!document.getElementById('results').hidden");
    let sketch = DicomSketch {
        size: [200, 100],
        frames: 4,
        modality: "US",
        regions: &[],
        more: &[],
    };
    let bright = |frame, x, y| x < 20 + 10 * frame && y < 50;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("loop.dcm");
    let bytes = sketch.write(|frame, x, y| 220 * u8::from(bright(frame, x, y)));
    std::fs::write(&file, bytes).unwrap();
    // Nothing is chosen: what the file says is taken.
    browser.script("document.getElementById('modality').value = ''; return 0");
    browser.keys("#file", file.to_str().unwrap());
    browser.wait_for("document.getElementById('area').innerText === '1,000 px area'");
    assert!(text(&browser, "warnings").contains("the file says US"));
    assert_eq!(text(&browser, "frames"), "0 to 3");
    // What the browser cannot show comes from the server.
    let lit = "
        const canvas = document.getElementById('picture');
        const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
        let lit = 0;
        for (let i = 0; i < data.length; i += 4) lit += data[i] > 100 || data[i + 1] > 100;
        return lit > 1000;";
    browser.wait_for(&format!("(() => {{ {lit} }})()"));
    browser.script(
        "const frame = document.getElementById('frame'); frame.value = 3; \
         frame.dispatchEvent(new Event('change')); return 0",
    );
    browser.wait_for("document.getElementById('area').innerText === '2,500 px area'");
    save(&browser, "page-dicom.png");
    // A picture of another kind has no frames to choose from.
    browser.click("[data-sample='hc18_230_HC.jpg']");
    browser.wait_for("document.getElementById('frame-field').hidden");
}
