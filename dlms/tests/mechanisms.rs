//! Every mechanism, suite and envelope, from both ends.
#![allow(clippy::unwrap_used, clippy::panic)]

mod world;

use dlms::apdu::{ActionResult, DataAccessResult, GeneralCiphering, GeneralSigning, KeyInfo, Pdu};
use dlms::axdr::Data;
use dlms::client::*;
use dlms::security::*;
use dlms::server::*;
use world::security::*;
use world::*;

fn open(configs: (ClientConfig, ServerConfig)) -> World {
    World::between(configs.0, configs.1, PERFECT, 1)
}

/// Connects, reads, writes, acts, releases.
fn converse(mut world: World, what: &str) -> World {
    assert_eq!(world.ask(ClientInput::Connect), ClientOutput::Connected, "{what}");
    assert_eq!(world.alerts, [ServerEvent::Associated { client_sap: 1 }], "{what}");
    let ClientOutput::Value(value) = world.ask(ClientInput::Get(energy())) else { panic!("{what}") };
    assert_eq!(Data::from_bytes(&value).unwrap().as_u64(), Some(1));
    let ClientOutput::Value(value) = world.ask(ClientInput::Get(buffer())) else { panic!("{what}") };
    check_profile(&value, 96);
    let written = world.ask(ClientInput::Set(energy(), &[9, 2, 5, 6]));
    assert_eq!(written, ClientOutput::AccessResult(DataAccessResult::Success), "{what}");
    let acted = world.ask(ClientInput::Action(reset(), None));
    assert_eq!(acted, ClientOutput::ActionResult(ActionResult::Success, None), "{what}");
    assert_eq!(world.ask(ClientInput::Release), ClientOutput::Released, "{what}");
    assert_eq!(world.server.occupancy().0, 0, "{what}");
    world
}

/// First octets of the APDUs from one side, behind the wrapper header.
fn tags(world: &World, to_server: bool) -> Vec<u8> {
    world.sent.iter().filter(|sent| sent.0 == to_server).map(|sent| sent.1[8]).collect()
}

#[test]
fn every_mechanism_opens_an_association_without_ciphering() {
    for proof in PROOFS.into_iter().filter(|&proof| proof != Proof::Gmac) {
        let world = open(secured(authentication(proof, None), CipheringForm::default()));
        let world = converse(world, &format!("{proof:?}"));
        assert!(tags(&world, true).contains(&0xC0), "{proof:?}: nothing is ciphered");
    }
}

#[test]
fn every_mechanism_opens_a_ciphered_association_of_every_suite() {
    for (proof, suite) in PROOFS.into_iter().flat_map(|proof| SUITES.map(|suite| (proof, suite))) {
        let ends = Some(Ends::new(suite));
        let world = converse(
            open(secured(authentication(proof, ends), CipheringForm::default())),
            &format!("{proof:?} {suite}"),
        );
        let plain = [0xC0, 0xC1, 0xC3, 0xC4, 0xC5, 0xC7];
        let said = [tags(&world, true), tags(&world, false)].concat();
        assert!(said.iter().all(|tag| !plain.contains(tag)), "{proof:?} {suite}");
    }
}

#[test]
fn every_envelope_is_answered_in_the_form_asked() {
    use CipheringForm::*;
    let general = [KeySource::Identified, KeySource::Wrapped, KeySource::OnePass, KeySource::StaticUnified]
        .map(GeneralCiphering);
    for suite in SUITES {
        let specific = [ServiceSpecific, General, Dedicated, GeneralDedicated];
        let general = if suite == Suite::Zero { &general[..2] } else { &general[..] };
        for &form in specific.iter().chain(general) {
            let configs = secured(authentication(Proof::Gmac, Some(Ends::new(suite))), form);
            let world = converse(open(configs), &format!("{form:?} {suite}"));
            let (asked, answered) = match form {
                ServiceSpecific => (0xC8, 0xCC),
                General => (0xDB, 0xDB),
                Dedicated => (0xD0, 0xD4),
                GeneralDedicated => (0xDC, 0xDC),
                GeneralCiphering(_) => (0xDD, 0xDD),
            };
            assert!(
                tags(&world, true).contains(&asked) && tags(&world, false).contains(&answered),
                "{form:?}"
            );
            let long = world.sent.iter().any(|(to_server, bytes)| !to_server && bytes.len() > 600 + 8);
            assert!(!long, "{form:?}: no answer is longer than the client takes");
        }
    }
}

#[test]
fn with_a_dedicated_key_the_proof_still_goes_under_the_global_one() {
    for form in [CipheringForm::Dedicated, CipheringForm::GeneralDedicated] {
        let world = converse(
            open(secured(authentication(Proof::Gmac, Some(Ends::new(Suite::Zero))), form)),
            "dedicated",
        );
        assert_eq!((tags(&world, true)[1], tags(&world, false)[1]), (0xCB, 0xCF));
    }
}

fn last_answer(world: &World) -> Vec<u8> {
    let mut answers = world.sent.iter().filter(|sent| !sent.0);
    unwrap(&answers.next_back().unwrap().1).to_vec()
}

