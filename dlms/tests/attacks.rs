//! What an attacker may try against server and client.
#![allow(clippy::unwrap_used, clippy::panic)]

mod world;

use dlms::apdu::*;
use dlms::client::*;
use dlms::security::{Control, Suite0, SystemTitle};
use dlms::server::*;
use dlms::wrapper::Wpdu;
use plc_core::Machine;
use std::time::Duration;
use world::insider::*;
use world::*;

#[test]
fn every_recorded_datagram_is_refused_when_it_is_played_again() {
    let mut world = World::new(true, PERFECT, 6);
    world.ask(ClientInput::Connect);
    world.ask(ClientInput::Set(energy(), &[9, 1, 1]));
    world.meter.written.clear();
    let recorded: Vec<_> = world.sent.iter().filter(|sent| sent.0).map(|sent| sent.1.clone()).collect();
    for bytes in &recorded {
        assert!(world.probe(bytes).is_empty());
    }
    assert!(world.meter.written.is_empty());
    assert_eq!(world.server.counters().replayed, recorded.len() as u64);
    assert!(matches!(world.ask(ClientInput::Get(energy())), ClientOutput::Value(_)), "the session lives on");
}

#[test]
fn nothing_unprotected_is_served_on_a_ciphered_association() {
    let mut world = World::new(true, PERFECT, 7);
    world.ask(ClientInput::Connect);
    let wrap = |apdu: &[u8]| Wpdu { source: 1, destination: 1, apdu }.to_vec();
    let get = [0xC0, 1, 0x41, 0, 3, 1, 0, 1, 8, 0, 255, 2, 0];
    let read = world.meter.reading;
    assert_eq!(world.probe(&wrap(&get)), [wrap(&[0xD8, 1, 1])]);
    for control in [Control::AUTHENTICATED, Control::ENCRYPTED] {
        let text = keys().protect(control, b"PLCDC001", 500, &get).unwrap();
        let envelope = Envelope::Specific(0xC8);
        let apdu = Ciphered { envelope, control, counter: 500, text: &text }.to_vec();
        assert!(world.probe(&wrap(&apdu)).is_empty());
    }
    let plain_aarq = Aarq {
        user_id: None,
        protocol_version: None,
        context: ApplicationContext::LOGICAL_NAMES,
        client_title: None,
        mechanism: None,
        authentication_value: None,
        user_information: Some(&InitiateRequest::new(Conformance::OURS, 0).to_vec()),
    };
    let answers = world.probe(&wrap(&plain_aarq.to_vec()));
    let aare = Wpdu::from_bytes(&answers[0]).unwrap().apdu.to_vec();
    let aare = Aare::from_bytes(&aare).unwrap();
    assert_eq!(aare.result, AssociationResult::RejectedPermanent);
    assert!(world.probe(&wrap(&[0x62, 3, 0x80, 1, 0])).is_empty(), "an unprotected release ends nothing");
    assert_eq!(world.meter.reading, read);
    assert!(matches!(world.ask(ClientInput::Get(energy())), ClientOutput::Value(_)));
}

#[test]
fn other_keys_open_nothing_and_own_titles_are_refused() {
    let wrong = ClientAuthentication::HlsGmac { keys: Suite0::new(&[1; 16], &[2; 16]) };
    let mut world = World::with(ClientConfig { authentication: wrong, ..client_config(true, 8) }, PERFECT, 8);
    assert_eq!(world.ask(ClientInput::Connect), ClientOutput::Failed(ClientFailure::NoAnswer));
    assert_eq!(world.server.counters().unauthentic, 6);
    let mirrored = ClientConfig { client_title: *b"MTR00001", ..client_config(true, 8) };
    let mut world = World::with(mirrored, PERFECT, 8);
    assert!(matches!(world.ask(ClientInput::Connect), ClientOutput::Failed(ClientFailure::Rejected(..))));
}

