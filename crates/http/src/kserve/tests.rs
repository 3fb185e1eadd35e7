//! Whatever comes, a request is understood or refused.

use super::ask::InferAsk;
use super::name::InferModel;
use crate::problem::{Kind, Problem};
use picture::frame::FrameLimits;
use picture::segmenter::ModalityInfo;
use proptest::prelude::*;

const PIXELS: usize = 16 * 16;

fn read(body: Vec<u8>, json: Option<usize>) -> Result<InferAsk, Problem> {
    let modality = ModalityInfo {
        name: "ultrasound".into(),
        index: 0,
        label: String::new(),
        controller: true,
        passes: 1,
        loaded: true,
        trained_on: Vec::new(),
        validation: Vec::new(),
    };
    let model = InferModel {
        name: "ultrasound".into(),
        model: None,
        modality,
    };
    InferAsk::of(body, json, model, FrameLimits::default())
}

/// A request in binary, and the length of its JSON.
fn whole() -> (Vec<u8>, usize) {
    let json = format!(
        r#"{{"inputs":[{{"name":"image","shape":[16,16],"datatype":"UINT8","parameters":{{"binary_data_size":{PIXELS}}}}}]}}"#
    );
    let length = json.len();
    ([json.as_bytes(), &[7; PIXELS]].concat(), length)
}

#[test]
fn a_whole_request_is_understood_and_no_part_of_it() {
    let (body, length) = whole();
    assert!(read(body.clone(), Some(length)).is_ok());
    for end in 0..body.len() {
        let cut = read(body[..end].to_vec(), Some(length)).unwrap_err();
        assert_eq!(cut.kind, Kind::BadInference, "{end}");
    }
}

proptest! {
    #[test]
    fn no_bytes_are_a_fault_of_ours(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        end in any::<prop::sample::Index>(), length in prop::option::of(0_usize..600),
    ) {
        let (mut body, _) = whole();
        for (at, byte) in changes {
            let at = at.index(body.len());
            body[at] = byte;
        }
        body.truncate(end.index(body.len() + 1));
        if let Err(problem) = read(body, length) {
            prop_assert_ne!(problem.kind, Kind::Internal);
        }
    }

    #[test]
    fn any_text_is_refused_without_panic(text in "\\PC{0,200}") {
        prop_assert!(read(text.into_bytes(), None).is_err());
    }
}
