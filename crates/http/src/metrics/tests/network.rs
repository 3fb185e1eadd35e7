//! The node of a DICOM network.

use std::collections::BTreeMap;

use dimse::{OutboxState, RouteName, RouteState};
use gateway::{GatewayView, ObjectFate, SendingCounts};
use testing::exposition::Scrape;

use super::Exposition;
use crate::metrics::render_network;
use crate::network::DicomReport;

fn view() -> GatewayView {
    let pacs = RouteName::new("pacs").unwrap();
    let counts = SendingCounts {
        sent: 5,
        failed: 7,
        refused: 1,
    };
    GatewayView {
        associations: 2,
        received: 9,
        spooled: 3,
        fates: BTreeMap::from([(ObjectFate::Answered, 4), (ObjectFate::Damaged, 1)]),
        held: None,
        outbox: OutboxState {
            waiting: 2,
            refused: 1,
            bytes: 4096,
            routes: BTreeMap::new(),
        },
        sendings: BTreeMap::from([(pacs, counts)]),
        runs: true,
    }
}

#[test]
fn a_node_of_a_dicom_network_is_told_of() {
    let mut out = Exposition::new();
    render_network(&mut out, &view());
    let scrape = Scrape::read(&out.finish()).unwrap();
    for (name, labels, expected) in [
        ("up", vec![], 0.0),
        ("associations", vec![], 2.0),
        ("received_total", vec![], 9.0),
        ("objects_total", vec![("outcome", "answered")], 4.0),
        ("objects_total", vec![("outcome", "damaged")], 1.0),
        ("objects_total", vec![("outcome", "nothing-found")], 0.0),
        ("spool_objects", vec![], 3.0),
        ("held", vec![], 0.0),
        ("outbox_objects", vec![("state", "waiting")], 2.0),
        ("outbox_objects", vec![("state", "refused")], 1.0),
        ("outbox_bytes", vec![], 4096.0),
        (
            "sendings_total",
            vec![("destination", "pacs"), ("fate", "failed")],
            7.0,
        ),
    ] {
        let value = scrape.value(&format!("espmedsam_dicom_{name}"), &labels);
        assert_eq!(value, Some(expected), "{name} {labels:?}");
    }
}

#[test]
fn what_is_wrong_is_said_and_only_that() {
    let said = |view: &GatewayView| serde_json::to_value(DicomReport::from(view)).unwrap();
    let mut view = view();
    let impaired = said(&view);
    assert_eq!(impaired["state"], "impaired");
    let problems = impaired["problems"].as_array().unwrap();
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(
        problems[0]
            .as_str()
            .unwrap()
            .contains("1 answers were refused")
    );
    view.outbox.refused = 0;
    // An attempt or two in vain are no fault yet.
    let tried = |attempts| RouteState {
        waiting: 2,
        attempts,
        last_error: Some("no connection".into()),
    };
    let pacs = RouteName::new("pacs").unwrap();
    view.outbox.routes.insert(pacs.clone(), tried(2));
    assert_eq!(said(&view)["state"], "working");
    view.outbox.routes.insert(pacs, tried(3));
    let expected = "2 answers wait for 'pacs', tried 3 times: no connection";
    assert_eq!(said(&view)["problems"][0], expected);
    view.runs = false;
    assert_eq!(said(&view)["problems"].as_array().unwrap().len(), 2);
}
