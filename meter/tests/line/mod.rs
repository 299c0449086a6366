//! A client and a meter, joined by a perfect line.
#![allow(dead_code, clippy::panic)] // helpers of tests fail as tests do

use crate::mains::{KEYS, Mains, at};
use dlms::apdu::DataAccessResult;
use dlms::axdr::Data;
use dlms::classes::{profile, register};
use dlms::client::{
    CipheringForm, Client, ClientAuthentication, ClientConfig, ClientInput, ClientOutput, Quirks,
};
use dlms::cosem::{AttributeRequest, ClockStatus, ClockTime, LogicalName, ScalerUnit, Selector, Unit};
use dlms::security::Suite0;
use meter::{ApplicationInput, ApplicationOutput};
use plc_core::sap::{DLMS_PORT, UdpIndication, UdpPayload};
use plc_core::{Machine, Seed, ShortAddress, Utc};
use std::time::Duration;

pub(crate) const COORDINATOR: ShortAddress = ShortAddress(0);

pub(crate) fn client(sap: u16, authentication: ClientAuthentication, first_counter: u32) -> Client {
    Client::new(client_config(sap, authentication, first_counter))
}

pub(crate) fn client_config(
    sap: u16,
    authentication: ClientAuthentication,
    first_counter: u32,
) -> ClientConfig {
    ClientConfig {
        client_sap: sap,
        server_sap: 1,
        client_title: *b"CLI\0\0\0\0\x01",
        authentication,
        ciphering: CipheringForm::ServiceSpecific,
        first_invocation_counter: first_counter,
        counter_block: 100,
        last_server_counter: None,
        max_receive_pdu: 1024,
        max_value_len: 100_000,
        response_timeout: Duration::from_secs(10),
        retries: 0,
        request_limit: Duration::from_secs(3600),
        quirks: Quirks::default(),
        seed: Seed::from_u64(5).derive("client", first_counter.into()),
    }
}

pub(crate) fn management(first_counter: u32) -> Client {
    let keys = Suite0::new(&KEYS.encryption.0, &KEYS.authentication.0);
    client(1, ClientAuthentication::HlsGmac { keys }, first_counter)
}

/// A client and a meter, joined by a perfect line.
pub(crate) struct Line {
    pub(crate) mains: Mains,
    pub(crate) client: Client,
}

impl Line {
    pub(crate) fn open(mains: Mains, client: Client) -> Self {
        let mut line = Self { mains, client };
        assert_eq!(line.ask(ClientInput::Connect), ClientOutput::Connected);
        line
    }

    /// Hands `input` to the client and carries datagrams until it has its answer.
    pub(crate) fn ask(&mut self, input: ClientInput<'_>) -> ClientOutput {
        self.client.handle(self.mains.now(), input);
        for _ in 0..1000 {
            match self.client.poll().expect("the client waits for nothing that is under way") {
                ClientOutput::Datagram(bytes) => self.carry(&bytes),
                ClientOutput::Persist { .. } | ClientOutput::ServerCounter(_) => {}
                answer => return answer,
            }
        }
        panic!("no end");
    }

    pub(crate) fn carry(&mut self, bytes: &[u8]) {
        let payload = UdpPayload::from_slice(bytes).expect("a datagram");
        let (src, src_port) = (COORDINATOR, 40_000);
        let datagram = UdpIndication {
            src,
            src_port,
            dst_port: DLMS_PORT,
            payload,
            hops: 1,
            lqi: plc_core::sap::Lqi(80),
        };
        self.mains.handle(ApplicationInput::Udp(datagram));
        while let Some(output) = self.mains.outputs.pop_front() {
            if let ApplicationOutput::Udp(request) = output {
                assert_eq!(
                    (request.dst, request.src_port, request.dst_port),
                    (COORDINATOR, DLMS_PORT, 40_000)
                );
                self.client.handle(self.mains.now(), ClientInput::Datagram(&request.payload));
            }
        }
    }

    pub(crate) fn get(&mut self, request: AttributeRequest) -> Vec<u8> {
        match self.ask(ClientInput::Get(request.clone())) {
            ClientOutput::Value(value) => value,
            other => panic!("{request}: {other:?}"),
        }
    }

    pub(crate) fn denied(&mut self, request: AttributeRequest) -> DataAccessResult {
        match self.ask(ClientInput::Get(request.clone())) {
            ClientOutput::AccessResult(result) => result,
            other => panic!("{request}: {other:?}"),
        }
    }

    pub(crate) fn octets(&mut self, name: LogicalName) -> Vec<u8> {
        let value = self.get(AttributeRequest::new(1, name, 2));
        Data::from_bytes(&value).expect("a value").as_octets().expect("octets").to_vec()
    }

    /// A register as a number of thousandths, with its unit.
    pub(crate) fn register(&mut self, name: LogicalName) -> (i64, Unit) {
        let value = self.get(AttributeRequest::new(3, name, 2));
        let scaler_unit = self.get(AttributeRequest::new(3, name, 3));
        let ScalerUnit { scaler, unit } = register::scaler_unit(&scaler_unit).expect("a scaler_unit");
        assert_eq!(scaler, -3);
        (register::value(&value).expect("a number"), unit)
    }

    /// The rows of a profile: time, status, A+, A-.
    pub(crate) fn rows(
        &mut self,
        name: LogicalName,
        selector: Option<Selector>,
    ) -> Vec<(Utc, u64, u64, u64)> {
        let value = self.get(AttributeRequest { selector, ..AttributeRequest::new(7, name, 2) });
        let rows = profile::Rows::from_value(&value).expect("rows");
        let cells = rows.iter().map(|cells| cells.collect::<Vec<_>>());
        cells
            .map(|row| {
                let number = |n: usize| row[n].as_u64().expect("a number");
                let time = row[0].as_clock_time().and_then(|time| time.utc()).expect("a time");
                (time, number(1), number(2), number(3))
            })
            .collect()
    }
}

pub(crate) fn time(utc: Utc) -> ClockTime {
    ClockTime::from_utc(utc, 0, ClockStatus::OK)
}

/// Two and a half hours of changing load from ten o'clock.
pub(crate) fn busy() -> Mains {
    let mut mains = Mains::new();
    mains.set_clock(at(22, 10, 0, 0));
    for watts in [2300.0, 100.0, -400.0, 36.0, 2000.0] {
        mains.seconds(watts, 1800);
    }
    mains.seconds(690.0, 3);
    mains
}
