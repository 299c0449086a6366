//! Whatever arrives at a server with keys, in any envelope: no panic, and nothing served.
#![no_main]

use dlms::security::{Certificate, Curve, KeyPairs, PrivateKey, SecurityContext};
use dlms::server::{
    Access, AssociationConfig, AssociationContext, ObjectEntry, ObjectModel, SecurityErrors, Server,
    ServerAuthentication, ServerConfig,
};
use dlms::{apdu::DataAccessResult, axdr::Encoder, cosem::AttributeRequest};
use libfuzzer_sys::fuzz_target;
use plc_core::{Instant, Machine, Seed};
use std::time::Duration;

/// No objects at all.
struct Nothing;

impl ObjectModel for Nothing {
    fn object(&self, _: usize, _: &AssociationContext) -> Option<ObjectEntry> {
        None
    }
    fn get(
        &mut self,
        _: &AttributeRequest,
        _: &AssociationContext,
        _: &mut Encoder<'_>,
    ) -> Result<(), DataAccessResult> {
        Err(DataAccessResult::ObjectUndefined)
    }
}

fn keys() -> SecurityContext {
    let [own, peer] = [1u8, 2].map(|n| PrivateKey::from_octets(Curve::P256, &[n; 32]).expect("a number"));
    let pairs = KeyPairs {
        signing: Some(own.clone()),
        agreement: Some(own),
        peer_signing: Some(peer.public_key()),
        peer_agreement: Some(peer.public_key()),
        authority: Some(peer.public_key()),
    };
    let context = SecurityContext::suite_1(&[1; 16], &[2; 16]).with_key_pairs(pairs);
    context.with_master_key(&[3; 16]).expect("16 octets")
}

fn server() -> Server {
    let authentication = ServerAuthentication::HlsGmac { keys: keys(), last_client_counter: None };
    let (client_sap, access) = (1, Access::Management);
    Server::new(ServerConfig {
        server_sap: 1,
        server_title: *b"MTR00001",
        logical_device_name: *b"MTR0000000000001",
        associations: vec![AssociationConfig { client_sap, authentication, access, pre_established: false }],
        max_pdu: 1024,
        max_value_len: 10_000,
        max_sessions: 2,
        first_invocation_counter: 1,
        counter_block: 10,
        session_timeout: Duration::from_secs(60),
        max_failed_proofs: 3,
        lockout: Duration::from_secs(60),
        security_errors: SecurityErrors::Silent,
        seed: Seed::from_u64(1),
    })
}

fuzz_target!(|bytes: &[u8]| {
    let _ = Certificate::from_der(bytes);
    let mut server = server();
    let len = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    let mut datagram = vec![0, 1, 0, 1, 0, 1];
    datagram.extend_from_slice(&len.to_be_bytes());
    datagram.extend_from_slice(&bytes[..usize::from(len)]);
    server.serve(Instant::EPOCH, 1, &datagram, &mut Nothing);
    while server.poll().is_some() {}
    assert_eq!(server.occupancy().0, 0, "nobody is let in without keys");
});
