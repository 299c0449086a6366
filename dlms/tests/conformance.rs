//! Lines of the abstract test suites about associations and symmetric security, one test each.
#![allow(clippy::unwrap_used, clippy::panic)]

mod world;

use dlms::apdu::*;
use dlms::axdr::Data;
use dlms::client::*;
use dlms::cosem::{AttributeRequest, LogicalName};
use dlms::security::*;
use dlms::server::*;
use std::collections::BTreeSet;
use world::insider::*;
use world::security::*;
use world::*;

const AE: Control = Control::AUTHENTICATED_ENCRYPTED;
const GLO_GET: Envelope = Envelope::Specific(0xC8);

/// A plain AARQ of the public client with this initiate-request and these fields.
fn public_aarq(initiate: &InitiateRequest<'_>, change: impl FnOnce(&mut Aarq<'_>)) -> Vec<u8> {
    let initiate = initiate.to_vec();
    let mut aarq = Aarq {
        user_id: None,
        protocol_version: None,
        context: ApplicationContext::LOGICAL_NAMES,
        client_title: None,
        mechanism: None,
        authentication_value: None,
        user_information: Some(&initiate),
    };
    change(&mut aarq);
    wrap(16, &aarq.to_vec())
}

fn initiate() -> InitiateRequest<'static> {
    InitiateRequest::new(Conformance::OURS, 500)
}

/// What the server answers to the public client.
fn answer(aarq: &[u8]) -> Vec<u8> {
    let answers = World::new(false, PERFECT, 1).probe(aarq);
    unwrap(&answers[0]).to_vec()
}

fn accepted(aarq: &[u8]) -> InitiateResponse {
    let answer = answer(aarq);
    let aare = Aare::from_bytes(&answer).unwrap();
    assert_eq!((aare.result, aare.diagnostic), (AssociationResult::Accepted, Diagnostic::Null));
    InitiateResponse::from_bytes(aare.user_information.unwrap()).unwrap()
}

/// The diagnostic of a permanent refusal, whether it is of the provider, and the error of initiate.
fn rejected(aarq: &[u8]) -> (u8, bool, Option<Vec<u8>>) {
    let answer = answer(aarq);
    let aare = Aare::from_bytes(&answer).unwrap();
    assert_eq!(aare.result, AssociationResult::RejectedPermanent);
    (aare.diagnostic.code(), aare.from_provider, aare.user_information.map(<[u8]>::to_vec))
}

#[test]
fn appl_idle_n1_a_service_without_association_is_refused_and_opens_none() {
    for client in [1, 16] {
        let mut world = World::new(false, PERFECT, 1);
        for apdu in [
            &[0xC0, 1, 0x41, 0, 3, 1, 0, 1, 8, 0, 255, 2, 0][..],
            &[0xC1, 1, 0x41, 0, 3, 1, 0, 1, 8, 0, 255, 2, 0, 9, 1, 1],
            &[0xC3, 1, 0x41, 0, 3, 1, 0, 1, 8, 0, 255, 1, 0],
        ] {
            let answers = world.probe(&wrap(client, apdu));
            assert_eq!(unwrap(&answers[0]), [0xD8, 1, 1], "{apdu:02x?}");
        }
        assert_eq!((world.server.occupancy().0, world.meter.reading), (0, 0));
    }
}

#[test]
fn appl_open_1_an_association_with_the_declared_parameters_is_opened() {
    let response = accepted(&public_aarq(&initiate(), |_| {}));
    assert_eq!((response.version, response.vaa_name, response.max_pdu), (6, 7, 1024));
}

/// The user that the object current association of the public client shows.
fn current_user(world: &mut World) -> Vec<u8> {
    let request = [0xC0, 1, 0x41, 0, 15, 0, 0, 40, 0, 0, 255, 11, 0];
    unwrap(&world.probe(&wrap(16, &request))[0])[4..].to_vec()
}

#[test]
fn appl_open_2_the_user_who_has_opened_the_association_is_shown() {
    let aarq = public_aarq(&initiate(), |_| {});
    for (element, user) in [
        (&[][..], 0),
        (&[0xA9, 3, 2, 1, 7], 7),
        (&[0xA9, 3, 2, 1, 200], 200),
        (&[0xA9, 4, 2, 2, 0, 200], 200),
        // Of no user_list.
        (&[0xA9, 4, 2, 2, 1, 200], 0),
    ] {
        let mut world = World::new(false, PERFECT, 1);
        world.probe(&with_element(&aarq, element));
        assert_eq!(current_user(&mut world), [2, 2, 17, user, 12, 0], "{element:02x?}");
    }
    let mut world = World::new(false, PERFECT, 1);
    world.probe(&public_aarq(&initiate(), |aarq| aarq.user_id = Some(9)));
    world.probe(&public_aarq(&initiate(), |aarq| aarq.user_id = Some(10)));
    assert_eq!(current_user(&mut world), [2, 2, 17, 10, 12, 0], "who opens it anew is the user from then on");
}

