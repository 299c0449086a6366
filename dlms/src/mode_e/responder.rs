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
        let mut out = Outbox::new();
        out.push(ResponderOutput::Line(LineSettings::INITIAL));
        Self {
            config,
            phase: Phase::Waiting,
            late_at: None,
            lines: Lines::default(),
            counters: ModeECounters::default(),
            out,
        }
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
        if self.out.room() < OUTPUTS_PER_LINE {
            return self.counters.unexpected += 1;
        }
        let choice = OptionSelect::from_bytes(line).ok();
        match (SignOn::from_bytes(line), choice) {
            (Ok(request), _) => self.on_sign_on(now, &request),
            (_, Some(choice)) if self.phase == Phase::Identified => self.on_choice(choice),
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
        self.out.push(ResponderOutput::Octets(said.to_vec()));
        self.phase = Phase::Identified;
        self.wait(now, self.config.choice_timeout);
    }

    fn on_choice(&mut self, choice: OptionSelect) {
        let rate = choice.rate;
        if !choice.is_hdlc() || rate > self.config.rate {
            self.counters.refused += 1;
            (self.phase, self.late_at) = (Phase::Waiting, None);
            return;
        }
        let settings = |format| ResponderOutput::Line(LineSettings { rate, format });
        if self.config.confirmation == Confirmation::AtChosenRate {
            self.out.push(settings(LineFormat::SevenEven));
        }
        if self.config.confirmation != Confirmation::None {
            self.out.push(ResponderOutput::Octets(choice.to_vec()));
        }
        self.out.push(settings(LineFormat::EightNone));
        self.out.push(ResponderOutput::Opened { rate });
        self.phase = Phase::Open;
    }

    fn wait(&mut self, now: Instant, timeout: Duration) {
        self.late_at = Some(now + timeout.max(Duration::from_millis(1)));
    }

    /// Back to where an opening begins.
    fn close(&mut self) {
        self.lines.clear();
        self.late_at = None;
        if core::mem::replace(&mut self.phase, Phase::Waiting) == Phase::Open {
            self.out.push(ResponderOutput::Closed);
            self.out.push(ResponderOutput::Line(LineSettings::INITIAL));
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
        if self.late_at.is_some_and(|at| at <= now) {
            self.close();
        }
    }

    fn deadline(&self) -> Option<Instant> {
        self.late_at
    }

    fn poll(&mut self) -> Option<ResponderOutput> {
        self.out.pop()
    }
}

/// Outputs that one message may cause.
const OUTPUTS_PER_LINE: usize = 4;
