//! The viewer's rules, as functions of times that are handed in.

use serde_json::{Value, json};

use super::mock::Mock;
use super::{Browser, module, viewer};

/// One browser for all of them.
#[test]
fn the_rules_hold() {
    let mock = Mock::start();
    let browser = viewer(&mock, 800, 600);
    what_may_be_shown_is_told_by_the_time(&browser);
    every_state_has_words_and_a_sign_of_its_own(&browser);
    messages_that_queue_up_on_the_way_grow_old(&browser);
    what_is_no_message_is_refused(&browser);
    a_caliper_measures_pixels_that_are_not_square(&browser);
}

/// What may be shown at a time: the newest message and the drawn one as (state, sent = arrived, frozen), ages of 50 ms at
/// that, a budget of 400 ms.
fn standing(browser: &Browser, heard: &Value, drawn: &Value, now: u32) -> Value {
    let body = format!(
        "const message = of => of && {{ arrived: of[1], sent: of[1], header: {{ state: of[0], frozen: of[2] ?? false, age_ms: 50, budget_ms: 400 }} }};
         return module.standing({{ heard: message({heard}), drawn: message({drawn}), since: 0 }}, {now});"
    );
    module(browser, "standing.js", &body)
}

fn what_may_be_shown_is_told_by_the_time(browser: &Browser) {
    let none = Value::Null;
    let (mask, frozen) = (json!(["mask", 1000]), json!(["mask", 1000, true]));
    for (heard, drawn, now, expected) in [
        (&none, &none, 2000, "connecting"),
        (&none, &none, 2001, "no-connection"),
        // Not drawn yet: nothing can be said of it.
        (&mask, &none, 1001, "starting"),
        // Up to 400 ms old, and 100 for the way: sent at 1000, when it was 50 ms old.
        (&mask, &mask, 1450, "mask"),
        (&mask, &mask, 1451, "stale"),
        (&mask, &mask, 3000, "stale"),
        (&mask, &mask, 3001, "no-connection"),
        // Frozen, it may be old, but not unheard of.
        (&frozen, &frozen, 1500, "mask"),
        (&frozen, &frozen, 1501, "stale"),
        // The picture stays with its own answer until the next is drawn, and no longer than it may.
        (&json!(["nothing-found", 1400]), &mask, 1450, "mask"),
        (&json!(["nothing-found", 1400]), &mask, 1451, "stale"),
        (
            &json!(["mask", 1400]),
            &json!(["unsure", 1390]),
            1450,
            "unsure",
        ),
        (
            &json!(["mask", 1400]),
            &json!(["no-signal", 1390]),
            1450,
            "starting",
        ),
        // What is amiss is said at once, whatever is drawn.
        (&json!(["no-signal", 1040]), &mask, 1040, "no-signal"),
        (&json!(["model-fault", 1040]), &mask, 2900, "model-fault"),
        (
            &json!(["of-a-newer-server", 1040]),
            &mask,
            1040,
            "of-a-newer-server",
        ),
    ] {
        let state = standing(browser, heard, drawn, now);
        assert_eq!(state, expected, "{heard}, {drawn} at {now}");
    }
    let words = module(
        browser,
        "standing.js",
        "return module.about('of-a-newer-server')",
    );
    assert_eq!(words["words"], "OF A NEWER SERVER");
    assert!(words.get("answer").is_none(), "no mask is shown in it");
}

fn every_state_has_words_and_a_sign_of_its_own(browser: &Browser) {
    let all = module(
        browser,
        "standing.js",
        "return Object.entries(module.STATES).map(([name, { words }]) =>
            [name, words, document.getElementById(`sign-${name}`)?.innerHTML ?? '']);",
    );
    let all: Vec<[String; 3]> = serde_json::from_value(all).unwrap();
    assert_eq!(all.len(), 13);
    for (index, [name, words, sign]) in all.iter().enumerate() {
        assert!(!words.is_empty() && !sign.is_empty(), "{name}");
        for [other, others_words, others_sign] in &all[index + 1..] {
            assert_ne!(words, others_words, "{name}, {other}");
            assert_ne!(sign, others_sign, "{name}, {other}");
        }
    }
}

fn messages_that_queue_up_on_the_way_grow_old(browser: &Browser) {
    // Sent every 40 ms; the third and later ones are held up by another 200 ms each.
    let delays = module(
        browser,
        "message.js",
        "const delay = new module.Delay();
         return [[0, 5003], [40, 5043], [80, 5283], [120, 5523], [700, 5703]].map(([sent, arrived]) => Math.round(delay.of(sent, arrived)));",
    );
    assert_eq!(delays, json!([0, 0, 200, 400, 0]));
    // A slower clock over there: a hundred parts in a million are forgiven, as growing delay would not be.
    let drift = module(
        browser,
        "message.js",
        "const delay = new module.Delay();
         let last;
         for (let s = 0; s <= 3600; s += 1) last = delay.of(s * 1000 * (1 - 5e-5), s * 1000);
         return Math.round(last);",
    );
    assert_eq!(drift, 0);
}

fn what_is_no_message_is_refused(browser: &Browser) {
    let refused = module(
        browser,
        "message.js",
        "const bytes = (...of) => new Uint8Array(of).buffer;
         const json = text => bytes(0, 0, 0, text.length, ...new TextEncoder().encode(text));
         const untimed = ['{}', '{\"at_ms\":1}', '{\"at_ms\":1,\"budget_ms\":2,\"picture\":{}}'].map(json);
         return [bytes(), bytes(0, 0, 0), bytes(0, 0, 0, 9, 123, 125), bytes(0, 0, 0, 2, 123, 123), ...untimed].map(buffer => {
             try { module.readMessage(buffer); return false; } catch { return true; }
         });",
    );
    assert_eq!(refused, json!([true, true, true, true, true, true, true]));
    let read = module(
        browser,
        "message.js",
        "const text = '{\"at_ms\":1,\"budget_ms\":2,\"payload\":\"a\"}';
         const { header, picture } = module.readMessage(new Uint8Array([0, 0, 0, text.length, ...new TextEncoder().encode(text), 7, 7]).buffer);
         return [header.at_ms, picture.size, picture.type];",
    );
    assert_eq!(read, json!([1, 2, "a"]));
}

fn a_caliper_measures_pixels_that_are_not_square(browser: &Browser) {
    let measured = module(
        browser,
        "caliper.js",
        "return [null, [0.5, 2]].map(mm => module.distance([[10, 10], [40, 50]], mm));",
    );
    for (measured, expected) in [
        (&measured[0]["px"], 50.0),
        (&measured[1]["px"], 50.0),
        (&measured[1]["mm"], f64::hypot(15.0, 80.0)),
    ] {
        assert!(
            (measured.as_f64().unwrap() - expected).abs() < 1e-9,
            "{measured}, not {expected}"
        );
    }
    assert!(measured[0]["mm"].is_null());
}