#[test]
fn without_an_association_nothing_is_read() {
    let mut world = World::new(false, PERFECT, 9);
    let get = [0xC0, 1, 0x41, 0, 3, 1, 0, 1, 8, 0, 255, 2, 0];
    let wrap = |source, apdu: &[u8]| Wpdu { source, destination: 1, apdu }.to_vec();
    assert_eq!(
        world.probe(&wrap(16, &get)),
        [Wpdu { source: 1, destination: 16, apdu: &[0xD8, 1, 1] }.to_vec()]
    );
    assert_eq!(
        world.probe(&wrap(77, &get)),
        [Wpdu { source: 1, destination: 77, apdu: &[0xD8, 1, 1] }.to_vec()]
    );
    assert_eq!((world.meter.reading, world.server.counters().unknown_client), (0, 1));
}

fn server_alone() -> World {
    World::new(true, PERFECT, 1)
}

#[test]
fn guessing_at_the_proof_ends_in_one_guess_now_and_then() {
    let (mut world, mut insider) = (server_alone(), Insider::new());
    for guess in 1..=3 {
        let answers = world.probe(&insider.aarq());
        assert!(challenge_in(&answers).is_some(), "guess {guess}");
        let wrong = insider.pass_3(&[0; 16]);
        world.probe(&wrong);
        assert_eq!(world.alerts.contains(&ServerEvent::Locked { client_sap: 1 }), guess == 3);
    }
    let locked = (AssociationResult::RejectedTransient, Diagnostic::AuthenticationFailure, None);
    assert_eq!(verdict(&world.probe(&insider.aarq())), locked);
    world.now += Duration::from_millis(199_999);
    assert_eq!(verdict(&world.probe(&insider.aarq())), locked);
    world.now += Duration::from_millis(1);
    world.probe(&insider.aarq());
    let wrong = insider.pass_3(&[0; 16]);
    world.probe(&wrong);
    assert_eq!(verdict(&world.probe(&insider.aarq())), locked);
    world.now += Duration::from_secs(200);
    insider.associate(&mut world);
    world.probe(&insider.get());
    assert_eq!(world.meter.reading, 1);
}

#[test]
fn a_wrong_proof_ends_the_session_that_it_was_made_for() {
    let (mut world, mut insider) = (server_alone(), Insider::new());
    let challenge = challenge_in(&world.probe(&insider.aarq())).unwrap();
    let wrong = insider.pass_3(&[0; 16]);
    world.probe(&wrong);
    let late = insider.pass_3(&challenge);
    assert_eq!(world.probe(&late), [Wpdu { source: 1, destination: 1, apdu: &NOT_ASSOCIATED }.to_vec()]);
    assert_eq!(world.server.occupancy().0, 0);
}

#[test]
fn a_right_proof_forgives_the_wrong_ones_before_it() {
    let (mut world, mut insider) = (server_alone(), Insider::new());
    for _ in 0..3 {
        for _ in 0..2 {
            world.probe(&insider.aarq());
            let wrong = insider.pass_3(&[0; 16]);
            world.probe(&wrong);
        }
        insider.associate(&mut world);
    }
    assert!(!world.alerts.contains(&ServerEvent::Locked { client_sap: 1 }));
}

#[test]
fn challenges_are_taken_from_8_to_64_octets() {
    let (mut world, mut insider) = (server_alone(), Insider::new());
    for (len, lawful) in
        [(0, false), (1, false), (7, false), (8, true), (64, true), (65, false), (255, false)]
    {
        insider.challenge = vec![3; len];
        let verdict = verdict(&world.probe(&insider.aarq()));
        assert_eq!(verdict == refused(Diagnostic::AuthenticationFailure), !lawful, "{len}");
    }
    let none = insider.aarq_for(0, |aarq| aarq.authentication_value = None);
    assert_eq!(verdict(&world.probe(&none)), refused(Diagnostic::AuthenticationFailure));
}

#[test]
fn whoever_calls_himself_like_the_server_or_nothing_is_refused() {
    let (mut world, mut insider) = (server_alone(), Insider::new());
    insider.title = SERVER;
    let verdicts = [
        verdict(&world.probe(&insider.aarq())),
        verdict(&world.probe(&insider.aarq_for(0, |aarq| aarq.client_title = None))),
        verdict(&world.probe(&insider.aarq_for(0, |aarq| aarq.client_title = Some(&[1; 7])))),
    ];
    assert!(verdicts.into_iter().all(|v| v == refused(Diagnostic::CallingApTitleNotRecognized)));
    assert_eq!(world.server.occupancy().0, 0);
}

