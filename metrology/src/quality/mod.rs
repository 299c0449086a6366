//! Power quality \[61000-4-30, 61000-4-7\].

mod aggregate;
mod event;
mod fft;
mod flicker;
mod half_cycle;
mod harmonics;
mod kernel;
mod rapid_change;
mod resample;
mod unbalance;

pub use aggregate::{TenMinutes, Week, WeekVerdict};
pub use event::{EventKind, QualityEvent, Thresholds};
pub use flicker::plt_per_mille;
pub use harmonics::{HARMONICS, Spectrum};
pub use unbalance::Unbalance;

use crate::core::{Frame, MeterCore, WindowEnd};
use crate::ratings::Ratings;
use aggregate::Aggregator;
use event::EventDetector;
use fft::Transform;
use flicker::Flicker;
use half_cycle::{HalfCycle, HalfTurn};
use harmonics::Lines;
use kernel::Correction;
use plc_core::Outbox;
use rapid_change::RapidChange;
use resample::{LONGEST, Ring, Span};

/// Channels that have a spectrum: voltages and currents in turn, of three elements.
const CHANNELS: usize = 6;
/// Samples between the analyses of two elements: the work of a window is spread, and no sample waits for more than one transform. At low
/// sample rates fewer, so that a window is done before the next one ends: a fortieth of a second, eight in a window.
const PACE: u64 = 64;
const PACE_DIVISOR: u64 = 40;
/// Events that may wait to be taken; the excess is a counted drop.
const EVENTS_MAX: usize = 16;

/// A measurement with power quality: a [`MeterCore`], and what it makes of the same samples.
///
/// Windows are the ten cycles of the core. Each is resampled to 1024 points, so that its spectrum has a line at every fifth of a hertz
/// (at 50 Hz: every 5 Hz) whatever the frequency, and a harmonic is where it should be: the converters need no clock that follows the
/// mains. At sample rates above 8192 Hz, and below 40 Hz, windows are too long to be analysed and are counted as skipped.
///
/// Some 88 kB: place it where it stays.
#[derive(Debug)]
pub struct QualityCore {
    core: MeterCore,
    thresholds: Thresholds,
    ring: Ring,
    transform: Transform,
    spectra: [Spectrum; CHANNELS],
    /// Budeanu's reactive power of each element, in µvar.
    budeanu_uvar: [i64; 3],
    /// The window that is being analysed, the samples since it ended, and the next element.
    analysed: Option<(WindowEnd, u64, usize)>,
    /// Running sums of the squares of the voltages: half cycles and values of flicker are differences of them.
    squares: [u64; 3],
    halves: [HalfCycle; 3],
    flicker: [Flicker; 3],
    /// Samples of which a value of flicker is made, and those that the next one still needs.
    value: (u32, u32),
    /// Samples between the analyses of two elements.
    pace: u64,
    half: HalfTurn,
    /// Urms(1/2) of each voltage, in µV.
    half_uv: [u64; 3],
    events: EventDetector,
    changes: [RapidChange; 3],
    found: Outbox<QualityEvent, EVENTS_MAX>,
    unbalance: Unbalance,
    aggregator: Aggregator,
    frequency: TenSeconds,
    samples: u64,
    flagged: bool,
    windows_skipped: u64,
}

impl QualityCore {
    /// Power quality around a core, with thresholds of events.
    pub fn new(core: MeterCore, thresholds: Thresholds) -> Self {
        let channels = core.ratings().wiring.elements();
        let every = flicker::samples_per_value(core.ratings().sample_rate_hz);
        Self {
            half: HalfTurn::new(core.phase_step()),
            pace: PACE.min(u64::from(core.ratings().sample_rate_hz) / PACE_DIVISOR),
            thresholds,
            ring: Ring::new(),
            transform: Transform::new(),
            spectra: [Spectrum::default(); CHANNELS],
            budeanu_uvar: [0; 3],
            analysed: None,
            squares: [0; 3],
            value: (every, every),
            flicker: ::core::array::from_fn(|_| Flicker::new(core.ratings().sample_rate_hz)),
            halves: [const { HalfCycle::new() }; 3],
            half_uv: [0; 3],
            events: EventDetector::new(thresholds, channels),
            changes: [0, 1, 2].map(|channel| RapidChange::new(&thresholds, channel)),
            found: Outbox::new(),
            unbalance: Unbalance::default(),
            aggregator: Aggregator::new(),
            frequency: TenSeconds::default(),
            samples: 0,
            flagged: false,
            windows_skipped: 0,
            core,
        }
    }

