//! What the client says: requests, each under a counter of its own, and what it reports.

use super::ear::Ear;
use super::{CipheringForm, ClientConfig, ClientFailure, ClientOutput};
use crate::apdu::Pdu;
use crate::invocation::InvocationCounter;
use crate::security::{Control, Form, SecurityContext, Wrap, transaction};
use crate::specs::conversation::{OUTPUTS_MAX, OUTPUTS_RESERVED};
use crate::specs::invoke_id;
use crate::wrapper::Wpdu;
use alloc::vec::Vec;
use plc_core::Outbox;
use plc_core::seed::Stream;

/// Octets that protection adds to an APDU at most.
pub(super) fn overhead(config: &ClientConfig) -> usize {
    config.authentication.keys().map_or(0, |keys| form(keys, config.ciphering, 0).overhead(keys.suite()))
}

/// How requests are protected under these keys.
fn form(keys: &SecurityContext, ciphering: CipheringForm, counter: u32) -> Form {
    let (control, signed) = (keys.policy().request_control(), keys.policy().is_signed().0);
    let wrap = if control == Control(0) { Wrap::Bare } else { ciphering.wrap() };
    Form { wrap, control, signed, transaction: transaction(counter) }
}

/// The outputs of a client, and the numbers that go with them.
#[derive(Debug)]
pub(super) struct Voice {
    send: InvocationCounter,
    number: u8,
    pub(super) entropy: Stream,
    out: Outbox<ClientOutput, OUTPUTS_MAX>,
}

impl Voice {
    pub(super) fn new(send: InvocationCounter, entropy: Stream) -> Self {
        Self { send, number: 0, entropy, out: Outbox::new() }
    }

    pub(super) fn reserve(&mut self, reserved_to: u32) {
        self.send = self.send.reserved(reserved_to);
    }

    pub(super) const fn next_counter(&self) -> u64 {
        self.send.peek()
    }

    /// The next number for a request, 0..=15.
    pub(super) const fn next_number(&mut self) -> u8 {
        self.number = (self.number + 1) & invoke_id::NUMBER;
        self.number
    }

    /// The number that was given last.
    pub(super) const fn number(&self) -> u8 {
        self.number
    }

    /// The next send counter, with its reservation ahead of it. Without keys there is none.
    pub(super) fn send_counter(&mut self, config: &ClientConfig) -> Result<u32, ClientFailure> {
        if config.authentication.keys().is_none() {
            return Ok(0);
        }
        let (counter, persist) = self.send.take().map_err(|_| ClientFailure::CounterExhausted)?;
        if let Some(reserved_to) = persist {
            self.tell(ClientOutput::Persist { reserved_to });
        }
        Ok(counter)
    }

    /// `plain` under the protection of the association, if it has any. One counter runs for all keys, so
    /// that servers may keep one for all or one for each.
    pub(super) fn protect(
        &mut self,
        config: &ClientConfig,
        ear: &Ear,
        ciphering: CipheringForm,
        plain: Vec<u8>,
    ) -> Result<Vec<u8>, ClientFailure> {
        let Some(keys) = config.authentication.keys() else { return Ok(plain) };
        let counter = self.send_counter(config)?;
        let form = form(keys, ciphering, counter);
        let end = ear.end(keys, &config.client_title).ok_or(ClientFailure::WrongState)?;
        end.protect(&form, counter, &mut self.entropy, &plain).map_err(|_| ClientFailure::KeyMissing)
    }

    /// Sends an APDU; the wrapper carries at most 65535 octets.
    pub(super) fn send(&mut self, config: &ClientConfig, apdu: &[u8]) -> Result<(), ClientFailure> {
        if apdu.len() > usize::from(u16::MAX) {
            return Err(ClientFailure::TooLong);
        }
        let (source, destination) = (config.client_sap, config.server_sap);
        self.tell(ClientOutput::Datagram(Wpdu { source, destination, apdu }.to_vec()));
        Ok(())
    }

    /// Whether what nobody asked for leaves room for answers.
    pub(super) fn has_room_unasked(&self) -> bool {
        self.out.room() > OUTPUTS_RESERVED
    }

    pub(super) fn tell(&mut self, output: ClientOutput) {
        self.out.push(output);
    }

    pub(super) fn poll(&mut self) -> Option<ClientOutput> {
        self.out.pop()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_round_in_four_bits() {
        let mut voice = Voice::new(InvocationCounter::new(1, 1), plc_core::Seed::from_u64(1).stream());
        let numbers: Vec<u8> = (0..17).map(|_| voice.next_number()).collect();
        assert_eq!((numbers[0], numbers[14], numbers[15], numbers[16]), (1, 15, 0, 1));
        assert_eq!(voice.number(), 1);
    }
}
