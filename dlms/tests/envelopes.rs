//! What an attacker may try against every kind of envelope.
#![allow(clippy::unwrap_used, clippy::panic)]

mod world;

use dlms::apdu::*;
use dlms::client::*;
use dlms::security::*;
use dlms::server::*;
use plc_core::Machine;
use world::insider::*;
use world::security::*;
use world::*;

const AE: Control = Control::AUTHENTICATED_ENCRYPTED;

/// Every envelope of suite 1, signed last.
fn forms() -> Vec<(CipheringForm, SecurityPolicy)> {
    let sources = [KeySource::Identified, KeySource::Wrapped, KeySource::OnePass, KeySource::StaticUnified];
    let mut forms = vec![
        CipheringForm::ServiceSpecific,
        CipheringForm::General,
        CipheringForm::Dedicated,
        CipheringForm::GeneralDedicated,
    ];
    forms.extend(sources.map(CipheringForm::GeneralCiphering));
    let mut forms: Vec<_> = forms.into_iter().map(|form| (form, SecurityPolicy::ALL)).collect();
    forms.push((CipheringForm::General, SecurityPolicy::SIGNED));
    forms
}

fn connected(ends: Ends, form: CipheringForm) -> World {
    let (client, server) = secured(authentication(Proof::Gmac, Some(ends)), form);
    let mut world = World::between(client, server, PERFECT, 1);
    assert_eq!(world.ask(ClientInput::Connect), ClientOutput::Connected);
    world
}

/// A request that the client has sent and the server has not seen.
fn held_back(world: &mut World) -> Vec<u8> {
    world.client.handle(world.now, ClientInput::Get(energy()));
    world.drain();
    world.flying.clear();
    world.sent.last().unwrap().1.clone()
}

/// The server's answer to a request of the client, which the client has not seen.
fn answer_held_back(world: &mut World) -> Vec<u8> {
    let request = held_back(world);
    world.probe(&request).remove(0)
}

#[test]
fn no_bit_of_a_request_can_be_changed_in_any_envelope() {
    for (form, policy) in forms() {
        let mut world = connected(Ends::new(Suite::One).with_policy(policy), form);
        let request = held_back(&mut world);
        let read = world.meter.reading;
        for at in 8..request.len() {
            let mut wrong = request.clone();
            wrong[at] ^= 1 << (at % 8);
            world.probe(&wrong);
            assert_eq!(world.meter.reading, read, "{form:?}: octet {at}");
        }
        assert_eq!(world.probe(&request).len(), 1, "{form:?}: no counter was moved");
        assert_eq!(world.meter.reading, read + 1);
    }
}

#[test]
fn no_bit_of_an_answer_can_be_changed_in_any_envelope() {
    for (form, policy) in forms() {
        let mut world = connected(Ends::new(Suite::One).with_policy(policy), form);
        let answer = answer_held_back(&mut world);
        for at in 8..answer.len() {
            let mut wrong = answer.clone();
            wrong[at] ^= 1 << (at % 8);
            world.deliver(false, &wrong);
            assert!(world.events.is_empty(), "{form:?}: octet {at}");
        }
        world.deliver(false, &answer);
        assert!(matches!(world.events[..], [ClientOutput::Value(_)]), "{form:?}");
    }
}

#[test]
fn a_request_is_served_once_in_any_envelope_whatever_tells_that_it_is_fresh() {
    for counter in [SessionKeyCounter::Global, SessionKeyCounter::Zero] {
        for (form, policy) in forms() {
            let interop = Interop { session_key_counter: counter, ..Interop::default() };
            let mut world = connected(Ends::new(Suite::One).with_policy(policy).with_interop(interop), form);
            let first = held_back(&mut world);
            assert_eq!(world.probe(&first).len(), 1, "{form:?}");
            assert!(world.probe(&first).is_empty(), "{form:?}");
            world.client.tick(world.client.deadline().unwrap());
            world.drain();
            let second = world.sent.last().unwrap().1.clone();
            world.flying.clear();
            assert_eq!(world.probe(&second).len(), 1, "{form:?}");
            assert!(world.probe(&first).is_empty() && world.probe(&second).is_empty(), "{form:?}");
            assert_eq!(world.server.counters().replayed, 3, "{form:?}");
        }
    }
}

