//! Both ends of a link, over a serial line that loses, corrupts and doubles.
#![allow(clippy::unwrap_used, clippy::panic)]

mod serial;

use dlms::hdlc::*;
use plc_core::{Instant, Machine};
use proptest::prelude::*;
use serial::*;

/// Two ends and the line between them. The client says what it has to say, and the server answers
/// every APDU with one of its own.
struct Line {
    now: Instant,
    primary: Primary,
    secondary: Secondary,
    to_server: Pipe,
    to_client: Pipe,
    questions: Vec<Vec<u8>>,
    asked: usize,
    heard: Vec<Vec<u8>>,
    answers: Vec<Vec<u8>>,
    connections: usize,
    primary_ends: Vec<LinkEnd>,
    secondary_ends: Vec<LinkEnd>,
    turns: usize,
}

impl Line {
    fn new(
        client: Parameters,
        server: Parameters,
        faults: Faults,
        questions: Vec<Vec<u8>>,
        seed: u64,
    ) -> Self {
        Self {
            now: Instant::from_secs(1),
            primary: Primary::new(primary_config(client)),
            secondary: Secondary::new(secondary_config(server)),
            to_server: Pipe::new(faults, seed),
            to_client: Pipe::new(faults, seed ^ 0xA5A5),
            questions,
            asked: 0,
            heard: Vec::new(),
            answers: Vec::new(),
            connections: 0,
            primary_ends: Vec::new(),
            secondary_ends: Vec::new(),
            turns: 0,
        }
    }

    fn run(&mut self) {
        self.primary.handle(self.now, PrimaryInput::Connect);
        self.drain();
        for _ in 0..200_000 {
            if !self.primary_ends.is_empty() {
                return;
            }
            self.step();
        }
        panic!("neither delivered nor lost: {:?}", self.primary.counters());
    }

    fn step(&mut self) {
        let events = [
            self.to_server.arrival(),
            self.to_client.arrival(),
            self.primary.deadline(),
            self.secondary.deadline(),
        ];
        self.now = self.now.max(events.into_iter().flatten().min().expect("somebody waits"));
        if let Some(octets) = self.to_server.read(self.now) {
            self.secondary.handle(self.now, SecondaryInput::Octets(&octets));
        } else if let Some(octets) = self.to_client.read(self.now) {
            self.primary.handle(self.now, PrimaryInput::Octets(&octets));
        } else {
            self.primary.tick(self.now);
            self.secondary.tick(self.now);
        }
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.secondary.poll() {
            match output {
                LinkOutput::Octets(octets) => {
                    self.turns += 1;
                    self.to_client.write(self.now, &octets);
                }
                LinkOutput::Apdu(apdu) => {
                    let answer = answer(&apdu);
                    self.heard.push(apdu);
                    self.secondary.handle(self.now, SecondaryInput::Send(&answer));
                }
                LinkOutput::Disconnected(end) => self.secondary_ends.push(end),
                _ => {}
            }
        }
        while let Some(output) = self.primary.poll() {
            match output {
                LinkOutput::Octets(octets) => {
                    self.turns += 1;
                    self.to_server.write(self.now, &octets);
                }
                LinkOutput::Connected { .. } => {
                    self.connections += 1;
                    self.next();
                }
                LinkOutput::Apdu(apdu) => {
                    self.answers.push(apdu);
                    self.next();
                }
                LinkOutput::Disconnected(end) => self.primary_ends.push(end),
                LinkOutput::Unnumbered { .. } => panic!("nobody has sent UI"),
            }
        }
    }

    /// Asks the next question, two at a time.
    fn next(&mut self) {
        if self.answers.len() == self.questions.len() {
            return self.primary.handle(self.now, PrimaryInput::Disconnect);
        }
        while self.asked < self.questions.len() && self.asked < self.answers.len() + 2 {
            self.primary.handle(self.now, PrimaryInput::Send(&self.questions[self.asked]));
            self.asked += 1;
        }
    }
}

