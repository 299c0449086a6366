//! What one port hears.

use super::route::Route;
use super::transmitter::Transmitter;
use crate::convolve::add_convolution;
use crate::{Link, Noise};

/// The ear of a port: the links that end there, and its noise. It touches nothing but itself.
#[derive(Clone, Debug)]
pub(super) struct Receiver {
    pub(super) noise: Noise,
    pub(super) scale: f32,
    pub(super) listening: bool,
    /// By transmitter.
    routes: Vec<Option<Route>>,
    scratch: Vec<f32>,
}

impl Receiver {
    /// A port that listens, with a link from nobody of `ports`.
    pub(super) fn new(ports: usize) -> Self {
        let routes = vec![None; ports];
        Self { noise: Noise::silent(), scale: 1.0, listening: true, routes, scratch: Vec::new() }
    }

    /// The link from a port.
    pub(super) fn link(&self, from: usize) -> Option<&Link> {
        self.routes.get(from)?.as_ref().map(|route| &route.link)
    }

    /// Lays a link from a port.
    pub(super) fn connect(&mut self, from: usize, link: Link) {
        self.routes[from] = Some(Route::new(link));
    }

    /// A burst of a port begins: its delay lines are empty.
    pub(super) fn begin(&mut self, from: usize) {
        let resampler = self.routes[from].as_mut().and_then(|route| route.resampler.as_mut());
        resampler.into_iter().for_each(crate::skew::Resampler::reset);
    }

    /// Makes `out` what is heard of all transmitters in the block of `samples` from `now`.
    pub(super) fn receive(
        &mut self,
        transmitters: &[Transmitter],
        now: u64,
        samples: usize,
        out: &mut Vec<f32>,
    ) {
        out.clear();
        if !self.listening {
            // The sliding delays go on without a listener.
            transmitters
                .iter()
                .enumerate()
                .for_each(|(from, sent)| self.carry(from, sent, now, samples, None));
            return;
        }
        out.resize(samples, 0.0);
        transmitters
            .iter()
            .enumerate()
            .for_each(|(from, sent)| self.carry(from, sent, now, samples, Some(out)));
        self.noise.add(now, out);
        if self.scale != 1.0 {
            out.iter_mut().for_each(|sample| *sample *= self.scale);
        }
    }

    /// Adds what a transmitter has on the line.
    fn carry(
        &mut self,
        from: usize,
        transmitter: &Transmitter,
        now: u64,
        samples: usize,
        out: Option<&mut Vec<f32>>,
    ) {
        let (Some(route), Some(burst)) = (self.routes[from].as_mut(), transmitter.active(now)) else {
            return;
        };
        if out.is_none() && route.resampler.is_none() {
            return;
        }
        let span = route.span(now, samples, burst);
        let input = transmitter.input(&route.link, &span);
        match out {
            Some(out) if route.is_plain() => add_convolution(&route.link.fir().taps, input, &mut out[span]),
            out => {
                self.scratch.clear();
                self.scratch.resize(span.len(), 0.0);
                add_convolution(&route.link.fir().taps, input, &mut self.scratch);
                route.vary(now + span.start as u64, burst.start, &mut self.scratch);
                let pairs = out.into_iter().flat_map(|out| out[span.clone()].iter_mut()).zip(&self.scratch);
                pairs.for_each(|(out, sample)| *out += sample);
            }
        }
    }
}
