//! Both ends of a link, and the two sides of an opening, that are told whatever the octets say.
//!
//! They must never panic, never hold more than their limits, be quiet once they were drained, and send
//! nothing but whole frames with right check sequences.
#![no_main]

use core::time::Duration;
use dlms::hdlc::*;
use dlms::mode_e::*;
use libfuzzer_sys::fuzz_target;
use plc_core::wire::Reader;
use plc_core::{Instant, Machine};

fn server_address() -> Address {
    Address::two(1, 17).expect("it fits")
}

fn client_address() -> Address {
    Address::one(16).expect("it fits")
}

struct World {
    now: Instant,
    primary: Primary,
    secondary: Secondary,
    opener: Opener,
    responder: Responder,
}

impl World {
    fn new(window: u8) -> Self {
        let parameters = Parameters::symmetric(32 + u16::from(window), window % 8);
        let inter_octet_timeout = Duration::from_millis(200);
        Self {
            now: Instant::from_secs(1),
            primary: Primary::new(PrimaryConfig {
                client: client_address(),
                server: server_address(),
                parameters,
                max_apdu_len: 300,
                response_timeout: Duration::from_secs(2),
                retries: 3,
                poll_interval: Duration::from_secs(5),
                inter_octet_timeout,
            }),
            secondary: Secondary::new(SecondaryConfig {
                address: server_address(),
                parameters,
                max_apdu_len: 300,
                inactivity_timeout: Duration::from_secs(120),
                inter_octet_timeout,
            }),
            opener: Opener::new(OpenerConfig {
                address: Vec::new(),
                rate: Rate::R9600,
                confirmation: Confirmation::AtInitialRate,
                response_timeout: Duration::from_secs(2),
                retries: 2,
            }),
            responder: Responder::new(ResponderConfig {
                address: b"4711".to_vec(),
                maker: *b"PLC",
                name: b"METER".to_vec(),
                rate: Rate::R9600,
                confirmation: Confirmation::AtChosenRate,
                choice_timeout: Duration::from_secs(3),
                idle_timeout: Duration::from_secs(60),
            }),
        }
    }

    /// One step, or the end of the octets.
    fn step(&mut self, reader: &mut Reader<'_>) -> Option<()> {
        let kind = reader.u8().ok()?;
        let now = self.now;
        match kind {
            0..=99 => self.frame(kind, reader)?,
            100..=119 => self.octets(reader)?,
            120..=139 => self.primary.handle(now, PrimaryInput::Send(&[kind; 90])),
            140..=159 => self.secondary.handle(now, SecondaryInput::Send(&[kind; 90])),
            160..=179 => self.primary.handle(now, PrimaryInput::Connect),
            180..=184 => self.primary.handle(now, PrimaryInput::Disconnect),
            185..=189 => self.primary.handle(now, PrimaryInput::Busy(kind & 1 == 0)),
            190..=194 => self.secondary.handle(now, SecondaryInput::Busy(kind & 1 == 0)),
            195..=199 => self.primary.handle(now, PrimaryInput::LineLost),
            200..=204 => self.secondary.handle(now, SecondaryInput::LineLost),
            205..=209 => self.opener.handle(now, OpenerInput::Open),
            _ => self.pass(Duration::from_millis(1 << (kind % 20))),
        }
        self.drain();
        Some(())
    }

    /// A frame with right checks, to either end.
    fn frame(&mut self, kind: u8, reader: &mut Reader<'_>) -> Option<()> {
        let control = Control::from_octet(reader.u8().ok()?);
        let len = usize::from(reader.u8().ok()? % 64);
        let body = reader.bytes(len.min(reader.remaining())).ok()?;
        let to_server = kind & 1 == 0;
        let header = [0xE6, if to_server { 0xE6 } else { 0xE7 }, 0];
        let information = if kind & 4 == 0 { body.to_vec() } else { [&header, body].concat() };
        let source = if kind & 8 == 0 { client_address() } else { Address::one(u16::from(kind & 0x7F))? };
        let (destination, source) =
            if to_server { (server_address(), source) } else { (client_address(), server_address()) };
        let frame =
            Frame { destination, source, control, segmented: kind & 2 != 0, information: &information };
        let mut octets = Vec::new();
        frame.append_to(&mut octets);
        match to_server {
            true => self.secondary.handle(self.now, SecondaryInput::Octets(&octets)),
            false => self.primary.handle(self.now, PrimaryInput::Octets(&octets)),
        }
        Some(())
    }

    /// Octets as they are, to everybody.
    fn octets(&mut self, reader: &mut Reader<'_>) -> Option<()> {
        let len = usize::from(reader.u8().ok()?);
        let octets = reader.bytes(len.min(reader.remaining())).ok()?;
        self.secondary.handle(self.now, SecondaryInput::Octets(octets));
        self.primary.handle(self.now, PrimaryInput::Octets(octets));
        self.opener.handle(self.now, OpenerInput::Octets(octets));
        self.responder.handle(self.now, ResponderInput::Octets(octets));
        Some(())
    }

    /// What one end says reaches the other one only if the fuzzer says so: it is dropped here.
    fn drain(&mut self) {
        let (now, mut outputs) = (self.now, 0);
        while let Some(output) = self.primary.poll().or_else(|| self.secondary.poll()) {
            outputs += 1;
            assert!(outputs < 100, "never quiet");
            if let LinkOutput::Octets(octets) = output {
                let mut rest = &octets[..];
                let mut deframer = Deframer::new();
                while let Some(frame) = deframer.take(&mut rest) {
                    assert!(Frame::read(&frame).is_ok(), "what is sent is a frame");
                }
                assert_eq!(*deframer.counters(), DeframerCounters::default());
            }
        }
        while self.opener.poll().is_some() || self.responder.poll().is_some() {}
        for (held, limit) in [self.primary.occupancy(), self.secondary.occupancy()] {
            assert!(held <= limit, "{held} of {limit}");
        }
        assert!(self.deadline().is_none_or(|at| at > now), "quiet once drained");
    }

    fn deadline(&self) -> Option<Instant> {
        let all = [
            self.primary.deadline(),
            self.secondary.deadline(),
            self.opener.deadline(),
            self.responder.deadline(),
        ];
        all.into_iter().flatten().min()
    }

    /// Time goes on, over every deadline in between.
    fn pass(&mut self, pause: Duration) {
        let then = self.now + pause;
        for _ in 0..1000 {
            let Some(at) = self.deadline().filter(|&at| at <= then) else { break };
            self.now = at;
            self.primary.tick(at);
            self.secondary.tick(at);
            self.opener.tick(at);
            self.responder.tick(at);
            self.drain();
        }
        self.now = self.now.max(then);
    }
}

fuzz_target!(|octets: &[u8]| {
    let mut reader = Reader::new(octets);
    let Ok(window) = reader.u8() else { return };
    let mut world = World::new(window);
    while world.step(&mut reader).is_some() {}
});