#[test]
fn a_request_come_back_is_no_answer_in_any_envelope() {
    for (form, policy) in forms() {
        let mut world = connected(Ends::new(Suite::One).with_policy(policy), form);
        let mut request = held_back(&mut world);
        request.swap(3, 5);
        world.deliver(false, &request);
        assert!(world.events.is_empty() && world.client.counters().unauthentic > 0, "{form:?}");
    }
}

#[test]
fn requests_of_an_earlier_association_are_not_served_in_a_later_one() {
    for (form, policy) in forms() {
        let mut world = connected(Ends::new(Suite::One).with_policy(policy), form);
        let old = held_back(&mut world);
        world.client.tick(world.client.deadline().unwrap());
        world.drain();
        while world.events.is_empty() {
            let next = world.flying.iter().map(|flight| flight.0).min().unwrap();
            world.now = world.now.max(next);
            world.step();
        }
        world.events.clear();
        world.ask(ClientInput::Release);
        assert_eq!(world.ask(ClientInput::Connect), ClientOutput::Connected);
        let read = world.meter.reading;
        world.probe(&old);
        assert_eq!(world.meter.reading, read, "{form:?}");
    }
}

/// A server on its own, and somebody who holds the keys of suite 0.
fn opened() -> (World, Insider) {
    let (mut world, mut insider) = (World::new(true, PERFECT, 1), Insider::new());
    insider.associate(&mut world);
    (world, insider)
}

/// The answers to a request that is sealed like this.
fn sealed(world: &mut World, insider: &mut Insider, control: Control, envelope: Envelope) -> Vec<Vec<u8>> {
    let apdu = insider.seal(control, envelope, &GET);
    world.probe(&wrap(1, &apdu))
}

#[test]
fn an_equal_or_lower_counter_is_refused_and_a_jump_is_taken() {
    let (mut world, mut insider) = opened();
    let mut at = |counter: u32| {
        insider.counter = counter - 1;
        world.probe(&insider.get()).len()
    };
    assert_eq!([at(100), at(100), at(99), at(1), at(101)], [1, 0, 0, 0, 1]);
    assert_eq!([at(4_000_000_000), at(102), at(3_999_999_999), at(4_000_000_001)], [1, 0, 0, 1]);
}

#[test]
fn after_the_highest_counter_nothing_is_fresh_and_nothing_wraps() {
    let (mut world, mut insider) = opened();
    let mut at = |counter: u32| {
        insider.counter = counter - 1;
        world.probe(&insider.get()).len()
    };
    assert_eq!([at(u32::MAX), at(u32::MAX), at(1), at(u32::MAX - 1)], [1, 0, 0, 0]);
}

#[test]
fn a_dedicated_envelope_without_a_dedicated_key_is_refused() {
    let (mut world, mut insider) = opened();
    for envelope in
        [Envelope::Specific(0xD0), Envelope::GeneralDedicated(None), Envelope::GeneralDedicated(Some(CLIENT))]
    {
        assert!(sealed(&mut world, &mut insider, AE, envelope).is_empty());
    }
    assert_eq!((world.meter.reading, world.server.counters().no_such_key), (0, 3));
}

/// An association with a dedicated key, and a second insider who holds that.
fn opened_dedicated(world: &mut World, insider: &mut Insider, key: [u8; 16]) -> Insider {
    let initiate =
        InitiateRequest { dedicated_key: Some(&key), ..InitiateRequest::new(Conformance::OURS, 0) };
    let initiate = insider.sealed(&initiate.to_vec());
    let aarq = insider.aarq_around(Some(&initiate));
    let challenge = challenge_in(&world.probe(&aarq)).unwrap();
    let pass_3 = insider.pass_3(&challenge);
    assert_eq!(world.probe(&pass_3).len(), 1);
    Insider { keys: keys().with_unicast_key(&key).unwrap(), ..Insider::new() }
}

