//! The adjustment of a specimen: the procedure of the product, driven by a source and a reference.

use super::bench::{Circumstances, Outcome, measure, reference};
use super::specimen::{Calibrated, Design, Principle};
use super::wave::Load;
use metrology::calibrate::{Average, CalibrationError, gain, no_load, phase, point};
use metrology::{Calibration, ElementCalibration};

/// Adjusts a specimen of `design`: no load, gain and phase of each element, then the current sensors at several currents when
/// their error depends on it.
///
/// # Errors
/// See [`CalibrationError`]: the parts are too far off.
pub fn adjust(design: &Design) -> Result<Calibrated, CalibrationError> {
    let mut bench = Adjustment {
        calibrated: Calibrated { design: *design, calibration: Calibration::default() },
        un: f64::from(design.ratings.un_mv) / 1000.0,
        rated: f64::from(design.ratings.ib_ma) / 1000.0,
    };
    if design.principle == Principle::Ideal {
        return Ok(bench.calibrated);
    }
    bench.gain()?;
    bench.no_load()?;
    bench.gain()?;
    bench.phase()?;
    // What the phase error took from the power is given back.
    bench.gain()?;
    if matches!(design.principle, Principle::Transformer) {
        [0.01, 0.05, 0.2, 1.0, 1.2].iter().enumerate().try_for_each(|(n, &share)| bench.point(n, share))?;
    }
    Ok(bench.calibrated)
}

struct Adjustment {
    calibrated: Calibrated,
    un: f64,
    rated: f64,
}

impl Adjustment {
    fn load(&self, amps: f64, phi: f64) -> Load {
        Load::balanced(self.calibrated.design.ratings.wiring.elements(), self.un, amps, phi)
    }

    fn measured(&self, load: &Load) -> Outcome {
        // Long, so that what is left of the noise is less than what is to be found.
        measure(
            &self.calibrated,
            load,
            &Circumstances { measured_s: 6.0, before_s: 8.0, seed: 99, ..Default::default() },
        )
    }

    /// Each element by `step`, with what it shows under `load`.
    fn each(
        &mut self,
        load: &Load,
        step: impl Fn(&ElementCalibration, &Average, usize) -> Result<ElementCalibration, CalibrationError>,
    ) -> Result<(), CalibrationError> {
        let outcome = self.measured(load);
        for n in 0..self.calibrated.design.ratings.wiring.elements() {
            let element = &mut self.calibrated.calibration.elements[n];
            *element = step(element, &outcome.averages[n], n)?;
        }
        Ok(())
    }

    fn no_load(&mut self) -> Result<(), CalibrationError> {
        let (load, ratings) = (self.load(0.0, 0.0), self.calibrated.design.ratings);
        self.each(&load, |so_far, meter, _| no_load(so_far, meter, &ratings))
    }

    /// Of two elements, the currents are turned so that each has power factor 1.
    fn gain(&mut self) -> Result<(), CalibrationError> {
        let load = in_phase(self.load(self.rated, 0.0), 0.0);
        self.each(&load, |so_far, meter, n| gain(so_far, meter, &reference(&load, n)))
    }

    fn phase(&mut self) -> Result<(), CalibrationError> {
        let load = in_phase(self.load(self.rated, 0.0), std::f64::consts::FRAC_PI_3);
        let ratings = self.calibrated.design.ratings;
        self.each(&load, |so_far, meter, n| phase(so_far, meter, &reference(&load, n), &ratings))
    }

    fn point(&mut self, at: usize, share: f64) -> Result<(), CalibrationError> {
        let load = in_phase(self.load(self.rated * share, 0.0), std::f64::consts::FRAC_PI_3);
        let ratings = self.calibrated.design.ratings;
        self.each(&load, |so_far, meter, n| point(so_far, at, meter, &reference(&load, n), &ratings))
    }
}

/// The load with each current lagging the voltage of its element by `phi`.
fn in_phase(mut load: Load, phi: f64) -> Load {
    for n in 0..3 {
        if let (Some(u), Some(i)) = (load.u[n].parts.first(), load.i[n].parts.first_mut()) {
            i.lead = u.lead - phi;
        }
    }
    load
}