#[test]
fn the_user_of_another_association_is_shown_where_it_is_open() {
    let (mut world, mut insider) = (World::new(true, PERFECT, 1), Insider::new());
    let public = public_aarq(&initiate(), |aarq| aarq.user_id = Some(9));
    let shown = |world: &mut World, insider: &mut Insider, place: u8| {
        let plain = [0xC0, 1, 0x41, 0, 15, 0, 0, 40, 0, place, 255, 11, 0];
        let sealed = insider.sealed(&plain);
        let answer = world.probe(&wrap(1, &sealed)).remove(0);
        let ciphered = Ciphered::from_bytes(unwrap(&answer)).unwrap();
        let plain = keys().unprotect(ciphered.control, &SERVER, ciphered.counter, ciphered.text).unwrap();
        plain[7]
    };
    let aarq = insider.aarq_for(0, |aarq| aarq.user_id = Some(77));
    let challenge = challenge_in(&world.probe(&aarq)).unwrap();
    world.probe(&insider.pass_3(&challenge));
    let of = |sap| server_config().associations.iter().position(|of| of.client_sap == sap).unwrap() as u8 + 1;
    assert_eq!((shown(&mut world, &mut insider, 0), shown(&mut world, &mut insider, of(1))), (77, 77));
    assert_eq!(shown(&mut world, &mut insider, of(16)), 0, "nobody has opened it");
    world.probe(&public);
    assert_eq!(shown(&mut world, &mut insider, of(16)), 9);
}

#[test]
fn the_secret_of_an_association_is_read_by_nobody() {
    let mut world = World::new(true, PERFECT, 1);
    world.ask(ClientInput::Connect);
    let associations = server_config().associations.len() as u8;
    for place in 0..=associations {
        let name = LogicalName([0, 0, 40, 0, place, 255]);
        let secret = world.ask(ClientInput::Get(AttributeRequest::new(15, name, 7)));
        assert_eq!(secret, ClientOutput::AccessResult(DataAccessResult::ReadWriteDenied), "{place}");
    }
    let list = AttributeRequest::new(15, LogicalName([0, 0, 40, 0, 0, 255]), 2);
    let ClientOutput::Value(list) = world.ask(ClientInput::Get(list)) else { panic!("a list") };
    let list = Data::from_bytes(&list).unwrap().as_array().unwrap();
    let of_class_15 = list.iter().map(|entry| entry.as_structure().unwrap());
    let of_class_15 =
        of_class_15.filter(|entry| entry.iter().next().and_then(|class| class.as_u64()) == Some(15));
    let mut seen = 0;
    for entry in of_class_15 {
        let rights = entry.iter().nth(3).unwrap().as_structure().unwrap().iter().next().unwrap();
        let modes = rights.as_array().unwrap().iter().map(|right| {
            let mode = right.as_structure().unwrap().iter().nth(1);
            if let Some(Data::Enum(mode)) = mode { mode } else { 255 }
        });
        assert_eq!(modes.collect::<Vec<_>>(), [1, 1, 1, 1, 1, 1, 0, 1, 1, 1, 1]);
        seen += 1;
    }
    assert_eq!(seen, 1 + usize::from(associations));
}

#[test]
fn appl_open_3_pass_3_is_answered_with_pass_4_and_opens() {
    let (mut world, mut insider) = (World::new(true, PERFECT, 1), Insider::new());
    let challenge = challenge_in(&world.probe(&insider.aarq())).unwrap();
    let pass_3 = insider.pass_3(&challenge);
    let pass_4 = world.probe(&pass_3).remove(0);
    let ciphered = Ciphered::from_bytes(unwrap(&pass_4)).unwrap();
    let plain = keys().unprotect(ciphered.control, &SERVER, ciphered.counter, ciphered.text).unwrap();
    let response = ActionResponse::from_bytes(&plain).unwrap();
    assert_eq!(response.result, ActionResult::Success);
    let value = response.returned.unwrap().unwrap();
    let proof = Data::from_bytes(value).unwrap().as_octets().unwrap();
    let counter = u32::from_be_bytes(proof[1..5].try_into().unwrap());
    let tag = proof[5..].try_into().unwrap();
    assert_eq!(keys().verify_gmac(&SERVER, counter, &insider.challenge, tag), Ok(()));
    assert_eq!(world.probe(&insider.get()).len(), 1);
}

