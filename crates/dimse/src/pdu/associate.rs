//! A-ASSOCIATE-RQ and -AC (PS3.8, 9.3.2 and 9.3.3; PS3.7, D.3).

use super::fields::{Fields, put_item};
use super::{PduFault, PduKind, pdu};
use crate::ae::AeTitle;
use crate::sop::APPLICATION;
use dicom::IMPLEMENTATION;

/// Items and sub-items.
const APPLICATION_CONTEXT: u8 = 0x10;
const PROPOSED: u8 = 0x20;
const ANSWERED: u8 = 0x21;
const ABSTRACT_SYNTAX: u8 = 0x30;
const TRANSFER_SYNTAX: u8 = 0x40;
const USER_INFORMATION: u8 = 0x50;
const MAXIMUM_LENGTH: u8 = 0x51;
const IMPLEMENTATION_CLASS: u8 = 0x52;
const IMPLEMENTATION_VERSION: u8 = 0x55;
/// Bit 0 of the protocol versions that a peer speaks: the only one there is.
const VERSION_1: u16 = 1;
/// Odd numbers of one byte.
const MOST_CONTEXTS: usize = 128;

/// What a peer asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct AssociateRequest<'a> {
    pub speaks_version_1: bool,
    /// Its fields as they are: what is no title is nobody's.
    pub called: Option<AeTitle>,
    pub calling: Option<AeTitle>,
    pub application: &'a str,
    pub contexts: Vec<ProposedContext<'a>>,
    /// The longest PDU that it takes; 0: any.
    pub most: u32,
}

/// A service, and how its data sets may be written.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ProposedContext<'a> {
    pub id: u8,
    pub abstract_syntax: &'a str,
    pub transfer_syntaxes: Vec<&'a str>,
}

/// What is granted.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct AssociateAccept<'a> {
    pub contexts: Vec<AnsweredContext<'a>>,
    /// As in a request.
    pub most: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AnsweredContext<'a> {
    pub id: u8,
    pub answer: ContextAnswer,
    /// Says nothing unless it was accepted.
    pub transfer_syntax: &'a str,
}

/// PS3.8, table 9-18.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ContextAnswer {
    Accepted,
    /// By the user, or for no reason.
    Declined,
    NoAbstractSyntax,
    NoTransferSyntax,
}

impl ContextAnswer {
    fn code(self) -> u8 {
        match self {
            Self::Accepted => 0,
            Self::Declined => 1,
            Self::NoAbstractSyntax => 3,
            Self::NoTransferSyntax => 4,
        }
    }

    fn of(code: u8) -> Self {
        match code {
            0 => Self::Accepted,
            3 => Self::NoAbstractSyntax,
            4 => Self::NoTransferSyntax,
            _ => Self::Declined,
        }
    }
}

/// The fields that both PDUs begin with.
struct Opening<'a> {
    version: u16,
    called: &'a [u8],
    calling: &'a [u8],
}

impl<'a> Opening<'a> {
    fn read(fields: &mut Fields<'a>) -> Result<Self, PduFault> {
        let version = fields.short()?;
        fields.bytes(2)?;
        let called = fields.bytes(AeTitle::FIELD)?;
        let calling = fields.bytes(AeTitle::FIELD)?;
        fields.bytes(32)?;
        Ok(Self {
            version,
            called,
            calling,
        })
    }

    fn body(called: &[u8], calling: &[u8]) -> Vec<u8> {
        let mut body = Vec::new();
        body.extend(VERSION_1.to_be_bytes());
        body.extend([0; 2]);
        body.extend(called);
        body.extend(calling);
        body.extend([0; 32]);
        put_item(APPLICATION_CONTEXT, APPLICATION.as_bytes(), &mut body);
        body
    }
}

