//! What the client says: requests, each under a counter of its own, and what it reports.

use super::{CipheringForm, ClientAuthentication, ClientConfig, ClientFailure, ClientOutput};
use crate::apdu::{Envelope, Pdu};
use crate::invocation::InvocationCounter;
use crate::security::{self, SPECIFIC, seal};
use crate::specs::conversation::OUTPUTS_MAX;
use crate::specs::invoke_id;
use crate::wrapper::Wpdu;
use alloc::vec::Vec;
use plc_core::Outbox;

/// Octets that protection adds to an APDU at most.
pub(super) const fn overhead(config: &ClientConfig) -> usize {
    match (&config.authentication, config.ciphering) {
        (ClientAuthentication::None, _) => 0,
        (_, CipheringForm::ServiceSpecific) => security::overhead(SPECIFIC),
        (_, CipheringForm::General) => security::overhead(Envelope::General(None)),
    }
}

/// The outputs of a client, and the numbers that go with them.
#[derive(Debug)]
pub(super) struct Voice {
    send: InvocationCounter,
    number: u8,
    out: Outbox<ClientOutput, OUTPUTS_MAX>,
}

impl Voice {
    pub(super) fn new(send: InvocationCounter) -> Self {
        Self { send, number: 0, out: Outbox::new() }
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
        if matches!(config.authentication, ClientAuthentication::None) {
            return Ok(0);
        }
        let (counter, persist) = self.send.take().map_err(|_| ClientFailure::CounterExhausted)?;
        if let Some(reserved_to) = persist {
            self.tell(ClientOutput::Persist { reserved_to });
        }
        Ok(counter)
    }

    /// `plain` under the protection of the association, if it has any.
    pub(super) fn protect(
        &mut self,
        config: &ClientConfig,
        plain: Vec<u8>,
    ) -> Result<Vec<u8>, ClientFailure> {
        let ClientAuthentication::HlsGmac { keys } = &config.authentication else { return Ok(plain) };
        let form = match config.ciphering {
            CipheringForm::ServiceSpecific => SPECIFIC,
            CipheringForm::General => Envelope::General(None),
        };
        let counter = self.send_counter(config)?;
        Ok(seal(keys, &config.client_title, counter, &plain, form))
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
        let mut voice = Voice::new(InvocationCounter::new(1, 1));
        let numbers: Vec<u8> = (0..17).map(|_| voice.next_number()).collect();
        assert_eq!((numbers[0], numbers[14], numbers[15], numbers[16]), (1, 15, 0, 1));
        assert_eq!(voice.number(), 1);
    }
}