#[test]
fn clients_run_one_counter_for_both_keys_or_one_for_each() {
    let (mut world, mut insider) = (World::new(true, PERFECT, 1), Insider::new());
    insider.counter = 500;
    let mut dedicated = opened_dedicated(&mut world, &mut insider, [7; 16]);
    let ded = Envelope::Specific(0xD0);
    let mut ask = |counter, insider: &mut Insider, envelope| {
        insider.counter = counter;
        sealed(&mut world, insider, AE, envelope).len()
    };
    assert_eq!(ask(0, &mut dedicated, ded), 1, "its own counter begins low");
    assert_eq!(ask(600, &mut insider, Envelope::Specific(0xC8)), 1);
    assert_eq!(ask(1, &mut dedicated, ded), 1);
    assert_eq!(ask(1, &mut dedicated, ded), 0, "but never goes back");
    assert_eq!(ask(700, &mut dedicated, ded), 1, "or goes on where the other is");
    assert_eq!(ask(700, &mut insider, Envelope::Specific(0xC8)), 1);
    assert_eq!(ask(600, &mut insider, Envelope::Specific(0xC8)), 0);
}

#[test]
fn a_dedicated_key_that_comes_again_brings_its_old_counters() {
    let (mut world, mut insider) = (World::new(true, PERFECT, 1), Insider::new());
    let mut dedicated = opened_dedicated(&mut world, &mut insider, [7; 16]);
    let recorded = wrap(1, &dedicated.seal(AE, Envelope::Specific(0xD0), &GET));
    assert_eq!(world.probe(&recorded).len(), 1);
    opened_dedicated(&mut world, &mut insider, [7; 16]);
    assert!(world.probe(&recorded).is_empty());
    opened_dedicated(&mut world, &mut insider, [8; 16]);
    assert!(world.probe(&recorded).is_empty(), "under another key it is not authentic");
}

#[test]
fn global_and_dedicated_envelopes_do_not_stand_in_each_other() {
    let (mut world, mut insider) = (World::new(true, PERFECT, 1), Insider::new());
    let mut dedicated = opened_dedicated(&mut world, &mut insider, [7; 16]);
    let glo = insider.seal(AE, Envelope::Specific(0xC8), &GET);
    let ded = dedicated.seal(AE, Envelope::Specific(0xD0), &GET);
    for envelope in [Envelope::Specific(0xD0), Envelope::GeneralDedicated(None)] {
        let nested = dedicated.seal(AE, envelope, &glo);
        assert!(world.probe(&wrap(1, &nested)).is_empty());
    }
    for envelope in [Envelope::Specific(0xC8), Envelope::General(None)] {
        let nested = insider.seal(AE, envelope, &ded);
        assert!(world.probe(&wrap(1, &nested)).is_empty());
    }
    let under_the_wrong_key = insider.seal(AE, Envelope::Specific(0xD0), &GET);
    assert!(world.probe(&wrap(1, &under_the_wrong_key)).is_empty());
    assert_eq!(world.meter.reading, 0);
}

#[test]
fn a_dedicated_key_of_another_length_is_refused() {
    let mut world = World::new(true, PERFECT, 1);
    for len in [0, 1, 15, 17, 32] {
        let mut insider = Insider::new();
        insider.counter = 10 * len as u32;
        let key = vec![7; len];
        let initiate =
            InitiateRequest { dedicated_key: Some(&key), ..InitiateRequest::new(Conformance::OURS, 0) };
        let initiate = insider.sealed(&initiate.to_vec());
        let aarq = insider.aarq_around(Some(&initiate));
        assert_eq!(verdict(&world.probe(&aarq)), refused(Diagnostic::NoReasonGiven), "{len}");
    }
}