impl<'a> AssociateRequest<'a> {
    pub fn read(body: &'a [u8]) -> Result<Self, PduFault> {
        let mut fields = Fields::new(body, "a request for an association");
        let opening = Opening::read(&mut fields)?;
        let mut request = Self {
            speaks_version_1: opening.version & VERSION_1 != 0,
            called: AeTitle::of_field(opening.called),
            calling: AeTitle::of_field(opening.calling),
            application: "",
            contexts: Vec::new(),
            most: 0,
        };
        while !fields.is_empty() {
            match fields.item()? {
                (APPLICATION_CONTEXT, item) => request.application = item.uid()?,
                (PROPOSED, item) => request.contexts.push(ProposedContext::read(item)?),
                (USER_INFORMATION, item) => request.most = maximum_length(item)?,
                _ => {}
            }
            if request.contexts.len() > MOST_CONTEXTS {
                return Err(PduFault::Bad("more than 128 presentation contexts"));
            }
        }
        let mut seen = [false; 256];
        for context in &request.contexts {
            let first = seen.get_mut(usize::from(context.id));
            if context.id % 2 == 0 || first.is_none_or(|seen| std::mem::replace(seen, true)) {
                return Err(PduFault::Bad(
                    "a presentation context's number is even, or another's too",
                ));
            }
        }
        Ok(request)
    }

    /// The whole PDU; both titles are there.
    pub fn pdu(
        called: &AeTitle,
        calling: &AeTitle,
        contexts: &[ProposedContext<'_>],
        most: u32,
    ) -> Vec<u8> {
        let mut body = Opening::body(&called.field(), &calling.field());
        for context in contexts {
            let mut item = vec![context.id, 0, 0, 0];
            put_item(
                ABSTRACT_SYNTAX,
                context.abstract_syntax.as_bytes(),
                &mut item,
            );
            for syntax in &context.transfer_syntaxes {
                put_item(TRANSFER_SYNTAX, syntax.as_bytes(), &mut item);
            }
            put_item(PROPOSED, &item, &mut body);
        }
        put_user_information(most, &mut body);
        pdu(PduKind::AssociateRequest, &body)
    }
}

impl<'a> ProposedContext<'a> {
    fn read(mut item: Fields<'a>) -> Result<Self, PduFault> {
        let id = item.byte()?;
        item.bytes(3)?;
        let mut context = Self {
            id,
            abstract_syntax: "",
            transfer_syntaxes: Vec::new(),
        };
        while !item.is_empty() {
            match item.item()? {
                (ABSTRACT_SYNTAX, sub) => context.abstract_syntax = sub.uid()?,
                (TRANSFER_SYNTAX, sub) => context.transfer_syntaxes.push(sub.uid()?),
                _ => {}
            }
        }
        Ok(context)
    }
}

impl<'a> AssociateAccept<'a> {
    pub fn read(body: &'a [u8]) -> Result<Self, PduFault> {
        let mut fields = Fields::new(body, "the acceptance of an association");
        Opening::read(&mut fields)?;
        let mut accept = Self {
            contexts: Vec::new(),
            most: 0,
        };
        while !fields.is_empty() {
            match fields.item()? {
                (ANSWERED, item) => accept.contexts.push(AnsweredContext::read(item)?),
                (USER_INFORMATION, item) => accept.most = maximum_length(item)?,
                _ => {}
            }
            if accept.contexts.len() > MOST_CONTEXTS {
                return Err(PduFault::Bad("more than 128 presentation contexts"));
            }
        }
        Ok(accept)
    }

