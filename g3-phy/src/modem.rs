//! The modem: transmitter and receiver on one sample counter.

use crate::g3::mains::Mains;
use crate::g3::rx::{Receiver, Reports};
use crate::g3::specs::TX_STEPS_MAX;
use crate::g3::tx::Transmitter;
use crate::g3::{BandPlan, CENELEC_A, Counters, Fch, Interop, PayloadShape, Sof};
use core::ops::Range;
use plc_core::sap::{PdAckRequest, PdDataRequest, PdStatus, Phy, PhyIndication, PhyRequest, TxGain};
use plc_core::time::Duration;
use plc_core::{Instant, Machine, SampleClock};

/// One exchange of samples with the line.
#[derive(Debug)]
pub enum Exchange<'a> {
    /// A block, as in an audio callback: read, handle, write. Both slices have the same length.
    Block {
        /// The samples that have just arrived.
        received: &'a [f32],
        /// Takes the samples that leave next, beginning with the one after the last received.
        transmitted: &'a mut [f32],
    },
    /// Silence of known length: nothing to hear, nothing to send. A reception under way is given up. Never
    /// while [`Modem::is_transmitting`] is due to send within it.
    Gap {
        /// How many samples it lasted. The counter stops at 2⁶², which no line lives to see.
        samples: u64,
    },
}

/// What happens to a modem.
#[derive(Debug)]
pub enum ModemInput<'a> {
    /// The line has moved on.
    Medium(Exchange<'a>),
    /// The MAC wants something sent.
    Request(PhyRequest),
    /// The mains voltage has crossed zero, rising.
    ZeroCrossing {
        /// When, on the clock of the samples.
        at: Instant,
    },
}

/// How a modem is set up.
#[derive(Clone, Copy, Debug)]
pub struct ModemConfig {
    /// How to read the unclear parts of the standard.
    pub interop: Interop,
    /// Output level: rms value of header and payload. The preamble is 3 dB above. Taken as at least 0 and at most
    /// [`LEVEL_MAX`]; what is no number is silence.
    pub level: f32,
    /// The sample counter as a clock.
    pub clock: SampleClock,
    /// Length of a mains cycle, for the phase detection counter, until [`ModemInput::ZeroCrossing`] teaches better.
    pub mains_period: Duration,
    /// A rising zero crossing of the mains at this node.
    pub mains_crossing: Instant,
    /// Iterations that the receiver spends at most on a frame that plain decoding has failed on; 0 saves their memory.
    /// More than [`ITERATIONS_MAX`] are as many as that.
    pub iterations: usize,
    /// Whether the first samples of each symbol, which receivers leave out, hold what makes notches of the tone mask
    /// 25 dB deep instead of 15, one carrier spacing at either edge apart. Nothing else changes; without a
    /// mask nothing at all.
    pub deep_notches: bool,
}

/// The highest output level.
pub const LEVEL_MAX: f32 = 1e6;
/// The most iterations on one frame. Each takes the time of plain decoding several times over, within one exchange.
pub const ITERATIONS_MAX: usize = 32;
/// Where the sample counter stops in a gap.
const POSITION_MAX: u64 = 1 << 62;
/// Where the error rate of most frames stops falling.
const ITERATIONS: usize = 8;

impl ModemConfig {
    /// Level 1, a perfect clock of the rate of `plan` from the epoch on, 50 Hz, 8 iterations, deep notches.
    pub fn of(plan: &BandPlan) -> Self {
        Self {
            interop: Interop::default(),
            level: 1.0,
            clock: SampleClock::new(plan.sample_rate_hz, Instant::EPOCH, 0),
            mains_period: Duration::from_millis(20),
            mains_crossing: Instant::EPOCH,
            iterations: ITERATIONS,
            deep_notches: true,
        }
    }
}

impl Default for ModemConfig {
    /// That [`of`](Self::of) CENELEC-A.
    fn default() -> Self {
        Self::of(&CENELEC_A)
    }
}

