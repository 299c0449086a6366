//! One end of a protected conversation: puts protection on APDUs and takes it off, in every form.

use super::form::{Heard, Mark, Transaction, Wrap, transaction_number};
use super::{
    Control, Form, GeneralCipheringAad, KeySource, OpenFault, PrivateKey, PublicKey, Secret, SecurityContext,
    SessionKeyCounter, SignedRange, SystemTitle, channel, derive_key, unwrap_key, wrap_key,
};
use crate::apdu::{
    Ciphered, GeneralCiphering, GeneralHeader, GeneralSigning, KeyInfo, Pdu, is_ciphered, is_general,
    may_be_inside,
};
use crate::axdr::{emit_length, length_len};
use crate::specs::apdu_tag;
use crate::specs::security::key_info;
use alloc::vec::Vec;
use plc_core::wire::Writer;
use rand_core::Rng;
use zeroize::Zeroizing;

/// One end: its keys, and the titles of both.
#[derive(Clone, Copy, Debug)]
pub(crate) struct End<'a> {
    pub(crate) context: &'a SecurityContext,
    pub(crate) dedicated: Option<&'a SecurityContext>,
    pub(crate) own: &'a SystemTitle,
    pub(crate) peer: &'a SystemTitle,
}

/// The least protection that is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Demand {
    pub(crate) control: Control,
    pub(crate) signed: bool,
}

/// An APDU out of its protection. The caller has yet to accept the mark.
#[derive(Debug, PartialEq)]
pub(crate) struct Opened {
    pub(crate) plain: Vec<u8>,
    pub(crate) form: Form,
    pub(crate) mark: Mark,
}

/// Why an APDU was not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unopened {
    /// No such APDU.
    Malformed,
    /// Not fresh.
    Replay,
    /// Not to be believed.
    Fault(OpenFault),
}

/// A key that the form needs is not there, or its counter has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeyMissing;

impl From<OpenFault> for Unopened {
    fn from(fault: OpenFault) -> Self {
        Self::Fault(fault)
    }
}

impl Demand {
    /// What a policy demands of requests.
    pub(crate) const fn of_requests(context: &SecurityContext) -> Self {
        let policy = context.policy();
        Self { control: policy.request_control(), signed: policy.is_signed().0 }
    }

    /// What a policy demands of responses.
    pub(crate) const fn of_responses(context: &SecurityContext) -> Self {
        let policy = context.policy();
        Self { control: policy.response_control(), signed: policy.is_signed().1 }
    }
}

