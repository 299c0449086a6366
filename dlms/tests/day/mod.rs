//! One day of a 15-minute profile, and a meter that serves it.
#![allow(dead_code, clippy::unwrap_used, clippy::panic)]

use dlms::apdu::*;
use dlms::axdr::{Data, Encoder};
use dlms::classes::profile::{self, ProfileDescription, RowSource, SortMethod};
use dlms::cosem::{AttributeRequest, CaptureObject, ClockStatus, ClockTime, LogicalName};
use dlms::security::{Control, SecurityContext, SecurityPolicy};
use dlms::server::*;
use dlms::wrapper::Wpdu;
use plc_core::{Seed, Utc};
use std::time::Duration;

/// The port of the public client.
pub(crate) const SAP: u8 = 16;
const PROFILE: LogicalName = LogicalName([1, 0, 99, 1, 0, 255]);
const ENERGY: LogicalName = LogicalName([1, 0, 1, 8, 0, 255]);
pub(crate) const COLUMNS: [CaptureObject; 4] = [
    CaptureObject::CLOCK,
    CaptureObject::new(3, ENERGY, 2),
    CaptureObject::new(3, LogicalName([1, 0, 2, 8, 0, 255]), 2),
    CaptureObject::new(1, LogicalName([0, 0, 96, 10, 1, 255]), 2),
];

/// 96 rows of a time, two counters and a state.
pub(crate) struct Day;

impl RowSource for Day {
    fn rows(&self) -> u32 {
        96
    }
    fn key(&self, row: u32, column: usize) -> Option<i64> {
        (column == 0).then_some(i64::from(row) * 900)
    }
    fn cell(&self, row: u32, column: usize, out: &mut Encoder<'_>) {
        match column {
            0 => {
                out.clock_time(&ClockTime::from_utc(Utc::from_secs(i64::from(row) * 900), 0, ClockStatus::OK))
            }
            1 => out.u32(1_234_567 + row * 250),
            2 => out.u32(7 + row),
            _ => out.u8(8),
        }
    }
}

/// Writes the value, its times ready: 2690 octets.
pub(crate) fn day(out: &mut Encoder<'_>) {
    let time = ClockTime::from_utc(Utc::from_secs(1_800_000_000), 0, ClockStatus::OK);
    out.array(96);
    for row in 0..96 {
        out.structure(4);
        out.clock_time(&time);
        out.u32(1_234_567 + row * 250);
        out.u32(7 + row);
        out.u8(8);
    }
}

/// The answer that carries it.
pub(crate) fn get_response() -> Vec<u8> {
    let mut value = Vec::new();
    day(&mut Encoder::new(&mut value, 4096));
    GetResponse::Normal { invoke_id: InvokeId(0xC1), result: Ok(&value) }.to_vec()
}

/// Looks at every cell of the answer.
pub(crate) fn walk(apdu: &[u8]) -> u64 {
    let Ok(GetResponse::Normal { result: Ok(value), .. }) = GetResponse::from_bytes(apdu) else { return 0 };
    sum(&Data::from_checked(value))
}

fn sum(data: &Data<'_>) -> u64 {
    match data {
        Data::Array(elements) | Data::Structure(elements) => {
            elements.iter().map(|element| sum(&element)).sum()
        }
        Data::OctetString(octets) => u64::from(octets[0]),
        number => number.as_u64().unwrap_or_default(),
    }
}

/// A meter of one register and one profile.
pub(crate) struct Meter;

