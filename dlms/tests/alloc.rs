//! Received values are read without memory of their own: counted by an allocator.
#![allow(clippy::unwrap_used)]

mod day;

use dlms::apdu::{GetResponse, Pdu};
use dlms::axdr::{Data, Encoder};
use dlms::classes::profile::Rows;
use dlms::server::{Server, ServerOutput};
use plc_core::wire::Writer;
use plc_core::{Instant, Machine};

/// What one step may cost: nothing.
fn frugal<T>(what: &str, step: impl FnOnce() -> T) -> T {
    let mut result = None;
    let info = allocation_counter::measure(|| result = Some(step()));
    assert_eq!((info.count_total, info.count_current), (0, 0), "{what} allocates or frees");
    result.unwrap()
}

#[test]
fn the_counter_sees_an_allocation() {
    let counted = allocation_counter::measure(|| drop(std::hint::black_box(vec![0u8; 100])));
    assert_eq!((counted.count_total, counted.count_current), (1, 0));
}

#[test]
fn a_day_is_read_to_its_last_cell_without_allocating() {
    let apdu = day::get_response();
    assert_eq!(apdu.len(), 2694);
    let slow: u64 = {
        let array = Data::from_bytes(&apdu[4..]).unwrap().as_array().unwrap();
        let cells = array.iter().flat_map(|row| row.as_structure().unwrap().iter().collect::<Vec<_>>());
        cells.map(|cell| cell.as_octets().map_or_else(|| cell.as_u64().unwrap(), |o| o[0].into())).sum()
    };
    assert_eq!(frugal("walking", || day::walk(&apdu)), slow);
    let rows = frugal("rows", || {
        let Ok(GetResponse::Normal { result: Ok(value), .. }) = GetResponse::from_bytes(&apdu) else {
            return 0;
        };
        Rows::from_value(value).map_or(0, |rows| rows.iter().map(Iterator::count).sum())
    });
    assert_eq!(rows, 96 * 4);
}

#[test]
fn a_day_is_written_without_allocating_once_there_is_room() {
    let mut out = Vec::with_capacity(4096);
    for _ in 0..3 {
        out.clear();
        frugal("encoding", || day::day(&mut Encoder::new(&mut out, 4096)));
        assert_eq!(out, day::get_response()[4..]);
    }
    let (data, mut room) = (Data::from_bytes(&out).unwrap(), [0; 4096]);
    let len = frugal("emitting", || {
        let mut writer = Writer::new(&mut room);
        data.emit(&mut writer).unwrap();
        writer.len()
    });
    assert_eq!(room[..len], out);
}

/// Serves `request` and gives the answer back when it has left; returns its octets.
fn served(server: &mut Server, meter: &mut day::Meter, request: &[u8]) -> usize {
    server.serve(Instant::EPOCH, 1, request, meter);
    let mut len = 0;
    while let Some(output) = server.poll() {
        if let ServerOutput::Datagram { bytes, .. } = output {
            len += bytes.len();
            server.recycle(bytes);
        }
    }
    len
}

#[test]
fn a_get_is_served_without_allocating_once_the_first_has_found_its_room() {
    let (mut server, mut meter) = day::server();
    assert!(served(&mut server, &mut meter, &day::aarq()) > 0);
    for (what, request, len) in
        [("a register", day::get_register(), 8 + 4 + 9), ("the day", day::get_day(), 8 + 2694)]
    {
        served(&mut server, &mut meter, &request);
        served(&mut server, &mut meter, &request);
        for _ in 0..100 {
            assert_eq!(frugal(what, || served(&mut server, &mut meter, &request)), len, "{what}");
        }
    }
}

#[test]
fn a_refusal_is_served_without_allocating() {
    let (mut server, mut meter) = day::server();
    assert!(served(&mut server, &mut meter, &day::aarq()) > 0);
    let mut unknown = day::get_register();
    // Another object; then a service that there is not.
    unknown[8 + 5 + 5] = 99;
    let no_service = [&unknown[..8], &[0xC0, 9, 0xC1][..]].concat();
    let no_service = [&no_service[..7], &[3], &no_service[8..]].concat();
    for request in [unknown, no_service] {
        assert!(served(&mut server, &mut meter, &request) > 0);
        frugal("a refusal", || served(&mut server, &mut meter, &request));
    }
}

#[test]
fn a_ciphered_get_is_served_with_three_allocations_whatever_its_length() {
    let (mut server, mut meter) = day::ciphered_server();
    for (n, request) in (1..).zip([day::GET_REGISTER, day::GET_DAY].into_iter().cycle().take(50)) {
        let sealed = day::sealed(n, &request);
        let mut len = 0;
        let counted = allocation_counter::measure(|| len = served(&mut server, &mut meter, &sealed));
        assert!(len > 20, "{n}");
        // The first find their room.
        if n > 10 {
            assert_eq!(counted.count_total, 3, "the plain request, the cipher text and its envelope: {n}");
        }
    }
}