#[test]
fn the_broadcast_key_opens_nothing_that_is_sent_to_one() {
    let broadcast = [0xBB; 16];
    let ends = |context: SecurityContext| context.with_broadcast_key(&broadcast).unwrap();
    let mut config = server_config();
    config.associations[0].authentication =
        ServerAuthentication::HlsGmac { keys: ends(keys()), last_client_counter: None };
    let mut world = World::between(client_config(true, 1), config, PERFECT, 1);
    let mut insider = Insider { keys: ends(keys()), ..Insider::new() };
    insider.associate(&mut world);
    for control in [0x70, 0x60, 0x50] {
        assert!(sealed(&mut world, &mut insider, Control(control), Envelope::Specific(0xC8)).is_empty());
    }
    assert_eq!((world.meter.reading, world.server.counters().no_such_key), (0, 3));
}

#[test]
fn another_suite_is_refused_even_under_the_same_keys() {
    let (mut world, insider) = opened();
    let keys: [[u8; 16]; 2] = [std::array::from_fn(|n| n as u8), std::array::from_fn(|n| 0xD0 + n as u8)];
    let mut other = Insider { keys: SecurityContext::suite_1(&keys[0], &keys[1]), ..insider };
    let control = AE.under(Suite::One);
    assert!(sealed(&mut world, &mut other, control, Envelope::Specific(0xC8)).is_empty());
    assert_eq!(world.server.counters().no_such_key, 1);
}

#[test]
fn every_policy_takes_what_protects_as_much_and_refuses_the_rest() {
    let none = SecurityPolicy::NONE;
    let policies = [none, SecurityPolicy::AUTHENTICATED, SecurityPolicy::ENCRYPTED, SecurityPolicy::ALL];
    for policy in policies {
        let mut config = server_config();
        let keys = keys().with_policy(policy);
        config.associations[0].authentication =
            ServerAuthentication::HlsGmac { keys, last_client_counter: None };
        let mut world = World::between(client_config(true, 1), config, PERFECT, 1);
        let mut insider = Insider::new();
        insider.associate(&mut world);
        for bits in [0x00, 0x10, 0x20, 0x30] {
            let lawful = Control(bits).covers(policy.request_control());
            let answers = sealed(&mut world, &mut insider, Control(bits), Envelope::Specific(0xC8));
            assert_eq!(answers.len(), usize::from(lawful), "{policy:?} {bits:02x}");
            if let Some(answer) = answers.first() {
                let answer = Ciphered::from_bytes(unwrap(answer)).unwrap();
                assert!(answer.control.covers(policy.response_control()), "{policy:?}");
                assert!(answer.control.covers(Control(bits)), "as well protected as the request");
            }
        }
        let bare = world.probe(&wrap(1, &GET));
        assert_eq!(unwrap(&bare[0])[0] == 0xC4, policy == none, "{policy:?}");
    }
}

#[test]
fn an_answer_that_protects_less_than_the_policy_is_not_believed() {
    let mut world = connected(Ends::new(Suite::Zero), CipheringForm::ServiceSpecific);
    held_back(&mut world);
    let server = Ends::new(Suite::Zero).server;
    let plain = [0xC4, 1, 0x42, 0, 6, 0, 0, 0, 1];
    let sealed = |control: Control, title: &SystemTitle, context: &SecurityContext| {
        let text = context.protect(control, title, 900, &plain).unwrap();
        let envelope = Envelope::Specific(0xCC);
        let apdu = Ciphered { envelope, control, counter: 900, text: &text }.to_vec();
        wrap(1, &apdu)
    };
    let stranger = SecurityContext::new(&[1; 16], &[2; 16]);
    let one = Ends::new(Suite::One).server;
    for wrong in [
        sealed(Control(0x00), &SERVER, &server),
        sealed(Control(0x10), &SERVER, &server),
        sealed(Control(0x20), &SERVER, &server),
        sealed(AE, &CLIENT, &server),
        sealed(AE, &SERVER, &stranger),
        sealed(AE.under(Suite::One), &SERVER, &one),
    ] {
        world.deliver(false, &wrong);
    }
    assert!(world.events.is_empty());
    assert_eq!(world.client.counters().unauthentic, 6);
    world.deliver(false, &sealed(AE, &SERVER, &server));
    assert_eq!(world.events.len(), 1, "and the right one is");
}