#[test]
fn an_answer_under_a_key_of_its_own_brings_another_key_every_time() {
    for source in [KeySource::Wrapped, KeySource::OnePass] {
        let form = CipheringForm::GeneralCiphering(source);
        let mut world = open(secured(authentication(Proof::Gmac, Some(Ends::new(Suite::One))), form));
        world.ask(ClientInput::Connect);
        let mut told = Vec::new();
        for _ in 0..2 {
            assert!(matches!(world.ask(ClientInput::Get(energy())), ClientOutput::Value(_)));
            let answer = last_answer(&world);
            match GeneralCiphering::from_bytes(&answer).unwrap().key_info {
                Some(KeyInfo::Wrapped(0, data) | KeyInfo::Agreed([1], data)) => told.push(data.to_vec()),
                other => panic!("{other:?}"),
            }
        }
        assert_ne!(told[0], told[1]);
    }
}

#[test]
fn every_reading_of_the_books_works_between_ends_that_share_it() {
    for aad in [GeneralCipheringAad::Header, GeneralCipheringAad::ControlAndKey] {
        for parties in [KdfParties::Bare, KdfParties::WithLength] {
            for counter in [SessionKeyCounter::Global, SessionKeyCounter::Zero] {
                for range in [SignedRange::ContentAlone, SignedRange::ContentWithLength] {
                    let interop = Interop {
                        general_ciphering_aad: aad,
                        signed_range: range,
                        kdf_parties: parties,
                        session_key_counter: counter,
                    };
                    let ends =
                        Ends::new(Suite::One).with_policy(SecurityPolicy::SIGNED).with_interop(interop);
                    let form = CipheringForm::GeneralCiphering(KeySource::StaticUnified);
                    let configs = secured(authentication(Proof::Gmac, Some(ends)), form);
                    converse(open(configs), &format!("{interop:?}"));
                }
            }
        }
    }
}

#[test]
fn ends_that_read_the_books_differently_do_not_understand_each_other() {
    let other = [
        Interop { general_ciphering_aad: GeneralCipheringAad::ControlAndKey, ..Interop::default() },
        Interop { signed_range: SignedRange::ContentWithLength, ..Interop::default() },
        Interop { kdf_parties: KdfParties::WithLength, ..Interop::default() },
    ];
    for interop in other {
        let mut ends = Ends::new(Suite::One).with_policy(SecurityPolicy::SIGNED);
        ends.client = ends.client.with_interop(interop);
        let form = CipheringForm::GeneralCiphering(KeySource::StaticUnified);
        let mut world = open(secured(authentication(Proof::Gmac, Some(ends)), form));
        assert_eq!(world.ask(ClientInput::Connect), ClientOutput::Failed(ClientFailure::NoAnswer));
        assert!(world.server.counters().unauthentic > 0);
    }
}

#[test]
fn a_policy_that_wants_signatures_gets_them_in_both_directions() {
    for suite in [Suite::One, Suite::Two] {
        let ends = Ends::new(suite).with_policy(SecurityPolicy::SIGNED);
        let form = CipheringForm::General;
        let world = converse(open(secured(authentication(Proof::Gmac, Some(ends)), form)), "signed");
        for to_server in [true, false] {
            let signed = world.sent.iter().filter(|sent| sent.0 == to_server && sent.1[8] == 0xDF);
            let lens: Vec<_> = signed
                .map(|(_, bytes)| {
                    let signing = GeneralSigning::from_bytes(unwrap(bytes)).unwrap();
                    assert_eq!(signing.content[0], 0xDB);
                    signing.signature.len()
                })
                .collect();
            assert!(lens.len() >= 5 && lens.iter().all(|&len| len == suite.curve().unwrap().pair_len()));
        }
    }
}

#[test]
fn a_form_for_which_the_client_has_no_key_fails_at_once() {
    let form = CipheringForm::GeneralCiphering(KeySource::OnePass);
    let mut world = open(secured(authentication(Proof::Gmac, Some(Ends::new(Suite::Zero))), form));
    assert_eq!(world.ask(ClientInput::Connect), ClientOutput::Failed(ClientFailure::KeyMissing));
}

#[test]
fn several_clients_work_at_once_each_with_its_own_security() {
    let proofs = [
        (1, authentication(Proof::Gmac, Some(Ends::new(Suite::Zero)))),
        (2, authentication(Proof::Hash(HashFunction::Sha256), Some(Ends::new(Suite::One)))),
        (3, authentication(Proof::Ecdsa, Some(Ends::new(Suite::One)))),
        (4, authentication(Proof::Ecdsa, Some(Ends::new(Suite::Two)))),
        (17, authentication(Proof::Low, None)),
    ];
    let mut server = ServerConfig { max_sessions: 6, associations: Vec::new(), ..server_config() };
    let mut clients = Vec::new();
    for (client_sap, (client, authentication)) in proofs {
        let access = Access::Reading;
        let association = AssociationConfig { client_sap, authentication, access, pre_established: false };
        server.associations.push(association);
        clients.push(Client::new(ClientConfig {
            client_sap,
            authentication: client,
            client_title: [b'C', b'L', b'I', 0, 0, 0, 0, client_sap as u8],
            ..client_config(true, u64::from(client_sap))
        }));
    }
    let mut world = World::between(client_config(false, 1), server, PERFECT, 1);
    clients
        .iter_mut()
        .for_each(|client| world.converse_with(client, ClientInput::Connect, &ClientOutput::Connected));
    assert_eq!(world.server.occupancy(), (5, 6));
    for client in &mut clients {
        let count = world.meter.reading + 1;
        let mut value = vec![21];
        value.extend_from_slice(&count.to_be_bytes());
        world.converse_with(client, ClientInput::Get(energy()), &ClientOutput::Value(value));
    }
}
