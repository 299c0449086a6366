//! The shared line: what each port hears of all the others.

mod receiver;
mod route;
mod transmitter;

use crate::snr::SnrError;
use crate::{Link, Noise, Signal};
use rayon::prelude::*;
use receiver::Receiver;
use transmitter::Transmitter;

/// Samples to be heard by all ports together from which on processors share the work. Fewer cost less than the
/// handing over.
const WORTH_SHARING: usize = 4096;

/// Ports, the links between them and the noise at each.
///
/// Time is a count of samples: [`Medium::exchange`] moves it on by a block, [`Medium::skip`] over silence.
/// A port hears every other port that it has a link from, and never itself. The received samples depend on the
/// transmitted ones and on the sample index, not on the lengths of the blocks.
#[derive(Clone, Debug)]
pub struct Medium {
    rate: u32,
    now: u64,
    /// By port.
    transmitters: Vec<Transmitter>,
    /// By port.
    receivers: Vec<Receiver>,
}

impl Medium {
    /// `ports` ports without links and without noise, at `rate` samples per second.
    pub fn new(rate: u32, ports: usize) -> Self {
        let (transmitters, receivers) = (vec![Transmitter::new(); ports], vec![Receiver::new(ports); ports]);
        Self { rate, now: 0, transmitters, receivers }
    }

    /// Samples per second.
    pub fn rate(&self) -> u32 {
        self.rate
    }

    /// Number of ports.
    pub fn ports(&self) -> usize {
        self.receivers.len()
    }

    /// Index of the next sample.
    pub fn now(&self) -> u64 {
        self.now
    }

    /// Lays `link` from port `from` to port `to`, in place of an earlier one. Links are laid while the
    /// transmitter is silent.
    ///
    /// # Panics
    /// On ports that do not exist, a port linked with itself, a link of another rate or a transmitter that is
    /// heard: mistakes in the program.
    pub fn connect(&mut self, from: usize, to: usize, link: Link) {
        assert!(from != to && to < self.ports(), "a link joins two different ports");
        assert!(link.rate() == f64::from(self.rate), "the link is made for {} Hz", link.rate());
        let transmitter = &mut self.transmitters[from];
        assert!(!transmitter.is_active(self.now), "links are laid while the transmitter is silent");
        transmitter.remember(&link);
        self.receivers[to].connect(from, link);
    }

    /// The link from port `from` to port `to`, if there is one.
    pub fn link(&self, from: usize, to: usize) -> Option<&Link> {
        self.receivers.get(to)?.link(from)
    }

    /// Sets what `port` hears besides transmitters.
    pub fn set_noise(&mut self, port: usize, noise: Noise) {
        self.receivers[port].noise = noise;
    }

    /// What `port` hears besides transmitters.
    pub fn noise(&self, port: usize) -> &Noise {
        &self.receivers[port].noise
    }

    /// Factors on everything that `port` sends, and on everything that it receives, its noise included.
    pub fn set_scales(&mut self, port: usize, transmit: f32, receive: f32) {
        self.transmitters[port].scale = transmit;
        self.receivers[port].scale = receive;
    }

    /// A port that does not listen costs nothing and receives empty blocks. All ports listen at first.
    pub fn set_listening(&mut self, port: usize, listening: bool) {
        self.receivers[port].listening = listening;
    }

    /// Moves time on by `samples`: `sent[n]` is what port n sends (`None` is silence, and a shorter block ends
    /// in silence), `received[n]` becomes what it hears.
    ///
    /// # Panics
    /// Unless there is one entry per port, and no block is longer than `samples`: mistakes in the program.
    pub fn exchange(&mut self, samples: usize, sent: &[Option<&[f32]>], received: &mut [Vec<f32>]) {
        assert!(sent.len() == self.ports() && received.len() == sent.len(), "one block per port");
        for (from, block) in sent.iter().enumerate() {
            self.send(from, samples, block.unwrap_or_default());
        }
        self.receive(samples, received);
        for transmitter in &mut self.transmitters {
            transmitter.move_on(self.now, samples);
        }
        self.now += samples as u64;
    }

    /// Whether nothing that was sent is still on its way.
    pub fn idle(&self) -> bool {
        self.transmitters.iter().all(|transmitter| !transmitter.is_active(self.now))
    }

