//! The messages of one EAP-PSK authentication, for both ends \[RFC 4764 5; G3 LBP 7.2\].
//!
//! Functions of their arguments: the conversations of `lbs` and `lbd` hold the state.

use crate::action::Grant;
use crate::counters::Drop;
use crate::eap_psk::{Session, StaticKeys, same_mac};
use crate::wire::{
    EapCode, EapMessage, LbpCode, LbpFrame, Parameter, ParameterResult, Pchannel, PchannelContent,
    PchannelResult, PskMessage, msdu,
};
use heapless::Vec;
use plc_core::sap::Msdu;
use plc_core::wire::{Reader, WireError, Writer};
use plc_core::{Eui64, ShortAddress};

/// The content of a protected channel, open.
pub(crate) type Content = Vec<u8, 128>;

/// Nonce of the third message, then of the fourth.
const NONCE_SERVER: u32 = 0;
const NONCE_PEER: u32 = 1;

/// An empty message of this kind.
pub(crate) fn bare(code: LbpCode, eui64: Eui64) -> Msdu {
    fitting(msdu(|w| LbpFrame::new(code, eui64, &[]).emit(w)))
}

/// ACCEPTED with EAP success, or DECLINE with EAP failure.
pub(crate) fn verdict(code: LbpCode, eui64: Eui64, identifier: u8) -> Msdu {
    let eap = if code == LbpCode::Accepted { EapCode::Success } else { EapCode::Failure };
    enclose(code, eui64, &EapMessage { code: eap, identifier, psk: None })
}

/// First message: the server names itself.
pub(crate) fn first(eui64: Eui64, identifier: u8, rand_s: [u8; 16], id_s: &[u8]) -> Msdu {
    let psk = Some(PskMessage::First { rand_s, id_s });
    enclose(LbpCode::Challenge, eui64, &EapMessage { code: EapCode::Request, identifier, psk })
}

/// Second message: the peer proves that it knows the key.
pub(crate) fn second(
    eui64: Eui64,
    identifier: u8,
    keys: &StaticKeys,
    (rand_s, rand_p): ([u8; 16], [u8; 16]),
    id_s: &[u8],
) -> Msdu {
    let mac_p = keys.mac_p(&eui64.0, id_s, &rand_s, &rand_p);
    let psk = Some(PskMessage::Second { rand_s, rand_p, mac_p, id_p: &eui64.0 });
    enclose(LbpCode::Joining, eui64, &EapMessage { code: EapCode::Response, identifier, psk })
}

/// Whether the second message proves that its sender knows the key.
pub(crate) fn second_is_proof(
    message: &PskMessage<'_>,
    eui64: Eui64,
    keys: &StaticKeys,
    id_s: &[u8],
) -> bool {
    match message {
        PskMessage::Second { rand_s, rand_p, mac_p, id_p } => {
            *id_p == eui64.0 && same_mac(&keys.mac_p(id_p, id_s, rand_s, rand_p), mac_p)
        }
        _ => false,
    }
}

/// Third message: the server proves itself and hands over what the device needs: all of it, or the key alone.
pub(crate) fn third(
    eui64: Eui64,
    identifier: u8,
    session: &Session,
    (rand_s, mac_s): ([u8; 16], [u8; 16]),
    grant: &Grant,
    whole: bool,
) -> Msdu {
    let mut buffer = [0; 128];
    let mut writer = Writer::new(&mut buffer);
    emit_grant(grant, whole, &mut writer).expect("three parameters fit");
    sealed(eui64, Frame { identifier, rand_s, mac_s: Some(mac_s) }, session, writer.written_mut())
}

/// Fourth message: the peer says how it took its parameters.
pub(crate) fn fourth(
    eui64: Eui64,
    identifier: u8,
    session: &Session,
    rand_s: [u8; 16],
    result: [u8; 2],
) -> Msdu {
    let mut buffer = [0; 16];
    let mut writer = Writer::new(&mut buffer);
    emit_result(result, &mut writer).expect("one parameter fits");
    sealed(eui64, Frame { identifier, rand_s, mac_s: None }, session, writer.written_mut())
}

