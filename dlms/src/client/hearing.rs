//! What the client makes of what it hears.

use super::handshake::Accepted;
use super::pending::{Job, Pending, Proving};
use super::{AnswerFault, Client, ClientFailure, ClientOutput};
use crate::apdu::{
    Aare, ActionResponse, ApduKind, ExceptionResponse, GeneralBlockTransfer, Pdu, is_ciphered, is_general,
};
use crate::block_transfer::Taken;
use crate::specs::apdu_tag;
use crate::wrapper::Wpdu;
use core::time::Duration;
use plc_core::Instant;
use plc_core::wire::WireError;

impl Client {
    pub(super) fn on_datagram(&mut self, now: Instant, bytes: &[u8]) {
        let expected = (self.config.server_sap, self.config.client_sap);
        match Wpdu::from_bytes(bytes) {
            Ok(wpdu) if (wpdu.source, wpdu.destination) == expected => self.on_apdu(now, wpdu.apdu),
            Ok(Wpdu { source, destination, .. }) => {
                self.counters.malformed += 1;
                self.hint(AnswerFault::Ports { source, destination });
            }
            Err(_) => self.counters.malformed += 1,
        }
    }

    fn on_apdu(&mut self, now: Instant, apdu: &[u8]) {
        match apdu.first() {
            Some(&apdu_tag::AARE) => self.on_aare(now, apdu),
            Some(&apdu_tag::RLRE) => self.on_rlre(),
            Some(&apdu_tag::EXCEPTION_RESPONSE) => self.on_exception(apdu),
            Some(&apdu_tag::GENERAL_BLOCK_TRANSFER) => self.on_general_block(now, apdu),
            Some(&tag) if self.keys().is_none() && (is_ciphered(tag) || is_general(tag)) => {
                self.on_stray(AnswerFault::Ciphered(ApduKind(tag)));
            }
            Some(_) if self.keys().is_none() => self.on_service(now, apdu),
            Some(_) => self.on_protected(now, apdu),
            None => self.counters.malformed += 1,
        }
    }

    /// Something that answers nothing that is under way.
    pub(super) fn on_stray(&mut self, fault: AnswerFault) {
        self.counters.unexpected += 1;
        self.hint(fault);
    }

    fn on_other(&mut self, tag: u8) {
        let expected = self.pending.as_ref().map(|pending| pending.job.expected());
        let came = ApduKind(tag);
        self.counters.unexpected += 1;
        if let Some(expected) = expected {
            self.hint(AnswerFault::Kind { came, expected });
        }
    }

    /// What explains a missing answer.
    fn hint(&mut self, fault: AnswerFault) {
        if let Some(pending) = &mut self.pending {
            pending.on_stray(fault);
        }
    }

    /// Octets that are not what they begin like, and nobody knows of which request.
    fn on_malformed(&mut self, apdu: &[u8], fault: WireError) {
        self.counters.malformed += 1;
        if let Some(&tag) = apdu.first() {
            self.hint(AnswerFault::Malformed { came: ApduKind(tag), fault });
        }
    }

    fn on_general_block(&mut self, now: Instant, apdu: &[u8]) {
        let block = match GeneralBlockTransfer::from_bytes(apdu) {
            Ok(block) => block,
            Err(fault) => return self.on_malformed(apdu, fault),
        };
        let before = self.blocks.progress();
        let taken = self.blocks.on_block(&block);
        if self.blocks.progress() > before {
            self.on_progress(now);
        }
        match taken {
            Taken::Wait => {}
            Taken::Answer => {
                let _ = self.send_burst();
            }
            // Blocks in blocks are not taken apart.
            Taken::Whole(joined) if joined.first() == Some(&apdu_tag::GENERAL_BLOCK_TRANSFER) => {
                self.on_malformed(&joined, WireError::Invalid("block within blocks"));
            }
            Taken::Whole(joined) => self.on_apdu(now, &joined),
            Taken::TooLong => self.on_refusal(ClientFailure::TooLong),
            Taken::Stray => self.on_other(apdu_tag::GENERAL_BLOCK_TRANSFER),
        }
    }

    /// The server is heard to go on.
    fn on_progress(&mut self, now: Instant) {
        if let Some(pending) = &mut self.pending {
            pending.progressed(&self.config);
            pending.deadline = now + self.config.response_timeout.max(Duration::from_millis(1));
        }
    }

