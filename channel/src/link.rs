//! The response from one transmitter to one receiver.

use crate::levels::db_from_ratio;
use crate::{Complex64, Fir, FirDesign, MainsGain, Multipath, Path};
use core::f64::consts::TAU;

/// One direction between two ports: a response, the filter that stands for it, and what varies with time.
#[derive(Clone, Debug)]
pub struct Link {
    model: Model,
    fir: Fir,
    rate: f64,
    lead: usize,
    gain: Option<MainsGain>,
    skew_ppm: f64,
}

/// Where the response comes from.
#[derive(Clone, Debug)]
enum Model {
    Path(Path),
    Multipath(Multipath),
    Flat(f64),
}

impl Link {
    /// A link along cables.
    pub fn from_path(path: Path, design: &FirDesign) -> Self {
        let fir = design.design(path.delay_s(), |hz| path.response(hz));
        Self::build(Model::Path(path), fir, design)
    }

    /// A link of the echo model.
    pub fn from_multipath(multipath: &Multipath, design: &FirDesign) -> Self {
        let fir = design.design(multipath.delay_s(), |hz| multipath.response(hz));
        Self::build(Model::Multipath(multipath.clone()), fir, design)
    }

    /// A link that only attenuates: a single tap, no delay.
    pub fn flat(gain: f64, rate: u32) -> Self {
        let fir = Fir { delay: 0, taps: vec![gain as f32] };
        Self { model: Model::Flat(gain), fir, rate: f64::from(rate), lead: 0, gain: None, skew_ppm: 0.0 }
    }

    /// With a gain that follows the mains.
    pub fn with_mains_gain(mut self, gain: MainsGain) -> Self {
        self.gain = Some(gain);
        self
    }

    /// With clocks that differ: positive when the transmitter's runs faster than the receiver's, in parts per
    /// million (see [`crate::skew`]). Zero switches the resampling off, which is the default.
    pub fn with_skew_ppm(mut self, ppm: f64) -> Self {
        self.skew_ppm = ppm;
        self
    }

    /// Received voltage over transmitted voltage at `hz`, as the model has it; without the mains gain.
    pub fn response(&self, hz: f64) -> Complex64 {
        match &self.model {
            Model::Path(path) => path.response(hz),
            Model::Multipath(multipath) => multipath.response(hz),
            Model::Flat(gain) => Complex64::new(*gain, 0.0),
        }
    }

    /// Attenuation at `hz`, dB, with the mean of the mains gain.
    pub fn attenuation_db(&self, hz: f64) -> f64 {
        -db_from_ratio(self.response(hz).norm()) - self.gain.as_ref().map_or(0.0, MainsGain::mean_db)
    }

    /// The response of the filter at `hz`, with the lead of the design taken off: comparable to
    /// [`Link::response`].
    pub fn fir_response(&self, hz: f64) -> Complex64 {
        let lead = Complex64::from_polar(1.0, TAU * hz / self.rate * self.lead as f64);
        self.fir.response(hz, self.rate) * lead
    }

    /// The filter.
    pub fn fir(&self) -> &Fir {
        &self.fir
    }

    /// Samples per second that the filter is made for.
    pub fn rate(&self) -> f64 {
        self.rate
    }

    /// Samples by which the filter is later than the physical line: the same for all links of one design.
    pub fn lead(&self) -> usize {
        self.lead
    }

    /// The gain that follows the mains, if any.
    pub fn mains_gain(&self) -> Option<&MainsGain> {
        self.gain.as_ref()
    }

    /// Difference of the clocks, ppm.
    pub fn skew_ppm(&self) -> f64 {
        self.skew_ppm
    }

    fn build(model: Model, fir: Fir, design: &FirDesign) -> Self {
        Self { model, fir, rate: design.rate(), lead: design.lead(), gain: None, skew_ppm: 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Branch, Cable, Hop, Impedance, Node, Segment};

    const CABLE: Cable = Cable { r1: 0.446, x1: 0.071, r0: 1.505, x0: 0.083 };

    fn agrees(link: &Link, band: core::ops::Range<u32>) {
        let strongest = band.clone().map(|k| link.response(f64::from(k) * 1e3).norm()).fold(0.0, f64::max);
        for k in band {
            let hz = f64::from(k) * 1e3;
            let error = (link.response(hz) - link.fir_response(hz)).norm();
            assert!(error < 2e-3 * strongest, "{hz} Hz: {} dB", db_from_ratio(error / strongest));
        }
    }

    #[test]
    fn the_filters_of_the_reference_channels_agree_with_their_responses_in_the_band() {
        let (cenelec, fcc) = (FirDesign::cenelec(64), FirDesign::fcc(96));
        for channel in [Multipath::four_path(), Multipath::fifteen_path()] {
            agrees(&Link::from_multipath(&channel, &cenelec), 35..92);
            agrees(&Link::from_multipath(&channel, &fcc), 155..488);
        }
    }

    #[test]
    fn the_filter_of_a_cable_with_stubs_agrees_with_its_response_in_the_band() {
        let stub = Branch { segment: Segment { metres: 180.0, cable: CABLE }, end: Node::default() };
        let hops = [(35.0, Impedance::household()), (120.0, Impedance::Lisn), (60.0, Impedance::household())]
            .map(|(metres, load)| Hop {
                segment: Segment { metres, cable: CABLE },
                node: Node { loads: vec![load], branches: vec![stub.clone()] },
            });
        let path = Path::new(Node::loaded(Impedance::transformer(416.0, 800e3, 4.0, 0.4)), hops.to_vec());
        for taps in [64, 128] {
            agrees(&Link::from_path(path.clone(), &FirDesign::cenelec(taps)), 35..92);
        }
    }

    #[test]
    fn attenuation_counts_the_mean_of_the_mains_gain() {
        let link = Link::flat(0.1, 400_000);
        assert!((link.attenuation_db(5e4) - 20.0).abs() < 1e-9);
        let varying = link.with_mains_gain(MainsGain::new(400_000, 6.0, 0.0));
        assert!((22.0..24.0).contains(&varying.attenuation_db(5e4)));
    }
}