/// Opens the protected channel of a third or fourth message.
pub(crate) fn open(message: &EapMessage<'_>, session: &Session) -> Result<Content, Drop> {
    let (expected, pchannel) = match message.psk {
        Some(PskMessage::Third { pchannel, .. }) => (NONCE_SERVER, pchannel),
        Some(PskMessage::Fourth { pchannel, .. }) => (NONCE_PEER, pchannel),
        _ => return Err(Drop::UnexpectedMessage),
    };
    let mut content = Content::from_slice(pchannel.ciphertext).map_err(|_| Drop::Malformed)?;
    let opens = session.open(pchannel.nonce, &message.pchannel_header(), &pchannel.tag, &mut content);
    if opens && pchannel.nonce == expected { Ok(content) } else { Err(Drop::Authentication) }
}

/// A member shall use the group key in this slot.
pub(crate) fn activation(eui64: Eui64, index: u8) -> Msdu {
    with_parameter(LbpCode::Accepted, eui64, &Parameter::GmkActivation(index))
}

/// A member shall forget the group key in this slot.
pub(crate) fn retirement(eui64: Eui64, index: u8) -> Msdu {
    with_parameter(LbpCode::Accepted, eui64, &Parameter::GmkRemoval(index))
}

/// A member says how it took such an order.
pub(crate) fn order_taken(eui64: Eui64, result: [u8; 2]) -> Msdu {
    with_parameter(LbpCode::Joining, eui64, &Parameter::Result(result))
}

fn with_parameter(code: LbpCode, eui64: Eui64, parameter: &Parameter<'_>) -> Msdu {
    fitting(msdu(|writer| {
        LbpFrame::new(code, eui64, &[]).emit(writer)?;
        parameter.emit(writer)
    }))
}

/// What the server grants to a device that joins, or how it must answer instead.
pub(crate) fn grant_of(content: &[u8]) -> Result<Grant, ParameterResult> {
    let (short, gmk, active) = offer_of(content)?;
    check_grant(short, gmk, active)
}

/// What the server grants to a member: a key for the slot that is not in use.
pub(crate) fn renewal_of(
    content: &[u8],
    short: ShortAddress,
    active_index: u8,
) -> Result<Grant, ParameterResult> {
    let (_, gmk, _) = offer_of(content)?;
    let (gmk_index, gmk) = gmk.ok_or(ParameterResult::Missing)?;
    let free = gmk_index < crate::specs::GMK_SLOTS && gmk_index != active_index;
    if free { Ok(Grant { short, gmk, gmk_index, active_index }) } else { Err(ParameterResult::InvalidValue) }
}

type Offer = (Option<ShortAddress>, Option<(u8, plc_core::sap::Key)>, Option<u8>);

fn offer_of(content: &[u8]) -> Result<Offer, ParameterResult> {
    let content = PchannelContent::parse(&mut Reader::new(content)).map_err(|_| ParameterResult::Missing)?;
    let (mut short, mut gmk, mut active) = (None, None, None);
    let mut reader = Reader::new(content.parameters.ok_or(ParameterResult::Missing)?);
    while !reader.is_empty() {
        match Parameter::parse(&mut reader).map_err(|_| ParameterResult::InvalidValue)? {
            Parameter::ShortAddress(address) => short = Some(address),
            Parameter::Gmk { index, key } => gmk = Some((index, key)),
            Parameter::GmkActivation(index) => active = Some(index),
            Parameter::Other { attribute, .. } if attribute & 2 != 0 => return Err(ParameterResult::Unknown),
            _ => {}
        }
    }
    Ok((short, gmk, active))
}

/// How the device took its parameters: the result code, wherever it stands.
pub(crate) fn result_of(content: &[u8], result_before_attribute: bool) -> ParameterResult {
    let pair = PchannelContent::parse(&mut Reader::new(content)).ok().and_then(|content| {
        match Parameter::parse(&mut Reader::new(content.parameters?)) {
            Ok(Parameter::Result(pair)) if content.result == PchannelResult::DoneSuccess => Some(pair),
            _ => None,
        }
    });
    let code = pair.map(|[first, second]| if result_before_attribute { first } else { second });
    code.map_or(ParameterResult::Missing, ParameterResult::from_code)
}