#[test]
fn a_lesser_context_or_mechanism_is_refused_where_security_is_due() {
    let (mut world, mut insider) = (server_alone(), Insider::new());
    let context = insider.aarq_for(0, |aarq| aarq.context = ApplicationContext::LOGICAL_NAMES);
    let refusal = refused(Diagnostic::ApplicationContextNameNotSupported);
    assert_eq!(verdict(&world.probe(&context)), refusal);
    for mechanism in [0, 1, 2, 3, 4, 6, 7, 8] {
        let lesser = insider.aarq_for(0, |aarq| aarq.mechanism = Some(Mechanism(mechanism)));
        assert_eq!(
            verdict(&world.probe(&lesser)),
            refused(Diagnostic::AuthenticationMechanismNameNotRecognised)
        );
    }
    let none = insider.aarq_for(0, |aarq| aarq.mechanism = None);
    assert_eq!(verdict(&world.probe(&none)), refused(Diagnostic::AuthenticationMechanismNameRequired));
    assert_eq!(world.server.occupancy().0, 0);
    let mut aarq = insider.aarq();
    aarq[3] = 16;
    let refusal = refused(Diagnostic::ApplicationContextNameNotSupported);
    assert_eq!(verdict(&world.probe(&aarq)), refusal, "nor more than there is on the public port");
}

#[test]
fn an_initiate_request_without_its_envelope_opens_nothing_where_security_is_due() {
    let (mut world, mut insider) = (server_alone(), Insider::new());
    let plain = InitiateRequest::new(Conformance::OURS, 0).to_vec();
    let bare = insider.aarq_around(Some(&plain));
    assert!(world.probe(&bare).is_empty());
    assert!(world.probe(&insider.aarq_around(None)).is_empty());
    let general = insider.seal(Control::AUTHENTICATED_ENCRYPTED, Envelope::General(None), &plain);
    let wrapped = insider.aarq_around(Some(&general));
    assert!(world.probe(&wrapped).is_empty());
    assert_eq!((world.server.counters().unauthentic, world.server.occupancy().0), (3, 0));
}

#[test]
fn ciphered_services_before_the_proof_are_refused() {
    let (mut world, mut insider) = (server_alone(), Insider::new());
    let refusal = [Wpdu { source: 1, destination: 1, apdu: &NOT_ASSOCIATED }.to_vec()];
    assert_eq!(world.probe(&insider.get()), refusal, "no session");
    world.probe(&insider.aarq());
    assert_eq!(world.probe(&insider.get()), refusal, "only challenged");
    assert_eq!((world.meter.reading, world.server.counters().unassociated), (0, 2));
    let mut elsewhere = insider.get();
    elsewhere[3] = 16;
    let refusal = [Wpdu { source: 1, destination: 16, apdu: &NOT_ASSOCIATED }.to_vec()];
    assert_eq!(world.probe(&elsewhere), refusal, "a port without keys");
}

#[test]
fn any_other_security_control_octet_is_refused() {
    let (mut world, mut insider) = (server_alone(), Insider::new());
    insider.associate(&mut world);
    let others = [0x00, 0x10, 0x20, 0x31, 0x32, 0x3F, 0x70, 0xB0, 0xF0];
    for octet in others {
        let control = Control(octet);
        let counter = 1000 + u32::from(octet);
        let text = keys().protect(control, &CLIENT, counter, &GET).unwrap_or(GET.to_vec());
        let apdu = Ciphered { envelope: Envelope::Specific(0xC8), control, counter, text: &text }.to_vec();
        assert!(world.probe(&wrap(1, &apdu)).is_empty(), "{octet:02x}");
    }
    let counters = world.server.counters();
    assert_eq!((counters.unprotected, counters.no_such_key, world.meter.reading), (3, 6, 0));
    assert_eq!(world.probe(&insider.get()).len(), 1, "and none of their counters was accepted");
}