/// A half-duplex OFDM modem.
///
/// Blocks should keep their length while a frame is being sent; if they do not, the frame stays whole, but
/// `transmitted` runs on from where it was. All times in indications come from the sample counter; a
/// frame ends with the instant after its last sample. The driver drains the indications after each exchange;
/// blocks of up to 8000 samples cannot overflow their queue, and what does is counted.
#[derive(Debug)]
pub struct Modem {
    plan: &'static BandPlan,
    config: ModemConfig,
    /// Index of the next sample to arrive.
    received: u64,
    transmitter: Transmitter,
    transmission: Transmission,
    /// Samples during which the own transmission drowns everything.
    muted: Range<u64>,
    receiver: Receiver,
    reports: Reports,
}

/// How far the one transmission has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Transmission {
    None,
    /// Starts at a sample; the deadline stands until it has passed.
    Pending {
        start: u64,
        len: u64,
        due: Option<Instant>,
    },
    /// Is being written; the next sample has this index.
    Running {
        next: u64,
    },
}

impl Modem {
    /// A silent modem at sample 0 of its clock. All memory is allocated here.
    pub fn new(plan: &'static BandPlan, config: ModemConfig) -> Self {
        let level = if config.level.is_nan() { 0.0 } else { config.level.clamp(0.0, LEVEL_MAX) };
        let config = ModemConfig { level, iterations: config.iterations.min(ITERATIONS_MAX), ..config };
        Self {
            plan,
            config,
            received: 0,
            transmitter: Transmitter::new(plan, config.interop, config.level, config.deep_notches),
            transmission: Transmission::None,
            muted: 0..0,
            receiver: Receiver::new(plan, config.interop, config.iterations),
            reports: Reports::new(config.clock, Mains::new(config.mains_crossing, config.mains_period)),
        }
    }

    /// The band.
    pub const fn plan(&self) -> &'static BandPlan {
        self.plan
    }

    /// Index of the next sample to arrive.
    pub const fn position(&self) -> u64 {
        self.received
    }

    /// Whether a frame waits to be sent, is being written or is still on the line.
    pub fn is_transmitting(&self) -> bool {
        self.transmission != Transmission::None || self.received < self.muted.end
    }

    /// Whether a frame is being received.
    pub const fn is_receiving(&self) -> bool {
        self.receiver.is_receiving()
    }

    /// When the first sample of the pending frame leaves.
    pub fn next_transmission(&self) -> Option<Instant> {
        match self.transmission {
            Transmission::Pending { start, .. } => Some(self.config.clock.instant(start)),
            _ => None,
        }
    }

    /// What has happened since construction.
    pub fn counters(&self) -> Counters {
        self.reports.counters()
    }

    fn on_exchange(&mut self, now: Instant, exchange: Exchange<'_>) {
        match exchange {
            Exchange::Block { received, transmitted } => self.on_block(received, transmitted),
            Exchange::Gap { samples } => self.on_gap(samples),
        }
        self.expire(now);
    }

    fn on_block(&mut self, received: &[f32], transmitted: &mut [f32]) {
        let first = self.received;
        self.received += received.len() as u64;
        let quiet = |index: u64| (index.clamp(first, self.received) - first) as usize;
        let (mute, unmute) = (quiet(self.muted.start), quiet(self.muted.end));
        if mute < unmute {
            self.receiver.push(&received[..mute], &mut self.reports);
            self.receiver.restart(first + unmute as u64, &mut self.reports);
            self.receiver.push(&received[unmute..], &mut self.reports);
        } else {
            self.receiver.push(received, &mut self.reports);
        }
        self.fill(transmitted);
    }

    fn on_gap(&mut self, samples: u64) {
        self.received = self.received.saturating_add(samples).min(POSITION_MAX);
        self.receiver.restart(self.received, &mut self.reports);
    }

    fn fill(&mut self, transmitted: &mut [f32]) {
        transmitted.fill(0.0);
        let silence = match self.transmission {
            Transmission::None => return,
            Transmission::Pending { start, len, .. } => {
                let start = start.max(self.received);
                let silence = start - self.received;
                if silence >= transmitted.len() as u64 {
                    return;
                }
                self.muted = start..start + len;
                self.transmission = Transmission::Running { next: start };
                silence as usize
            }
            Transmission::Running { .. } => 0,
        };
        self.write(&mut transmitted[silence..]);
    }

    fn write(&mut self, samples: &mut [f32]) {
        let Transmission::Running { next } = self.transmission else { return };
        let next = next + self.transmitter.fill(samples) as u64;
        self.transmission = Transmission::Running { next };
        if self.transmitter.is_done() {
            self.transmission = Transmission::None;
            self.reports.counters_mut().frames_sent += 1;
            self.confirm(PdStatus::Success, self.config.clock.instant(next));
        }
    }

    fn on_any_request(&mut self, now: Instant, request: &PhyRequest) {
        if self.transmission != Transmission::None {
            return self.confirm(PdStatus::TxBusy, now);
        }
        match request {
            PhyRequest::Data(data) => self.on_data(now, data),
            PhyRequest::Ack(ack) => self.on_ack(now, ack),
        }
    }

    fn on_data(&mut self, now: Instant, request: &PdDataRequest) {
        let len = request.psdu.len();
        let shape = PayloadShape::fitting(self.plan, &request.tx, len)
            .filter(|shape| shape.psdu_len == len && len > 0);
        let Some(shape) = shape else { return self.confirm(PdStatus::InvalidParameters, now) };
        if !is_gain(&request.gain) {
            return self.confirm(PdStatus::InvalidParameters, now);
        }
        let start = self.schedule(now, request.at, shape.symbols_on_air());
        let fch = Fch::Sof(Sof {
            pdc: self.reports.phase_detection_counter(self.plan, start),
            tx: request.tx,
            units: (shape.symbols / self.plan.symbol_unit) as u16,
            blocks: shape.blocks as u8,
            response_expected: request.response_expected,
        });
        self.transmitter.load(&fch, &request.psdu, &request.tx, &request.gain, &shape);
    }

    fn on_ack(&mut self, now: Instant, request: &PdAckRequest) {
        let PdAckRequest { fcs, more_segments, negative, at } = *request;
        self.schedule(now, at, 0);
        self.transmitter.load_alone(&Fch::Ack { fcs, more_segments, negative });
    }

    /// Reserves the line from `at` on; returns the first sample.
    fn schedule(&mut self, now: Instant, at: Instant, symbols: usize) -> u64 {
        let start = self.config.clock.index(at).max(self.received);
        let due = Some(self.config.clock.instant(start)).filter(|&due| due > now);
        self.transmission = Transmission::Pending { start, len: self.plan.frame_len(symbols) as u64, due };
        start
    }

    fn confirm(&mut self, status: PdStatus, ended: Instant) {
        self.reports.push(PhyIndication::Confirm { status, ended });
    }

    fn expire(&mut self, now: Instant) {
        if let Transmission::Pending { due, .. } = &mut self.transmission {
            *due = due.filter(|&due| due > now);
        }
    }

    fn next_deadline(&self) -> Option<Instant> {
        match self.transmission {
            Transmission::Pending { due, .. } => due,
            _ => None,
        }
    }
}