fn check_grant(
    short: Option<ShortAddress>,
    gmk: Option<(u8, plc_core::sap::Key)>,
    active: Option<u8>,
) -> Result<Grant, ParameterResult> {
    let short = short.ok_or(ParameterResult::Missing)?;
    let (gmk_index, gmk) = gmk.ok_or(ParameterResult::Missing)?;
    let active_index = active.unwrap_or(gmk_index);
    let in_range = short.is_device() && gmk_index < crate::specs::GMK_SLOTS && active_index == gmk_index;
    let grant = Grant { short, gmk, gmk_index, active_index };
    if in_range { Ok(grant) } else { Err(ParameterResult::InvalidValue) }
}

fn emit_grant(grant: &Grant, whole: bool, writer: &mut Writer<'_>) -> Result<(), WireError> {
    PchannelContent { result: PchannelResult::DoneSuccess, parameters: Some(&[]) }.emit(writer)?;
    let gmk = Parameter::Gmk { index: grant.gmk_index, key: grant.gmk };
    if !whole {
        return gmk.emit(writer);
    }
    Parameter::ShortAddress(grant.short).emit(writer)?;
    gmk.emit(writer)?;
    Parameter::GmkActivation(grant.active_index).emit(writer)
}

fn emit_result(result: [u8; 2], writer: &mut Writer<'_>) -> Result<(), WireError> {
    PchannelContent { result: PchannelResult::DoneSuccess, parameters: Some(&[]) }.emit(writer)?;
    Parameter::Result(result).emit(writer)
}

/// What stands around the protected channel: the third message when there is a MAC_S, else the fourth.
struct Frame {
    identifier: u8,
    rand_s: [u8; 16],
    mac_s: Option<[u8; 16]>,
}

impl Frame {
    const fn nonce(&self) -> u32 {
        if self.mac_s.is_some() { NONCE_SERVER } else { NONCE_PEER }
    }

    fn around<'a>(&self, tag: [u8; 16], ciphertext: &'a [u8]) -> EapMessage<'a> {
        let pchannel = Pchannel { nonce: self.nonce(), tag, ciphertext };
        let (rand_s, identifier) = (self.rand_s, self.identifier);
        let (code, psk) = match self.mac_s {
            Some(mac_s) => (EapCode::Request, PskMessage::Third { rand_s, mac_s, pchannel }),
            None => (EapCode::Response, PskMessage::Fourth { rand_s, pchannel }),
        };
        EapMessage { code, identifier, psk: Some(psk) }
    }
}

/// Encrypts `content` in place and puts it into its message.
fn sealed(eui64: Eui64, frame: Frame, session: &Session, content: &mut [u8]) -> Msdu {
    let header = frame.around([0; 16], content).pchannel_header();
    let tag = session.seal(frame.nonce(), &header, content);
    let code = if frame.mac_s.is_some() { LbpCode::Challenge } else { LbpCode::Joining };
    enclose(code, eui64, &frame.around(tag, content))
}

fn enclose(code: LbpCode, eui64: Eui64, eap: &EapMessage<'_>) -> Msdu {
    fitting(msdu(|writer| {
        LbpFrame::new(code, eui64, &[]).emit(writer)?;
        eap.emit(writer)
    }))
}

