//! Values and services: `cargo bench -p dlms --bench axdr`.
//!
//! One day of a 15-minute profile: 96 rows of a time, two counters and a state, a get-response of 2694 octets.
//! `peer` is another implementation, doing the same.

#[path = "../tests/day/mod.rs"]
mod day;

use day::{SAP, aarq, day, get_response, server, walk};
use divan::{Bencher, black_box};
use dlms::apdu::{GetResponse, Pdu};
use dlms::axdr::{Data, Encoder};
use dlms::server::ServerOutput;
use plc_core::{Instant, Machine};

fn main() {
    divan::main();
}

#[divan::bench(sample_count = 500, sample_size = 100)]
fn parse_and_walk_every_cell(bencher: Bencher) {
    let apdu = get_response();
    assert_eq!(apdu.len(), 2694);
    bencher.bench_local(|| walk(black_box(&apdu)));
}

#[divan::bench(sample_count = 500, sample_size = 100)]
fn check_only(bencher: Bencher) {
    let apdu = get_response();
    bencher.bench_local(|| GetResponse::from_bytes(black_box(&apdu)).is_ok());
}

#[divan::bench(sample_count = 500, sample_size = 100)]
fn encode_the_day(bencher: Bencher) {
    let mut out = Vec::with_capacity(4096);
    bencher.bench_local(|| {
        out.clear();
        day(&mut Encoder::new(black_box(&mut out), 4096));
    });
}

#[divan::bench(sample_count = 500, sample_size = 100)]
fn emit_a_parsed_day(bencher: Bencher) {
    let apdu = get_response();
    let (data, mut room) = (Data::from_bytes(&apdu[4..]).expect("a value"), [0; 4096]);
    bencher.bench_local(|| data.emit(&mut plc_core::wire::Writer::new(black_box(&mut room))));
}

/// What the server does between a datagram and its answer, which it is given back when it has left; the association is open.
#[divan::bench(sample_count = 500, sample_size = 100, args = ["register", "day"])]
fn serve_a_get(bencher: Bencher, what: &str) {
    let (mut server, mut objects) = server();
    server.serve(Instant::EPOCH, 1, &aarq(), &mut objects);
    while server.poll().is_some() {}
    let request = match what {
        "register" => day::get_register(),
        _ => day::get_day(),
    };
    assert_eq!(request[3], SAP);
    bencher.bench_local(|| {
        server.serve(Instant::EPOCH, 1, black_box(&request), &mut objects);
        let Some(ServerOutput::Datagram { bytes, .. }) = server.poll() else { unreachable!("it answers") };
        let len = bytes.len();
        server.recycle(bytes);
        len
    });
}

mod peer {
    use super::*;
    use dlms_cosem_rs::axdr::{Data, DataBuf};
    use dlms_cosem_rs::codec::Decode;
    use dlms_cosem_rs::xdlms::{Apdu, GetDataResult, GetResponse};

    /// The value in a get-response.
    fn value(apdu: &[u8]) -> Data<'_> {
        match Apdu::from_bytes(apdu) {
            Ok(Apdu::GetResponse(GetResponse::Normal { result: GetDataResult::Data(data), .. })) => data,
            _ => Data::Null,
        }
    }

    fn sum(data: &Data<'_>) -> u64 {
        match data {
            Data::Array(elements) | Data::Structure(elements) => {
                elements.iter().flatten().map(|element| sum(&element)).sum()
            }
            Data::OctetString(octets) => u64::from(octets[0]),
            number => number.as_u64().unwrap_or_default(),
        }
    }

    #[divan::bench(sample_count = 500, sample_size = 100)]
    fn parse_and_walk_every_cell(bencher: Bencher) {
        let apdu = get_response();
        assert_eq!(sum(&value(&apdu)), walk(&apdu));
        bencher.bench_local(|| sum(&value(black_box(&apdu))));
    }

    #[divan::bench(sample_count = 500, sample_size = 100)]
    fn check_only(bencher: Bencher) {
        let apdu = get_response();
        bencher.bench_local(|| Apdu::from_bytes(black_box(&apdu)).is_ok());
    }

    #[divan::bench(sample_count = 500, sample_size = 100)]
    fn emit_an_owned_day(bencher: Bencher) {
        use dlms_cosem_rs::codec::{Encode, SliceWriter};
        let apdu = get_response();
        let owned = DataBuf::parse(&apdu[4..]).expect("a value");
        let mut room = [0; 4096];
        bencher.bench_local(|| owned.encode(&mut SliceWriter::new(black_box(&mut room))).is_ok());
    }
}