    /// Moves time on by `samples` that nobody sends in and nobody listens to.
    ///
    /// # Panics
    /// Unless the medium is [`idle`](Medium::idle): a mistake in the program.
    pub fn skip(&mut self, samples: u64) {
        assert!(self.idle(), "something is still on the line");
        self.now += samples;
    }

    /// Signal-to-noise ratio per carrier (dB) of `signal` from port `from` at port `to`; `None` without a link.
    pub fn snr_db(&self, from: usize, to: usize, signal: &Signal) -> Option<Vec<f64>> {
        let link = self.link(from, to)?;
        Some(self.scaled(from, signal).snr_db(link, &self.receivers[to].noise))
    }

    /// Scales the background noise of port `to` such that `signal` from port `from` has a mean ratio of `db`
    /// per carrier against it. Other sources of noise stay and come on top.
    pub fn set_background_snr(
        &mut self,
        from: usize,
        to: usize,
        signal: &Signal,
        db: f64,
    ) -> Result<(), SnrError> {
        let snr = self.background_snr(from, to, signal).ok_or(SnrError::NoLink)?;
        self.shift_background(to, snr - db)
    }

    /// The same for the weakest of all transmitters that port `to` hears: the others are better.
    pub fn set_weakest_background_snr(
        &mut self,
        to: usize,
        signal: &Signal,
        db: f64,
    ) -> Result<(), SnrError> {
        let all = (0..self.ports()).filter_map(|from| self.background_snr(from, to, signal));
        let snr = all.reduce(f64::min).ok_or(SnrError::NoLink)?;
        self.shift_background(to, snr - db)
    }

    fn scaled(&self, from: usize, signal: &Signal) -> Signal {
        signal.with_rms(signal.rms * f64::from(self.transmitters[from].scale))
    }

    fn background_snr(&self, from: usize, to: usize, signal: &Signal) -> Option<f64> {
        let link = self.link(from, to)?;
        Some(self.scaled(from, signal).mean_background_snr_db(link, &self.receivers[to].noise))
    }

    fn shift_background(&mut self, to: usize, db: f64) -> Result<(), SnrError> {
        let noise = &mut self.receivers[to].noise;
        if !noise.has_background() {
            return Err(SnrError::NoBackground);
        }
        noise.scale_background(crate::levels::ratio_from_db(db));
        Ok(())
    }

    /// Takes over what a port sends; a burst that begins finds empty delay lines.
    fn send(&mut self, from: usize, samples: usize, block: &[f32]) {
        assert!(block.len() <= samples, "a block of {} in {samples} samples", block.len());
        if self.transmitters[from].take(self.now, samples, block) {
            self.receivers.iter_mut().for_each(|receiver| receiver.begin(from));
        }
    }

