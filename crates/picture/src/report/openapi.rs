//! Schemas of what follows from a table, for the OpenAPI document.

use std::borrow::Cow;

use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::{PartialSchema, ToSchema};

use super::{Form, Times};

impl PartialSchema for Form {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("A representation of the result."))
            .enum_values(Some(Self::ALL.iter().map(|form| form.name())))
            .into()
    }
}

impl ToSchema for Form {
    fn name() -> Cow<'static, str> {
        "Format".into()
    }
}

impl PartialSchema for Times {
    fn schema() -> RefOr<Schema> {
        let object = ObjectBuilder::new().description(Some("Milliseconds per stage."));
        let add = |object: ObjectBuilder, time: super::Time| {
            let ms = ObjectBuilder::new()
                .schema_type(Type::Number)
                .format(Some(SchemaFormat::KnownFormat(KnownFormat::Double)))
                .description(Some(time.about));
            object.property(time.key, ms).required(time.key)
        };
        Self::default().rows().fold(object, add).into()
    }
}

impl ToSchema for Times {}