#[test]
fn a_tag_that_is_cut_or_missing_is_refused() {
    let (mut world, mut insider) = (server_alone(), Insider::new());
    insider.associate(&mut world);
    for missing in 1..=12 {
        let text = keys().protect(Control::AUTHENTICATED_ENCRYPTED, &CLIENT, 500, &GET).unwrap();
        let text = &text[..text.len() - missing];
        let control = Control::AUTHENTICATED_ENCRYPTED;
        let apdu = Ciphered { envelope: Envelope::Specific(0xC8), control, counter: 500, text }.to_vec();
        assert!(world.probe(&wrap(1, &apdu)).is_empty());
    }
    assert_eq!((world.server.counters().unauthentic, world.meter.reading), (12, 0));
    assert_eq!(world.server.receive_counter(1), Some(insider.counter), "nothing was accepted");
}

#[test]
fn an_envelope_in_an_envelope_is_refused() {
    let (mut world, mut insider) = (server_alone(), Insider::new());
    insider.associate(&mut world);
    let both = Control::AUTHENTICATED_ENCRYPTED;
    for inner in [Envelope::Specific(0xC8), Envelope::General(None), Envelope::General(Some(CLIENT))] {
        let inside = insider.seal(both, inner, &GET);
        for outer in [Envelope::Specific(0xC8), Envelope::General(None), Envelope::General(Some(CLIENT))] {
            let nested = insider.seal(both, outer, &inside);
            assert!(world.probe(&wrap(1, &nested)).is_empty(), "{inner:?} in {outer:?}");
        }
    }
    let read = insider.seal(both, Envelope::Specific(0xC9), &GET);
    assert!(world.probe(&wrap(1, &read)).is_empty(), "a get in the envelope of a set");
    let title = insider.seal(both, Envelope::General(Some(SERVER)), &GET);
    assert!(world.probe(&wrap(1, &title)).is_empty(), "the title of another");
    assert_eq!((world.server.counters().unauthentic, world.meter.reading), (11, 0));
}

#[test]
fn lengths_that_lie_are_malformed_and_cost_nothing() {
    let (mut world, mut insider) = (server_alone(), Insider::new());
    insider.associate(&mut world);
    let bodies: [&[u8]; 9] = [
        &[0xC8, 0x84, 0xFF, 0xFF, 0xFF, 0xFF, 0x30, 0, 0, 1, 0],
        &[0xC8, 0x80, 0x30, 0, 0, 1, 0, 0, 0],
        &[0xC8, 0x05, 0x30, 0, 0, 1],
        &[0xC8, 0x04, 0x30, 0, 0, 1],
        &[0xC8, 0x00],
        &[0xDB, 0x08, 1, 2, 3],
        &[0xDB, 0x84, 0xFF, 0xFF, 0xFF, 0xFF, 0x05, 0x30, 0, 0, 1, 0],
        &[0x60, 0x84, 0xFF, 0xFF, 0xFF, 0xFF, 0xA1, 0x09],
        &[0x60, 0x80, 0xA1, 0x09, 0x06, 0x07, 0x60, 0x85, 0x74, 0x05, 0x08, 0x01, 0x01, 0, 0],
    ];
    for body in bodies {
        // Only who proposes an association learns that it was no proposal.
        let answers = usize::from(body[0] == 0x60);
        assert_eq!(world.probe(&wrap(1, body)).len(), answers, "{body:02x?}");
    }
    assert_eq!(world.server.counters().malformed, bodies.len() as u64);
    let mut lying = wrap(1, &GET);
    for length in [[0, 0], [0, 12], [0, 14], [0xFF, 0xFF]] {
        lying[6..8].copy_from_slice(&length);
        assert!(world.probe(&lying).is_empty());
    }
    assert_eq!(world.server.counters().malformed, bodies.len() as u64 + 4);
    assert_eq!(world.probe(&insider.get()).len(), 1);
}

