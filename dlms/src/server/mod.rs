//! The server: the associations of one logical device.
//!
//! One association per client port. An association with high level security has at most one session,
//! which only an authentic AARQ with a fresh counter replaces; one without security has a session per
//! peer. What cannot be served is dropped and counted; what may be told without helping an attacker is
//! answered with an exception.

mod accessing;
mod acting;
mod associate;
mod buffers;
mod builtin;
mod caller;
mod closing;
mod config;
mod counters;
mod dispatch;
mod failures;
mod getting;
mod guard;
mod incoming;
mod model;
mod negotiated;
mod notification;
mod opening;
mod origin;
mod proving;
mod pushing;
mod recent;
mod restore;
mod services;
mod serving;
mod session;
mod sessions;
mod setting;
mod setup;
mod standing;
mod stranger;
mod transfer;
mod voice;

pub use config::{
    Access, AssociationConfig, Ciphering, SecurityErrors, ServerAuthentication, ServerConfig, ServerEvent,
    ServerInput, ServerOutput, ServerPersist,
};
pub use counters::ServerCounters;
pub use model::{AssociationContext, ObjectEntry, ObjectModel};
pub use notification::{Notification, NotifyFault};
pub use origin::Origin;
pub use restore::ServerRecords;
pub use standing::Standing;

use crate::apdu::{Pdu, is_ciphered, is_general, is_never_answered};
use crate::invocation::InvocationCounter;
use crate::specs::apdu_tag;
use crate::wrapper::Wpdu;
use alloc::vec::Vec;
use caller::Caller;
use closing::Closing;
use guard::Guard;
use opening::Opening;
use plc_core::{Instant, Machine};
use pushing::{Pushes, Pushing};
use serving::Serving;
use sessions::Sessions;
use voice::Voice;

/// The associations of one logical device, over datagrams.
#[derive(Debug)]
pub struct Server {
    config: ServerConfig,
    guards: Vec<Guard>,
    sessions: Sessions,
    voice: Voice,
    pushes: Pushes,
}

impl Server {
    /// A server without sessions.
    pub fn new(config: ServerConfig) -> Self {
        Self {
            guards: config.associations.iter().map(Guard::new).collect(),
            sessions: Sessions::new(config.max_sessions, config.session_timeout),
            voice: Voice::new(
                InvocationCounter::new(config.first_invocation_counter, config.counter_block),
                config.seed.stream(),
            ),
            pushes: Pushes::default(),
            config,
        }
    }

    /// Serves one datagram from `peer`, whose number is its address; outputs follow from `poll`.
    pub fn serve(&mut self, now: Instant, peer: u16, bytes: &[u8], objects: &mut dyn ObjectModel) {
        self.handle(now, ServerInput { peer, origin: Origin::of_peer(peer), bytes, objects });
    }

    fn on_datagram(&mut self, now: Instant, input: ServerInput<'_>) {
        let ServerInput { peer, origin, bytes, objects } = input;
        let Ok(wpdu) = Wpdu::from_bytes(bytes) else { return self.voice.counters.malformed += 1 };
        let is_here = wpdu.destination == self.config.server_sap;
        let Some(index) = self.association(wpdu.source).filter(|_| is_here) else {
            return self.on_stranger(peer, &wpdu);
        };
        self.sessions.expire(now);
        let caller = Caller { origin, ..self.caller(now, peer, index) };
        on_apdu(caller, wpdu.apdu, objects);
    }

    /// The connection of `peer` is gone, and with it every session that was opened over it.
    pub fn forget(&mut self, peer: u16) {
        self.sessions.forget(peer);
    }

    /// Takes a datagram back that has left, for the memory that it holds: a server that is given back what it has sent answers a GET
    /// without allocating.
    pub fn recycle(&mut self, datagram: Vec<u8>) {
        self.voice.buffers.give(datagram);
    }

    /// What the server was told.
    pub const fn config(&self) -> &ServerConfig {
        &self.config
    }

    /// What was dropped.
    pub const fn counters(&self) -> &ServerCounters {
        &self.voice.counters
    }

    /// Sessions held, and the most that may be.
    pub const fn occupancy(&self) -> (usize, usize) {
        self.sessions.occupancy()
    }

    /// Who the sender at `peer` has shown himself to be, by the associations that he has opened.
    pub fn standing(&self, peer: u16) -> Standing {
        let is_proven = |index: usize| {
            let known = self.config.associations.get(index);
            known.is_some_and(|association| !matches!(association.authentication, ServerAuthentication::None))
        };
        let opened = self.sessions.opened_by(peer);
        opened
            .map(|index| if is_proven(index) { Standing::Proven } else { Standing::Public })
            .max()
            .unwrap_or_default()
    }

    /// The highest counter that was accepted from the client at this port: its next one must be higher.
    /// `None` before the first, and for a port without association.
    pub fn receive_counter(&self, client_sap: u16) -> Option<u32> {
        self.association(client_sap).and_then(|index| self.guards[index].heard.global.last())
    }

