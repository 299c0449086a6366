//! Somebody who holds keys and bends the rules.

use super::{World, keys, unwrap, wrap};
use dlms::apdu::*;
use dlms::security::{Control, SecurityContext, SystemTitle};

pub(crate) const CLIENT: SystemTitle = *b"PLCDC001";
pub(crate) const SERVER: SystemTitle = *b"MTR00001";
pub(crate) const GET: [u8; 13] = [0xC0, 1, 0x41, 0, 3, 1, 0, 1, 8, 0, 255, 2, 0];
pub(crate) const NOT_ASSOCIATED: [u8; 3] = [0xD8, 1, 1];

/// Somebody with the keys who does with them whatever he likes.
pub(crate) struct Insider {
    pub(crate) keys: SecurityContext,
    pub(crate) title: SystemTitle,
    pub(crate) counter: u32,
    pub(crate) challenge: Vec<u8>,
}

impl Insider {
    pub(crate) fn new() -> Self {
        Self { keys: keys(), title: CLIENT, counter: 0, challenge: vec![0x55; 16] }
    }

    pub(crate) fn seal(&mut self, control: Control, envelope: Envelope, plain: &[u8]) -> Vec<u8> {
        self.counter += 1;
        let text = self.keys.protect(control, &self.title, self.counter, plain).unwrap();
        Ciphered { envelope, control, counter: self.counter, text: &text }.to_vec()
    }

    pub(crate) fn sealed(&mut self, plain: &[u8]) -> Vec<u8> {
        let tag = glo_tag(plain[0]).unwrap();
        self.seal(Control::AUTHENTICATED_ENCRYPTED, Envelope::Specific(tag), plain)
    }

    pub(crate) fn aarq_for(&mut self, max_pdu: u16, change: impl FnOnce(&mut Aarq<'_>)) -> Vec<u8> {
        let initiate = self.sealed(&InitiateRequest::new(Conformance::OURS, max_pdu).to_vec());
        let mut aarq = Aarq {
            user_id: None,
            protocol_version: None,
            context: ApplicationContext::LOGICAL_NAMES_CIPHERED,
            client_title: Some(&self.title),
            mechanism: Some(Mechanism::HIGH_GMAC),
            authentication_value: Some(&self.challenge),
            user_information: Some(&initiate),
        };
        change(&mut aarq);
        wrap(1, &aarq.to_vec())
    }

    /// An AARQ with this user-information, whatever it is.
    pub(crate) fn aarq_around(&self, user_information: Option<&[u8]>) -> Vec<u8> {
        let aarq = Aarq {
            user_id: None,
            protocol_version: None,
            context: ApplicationContext::LOGICAL_NAMES_CIPHERED,
            client_title: Some(&self.title),
            mechanism: Some(Mechanism::HIGH_GMAC),
            authentication_value: Some(&self.challenge),
            user_information,
        };
        wrap(1, &aarq.to_vec())
    }

    pub(crate) fn aarq(&mut self) -> Vec<u8> {
        self.aarq_for(0, |_| {})
    }

    /// Pass 3 over `challenge`.
    pub(crate) fn pass_3(&mut self, challenge: &[u8]) -> Vec<u8> {
        self.counter += 1;
        let mut value = vec![9, 17, 0x10];
        value.extend_from_slice(&self.counter.to_be_bytes());
        value.extend_from_slice(&self.keys.gmac(&self.title, self.counter, challenge));
        let method = dlms::cosem::MethodRequest {
            class_id: 15,
            logical_name: dlms::cosem::LogicalName([0, 0, 40, 0, 0, 255]),
            method: 1,
        };
        let invoke_id = InvokeId(0x41);
        let sealed = self.sealed(&ActionRequest { invoke_id, method, parameter: Some(&value) }.to_vec());
        wrap(1, &sealed)
    }

    /// Opens an association as it should be.
    pub(crate) fn associate(&mut self, world: &mut World) {
        let challenge = challenge_in(&world.probe(&self.aarq())).unwrap();
        let pass_3 = self.pass_3(&challenge);
        assert_eq!(world.probe(&pass_3).len(), 1);
    }

    pub(crate) fn get(&mut self) -> Vec<u8> {
        wrap(1, &self.sealed(&GET))
    }
}

/// The challenge that an accepting AARE brings.
pub(crate) fn challenge_in(answers: &[Vec<u8>]) -> Option<Vec<u8>> {
    Aare::from_bytes(unwrap(&answers[0])).unwrap().authentication_value.map(<[u8]>::to_vec)
}

/// What an AARE says: result, diagnostic, and the error in its user-information.
pub(crate) fn verdict(answers: &[Vec<u8>]) -> (AssociationResult, Diagnostic, Option<Vec<u8>>) {
    let aare = Aare::from_bytes(unwrap(&answers[0])).unwrap();
    (aare.result, aare.diagnostic, aare.user_information.map(<[u8]>::to_vec))
}

pub(crate) fn refused(diagnostic: Diagnostic) -> (AssociationResult, Diagnostic, Option<Vec<u8>>) {
    (AssociationResult::RejectedPermanent, diagnostic, None)
}