impl End<'_> {
    /// Protects `plain` in this form under `counter`.
    pub(crate) fn protect(
        &self,
        form: &Form,
        counter: u32,
        entropy: &mut impl Rng,
        plain: &[u8],
    ) -> Result<Vec<u8>, KeyMissing> {
        let inner = match form.wrap {
            Wrap::Bare => plain.to_vec(),
            Wrap::Envelope(envelope) => {
                let dedicated = envelope.is_dedicated();
                let context = if dedicated { self.dedicated.ok_or(KeyMissing)? } else { self.context };
                channel::seal_as(context, form.control, self.own, counter, plain, envelope)
            }
            Wrap::General(source) => self.seal_general(source, form, counter, entropy, plain)?,
        };
        if form.signed { self.sign(&form.transaction, &inner) } else { Ok(inner) }
    }

    /// Takes the protection off `apdu`.
    pub(crate) fn open(&self, heard: &Heard, demand: Demand, apdu: &[u8]) -> Result<Opened, Unopened> {
        if apdu.first() == Some(&apdu_tag::GENERAL_SIGNING) {
            return self.open_signed(heard, demand, apdu);
        }
        if demand.signed {
            return Err(OpenFault::Policy.into());
        }
        self.open_unsigned(heard, demand.control, apdu)
    }

    fn open_unsigned(&self, heard: &Heard, demanded: Control, apdu: &[u8]) -> Result<Opened, Unopened> {
        match apdu.first() {
            Some(&apdu_tag::GENERAL_CIPHERING) => self.open_general(heard, demanded, apdu),
            Some(&tag) if is_ciphered(tag) => self.open_envelope(heard, demanded, apdu),
            Some(_) if demanded == Control(0) => {
                Ok(Opened { plain: apdu.to_vec(), form: Form::BARE, mark: Mark::None })
            }
            _ => Err(OpenFault::Policy.into()),
        }
    }

    fn open_envelope(&self, heard: &Heard, demanded: Control, apdu: &[u8]) -> Result<Opened, Unopened> {
        let ciphered = Ciphered::from_bytes(apdu).map_err(|_| Unopened::Malformed)?;
        let (context, mark) = if ciphered.envelope.is_dedicated() {
            let dedicated = self.dedicated.ok_or(OpenFault::Key)?;
            (dedicated, Mark::Dedicated(ciphered.counter))
        } else {
            (self.context, Mark::Global(ciphered.counter))
        };
        let mark = if ciphered.control.0 & PROTECTED == 0 { Mark::None } else { mark };
        // The tag first: who has not the keys learns nothing of the counters, and makes nobody believe in a replay.
        let plain = channel::open(context, demanded, self.peer, &ciphered)?;
        if !heard.is_fresh(mark) {
            return Err(Unopened::Replay);
        }
        let wrap = Wrap::Envelope(ciphered.envelope);
        let form = Form { wrap, control: ciphered.control, ..Form::BARE };
        Ok(Opened { plain, form, mark })
    }

    fn open_general(&self, heard: &Heard, demanded: Control, apdu: &[u8]) -> Result<Opened, Unopened> {
        let general = GeneralCiphering::from_bytes(apdu).map_err(|_| Unopened::Malformed)?;
        channel::check_control(self.context, demanded, general.control)?;
        self.check_titles(&general.header)?;
        let source = source(general.key_info)?;
        let mark = self.mark(source, &general)?;
        let context = self.context_of(general.key_info, general.header.transaction)?;
        let header = aad(&context, &general.header);
        let plain = context
            .unprotect_with(general.control, self.peer, general.counter, &header, general.text)
            .map_err(|_| OpenFault::Tag)?;
        if !heard.is_fresh(mark) {
            return Err(Unopened::Replay);
        }
        check_inside(&plain)?;
        let transaction =
            Transaction::from_slice(general.header.transaction).map_err(|_| Unopened::Malformed)?;
        let form = Form { wrap: Wrap::General(source), control: general.control, signed: false, transaction };
        Ok(Opened { plain, form, mark })
    }

    /// By what a general-ciphering APDU shows that it is fresh.
    fn mark(&self, source: KeySource, general: &GeneralCiphering<'_>) -> Result<Mark, Unopened> {
        if general.control.0 & PROTECTED == 0 {
            return Ok(Mark::None);
        }
        if source == KeySource::Identified {
            return Ok(Mark::Global(general.counter));
        }
        if self.context.interop().session_key_counter == SessionKeyCounter::Global {
            return Ok(Mark::SingleUse(general.counter));
        }
        let number = transaction_number(general.header.transaction).filter(|_| general.counter == 0);
        number.map(Mark::Transaction).ok_or(Unopened::Malformed)
    }

    fn open_signed(&self, heard: &Heard, demand: Demand, apdu: &[u8]) -> Result<Opened, Unopened> {
        let signing = GeneralSigning::from_bytes(apdu).map_err(|_| Unopened::Malformed)?;
        self.check_titles(&signing.header)?;
        if signing.content.first() == Some(&apdu_tag::GENERAL_SIGNING) {
            return Err(OpenFault::Contents.into());
        }
        let key = self.context.key_pairs().peer_signing.as_ref().ok_or(OpenFault::Key)?;
        let range = self.context.interop().signed_range;
        if !key.verify(&signed(&signing.header, signing.content, range), signing.signature) {
            return Err(OpenFault::Tag.into());
        }
        let mut opened = self.open_unsigned(heard, demand.control, signing.content)?;
        let transaction = signing.header.transaction;
        if opened.mark == Mark::None {
            opened.mark =
                transaction_number(transaction).map(Mark::Transaction).ok_or(Unopened::Malformed)?;
            if !heard.is_fresh(opened.mark) {
                return Err(Unopened::Replay);
            }
        }
        opened.form.signed = true;
        opened.form.transaction = Transaction::from_slice(transaction).map_err(|_| Unopened::Malformed)?;
        Ok(opened)
    }

    /// From the peer, to us.
    fn check_titles(&self, header: &GeneralHeader<'_>) -> Result<(), OpenFault> {
        let named = header.originator == self.peer && header.recipient == self.own;
        if named { Ok(()) } else { Err(OpenFault::Title) }
    }

    /// The context with the key that a peer has chosen.
    fn context_of(
        &self,
        info: Option<KeyInfo<'_>>,
        transaction: &[u8],
    ) -> Result<SecurityContext, OpenFault> {
        let key = match info {
            None | Some(KeyInfo::Identified(_)) => return Ok(self.context.clone()),
            Some(KeyInfo::Wrapped(_, wrapped)) => {
                let master = self.context.master_key().ok_or(OpenFault::Key)?;
                unwrap_key(master, wrapped).map_err(|_| OpenFault::Tag)?
            }
            Some(KeyInfo::Agreed(&[key_info::ONE_PASS], data)) => self.one_pass_in(data)?,
            Some(KeyInfo::Agreed(..)) => self.static_unified(self.peer, self.own, transaction)?,
        };
        self.context.clone().with_unicast_key(key.octets()).map_err(|_| OpenFault::Tag)
    }

    /// The key that the ephemeral key of the peer and our static one give.
    fn one_pass_in(&self, data: &[u8]) -> Result<Secret, OpenFault> {
        let curve = self.context.suite().curve().ok_or(OpenFault::Key)?;
        let pairs = self.context.key_pairs();
        let (own, signing) = (pairs.agreement.as_ref(), pairs.peer_signing.as_ref());
        let (own, signing) = own.zip(signing).ok_or(OpenFault::Key)?;
        if data.len() != 2 * curve.pair_len() {
            return Err(OpenFault::Tag);
        }
        let (point, signature) = data.split_at(curve.pair_len());
        if !signing.verify(point, signature) {
            return Err(OpenFault::Tag);
        }
        let ephemeral = PublicKey::from_octets(curve, point).map_err(|_| OpenFault::Tag)?;
        let z = own.agree(&ephemeral).map_err(|_| OpenFault::Key)?;
        Ok(self.derive(&z, self.peer, self.own))
    }

    /// A key that an ephemeral key and the static one of the peer give, and how the peer is told.
    fn one_pass_out(&self, entropy: &mut impl Rng) -> Option<(Secret, Vec<u8>)> {
        let pairs = self.context.key_pairs();
        let ephemeral = PrivateKey::random(self.context.suite().curve()?, entropy);
        let mut data = ephemeral.public_key().octets();
        let signature = pairs.signing.as_ref()?.sign(&data);
        data.extend_from_slice(&signature);
        let z = ephemeral.agree(pairs.peer_agreement.as_ref()?).ok()?;
        Some((self.derive(&z, self.own, self.peer), data))
    }

    /// The key that both static keys and the transaction-id give.
    fn static_unified(
        &self,
        originator: &SystemTitle,
        recipient: &SystemTitle,
        transaction: &[u8],
    ) -> Result<Secret, OpenFault> {
        let pairs = self.context.key_pairs();
        let (own, peer) =
            pairs.agreement.as_ref().zip(pairs.peer_agreement.as_ref()).ok_or(OpenFault::Key)?;
        let z = own.agree(peer).map_err(|_| OpenFault::Key)?;
        let mut party_v = alloc::vec![transaction.len() as u8];
        party_v.extend_from_slice(transaction);
        party_v.extend_from_slice(recipient);
        Ok(self.derive(&z, originator, &party_v))
    }

    fn derive(&self, z: &Secret, party_u: &[u8], party_v: &[u8]) -> Secret {
        derive_key(self.context.suite(), z, party_u, party_v, self.context.interop().kdf_parties)
    }

    fn seal_general(
        &self,
        source: KeySource,
        form: &Form,
        counter: u32,
        entropy: &mut impl Rng,
        plain: &[u8],
    ) -> Result<Vec<u8>, KeyMissing> {
        let mut data = Vec::new();
        let key = match source {
            KeySource::Identified => None,
            KeySource::Wrapped => {
                let mut key = Zeroizing::new([0; 32]);
                let key = &mut key[..self.context.suite().key_len()];
                entropy.fill_bytes(key);
                data = wrap_key(self.context.master_key().ok_or(KeyMissing)?, key).map_err(|_| KeyMissing)?;
                Some(Secret::new(key))
            }
            KeySource::OnePass => {
                let (key, told) = self.one_pass_out(entropy).ok_or(KeyMissing)?;
                data = told;
                Some(key)
            }
            KeySource::StaticUnified => {
                let key = self.static_unified(self.own, self.peer, &form.transaction);
                Some(key.map_err(|_| KeyMissing)?)
            }
        };
        let zero = self.context.interop().session_key_counter == SessionKeyCounter::Zero;
        let counter = if zero && key.is_some() { 0 } else { counter };
        let context = match key {
            None => self.context.clone(),
            Some(key) => self.context.clone().with_unicast_key(key.octets()).map_err(|_| KeyMissing)?,
        };
        let header = self.header(&form.transaction);
        let control = form.control.under(context.suite());
        let text = context.protect_with(control, self.own, counter, &aad(&context, &header), plain);
        let text = text.map_err(|_| KeyMissing)?;
        let key_info = Some(match source {
            KeySource::Identified => KeyInfo::Identified(key_info::GLOBAL_UNICAST),
            KeySource::Wrapped => KeyInfo::Wrapped(key_info::MASTER, &data),
            KeySource::OnePass => KeyInfo::Agreed(&[key_info::ONE_PASS], &data),
            KeySource::StaticUnified => KeyInfo::Agreed(&[key_info::STATIC_UNIFIED], &data),
        });
        Ok(GeneralCiphering { header, key_info, control, counter, text: &text }.to_vec())
    }

    fn sign(&self, transaction: &Transaction, content: &[u8]) -> Result<Vec<u8>, KeyMissing> {
        let key = self.context.key_pairs().signing.as_ref().ok_or(KeyMissing)?;
        let header = self.header(transaction);
        let signature = key.sign(&signed(&header, content, self.context.interop().signed_range));
        Ok(GeneralSigning { header, content, signature: &signature }.to_vec())
    }

    fn header<'h>(&'h self, transaction: &'h Transaction) -> GeneralHeader<'h> {
        GeneralHeader { transaction, originator: self.own, recipient: self.peer, ..GeneralHeader::default() }
    }
}