/// Whether a gain is one that a tone map response can ask for.
fn is_gain(gain: &TxGain) -> bool {
    gain.steps <= TX_STEPS_MAX && gain.group_steps.iter().all(|&steps| steps <= TX_STEPS_MAX)
}

impl Machine for Modem {
    type Input<'a> = ModemInput<'a>;
    type Output = PhyIndication;

    fn handle(&mut self, now: Instant, input: ModemInput<'_>) {
        match input {
            ModemInput::Medium(exchange) => self.on_exchange(now, exchange),
            ModemInput::Request(request) => self.on_any_request(now, &request),
            ModemInput::ZeroCrossing { at } => self.reports.on_zero_crossing(at),
        }
    }

    fn tick(&mut self, now: Instant) {
        self.expire(now);
    }

    fn deadline(&self) -> Option<Instant> {
        self.next_deadline()
    }

    fn poll(&mut self) -> Option<PhyIndication> {
        self.reports.pop()
    }
}

impl Phy for Modem {
    type Medium<'a> = Exchange<'a>;

    fn on_medium(&mut self, now: Instant, medium: Exchange<'_>) {
        self.on_exchange(now, medium);
    }

    fn on_request(&mut self, now: Instant, request: PhyRequest) {
        self.on_any_request(now, &request);
    }

    fn tick(&mut self, now: Instant) {
        self.expire(now);
    }

    fn deadline(&self) -> Option<Instant> {
        self.next_deadline()
    }

    fn poll(&mut self) -> Option<PhyIndication> {
        self.reports.pop()
    }
}

#[cfg(test)]
mod tests;