/// Another one for every question.
fn answer(question: &[u8]) -> Vec<u8> {
    question.iter().rev().map(|octet| octet ^ 0x7E).chain([question.len() as u8; 5]).collect()
}

/// Whether `heard` is what was said, up to some point.
fn is_prefix(heard: &[Vec<u8>], said: &[Vec<u8>]) -> bool {
    said.starts_with(heard)
}

fn questions(count: usize, len: usize) -> Vec<Vec<u8>> {
    (0..count).map(|n| (0..len + n).map(|at| (at * 31 + n) as u8).collect()).collect()
}

#[test]
fn a_faultless_line_carries_everything_once_and_closes() {
    for window in 1..=7 {
        let terms = Parameters::symmetric(128, window);
        let mut line = Line::new(terms, terms, FAULTLESS, questions(20, 700), 1);
        line.run();
        assert_eq!(line.heard, line.questions);
        assert_eq!(line.answers, line.questions.iter().map(|q| answer(q)).collect::<Vec<_>>());
        assert_eq!((line.primary_ends.clone(), line.connections), (vec![LinkEnd::Requested], 1));
        assert_eq!(line.secondary_ends, [LinkEnd::ByPeer]);
        let (primary, secondary) = (line.primary.counters(), line.secondary.counters());
        assert_eq!((*primary, *secondary), (LinkCounters::default(), LinkCounters::default()));
    }
}

#[test]
fn a_wider_window_needs_fewer_turns() {
    let turns = |window| {
        let terms = Parameters::symmetric(64, window);
        let mut line = Line::new(terms, terms, FAULTLESS, questions(1, 640), 1);
        line.run();
        line.turns
    };
    // SNRM and DISC with their answers; eleven segments each way, of which the last question's is
    // acknowledged by the first answer's.
    assert_eq!(turns(1), 4 + 2 * 21);
    assert!(turns(7) <= 4 + 2 * 4, "{}", turns(7));
}

#[test]
fn a_moderately_bad_line_still_carries_everything() {
    let faults = Faults { loss: 20, corruption: 20, doubling: 20, delay_max_ms: 50 };
    let mut whole = 0;
    for seed in 0..30 {
        let terms = Parameters::symmetric(128, 1 + seed as u8 % 7);
        let mut line = Line::new(terms, terms, faults, questions(10, 500), seed);
        line.run();
        assert!(is_prefix(&line.heard, &line.questions));
        whole += usize::from(line.answers.len() == 10);
    }
    assert!(whole >= 29, "{whole} of 30");
}

#[test]
fn a_dead_line_is_reported() {
    let faults = Faults { loss: 1000, ..FAULTLESS };
    let mut line = Line::new(Parameters::DEFAULT, Parameters::DEFAULT, faults, questions(1, 10), 1);
    line.run();
    assert_eq!(line.primary_ends, [LinkEnd::NoAnswer]);
    assert_eq!((line.primary.counters().timeouts, line.connections), (9, 0));
    assert_eq!(line.now, Instant::from_secs(1 + 9 * 2));
}

#[test]
fn a_line_that_dies_in_the_middle_is_reported_by_both_ends() {
    let terms = Parameters::symmetric(128, 3);
    let mut line = Line::new(terms, terms, FAULTLESS, questions(10, 500), 1);
    line.primary.handle(line.now, PrimaryInput::Connect);
    line.drain();
    while line.heard.len() < 3 {
        line.step();
    }
    let dead = Faults { loss: 1000, ..FAULTLESS };
    (line.to_server, line.to_client) = (Pipe::new(dead, 1), Pipe::new(dead, 1));
    while line.secondary_ends.is_empty() {
        line.step();
    }
    assert_eq!(
        (line.primary_ends.clone(), line.secondary_ends.clone()),
        (vec![LinkEnd::NoAnswer], vec![LinkEnd::Inactive])
    );
    assert!(is_prefix(&line.heard, &line.questions) && line.heard.len() < 10);
}