    /// The measurement.
    pub const fn core(&self) -> &MeterCore {
        &self.core
    }

    /// The measurement, to settle it.
    pub const fn core_mut(&mut self) -> &mut MeterCore {
        &mut self.core
    }

    /// Measures a block of samples of all channels.
    pub fn process_frames(&mut self, frames: &[Frame]) {
        match self.core.ratings().wiring.elements() {
            1 => frames.iter().for_each(|frame| self.on_frame::<1>(frame)),
            2 => frames.iter().for_each(|frame| self.on_frame::<2>(frame)),
            _ => frames.iter().for_each(|frame| self.on_frame::<3>(frame)),
        }
    }

    /// Samples since construction: the time of events.
    pub const fn samples(&self) -> u64 {
        self.samples
    }

    /// The oldest event that is over and was not taken.
    pub fn take_event(&mut self) -> Option<QualityEvent> {
        self.found.pop()
    }

    /// Events that could not wait to be taken.
    pub const fn events_dropped(&self) -> u64 {
        self.found.dropped()
    }

    /// Windows that were too long to be analysed, or irregular.
    pub const fn windows_skipped(&self) -> u64 {
        self.windows_skipped
    }

    /// Spectrum of the voltage of an element.
    pub const fn voltage_spectrum(&self, element: usize) -> &Spectrum {
        &self.spectra[2 * element]
    }

    /// Spectrum of the current of an element.
    pub const fn current_spectrum(&self, element: usize) -> &Spectrum {
        &self.spectra[2 * element + 1]
    }

    /// Reactive power of an element by Budeanu (orders 1 to 40), in µvar.
    pub const fn budeanu_uvar(&self, element: usize) -> i64 {
        self.budeanu_uvar[element]
    }

    /// Urms(1/2) of the voltage of an element, in µV.
    pub const fn half_cycle_uv(&self, element: usize) -> u64 {
        self.half_uv[element]
    }

    /// Unbalance of the voltages over the last window.
    pub const fn unbalance(&self) -> Unbalance {
        self.unbalance
    }

    /// Frequency over the last ten seconds, in mHz; taken once.
    pub const fn take_frequency_mhz(&mut self) -> Option<u32> {
        self.frequency.result.take()
    }

    /// Ten minutes are over (the owner of the clock says when): their values.
    pub fn take_ten_minutes(&mut self) -> TenMinutes {
        let mut pst = [None; 3];
        let measured = self.core.ratings().wiring.elements();
        for (pst, flicker) in pst.iter_mut().zip(&mut self.flicker).take(measured) {
            *pst = flicker.take();
        }
        TenMinutes { pst_per_mille: pst, ..self.aggregator.take() }
    }

    /// The thresholds of events.
    pub const fn thresholds(&self) -> &Thresholds {
        &self.thresholds
    }

    fn on_frame<const N: usize>(&mut self, frame: &Frame) {
        let step = self.core.step(frame);
        if let Some(end) = step.window {
            self.on_window::<N>(end);
        }
        self.ring.push::<N>(&step.pairs);
        for n in 0..N {
            if self.halves[n].is_over(self.samples as u32, step.phase, &self.half) {
                self.on_half_cycle(n, step.phase);
            }
            let square = i64::from(step.pairs[n][0]).pow(2).unsigned_abs();
            self.squares[n] = self.squares[n].wrapping_add(square);
        }
        self.value.1 -= 1;
        if self.value.1 == 0 {
            self.on_value::<N>();
        }
        self.samples += 1;
        if self.analysed.is_some() {
            self.analyse::<N>();
        }
    }

