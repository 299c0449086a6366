//! APDUs as trees of readable lines.

use super::notation;
use super::trace::Sender;
use crate::hex::hex;
use dlms::apdu::{
    Aare, Aarq, AccessRequest, AccessResponse, AnyActionRequest, AnyActionResponse, Ciphered,
    ConfirmedServiceError, DataNotification, DataNotificationConfirm, EventNotification, ExceptionResponse,
    GeneralBlockTransfer, GeneralCiphering, GeneralSigning, GetRequest, GetResponse, InitiateRequest,
    InitiateResponse, KeyInfo, Pdu, Rlre, Rlrq, SetRequest, SetResponse, is_ciphered,
};
use dlms::axdr::Data;
use dlms::security::{GeneralCipheringAad, SecurityContext, SystemTitle, unwrap_key};
use std::fmt::Display;

/// Takes APDUs of one association apart, with what it has learned from those before.
pub(super) struct Dissector {
    keys: Option<SecurityContext>,
    dedicated: Option<SecurityContext>,
    /// Of the client and of the meter.
    titles: [Option<SystemTitle>; 2],
    /// What general blocks have brought so far, of each.
    joined: [Vec<u8>; 2],
}

impl Dissector {
    pub(super) const fn new(keys: Option<SecurityContext>, titles: [Option<SystemTitle>; 2]) -> Self {
        Self { keys, dedicated: None, titles, joined: [Vec::new(), Vec::new()] }
    }

    /// The APDU, a line for each part, two spaces deeper for what is inside.
    pub(super) fn tree(&mut self, sender: Sender, apdu: &[u8]) -> String {
        let mut lines = Lines { text: String::new(), depth: 1 };
        lines.say(&format!("{} octets: {}", apdu.len(), hex(apdu)));
        self.apdu(sender, apdu, &mut lines);
        lines.text
    }

