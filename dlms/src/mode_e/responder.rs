//! The meter's side of the opening.

use super::lines::{Line, Lines};
use super::message::{Identification, OptionSelect, Rate, SignOn};
use super::opener::Confirmation;
use super::specs;
use super::{LineFormat, LineSettings, ModeECounters};
use crate::apdu::Pdu;
use alloc::vec::Vec;
use core::time::Duration;
use plc_core::{Instant, Machine, Outbox};

/// Configuration of a [`Responder`].
#[derive(Clone, Debug)]
pub struct ResponderConfig {
    /// The own address: requests for another one are not answered.
    pub address: Vec<u8>,
    /// The flag of the maker, three letters.
    pub maker: [u8; specs::MAKER_LEN],
    /// What the meter calls itself: at most 16 printable characters.
    pub name: Vec<u8>,
    /// The highest rate of the line.
    pub rate: Rate,
    /// Whether and where the choice is confirmed.
    pub confirmation: Confirmation,
    /// How long a client may take to choose.
    pub choice_timeout: Duration,
    /// An open line on which nobody speaks for so long is closed.
    pub idle_timeout: Duration,
}

/// What happens to a [`Responder`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponderInput<'a> {
    /// Octets have come from the line. While it is open they are for the link, and show here only that
    /// somebody speaks.
    Octets(&'a [u8]),
    /// The link is closed, and the line is to be closed with it.
    Close,
}

/// What a [`Responder`] wants done or known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResponderOutput {
    /// When all octets before are on the line, set it so.
    Line(LineSettings),
    /// Send these octets.
    Octets(Vec<u8>),
    /// The line is open for HDLC: octets are for the link from now on.
    Opened {
        /// The rate of the line.
        rate: Rate,
    },
    /// The line is closed: the link on it is lost.
    Closed,
}

/// The meter's side of the opening.
#[derive(Debug)]
pub struct Responder {
    config: ResponderConfig,
    phase: Phase,
    late_at: Option<Instant>,
    /// How the line is set for an opening.
    initial: LineSettings,
    /// How long every answer waits.
    response_time: Duration,
    /// The answer that waits, and until when.
    answer: heapless::Vec<ResponderOutput, OUTPUTS_PER_LINE>,
    answer_at: Option<Instant>,
    lines: Lines,
    counters: ModeECounters,
    out: Outbox<ResponderOutput, { specs::OUTPUTS_MAX }>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Waiting,
    /// Identification sent.
    Identified,
    Open,
}

impl Responder {
    /// A line that is not open, and is to be set for an opening.
    pub fn new(config: ResponderConfig) -> Self {
        let initial = LineSettings::INITIAL;
        let mut out = Outbox::new();
        out.push(ResponderOutput::Line(initial));
        Self {
            config,
            phase: Phase::Waiting,
            late_at: None,
            initial,
            response_time: Duration::ZERO,
            answer: heapless::Vec::new(),
            answer_at: None,
            lines: Lines::default(),
            counters: ModeECounters::default(),
            out,
        }
    }

    /// The same on a line that is opened at this rate instead of 300 bit/s, and on which every answer waits for so long.
    #[must_use]
    pub fn at_port(mut self, rate: Rate, response_time: Duration) -> Self {
        self.initial = LineSettings { rate, ..self.initial };
        self.response_time = response_time;
        self.out = Outbox::new();
        self.out.push(ResponderOutput::Line(self.initial));
        self
    }

    /// Whether octets are for the link.
    pub fn is_open(&self) -> bool {
        self.phase == Phase::Open
    }

    /// What was dropped.
    pub const fn counters(&self) -> ModeECounters {
        ModeECounters { noise: self.lines.noise, ..self.counters }
    }

    fn on_octets(&mut self, now: Instant, mut octets: &[u8]) {
        while self.phase != Phase::Open {
            let Some(line) = self.lines.take(&mut octets) else { return };
            self.on_line(now, &line);
        }
        self.wait(now, self.config.idle_timeout);
    }

