//! Stations, frames written by hand, and a serial line that loses, doubles and corrupts.
#![allow(dead_code, clippy::unwrap_used, clippy::panic)]

use dlms::apdu::Pdu;
use dlms::hdlc::*;
use plc_core::crc::hdlc_fcs;
use plc_core::seed::{Stream, uniform};
use plc_core::{Instant, Machine, Seed};
use std::collections::VecDeque;
use std::time::Duration;

pub(crate) const INACTIVITY: Duration = Duration::from_secs(120);
pub(crate) const INTER_OCTET: Duration = Duration::from_millis(200);

pub(crate) fn server_address() -> Address {
    Address::two(1, 17).unwrap()
}

pub(crate) fn client_address() -> Address {
    Address::one(16).unwrap()
}

pub(crate) fn primary_config(parameters: Parameters) -> PrimaryConfig {
    PrimaryConfig {
        client: client_address(),
        server: server_address(),
        parameters,
        max_apdu_len: 2000,
        response_timeout: Duration::from_secs(2),
        retries: 8,
        poll_interval: Duration::from_secs(5),
        inter_octet_timeout: INTER_OCTET,
    }
}

pub(crate) fn secondary_config(parameters: Parameters) -> SecondaryConfig {
    SecondaryConfig {
        address: server_address(),
        parameters,
        max_apdu_len: 2000,
        inactivity_timeout: INACTIVITY,
        inter_octet_timeout: INTER_OCTET,
    }
}

/// A server's end of a link, and what it tells.
pub(crate) struct Bench {
    pub(crate) now: Instant,
    pub(crate) station: Secondary,
    pub(crate) apdus: Vec<Vec<u8>>,
    pub(crate) unnumbered: Vec<Vec<u8>>,
    pub(crate) ends: Vec<LinkEnd>,
    pub(crate) terms: Option<Parameters>,
    pub(crate) last_octets: Vec<u8>,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self::with(secondary_config(Parameters::symmetric(128, 3)))
    }

    pub(crate) fn with(config: SecondaryConfig) -> Self {
        Self {
            now: Instant::from_secs(1),
            station: Secondary::new(config),
            apdus: Vec::new(),
            unnumbered: Vec::new(),
            ends: Vec::new(),
            terms: None,
            last_octets: Vec::new(),
        }
    }

    /// A bench with an open link under these limits.
    pub(crate) fn linked(parameters: Parameters) -> Self {
        let mut bench = Self::with(secondary_config(parameters));
        assert!(bench.ask(&snrm(parameters))[0].starts_with("UA P/F"));
        bench
    }

    /// Gives `octets` to the station; returns the frames with which it answers.
    pub(crate) fn ask(&mut self, octets: &[u8]) -> Vec<String> {
        self.station.handle(self.now, SecondaryInput::Octets(octets));
        self.drain()
    }

    pub(crate) fn send(&mut self, apdu: &[u8]) {
        self.station.handle(self.now, SecondaryInput::Send(apdu));
        assert_eq!(self.drain(), Vec::<String>::new(), "a server speaks when asked");
    }

    pub(crate) fn pause(&mut self, pause: Duration) {
        self.now += pause;
        self.station.tick(self.now);
        assert_eq!(self.drain(), Vec::<String>::new(), "a server speaks when asked");
    }

    fn drain(&mut self) -> Vec<String> {
        let mut answers = Vec::new();
        while let Some(output) = self.station.poll() {
            match output {
                LinkOutput::Octets(octets) => {
                    answers.extend(frames(&octets).iter().map(|frame| shown(frame)));
                    self.last_octets = octets;
                }
                LinkOutput::Apdu(apdu) => self.apdus.push(apdu),
                LinkOutput::Unnumbered { apdu, .. } => self.unnumbered.push(apdu),
                LinkOutput::Connected { parameters, .. } => self.terms = Some(parameters),
                LinkOutput::Disconnected(end) => self.ends.push(end),
            }
        }
        answers
    }

    /// The information field of the last frame that was answered.
    pub(crate) fn last_information(&self) -> Vec<u8> {
        let frames = frames(&self.last_octets);
        Frame::read(frames.last().unwrap()).unwrap().information.to_vec()
    }
}

/// The frames in `octets`, without flags.
pub(crate) fn frames(mut octets: &[u8]) -> Vec<Vec<u8>> {
    let mut deframer = Deframer::new();
    std::iter::from_fn(|| deframer.take(&mut octets)).collect()
}

/// A frame without its addresses.
pub(crate) fn shown(frame: &[u8]) -> String {
    let text = Frame::read(frame).unwrap().to_string();
    text.split_once(": ").unwrap().1.to_owned()
}