/// Carries octets between both ends until neither has more to say; returns what the client is told.
fn shuttle(now: Instant, primary: &mut Primary, secondary: &mut Secondary) -> Vec<Vec<u8>> {
    let mut apdus = Vec::new();
    loop {
        if let Some(output) = primary.poll() {
            match output {
                LinkOutput::Octets(octets) => secondary.handle(now, SecondaryInput::Octets(&octets)),
                LinkOutput::Apdu(apdu) => apdus.push(apdu),
                _ => {}
            }
        } else if let Some(output) = secondary.poll() {
            if let LinkOutput::Octets(octets) = output {
                primary.handle(now, PrimaryInput::Octets(&octets));
            }
        } else {
            return apdus;
        }
    }
}

#[test]
fn an_answer_that_comes_late_is_fetched_by_polling() {
    let mut now = Instant::from_secs(1);
    let mut primary = Primary::new(primary_config(Parameters::DEFAULT));
    let mut secondary = Secondary::new(secondary_config(Parameters::DEFAULT));
    primary.handle(now, PrimaryInput::Connect);
    shuttle(now, &mut primary, &mut secondary);
    primary.handle(now, PrimaryInput::Send(&[1]));
    assert!(shuttle(now, &mut primary, &mut secondary).is_empty());
    secondary.handle(now, SecondaryInput::Send(&[42; 300]));
    assert!(shuttle(now, &mut primary, &mut secondary).is_empty(), "a server speaks when asked");
    now += primary_config(Parameters::DEFAULT).poll_interval;
    assert_eq!(primary.deadline(), Some(now));
    primary.tick(now);
    assert_eq!(shuttle(now, &mut primary, &mut secondary), [[42; 300]]);
}

#[test]
fn polling_keeps_an_idle_link_and_a_client_that_is_busy_takes_nothing() {
    let mut now = Instant::from_secs(1);
    let mut primary = Primary::new(primary_config(Parameters::DEFAULT));
    let mut secondary = Secondary::new(secondary_config(Parameters::DEFAULT));
    primary.handle(now, PrimaryInput::Connect);
    shuttle(now, &mut primary, &mut secondary);
    primary.handle(now, PrimaryInput::Busy(true));
    secondary.handle(now, SecondaryInput::Send(&[42]));
    for _ in 0..100 {
        now = primary.deadline().expect("a poll");
        primary.tick(now);
        secondary.tick(now);
        assert!(shuttle(now, &mut primary, &mut secondary).is_empty());
    }
    assert!(secondary.client().is_some() && now > Instant::from_secs(1) + 3 * INACTIVITY);
    primary.handle(now, PrimaryInput::Busy(false));
    now = primary.deadline().expect("a poll");
    primary.tick(now);
    assert_eq!(shuttle(now, &mut primary, &mut secondary), [[42]]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn whatever_the_line_does_what_is_heard_was_said_in_order_and_once_or_the_link_is_lost(
        loss in 0u32..150, corruption in 0u32..150, doubling in 0u32..150, delay_max_ms in 1u32..3000,
        client_info in 32u16..600, client_window in 1u8..8, server_info in 32u16..600, server_window in 1u8..8,
        lens in prop::collection::vec(0usize..900, 1..8), seed: u64,
    ) {
        let faults = Faults { loss, corruption, doubling, delay_max_ms };
        let (client, server) =
            (Parameters::symmetric(client_info, client_window), Parameters::symmetric(server_info, server_window));
        let said: Vec<Vec<u8>> =
            lens.iter().enumerate().map(|(n, &len)| (0..len).map(|at| (at * 7 + n * 13) as u8).collect()).collect();
        let mut line = Line::new(client, server, faults, said.clone(), seed);
        line.run();
        let answers: Vec<Vec<u8>> = said.iter().map(|question| answer(question)).collect();
        prop_assert!(is_prefix(&line.heard, &said));
        prop_assert!(is_prefix(&line.answers, &answers));
        match line.primary_ends[0] {
            LinkEnd::Requested => prop_assert_eq!(line.answers.len(), said.len()),
            end => prop_assert!(matches!(end, LinkEnd::NoAnswer | LinkEnd::ByPeer | LinkEnd::Rejected), "{:?}", end),
        }
    }
}