    /// The whole PDU. The titles are the request's own, as PS3.8, 9.3.3, asks for.
    pub fn pdu(&self, called: &AeTitle, calling: &AeTitle) -> Vec<u8> {
        let mut body = Opening::body(&called.field(), &calling.field());
        for context in &self.contexts {
            let mut item = vec![context.id, 0, context.answer.code(), 0];
            put_item(
                TRANSFER_SYNTAX,
                context.transfer_syntax.as_bytes(),
                &mut item,
            );
            put_item(ANSWERED, &item, &mut body);
        }
        put_user_information(self.most, &mut body);
        pdu(PduKind::AssociateAccept, &body)
    }
}

impl<'a> AnsweredContext<'a> {
    fn read(mut item: Fields<'a>) -> Result<Self, PduFault> {
        let [id, _, answer, _] = item.array()?;
        let mut context = Self {
            id,
            answer: ContextAnswer::of(answer),
            transfer_syntax: "",
        };
        while !item.is_empty() {
            if let (TRANSFER_SYNTAX, sub) = item.item()?
                && context.answer == ContextAnswer::Accepted
            {
                context.transfer_syntax = sub.uid()?;
            }
        }
        Ok(context)
    }
}

/// Of all that a user may say, the one thing that is heeded: roles, windows and identities are declined by no answer (PS3.7, D.3.3).
fn maximum_length(mut item: Fields<'_>) -> Result<u32, PduFault> {
    let mut most = 0;
    while !item.is_empty() {
        if let (MAXIMUM_LENGTH, mut sub) = item.item()? {
            most = sub.long()?;
        }
    }
    Ok(most)
}

fn put_user_information(most: u32, body: &mut Vec<u8>) {
    let mut item = Vec::new();
    put_item(MAXIMUM_LENGTH, &most.to_be_bytes(), &mut item);
    put_item(IMPLEMENTATION_CLASS, IMPLEMENTATION.as_bytes(), &mut item);
    put_item(
        IMPLEMENTATION_VERSION,
        dicom::IMPLEMENTATION_VERSION.as_bytes(),
        &mut item,
    );
    put_item(USER_INFORMATION, &item, body);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pdu::PDU_HEADER;
    use crate::sop::{EXPLICIT, IMPLICIT, VERIFICATION};

    fn title(text: &str) -> AeTitle {
        AeTitle::new(text).unwrap()
    }

    fn contexts() -> Vec<ProposedContext<'static>> {
        [1, 255]
            .map(|id| ProposedContext {
                id,
                abstract_syntax: VERIFICATION,
                transfer_syntaxes: vec![EXPLICIT, IMPLICIT],
            })
            .into()
    }

    #[test]
    fn what_is_written_is_read_and_no_part_of_it_panics() {
        let pdu = AssociateRequest::pdu(&title("US"), &title("ME"), &contexts(), 16384);
        let body = &pdu[PDU_HEADER..];
        assert_eq!(
            AssociateRequest::read(body),
            Ok(AssociateRequest {
                speaks_version_1: true,
                called: Some(title("US")),
                calling: Some(title("ME")),
                application: APPLICATION,
                contexts: contexts(),
                most: 16384,
            })
        );
        let mut short = 0;
        for end in 0..body.len() {
            match AssociateRequest::read(&body[..end]) {
                Err(fault) => {
                    assert_eq!(fault, PduFault::Short("a request for an association"));
                    short += 1;
                }
                Ok(request) => assert!(request.contexts.len() <= 2),
            }
        }
        // It ends well at the end of each of its four items but the last.
        assert_eq!(short, body.len() - 4);
    }

    #[test]
    fn numbers_of_contexts_are_odd_and_each_there_once() {
        for id in [0, 2, 255] {
            let mut contexts = contexts();
            contexts[0].id = id;
            let pdu = AssociateRequest::pdu(&title("US"), &title("ME"), &contexts, 0);
            let read = AssociateRequest::read(&pdu[PDU_HEADER..]);
            assert!(matches!(read, Err(PduFault::Bad(_))), "{id}");
        }
    }

    #[test]
    fn answers_are_read_as_they_were_given() {
        let answer = |id, answer, transfer_syntax| AnsweredContext {
            id,
            answer,
            transfer_syntax,
        };
        let accept = AssociateAccept {
            contexts: vec![
                answer(1, ContextAnswer::Accepted, EXPLICIT),
                answer(3, ContextAnswer::NoAbstractSyntax, ""),
                answer(5, ContextAnswer::NoTransferSyntax, ""),
                answer(7, ContextAnswer::Declined, ""),
            ],
            most: 0,
        };
        let pdu = accept.pdu(&title("US"), &title("ME"));
        assert_eq!(AssociateAccept::read(&pdu[PDU_HEADER..]), Ok(accept));
    }
}