    fn on_aare(&mut self, now: Instant, apdu: &[u8]) {
        let aare = match self.config.quirks.pdu::<Aare<'_>>(apdu, &mut self.counters) {
            Ok(aare) => aare,
            Err(fault) => return self.on_malformed_aare(apdu, fault),
        };
        let Some(Pending { job: Job::Associate(handshake), .. }) = &mut self.pending else {
            return self.on_other(apdu_tag::AARE);
        };
        self.said_title = aare.server_title.and_then(|title| title.try_into().ok());
        match handshake.on_aare(&self.config, &aare) {
            Ok(accepted) => self.on_accepted(now, &accepted),
            Err(failure) => self.on_refusal(failure),
        }
    }

    /// An AARE has no number: without keys there is no telling it from the right one by anything else.
    fn on_malformed_aare(&mut self, apdu: &[u8], fault: WireError) {
        self.on_malformed(apdu, fault);
        if self.keys().is_none() && matches!(self.pending, Some(Pending { job: Job::Associate(_), .. })) {
            let came = ApduKind(apdu_tag::AARE);
            self.on_refusal(ClientFailure::Answer(AnswerFault::Malformed { came, fault }));
        }
    }

    fn on_accepted(&mut self, now: Instant, accepted: &Accepted) {
        let Some(Pending { job: Job::Associate(handshake), .. }) = &self.pending else { return };
        if let Some(counter) = accepted.counter {
            let dedicated = handshake.dedicated(&self.config);
            if !self.ear.on_server(accepted.server_title, counter, dedicated) {
                self.counters.replayed += 1;
                return self.hint(AnswerFault::Replayed(ApduKind(apdu_tag::AARE)));
            }
        }
        self.ear.on_initiate(&accepted.initiate);
        if self.config.authentication.hls().is_none() {
            return self.on_connected();
        }
        if let Some(Pending { job: Job::Associate(handshake), limit, .. }) = self.pending.take() {
            self.begin(now, Job::Prove(Proving::new(handshake)));
            if let Some(pending) = &mut self.pending {
                pending.limit = limit;
            }
        }
    }

    fn on_rlre(&mut self) {
        if matches!(self.pending, Some(Pending { job: Job::Release, .. })) {
            self.is_open = false;
            self.done(ClientOutput::Released);
        } else {
            self.on_other(apdu_tag::RLRE);
        }
    }

    fn on_exception(&mut self, apdu: &[u8]) {
        match self.config.quirks.pdu::<ExceptionResponse>(apdu, &mut self.counters) {
            Ok(exception) => self.on_refusal(ClientFailure::Exception(exception)),
            Err(fault) => self.on_malformed(apdu, fault),
        }
    }

    /// A refusal without proof ends a request without security; otherwise anyone could end it, so it
    /// only explains a missing answer.
    fn on_refusal(&mut self, failure: ClientFailure) {
        let ciphered = self.keys().is_some();
        match &mut self.pending {
            None => self.counters.unexpected += 1,
            Some(pending) if ciphered => {
                self.counters.unauthentic += 1;
                pending.hint = failure;
            }
            Some(_) => self.done(ClientOutput::Failed(failure)),
        }
    }

    fn on_protected(&mut self, now: Instant, apdu: &[u8]) {
        let Some(keys) = self.config.authentication.keys() else { return };
        match self.ear.open(keys, &self.config.client_title, apdu, &mut self.counters) {
            Ok(plain) => self.on_service(now, &plain),
            Err(fault) => self.hint(fault),
        }
    }

    fn on_service(&mut self, now: Instant, apdu: &[u8]) {
        match apdu.first() {
            Some(&apdu_tag::DATA_NOTIFICATION) => return self.on_data_notification(apdu),
            Some(&apdu_tag::EVENT_NOTIFICATION_REQUEST) => return self.on_event_notification(apdu),
            _ => {}
        }
        match &self.pending {
            Some(Pending { job: Job::Prove(_), .. }) => self.on_pass_4(apdu),
            Some(Pending { job: Job::Exchange(_), .. }) => self.on_answer(now, apdu),
            _ => self.on_other(apdu.first().copied().unwrap_or_default()),
        }
    }

    fn on_pass_4(&mut self, apdu: &[u8]) {
        let Some(Pending { job: Job::Prove(proving), .. }) = &self.pending else { return };
        if apdu.first() != Some(&apdu_tag::ACTION_RESPONSE) {
            return self.on_other(apdu.first().copied().unwrap_or_default());
        }
        let response = match self.config.quirks.pdu::<ActionResponse<'_>>(apdu, &mut self.counters) {
            Ok(response) => response,
            Err(fault) => return self.on_malformed(apdu, fault),
        };
        if !proving.is_issued(response.invoke_id) {
            let (came, expected) = (response.invoke_id.number(), proving.number());
            return self.on_stray(AnswerFault::InvokeId { came, expected });
        }
        if proving.is_proved(&self.config, &response) {
            self.on_connected();
        } else {
            self.done(ClientOutput::Failed(ClientFailure::Authentication));
        }
    }

    fn on_answer(&mut self, now: Instant, apdu: &[u8]) {
        let is_authentic = self.keys().is_some();
        let Some(Pending { job: Job::Exchange(exchange), .. }) = &mut self.pending else { return };
        match exchange.on_apdu(apdu, self.config.quirks, &mut self.counters) {
            Ok(step) => self.on_step(now, step),
            // What begins like the answer and is none, and what is authentic and none, will not get better by asking again.
            Err(fault) if is_authentic || exchange.is_addressed(apdu) => {
                self.counters.malformed += 1;
                let came = exchange.expected();
                let fault = AnswerFault::Malformed { came, fault };
                self.done(ClientOutput::Failed(ClientFailure::Answer(fault)));
            }
            Err(fault) => self.on_malformed(apdu, fault),
        }
    }
}
