//! One node of a town without the others, for a replay.

use super::concentrator::Concentrator;
use super::site::Site;
use super::{TownConfig, World, plan};
use crate::capture::{Entry, Input};
use crate::frame::{Frame, FrameEvent, FramePhy};
use meter::MeterInput;
use plc_core::{Eui64, Instant, Seed, UtcAnchor};
use std::collections::BTreeMap;

/// A node of a town.
pub struct Lone {
    node: Kind,
    /// Of each action that brings firmware: the meter, the name, the image.
    images: BTreeMap<usize, (Eui64, String, Vec<u8>)>,
}

enum Kind {
    Concentrator(Box<Concentrator<FramePhy>>),
    Meter(Box<Site>),
}

impl Lone {
    /// Node number `node` of a town: 0 for the concentrator, n for the n-th meter. `None` if there is no such node.
    pub fn new(config: &TownConfig, node: u32) -> Option<Self> {
        let seed = Seed::from_u64(config.seed);
        let anchor = UtcAnchor { at: Instant::EPOCH, utc: config.start };
        let layout = World::layout_of(config, &seed);
        let node = match node {
            0 => {
                let plan = plan(config, &layout, anchor, &seed);
                Kind::Concentrator(Box::new(Concentrator::new(plan, FramePhy::new)))
            }
            n => {
                let household = layout.households().get(n as usize - 1)?;
                let maker = crate::street::firmware::maker(config.seed).public_key();
                let place = (n as usize - 1, household);
                let mut site = World::site_of(config, place, (anchor, &maker), &seed);
                if config.rogue.wrong_key.contains(&(n as usize)) {
                    site.set_psk(super::actions::WRONG_KEY);
                }
                if config.rogue.wrong_dlms_keys.contains(&(n as usize)) {
                    site.set_dlms_key(super::actions::WRONG_KEY);
                }
                Kind::Meter(Box::new(site))
            }
        };
        let actions = 0..config.actions.len();
        let image = |n| Some((n, super::actions::firmware(config, &layout, n)?));
        Some(Self { node, images: actions.filter_map(image).collect() })
    }

    /// Gives it an input; returns the frame that it sends because of it.
    pub fn apply(&mut self, entry: &Entry) -> Option<Box<Frame>> {
        let at = entry.at;
        let mut sent = None;
        match &entry.input {
            Input::On => self.power(at, true),
            Input::Off => self.power(at, false),
            Input::Tick => self.tick(at),
            Input::Count => self.with_meter(|site| site.count(at)),
            Input::Mains(supply) => self.with_meter(|site| site.set_supply(at, **supply)),
            Input::SupplyLost => self.with_meter(|site| site.lose_supply(at)),
            Input::SupplyBack => self.with_meter(|site| site.regain_supply(at)),
            Input::Clock(ahead_ms) => self.with_meter(|site| site.shift_clock(at, *ahead_ms)),
            Input::Order(action) => self.bring(at, *action),
            Input::Start(_) => self.give(at, FrameEvent::Start(&mut sent)),
            Input::Sent => self.give(at, FrameEvent::Sent),
            Input::Preamble => self.give(at, FrameEvent::Preamble),
            Input::Header { ends, response_expected } => {
                self.give(at, FrameEvent::Header { ends: *ends, response_expected: *response_expected });
            }
            Input::Received(frame, quality) => self.give(at, FrameEvent::Received { frame, quality }),
            Input::Lost(loss) => self.give(at, FrameEvent::Lost(*loss)),
            Input::FalsePreamble => self.give(at, FrameEvent::FalsePreamble),
        }
        sent
    }

    /// When it sends next, if nothing happens to it before.
    pub fn next_transmission(&self) -> Option<Instant> {
        let node = match &self.node {
            Kind::Concentrator(node) => node.node(),
            Kind::Meter(site) => site.node(),
        };
        node?.phy().next_transmission()
    }

    fn power(&mut self, now: Instant, on: bool) {
        match (&mut self.node, on) {
            (Kind::Concentrator(node), true) => node.power_on(now),
            (Kind::Concentrator(node), false) => node.power_off(),
            (Kind::Meter(site), true) => site.power_on(now),
            (Kind::Meter(site), false) => site.power_off(now),
        }
    }

    fn tick(&mut self, now: Instant) {
        match &mut self.node {
            Kind::Concentrator(node) => node.tick(now),
            Kind::Meter(site) => site.tick(now),
        }
    }

    fn give(&mut self, now: Instant, event: FrameEvent<'_>) {
        match &mut self.node {
            Kind::Concentrator(node) => node.handle(now, event),
            Kind::Meter(site) => site.handle(now, MeterInput::Medium(event)),
        }
    }

    fn bring(&mut self, now: Instant, action: usize) {
        if let (Kind::Concentrator(node), Some((meter, name, image))) =
            (&mut self.node, self.images.get(&action))
        {
            node.bring(now, *meter, (name, image));
        }
    }

    fn with_meter(&mut self, act: impl FnOnce(&mut Site)) {
        if let Kind::Meter(site) = &mut self.node {
            act(site);
        }
    }
}
