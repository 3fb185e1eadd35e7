//! Schemas of what follows from a table, for the OpenAPI document.

use std::borrow::Cow;

use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::{PartialSchema, ToSchema};

use super::{FigureRows, Form, Times};
use crate::mask::sizes::{Figure, Quantity};

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

impl PartialSchema for FigureRows {
    fn schema() -> RefOr<Schema> {
        let object = ObjectBuilder::new().description(Some("Figures with their units."));
        let add = |object: ObjectBuilder, figure: &Figure| {
            let quantity = utoipa::openapi::Ref::builder()
                .ref_location_from_schema_name(Quantity::name())
                .description(Some(figure.about()));
            object
                .property(figure.key(), quantity.build())
                .required(figure.key())
        };
        Figure::ALL.iter().fold(object, add).into()
    }
}

impl ToSchema for FigureRows {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((Quantity::name().into(), Quantity::schema()));
        Quantity::schemas(schemas);
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