    fn apdu(&mut self, sender: Sender, apdu: &[u8], lines: &mut Lines) {
        if lines.depth > DEPTH_MAX {
            return lines.say("too deep");
        }
        let known = match apdu.first().copied().unwrap_or_default() {
            0x60 => self.aarq(sender, apdu, lines),
            0x61 => self.aare(sender, apdu, lines),
            0x62 => self.release::<Rlrq<'_>>(sender, apdu, |rlrq| rlrq.user_information, lines),
            0x63 => self.release::<Rlre<'_>>(sender, apdu, |rlre| rlre.user_information, lines),
            0x01 => self.initiate(apdu, lines),
            0x08 => lines.pdu::<InitiateResponse>(apdu).map(|response| lines.conformance(&response)),
            0xE0 => self.block(sender, apdu, lines),
            0xDD => self.general(sender, apdu, lines),
            0xDF => lines.pdu::<GeneralSigning<'_>>(apdu).map(|signed| {
                lines.say(&format!("signature: {}", hex(signed.signature)));
                lines.inside(|lines| self.apdu(sender, signed.content, lines));
            }),
            tag if is_ciphered(tag) => self.ciphered(sender, apdu, lines),
            _ => service(apdu, lines),
        };
        if known.is_none() {
            lines.say("not understood");
        }
    }

    fn aarq(&mut self, sender: Sender, apdu: &[u8], lines: &mut Lines) -> Option<()> {
        let aarq = lines.pdu::<Aarq<'_>>(apdu)?;
        self.learn(sender, aarq.client_title);
        lines.octets("client title", aarq.client_title);
        lines.octets("authentication value", aarq.authentication_value);
        self.user_information(sender, aarq.user_information, lines);
        Some(())
    }

    fn aare(&mut self, sender: Sender, apdu: &[u8], lines: &mut Lines) -> Option<()> {
        let aare = lines.pdu::<Aare<'_>>(apdu)?;
        lines.say(&format!("{}, {}", aare.result, aare.diagnostic));
        self.learn(sender, aare.server_title);
        lines.octets("meter title", aare.server_title);
        lines.octets("authentication value", aare.authentication_value);
        self.user_information(sender, aare.user_information, lines);
        Some(())
    }

    fn release<'a, P: Pdu<'a> + Display>(
        &mut self,
        sender: Sender,
        apdu: &'a [u8],
        inside: impl Fn(&P) -> Option<&'a [u8]>,
        lines: &mut Lines,
    ) -> Option<()> {
        let release = lines.pdu::<P>(apdu)?;
        self.user_information(sender, inside(&release), lines);
        Some(())
    }

    fn user_information(&mut self, sender: Sender, apdu: Option<&[u8]>, lines: &mut Lines) {
        if let Some(apdu) = apdu {
            lines.inside(|lines| self.apdu(sender, apdu, lines));
        }
    }

    fn initiate(&mut self, apdu: &[u8], lines: &mut Lines) -> Option<()> {
        let request = lines.pdu::<InitiateRequest<'_>>(apdu)?;
        self.dedicated = request
            .dedicated_key
            .and_then(|key| self.keys.clone().and_then(|keys| keys.with_unicast_key(key).ok()));
        lines.say(&format!("conformance: {:06x}, max PDU: {}", request.conformance.0, request.max_pdu));
        Some(())
    }

    fn learn(&mut self, sender: Sender, title: Option<&[u8]>) {
        if let Some(title) = title.and_then(|title| title.try_into().ok()) {
            self.titles[at(sender)] = Some(title);
        }
    }

    fn ciphered(&mut self, sender: Sender, apdu: &[u8], lines: &mut Lines) -> Option<()> {
        use dlms::apdu::Envelope::{General, GeneralDedicated};
        let ciphered = lines.pdu::<Ciphered<'_>>(apdu)?;
        if let General(Some(title)) | GeneralDedicated(Some(title)) = ciphered.envelope {
            self.learn(sender, Some(&title));
        }
        let keys = if ciphered.envelope.is_dedicated() { &self.dedicated } else { &self.keys };
        let plain = keys.as_ref().zip(self.titles[at(sender)]).and_then(|(keys, title)| {
            keys.unprotect(ciphered.control, &title, ciphered.counter, ciphered.text).ok()
        });
        self.opened(sender, plain, lines);
        Some(())
    }

    fn general(&mut self, sender: Sender, apdu: &[u8], lines: &mut Lines) -> Option<()> {
        let general = lines.pdu::<GeneralCiphering<'_>>(apdu)?;
        lines.octets("transaction", Some(general.header.transaction));
        self.learn(sender, Some(general.header.originator));
        let keys = self.keys.as_ref();
        let keys = match general.key_info {
            None | Some(KeyInfo::Identified(_)) => keys.cloned(),
            Some(KeyInfo::Wrapped(_, wrapped)) => keys.and_then(|keys| {
                let key = unwrap_key(keys.master_key()?, wrapped).ok()?;
                keys.clone().with_unicast_key(key.octets()).ok()
            }),
            // Only the ends of an agreement know what they have agreed.
            Some(KeyInfo::Agreed(..)) => None,
        };
        let plain = keys.zip(self.titles[at(sender)]).and_then(|(keys, title)| {
            let header = match keys.interop().general_ciphering_aad {
                GeneralCipheringAad::Header => general.header.octets(),
                GeneralCipheringAad::ControlAndKey => Vec::new(),
            };
            keys.unprotect_with(general.control, &title, general.counter, &header, general.text).ok()
        });
        self.opened(sender, plain, lines);
        Some(())
    }

    fn opened(&mut self, sender: Sender, plain: Option<Vec<u8>>, lines: &mut Lines) {
        lines.inside(|lines| match plain {
            None => lines.say("sealed: not under the keys that are known"),
            Some(plain) => {
                lines.say(&format!("{} octets in the clear: {}", plain.len(), hex(&plain)));
                self.apdu(sender, &plain, lines);
            }
        });
    }

    /// A general block, and what it completes.
    fn block(&mut self, sender: Sender, apdu: &[u8], lines: &mut Lines) -> Option<()> {
        let block = lines.pdu::<GeneralBlockTransfer<'_>>(apdu)?;
        let joined = &mut self.joined[at(sender)];
        if block.number == 1 {
            joined.clear();
        }
        if joined.len() + block.piece.len() <= JOINED_MAX {
            joined.extend_from_slice(block.piece);
        }
        if block.last && !joined.is_empty() {
            let whole = std::mem::take(joined);
            lines.inside(|lines| self.apdu(sender, &whole, lines));
        }
        Some(())
    }
}

