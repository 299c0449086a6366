//! What is on the line, and how loud it is at each receiver.

use super::air::FlightId;
use super::{Body, Frame, Head, Links};
use plc_core::Instant;
use plc_core::sap::{GROUPS_MAX, TxGain};
use std::collections::VecDeque;

/// The frames on the line and those that were beside them, with links and noise.
#[derive(Debug)]
pub(super) struct Traffic {
    pub(super) links: Links,
    flights: VecDeque<Flight>,
    /// Of the first of the flights.
    first: FlightId,
    on_air: Vec<FlightId>,
    /// Noise over ordinary noise, linear, by receiver and group.
    noise: Vec<f32>,
}

/// A frame on the line.
#[derive(Debug)]
pub(super) struct Flight {
    pub(super) from: u32,
    pub(super) frame: Box<Frame>,
    pub(super) head: Head,
    /// Other flights at the same time.
    pub(super) beside: Vec<FlightId>,
    /// Who has locked on to it.
    pub(super) heard_by: Vec<u32>,
    /// The factor of power of each group.
    pub(super) gains: [f32; GROUPS_MAX],
    /// Whether all of them are one.
    pub(super) full_level: bool,
    /// Whether a receiver has lost it to another one.
    pub(super) collided: bool,
}

impl Traffic {
    pub(super) fn new(links: Links, receivers: usize) -> Self {
        let noise = vec![1.0; receivers * links.groups()];
        Self { links, flights: VecDeque::new(), first: 0, on_air: Vec::new(), noise }
    }

    pub(super) fn flight(&self, id: FlightId) -> &Flight {
        &self.flights[(id - self.first) as usize]
    }

    pub(super) fn flight_mut(&mut self, id: FlightId) -> &mut Flight {
        &mut self.flights[(id - self.first) as usize]
    }

    pub(super) fn frame(&self, id: FlightId) -> &Frame {
        &self.flight(id).frame
    }

    /// The frames that have not ended.
    pub(super) fn on_air(&self) -> &[FlightId] {
        &self.on_air
    }

    /// Noise at a receiver, by group.
    pub(super) fn noise(&self, node: u32) -> &[f32] {
        let groups = self.links.groups();
        &self.noise[node as usize * groups..][..groups]
    }

    pub(super) fn noise_mut(&mut self, node: u32) -> &mut [f32] {
        let groups = self.links.groups();
        &mut self.noise[node as usize * groups..][..groups]
    }

    /// A frame begins.
    pub(super) fn begin(&mut self, from: u32, frame: Box<Frame>) -> FlightId {
        self.forget();
        let id = self.first + self.flights.len() as u64;
        let beside = self.on_air.clone();
        beside.iter().for_each(|&other| self.flight_mut(other).beside.push(id));
        self.on_air.push(id);
        let gains = std::array::from_fn(|group| gain(&frame, group) as f32);
        let full_level = gains.iter().all(|&gain| gain == 1.0);
        let (head, heard_by, collided) = (Head::of(&frame), Vec::new(), false);
        self.flights.push_back(Flight { from, frame, head, beside, heard_by, gains, full_level, collided });
        id
    }

    /// A frame has ended.
    pub(super) fn end(&mut self, id: FlightId) {
        self.on_air.retain(|&other| other != id);
    }

    /// Received power of `id` at `to`, in ratios to ordinary noise summed over the groups.
    pub(super) fn level(&self, id: FlightId, to: u32) -> f32 {
        let link = self.links.between(self.flight(id).from, to);
        link.map_or(0.0, |link| link.ratios.iter().sum())
    }

    /// Drops flights that are over and were beside none that is not.
    fn forget(&mut self) {
        let oldest = self.on_air.iter().map(|&id| self.frame(id).start).min();
        let over = |traffic: &Self| {
            let front = traffic.flights.front()?;
            let needed =
                traffic.on_air.contains(&traffic.first) || oldest.is_some_and(|at| at < front.frame.ends);
            (!needed).then_some(())
        };
        while over(self).is_some() {
            self.flights.pop_front();
            self.first += 1;
        }
    }
}

/// The factor of power of a group.
fn gain(frame: &Frame, group: usize) -> f64 {
    match &frame.body {
        Body::Data { gain, .. } if *gain != TxGain::default() => {
            10f64.powf(-f64::from(gain.step_db() * f32::from(gain.steps_of(group))) / 10.0)
        }
        _ => 1.0,
    }
}

/// From one instant to another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Interval {
    pub(super) from: Instant,
    pub(super) to: Instant,
}

impl Interval {
    /// What both have in common.
    pub(super) fn shared(self, frame: &Frame) -> Option<Self> {
        let (from, to) = (self.from.max(frame.start), self.to.min(frame.ends));
        (from < to).then_some(Self { from, to })
    }
}
