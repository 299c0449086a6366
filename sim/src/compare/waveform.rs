//! A town of one feeder, sample by sample.

use super::Outcome;
use crate::street::{Passed, RATE_HZ, Street, StreetConfig, StreetError};
use crate::world::concentrator::{Concentrator, News};
use crate::world::{Layout, TownConfig, plan};
use g3_phy::{Exchange, Modem, ModemConfig};
use plc_core::{Instant, SampleClock, Seed, UtcAnchor};
use std::collections::BTreeSet;

/// Runs the town; `due` captures are expected of it. `told` hears of the second that is reached.
pub(super) fn run(town: &TownConfig, due: u64, mut told: impl FnMut(u64)) -> Result<Outcome, StreetError> {
    let config = StreetConfig {
        customers: town.meters,
        start: town.start,
        start_second: town.start_second(),
        ..StreetConfig::new(town.seed)
    };
    let street = Street::new(&config, &town.feeder)?;
    let seed = Seed::from_u64(town.seed);
    let anchor = UtcAnchor { at: Instant::EPOCH, utc: town.start };
    let layout = Layout::new(town.feeder.clone(), 1, town.meters, town.band, 0.0, &seed);
    let phy = |plan| {
        let clock = SampleClock::new(RATE_HZ, Instant::EPOCH, 0);
        Modem::new(plan, ModemConfig { clock, ..ModemConfig::default() })
    };
    let mut concentrator = Concentrator::new(plan(town, &layout, anchor, &seed), phy);
    concentrator.power_on(street.now());
    let mut run =
        Run { buffers: [vec![0.0; street.block()], vec![0.0; street.block()]], street, concentrator };
    let mut outcome = Outcome { joined: 0, captures: (due, 0), frames: 0, retries: 0 };
    let (mut joined, mut second) = (BTreeSet::new(), 0);
    while run.street.now().since(Instant::EPOCH) < town.duration {
        run.step();
        for news in run.concentrator.news.drain(..) {
            match news {
                News::Joined(eui64, _) => _ = joined.insert(eui64),
                News::Stored(_, capture) => {
                    let last = town.start + town.duration - town.reading.every;
                    outcome.captures.1 += u64::from(capture > town.start && capture <= last);
                }
                _ => {}
            }
        }
        let now = run.street.now().since(Instant::EPOCH).as_secs();
        if now > second {
            second = now;
            told(now);
        }
    }
    outcome.joined = joined.len();
    let sites = run.street.sites().iter().map(|site| site.meter().node().mac().counters());
    for counters in sites.chain(run.concentrator.node().map(|node| node.mac().counters())) {
        outcome.frames += u64::from(counters.tx_frames);
        outcome.retries += u64::from(counters.retries);
    }
    Ok(outcome)
}

struct Run {
    street: Street,
    concentrator: Concentrator<Modem>,
    /// What is heard, and what is sent.
    buffers: [Vec<f32>; 2],
}

impl Run {
    fn step(&mut self) {
        let silent = self.silence();
        let [received, outgoing] = &mut self.buffers;
        let passed = self.street.exchange((silent == 0).then_some(&outgoing[..]), silent, received);
        let now = self.street.now();
        let exchange = match passed {
            Passed::Block => Exchange::Block { received, transmitted: outgoing },
            Passed::Gap(samples) => Exchange::Gap { samples },
        };
        self.concentrator.handle(now, exchange);
        self.concentrator.tick(now);
    }

    /// For how many samples nothing will be sent; 0 while something is.
    fn silence(&self) -> u64 {
        if self.concentrator.node().is_some_and(|node| node.phy().is_transmitting()) {
            return 0;
        }
        let (now, clock) = (self.street.now(), self.street.clock());
        let next = self.concentrator.deadline();
        let samples = next.map_or(u64::MAX, |at| clock.index(at).saturating_sub(clock.index(now)));
        samples.clamp(self.street.block() as u64, u64::from(u32::MAX))
    }
}