fn fitting(msdu: Result<Msdu, WireError>) -> Msdu {
    msdu.expect("bootstrapping messages are far smaller than a MAC payload")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vectors::{DEVICE, GMK, JOIN, PSK, RAND_P, RAND_S, SERVER, SHORT, hex};
    use crate::wire::BootstrappingData;

    const GRANT: Grant = Grant { short: SHORT, gmk: GMK, gmk_index: 0, active_index: 0 };

    fn eap(bytes: &[u8]) -> EapMessage<'_> {
        match LbpFrame::parse(&mut Reader::new(bytes)).unwrap().bootstrapping().unwrap() {
            BootstrappingData::Eap(eap) => eap,
            other => unreachable!("{other:?}"),
        }
    }

    #[test]
    fn the_six_frames_of_a_join_are_reproduced_octet_by_octet() {
        let keys = StaticKeys::derive(&PSK);
        let session = keys.session(&RAND_P);
        let mac_s = keys.mac_s(&SERVER.0, &RAND_P);
        let frames = [
            bare(LbpCode::Joining, DEVICE),
            first(DEVICE, 0, RAND_S, &SERVER.0),
            second(DEVICE, 0, &keys, (RAND_S, RAND_P), &SERVER.0),
            third(DEVICE, 1, &session, (RAND_S, mac_s), &GRANT, true),
            fourth(DEVICE, 1, &session, RAND_S, [0, 0]),
            verdict(LbpCode::Accepted, DEVICE, 2),
        ];
        for (frame, expected) in frames.iter().zip(JOIN) {
            assert_eq!(frame.as_slice(), hex(expected));
        }
    }

    #[test]
    fn the_six_frames_of_a_join_are_understood() {
        let keys = StaticKeys::derive(&PSK);
        let session = keys.session(&RAND_P);
        let frames = JOIN.map(hex);
        let proof = eap(&frames[2]).psk.unwrap();
        assert!(second_is_proof(&proof, DEVICE, &keys, &SERVER.0));
        assert!(!second_is_proof(&proof, SERVER, &keys, &SERVER.0));
        let content = open(&eap(&frames[3]), &session).unwrap();
        assert_eq!(grant_of(&content), Ok(GRANT));
        let content = open(&eap(&frames[4]), &session).unwrap();
        assert_eq!(content.as_slice(), hex("A00231020000"));
        assert_eq!(result_of(&content, true), ParameterResult::Success);
    }

    #[test]
    fn any_changed_bit_of_a_proof_or_channel_is_noticed() {
        let keys = StaticKeys::derive(&PSK);
        let session = keys.session(&RAND_P);
        for (n, bit) in [2, 3, 4].into_iter().flat_map(|n| (0..JOIN[n].len() * 4).map(move |bit| (n, bit))) {
            let mut bytes = hex(JOIN[n]);
            bytes[bit / 8] ^= 0x80 >> (bit % 8);
            let Ok(frame) = LbpFrame::parse(&mut Reader::new(&bytes)) else { continue };
            let Ok(BootstrappingData::Eap(message)) = frame.bootstrapping() else { continue };
            let passes = match message.psk {
                Some(proof @ PskMessage::Second { .. }) => second_is_proof(&proof, DEVICE, &keys, &SERVER.0),
                Some(PskMessage::Third { mac_s, .. }) => {
                    same_mac(&mac_s, &keys.mac_s(&SERVER.0, &RAND_P)) && open(&message, &session).is_ok()
                }
                _ => open(&message, &session).is_ok(),
            };
            // Only the LBP header and, in the second message, the EAP header stand outside the proof.
            let outside = if n == 2 { 18 * 8 } else { 12 * 8 };
            assert!(!passes || bit < outside, "frame {n} bit {bit}");
        }
    }

    #[test]
    fn parameters_out_of_range_are_named() {
        let content = |parameters: &str| hex(&alloc::format!("a002{parameters}"));
        let gmk = "271100af4d6dccf14de7c1c4235e6fef6c151f";
        let cases = [
            (alloc::format!("1d0200ed{gmk}2b0100"), Ok(GRANT)),
            (alloc::format!("1d028001{gmk}2b0100"), Err(ParameterResult::InvalidValue)),
            (alloc::format!("1d0200ed{gmk}2b0101"), Err(ParameterResult::InvalidValue)),
            (alloc::format!("{gmk}2b0100"), Err(ParameterResult::Missing)),
            (alloc::format!("1d0200ed{gmk}2b01004300"), Err(ParameterResult::Unknown)),
            (alloc::format!("1d0200ed{gmk}2b01004100"), Ok(GRANT)),
        ];
        for (parameters, expected) in cases {
            assert_eq!(grant_of(&content(&parameters)), expected, "{parameters}");
        }
    }
}
