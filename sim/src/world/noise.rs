//! The noise of the receivers.

use super::{Event, TownConfig, World};
use plc_core::Seed;
use plc_core::seed::uniform;
use plc_core::time::Duration;

/// How often the noise of the day is looked at.
pub(super) const STEP: Duration = Duration::from_secs(300);
/// Ratio to ordinary noise of a transmitter at the same place.
const NEAR: f32 = 1e5;

impl World {
    pub(super) fn on_noise(&mut self) {
        self.set_noise();
        self.agenda.push(self.now + STEP, Event::Noise);
    }

    /// The noise of each receiver, at this time of the day and with all of its sources.
    pub(super) fn set_noise(&mut self) {
        let second = self.utc().as_secs().rem_euclid(86_400) as u32;
        let day_db = self.config.noise.db(second);
        for node in 0..self.noise_db.len() as u32 {
            let ordinary = 10f64.powf((day_db + self.noise_db[node as usize]) / 10.0) as f32;
            let mut noise = vec![ordinary; self.air.links().groups()];
            for &(source, level_db) in &self.sources {
                let level = 10f64.powf(level_db / 10.0) as f32;
                if source as u32 == node {
                    // At its own place the source is as loud as on the best line.
                    noise.iter_mut().for_each(|noise| *noise += level * NEAR);
                } else if let Some(link) = self.air.links().between(source as u32, node) {
                    noise.iter_mut().zip(link.ratios).for_each(|(noise, ratio)| *noise += level * ratio);
                }
            }
            self.air.set_noise(node, noise.into_iter());
        }
    }
}

/// What each receiver has more or less than the others, dB.
pub(super) fn own(config: &TownConfig, nodes: usize, seed: &Seed) -> Vec<f64> {
    let own = |node: usize| {
        let mut stream = seed.derive("receiver noise", node as u64).stream();
        let share = f64::from(uniform(&mut stream, 2001)) / 1000.0 - 1.0;
        share * config.noise_spread_db
    };
    (0..nodes).map(own).collect()
}