    #[inline(never)]
    fn on_window<const N: usize>(&mut self, end: WindowEnd) {
        self.half = HalfTurn::new(self.core.phase_step());
        let values = self.core.values();
        let strong = self.thresholds.declared_uv / 10;
        for (half, element) in self.halves.iter_mut().zip(&values.elements[..N]) {
            if element.u_uv > strong {
                half.follow(element.voltage.angle());
            }
        }
        self.unbalance = Unbalance::new(values, self.core.ratings().wiring);
        let flagged = ::core::mem::replace(&mut self.flagged, self.events.is_open());
        let u_uv = values.elements.map(|element| element.u_uv);
        self.aggregator.on_window(u_uv, self.unbalance.negative_ppm, flagged);
        self.frequency.on_window(&end, self.core.ratings());
        let fits = end.whole && (end.duration >> 16) < u64::from(LONGEST);
        self.windows_skipped += u64::from(!fits || self.analysed.is_some());
        self.analysed = fits.then_some((end, 0, 0));
    }

    /// A value of flicker is there.
    #[inline(never)]
    fn on_value<const N: usize>(&mut self) {
        self.value.1 = self.value.0;
        for (flicker, &total) in self.flicker.iter_mut().zip(&self.squares).take(N) {
            flicker.on_value(total);
        }
    }

    /// A half cycle of the voltage of element `n` has ended.
    #[inline(never)]
    fn on_half_cycle(&mut self, n: usize, phase: u32) {
        let (now, pv) = ((self.samples as u32, self.squares[n]), self.core.ratings().u_pv_per_lsb);
        let Some(uv) = self.halves[n].end(now, phase, &self.half, pv) else { return };
        self.half_uv[n] = uv;
        let ended = self.events.on_half_cycle(self.samples, n, uv);
        for event in ended.into_iter().flatten() {
            self.found.push(event);
        }
        if self.events.is_open() {
            self.flagged = true;
            self.changes.iter_mut().for_each(RapidChange::discard);
            return;
        }
        if let Some(change) = self.changes[n].on_half_cycle(self.samples, uv, self.half.duration >> 16) {
            self.found.push(change);
        }
    }

    /// The next element of the window that is being analysed, if it is time.
    #[inline(never)]
    fn analyse<const N: usize>(&mut self) {
        let Some((end, age, element)) = &mut self.analysed else { return };
        *age += 1;
        if *age < self.pace * (*element as u64 + 1) || !Span::is_ripe(*age) {
            return;
        }
        let (duration, span, element_now) = (end.duration, Span::new(end.duration, end.lag, *age), *element);
        *element += 1;
        if *element == N {
            self.analysed = None;
        }
        self.on_element(element_now, &span, Correction::of(duration));
    }

    #[inline(never)]
    fn on_element(&mut self, element: usize, span: &Span, correction: Correction) {
        self.transform.run(self.ring.points(element, span));
        let (ratings, lines) = (self.core.ratings(), Lines::new(&self.transform, correction));
        let spectra = Spectrum::pair(&lines, [ratings.u_pv_per_lsb, ratings.i_pa_per_lsb]);
        self.aggregator.on_spectrum(element, &spectra[0]);
        [self.spectra[2 * element], self.spectra[2 * element + 1]] = spectra;
        self.budeanu_uvar[element] = crate::values::power_uw(lines.budeanu(), 1 << 16, ratings);
    }
}

/// Frequency over ten seconds \[61000-4-30 5.1\]: whole cycles by their duration.
#[derive(Clone, Copy, Debug, Default)]
struct TenSeconds {
    cycles: u64,
    /// In samples with 16 fractional bits.
    duration: u64,
    result: Option<u32>,
}

impl TenSeconds {
    fn on_window(&mut self, end: &WindowEnd, ratings: &Ratings) {
        if !end.whole {
            (self.cycles, self.duration) = (0, 0);
            return;
        }
        self.cycles += u64::from(crate::specs::CYCLES_PER_WINDOW);
        self.duration += end.duration;
        let rate = u64::from(ratings.sample_rate_hz);
        // The interval nearest to ten seconds: half a window more or less.
        if self.duration + end.duration / 2 >= (10 * rate) << 16 {
            let mhz = ((self.cycles * rate * 1000) << 16) + self.duration / 2;
            self.result = u32::try_from(mhz / self.duration).ok();
            (self.cycles, self.duration) = (0, 0);
        }
    }
}
