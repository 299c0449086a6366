//! The driver of the node: one OS thread, clocked by the converter. It owns no timer: time is the number
//! of samples that have passed.

use super::front_end::{FrontEnd, Incoming, Outgoing};
use super::port::{Answer, ApplicationGone, NodePort, Turn};
use plc_core::{Instant, Machine, SampleClock, UtcAnchor};
use plc_node::modem::{Exchange, Modem};
use plc_node::pcapng::utc_nanos;
use plc_node::{Node, NodeInput, NodeOutput, Tapped, TappedFrame};
use std::io;

/// What the node has said that may wait while a turn is under way; more is a counted drop.
const PENDING: usize = 1024;
/// The longest silence that is announced in one exchange, in blocks.
const SILENCE_BLOCKS: u64 = 1 << 14;

/// Why the driver has ended.
#[derive(Debug, thiserror::Error)]
pub enum DriverError {
    /// The front end is gone.
    #[error(transparent)]
    FrontEnd(#[from] io::Error),
    /// The application is gone.
    #[error(transparent)]
    Application(#[from] ApplicationGone),
    /// The front end answered with a gap longer than the silence that was announced to it.
    #[error("a gap of {gap} samples, at most {announced} were announced as silent")]
    Gap {
        /// Samples in the answer.
        gap: u32,
        /// Samples announced.
        announced: u32,
    },
}

/// The node, its converter and the way to the application.
pub struct Driver<F> {
    front_end: F,
    node: Node<Tapped<Modem>>,
    port: NodePort,
    clock: SampleClock,
    lockstep: bool,
    sample: u64,
    received: Vec<f32>,
    outgoing: Vec<f32>,
    pending: Vec<NodeOutput>,
    persisting: bool,
    dropped: u64,
}

impl<F: FrontEnd> Driver<F> {
    /// A driver whose sample 0 is the driver's epoch; `build` makes the node above the clock of the converter.
    pub fn new(front_end: F, port: NodePort, build: impl FnOnce(SampleClock) -> Node<Tapped<Modem>>) -> Self {
        let hello = front_end.hello();
        let clock = SampleClock::new(hello.rate_hz, Instant::EPOCH, 0);
        let block = vec![0.0; hello.block as usize];
        Self {
            front_end,
            node: build(clock),
            port,
            clock,
            lockstep: hello.virtual_time,
            sample: 0,
            received: block.clone(),
            outgoing: block,
            pending: Vec::new(),
            persisting: false,
            dropped: 0,
        }
    }

    /// UTC as the front end told it, on the driver's clock.
    pub fn anchor(&self) -> UtcAnchor {
        UtcAnchor { at: Instant::EPOCH, utc: self.front_end.hello().utc }
    }

    /// UTC on the driver's clock.
    pub fn utc(&self) -> plc_core::Utc {
        self.anchor().utc(self.now())
    }

    /// The node, for its counters.
    pub const fn node(&self) -> &Node<Tapped<Modem>> {
        &self.node
    }

    /// The front end.
    pub const fn front_end(&self) -> &F {
        &self.front_end
    }

    /// Gives the front end back; the application sees that the node is gone.
    pub fn into_front_end(self) -> F {
        self.front_end
    }

    /// The node's time.
    pub const fn now(&self) -> Instant {
        self.clock.instant(self.sample)
    }

    /// Samples that have passed.
    pub const fn sample(&self) -> u64 {
        self.sample
    }

    /// What the node has said and nobody could take.
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// The application shall have a turn at the next step: somebody wants something of it.
    pub const fn wake(&mut self) {
        self.port.wake();
    }

    /// Whether somebody listens to the frames that go by.
    pub fn listen(&mut self, wanted: bool) {
        self.node.phy_mut().listen(wanted);
    }

    /// The next frame that went by, with its time in nanoseconds after 1970-01-01T00:00:00Z.
    pub fn captured(&mut self) -> Option<(u64, TappedFrame)> {
        let frame = self.node.phy_mut().take()?;
        Some((utc_nanos(self.anchor(), frame.at), frame))
    }

    /// Runs until the application says stop.
    ///
    /// # Errors
    /// The front end or the application is gone.
    pub fn run(&mut self) -> Result<(), DriverError> {
        while self.step()? {}
        Ok(())
    }

    /// One exchange with the converter and what follows from it; `false` when the application says stop.
    ///
    /// # Errors
    /// The front end or the application is gone.
    pub fn step(&mut self) -> Result<bool, DriverError> {
        let silent = self.silence();
        let outgoing = match silent {
            Some(samples) => Outgoing::Silent { samples },
            None => Outgoing::Block(&self.outgoing),
        };
        let incoming = self.front_end.exchange(outgoing, &mut self.received)?;
        let now = match incoming {
            Incoming::Block => self.on_block(),
            Incoming::Gap { samples } => self.on_gap(samples, silent.unwrap_or(0))?,
        };
        if self.node.deadline().is_some_and(|at| at <= now) {
            self.node.tick(now);
        }
        self.converse(now)
    }

    /// For how many samples the node and the application certainly have nothing to do but listen, if it
    /// is at least one block. A node that transmits is not silent.
    fn silence(&self) -> Option<u32> {
        let block = self.outgoing.len() as u64;
        if self.node.phy().inner().is_transmitting() || self.outgoing.iter().any(|&sample| sample != 0.0) {
            return None;
        }
        let next = [self.node.deadline(), self.port.deadline()].into_iter().flatten().min();
        let samples = next.map_or(u64::MAX, |at| self.clock.index(at).saturating_sub(self.sample));
        Some((samples / block).clamp(1, SILENCE_BLOCKS) as u32 * block as u32)
    }

    fn on_block(&mut self) -> Instant {
        let now = self.advance(self.received.len() as u64);
        let exchange = Exchange::Block { received: &self.received, transmitted: &mut self.outgoing };
        self.node.handle(now, NodeInput::Medium(exchange));
        now
    }

    fn on_gap(&mut self, gap: u32, announced: u32) -> Result<Instant, DriverError> {
        if gap > announced {
            return Err(DriverError::Gap { gap, announced });
        }
        let now = self.advance(u64::from(gap));
        self.node.handle(now, NodeInput::Medium(Exchange::Gap { samples: u64::from(gap) }));
        Ok(now)
    }

    fn advance(&mut self, samples: u64) -> Instant {
        self.sample += samples;
        self.clock.instant(self.sample)
    }

    /// Turns and answers, until neither side has anything to say at `now`.
    fn converse(&mut self, now: Instant) -> Result<bool, DriverError> {
        loop {
            self.drain();
            self.take_turn(now)?;
            let Some(answer) = self.answer()? else { return Ok(true) };
            if answer.stop {
                return Ok(false);
            }
            self.carry_out(now, answer);
        }
    }

    /// Collects what the node has said.
    fn drain(&mut self) {
        while let Some(output) = self.node.poll() {
            if self.pending.len() < PENDING || is_record(&output) {
                self.pending.push(output);
            } else {
                self.dropped += 1;
            }
        }
    }

    fn take_turn(&mut self, now: Instant) -> Result<(), ApplicationGone> {
        let due = self.port.deadline().is_some_and(|at| at <= now);
        if self.port.is_waiting() || (!due && self.pending.is_empty()) {
            return Ok(());
        }
        let events = std::mem::take(&mut self.pending);
        self.persisting = events.iter().any(is_record);
        self.port.send(Turn { now, events })
    }

    /// The answer to the turn that is under way. Something that must be durable is waited for.
    fn answer(&mut self) -> Result<Option<Answer>, ApplicationGone> {
        if !self.port.is_waiting() {
            return Ok(None);
        }
        if self.lockstep || self.persisting || self.pending.iter().any(is_record) {
            return self.port.answer().map(Some);
        }
        self.port.try_answer()
    }

    fn carry_out(&mut self, now: Instant, answer: Answer) {
        for request in answer.management {
            self.node.handle(now, NodeInput::Adpm(request));
        }
        for request in answer.datagrams {
            self.node.handle(now, NodeInput::Udp(request));
        }
    }
}

fn is_record(output: &NodeOutput) -> bool {
    matches!(output, NodeOutput::Persist(_))
}