impl ObjectModel for Meter {
    fn object(&self, index: usize, _: &AssociationContext) -> Option<ObjectEntry> {
        let objects = [ObjectEntry::read_only(3, 0, ENERGY, 3), ObjectEntry::read_only(7, 1, PROFILE, 8)];
        objects.get(index).copied()
    }
    fn get(
        &mut self,
        request: &AttributeRequest,
        _: &AssociationContext,
        out: &mut Encoder<'_>,
    ) -> Result<(), DataAccessResult> {
        if request.logical_name == ENERGY {
            out.u64(1_234_567);
            return Ok(());
        }
        let description = ProfileDescription {
            logical_name: PROFILE,
            capture_objects: &COLUMNS,
            capture_period_s: 900,
            sort_method: SortMethod::Fifo,
            profile_entries: 96,
        };
        profile::encode(request.attribute, request.selector.as_ref(), &description, &Day, out)
    }
}

/// A server that offers the public association, and its meter.
pub(crate) fn server() -> (Server, Meter) {
    let association = AssociationConfig {
        client_sap: SAP.into(),
        authentication: ServerAuthentication::None,
        access: Access::Public,
        pre_established: false,
    };
    let config = ServerConfig {
        server_sap: 1,
        server_title: *b"MTR00001",
        logical_device_name: *b"MTR0000000000001",
        associations: vec![association],
        max_pdu: 4096,
        max_value_len: 10_000,
        max_sessions: 4,
        first_invocation_counter: 1,
        counter_block: 10,
        session_timeout: Duration::from_secs(3600),
        max_failed_proofs: 3,
        lockout: Duration::from_secs(600),
        security_errors: SecurityErrors::Silent,
        seed: Seed::from_u64(99),
    };
    (Server::new(config), Meter)
}

/// The title of the client of a ciphered context.
const CLIENT: [u8; 8] = *b"PLCDC001";

fn keys() -> SecurityContext {
    SecurityContext::new(&[1; 16], &[2; 16]).with_policy(SecurityPolicy::ALL)
}

/// The same server, whose association is there under keys.
pub(crate) fn ciphered_server() -> (Server, Meter) {
    let (server, meter) = server();
    let mut config = server.config().clone();
    config.associations[0].authentication = ServerAuthentication::PreEstablished {
        keys: keys(),
        client_title: CLIENT,
        last_client_counter: None,
    };
    (Server::new(config), meter)
}

/// A request in its envelope, under this counter.
pub(crate) fn sealed(counter: u32, plain: &[u8]) -> Vec<u8> {
    let control = Control::AUTHENTICATED_ENCRYPTED;
    let text = keys().protect(control, &CLIENT, counter, plain).unwrap();
    wrap(&Ciphered { envelope: Envelope::Specific(0xC8), control, counter, text: &text }.to_vec())
}

/// Asks for the register, in clear.
pub(crate) const GET_REGISTER: [u8; 13] = [0xC0, 1, 0xC1, 0, 3, 1, 0, 1, 8, 0, 255, 2, 0];
/// Asks for the day, in clear.
pub(crate) const GET_DAY: [u8; 13] = [0xC0, 1, 0xC1, 0, 7, 1, 0, 99, 1, 0, 255, 2, 0];

fn wrap(apdu: &[u8]) -> Vec<u8> {
    Wpdu { source: SAP.into(), destination: 1, apdu }.to_vec()
}

/// Opens the public association.
pub(crate) fn aarq() -> Vec<u8> {
    let aarq = Aarq {
        user_id: None,
        protocol_version: None,
        context: ApplicationContext::LOGICAL_NAMES,
        client_title: None,
        mechanism: None,
        authentication_value: None,
        user_information: Some(&InitiateRequest::new(Conformance::OURS, 0).to_vec()),
    };
    wrap(&aarq.to_vec())
}

fn get(class_id: u16, logical_name: LogicalName) -> Vec<u8> {
    let attribute = AttributeRequest::new(class_id, logical_name, 2);
    wrap(&GetRequest::Normal { invoke_id: InvokeId(0xC1), attribute }.to_vec())
}

/// Asks for the register.
pub(crate) fn get_register() -> Vec<u8> {
    get(3, ENERGY)
}

/// Asks for the day.
pub(crate) fn get_day() -> Vec<u8> {
    get(7, PROFILE)
}