const fn at(sender: Sender) -> usize {
    match sender {
        Sender::Client => 0,
        Sender::Meter => 1,
    }
}

/// An APDU of a service, without protection.
fn service(apdu: &[u8], lines: &mut Lines) -> Option<()> {
    match apdu.first()? {
        0xC0 => lines.pdu::<GetRequest>(apdu).map(|_| ()),
        0xC4 => lines.pdu::<GetResponse<'_>>(apdu).map(|response| match response {
            GetResponse::Normal { result: Ok(value), .. } => lines.value(value),
            GetResponse::WithList { results, .. } => results.iter().for_each(|result| lines.result(result)),
            GetResponse::Normal { .. } | GetResponse::WithDataBlock { .. } => {}
        }),
        0xC1 => lines.pdu::<SetRequest<'_>>(apdu).map(|request| {
            if let SetRequest::Normal { value, .. } = request {
                lines.value(value);
            }
        }),
        0xC5 => lines.pdu::<SetResponse<'_>>(apdu).map(|_| ()),
        0xC3 => lines.pdu::<AnyActionRequest<'_>>(apdu).map(|request| {
            if let AnyActionRequest::Normal(request) = request
                && let Some(parameter) = request.parameter
            {
                lines.value(parameter);
            }
        }),
        0xC7 => lines.pdu::<AnyActionResponse<'_>>(apdu).map(|response| {
            if let AnyActionResponse::Normal(response) = response
                && let Some(returned) = response.returned
            {
                lines.result(returned);
            }
        }),
        0xD9 => lines.pdu::<AccessRequest<'_>>(apdu).map(|request| {
            request.operations.iter().for_each(|operation| lines.say(&operation.to_string()));
            request.data.iter().for_each(|value| lines.value(value));
        }),
        0xDA => lines.pdu::<AccessResponse<'_>>(apdu).map(|response| {
            response.data.iter().for_each(|value| lines.value(value));
        }),
        0x0F => lines.pdu::<DataNotification<'_>>(apdu).map(|notification| lines.value(notification.body)),
        0x10 => lines.pdu::<DataNotificationConfirm>(apdu).map(|_| ()),
        0xC2 => lines.pdu::<EventNotification<'_>>(apdu).map(|event| lines.value(event.value)),
        0x0E => lines.pdu::<ConfirmedServiceError>(apdu).map(|_| ()),
        0xD8 => lines.pdu::<ExceptionResponse>(apdu).map(|_| ()),
        _ => None,
    }
}

/// Lines at a depth.
struct Lines {
    text: String,
    depth: usize,
}

