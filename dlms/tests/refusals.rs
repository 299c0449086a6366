//! What a server says to a client whose protection it does not take: the standard's own error where that tells
//! nobody anything of the keys, or silence where the server is told to keep it. Nothing is served either way.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

mod world;

use dlms::apdu::*;
use dlms::security::{Control, Secret, Suite0};
use dlms::server::*;
use plc_core::Machine;
use world::insider::*;
use world::*;

const AE: Control = Control::AUTHENTICATED_ENCRYPTED;
const GLO_GET: Envelope = Envelope::Specific(0xC8);
const NOT_POSSIBLE: [u8; 3] = [0xD8, 1, 1];
const OTHER_REASON: [u8; 3] = [0xD8, 1, 3];
const DECIPHERING: [u8; 3] = [0xD8, 1, 5];

/// An open association with a server that reports errors of security, or keeps silent.
fn opened(security_errors: SecurityErrors) -> (World, Insider) {
    let server = ServerConfig { security_errors, ..server_config() };
    let mut world = World::between(client_config(true, 1), server, PERFECT, 1);
    let mut insider = Insider::new();
    insider.associate(&mut world);
    (world, insider)
}

/// What the server answers to an APDU of the insider; a silent one must not answer, and neither may serve it or end the
/// association.
fn refused_with(apdu: impl Fn(&mut Insider) -> Vec<u8>) -> (Vec<u8>, ServerCounters) {
    let (mut world, mut insider) = opened(SecurityErrors::Silent);
    let bytes = wrap(1, &apdu(&mut insider));
    assert!(world.probe(&bytes).is_empty(), "a silent server");
    assert_eq!(world.meter.reading, 0);
    let (mut world, mut insider) = opened(SecurityErrors::WithCounter);
    let bytes = wrap(1, &apdu(&mut insider));
    let answers = world.probe(&bytes);
    assert_eq!((answers.len(), world.meter.reading), (1, 0));
    let counters = *world.server.counters();
    assert_eq!(world.probe(&insider.get()).len(), 1);
    assert_eq!(world.meter.reading, 1, "the association lives on");
    (unwrap(&answers[0]).to_vec(), counters)
}

/// A GET under this security control octet.
fn get_under(octet: u8) -> (Vec<u8>, ServerCounters) {
    refused_with(|insider| {
        let mut apdu = insider.seal(Control(octet & 0x30), GLO_GET, &GET);
        apdu[2] = octet;
        apdu
    })
}

#[test]
fn a_request_that_is_only_authenticated_is_not_possible() {
    let (answer, counters) = get_under(0x10);
    assert_eq!((answer.as_slice(), counters.unprotected), (&NOT_POSSIBLE[..], 1));
}

#[test]
fn a_request_that_is_only_encrypted_is_not_possible() {
    let (answer, counters) = get_under(0x20);
    assert_eq!((answer.as_slice(), counters.unprotected), (&NOT_POSSIBLE[..], 1));
}

#[test]
fn a_request_under_security_control_0_is_not_possible() {
    let (answer, counters) = get_under(0x00);
    assert_eq!((answer.as_slice(), counters.unprotected), (&NOT_POSSIBLE[..], 1));
}

#[test]
fn a_request_under_another_suite_cannot_be_deciphered() {
    for suite in [0x31, 0x32, 0x3F] {
        let (answer, counters) = get_under(suite);
        assert_eq!((answer.as_slice(), counters.no_such_key), (&DECIPHERING[..], 1), "{suite:02x}");
    }
}

#[test]
fn a_request_under_the_broadcast_key_cannot_be_deciphered() {
    let (answer, counters) = get_under(0x70);
    assert_eq!((answer.as_slice(), counters.no_such_key), (&DECIPHERING[..], 1));
}

#[test]
fn a_compressed_request_cannot_be_deciphered() {
    let (answer, counters) = get_under(0xB0);
    assert_eq!((answer.as_slice(), counters.no_such_key), (&DECIPHERING[..], 1));
}

#[test]
fn a_request_under_a_dedicated_key_that_was_never_given_cannot_be_deciphered() {
    let (answer, counters) = refused_with(|insider| insider.seal(AE, Envelope::Specific(0xD0), &GET));
    assert_eq!((answer.as_slice(), counters.no_such_key), (&DECIPHERING[..], 1));
}