/// A general-ciphering request with something changed.
fn changed<'a>(request: &'a [u8], change: impl FnOnce(&mut GeneralCiphering<'a>)) -> Vec<u8> {
    let mut general = GeneralCiphering::from_bytes(unwrap(request)).unwrap();
    change(&mut general);
    wrap(1, &general.to_vec())
}

#[test]
fn general_ciphering_between_other_ends_is_refused() {
    let interop = Interop { general_ciphering_aad: GeneralCipheringAad::ControlAndKey, ..Interop::default() };
    let ends = Ends::new(Suite::One).with_interop(interop);
    let mut world = connected(ends, CipheringForm::GeneralCiphering(KeySource::Identified));
    let request = held_back(&mut world);
    for wrong in [
        changed(&request, |general| general.header.originator = b"STRANGER"),
        changed(&request, |general| general.header.originator = &[]),
        changed(&request, |general| general.header.recipient = b"STRANGER"),
        changed(&request, |general| general.header.recipient = &[]),
    ] {
        assert!(world.probe(&wrong).is_empty());
    }
    assert_eq!(world.server.counters().unauthentic, 4);
    assert_eq!(world.probe(&request).len(), 1, "nothing but the titles was wrong");
}

#[test]
fn key_information_that_names_no_key_of_one_client_is_refused() {
    let ends = Ends::new(Suite::One);
    let mut world = connected(ends, CipheringForm::GeneralCiphering(KeySource::Identified));
    let request = held_back(&mut world);
    let long = [0; 512];
    for info in [
        KeyInfo::Identified(1),
        KeyInfo::Identified(2),
        KeyInfo::Identified(255),
        KeyInfo::Wrapped(1, &[0; 24]),
        KeyInfo::Wrapped(0, &[0; 24]),
        KeyInfo::Wrapped(0, &[]),
        KeyInfo::Wrapped(0, &long),
        KeyInfo::Agreed(&[], &[]),
        KeyInfo::Agreed(&[3], &[]),
        KeyInfo::Agreed(&[1], &[]),
        KeyInfo::Agreed(&[1], &[0; 128]),
        KeyInfo::Agreed(&[1], &long),
        KeyInfo::Agreed(&[2], &[1]),
    ] {
        let wrong = changed(&request, |general| general.key_info = Some(info));
        assert!(world.probe(&wrong).is_empty(), "{info:?}");
    }
    assert_eq!(world.meter.reading, 0);
    let settled = changed(&request, |general| general.key_info = None);
    assert_eq!(world.probe(&settled).len(), 1, "without any it is the key that was settled before");
}

#[test]
fn an_ephemeral_key_that_a_stranger_has_signed_is_refused() {
    let mut world = connected(Ends::new(Suite::One), CipheringForm::GeneralCiphering(KeySource::OnePass));
    let request = held_back(&mut world);
    let (ephemeral, stranger) = (private(Curve::P256, 50), private(Curve::P256, 51));
    let point = ephemeral.public_key().octets();
    let data = [&point[..], &stranger.sign(&point)].concat();
    let wrong = changed(&request, |general| general.key_info = Some(KeyInfo::Agreed(&[1], &data)));
    assert!(world.probe(&wrong).is_empty());
    assert_eq!(world.server.counters().unauthentic, 1);
}

