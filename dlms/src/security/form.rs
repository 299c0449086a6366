//! In what form an APDU is protected, and the counters that tell fresh ones.

use super::{Control, SecurityPolicy, Suite, overhead};
use crate::apdu::Envelope;
use crate::invocation::ReceiveCounter;
use crate::specs::security::{
    GENERAL_HEADER_LEN_MAX, HEADER_LEN, KEY_INFO_LEN_MAX, LENGTH_LEN_MAX, TAG_LEN, TRANSACTION_LEN,
    TRANSACTION_LEN_MAX, WRAP_OVERHEAD,
};

/// Where the key of a general-ciphering APDU comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// The global unicast key, by its number.
    Identified,
    /// A key for this APDU alone, wrapped under the master key.
    Wrapped,
    /// Agreed for this APDU alone, C(1e, 1s): an ephemeral key of the sender and the static one of the
    /// recipient.
    OnePass,
    /// Agreed for this APDU alone, C(0e, 2s): the static keys of both and the transaction-id.
    StaticUnified,
}

/// What is around an APDU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrap {
    /// Nothing.
    Bare,
    /// glo-, ded-, general-glo- or general-ded-.
    Envelope(Envelope),
    /// general-ciphering.
    General(KeySource),
}

/// A transaction-id.
pub(crate) type Transaction = heapless::Vec<u8, TRANSACTION_LEN_MAX>;

/// How an APDU is protected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Form {
    pub(crate) wrap: Wrap,
    pub(crate) control: Control,
    /// Whether general-signing is around the rest.
    pub(crate) signed: bool,
    pub(crate) transaction: Transaction,
}

impl Form {
    /// No protection at all.
    pub(crate) const BARE: Self =
        Self { wrap: Wrap::Bare, control: Control(0), signed: false, transaction: Transaction::new() };

    /// The form of an answer to an APDU in this form: the same, and what the policy demands besides.
    pub(crate) fn of_answer(&self, policy: SecurityPolicy) -> Self {
        let mut form = self.clone();
        form.control = self.control.with(policy.response_control());
        form.signed |= policy.is_signed().1;
        if form.wrap == Wrap::Bare && form.control != Control(0) {
            form.wrap = Wrap::Envelope(super::SPECIFIC);
        }
        form
    }

    /// Octets that this form adds at most.
    pub(crate) const fn overhead(&self, suite: Suite) -> usize {
        let pair_len = match suite.curve() {
            None => 0,
            Some(curve) => curve.pair_len(),
        };
        let inner = match self.wrap {
            Wrap::Bare => 0,
            Wrap::Envelope(envelope) => overhead(envelope),
            Wrap::General(source) => {
                let key_info = match source {
                    KeySource::Identified => 0,
                    KeySource::Wrapped => suite.key_len() + WRAP_OVERHEAD,
                    KeySource::OnePass => 2 * pair_len,
                    KeySource::StaticUnified => 0,
                };
                GENERAL_HEADER_LEN_MAX + KEY_INFO_LEN_MAX + key_info + LENGTH_LEN_MAX + HEADER_LEN + TAG_LEN
            }
        };
        let signature = GENERAL_HEADER_LEN_MAX + 2 * LENGTH_LEN_MAX + pair_len;
        inner + if self.signed { signature } else { 0 }
    }
}

/// The transaction-id with this number.
pub(crate) fn transaction(number: u32) -> Transaction {
    let octets: [u8; TRANSACTION_LEN] = u64::from(number).to_be_bytes();
    Transaction::from_slice(&octets).expect("8 of 16 octets")
}

/// The number of a transaction-id, to tell whether it grows.
pub(crate) fn transaction_number(octets: &[u8]) -> Option<u128> {
    let lawful = (1..=TRANSACTION_LEN_MAX).contains(&octets.len());
    lawful.then(|| octets.iter().fold(0, |number, &octet| number << 8 | u128::from(octet)))
}

/// By what a protected APDU shows that it is fresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// A counter under the global unicast key.
    Global(u32),
    /// A counter under the dedicated key.
    Dedicated(u32),
    /// A counter under a key of this APDU alone, which goes on with that of the global key.
    SingleUse(u32),
    /// A transaction-id.
    Transaction(u128),
    /// Nothing: whoever lets such APDUs in lets them in twice.
    None,
}

/// What was heard from one peer: a counter for each key, so that peers may run one counter for all keys or
/// one for each.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Heard {
    pub(crate) global: ReceiveCounter,
    pub(crate) dedicated: ReceiveCounter,
    /// The highest number of APDUs under keys of their own. New global keys change nothing of it: those
    /// keys are wrapped or agreed under others.
    pub(crate) single_use: Option<u128>,
}

impl Heard {
    /// Counters up to `last` were heard in an earlier life.
    pub(crate) const fn new(last: Option<u32>) -> Self {
        Self { global: ReceiveCounter::new(last), dedicated: ReceiveCounter::new(None), single_use: None }
    }

    /// The same under a new global unicast key.
    pub(crate) const fn renewed(&self) -> Self {
        Self { single_use: self.single_use, ..Self::new(None) }
    }

    pub(crate) fn is_fresh(&self, mark: Mark) -> bool {
        match mark {
            Mark::Global(counter) => self.global.is_fresh(counter),
            Mark::Dedicated(counter) => self.dedicated.is_fresh(counter),
            Mark::SingleUse(counter) => {
                self.global.is_fresh(counter) && self.is_fresh(Mark::Transaction(counter.into()))
            }
            Mark::Transaction(number) => self.single_use.is_none_or(|last| number > last),
            Mark::None => true,
        }
    }

    /// A new dedicated key has no counters yet.
    pub(crate) fn forget_dedicated(&mut self) {
        self.dedicated = ReceiveCounter::default();
    }

    /// Takes note of what was authentic.
    pub(crate) fn accept(&mut self, mark: Mark) {
        match mark {
            Mark::Global(counter) => self.global.accept(counter),
            Mark::Dedicated(counter) => self.dedicated.accept(counter),
            Mark::SingleUse(counter) => {
                self.global.accept(counter);
                self.single_use = self.single_use.max(Some(counter.into()));
            }
            Mark::Transaction(number) => self.single_use = self.single_use.max(Some(number)),
            Mark::None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hex::hex;

    #[test]
    fn transaction_numbers_are_told_from_lengths_that_are_none() {
        assert_eq!(transaction_number(&hex("0102030405060708")), Some(0x0102_0304_0506_0708));
        assert_eq!(transaction_number(&transaction(7)), Some(7));
        assert_eq!((transaction_number(&[]), transaction_number(&[1; 17])), (None, None));
    }
}