impl Lines {
    fn say(&mut self, line: &str) {
        (0..self.depth).for_each(|_| self.text.push_str("  "));
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn inside(&mut self, tell: impl FnOnce(&mut Self)) {
        self.depth += 1;
        tell(self);
        self.depth -= 1;
    }

    /// The line of a whole PDU, if it is one.
    fn pdu<'a, P: Pdu<'a> + Display>(&mut self, apdu: &'a [u8]) -> Option<P> {
        let pdu = P::from_bytes(apdu).ok()?;
        self.say(&pdu.to_string());
        Some(pdu)
    }

    fn octets(&mut self, name: &str, octets: Option<&[u8]>) {
        if let Some(octets) = octets {
            self.inside(|lines| lines.say(&format!("{name}: {}", hex(octets))));
        }
    }

    fn conformance(&mut self, response: &InitiateResponse) {
        self.say(&format!("conformance: {:06x}, max PDU: {}", response.conformance.0, response.max_pdu));
    }

    fn result(&mut self, result: Result<&[u8], dlms::apdu::DataAccessResult>) {
        match result {
            Ok(value) => self.value(value),
            Err(result) => self.inside(|lines| lines.say(&result.to_string())),
        }
    }

    fn value(&mut self, value: &[u8]) {
        match Data::from_bytes(value) {
            Ok(value) => self.inside(|lines| lines.data(&value)),
            Err(error) => self.say(&format!("no value: {error}")),
        }
    }

    fn data(&mut self, value: &Data<'_>) {
        let (name, elements) = match value {
            Data::Array(elements) => ("array", elements),
            Data::Structure(elements) => ("struct", elements),
            leaf => return self.leaf(leaf),
        };
        self.say(&format!("{name} of {}", elements.len()));
        self.inside(|lines| elements.iter().for_each(|element| lines.data(&element)));
    }

    /// A leaf, and what its octets say where they are a date-time.
    fn leaf(&mut self, leaf: &Data<'_>) {
        let text = notation::print(leaf);
        match leaf.as_clock_time() {
            Some(time) => self.say(&format!("{text} ({time})")),
            None => self.say(&text),
        }
    }
}

/// Envelopes in envelopes, and general blocks that are joined: more is not looked at.
const DEPTH_MAX: usize = 12;
const JOINED_MAX: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    const TITLE: SystemTitle = [0x4D, 0x4D, 0x4D, 0x00, 0x00, 0xBC, 0x61, 0x4E];

    fn keys() -> SecurityContext {
        SecurityContext::new(&std::array::from_fn(|n| n as u8), &std::array::from_fn(|n| 0xD0 + n as u8))
    }

    fn tree(keys: Option<SecurityContext>, sender: Sender, apdu: &str) -> String {
        let apdu = crate::hex::unhex(apdu).unwrap();
        Dissector::new(keys, [Some(TITLE), Some(*b"ABCDEFGH")]).tree(sender, &apdu)
    }

    #[test]
    fn a_ciphered_request_is_shown_as_it_is_and_in_the_clear() {
        let text = tree(
            Some(keys()),
            Sender::Client,
            "C81E3001234567411312FF935A47566827C467BC7D825C3BE4A77C3FCC056B6B",
        );
        assert!(text.contains("  glo c8 sc 30 ic 19088743"), "{text}");
        assert!(text.contains("    13 octets in the clear: c0010000080000010000ff0200\n"), "{text}");
        assert!(text.contains("    get-request #0 "), "{text}");
    }

    #[test]
    fn what_is_under_other_keys_stays_sealed() {
        let sealed = "C81E3001234567411312FF935A47566827C467BC7D825C3BE4A77C3FCC056B6B";
        for keys in [None, Some(SecurityContext::new(&[1; 16], &[2; 16]))] {
            let text = tree(keys, Sender::Client, sealed);
            assert!(text.ends_with("    sealed: not under the keys that are known\n"), "{text}");
        }
    }

    #[test]
    fn a_value_is_a_tree() {
        let text = tree(None, Sender::Meter, "c401c1000203110501021201020f03090c07ea0b160705110700000000");
        for expected in [
            "    struct of 3\n      u8:5\n      array of 2\n        u16:258\n        i8:3\n",
            "      octets:07ea0b160705110700000000 (2026-11-22T05:17:07+0min)\n",
        ] {
            assert!(text.contains(expected), "{text}");
        }
    }

    #[test]
    fn an_envelope_in_itself_without_end_is_not_followed() {
        let mut apdu = vec![0xD8, 1, 1];
        for _ in 0..40 {
            let mut outer = vec![0xDF, 0, 0, 0, 0, 0];
            outer.extend_from_slice(&[0x82, (apdu.len() >> 8) as u8, apdu.len() as u8]);
            outer.extend_from_slice(&apdu);
            outer.push(0);
            apdu = outer;
        }
        let text = Dissector::new(None, [None, None]).tree(Sender::Meter, &apdu);
        assert!(text.trim_end().ends_with("too deep"), "{text}");
    }
}