#[test]
fn appl_open_4_another_version_of_the_protocol_is_refused_by_the_provider() {
    accepted(&public_aarq(&initiate(), |aarq| aarq.protocol_version = Some(&[7, 0x80])));
    let other = public_aarq(&initiate(), |aarq| aarq.protocol_version = Some(&[6, 0x40]));
    assert_eq!(rejected(&other), (2, true, None));
}

#[test]
fn appl_open_5_another_context_is_refused() {
    for context in [0, 2, 3, 4, 255] {
        let aarq = public_aarq(&initiate(), |aarq| aarq.context = ApplicationContext(context));
        assert_eq!(rejected(&aarq), (2, false, None), "{context}");
    }
}

/// `aarq` with one more element behind its context.
fn with_element(aarq: &[u8], element: &[u8]) -> Vec<u8> {
    let apdu = unwrap(aarq);
    let (before, behind) = apdu[2..].split_at(11);
    let contents = [before, element, behind].concat();
    wrap(16, &[&[0x60, contents.len() as u8], &contents[..]].concat())
}

#[test]
fn appl_open_6_titles_qualifiers_and_identifiers_are_taken() {
    let aarq = public_aarq(&initiate(), |_| {});
    for element in [
        &[0xA2, 4, 4, 2, 1, 2][..],
        &[0xA3, 4, 4, 2, 1, 2],
        &[0xA4, 3, 2, 1, 1],
        &[0xA5, 3, 2, 1, 1],
        &[0xA6, 10, 4, 8, 1, 2, 3, 4, 5, 6, 7, 8],
        &[0xA7, 4, 4, 2, 1, 2],
        &[0xA8, 3, 2, 1, 1],
        &[0xA9, 3, 2, 1, 1],
    ] {
        accepted(&with_element(&aarq, element));
    }
    let unknown = with_element(&aarq, &[0xB0, 1, 0]);
    let answers = World::new(false, PERFECT, 1).probe(&unknown);
    let aare = Aare::from_bytes(unwrap(&answers[0])).unwrap();
    assert_eq!((aare.result, aare.from_provider), (AssociationResult::RejectedPermanent, true));
}

#[test]
fn appl_open_7_without_the_authentication_unit_nobody_is_let_in_where_it_is_due() {
    let (client, server) = secured(authentication(Proof::Low, None), CipheringForm::default());
    let mut world = World::between(client, server, PERFECT, 1);
    let open = |mechanism, value| {
        let mut aarq = public_aarq(&initiate(), |aarq| {
            aarq.mechanism = mechanism;
            aarq.authentication_value = value;
        });
        aarq[3] = 1;
        aarq
    };
    let password: &[u8] = b"a shared secret";
    let low = Some(Mechanism::LOW);
    assert_eq!(
        verdict(&world.probe(&open(None, None))),
        refused(Diagnostic::AuthenticationMechanismNameRequired)
    );
    assert_eq!(
        verdict(&world.probe(&open(None, Some(password)))),
        refused(Diagnostic::AuthenticationMechanismNameRequired)
    );
    let other = open(Some(Mechanism(3)), Some(password));
    assert_eq!(verdict(&world.probe(&other)), refused(Diagnostic::AuthenticationMechanismNameNotRecognised));
    assert_eq!(verdict(&world.probe(&open(low, None))), refused(Diagnostic::AuthenticationFailure));
    assert_eq!(verdict(&world.probe(&open(low, Some(password)))).0, AssociationResult::Accepted);
}

#[test]
fn appl_open_9_a_dedicated_key_without_ciphering_is_refused() {
    let initiate = InitiateRequest { dedicated_key: Some(&[1; 16]), ..initiate() };
    assert_eq!(rejected(&public_aarq(&initiate, |_| {})), (1, false, None));
}

#[test]
fn appl_open_11_a_quality_of_service_may_be_proposed() {
    let initiate = InitiateRequest { quality_of_service: Some(1), ..initiate() };
    accepted(&public_aarq(&initiate, |_| {}));
}

