//! A client and a server, without keys, under arbitrary sequences of APDUs, requests and time.
#![no_main]

use core::time::Duration;
use dlms::apdu::{
    Aarq, AccessOperation, ActionResult, ApplicationContext, Conformance, DataAccessResult, InitiateRequest,
    Pdu,
};
use dlms::axdr::{Data, Encoder};
use dlms::client::{
    CipheringForm, Client, ClientAuthentication, ClientConfig, ClientInput, ClientOutput, Quirks,
};
use dlms::cosem::{AttributeRequest, LogicalName, MethodRequest};
use dlms::server::{
    Access, AssociationConfig, AssociationContext, ObjectEntry, ObjectModel, SecurityErrors, Server,
    ServerAuthentication, ServerConfig, ServerOutput,
};
use dlms::wrapper::Wpdu;
use libfuzzer_sys::fuzz_target;
use plc_core::{Instant, Machine, Seed};

const NAME: LogicalName = LogicalName([1, 0, 1, 8, 0, 255]);
const ATTRIBUTE: AttributeRequest = AttributeRequest::new(3, NAME, 2);
const METHOD: MethodRequest = MethodRequest { class_id: 3, logical_name: NAME, method: 1 };

/// A register of an octet-string that may be written, and a method that returns it.
struct Meter(Vec<u8>);

impl ObjectModel for Meter {
    fn object(&self, index: usize, _: &AssociationContext) -> Option<ObjectEntry> {
        let entry = ObjectEntry::read_only(3, 0, NAME, 3).writable(1 << 2).methods(1, 1 << 1);
        (index == 0).then_some(entry)
    }
    fn get(
        &mut self,
        _: &AttributeRequest,
        _: &AssociationContext,
        out: &mut Encoder<'_>,
    ) -> Result<(), DataAccessResult> {
        out.octet_string(&self.0);
        Ok(())
    }
    fn set(
        &mut self,
        _: &AttributeRequest,
        value: &Data<'_>,
        _: &AssociationContext,
    ) -> Result<(), DataAccessResult> {
        self.0 = value.as_octets().ok_or(DataAccessResult::TypeUnmatched)?.to_vec();
        Ok(())
    }
    fn action(
        &mut self,
        _: &MethodRequest,
        _: Option<&Data<'_>>,
        _: &AssociationContext,
        out: &mut Encoder<'_>,
    ) -> Result<(), ActionResult> {
        out.octet_string(&self.0);
        Ok(())
    }
}

fn server() -> Server {
    Server::new(ServerConfig {
        server_sap: 1,
        server_title: *b"MTR00001",
        logical_device_name: *b"MTR0000000000001",
        associations: vec![AssociationConfig {
            client_sap: 16,
            authentication: ServerAuthentication::None,
            access: Access::Management,
            pre_established: true,
        }],
        max_pdu: 128,
        max_value_len: 1000,
        max_sessions: 2,
        first_invocation_counter: 1,
        counter_block: 10,
        session_timeout: Duration::from_secs(3600),
        max_failed_proofs: 3,
        lockout: Duration::from_secs(600),
        security_errors: SecurityErrors::WithCounter,
        seed: Seed::from_u64(1),
    })
}

fn client() -> Client {
    Client::new(ClientConfig {
        client_sap: 16,
        server_sap: 1,
        client_title: *b"PLCDC001",
        authentication: ClientAuthentication::None,
        ciphering: CipheringForm::ServiceSpecific,
        first_invocation_counter: 1,
        counter_block: 10,
        last_server_counter: None,
        max_receive_pdu: 100,
        max_value_len: 1000,
        response_timeout: Duration::from_secs(1),
        retries: 2,
        request_limit: Duration::from_secs(60),
        quirks: Quirks::default(),
        seed: Seed::from_u64(2),
    })
}

fn ask(client: &mut Client, now: Instant, which: u8, piece: &[u8]) {
    let value = [&[9, 0x82, 0, piece.len() as u8][..], piece].concat();
    let input = match which % 7 {
        0 => ClientInput::Connect,
        1 => ClientInput::Get(ATTRIBUTE),
        2 => ClientInput::GetList(vec![ATTRIBUTE; 3]),
        3 => ClientInput::Set(ATTRIBUTE, &value),
        4 => ClientInput::Action(METHOD, Some(&value)),
        5 => ClientInput::SetList(vec![(ATTRIBUTE, value); 2]),
        _ => ClientInput::Access(vec![(AccessOperation::Set(ATTRIBUTE), Some(value))]),
    };
    client.handle(now, input);
}

/// The public client opens its association.
fn aarq() -> Vec<u8> {
    let initiate = InitiateRequest::new(Conformance::OURS, 100).to_vec();
    let mut aarq = Aarq::from_bytes(PLAIN_AARQ).expect("published");
    aarq.context = ApplicationContext::LOGICAL_NAMES;
    aarq.user_information = Some(&initiate);
    aarq.to_vec()
}

const PLAIN_AARQ: &[u8] = &[
    0x60, 0x1D, 0xA1, 0x09, 0x06, 0x07, 0x60, 0x85, 0x74, 0x05, 0x08, 0x01, 0x01, 0xBE, 0x10, 0x04, 0x0E,
    0x01, 0, 0, 0, 0x06, 0x5F, 0x1F, 0x04, 0, 0, 0x7E, 0x1F, 0x04, 0xB0,
];

// Each step: what happens, a length, and so many octets.
fuzz_target!(|bytes: &[u8]| {
    let (mut server, mut client, mut meter) = (server(), client(), Meter(vec![7; 300]));
    let mut now = Instant::from_secs(1);
    let mut flying: Vec<(bool, Vec<u8>)> = Vec::new();
    server.serve(now, 1, &Wpdu { source: 16, destination: 1, apdu: &aarq() }.to_vec(), &mut meter);
    let mut rest = bytes;
    while let [what, len, tail @ ..] = rest {
        let (piece, behind) = tail.split_at(tail.len().min(usize::from(*len)));
        rest = behind;
        match what % 6 {
            0 => flying.push((true, Wpdu { source: 16, destination: 1, apdu: piece }.to_vec())),
            1 => flying.push((false, Wpdu { source: 1, destination: 16, apdu: piece }.to_vec())),
            2 => ask(&mut client, now, what / 6, piece),
            3 => now += Duration::from_millis(u64::from(*len) * 20),
            4 => flying.truncate(flying.len() / 2),
            _ => {}
        }
        client.tick(now);
        server.tick(now);
        for (to_server, bytes) in core::mem::take(&mut flying) {
            match to_server {
                true => server.serve(now, 1, &bytes, &mut meter),
                false => client.handle(now, ClientInput::Datagram(&bytes)),
            }
        }
        while let Some(output) = server.poll() {
            if let ServerOutput::Datagram { bytes, .. } = output {
                flying.push((false, bytes));
            }
        }
        while let Some(output) = client.poll() {
            if let ClientOutput::Datagram(bytes) = output {
                flying.push((true, bytes));
            }
        }
        let (held, most) = client.occupancy();
        assert!(held <= most && server.occupancy().0 <= server.occupancy().1);
    }
});
