//! What strangers write and `concentrator dlms` reads, for whoever tries it with arbitrary input: none of these panics.

use super::dissection::Dissector;
use super::keys::Identity;
use super::notation;
use super::push;
use super::state::State;
use super::trace::{Sender, Trace};
use crate::hex::hex;
use dlms::axdr::Data;
use dlms::security::{SecurityContext, SystemTitle};
use std::path::Path;

/// The lines of `--trace` for octets of a meter, of an HDLC line or of wrapper PDUs one behind the other.
pub fn trace(is_hdlc: bool, octets: &[u8]) -> String {
    let keys = known_keys();
    Trace::new(is_hdlc, Some(&keys), [Some(TITLE); 2]).lines(Sender::Meter, octets)
}

/// The lines of `--trace` for one APDU of a client, and for the same of a meter.
pub fn dissection(apdu: &[u8]) -> String {
    let mut dissector = Dissector::new(Some(known_keys()), [Some(TITLE); 2]);
    dissector.tree(Sender::Client, apdu) + &dissector.tree(Sender::Meter, apdu)
}

/// How many pushes `push listen` hears in octets of one connection that come in pieces of `piece`, over HDLC, with the wrapper, or each
/// piece as a datagram; under the example keys, without a file.
///
/// # Errors
/// The counters cannot be kept, which nothing in memory can bring about.
pub fn pushes(kind: PushKind, piece: usize, octets: &[u8]) -> anyhow::Result<usize> {
    push::hear(kind, piece, octets, known_keys())
}

/// How octets come to a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PushKind {
    /// Frames.
    Hdlc,
    /// Wrapper PDUs, one behind the other.
    Wrapper,
    /// A wrapper PDU in each datagram.
    Datagrams,
}

/// A value in the notation of `set`, as its octets in hexadecimal digits and written again.
///
/// # Errors
/// Where the text is no such value.
pub fn value(text: &str) -> Result<(String, String), String> {
    let value = notation::parse(text)?;
    let written = Data::from_bytes(&value.0).map_err(|error| error.to_string())?;
    Ok((hex(&value.0), notation::print(&written)))
}

/// The file of `--keys`, for a client.
///
/// # Errors
/// What is wrong with it.
pub fn keys(text: &str, client: u16) -> Result<(), String> {
    Identity::parse(Path::new("keys"), text, client).map(|_| ()).map_err(|error| format!("{error:#}"))
}

/// The file of `--state`, as it is written again.
///
/// # Errors
/// What is wrong with it.
pub fn state(text: &str) -> Result<String, String> {
    State::parse(text).map(|state| state.to_string())
}

const TITLE: SystemTitle = *b"MMM\0\0\xBCaN";

/// The example keys of the Green Book: what was recorded under them is taken apart as well.
fn known_keys() -> SecurityContext {
    SecurityContext::new(&std::array::from_fn(|n| n as u8), &std::array::from_fn(|n| 0xD0 + n as u8))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_octets_are_too_strange_to_be_shown(octets: Vec<u8>, is_hdlc: bool) {
            trace(is_hdlc, &octets);
            prop_assert!(!dissection(&octets).is_empty());
        }

        #[test]
        fn what_begins_like_a_known_apdu_is_taken_apart_or_said_not_to_be_understood(
            tag in proptest::sample::select(vec![
                0x01_u8, 0x08, 0x0F, 0x60, 0x61, 0xC0, 0xC4, 0xC8, 0xCC, 0xD9, 0xDA, 0xDB, 0xDC, 0xDD, 0xDF, 0xE0,
            ]),
            rest: Vec<u8>,
        ) {
            let lines = dissection(&[&[tag][..], &rest].concat());
            prop_assert!(lines.lines().count() >= 4, "{lines}");
        }

        #[test]
        fn a_value_that_was_written_is_read_as_the_same(text in "[a-z0-9]{1,8}:[ -~]{0,40}") {
            if let Ok((octets, written)) = value(&text) {
                prop_assert_eq!(value(&written).map(|(again, _)| again), Ok(octets));
            }
        }

        #[test]
        fn no_octets_are_too_strange_for_a_listener_and_no_push_is_heard_in_random_ones(
            octets: Vec<u8>, piece in 1usize..64, kind in prop::sample::select(vec![
                PushKind::Hdlc, PushKind::Wrapper, PushKind::Datagrams,
            ]),
        ) {
            prop_assert!(matches!(pushes(kind, piece, &octets), Ok(0)));
        }

        #[test]
        fn a_push_is_heard_in_whatever_pieces_it_comes(piece in 1usize..64) {
            let push = [0, 1, 0, 1, 0, 1, 0, 8, 0x0F, 0, 0, 0, 1, 0, 17, 5];
            prop_assert!(matches!(pushes(PushKind::Wrapper, piece, &push), Ok(1)));
        }

        #[test]
        fn no_file_of_keys_is_too_strange(text: String, client: u16) {
            let _ = keys(&text, client);
        }
    }
}
