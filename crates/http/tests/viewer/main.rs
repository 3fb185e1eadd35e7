//! The viewer of live video in a real browser, headless Chromium, against a server that says what a test wants it to say.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

mod mock;
mod panel;
mod rules;
#[path = "../support/mod.rs"]
mod support;
mod use_of_it;
mod what_is_shown;

use mock::Mock;
use serde_json::{Value, json};
use support::webdriver::Browser;

/// Notes, before the page's own scripts run, when the last message came and when the page's state changed.
const NOTES: &str = "
    window.notes = { message: 0, states: [], faults: [] };
    for (const kind of ['error', 'unhandledrejection', 'securitypolicyviolation']) addEventListener(kind, event => {
        notes.faults.push(`${kind}: ${event.message ?? event.reason ?? event.violatedDirective}`);
    }, true);
    const Plain = WebSocket;
    window.WebSocket = class extends Plain {
        constructor(...of) { super(...of); this.addEventListener('message', () => { notes.message = performance.now(); }); }
    };
    document.addEventListener('DOMContentLoaded', () => new MutationObserver(() => {
        notes.states.push([document.body.dataset.state, performance.now(), window.maskPixels()]);
    }).observe(document.body, { attributeFilter: ['data-state'] }));
    window.maskPixels = () => {
        const canvas = document.getElementById('mask');
        if (!canvas.width) return 0;
        const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
        let drawn = 0;
        for (let i = 3; i < data.length; i += 4) drawn += data[i] > 0;
        return drawn;
    };";

/// A browser of that size with the viewer in it.
fn viewer(mock: &Mock, width: u32, height: u32) -> Browser {
    let browser = Browser::start(width, height);
    browser.devtools("Page.enable", json!({}));
    browser.devtools(
        "Page.addScriptToEvaluateOnNewDocument",
        json!({ "source": NOTES }),
    );
    browser.open(&format!("http://{}/live", mock.addr));
    browser
}

fn text(browser: &Browser, id: &str) -> String {
    let text = browser.script(&format!("return document.getElementById('{id}').innerText"));
    text.as_str().unwrap().to_owned()
}

/// Pixels of the mask's canvas that are drawn upon.
fn mask_pixels(browser: &Browser) -> u64 {
    browser.script("return maskPixels()").as_u64().unwrap()
}

/// So many pixels of a mask as soon as one is drawn. Where a page is slow, one that was drawn may be stale, and off, when the
/// next look comes.
fn drawn_mask(browser: &Browser) -> u64 {
    let mut drawn = 0;
    support::wait_until("a mask is drawn", || {
        drawn = mask_pixels(browser);
        drawn > 0
    });
    drawn
}

fn wait_for_state(browser: &Browser, state: &str) {
    browser.wait_for(&format!("document.body.dataset.state === '{state}'"));
}

/// Neither script nor policy had anything to complain of.
fn assert_faultless(browser: &Browser) {
    assert_eq!(browser.script("return notes.faults"), json!([]));
}

/// Presses a key with nothing of the page in particular chosen.
fn press(browser: &Browser, key: &str) {
    browser.keys("body", key);
}

fn save(browser: &Browser, name: &str) {
    let folder = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| testing::repository("target"), std::path::PathBuf::from);
    std::fs::write(folder.join(name), browser.screenshot()).unwrap();
}

/// What an ES module's function gives; the page imports it as its own scripts do.
fn module(browser: &Browser, file: &str, body: &str) -> Value {
    browser.script(&format!(
        "return import('/live/{file}').then(module => {{ {body} }})"
    ))
}