    fn on_line(&mut self, now: Instant, line: &Line) {
        if self.out.room() < OUTPUTS_PER_LINE || self.answer_at.is_some() {
            return self.counters.unexpected += 1;
        }
        let choice = OptionSelect::from_bytes(line).ok();
        match (SignOn::from_bytes(line), choice) {
            (Ok(request), _) => self.on_sign_on(now, &request),
            (_, Some(choice)) if self.phase == Phase::Identified => self.on_choice(now, choice),
            (_, Some(_)) => self.counters.unexpected += 1,
            _ => self.counters.malformed += 1,
        }
    }

    fn on_sign_on(&mut self, now: Instant, request: &SignOn<'_>) {
        if !request.address.is_empty() && request.address != self.config.address {
            return self.counters.not_for_us += 1;
        }
        let ResponderConfig { maker, rate, name, .. } = &self.config;
        let said = Identification { maker: *maker, rate: *rate, binary_hdlc: true, name };
        let said = ResponderOutput::Octets(said.to_vec());
        self.phase = Phase::Identified;
        self.wait(now + self.response_time, self.config.choice_timeout);
        self.answer(now, [Some(said), None, None, None]);
    }

    fn on_choice(&mut self, now: Instant, choice: OptionSelect) {
        let rate = choice.rate;
        if !choice.is_hdlc() || rate > self.config.rate {
            self.counters.refused += 1;
            (self.phase, self.late_at) = (Phase::Waiting, None);
            return;
        }
        let settings = |format| ResponderOutput::Line(LineSettings { rate, format });
        let confirmation = self.config.confirmation;
        let slower = confirmation == Confirmation::AtChosenRate;
        let confirmed = confirmation != Confirmation::None;
        self.phase = Phase::Open;
        self.answer(
            now,
            [
                slower.then(|| settings(LineFormat::SevenEven)),
                confirmed.then(|| ResponderOutput::Octets(choice.to_vec())),
                Some(settings(LineFormat::EightNone)),
                Some(ResponderOutput::Opened { rate }),
            ],
        );
    }

    /// Says what is there of `said` when its time has come.
    fn answer(&mut self, now: Instant, said: [Option<ResponderOutput>; OUTPUTS_PER_LINE]) {
        self.answer = said.into_iter().flatten().collect();
        self.answer_at = Some(now + self.response_time);
        self.say(now);
    }

    /// Says what has waited for long enough.
    fn say(&mut self, now: Instant) {
        if self.answer_at.is_some_and(|at| at <= now) {
            self.answer_at = None;
            core::mem::take(&mut self.answer).into_iter().for_each(|output| {
                self.out.push(output);
            });
        }
    }

    fn wait(&mut self, now: Instant, timeout: Duration) {
        self.late_at = Some(now + timeout.max(Duration::from_millis(1)));
    }

    /// Back to where an opening begins.
    fn close(&mut self) {
        self.lines.clear();
        (self.late_at, self.answer_at) = (None, None);
        let untold = core::mem::take(&mut self.answer);
        // Who was never told that the line is open is not told that it is closed.
        let was_open = core::mem::replace(&mut self.phase, Phase::Waiting) == Phase::Open;
        if was_open && untold.is_empty() {
            self.out.push(ResponderOutput::Closed);
            self.out.push(ResponderOutput::Line(self.initial));
        }
    }
}

impl Machine for Responder {
    type Input<'a> = ResponderInput<'a>;
    type Output = ResponderOutput;

    fn handle(&mut self, now: Instant, input: ResponderInput<'_>) {
        match input {
            ResponderInput::Octets(octets) => self.on_octets(now, octets),
            ResponderInput::Close => self.close(),
        }
    }

    fn tick(&mut self, now: Instant) {
        self.say(now);
        if self.late_at.is_some_and(|at| at <= now) {
            self.close();
        }
    }

    fn deadline(&self) -> Option<Instant> {
        self.late_at.into_iter().chain(self.answer_at).min()
    }

    fn poll(&mut self) -> Option<ResponderOutput> {
        self.out.pop()
    }
}

/// Outputs that one message may cause.
const OUTPUTS_PER_LINE: usize = 4;