    /// Every port hears for itself, so many of them share the processors.
    fn receive(&mut self, samples: usize, received: &mut [Vec<f32>]) {
        let (transmitters, now) = (&self.transmitters, self.now);
        let hear = |(receiver, block): (&mut Receiver, &mut Vec<f32>)| {
            receiver.receive(transmitters, now, samples, block);
        };
        if self.receivers.len() * samples < WORTH_SHARING {
            self.receivers.iter_mut().zip(received).for_each(hear);
        } else {
            self.receivers.par_iter_mut().zip(received).for_each(hear);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::noise::Background;
    use crate::snr::mean_db;
    use crate::{FirDesign, MainsGain, Multipath, NoiseSource};
    use core::ops::Range;
    use plc_core::Seed;
    use proptest::prelude::*;

    const RATE: u32 = 400_000;

    fn residential(port: u64) -> Noise {
        let seed = Seed::from_u64(5).derive("port", port);
        Noise::silent().with(NoiseSource::Background(Background::residential(RATE, &seed)))
    }

    /// Three ports: 0 → 1 by echoes, 0 → 2 with a mains gain, 1 → 2 with a skew, 2 → 0 flat.
    fn triangle() -> Medium {
        let design = FirDesign::cenelec(64);
        let four = Link::from_multipath(&Multipath::four_path(), &design);
        let mut fifteen = Multipath::fifteen_path();
        fifteen.echoes.iter_mut().for_each(|echo| echo.metres += 20_000.0);
        let far = Link::from_multipath(&fifteen, &design);
        let mut medium = Medium::new(RATE, 3);
        medium.connect(0, 1, four.clone());
        medium.connect(0, 2, far.with_mains_gain(MainsGain::new(RATE, 4.0, 0.3)));
        medium.connect(1, 2, four.with_skew_ppm(60.0));
        medium.connect(2, 0, Link::flat(0.5, RATE));
        (0..3).for_each(|port| medium.set_noise(port, residential(port as u64)));
        medium
    }

    /// Runs signals through `medium` in blocks of the given lengths, in turn.
    fn run(mut medium: Medium, sent: &[Vec<f32>], lengths: &[usize]) -> Vec<Vec<f32>> {
        let mut heard = vec![Vec::new(); sent.len()];
        let mut block = vec![Vec::new(); sent.len()];
        let mut lengths = lengths.iter().cycle();
        let mut at = 0;
        while at < sent[0].len() {
            let end = sent[0].len().min(at + lengths.next().expect("cycles for ever"));
            let cut: Vec<_> = sent.iter().map(|signal| &signal[at..end]).collect();
            let silent = |block: &[f32]| block.iter().all(|sample| *sample == 0.0);
            let blocks: Vec<_> = cut.into_iter().map(|block| (!silent(block)).then_some(block)).collect();
            medium.exchange(end - at, &blocks, &mut block);
            heard.iter_mut().zip(&block).for_each(|(all, block)| all.extend(block));
            at = end;
        }
        heard
    }

    fn burst(length: usize, span: Range<usize>, turns: f32) -> Vec<f32> {
        let tone = |n: usize| (turns * core::f32::consts::TAU * (n - span.start) as f32).sin() + 0.1;
        (0..length).map(|n| if span.contains(&n) { tone(n) } else { 0.0 }).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn what_is_heard_does_not_depend_on_the_lengths_of_the_blocks(
            lengths in prop::collection::vec(1usize..700, 1..6),
            starts in prop::array::uniform3(0usize..2500),
        ) {
            let sent: Vec<_> = (0..3).map(|n| burst(4000, starts[n]..starts[n] + 900, 0.13 + 0.03 * n as f32)).collect();
            prop_assert_eq!(run(triangle(), &sent, &lengths), run(triangle(), &sent, &[4000]));
        }
    }

    #[test]
    fn the_medium_equals_the_convolution_by_definition() {
        let sent = vec![burst(2000, 100..900, 0.17), vec![0.0; 2000], burst(2000, 500..700, 0.2)];
        let mut medium = triangle();
        (0..3).for_each(|port| medium.set_noise(port, Noise::silent()));
        let fir = medium.link(0, 1).expect("is laid").fir().clone();
        let heard = run(medium, &sent, &[64]);
        for n in 0..2000usize {
            let term = |(k, tap): (usize, &f32)| {
                let past = n.checked_sub(fir.delay + k).map_or(0.0, |m| sent[0][m]);
                f64::from(*tap) * f64::from(past)
            };
            let slow: f64 = fir.taps.iter().enumerate().map(term).sum();
            assert!((f64::from(heard[1][n]) - slow).abs() < 1e-5);
            assert_eq!(heard[0][n], 0.5 * sent[2][n]);
        }
    }

    #[test]
    fn the_line_is_idle_when_the_last_echo_has_passed_and_then_time_can_be_skipped() {
        let mut medium = triangle();
        let mut heard = vec![Vec::new(); 3];
        assert!(medium.idle());
        medium.exchange(100, &[Some(&[1.0; 100]), None, None], &mut heard);
        let mut blocks = 0;
        while !medium.idle() {
            medium.exchange(50, &[None, None, None], &mut heard);
            blocks += 1;
        }
        let memory = medium.link(0, 2).expect("is laid").fir().memory();
        assert_eq!(blocks, memory.div_ceil(50));
        medium.skip(1_000_000);
        assert_eq!(medium.now(), 1_000_100 + 50 * blocks as u64);
        medium.exchange(300, &[None, None, None], &mut heard);
        let mut noise = vec![0f32; 300];
        residential(1).fill(medium.now() - 300, &mut noise);
        assert_eq!(heard[1], noise);
    }

    #[test]
    fn a_port_never_hears_itself_and_a_deaf_one_nothing() {
        let mut medium = triangle();
        medium.set_noise(0, Noise::silent());
        medium.set_listening(2, false);
        let mut heard = vec![Vec::new(); 3];
        medium.exchange(200, &[Some(&[1.0; 200]), None, None], &mut heard);
        assert!(heard[0].iter().all(|sample| *sample == 0.0));
        assert!(heard[1].iter().any(|sample| sample.abs() > 0.3));
        assert!(heard[2].is_empty());
    }

    #[test]
    fn deafness_for_a_while_does_not_change_what_is_heard_later() {
        let sent = [None, Some(&[0.7f32; 400][..]), None];
        let (mut always, mut later) = (triangle(), triangle());
        let (mut first, mut second) = (vec![Vec::new(); 3], vec![Vec::new(); 3]);
        later.set_listening(2, false);
        always.exchange(400, &sent, &mut first);
        later.exchange(400, &sent, &mut second);
        later.set_listening(2, true);
        always.exchange(400, &sent, &mut first);
        later.exchange(400, &sent, &mut second);
        assert_eq!(first[2], second[2]);
    }

    #[test]
    fn a_ratio_that_is_set_is_the_ratio_that_is_measured_on_the_line() {
        let mut medium = triangle();
        let signal = Signal::cenelec_a();
        medium.set_background_snr(0, 1, &signal, 7.0).expect("link and background exist");
        assert!((mean_db(&medium.snr_db(0, 1, &signal).expect("is laid")) - 7.0).abs() < 1e-6);
        let carriers: Vec<f64> = signal.carriers().collect();
        let amplitude = signal.rms * (2.0 / carriers.len() as f64).sqrt();
        let wave: Vec<f32> = (0..25_600)
            .map(|n| {
                let sum: f64 = carriers
                    .iter()
                    .enumerate()
                    .map(|(k, hz)| {
                        (core::f64::consts::TAU * hz / 400e3 * f64::from(n) + (k * k) as f64).sin()
                    })
                    .sum();
                (amplitude * sum) as f32
            })
            .collect();
        let silence = vec![0.0; wave.len()];
        let noisy = run(medium.clone(), &[silence.clone(), silence.clone(), silence.clone()], &[1000]);
        medium.set_noise(1, Noise::silent());
        let clean = run(medium, &[wave, silence.clone(), silence], &[1000]);
        let mut measured = Vec::new();
        for hz in carriers {
            let bin = |block: &[f32]| {
                let turn = |(n, x): (usize, &f32)| {
                    crate::Complex64::from_polar(
                        f64::from(*x),
                        -core::f64::consts::TAU * hz / 400e3 * n as f64,
                    )
                };
                block.iter().enumerate().map(turn).sum::<crate::Complex64>().norm_sqr()
            };
            let power = |signal: &[f32]| signal[512..].chunks_exact(256).map(bin).sum::<f64>();
            measured.push(10.0 * (power(&clean[1]) / power(&noisy[1])).log10());
        }
        assert!((mean_db(&measured) - 7.0).abs() < 0.4, "{}", mean_db(&measured));
    }

    #[test]
    fn the_weakest_transmitter_has_the_ratio_and_the_others_are_better() {
        let mut medium = triangle();
        let signal = Signal::cenelec_a();
        medium.set_weakest_background_snr(2, &signal, 3.0).expect("links and background exist");
        let ratios: Vec<f64> =
            (0..2).map(|from| mean_db(&medium.snr_db(from, 2, &signal).expect("is laid"))).collect();
        assert!((ratios[0].min(ratios[1]) - 3.0).abs() < 1e-6);
        assert!(ratios[0].max(ratios[1]) > 4.0);
    }

    #[test]
    fn a_ratio_without_link_or_background_is_refused() {
        let mut medium = Medium::new(RATE, 2);
        let signal = Signal::cenelec_a();
        assert_eq!(medium.set_background_snr(0, 1, &signal, 5.0), Err(SnrError::NoLink));
        medium.connect(0, 1, Link::flat(1.0, RATE));
        assert_eq!(medium.set_weakest_background_snr(1, &signal, 5.0), Err(SnrError::NoBackground));
    }
}