#[test]
fn appl_open_12_an_older_version_of_dlms_is_refused_and_a_newer_one_answered_with_6() {
    for version in [0, 5] {
        let aarq = public_aarq(&InitiateRequest { version, ..initiate() }, |_| {});
        assert_eq!(rejected(&aarq), (1, false, Some(vec![0x0E, 1, 6, 1])), "{version}");
    }
    for version in [6, 7, 255] {
        let aarq = public_aarq(&InitiateRequest { version, ..initiate() }, |_| {});
        assert_eq!(accepted(&aarq).version, 6, "{version}");
    }
}

#[test]
fn appl_open_13_what_both_can_do_is_agreed_and_nothing_in_common_is_refused() {
    let get = Conformance::GET | Conformance::BLOCK_GET;
    let with = |conformance| public_aarq(&InitiateRequest { conformance, ..initiate() }, |_| {});
    assert_eq!(accepted(&with(get)).conformance, get);
    assert_eq!(accepted(&with(Conformance(0xFF_FFFF))).conformance, Conformance::OURS);
    let read = Conformance(1 << (23 - 3));
    assert_eq!(rejected(&with(read)), (1, false, Some(vec![0x0E, 1, 6, 2])));
}

#[test]
fn appl_open_14_too_short_a_max_pdu_is_refused_and_zero_is_no_limit() {
    for max_pdu in [1, 11, 63] {
        let aarq = public_aarq(&InitiateRequest { max_pdu, ..initiate() }, |_| {});
        assert_eq!(rejected(&aarq), (1, false, Some(vec![0x0E, 1, 6, 3])), "{max_pdu}");
    }
    for max_pdu in [0, 64, u16::MAX] {
        accepted(&public_aarq(&InitiateRequest { max_pdu, ..initiate() }, |_| {}));
    }
}

#[test]
fn appl_rel_p1_a_release_is_answered_and_ends_the_association() {
    for secure in [false, true] {
        let mut world = World::new(secure, PERFECT, 1);
        world.ask(ClientInput::Connect);
        assert_eq!(world.ask(ClientInput::Release), ClientOutput::Released);
        let rlre = world.sent.last().unwrap().1.clone();
        let rlre = Rlre::from_bytes(unwrap(&rlre)).unwrap();
        assert_eq!((rlre.reason, rlre.user_information.is_some()), (Some(0), secure));
        let source = if secure { 1 } else { 16 };
        let answers = world.probe(&wrap(source, &GET));
        assert_eq!(unwrap(&answers[0]), NOT_ASSOCIATED);
    }
}

/// An association of suite 0 that an insider has opened.
fn opened() -> (World, Insider) {
    let (mut world, mut insider) = (World::new(true, PERFECT, 1), Insider::new());
    insider.associate(&mut world);
    (world, insider)
}

