//! The client's side of the opening.

use super::lines::{Line, Lines};
use super::message::{Identification, OptionSelect, Rate, SignOn};
use super::specs;
use super::{LineFormat, LineSettings, ModeECounters};
use crate::apdu::Pdu;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;
use plc_core::{Instant, Machine, Outbox};

/// Configuration of an [`Opener`].
#[derive(Clone, Debug)]
pub struct OpenerConfig {
    /// The address of the meter; empty for whichever is there. Letters and digits, at most 32.
    pub address: Vec<u8>,
    /// The highest rate of the own line.
    pub rate: Rate,
    /// Whether and where the meter confirms the choice.
    pub confirmation: Confirmation,
    /// How long an answer may take; 1.5 s and the time that it is on the line.
    pub response_timeout: Duration,
    /// How often an unanswered request is repeated.
    pub retries: u8,
}

/// Whether and where the meter confirms the choice of HDLC \[62056-21 annex E; confidence C: meters differ\].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Confirmation {
    /// At the rate at which the opening began; the line is switched behind it.
    #[default]
    AtInitialRate,
    /// At the chosen rate; the line is switched ahead of it.
    AtChosenRate,
    /// Not at all.
    None,
}

/// What happens to an [`Opener`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenerInput<'a> {
    /// Open the line.
    Open,
    /// Octets have come from the line.
    Octets(&'a [u8]),
}

/// What an [`Opener`] wants done or known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OpenerOutput {
    /// When all octets before are on the line, set it so.
    Line(LineSettings),
    /// Send these octets.
    Octets(Vec<u8>),
    /// The line is open for HDLC.
    Opened {
        /// The flag of the maker.
        maker: [u8; specs::MAKER_LEN],
        /// What the meter calls itself.
        name: Vec<u8>,
        /// The rate of the line.
        rate: Rate,
    },
    /// The line could not be opened.
    Failed(OpeningFailure),
}

/// Why a line could not be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpeningFailure {
    /// No identification after all repetitions.
    NoAnswer,
    /// The meter does not speak HDLC.
    NoHdlc,
    /// The meter has not confirmed the choice.
    NotConfirmed,
}

impl fmt::Display for OpeningFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoAnswer => "no identification from the meter, expected one after the request",
            Self::NoHdlc => "the meter does not speak HDLC, expected an identification that offers mode E",
            Self::NotConfirmed => "the meter has not confirmed the choice of protocol and rate",
        })
    }
}

impl core::error::Error for OpeningFailure {}

/// The client's side of the opening: a request, an identification, a choice, a confirmation.
#[derive(Debug)]
pub struct Opener {
    config: OpenerConfig,
    phase: Phase,
    left: u8,
    late_at: Option<Instant>,
    lines: Lines,
    counters: ModeECounters,
    out: Outbox<OpenerOutput, { specs::OUTPUTS_MAX }>,
}

#[derive(Debug)]
enum Phase {
    Idle,
    /// Request sent.
    SigningOn,
    /// Choice sent.
    Choosing(Chosen),
}

#[derive(Debug)]
struct Chosen {
    maker: [u8; specs::MAKER_LEN],
    name: Vec<u8>,
    rate: Rate,
}

impl Opener {
    /// A line that is not open.
    pub fn new(config: OpenerConfig) -> Self {
        Self {
            config,
            phase: Phase::Idle,
            left: 0,
            late_at: None,
            lines: Lines::default(),
            counters: ModeECounters::default(),
            out: Outbox::new(),
        }
    }

    /// What was dropped.
    pub const fn counters(&self) -> ModeECounters {
        ModeECounters { noise: self.lines.noise, ..self.counters }
    }

    fn on_open(&mut self, now: Instant) {
        self.left = self.config.retries;
        self.lines.clear();
        self.out.push(OpenerOutput::Line(LineSettings::INITIAL));
        self.sign_on(now);
    }

