//! What a request may hold: names and bounds, for who reads it and for the OpenAPI document.

use picture::schema::word;
use utoipa::openapi::Schema;
use utoipa::openapi::schema::{
    AdditionalProperties, ArrayBuilder, ObjectBuilder, SchemaType, Type,
};

use super::name::VERSION;
use super::outputs::InferOutput;
use super::values::DataType;

/// The parameter that says how long a tensor's binary data is.
pub const BINARY_SIZE: &str = "binary_data_size";
/// Whether outputs come as binary data, if they do not say.
pub const BINARY_OUTPUT: &str = "binary_data_output";
/// Whether an output does.
pub const BINARY_DATA: &str = "binary_data";
/// Raw pixels.
pub const IMAGE: &str = "image";
/// A picture file.
pub const FILE: &str = "file";
/// What of `/v1/segment`'s wishes can be asked for.
pub const WISHES: [&str; 5] = ["on_mismatch", "page", "frames", "window", "region"];
/// Most letters of an id, which comes back with the reply.
pub const LONGEST_ID: usize = 256;
/// Most inputs and outputs of a request that are read; dimensions of a shape.
pub const MOST: usize = 16;
/// Most dimensions that a picture has: rows, columns, colours.
const DIMENSIONS: usize = 3;

picture::schemas! {
    /// The version in an address.
    OnlyVersion: word([VERSION]),
    /// A request's id.
    InferId: ObjectBuilder::new().schema_type(Type::String).max_length(Some(LONGEST_ID)),
    /// Lengths of a picture's sides and colours, or how many files.
    InferShape: ArrayBuilder::new()
        .items(ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1)))
        .min_items(Some(1))
        .max_items(Some(DIMENSIONS)),
    /// An input's name.
    InputName: word([IMAGE, FILE]),
    /// An input's type.
    InputType: word([DataType::Uint8, DataType::Bytes].map(DataType::name)),
    /// An output's name.
    OutputName: word(InferOutput::ALL.map(InferOutput::name)),
    /// Parameters of a request.
    RequestParameters: WISHES.iter().fold(known(BINARY_OUTPUT, flag()), |object, name| {
        let scalars = [Type::String, Type::Number, Type::Boolean];
        let scalar = ObjectBuilder::new().schema_type(SchemaType::from_iter(scalars));
        object.property(*name, scalar)
    }),
    /// Parameters of an input.
    InputParameters: known(
        BINARY_SIZE,
        ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0)),
    ),
    /// Parameters of an output.
    OutputParameters: known(BINARY_DATA, flag()),
}

fn flag() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Boolean)
}

/// An object that has this member, and no other unless it is added.
fn known(name: &str, value: ObjectBuilder) -> ObjectBuilder {
    ObjectBuilder::new()
        .property(name, value)
        .additional_properties(Some(AdditionalProperties::<Schema>::FreeForm(false)))
}