#[test]
fn a_length_that_lies_is_another_reason() {
    let lying = |insider: &mut Insider| {
        let apdu = insider.sealed(&GET);
        [&[0xC8, 0x84, 0xFF, 0xFF, 0xFF, 0xFF], &apdu[2..]].concat()
    };
    let (answer, counters) = refused_with(lying);
    assert_eq!((answer.as_slice(), counters.malformed), (&OTHER_REASON[..], 1));
}

#[test]
fn an_under_protected_release_is_not_possible_and_ends_nothing() {
    let bare = |_: &mut Insider| Rlrq { reason: Some(0), user_information: None }.to_vec();
    let (answer, counters) = refused_with(bare);
    assert_eq!((answer.as_slice(), counters.unprotected), (&NOT_POSSIBLE[..], 1));
    let initiate = InitiateRequest::new(Conformance::OURS, 0).to_vec();
    for control in [Control::AUTHENTICATED, Control::ENCRYPTED] {
        let (answer, counters) = refused_with(|insider| {
            let sealed = insider.seal(control, Envelope::Specific(0x21), &initiate);
            Rlrq { reason: Some(0), user_information: Some(&sealed) }.to_vec()
        });
        assert_eq!((answer.as_slice(), counters.unprotected), (&NOT_POSSIBLE[..], 1), "{control:?}");
    }
}

#[test]
fn a_release_that_is_none_is_another_reason() {
    let (answer, counters) = refused_with(|_| vec![0x62, 0x84, 0xFF, 0xFF, 0xFF, 0xFF]);
    assert_eq!((answer.as_slice(), counters.malformed), (&OTHER_REASON[..], 1));
}

#[test]
fn what_is_said_of_the_outside_does_not_depend_on_the_key_that_was_used() {
    for octet in [0x10, 0x20, 0x31, 0x70, 0xB0] {
        let answer = |keys: Suite0| {
            let (mut world, mut insider) = opened(SecurityErrors::WithCounter);
            insider.keys = keys;
            let mut apdu = insider.seal(Control(octet & 0x30), GLO_GET, &GET);
            apdu[2] = octet;
            world.probe(&wrap(1, &apdu))
        };
        assert_eq!(answer(keys()), answer(Suite0::new(&[9; 16], &[8; 16])), "{octet:02x}");
    }
}

/// What the server answers, and what it tells, when the insider's last GET comes again, and when it comes with a wrong tag.
fn replayed_and_forged(security_errors: SecurityErrors) -> [(Vec<Vec<u8>>, Vec<ServerEvent>); 2] {
    let (mut world, mut insider) = opened(security_errors);
    let get = insider.get();
    assert_eq!(world.probe(&get).len(), 1);
    let next = insider.counter + 1;
    let mut forged = insider.get();
    *forged.last_mut().unwrap() ^= 1;
    [get, forged].map(|bytes| {
        world.alerts.clear();
        let answers = world.probe(&bytes);
        assert_eq!((world.meter.reading, insider.counter), (1, next));
        (answers.iter().map(|answer| unwrap(answer).to_vec()).collect(), world.alerts.clone())
    })
}

#[test]
fn a_server_tells_the_counter_that_it_expects_or_only_that_something_is_wrong_or_nothing() {
    let events =
        [ServerEvent::Replay { client_sap: 1 }, ServerEvent::AuthenticationFailure { client_sap: 1 }];
    // The proof of the insider has taken three counters, the GET that was served the fourth.
    let expected = vec![0xD8, 1, 6, 0, 0, 0, 5];
    for (setting, answers) in [
        (SecurityErrors::WithCounter, [vec![expected], vec![DECIPHERING.to_vec()]]),
        (SecurityErrors::WithoutCounter, [vec![DECIPHERING.to_vec()], vec![DECIPHERING.to_vec()]]),
        (SecurityErrors::Silent, [vec![], vec![]]),
    ] {
        let [replayed, forged] = replayed_and_forged(setting);
        assert_eq!([replayed.0, forged.0], answers, "{setting:?}");
        assert_eq!(
            [replayed.1, forged.1],
            events.map(|event| vec![event]),
            "{setting:?}: all is told within"
        );
    }
}

