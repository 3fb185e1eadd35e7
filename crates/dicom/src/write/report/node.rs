//! The items of a report's tree (PS3.3, C.17.3).

use crate::origin::ObjectReference;
use crate::uid::Uid;
use crate::write::attributes::*;
use crate::write::codes::{CodedTerm, dcm};
use crate::write::element::Elements;
use crate::write::reference;

/// What a mask, or its outline, is of.
pub(super) const PICTURE: CodedTerm<'static> = dcm("121233", "Source image for segmentation");

/// What an item is to the one that it stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relation {
    Contains,
    /// "HAS CONCEPT MOD"
    Qualifies,
    /// "HAS OBS CONTEXT"
    Observer,
    /// "HAS PROPERTIES"
    Property,
    /// "SELECTED FROM"
    SelectedFrom,
}

/// An item: what it is to its parent, and which question it answers.
#[derive(Clone, Copy)]
pub(super) struct ReportNode<'a> {
    pub relation: Relation,
    pub concept: CodedTerm<'a>,
}

impl<'a> ReportNode<'a> {
    pub fn contains(concept: CodedTerm<'a>) -> Self {
        Self {
            relation: Relation::Contains,
            concept,
        }
    }

    pub fn qualifies(concept: CodedTerm<'a>) -> Self {
        Self {
            relation: Relation::Qualifies,
            concept,
        }
    }

    pub fn observer(concept: CodedTerm<'a>) -> Self {
        Self {
            relation: Relation::Observer,
            concept,
        }
    }

    pub fn property(concept: CodedTerm<'a>) -> Self {
        Self {
            relation: Relation::Property,
            concept,
        }
    }

    fn of(self, kind: &str) -> Elements {
        let relation = match self.relation {
            Relation::Contains => "CONTAINS",
            Relation::Qualifies => "HAS CONCEPT MOD",
            Relation::Observer => "HAS OBS CONTEXT",
            Relation::Property => "HAS PROPERTIES",
            Relation::SelectedFrom => "SELECTED FROM",
        };
        Elements::new()
            .text(RELATIONSHIP_TYPE, relation)
            .text(VALUE_TYPE, kind)
            .code(CONCEPT_NAME_CODE_SEQUENCE, self.concept)
    }

    pub fn code(self, code: CodedTerm<'_>) -> Elements {
        self.of("CODE").code(CONCEPT_CODE_SEQUENCE, code)
    }

    pub fn text(self, text: &str) -> Elements {
        self.of("TEXT").text(TEXT_VALUE, text)
    }

    pub fn uid(self, uid: &Uid) -> Elements {
        self.of("UIDREF").uid(UID, uid)
    }

    /// A number and its unit.
    pub fn number(self, value: f64, unit: CodedTerm<'_>) -> Elements {
        let measured = Elements::new()
            .decimals(NUMERIC_VALUE, &[value])
            // A decimal string may be less exact.
            .double(FLOATING_POINT_VALUE, value)
            .code(MEASUREMENT_UNITS_CODE_SEQUENCE, unit);
        self.of("NUM").item(MEASURED_VALUE_SEQUENCE, measured)
    }

    /// A picture, or one of its frames, from 1.
    pub fn image(self, object: &ObjectReference, frame: Option<u32>) -> Elements {
        let referred = reference::frame(object, frame);
        self.of("IMAGE").item(REFERENCED_SOP_SEQUENCE, referred)
    }

    /// An outline on a frame, from 1, as a closed line: corners in px from the picture's top left corner (PS3.3, C.18.6).
    pub fn outline(
        self,
        corners: &[[u32; 2]],
        object: &ObjectReference,
        frame: Option<u32>,
    ) -> Elements {
        let closed = corners.iter().chain(corners.first());
        let picture = ReportNode {
            relation: Relation::SelectedFrom,
            concept: PICTURE,
        };
        self.of("SCOORD")
            .floats(GRAPHIC_DATA, closed.flatten().map(|place| *place as f32))
            .text(GRAPHIC_TYPE, "POLYLINE")
            .items(CONTENT_SEQUENCE, vec![picture.image(object, frame)])
    }

    /// What other items stand in, by a template of PS3.16 or not.
    pub fn container(self, template: Option<&str>, items: Vec<Elements>) -> Elements {
        self.of("CONTAINER").and(contents(template, items))
    }
}

/// What a container has, the whole report too.
pub(super) fn contents(template: Option<&str>, items: Vec<Elements>) -> Elements {
    let set = Elements::new()
        .text(CONTINUITY_OF_CONTENT, "SEPARATE")
        .items(CONTENT_SEQUENCE, items);
    let Some(number) = template else {
        return set;
    };
    let template = Elements::new()
        .text(MAPPING_RESOURCE, "DCMR")
        .text(TEMPLATE_IDENTIFIER, number);
    set.item(CONTENT_TEMPLATE_SEQUENCE, template)
}