/// What a peer has chosen, if it is something that this crate knows.
fn source(info: Option<KeyInfo<'_>>) -> Result<KeySource, OpenFault> {
    match info {
        None | Some(KeyInfo::Identified(key_info::GLOBAL_UNICAST)) => Ok(KeySource::Identified),
        Some(KeyInfo::Wrapped(key_info::MASTER, _)) => Ok(KeySource::Wrapped),
        Some(KeyInfo::Agreed(&[key_info::ONE_PASS], _)) => Ok(KeySource::OnePass),
        Some(KeyInfo::Agreed(&[key_info::STATIC_UNIFIED], &[])) => Ok(KeySource::StaticUnified),
        _ => Err(OpenFault::Key),
    }
}

/// What is authenticated of the header besides SC and AK.
fn aad(context: &SecurityContext, header: &GeneralHeader<'_>) -> Vec<u8> {
    match context.interop().general_ciphering_aad {
        GeneralCipheringAad::Header => header.octets(),
        GeneralCipheringAad::ControlAndKey => Vec::new(),
    }
}

/// What a general-signing APDU signs.
fn signed(header: &GeneralHeader<'_>, content: &[u8], range: SignedRange) -> Vec<u8> {
    let mut octets = header.octets();
    if range == SignedRange::ContentWithLength {
        let mut length = alloc::vec![0; length_len(content.len())];
        emit_length(&mut Writer::new(&mut length), content.len())
            .expect("an APDU is shorter than 2^32 octets");
        octets.extend_from_slice(&length);
    }
    octets.extend_from_slice(content);
    octets
}

/// A service, and no further envelope.
fn check_inside(plain: &[u8]) -> Result<(), OpenFault> {
    match plain.first() {
        Some(&tag) if may_be_inside(tag) && !is_general(tag) => Ok(()),
        _ => Err(OpenFault::Contents),
    }
}

/// The bits of a control octet that protect anything.
const PROTECTED: u8 = Control::AUTHENTICATED_ENCRYPTED.0;