#[test]
fn under_a_key_of_its_own_an_apdu_with_another_counter_than_zero_is_malformed_where_zero_is_due() {
    let interop = Interop { session_key_counter: SessionKeyCounter::Zero, ..Interop::default() };
    let ends = Ends::new(Suite::One).with_interop(interop);
    let mut world = connected(ends, CipheringForm::GeneralCiphering(KeySource::Wrapped));
    let request = held_back(&mut world);
    let counted = changed(&request, |general| general.counter = 1);
    let unnumbered = changed(&request, |general| general.header.transaction = &[]);
    assert!(world.probe(&counted).is_empty() && world.probe(&unnumbered).is_empty());
    assert_eq!(world.server.counters().malformed, 2);
}

#[test]
fn a_signature_of_a_stranger_over_other_ends_or_of_nobody_is_refused() {
    let policy = SecurityPolicy::SIGNED;
    let mut world = connected(Ends::new(Suite::One).with_policy(policy), CipheringForm::General);
    let request = held_back(&mut world);
    let signing = GeneralSigning::from_bytes(unwrap(&request)).unwrap();
    let other = private(Curve::P256, 77).sign(signing.content);
    let header = GeneralHeader { recipient: b"STRANGER", ..signing.header };
    for wrong in [
        GeneralSigning { signature: &other, ..signing }.to_vec(),
        GeneralSigning { signature: &[], ..signing }.to_vec(),
        GeneralSigning { signature: &[0; 64], ..signing }.to_vec(),
        GeneralSigning { header, ..signing }.to_vec(),
        signing.content.to_vec(),
    ] {
        assert!(world.probe(&wrap(1, &wrong)).is_empty());
    }
    assert_eq!(world.meter.reading, 0);
    assert_eq!(world.probe(&request).len(), 1);
}

#[test]
fn a_signed_apdu_in_a_signed_apdu_is_refused() {
    let policy = SecurityPolicy::SIGNED;
    let mut world = connected(Ends::new(Suite::One).with_policy(policy), CipheringForm::General);
    let request = held_back(&mut world);
    let inner = unwrap(&request).to_vec();
    let signing = GeneralSigning::from_bytes(&inner).unwrap();
    let nested = GeneralSigning { content: &inner, ..signing }.to_vec();
    assert!(world.probe(&wrap(1, &nested)).is_empty());
    let mut world = connected(Ends::new(Suite::One), CipheringForm::General);
    let mut insider = Insider { keys: Ends::new(Suite::One).client, ..Insider::new() };
    insider.counter = 1000;
    let inner = insider.seal(AE.under(Suite::One), Envelope::Specific(0xC8), &GET);
    for apdu in [&inner[..], &nested, &[0xDD, 0, 0, 0, 0, 0, 0, 5, 0x31, 0, 0, 0, 1]] {
        let nested = insider.seal(AE.under(Suite::One), Envelope::General(None), apdu);
        assert!(world.probe(&wrap(1, &nested)).is_empty());
    }
    assert_eq!(world.meter.reading, 0);
}

#[test]
fn a_wrong_password_is_refused_and_locks_the_association_after_some() {
    for ends in [None, Some(Suite::Zero)] {
        let (client, server) =
            secured(authentication(Proof::Low, ends.map(Ends::new)), CipheringForm::default());
        let keys = client.authentication.keys().cloned();
        let password = |octets: &[u8]| ClientConfig {
            authentication: ClientAuthentication::Lls { password: Secret::new(octets), keys: keys.clone() },
            retries: 0,
            ..client.clone()
        };
        let mut world = World::between(client.clone(), server, PERFECT, 1);
        let mut counter = 1;
        let mut connect = |octets: &[u8]| {
            counter += 100;
            let config = ClientConfig { first_invocation_counter: counter, ..password(octets) };
            world.client_durable = counter;
            world.client = Client::new(config);
            world.ask(ClientInput::Connect)
        };
        let permanent = AssociationResult::RejectedPermanent;
        let failure =
            |result| ClientOutput::Failed(ClientFailure::Rejected(result, Diagnostic::AuthenticationFailure));
        assert_eq!(connect(b"a shared secres"), failure(permanent));
        assert_eq!(connect(b"a shared secret"), ClientOutput::Connected, "which forgives");
        assert_eq!(connect(b"a shared secret and more"), failure(permanent));
        assert_eq!(connect(b""), failure(permanent));
        assert_eq!(connect(b"a shared secre"), failure(permanent));
        let transient = failure(AssociationResult::RejectedTransient);
        assert_eq!(connect(b"a shared secret"), transient, "locked");
        let locked = world.alerts.iter().filter(|event| matches!(event, ServerEvent::Locked { .. })).count();
        assert_eq!(locked, 1);
    }
}

