//! What a client that is not known, or that asks for a logical device that is not here, is told: nothing of the meter,
//! but at once \[GB 7.3, 9.4.2; confidence C\].

use super::caller::NOT_ASSOCIATED;
use crate::apdu::{
    Aare, Aarq, ApplicationContext, AssociationResult, Diagnostic, Pdu, is_ciphered, is_general,
    is_never_answered,
};
use crate::specs::apdu_tag;
use crate::specs::wrapper::{SAP_ALL_STATION, SAP_NO_STATION};
use crate::wrapper::Wpdu;
use alloc::vec::Vec;

/// The wrapper PDU that refuses; none for what is no request, and for what is not meant for one.
pub(super) fn answer(wpdu: &Wpdu<'_>) -> Option<Vec<u8>> {
    if matches!(wpdu.destination, SAP_NO_STATION | SAP_ALL_STATION) {
        return None;
    }
    let apdu = match *wpdu.apdu.first()? {
        tag if is_never_answered(tag) => return None,
        apdu_tag::AARQ => rejection(wpdu.apdu),
        tag if is_request(tag) || is_ciphered(tag) || is_general(tag) => NOT_ASSOCIATED.to_vec(),
        _ => return None,
    };
    Some(Wpdu { source: wpdu.destination, destination: wpdu.source, apdu: &apdu }.to_vec())
}

/// Whether an APDU without protection wants an answer. One in an envelope may be a push, to which an exception does no harm.
const fn is_request(tag: u8) -> bool {
    matches!(
        tag,
        apdu_tag::GET_REQUEST
            | apdu_tag::SET_REQUEST
            | apdu_tag::ACTION_REQUEST
            | apdu_tag::ACCESS_REQUEST
            | apdu_tag::GENERAL_BLOCK_TRANSFER
            | apdu_tag::RLRQ
    )
}

/// The AARE that refuses for good, in the context that was asked for.
fn rejection(aarq: &[u8]) -> Vec<u8> {
    let context = Aarq::from_bytes(aarq).map_or(ApplicationContext::of(false), |aarq| aarq.context);
    Aare {
        context,
        result: AssociationResult::RejectedPermanent,
        diagnostic: Diagnostic::NoReasonGiven,
        from_provider: false,
        server_title: None,
        mechanism: None,
        authentication_value: None,
        user_information: None,
    }
    .to_vec()
}