pub(crate) fn control(text: &str) -> u8 {
    let poll = if text.ends_with('P') { 0x10 } else { 0 };
    let words: Vec<&str> = text.trim_end_matches('P').split_whitespace().collect();
    let number = |n: usize| words[n].parse::<u8>().unwrap();
    poll | match words[0] {
        "SNRM" => 0x83,
        "DISC" => 0x43,
        "UI" => 0x03,
        "UA" => 0x63,
        "DM" => 0x0F,
        "FRMR" => 0x87,
        "RR" => number(1) << 5 | 0x01,
        "RNR" => number(1) << 5 | 0x05,
        "I" => number(2) << 5 | number(1) << 1,
        other => panic!("{other}"),
    }
}

/// A frame of the client to the server, by the words of its control field, `"I 0 0 P"` for instance.
pub(crate) fn command(words: &str, information: &[u8]) -> Vec<u8> {
    between(server_address(), client_address(), words, information)
}

pub(crate) fn between(destination: Address, source: Address, words: &str, information: &[u8]) -> Vec<u8> {
    segment(destination, source, words, information, false)
}

pub(crate) fn segment(
    destination: Address,
    source: Address,
    words: &str,
    information: &[u8],
    segmented: bool,
) -> Vec<u8> {
    let control = Control::from_octet(control(words));
    let mut octets = Vec::new();
    assert!(Frame { destination, source, control, segmented, information }.append_to(&mut octets));
    octets
}

/// An APDU of the client in one frame.
pub(crate) fn question(words: &str, apdu: &[u8]) -> Vec<u8> {
    command(words, &[&[0xE6, 0xE6, 0x00], apdu].concat())
}

pub(crate) fn snrm(parameters: Parameters) -> Vec<u8> {
    command("SNRM P", &parameters.to_vec())
}

/// A frame written octet by octet: format, addresses as they stand, control, information; right checks.
pub(crate) fn raw(format: u16, addresses: &[u8], control: u8, information: &[u8]) -> Vec<u8> {
    let header = [&format.to_be_bytes()[..], addresses, &[control]].concat();
    let mut frame = header.clone();
    if !information.is_empty() {
        frame.extend(hdlc_fcs(&header).to_le_bytes());
        frame.extend(information);
    }
    frame.extend(hdlc_fcs(&frame).to_le_bytes());
    [&[0x7E][..], &frame, &[0x7E]].concat()
}

/// How a line treats what is written to it, in per mille.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Faults {
    /// Pieces that vanish.
    pub(crate) loss: u32,
    /// Pieces in which one bit is turned.
    pub(crate) corruption: u32,
    /// Whole writes that come twice.
    pub(crate) doubling: u32,
    pub(crate) delay_max_ms: u32,
}

pub(crate) const FAULTLESS: Faults = Faults { loss: 0, corruption: 0, doubling: 0, delay_max_ms: 2 };

/// One direction of a line: what is written comes out in order, in pieces, and not all of it.
pub(crate) struct Pipe {
    faults: Faults,
    random: Stream,
    flying: VecDeque<(Instant, Vec<u8>)>,
}

impl Pipe {
    pub(crate) fn new(faults: Faults, seed: u64) -> Self {
        Self { faults, random: Seed::from_u64(seed).stream(), flying: VecDeque::new() }
    }

    pub(crate) fn write(&mut self, now: Instant, octets: &[u8]) {
        let copies = 1 + u32::from(self.hits(self.faults.doubling));
        for _ in 0..copies {
            let mut rest = octets;
            while !rest.is_empty() {
                let len = 1 + uniform(&mut self.random, 120) as usize;
                let (piece, behind) = rest.split_at(len.min(rest.len()));
                rest = behind;
                self.piece(now, piece);
            }
        }
    }

    fn piece(&mut self, now: Instant, piece: &[u8]) {
        let mut piece = piece.to_vec();
        if self.hits(self.faults.corruption) {
            let bit = uniform(&mut self.random, piece.len() as u32 * 8) as usize;
            piece[bit / 8] ^= 1 << (bit % 8);
        }
        if !self.hits(self.faults.loss) {
            let delay = Duration::from_millis(uniform(&mut self.random, self.faults.delay_max_ms).into());
            let after = self.flying.back().map_or(now, |last| last.0);
            self.flying.push_back((after.max(now + delay), piece));
        }
    }

    fn hits(&mut self, per_mille: u32) -> bool {
        uniform(&mut self.random, 1000) < per_mille
    }

    pub(crate) fn arrival(&self) -> Option<Instant> {
        self.flying.front().map(|flight| flight.0)
    }

    pub(crate) fn read(&mut self, now: Instant) -> Option<Vec<u8>> {
        let due = self.arrival().is_some_and(|at| at <= now);
        if due { self.flying.pop_front().map(|flight| flight.1) } else { None }
    }
}
