//! Asking one LBA after the other to be let in.

use super::Identity;
use super::backoff::Pauses;
use super::discovering::Candidates;
use super::peer::Peer;
use crate::action::Grant;
use crate::counters::Drop;
use crate::specs;
use crate::wire::{BootstrappingData, EapCode, LbpCode, LbpFrame};
use plc_core::Instant;
use plc_core::sap::{JoinFailure, Msdu, PanDescriptor};
use plc_core::seed::Stream;

/// Asking to be let in.
#[derive(Debug)]
pub(super) struct Joining {
    /// The best first; never empty.
    candidates: Candidates,
    at: usize,
    attempts: u8,
    pausing: bool,
    /// End of the pause, or of the patience.
    until: Instant,
    peer: Peer,
}

/// What a message has led to.
#[derive(Debug)]
pub(super) enum Outcome {
    /// An answer.
    Answer(Msdu),
    /// The device is in.
    Accepted(Grant),
    /// It is not.
    Failed(JoinFailure),
}

impl Joining {
    /// Asks the first of the candidates after a pause.
    pub(super) fn new(candidates: Candidates, now: Instant, pauses: &Pauses, random: &mut Stream) -> Self {
        let until = now + pauses.before_attempt(0, random);
        Self { candidates, at: 0, attempts: 0, pausing: true, until, peer: Peer::default() }
    }

    pub(super) fn candidate(&self) -> &PanDescriptor {
        &self.candidates[self.at]
    }

    /// The pause is over: the request goes out, and an answer must come until then.
    pub(super) fn ask(&mut self, until: Instant) {
        self.pausing = false;
        self.until = until;
        self.peer = Peer::default();
    }

    pub(super) fn on_message(
        &mut self,
        now: Instant,
        frame: &LbpFrame<'_>,
        identity: &Identity,
        random: &mut Stream,
    ) -> Result<Outcome, Drop> {
        let data = frame.bootstrapping().map_err(|_| Drop::Malformed)?;
        match (frame.code, data) {
            (LbpCode::Challenge, BootstrappingData::Eap(eap)) => {
                let answer = self.peer.on_challenge(&eap, identity, random, crate::exchange::grant_of)?;
                self.pausing = false;
                self.until = now + identity.ib.adp_max_join_wait_time;
                Ok(Outcome::Answer(answer))
            }
            (LbpCode::Accepted, BootstrappingData::Eap(eap)) if eap.code == EapCode::Success => {
                self.peer.granted().map(Outcome::Accepted).ok_or(Drop::UnexpectedMessage)
            }
            (LbpCode::Decline, _) if !self.pausing => Ok(Outcome::Failed(JoinFailure::Declined)),
            _ => Err(Drop::UnexpectedMessage),
        }
    }

    /// A message was never acknowledged. The answer to it may still be on its way, but not for long.
    pub(super) fn on_unsent(&mut self, now: Instant) {
        if !self.pausing {
            self.until = self.until.min(now + specs::JOIN_BACKOFF_FIRST.1);
        }
    }

    /// The next attempt, or `None` when it is time to scan again.
    pub(super) fn after_failure(
        mut self,
        now: Instant,
        reason: JoinFailure,
        pauses: &Pauses,
        random: &mut Stream,
    ) -> Option<Self> {
        let pan_id = self.candidate().pan_id;
        if reason == JoinFailure::Declined {
            self.candidates.retain(|candidate| candidate.pan_id != pan_id);
            self.at = 0;
        } else {
            self.at = (self.at + 1) % self.candidates.len();
        }
        self.attempts += 1;
        let go_on = !self.candidates.is_empty() && self.attempts < specs::JOIN_ATTEMPTS_PER_SCAN;
        self.pausing = true;
        self.until = now + pauses.before_attempt(self.attempts, random);
        go_on.then_some(self)
    }

    pub(super) const fn is_pausing(&self) -> bool {
        self.pausing
    }

    pub(super) const fn deadline(&self) -> Instant {
        self.until
    }

    pub(super) fn candidates(&self) -> usize {
        self.candidates.len()
    }
}
