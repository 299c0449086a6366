//! What may be done to the steps of a conversation.

use crate::conversation::{Paused, datagram};
use crate::subject::{DEVICE, PSK, Step};
use plc_core::ShortAddress;
use plc_core::crc::g3_fcs;
use plc_core::sap::{AdpmRequest, PhyIndication, PhyLoss, Psdu};
use proptest::prelude::*;
use std::time::Duration;

/// What is done to one step.
#[derive(Clone, Debug)]
pub(crate) enum Tampering {
    None,
    Skip,
    Double,
    /// Comes so many microseconds later, and all that follows with it.
    Delay(u64),
    Flip {
        at: usize,
        with: u8,
        sealed: bool,
    },
    Noise {
        bytes: Vec<u8>,
        sealed: bool,
    },
    Lost(PhyLoss),
    Udp(u16, usize),
    Adpm(AdpmRequest),
}

pub(crate) fn tampering() -> impl Strategy<Value = Tampering> {
    let noise = prop::collection::vec(any::<u8>(), 1..200);
    prop_oneof![
        20 => Just(Tampering::None),
        1 => Just(Tampering::Skip),
        1 => Just(Tampering::Double),
        1 => (0u64..3_000_000).prop_map(Tampering::Delay),
        2 => (any::<usize>(), 1u8.., any::<bool>())
            .prop_map(|(at, with, sealed)| Tampering::Flip { at, with, sealed }),
        1 => (noise, any::<bool>()).prop_map(|(bytes, sealed)| Tampering::Noise { bytes, sealed }),
        1 => prop::sample::select(vec![PhyLoss::Header, PhyLoss::Payload]).prop_map(Tampering::Lost),
        1 => (0u16..4, 0usize..1230).prop_map(|(dst, len)| Tampering::Udp(dst, len)),
        1 => management().prop_map(Tampering::Adpm),
    ]
}

fn management() -> impl Strategy<Value = AdpmRequest> {
    let allow = |short| AdpmRequest::Allow { eui64: DEVICE, psk: PSK, short };
    prop::sample::select(vec![
        allow(None),
        allow(Some(ShortAddress(2))),
        AdpmRequest::Kick { eui64: DEVICE },
        AdpmRequest::NetworkJoin,
        AdpmRequest::NetworkLeave,
    ])
}

/// The conversation with what `tamperings` have made of it.
pub(crate) fn tampered(conversation: &[Paused], tamperings: &[Tampering]) -> Vec<Paused> {
    let all = tamperings.iter().chain(std::iter::repeat(&Tampering::None));
    conversation.iter().zip(all).flat_map(|(paused, tampering)| tamper(paused, tampering)).collect()
}

fn tamper((pause, step): &Paused, tampering: &Tampering) -> Vec<Paused> {
    let (as_it_was, at_once) = ((*pause, step.clone()), Duration::ZERO);
    match tampering {
        Tampering::None => vec![as_it_was],
        Tampering::Skip => Vec::new(),
        Tampering::Double => vec![as_it_was, (at_once, step.clone())],
        Tampering::Delay(us) => vec![(*pause + Duration::from_micros(*us), step.clone())],
        Tampering::Flip { at, with, sealed } => vec![(*pause, flip(step, *at, *with, *sealed))],
        Tampering::Noise { bytes, sealed } => vec![(*pause, noise(step, bytes, *sealed))],
        Tampering::Lost(loss) => vec![(*pause, lost(step, *loss))],
        Tampering::Udp(dst, len) => {
            vec![as_it_was, (at_once, Step::Udp(datagram(ShortAddress(*dst), *len)))]
        }
        Tampering::Adpm(request) => vec![as_it_was, (at_once, Step::Adpm(request.clone()))],
    }
}

fn flip(step: &Step, at: usize, with: u8, sealed: bool) -> Step {
    let mut other = step.clone();
    if let Step::Hear(PhyIndication::Data(frame)) = &mut other {
        let at = at % frame.psdu.len();
        frame.psdu[at] ^= with;
        seal(&mut frame.psdu, sealed);
    }
    other
}

fn noise(step: &Step, bytes: &[u8], sealed: bool) -> Step {
    let mut other = step.clone();
    if let Step::Hear(PhyIndication::Data(frame)) = &mut other {
        frame.psdu = Psdu::from_slice(bytes).unwrap();
        seal(&mut frame.psdu, sealed);
    }
    other
}

fn lost(step: &Step, loss: PhyLoss) -> Step {
    match step {
        Step::Hear(PhyIndication::Data(frame)) => {
            Step::Hear(PhyIndication::Lost { loss, ended: frame.ended })
        }
        other => other.clone(),
    }
}

/// Gives a frame a check sequence that fits.
fn seal(psdu: &mut Psdu, sealed: bool) {
    if let Some((body, tail)) = psdu.split_last_chunk_mut::<2>().filter(|_| sealed) {
        *tail = g3_fcs(body).to_le_bytes();
    }
}