#[test]
fn symsec_0_basic_cap_1_the_association_shows_its_context_mechanism_suite_and_policy() {
    let mut world = World::new(true, PERFECT, 1);
    world.ask(ClientInput::Connect);
    let mut read = |class_id, name, attribute| {
        let name = LogicalName(name);
        let request = AttributeRequest::new(class_id, name, attribute);
        match world.ask(ClientInput::Get(request)) {
            ClientOutput::Value(value) => value,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(read(15, [0, 0, 40, 0, 0, 255], 4), [9, 7, 0x60, 0x85, 0x74, 5, 8, 1, 3]);
    assert_eq!(read(15, [0, 0, 40, 0, 0, 255], 6), [9, 7, 0x60, 0x85, 0x74, 5, 8, 2, 5]);
    assert_eq!(read(64, [0, 0, 43, 0, 0, 255], 2), [22, 0x6C]);
    assert_eq!(read(64, [0, 0, 43, 0, 0, 255], 3), [22, 0]);
}

#[test]
fn symsec_0_fra_count_1_a_replayed_apdu_is_refused() {
    let (mut world, mut insider) = opened();
    let get = insider.get();
    assert_eq!(world.probe(&get).len(), 1);
    assert!(world.probe(&get).is_empty());
    assert!(world.alerts.contains(&ServerEvent::Replay { client_sap: 1 }));
}

#[test]
fn symsec_0_fra_count_3_the_send_counter_of_the_server_only_grows() {
    let (mut world, mut insider) = opened();
    let counters: Vec<u32> = (0..20)
        .map(|_| {
            let answer = world.probe(&insider.get()).remove(0);
            Ciphered::from_bytes(unwrap(&answer)).unwrap().counter
        })
        .collect();
    assert!(counters.is_sorted() && counters.iter().collect::<BTreeSet<_>>().len() == 20);
}

#[test]
fn symsec_0_ded_key_n1_a_dedicated_envelope_is_refused_where_no_dedicated_key_was_given() {
    let (mut world, mut insider) = opened();
    let apdu = insider.seal(AE, Envelope::Specific(0xD0), &GET);
    assert!(world.probe(&wrap(1, &apdu)).is_empty());
    assert_eq!(world.meter.reading, 0);
}

#[test]
fn symsec_0_sec_data_x_p1_values_are_written_and_read_under_both_keys() {
    for form in [CipheringForm::ServiceSpecific, CipheringForm::Dedicated] {
        let configs = secured(authentication(Proof::Gmac, Some(Ends::new(Suite::Zero))), form);
        let mut world = World::between(configs.0, configs.1, PERFECT, 1);
        world.ask(ClientInput::Connect);
        let written = world.ask(ClientInput::Set(energy(), &[9, 2, 5, 6]));
        assert_eq!(written, ClientOutput::AccessResult(DataAccessResult::Success));
        assert_eq!(world.meter.written, [5, 6]);
        assert!(matches!(world.ask(ClientInput::Get(energy())), ClientOutput::Value(_)));
    }
}

#[test]
fn symsec_0_sec_data_x_n1_wrongly_ciphered_requests_are_refused() {
    let (mut world, mut insider) = opened();
    insider.keys = SecurityContext::new(&[1; 16], &[0xD0; 16]);
    let apdu = insider.seal(AE, GLO_GET, &GET);
    assert!(world.probe(&wrap(1, &apdu)).is_empty());
    assert_eq!((world.meter.reading, world.server.counters().unauthentic), (0, 1));
}

#[test]
fn symsec_0_rel_n1_an_under_protected_release_ends_nothing() {
    let (mut world, mut insider) = opened();
    let plain = InitiateRequest::new(Conformance::OURS, 0).to_vec();
    let authenticated = insider.seal(Control::AUTHENTICATED, Envelope::Specific(0x21), &plain);
    let encrypted = insider.seal(Control::ENCRYPTED, Envelope::Specific(0x21), &plain);
    let general = insider.seal(AE, Envelope::General(None), &plain);
    for information in [None, Some(&plain), Some(&authenticated), Some(&encrypted), Some(&general)] {
        let user_information = information.map(Vec::as_slice);
        let rlrq = Rlrq { reason: Some(0), user_information }.to_vec();
        assert!(world.probe(&wrap(1, &rlrq)).is_empty());
    }
    assert_eq!(world.probe(&insider.get()).len(), 1, "the association lives on");
    let right = insider.seal(AE, Envelope::Specific(0x21), &plain);
    let rlrq = wrap(1, &Rlrq { reason: Some(0), user_information: Some(&right) }.to_vec());
    assert_eq!(world.probe(&rlrq).len(), 1);
    assert!(world.probe(&rlrq).len() == 1 && world.server.occupancy().0 == 0, "a late twin is answered");
}

/// Under this policy only these control octets are served, and this one is answered with at least.
fn keeps_policy(policy: SecurityPolicy, lawful: &[u8]) {
    let mut config = server_config();
    let keys = keys().with_policy(policy);
    config.associations[0].authentication = ServerAuthentication::HlsGmac { keys, last_client_counter: None };
    let mut world = World::between(client_config(true, 1), config, PERFECT, 1);
    let mut insider = Insider::new();
    insider.associate(&mut world);
    for octet in [0x00, 0x10, 0x20, 0x30] {
        let apdu = insider.seal(Control(octet), GLO_GET, &GET);
        let answers = world.probe(&wrap(1, &apdu));
        assert_eq!(answers.len(), usize::from(lawful.contains(&octet)), "{octet:02x}");
        for answer in answers {
            let control = Ciphered::from_bytes(unwrap(&answer)).unwrap().control;
            assert!(lawful.contains(&control.0), "{octet:02x} answered with {:02x}", control.0);
        }
    }
}

#[test]
fn symsec_0_sec_pol_1_everything_is_authenticated() {
    keeps_policy(SecurityPolicy::AUTHENTICATED, &[0x10, 0x30]);
}

#[test]
fn symsec_0_sec_pol_2_everything_is_encrypted() {
    keeps_policy(SecurityPolicy::ENCRYPTED, &[0x20, 0x30]);
}

#[test]
fn symsec_0_sec_pol_3_everything_is_authenticated_and_encrypted() {
    keeps_policy(SecurityPolicy::ALL, &[0x30]);
}