#[test]
fn without_the_counter_an_aarq_that_is_played_again_is_answered_as_a_forged_one() {
    for (setting, told) in [
        (SecurityErrors::WithCounter, vec![vec![0xD8, 1, 6, 0, 0, 0, 4]]),
        (SecurityErrors::WithoutCounter, vec![DECIPHERING.to_vec()]),
        (SecurityErrors::Silent, vec![]),
    ] {
        let server = ServerConfig { security_errors: setting, ..server_config() };
        let mut world = World::between(client_config(true, 1), server, PERFECT, 1);
        let mut insider = Insider::new();
        let aarq = insider.aarq();
        let challenge = challenge_in(&world.probe(&aarq)).unwrap();
        world.probe(&insider.pass_3(&challenge));
        let answers = world.probe(&aarq);
        assert_eq!(
            answers.iter().map(|answer| unwrap(answer).to_vec()).collect::<Vec<_>>(),
            told,
            "{setting:?}"
        );
        assert_eq!(world.server.occupancy().0, 1, "who is there stays");
    }
}

const PASSWORD: &[u8] = b"12345678";
const READER: u16 = 17;

/// A server with a client that has a password, at which every peer may guess three times.
fn with_password() -> Server {
    let mut config = server_config();
    config.associations.push(AssociationConfig {
        client_sap: READER,
        authentication: ServerAuthentication::Lls { password: Secret::new(PASSWORD), ciphering: None },
        access: Access::Reading,
        pre_established: false,
    });
    Server::new(config)
}

/// How the server answers to this password from this peer.
fn knock(server: &mut Server, now: plc_core::Instant, peer: u16, password: &[u8]) -> AssociationResult {
    let initiate = InitiateRequest::new(Conformance::OURS, 0).to_vec();
    let aarq = Aarq {
        user_id: None,
        protocol_version: None,
        context: ApplicationContext::LOGICAL_NAMES,
        client_title: None,
        mechanism: Some(Mechanism::LOW),
        authentication_value: Some(password),
        user_information: Some(&initiate),
    };
    let bytes = dlms::wrapper::Wpdu { source: READER, destination: 1, apdu: &aarq.to_vec() }.to_vec();
    server.serve(now, peer, &bytes, &mut Meter::default());
    let answer = std::iter::from_fn(|| server.poll()).find_map(|output| match output {
        ServerOutput::Datagram { bytes, peer: to } if to == peer => Some(bytes),
        _ => None,
    });
    Aare::from_bytes(unwrap(&answer.unwrap())).unwrap().result
}

const T0: plc_core::Instant = plc_core::Instant::from_secs(1000);

#[test]
fn wrong_passwords_lock_out_who_gave_them_and_nobody_else() {
    let mut server = with_password();
    for _ in 0..3 {
        assert_eq!(knock(&mut server, T0, 7, b"87654321"), AssociationResult::RejectedPermanent);
    }
    assert_eq!(knock(&mut server, T0, 7, PASSWORD), AssociationResult::RejectedTransient, "locked out");
    assert_eq!(knock(&mut server, T0, 8, PASSWORD), AssociationResult::Accepted, "another peer");
    let later = T0 + std::time::Duration::from_secs(600);
    assert_eq!(knock(&mut server, later, 7, PASSWORD), AssociationResult::Accepted);
}

#[test]
fn a_guesser_with_many_addresses_is_slowed_down_and_who_has_proved_himself_is_still_heard() {
    let mut server = with_password();
    assert_eq!(knock(&mut server, T0, 1, PASSWORD), AssociationResult::Accepted);
    let heard = (100..1000)
        .filter(|&peer| knock(&mut server, T0, peer, b"87654321") == AssociationResult::RejectedPermanent);
    assert_eq!(
        heard.count(),
        31 + 24,
        "one of each that is remembered, and of all others eight times the guesses of one"
    );
    assert_eq!(knock(&mut server, T0, 2000, PASSWORD), AssociationResult::RejectedTransient, "a stranger");
    assert_eq!(knock(&mut server, T0, 1, PASSWORD), AssociationResult::Accepted);
    let later = T0 + std::time::Duration::from_secs(200);
    assert_eq!(knock(&mut server, later, 2001, PASSWORD), AssociationResult::Accepted, "one more each 200 s");
}