/// The server restarts with what it has made durable, and nothing else.
fn restart(world: &mut World) {
    let counter = world.records.iter().filter_map(|record| match record {
        ServerPersist::ReceiveCounter { client_sap: 1, last } => Some(*last),
        _ => None,
    });
    let mut config = server_config();
    config.associations[0].authentication =
        ServerAuthentication::HlsGmac { keys: keys(), last_client_counter: counter.max() };
    world.server = Server::new(config);
}

#[test]
fn a_recorded_handshake_cannot_be_played_to_a_server_that_restarted() {
    let (mut world, mut insider) = (server_alone(), Insider::new());
    insider.counter = 100;
    let aarq = insider.aarq();
    let challenge = challenge_in(&world.probe(&aarq)).unwrap();
    // Cut between the two: what was accepted last is the AARQ.
    restart(&mut world);
    assert!(world.probe(&aarq).is_empty() && world.server.counters().replayed == 1);
    let pass_3 = insider.pass_3(&challenge);
    assert_eq!(world.probe(&pass_3).len(), 1, "not associated");
    assert_eq!(world.server.occupancy().0, 0);
}

#[test]
fn a_recorded_session_cannot_be_played_to_a_server_that_restarted() {
    let (mut world, mut insider) = (server_alone(), Insider::new());
    insider.counter = 100;
    let aarq = insider.aarq();
    let challenge = challenge_in(&world.probe(&aarq)).unwrap();
    let pass_3 = insider.pass_3(&challenge);
    world.probe(&pass_3);
    restart(&mut world);
    assert!(world.probe(&aarq).is_empty() && world.server.counters().replayed == 1);
    assert_eq!(world.probe(&pass_3).len(), 1, "not associated");
    assert_eq!(world.server.occupancy().0, 0);
}

/// A client whose server is in the hands of an insider.
struct Trap {
    world: World,
    keys: Suite0,
    counter: u32,
    client_challenge: Vec<u8>,
}

const OURS: [u8; 16] = [0xA5; 16];

impl Trap {
    /// A client that has sent its AARQ.
    fn new() -> Self {
        let mut world = World::with(ClientConfig { retries: 0, ..client_config(true, 1) }, PERFECT, 1);
        world.client.handle(world.now, ClientInput::Connect);
        world.drain();
        let (_, aarq) = world.sent.pop().unwrap();
        world.flying.clear();
        let aarq = Aarq::from_bytes(unwrap(&aarq)).unwrap();
        let client_challenge = aarq.authentication_value.unwrap().to_vec();
        Self { world, keys: keys(), counter: 0, client_challenge }
    }

    fn sealed(&mut self, title: &SystemTitle, plain: &[u8]) -> Vec<u8> {
        self.counter += 1;
        let control = Control::AUTHENTICATED_ENCRYPTED;
        let text = self.keys.protect(control, title, self.counter, plain).unwrap();
        let envelope = Envelope::Specific(glo_tag(plain[0]).unwrap());
        Ciphered { envelope, control, counter: self.counter, text: &text }.to_vec()
    }