    /// Says something unasked to the client at `client_sap`, which is reached at `peer`; outputs follow from
    /// `poll`. Returns the number of a push, by which its confirmation is told.
    ///
    /// # Errors
    /// Nothing was sent: there is no such association, or none with keys is open, the value is none, or too
    /// many pushes wait for their confirmation.
    pub fn notify(
        &mut self,
        now: Instant,
        peer: u16,
        client_sap: u16,
        notification: &Notification<'_>,
    ) -> Result<u32, NotifyFault> {
        let index = self.association(client_sap).ok_or(NotifyFault::NotAssociated)?;
        Pushing { caller: &mut self.caller(now, peer, index) }.notify(notification)
    }

    /// The same to a host that the server has connected to of itself. Where there are keys, it is sent under the global ones as the
    /// policy of the association demands, in an envelope that names the server; the confirmation must come in the same way, under a
    /// fresh counter. No association is opened by either.
    ///
    /// # Errors
    /// As above; [`NotifyFault::NotAssociated`] also where the policy demands signatures, since they would name the recipient.
    pub fn notify_host(
        &mut self,
        now: Instant,
        peer: u16,
        client_sap: u16,
        notification: &Notification<'_>,
    ) -> Result<u32, NotifyFault> {
        let index = self.association(client_sap).ok_or(NotifyFault::NotAssociated)?;
        let mut caller = self.caller(now, peer, index);
        caller.to_host = true;
        Pushing { caller: &mut caller }.notify(notification)
    }

    /// Says something unasked to the client at `client_sap` over every association that it has open, where it has negotiated that it
    /// understands it; outputs follow from `poll`. Returns over how many.
    pub fn notify_associated(
        &mut self,
        now: Instant,
        client_sap: u16,
        notification: &Notification<'_>,
    ) -> usize {
        let Some(index) = self.association(client_sap) else { return 0 };
        let peers = self.sessions.peers_of(index);
        let said = peers.iter().filter(|&&peer| self.notify(now, peer, client_sap, notification).is_ok());
        said.count()
    }

    /// A request of a client, or for a logical device, that there is not.
    fn on_stranger(&mut self, peer: u16, wpdu: &Wpdu<'_>) {
        self.voice.counters.unknown_client += 1;
        if let Some(answer) = stranger::answer(wpdu) {
            self.voice.datagram(peer, answer);
        }
    }

    fn caller(&mut self, now: Instant, peer: u16, index: usize) -> Caller<'_> {
        let Self { config, guards, sessions, voice, pushes } = self;
        let (config, association) = (&*config, &config.associations[index]);
        let guard = &mut guards[index];
        Caller {
            now,
            peer,
            origin: Origin::of_peer(peer),
            index,
            association,
            config,
            guard,
            sessions,
            voice,
            pushes,
            joined: false,
            is_mute: false,
            to_host: false,
        }
    }

    /// Sends again what was not confirmed in time.
    fn push_again(&mut self, now: Instant) {
        loop {
            let Self { pushes, voice, .. } = self;
            let Some(due) = pushes.due(now, |event| voice.tell(event)) else { return };
            if let Some(index) = self.association(due.client_sap) {
                // Without an association it is not sent, and given up in its time.
                let mut caller = self.caller(now, due.peer, index);
                caller.to_host = due.to_host;
                let _ = Pushing { caller: &mut caller }.say(&due.apdu);
            }
        }
    }

    fn association(&self, client_sap: u16) -> Option<usize> {
        self.config.associations.iter().position(|association| association.client_sap == client_sap)
    }
}

impl Machine for Server {
    type Input<'a> = ServerInput<'a>;
    type Output = ServerOutput;

    fn handle(&mut self, now: Instant, input: ServerInput<'_>) {
        self.on_datagram(now, input);
    }

    fn tick(&mut self, now: Instant) {
        self.sessions.expire(now);
        self.push_again(now);
    }

    fn deadline(&self) -> Option<Instant> {
        self.sessions.deadline().into_iter().chain(self.pushes.deadline()).min()
    }

    fn poll(&mut self) -> Option<ServerOutput> {
        self.voice.poll()
    }
}

fn on_apdu(mut caller: Caller<'_>, apdu: &[u8], objects: &mut dyn ObjectModel) {
    let caller = &mut caller;
    caller.is_mute = apdu.first().is_some_and(|&tag| is_never_answered(tag));
    match apdu.first() {
        Some(&apdu_tag::AARQ) => Opening { caller }.on_aarq(apdu),
        Some(&apdu_tag::RLRQ) => Closing { caller }.on_rlrq(apdu),
        Some(&apdu_tag::GENERAL_BLOCK_TRANSFER) => Serving { caller, objects }.on_general_block(apdu),
        Some(&tag) if is_ciphered(tag) || is_general(tag) => Serving { caller, objects }.on_ciphered(apdu),
        Some(_) => Serving { caller, objects }.on_plain(apdu),
        None => caller.voice.counters.malformed += 1,
    }
}
