//! Schemas of bounded values, for the OpenAPI document: made of the constants that what is sent is checked by.

use std::ops::RangeInclusive;

use utoipa::openapi::schema::{Object, ObjectBuilder, Type};

/// Names schemas, so that a member of that `value_type` keeps its own description beside them.
#[macro_export]
macro_rules! schemas {
    ($($(#[$about:meta])* $name:ident: $schema:expr,)*) => {
        $(
            $(#[$about])*
            pub enum $name {}

            impl utoipa::PartialSchema for $name {
                fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                    $schema.into()
                }
            }

            impl utoipa::ToSchema for $name {}
        )*
    };
}

/// A whole number within that range.
#[must_use]
pub fn whole(range: &RangeInclusive<u32>) -> Object {
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .minimum(Some(*range.start()))
        .maximum(Some(*range.end()))
        .build()
}

/// A number within that range.
#[must_use]
pub fn number(range: &RangeInclusive<f64>) -> Object {
    ObjectBuilder::new()
        .schema_type(Type::Number)
        .minimum(Some(*range.start()))
        .maximum(Some(*range.end()))
        .build()
}

/// One of these words.
#[must_use]
pub fn word(words: impl IntoIterator<Item = &'static str>) -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(words))
        .build()
}

/// A text that this pattern (ECMA-262) fits.
#[must_use]
pub fn text(pattern: impl Into<String>) -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some(pattern))
        .build()
}
