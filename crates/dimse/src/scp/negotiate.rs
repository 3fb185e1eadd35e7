//! What is granted to who calls (PS3.8, 7.1; PS3.7, D).

use std::net::IpAddr;

use dicom::Uid;

use super::settings::ScpSettings;
use crate::ae::AeTitle;
use crate::pdu::{
    AnsweredContext, AssociateAccept, AssociateRequest, ContextAnswer, ProposedContext,
    RejectReason, Rejection,
};
use crate::sop::{APPLICATION, IMPLICIT, VERIFICATION, is_read, is_taken};
use crate::wire::MOST_DATA;

/// A presentation context that was granted.
pub(super) struct Granted {
    pub id: u8,
    pub class: String,
    pub syntax: Uid,
}

/// An association as it was agreed upon.
pub(super) struct Agreed {
    pub caller: AeTitle,
    pub contexts: Vec<Granted>,
    /// What the peer is told.
    pub accept: Vec<u8>,
}

pub(super) fn negotiate(
    settings: &ScpSettings,
    request: &AssociateRequest<'_>,
    address: IpAddr,
) -> Result<Agreed, Rejection> {
    if !request.speaks_version_1 {
        return Err(Rejection::lasting(RejectReason::Version));
    }
    if request.application != APPLICATION {
        return Err(Rejection::lasting(RejectReason::Application));
    }
    let called = request.called.as_ref();
    if called != Some(&settings.title) {
        return Err(Rejection::lasting(RejectReason::Called));
    }
    let caller = request.calling.as_ref();
    let Some(caller) = caller.filter(|title| settings.admits(title, address)) else {
        return Err(Rejection::lasting(RejectReason::Calling));
    };
    let answers: Vec<AnsweredContext<'_>> = request.contexts.iter().map(answer).collect();
    let granted = request.contexts.iter().zip(&answers);
    let contexts = granted
        .filter(|(_, answer)| answer.answer == ContextAnswer::Accepted)
        .filter_map(|(asked, answer)| {
            Some(Granted {
                id: asked.id,
                class: asked.abstract_syntax.into(),
                syntax: Uid::new(answer.transfer_syntax)?,
            })
        });
    Ok(Agreed {
        caller: caller.clone(),
        contexts: contexts.collect(),
        accept: AssociateAccept {
            contexts: answers,
            most: MOST_DATA,
        }
        .pdu(&settings.title, caller),
    })
}

/// The first transfer syntax that is read here: the peer's own order is its wish.
fn answer<'a>(context: &ProposedContext<'a>) -> AnsweredContext<'a> {
    let class = context.abstract_syntax;
    let mut proposed = context.transfer_syntaxes.iter().copied();
    let found = proposed.find(|syntax| is_read(class, syntax));
    let (answer, transfer_syntax) = match found {
        _ if class != VERIFICATION && !is_taken(class) => {
            (ContextAnswer::NoAbstractSyntax, IMPLICIT)
        }
        None => (ContextAnswer::NoTransferSyntax, IMPLICIT),
        Some(syntax) => (ContextAnswer::Accepted, syntax),
    };
    AnsweredContext {
        id: context.id,
        answer,
        transfer_syntax,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scp::settings::CallerRule;
    use crate::sop::EXPLICIT;
    use std::net::Ipv4Addr;

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
    const ULTRASOUND: &str = "1.2.840.10008.5.1.4.1.1.6.1";

    fn title(text: &str) -> AeTitle {
        AeTitle::new(text).unwrap()
    }

    fn settings() -> ScpSettings {
        ScpSettings {
            callers: vec![CallerRule {
                title: Some(title("US1")),
                address: Some(HERE),
            }],
            ..ScpSettings::new(title("ESPMEDSAM"))
        }
    }

    fn request<'a>() -> AssociateRequest<'a> {
        AssociateRequest {
            speaks_version_1: true,
            called: Some(title("ESPMEDSAM")),
            calling: Some(title("US1")),
            application: APPLICATION,
            contexts: vec![],
            most: 0,
        }
    }

    #[test]
    fn who_is_not_known_or_calls_another_is_told_so() {
        let reason = |request, address| {
            let agreed = negotiate(&settings(), &request, address);
            agreed
                .err()
                .map(|rejection| (rejection.lasting, rejection.reason))
        };
        assert_eq!(reason(request(), HERE), None);
        let wrong = [
            (
                RejectReason::Version,
                AssociateRequest {
                    speaks_version_1: false,
                    ..request()
                },
            ),
            (
                RejectReason::Application,
                AssociateRequest {
                    application: "1.2.3",
                    ..request()
                },
            ),
            (
                RejectReason::Called,
                AssociateRequest {
                    called: Some(title("OTHER")),
                    ..request()
                },
            ),
            (
                RejectReason::Called,
                AssociateRequest {
                    called: None,
                    ..request()
                },
            ),
            (
                RejectReason::Calling,
                AssociateRequest {
                    calling: Some(title("US2")),
                    ..request()
                },
            ),
            (
                RejectReason::Calling,
                AssociateRequest {
                    calling: None,
                    ..request()
                },
            ),
        ];
        for (expected, request) in wrong {
            assert_eq!(reason(request, HERE), Some((true, expected)));
        }
        let elsewhere = Ipv4Addr::new(10, 0, 0, 1).into();
        assert_eq!(
            reason(request(), elsewhere),
            Some((true, RejectReason::Calling))
        );
        assert!(!settings().admits_address(elsewhere));
        let mapped = Ipv4Addr::LOCALHOST.to_ipv6_mapped().into();
        assert_eq!(reason(request(), mapped), None);
        let nobody = ScpSettings::new(title("ESPMEDSAM"));
        assert!(negotiate(&nobody, &request(), HERE).is_err());
    }

    #[test]
    fn what_is_not_read_is_not_granted() {
        let answer = |abstract_syntax, transfer_syntaxes: &[&'static str]| {
            let proposed = ProposedContext {
                id: 1,
                abstract_syntax,
                transfer_syntaxes: transfer_syntaxes.into(),
            };
            let given = super::answer(&proposed);
            (given.answer, given.transfer_syntax)
        };
        let mpeg = "1.2.840.10008.1.2.4.102";
        let accepted = (ContextAnswer::Accepted, EXPLICIT);
        assert_eq!(answer(ULTRASOUND, &[mpeg, EXPLICIT, IMPLICIT]), accepted);
        assert_eq!(
            answer(ULTRASOUND, &[mpeg]).0,
            ContextAnswer::NoTransferSyntax
        );
        assert_eq!(answer(ULTRASOUND, &[]).0, ContextAnswer::NoTransferSyntax);
        assert_eq!(answer(VERIFICATION, &[EXPLICIT]), accepted);
        let jpeg = "1.2.840.10008.1.2.4.50";
        assert_eq!(answer(ULTRASOUND, &[jpeg]), (ContextAnswer::Accepted, jpeg));
        assert_eq!(
            answer(VERIFICATION, &[jpeg]).0,
            ContextAnswer::NoTransferSyntax
        );
        // Find, of patients.
        let find = "1.2.840.10008.5.1.4.1.2.1.1";
        assert_eq!(answer(find, &[IMPLICIT]).0, ContextAnswer::NoAbstractSyntax);
    }
}
