//! What counts: a core of samples, with or without power quality, or the closed form of loads that do not change.

use alloc::boxed::Box;
use metrology::quality::{QualityCore, QualityEvent, Thresholds};
use metrology::{
    Calibration, Frame, Ledger, MeterCore, RatingError, Ratings, Registers, Steady, SteadyCore, Values,
};

/// Samples of voltage and current, all channels of a moment together.
#[derive(Clone, Copy, Debug)]
pub enum Block<'a> {
    /// Of the first element alone: the shorter of both counts.
    Pairs(&'a [i32], &'a [i32]),
    /// Of all channels.
    Frames(&'a [Frame]),
}

impl Block<'_> {
    /// Moments in it.
    pub const fn len(&self) -> usize {
        match self {
            Self::Pairs(u, i) if u.len() < i.len() => u.len(),
            Self::Pairs(_, i) => i.len(),
            Self::Frames(frames) => frames.len(),
        }
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All channels at a moment; zeros beyond the end.
    fn frame(&self, n: usize) -> Frame {
        match self {
            Self::Pairs(u, i) => match (u.get(n), i.get(n)) {
                (Some(&u), Some(&i)) => Frame { u: [u, 0, 0], i: [i, 0, 0, 0] },
                _ => Frame::default(),
            },
            Self::Frames(frames) => frames.get(n).copied().unwrap_or_default(),
        }
    }
}

/// How samples are measured.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) ratings: Ratings,
    pub(crate) calibration: Calibration,
    pub(crate) power_quality: bool,
}

impl Plan {
    fn samples(&self, ledger: Ledger) -> Result<Engine, RatingError> {
        let core = MeterCore::calibrated(self.ratings, &self.calibration, ledger)?;
        Ok(if self.power_quality {
            Engine::Quality(Box::new(QualityCore::new(core, self.thresholds())))
        } else {
            Engine::Plain(Box::new(core))
        })
    }

    pub(crate) fn thresholds(&self) -> Thresholds {
        Thresholds::of_declared(u64::from(self.ratings.un_mv) * 1000)
    }
}

/// What counts, as it was fed last.
#[derive(Debug)]
pub(crate) enum Engine {
    Plain(Box<MeterCore>),
    Quality(Box<QualityCore>),
    Steady(Box<SteadyCore>),
}

/// Frames that are measured at once: too few for two windows to end within.
pub(crate) const STRIDE: usize = 40;

impl Engine {
    pub(crate) fn new(plan: &Plan, ledger: Ledger) -> Result<Self, RatingError> {
        plan.samples(ledger)
    }

    /// Measures the part of a block from `from`, no more than [`STRIDE`] long. Whoever was fed with steady loads goes on from their
    /// energy.
    pub(crate) fn process(&mut self, plan: &Plan, block: &Block<'_>, from: usize, to: usize) {
        let mut frames = [Frame::default(); STRIDE];
        let len = (to - from).min(STRIDE);
        for (n, frame) in frames[..len].iter_mut().enumerate() {
            *frame = block.frame(from + n);
        }
        match self {
            Self::Plain(core) => core.process_frames(&frames[..len]),
            Self::Quality(core) => core.process_frames(&frames[..len]),
            Self::Steady(core) => {
                // Ratings that were checked once are good for ever.
                if let Ok(engine) = plan.samples(core.ledger()) {
                    *self = engine;
                    self.process(plan, block, from, to);
                }
            }
        }
    }

    /// The load was steady for `us` microseconds. Whoever was fed with samples goes on from their energy.
    pub(crate) fn advance(&mut self, plan: &Plan, steady: &Steady, us: u64) {
        if let Self::Steady(core) = self {
            return core.advance(steady, us);
        }
        self.settle();
        if let Ok(core) = SteadyCore::new(plan.ratings, self.ledger()) {
            *self = Self::Steady(Box::new(core));
            self.advance(plan, steady, us);
        }
    }

    /// Another metrology has counted up to `registers`.
    pub(crate) fn adopt(&mut self, plan: &Plan, registers: Registers) {
        let mut ledger = self.ledger();
        ledger.total.active = registers;
        match self {
            Self::Plain(core) => core.adopt(registers),
            Self::Quality(core) => core.core_mut().adopt(registers),
            Self::Steady(core) => {
                if let Ok(new) = SteadyCore::new(plan.ratings, ledger) {
                    **core = new;
                }
            }
        }
    }

    /// Brings the registers up to the last sample.
    pub(crate) fn settle(&mut self) {
        match self {
            Self::Plain(core) => core.settle(),
            Self::Quality(core) => core.core_mut().settle(),
            Self::Steady(_) => {}
        }
    }

    pub(crate) fn ledger(&self) -> Ledger {
        match self {
            Self::Plain(core) => core.ledger(),
            Self::Quality(core) => core.core().ledger(),
            Self::Steady(core) => core.ledger(),
        }
    }

    pub(crate) fn registers(&self) -> Registers {
        match self {
            Self::Plain(core) => core.registers(),
            Self::Quality(core) => core.core().registers(),
            Self::Steady(core) => core.registers(),
        }
    }

    pub(crate) const fn values(&self) -> &Values {
        match self {
            Self::Plain(core) => core.values(),
            Self::Quality(core) => core.core().values(),
            Self::Steady(core) => core.values(),
        }
    }

    pub(crate) const fn frequency_mhz(&self) -> Option<u32> {
        match self {
            Self::Plain(core) => core.instantaneous().frequency_mhz,
            Self::Quality(core) => core.core().instantaneous().frequency_mhz,
            Self::Steady(core) => core.frequency_mhz(),
        }
    }

    /// Total harmonic distortion of voltage and current of an element, in millionths; `None` where nobody looks at it.
    pub(crate) fn distortion_ppm(&self, element: usize) -> Option<[u32; 2]> {
        match self {
            Self::Plain(_) => None,
            Self::Quality(core) => {
                Some([core.voltage_spectrum(element).thd_ppm(), core.current_spectrum(element).thd_ppm()])
            }
            Self::Steady(core) => Some(core.distortion_ppm(element)),
        }
    }

    /// Windows that have ended; none of steady loads.
    pub(crate) const fn windows(&self) -> u64 {
        match self {
            Self::Plain(core) => core.windows(),
            Self::Quality(core) => core.core().windows(),
            Self::Steady(_) => 0,
        }
    }

    /// The oldest event of power quality that was not taken, and by how many samples its beginning and its end lie back.
    pub(crate) fn take_event(&mut self) -> Option<(QualityEvent, [u64; 2])> {
        let Self::Quality(core) = self else { return None };
        let event = core.take_event()?;
        Some((event, [event.start, event.end].map(|sample| core.samples().saturating_sub(sample))))
    }
}
