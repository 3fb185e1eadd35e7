//! Whatever comes, a message is understood or refused.

use super::ask::RestAsk;
use super::fault::GrpcCode;
use super::message::{
    ContentsMessage, InputMessage, ModelInferRequest, ModelNamed, ParameterMessage,
};
use super::rpc::Rpc;
use axum::body::Bytes;
use proptest::prelude::*;
use prost::Message;

const CALLS: [&str; 9] = [
    "ServerLive",
    "ServerReady",
    "ModelReady",
    "ServerMetadata",
    "ModelMetadata",
    "ModelInfer",
    "RepositoryIndex",
    "RepositoryModelLoad",
    "RepositoryModelUnload",
];

fn rpc(name: &str) -> Rpc {
    Rpc::at(&format!("/inference.GRPCInferenceService/{name}")).unwrap()
}

/// A request for a picture of 16 x 2 grey pixels.
fn raw() -> ModelInferRequest {
    let input = InputMessage {
        name: "image".into(),
        datatype: "UINT8".into(),
        shape: vec![2, 16],
        ..InputMessage::default()
    };
    ModelInferRequest {
        model_name: "ultrasound".into(),
        inputs: vec![input],
        raw_input_contents: vec![Bytes::from_static(&[200; 32])],
        ..ModelInferRequest::default()
    }
}

fn asked(request: &ModelInferRequest) -> Result<RestAsk, GrpcCode> {
    let asked = rpc("ModelInfer").ask(request.encode_to_vec().into());
    asked.map_err(|fault| fault.code)
}

#[test]
fn typed_values_ask_the_same_as_raw_ones() {
    let raw = raw();
    let mut typed = raw.clone();
    typed.raw_input_contents.clear();
    // 200 is two bytes of seven bits each.
    let packed = |count| Bytes::from([0xc8, 0x01].repeat(count));
    typed.inputs[0].contents = Some(ContentsMessage {
        uint_contents: vec![packed(30), packed(2)],
        ..ContentsMessage::default()
    });
    assert_eq!(asked(&typed), asked(&raw));
    assert!(asked(&raw).is_ok());
}

#[test]
fn what_says_two_things_is_refused() {
    let both = {
        let mut both = raw();
        both.inputs[0].contents = Some(ContentsMessage::default());
        both
    };
    let mut two = raw();
    two.raw_input_contents.push(Bytes::new());
    let mut own = raw();
    own.parameters
        .insert("binary_data_output".into(), ParameterMessage::default());
    let mut lying = raw();
    lying.inputs[0]
        .parameters
        .insert("binary_data_size".into(), ParameterMessage::default());
    let mut large = raw();
    large.raw_input_contents.clear();
    large.inputs[0].contents = Some(ContentsMessage {
        uint_contents: vec![Bytes::from_static(&[0x80, 0x02])],
        ..ContentsMessage::default()
    });
    for wrong in [both, two, own, lying, large] {
        assert_eq!(asked(&wrong), Err(GrpcCode::InvalidArgument), "{wrong:?}");
    }
}

#[test]
fn a_name_stays_one_part_of_the_address() {
    for (name, path) in [
        ("ultrasound", "/v2/models/ultrasound"),
        ("live-224.ultrasound", "/v2/models/live-224%2Eultrasound"),
        (
            "../../v1/info?x=#",
            "/v2/models/%2E%2E%2F%2E%2E%2Fv1%2Finfo%3Fx%3D%23",
        ),
    ] {
        let model = ModelNamed {
            name: name.into(),
            version: String::new(),
        };
        let asked = rpc("ModelMetadata").ask(model.encode_to_vec().into());
        assert_eq!(asked, Ok(RestAsk::get(path)));
    }
}

#[test]
fn calls_that_are_not_served_are_unimplemented() {
    for path in [
        "/inference.GRPCInferenceService/ModelStreamInfer",
        "/inference.GRPCInferenceService/",
        "/inference.GRPCInferenceService/serverlive",
        "/v2",
    ] {
        let fault = Rpc::at(path).unwrap_err();
        assert_eq!(fault.code, GrpcCode::Unimplemented, "{path}");
    }
}

proptest! {
    #[test]
    fn no_bytes_are_a_fault_of_ours(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        end in any::<prop::sample::Index>(), call in prop::sample::select(&CALLS[..]),
    ) {
        let mut message = raw().encode_to_vec();
        for (at, byte) in changes {
            let at = at.index(message.len());
            message[at] = byte;
        }
        message.truncate(end.index(message.len() + 1));
        if let Err(fault) = rpc(call).ask(message.into()) {
            prop_assert_ne!(fault.code, GrpcCode::Internal);
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(message: Vec<u8>, call in prop::sample::select(&CALLS[..])) {
        if let Err(fault) = rpc(call).ask(message.into()) {
            prop_assert_ne!(fault.code, GrpcCode::Internal);
        }
    }
}