    fn aare(&mut self, title: &SystemTitle, challenge: &[u8], change: impl FnOnce(&mut Aare<'_>)) -> Vec<u8> {
        let initiate = self.sealed(title, &InitiateResponse::new(Conformance::OURS, 1024).to_vec());
        let mut aare = Aare {
            context: ApplicationContext::LOGICAL_NAMES_CIPHERED,
            result: AssociationResult::Accepted,
            diagnostic: Diagnostic::AuthenticationRequired,
            from_provider: false,
            server_title: Some(title),
            mechanism: Some(Mechanism::HIGH_GMAC),
            authentication_value: Some(challenge),
            user_information: Some(&initiate),
        };
        change(&mut aare);
        aare.to_vec()
    }

    fn right_aare(&mut self) -> Vec<u8> {
        self.aare(&SERVER, &OURS, |_| {})
    }

    fn pass_4(&mut self, title: &SystemTitle, challenge: &[u8]) -> Vec<u8> {
        self.counter += 1;
        let mut value = vec![9, 17, 0x10];
        value.extend_from_slice(&self.counter.to_be_bytes());
        value.extend_from_slice(&self.keys.gmac(title, self.counter, challenge));
        let (result, returned) = (ActionResult::Success, Some(Ok(&value[..])));
        let invoke_id = InvokeId::confirmed(1);
        self.sealed(&SERVER, &ActionResponse { invoke_id, result, returned }.to_vec())
    }

    /// Gives the client an APDU; whether it answers by going on.
    fn goes_on(&mut self, apdu: &[u8]) -> bool {
        let before = self.world.sent.len();
        let bytes = Wpdu { source: 1, destination: 1, apdu }.to_vec();
        self.world.deliver(false, &bytes);
        self.world.sent.len() > before
    }

    /// What the client says when it has waited long enough.
    fn in_the_end(&mut self) -> ClientOutput {
        self.world.now += Duration::from_secs(60);
        self.world.client.tick(self.world.now);
        self.world.drain();
        self.world.events.remove(0)
    }
}

#[test]
fn the_trap_holds_a_client_when_everything_is_right() {
    let mut trap = Trap::new();
    let aare = trap.right_aare();
    assert!(trap.goes_on(&aare));
    let challenge = trap.client_challenge.clone();
    let pass_4 = trap.pass_4(&SERVER, &challenge);
    trap.goes_on(&pass_4);
    assert_eq!(trap.world.events, [ClientOutput::Connected]);
}

#[test]
fn a_client_does_not_answer_an_aare_that_is_forged_or_reflected() {
    let own = Trap::new().client_challenge;
    type Change<'a> = Box<dyn Fn(&mut Trap) -> Vec<u8> + 'a>;
    let wrongs: [(&str, Change<'_>); 8] = [
        ("our challenge come back", Box::new(|trap| trap.aare(&SERVER, &own, |_| {}))),
        ("our title come back", Box::new(|trap| trap.aare(&CLIENT, &OURS, |_| {}))),
        ("a short challenge", Box::new(|trap| trap.aare(&SERVER, &[1; 7], |_| {}))),
        ("a long challenge", Box::new(|trap| trap.aare(&SERVER, &[1; 65], |_| {}))),
        ("no challenge", Box::new(|trap| trap.aare(&SERVER, &OURS, |a| a.authentication_value = None))),
        ("no mechanism", Box::new(|trap| trap.aare(&SERVER, &OURS, |a| a.mechanism = None))),
        (
            "a lesser context",
            Box::new(|trap| trap.aare(&SERVER, &OURS, |a| a.context = ApplicationContext::LOGICAL_NAMES)),
        ),
        (
            "other keys",
            Box::new(|trap| {
                trap.keys = Suite0::new(&[9; 16], &[8; 16]);
                let aare = trap.right_aare();
                trap.keys = keys();
                aare
            }),
        ),
    ];
    for (what, wrong) in wrongs {
        let mut trap = Trap::new();
        let aare = wrong(&mut trap);
        assert!(!trap.goes_on(&aare), "{what}");
        assert!(!trap.world.client.is_open(), "{what}");
        let right = trap.right_aare();
        assert!(trap.goes_on(&right), "{what}: the right one is still taken");
    }
}

#[test]
fn a_client_says_why_it_did_not_trust_the_server() {
    let mut trap = Trap::new();
    let own = trap.client_challenge.clone();
    let aare = trap.aare(&SERVER, &own, |_| {});
    trap.goes_on(&aare);
    assert_eq!(trap.in_the_end(), ClientOutput::Failed(ClientFailure::Authentication));
    assert_eq!(Trap::new().in_the_end(), ClientOutput::Failed(ClientFailure::NoAnswer));
}

#[test]
fn a_server_that_cannot_prove_itself_is_left() {
    let own = Trap::new().client_challenge;
    for (title, challenge) in [(SERVER, &OURS[..]), (SERVER, &[0; 16]), (CLIENT, &own)] {
        let mut trap = Trap::new();
        let aare = trap.right_aare();
        assert!(trap.goes_on(&aare));
        let wrong = trap.pass_4(&title, challenge);
        assert!(!trap.goes_on(&wrong));
        assert_eq!(trap.world.events, [ClientOutput::Failed(ClientFailure::Authentication)]);
        assert!(!trap.world.client.is_open());
    }
}

#[test]
fn a_forged_pass_4_neither_opens_nor_ends_the_handshake() {
    let mut trap = Trap::new();
    let aare = trap.right_aare();
    trap.goes_on(&aare);
    let challenge = trap.client_challenge.clone();
    trap.keys = Suite0::new(&[9; 16], &[8; 16]);
    let forged = trap.pass_4(&SERVER, &challenge);
    trap.goes_on(&forged);
    trap.goes_on(&[0xC7, 1, 0x41, 0, 0]);
    trap.goes_on(&NOT_ASSOCIATED);
    assert!(trap.world.events.is_empty() && !trap.world.client.is_open());
    trap.keys = keys();
    let right = trap.pass_4(&SERVER, &challenge);
    trap.goes_on(&right);
    assert_eq!(trap.world.events, [ClientOutput::Connected]);
}

#[test]
fn nothing_unprotected_or_replayed_answers_a_client_with_keys() {
    let mut world = World::new(true, PERFECT, 3);
    world.ask(ClientInput::Connect);
    world.ask(ClientInput::Get(energy()));
    let old: Vec<_> = world.sent.iter().filter(|sent| !sent.0).map(|sent| sent.1.clone()).collect();
    world.client.handle(world.now, ClientInput::Get(energy()));
    world.drain();
    world.flying.clear();
    old.iter().for_each(|bytes| world.deliver(false, bytes));
    let plain = [0xC4, 1, 0x43, 0, 6, 0, 0, 0, 1];
    for invoke_id in 0x40..=0x4F {
        let apdu = [&plain[..2], &[invoke_id], &plain[3..]].concat();
        world.deliver(false, &Wpdu { source: 1, destination: 1, apdu: &apdu }.to_vec());
    }
    assert!(world.events.is_empty() && world.client.is_busy());
    assert_eq!(world.client.counters().unauthentic, 16);
}

/// The challenges that the server of these tests draws, one after the other.
fn challenges_of_the_server() -> impl Iterator<Item = Vec<u8>> {
    let mut entropy = server_config().seed.stream();
    std::iter::repeat_with(move || {
        // As many octets as the longest challenge has.
        let mut octets = [0; 32];
        rand_core::Rng::fill_bytes(&mut entropy, &mut octets);
        octets.to_vec()
    })
}

#[test]
fn a_server_whose_entropy_gives_it_the_challenge_of_the_client_draws_again() {
    let drawn: Vec<Vec<u8>> = challenges_of_the_server().take(3).collect();
    let (mut world, mut insider) = (server_alone(), Insider::new());
    let first = challenge_in(&world.probe(&insider.aarq())).unwrap();
    assert_eq!(first, drawn[0][..first.len()], "the entropy is the one that was chosen");
    let (mut world, mut insider) = (server_alone(), Insider::new());
    insider.challenge = first;
    let second = challenge_in(&world.probe(&insider.aarq())).unwrap();
    assert_eq!(second, drawn[1][..second.len()]);
    let pass_3 = insider.pass_3(&second);
    assert_eq!(world.probe(&pass_3).len(), 1);
    world.probe(&insider.get());
    assert_eq!(world.meter.reading, 1, "and the association opens");
}

#[test]
fn behind_the_last_counter_that_there_is_none_is_said_to_be_expected() {
    let server = ServerConfig { security_errors: SecurityErrors::WithCounter, ..server_config() };
    let mut world = World::between(client_config(true, 1), server, PERFECT, 1);
    let mut insider = Insider::new();
    insider.associate(&mut world);
    insider.counter = u32::MAX - 1;
    world.probe(&insider.get());
    assert_eq!(world.meter.reading, 1, "the last counter counts");
    insider.counter = u32::MAX - 1;
    let said = world.probe(&insider.get());
    assert_eq!((unwrap(&said[0]), world.meter.reading), (&[0xD8, 1, 3][..], 1));
    insider.counter = 6;
    assert_eq!(unwrap(&world.probe(&insider.get())[0]), [0xD8, 1, 3]);
}