#[test]
fn an_association_that_has_not_proved_itself_serves_nothing_without_ciphering_either() {
    for proof in [Proof::Hash(HashFunction::Sha256), Proof::Ecdsa] {
        let (client, server) = secured(authentication(proof, None), CipheringForm::default());
        let mut world = World::between(client, server, PERFECT, 1);
        world.client.handle(world.now, ClientInput::Connect);
        world.drain();
        let aarq = world.sent[0].1.clone();
        let challenge = challenge_in(&world.probe(&aarq)).unwrap();
        assert!((8..=64).contains(&challenge.len()));
        assert_eq!(unwrap(&world.probe(&wrap(1, &GET))[0]), NOT_ASSOCIATED);
        let wrong = dlms::cosem::MethodRequest {
            class_id: 15,
            logical_name: dlms::cosem::LogicalName([0, 0, 40, 0, 0, 255]),
            method: 1,
        };
        let invoke_id = InvokeId(0x41);
        let mut value = vec![9, 32];
        value.resize(34, 7);
        let pass_3 = ActionRequest { invoke_id, method: wrong, parameter: Some(&value) }.to_vec();
        let refused = world.probe(&wrap(1, &pass_3));
        assert_eq!(
            ActionResponse::from_bytes(unwrap(&refused[0])).unwrap().result,
            ActionResult::OtherReason
        );
        assert_eq!((world.meter.reading, world.server.occupancy().0), (0, 0));
    }
}

#[test]
fn a_client_refuses_its_own_challenge_from_every_kind_of_server() {
    for proof in PROOFS.into_iter().filter(|proof| !matches!(proof, Proof::Low | Proof::Gmac)) {
        let (client, server) = secured(authentication(proof, None), CipheringForm::default());
        let mut world = World::between(client, server, PERFECT, 1);
        world.client.handle(world.now, ClientInput::Connect);
        world.drain();
        let aarq = world.sent[0].1.clone();
        let ours = Aarq::from_bytes(unwrap(&aarq)).unwrap().authentication_value.unwrap().to_vec();
        let answer = world.probe(&aarq).remove(0);
        let aare = Aare::from_bytes(unwrap(&answer)).unwrap();
        assert_ne!(aare.authentication_value.unwrap(), ours);
        let mirrored = Aare { authentication_value: Some(&ours), ..aare }.to_vec();
        world.deliver(false, &wrap(1, &mirrored));
        assert_eq!(world.events, [ClientOutput::Failed(ClientFailure::Authentication)], "{proof:?}");
    }
}

#[test]
fn lengths_that_lie_are_refused_in_every_envelope() {
    for (form, policy) in forms() {
        let mut world = connected(Ends::new(Suite::One).with_policy(policy), form);
        let request = held_back(&mut world);
        let apdu = unwrap(&request).to_vec();
        for len in 0..apdu.len() {
            world.probe(&wrap(1, &apdu[..len]));
        }
        for lie in [&[0x80][..], &[0x84, 0xFF, 0xFF, 0xFF, 0xFF], &[0x85, 0, 0, 0, 0, 1], &[0xFF]] {
            let lying = [&apdu[..1], lie, &apdu[2..]].concat();
            world.probe(&wrap(1, &lying));
        }
        let longer = [&apdu[..], &[0]].concat();
        world.probe(&wrap(1, &longer));
        assert_eq!(world.meter.reading, 0, "{form:?}");
        assert_eq!(world.probe(&request).len(), 1, "{form:?}");
    }
}
