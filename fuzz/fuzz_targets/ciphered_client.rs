//! A client and a server with keys, between whom datagrams are changed, doubled, kept and lost: neither panics, and the client believes
//! nothing that the server has not said.
#![no_main]

use core::time::Duration;
use dlms::apdu::DataAccessResult;
use dlms::axdr::Encoder;
use dlms::client::{
    CipheringForm, Client, ClientAuthentication, ClientConfig, ClientInput, ClientOutput, Quirks,
};
use dlms::cosem::{AttributeRequest, LogicalName};
use dlms::security::{SecurityContext, SecurityPolicy};
use dlms::server::{
    Access, AssociationConfig, AssociationContext, ObjectEntry, ObjectModel, SecurityErrors, Server,
    ServerAuthentication, ServerConfig, ServerOutput,
};
use libfuzzer_sys::fuzz_target;
use plc_core::{Instant, Machine, Seed};

const NAME: LogicalName = LogicalName([1, 0, 1, 8, 0, 255]);
const ATTRIBUTE: AttributeRequest = AttributeRequest::new(3, NAME, 2);
/// What the meter says, and nothing else.
const VALUE: [u8; 5] = [6, 0, 0x12, 0xD6, 0x87];

struct Meter;

impl ObjectModel for Meter {
    fn object(&self, index: usize, _: &AssociationContext) -> Option<ObjectEntry> {
        (index == 0).then_some(ObjectEntry::read_only(3, 0, NAME, 3))
    }
    fn get(
        &mut self,
        _: &AttributeRequest,
        _: &AssociationContext,
        out: &mut Encoder<'_>,
    ) -> Result<(), DataAccessResult> {
        out.u32(1_234_567);
        Ok(())
    }
}

fn keys() -> SecurityContext {
    SecurityContext::new(&[1; 16], &[2; 16]).with_policy(SecurityPolicy::ALL)
}

fn server(security_errors: SecurityErrors) -> Server {
    let authentication = ServerAuthentication::HlsGmac { keys: keys(), last_client_counter: None };
    let (client_sap, access) = (1, Access::Management);
    Server::new(ServerConfig {
        server_sap: 1,
        server_title: *b"MTR00001",
        logical_device_name: *b"MTR0000000000001",
        associations: vec![AssociationConfig { client_sap, authentication, access, pre_established: false }],
        max_pdu: 512,
        max_value_len: 1000,
        max_sessions: 2,
        first_invocation_counter: 1,
        counter_block: 10,
        session_timeout: Duration::from_secs(3600),
        max_failed_proofs: 3,
        lockout: Duration::from_secs(600),
        security_errors,
        seed: Seed::from_u64(1),
    })
}

fn client(ciphering: CipheringForm) -> Client {
    Client::new(ClientConfig {
        client_sap: 1,
        server_sap: 1,
        client_title: *b"PLCDC001",
        authentication: ClientAuthentication::HlsGmac { keys: keys() },
        ciphering,
        first_invocation_counter: 1,
        counter_block: 10,
        last_server_counter: None,
        max_receive_pdu: 512,
        max_value_len: 1000,
        response_timeout: Duration::from_secs(1),
        retries: 2,
        request_limit: Duration::from_secs(60),
        quirks: Quirks::default(),
        seed: Seed::from_u64(2),
    })
}

struct World {
    now: Instant,
    server: Server,
    client: Client,
    flying: Vec<(bool, Vec<u8>)>,
    /// What has flown, to be played again.
    recorded: Vec<(bool, Vec<u8>)>,
}

impl World {
    fn new(choice: u8) -> Self {
        let forms = [
            CipheringForm::ServiceSpecific,
            CipheringForm::General,
            CipheringForm::Dedicated,
            CipheringForm::GeneralDedicated,
        ];
        let errors = [SecurityErrors::Silent, SecurityErrors::WithoutCounter, SecurityErrors::WithCounter];
        Self {
            now: Instant::from_secs(1),
            server: server(errors[usize::from(choice / 4) % 3]),
            client: client(forms[usize::from(choice) % 4]),
            flying: Vec::new(),
            recorded: Vec::new(),
        }
    }

    fn change(&mut self, what: u8, at: u8, to: u8) {
        match what % 8 {
            0 => self.client.handle(self.now, ClientInput::Connect),
            1 => self.client.handle(self.now, ClientInput::Get(ATTRIBUTE)),
            2 => self.client.handle(self.now, ClientInput::Release),
            3 => self.now += Duration::from_millis(u64::from(to) * 20),
            4 => {
                self.flying.pop();
            }
            5 => {
                if let Some((_, bytes)) = self.flying.last_mut() {
                    let place = usize::from(at) % bytes.len();
                    bytes[place] ^= to;
                }
            }
            6 => {
                let place = usize::from(at) % self.recorded.len().max(1);
                self.flying.extend(self.recorded.get(place).cloned());
            }
            _ => self.fly(),
        }
        self.client.tick(self.now);
        self.server.tick(self.now);
        self.drain();
    }

    fn fly(&mut self) {
        for (to_server, bytes) in core::mem::take(&mut self.flying) {
            match to_server {
                true => self.server.serve(self.now, 1, &bytes, &mut Meter),
                false => self.client.handle(self.now, ClientInput::Datagram(&bytes)),
            }
        }
    }

    fn drain(&mut self) {
        while let Some(output) = self.server.poll() {
            if let ServerOutput::Datagram { bytes, .. } = output {
                self.send(false, bytes);
            }
        }
        while let Some(output) = self.client.poll() {
            match output {
                ClientOutput::Datagram(bytes) => self.send(true, bytes),
                ClientOutput::Value(value) => assert_eq!(value, VALUE, "nobody without keys puts words into its mouth"),
                _ => {}
            }
        }
    }

    fn send(&mut self, to_server: bool, bytes: Vec<u8>) {
        if self.recorded.len() < 64 {
            self.recorded.push((to_server, bytes.clone()));
        }
        self.flying.push((to_server, bytes));
    }
}

// Each step: what happens, where, and what to.
fuzz_target!(|bytes: &[u8]| {
    let Some((&choice, steps)) = bytes.split_first() else { return };
    let mut world = World::new(choice);
    for step in steps.chunks_exact(3) {
        world.change(step[0], step[1], step[2]);
    }
    let (held, most) = world.client.occupancy();
    assert!(held <= most && world.server.occupancy().0 <= world.server.occupancy().1);
});
