//! Which of the services that were negotiated an APDU uses.

use crate::apdu::Conformance;
use crate::specs::apdu_tag;
use crate::specs::choice::{NEXT, WITH_LIST, action_request as action, set_request as set};

/// What client and server must both have said that they can do, for the service that begins with these octets. What is no service
/// needs nothing: it is refused for being none.
pub(super) fn needed(apdu: &[u8]) -> Conformance {
    const BLOCKS_SET: Conformance = Conformance::BLOCK_SET;
    const BLOCKS_ACTION: Conformance = Conformance::BLOCK_ACTION;
    const LIST: Conformance = Conformance::MULTIPLE_REFERENCES;
    let [tag, choice] = [0, 1].map(|at| apdu.get(at).copied().unwrap_or_default());
    match (tag, choice) {
        (apdu_tag::GET_REQUEST, WITH_LIST) => Conformance::GET | LIST,
        (apdu_tag::GET_REQUEST, NEXT) => Conformance::GET | Conformance::BLOCK_GET,
        (apdu_tag::GET_REQUEST, _) => Conformance::GET,
        (apdu_tag::SET_REQUEST, set::WITH_LIST) => Conformance::SET | LIST,
        (apdu_tag::SET_REQUEST, set::WITH_LIST_AND_FIRST_DATA_BLOCK) => Conformance::SET | LIST | BLOCKS_SET,
        (apdu_tag::SET_REQUEST, set::WITH_FIRST_DATA_BLOCK | set::WITH_DATA_BLOCK) => {
            Conformance::SET | BLOCKS_SET
        }
        (apdu_tag::SET_REQUEST, _) => Conformance::SET,
        (apdu_tag::ACTION_REQUEST, action::WITH_LIST) => Conformance::ACTION | LIST,
        (apdu_tag::ACTION_REQUEST, action::WITH_LIST_AND_FIRST_PBLOCK) => {
            Conformance::ACTION | LIST | BLOCKS_ACTION
        }
        (apdu_tag::ACTION_REQUEST, action::WITH_FIRST_PBLOCK | action::WITH_PBLOCK | action::NEXT_PBLOCK) => {
            Conformance::ACTION | BLOCKS_ACTION
        }
        (apdu_tag::ACTION_REQUEST, _) => Conformance::ACTION,
        (apdu_tag::ACCESS_REQUEST, _) => Conformance::ACCESS,
        _ => Conformance::default(),
    }
}