    fn sign_on(&mut self, now: Instant) {
        self.phase = Phase::SigningOn;
        self.out.push(OpenerOutput::Octets(SignOn { address: &self.config.address }.to_vec()));
        self.await_answer(now);
    }

    fn await_answer(&mut self, now: Instant) {
        self.late_at = Some(now + self.config.response_timeout.max(Duration::from_millis(1)));
    }

    fn on_octets(&mut self, now: Instant, mut octets: &[u8]) {
        while let Some(line) = self.lines.take(&mut octets) {
            self.on_line(now, &line);
        }
    }

    fn on_line(&mut self, now: Instant, line: &Line) {
        match core::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Idle => self.counters.unexpected += 1,
            Phase::SigningOn => match Identification::from_bytes(line) {
                Ok(said) => self.on_identification(now, &said),
                Err(_) => {
                    // The own request, reflected by the optical head, is of this kind.
                    self.counters.malformed += 1;
                    self.phase = Phase::SigningOn;
                }
            },
            Phase::Choosing(chosen) => self.on_confirmation(chosen, line),
        }
    }

    fn on_identification(&mut self, now: Instant, said: &Identification<'_>) {
        if !said.binary_hdlc {
            return self.fail(OpeningFailure::NoHdlc);
        }
        let rate = said.rate.min(self.config.rate);
        let chosen = Chosen { maker: said.maker, name: said.name.to_vec(), rate };
        self.out.push(OpenerOutput::Octets(OptionSelect::hdlc(rate).to_vec()));
        match self.config.confirmation {
            Confirmation::None => return self.on_opened(chosen),
            Confirmation::AtInitialRate => {}
            Confirmation::AtChosenRate => {
                let settings = LineSettings { rate, format: LineFormat::SevenEven };
                self.out.push(OpenerOutput::Line(settings));
            }
        }
        self.phase = Phase::Choosing(chosen);
        self.await_answer(now);
    }

    fn on_confirmation(&mut self, chosen: Chosen, line: &Line) {
        if OptionSelect::from_bytes(line) == Ok(OptionSelect::hdlc(chosen.rate)) {
            return self.on_opened(chosen);
        }
        self.counters.malformed += 1;
        self.phase = Phase::Choosing(chosen);
    }

    fn on_opened(&mut self, chosen: Chosen) {
        let Chosen { maker, name, rate } = chosen;
        self.late_at = None;
        self.out.push(OpenerOutput::Line(LineSettings { rate, format: LineFormat::EightNone }));
        self.out.push(OpenerOutput::Opened { maker, name, rate });
    }

    fn on_late(&mut self, now: Instant) {
        self.lines.clear();
        if self.left > 0 {
            // A meter that has not confirmed begins anew, as the client does.
            self.left -= 1;
            self.out.push(OpenerOutput::Line(LineSettings::INITIAL));
            return self.sign_on(now);
        }
        self.fail(match self.phase {
            Phase::Choosing(_) => OpeningFailure::NotConfirmed,
            Phase::Idle | Phase::SigningOn => OpeningFailure::NoAnswer,
        });
    }

    fn fail(&mut self, failure: OpeningFailure) {
        (self.phase, self.late_at) = (Phase::Idle, None);
        self.out.push(OpenerOutput::Failed(failure));
    }
}

impl Machine for Opener {
    type Input<'a> = OpenerInput<'a>;
    type Output = OpenerOutput;

    fn handle(&mut self, now: Instant, input: OpenerInput<'_>) {
        match input {
            OpenerInput::Open => self.on_open(now),
            OpenerInput::Octets(octets) => self.on_octets(now, octets),
        }
    }

    fn tick(&mut self, now: Instant) {
        if self.late_at.take_if(|at| *at <= now).is_some() {
            self.on_late(now);
        }
    }

    fn deadline(&self) -> Option<Instant> {
        self.late_at
    }

    fn poll(&mut self) -> Option<OpenerOutput> {
        self.out.pop()
    }
}
