//! What the MAC knows about the channel: physical and virtual carrier sense, and its own transmission.

use crate::{Interop, Timing};
use core::time::Duration;
use plc_core::Instant;
use plc_core::sap::{CarrierSense, PhyLoss, Priority};

/// The state of the channel as this node sees it \[G3 MAC 2.1, 2.2\].
#[derive(Clone, Debug)]
pub(crate) struct Channel {
    timing: Timing,
    interop: Interop,
    /// Whether anything has happened yet.
    started: bool,
    /// Something is being received; believed until then, in case the PHY never says otherwise.
    receiving: Option<Instant>,
    /// The end of the exchange that a header has announced, with CIFS.
    announced: Instant,
    /// The end of the hold-off after a header that was not understood.
    unknown: Instant,
    air: Option<Air>,
}

/// A transmission that was asked of the PHY and has not ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Air {
    pub(crate) kind: AirKind,
    /// Time on air if it is carried out.
    pub(crate) duration: Duration,
    overdue: Instant,
}

/// What is on the air.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AirKind {
    /// A frame with a payload; whether it asks for an acknowledgement.
    Frame { response_expected: bool },
    /// An acknowledgement.
    Ack,
}

impl Channel {
    pub(crate) fn new(timing: Timing, interop: Interop) -> Self {
        let (announced, unknown) = (Instant::EPOCH, Instant::EPOCH);
        Self { timing, interop, started: false, receiving: None, announced, unknown, air: None }
    }

    /// The MAC is used. What was on the line before the first time is unknown.
    pub(crate) fn on_use(&mut self, now: Instant) {
        if !self.started && self.interop.eifs_at_start {
            self.unknown = now + self.timing.eifs;
        }
        self.started = true;
    }

    /// Whether the MAC was used.
    pub(crate) const fn started(&self) -> bool {
        self.started
    }

    /// The intervals have changed.
    pub(crate) fn retime(&mut self, timing: Timing) {
        self.timing = timing;
    }

    /// Neither receiving nor transmitting.
    pub(crate) fn quiet(&self, now: Instant) -> bool {
        self.air.is_none() && self.receiving.is_none_or(|until| until <= now)
    }

    /// When a reception that never ends stops to count.
    pub(crate) fn quiet_at(&self) -> Option<Instant> {
        self.receiving
    }

    /// The start of the window of `priority`, not before `now`.
    pub(crate) fn window(&self, now: Instant, priority: Priority) -> Instant {
        let before = self.timing.cfs_slots
            + if priority == Priority::Normal { self.timing.high_priority_slots } else { 0 };
        now.max(self.announced.max(self.unknown) + self.timing.slot * before)
    }

    /// Whether a frame of `priority` may begin at `slot`, as seen at `now`.
    pub(crate) fn free(&self, now: Instant, slot: Instant, priority: Priority) -> bool {
        self.quiet(now) && self.window(slot, priority) == slot
    }

    /// A transmission is asked of the PHY.
    pub(crate) fn on_request(&mut self, now: Instant, kind: AirKind, at: Instant, duration: Duration) {
        let overdue = at.max(now) + duration + self.timing.eifs;
        self.air = Some(Air { kind, duration, overdue });
    }

    /// The transmission is over; what was it? `sent` is its end, if it was carried out.
    pub(crate) fn on_confirm(&mut self, sent: Option<Instant>) -> Option<Air> {
        let air = self.air.take()?;
        if let (AirKind::Frame { response_expected }, Some(ended)) = (air.kind, sent) {
            self.announced = self.announced.max(ended + self.timing.after_frame(response_expected));
        }
        Some(air)
    }

    /// When the transmission counts as never confirmed.
    pub(crate) fn overdue(&self) -> Option<Instant> {
        self.air.map(|air| air.overdue)
    }

    /// Whether a transmission is under way.
    pub(crate) fn transmitting(&self) -> bool {
        self.air.is_some()
    }

    /// The PHY's carrier sense has changed.
    pub(crate) fn on_carrier_sense(&mut self, now: Instant, sense: CarrierSense) {
        match sense {
            CarrierSense::Preamble => self.receiving = Some(now + self.timing.ack * 2),
            CarrierSense::Frame { ends, response_expected } => self.on_header(now, ends, response_expected),
            CarrierSense::Idle => self.receiving = None,
        }
    }

    /// A frame has arrived; its end is known exactly.
    pub(crate) fn on_frame(&mut self, ended: Instant, response_expected: bool) {
        self.announced = ended + self.timing.after_frame(response_expected);
        self.unknown = Instant::EPOCH;
    }

    /// An acknowledgement has arrived: the exchange is over.
    pub(crate) fn on_ack(&mut self, ended: Instant, more_segments: bool) {
        self.announced = ended + self.timing.cifs;
        self.unknown = Instant::EPOCH;
        self.on_burst(more_segments);
    }

    /// A frame or its acknowledgement was heard, and `more` says that the sender keeps the channel: the next contention
    /// state belongs to it \[G3 MAC 1.1\]. Others wait until the header of its next segment would have been heard.
    pub(crate) fn on_burst(&mut self, more: bool) {
        if more && self.interop.yield_to_bursts {
            let segment = self.timing.slot * self.timing.cfs_slots + self.timing.ack;
            self.announced += segment;
        }
    }

    /// A frame was lost.
    pub(crate) fn on_lost(&mut self, loss: PhyLoss, ended: Instant) {
        if loss != PhyLoss::Payload || self.interop.eifs_after_bad_payload {
            self.unknown = self.unknown.max(ended + self.timing.eifs);
        }
    }

    fn on_header(&mut self, now: Instant, ends: Instant, response_expected: bool) {
        let ends = ends.min(now + self.timing.eifs);
        self.receiving = Some(ends + self.timing.ack);
        self.on_frame(ends, response_expected);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::GEOMETRY;

    const NOW: Instant = Instant::from_secs(1);

    fn channel() -> (Channel, Timing) {
        let timing = Timing::new(&GEOMETRY);
        (Channel::new(timing, Interop::default()), timing)
    }

    #[test]
    fn a_header_holds_the_channel_for_its_frame_and_the_acknowledgement() {
        let (mut channel, t) = channel();
        let ends = NOW + Duration::from_millis(100);
        channel.on_carrier_sense(NOW, CarrierSense::Frame { ends, response_expected: true });
        assert!(!channel.quiet(NOW));
        channel.on_carrier_sense(ends, CarrierSense::Idle);
        let contention = ends + t.rifs + t.ack + t.cifs;
        assert!(channel.quiet(ends));
        assert_eq!(channel.window(ends, Priority::High), contention + t.slot);
        assert_eq!(channel.window(ends, Priority::Normal), contention + t.slot * 8);
        assert!(!channel.free(ends, contention + t.slot * 7, Priority::Normal));
        assert!(channel.free(ends, contention + t.slot * 8, Priority::Normal));
    }

    #[test]
    fn a_frame_that_asks_for_nothing_and_an_acknowledgement_are_followed_by_cifs() {
        let (mut channel, t) = channel();
        channel.on_frame(NOW, false);
        assert_eq!(channel.window(NOW, Priority::High), NOW + t.cifs + t.slot);
        channel.on_frame(NOW, true);
        channel.on_ack(NOW + t.rifs + t.ack, false);
        assert_eq!(channel.window(NOW, Priority::High), NOW + t.rifs + t.ack + t.cifs + t.slot);
    }

    #[test]
    fn a_burst_keeps_the_channel_until_its_next_header_would_have_been_heard() {
        let (mut channel, t) = channel();
        let contention = NOW + t.rifs + t.ack + t.cifs;
        channel.on_frame(NOW, true);
        channel.on_burst(true);
        assert_eq!(channel.window(NOW, Priority::High), contention + t.slot + t.ack + t.slot);
        channel.on_ack(NOW + t.rifs + t.ack, true);
        assert_eq!(channel.window(NOW, Priority::High), contention + t.slot + t.ack + t.slot);
        channel.on_ack(NOW + t.rifs + t.ack, false);
        assert_eq!(channel.window(NOW, Priority::High), contention + t.slot);
    }

    #[test]
    fn a_node_that_has_just_started_waits_for_eifs_once() {
        let (mut channel, t) = channel();
        channel.on_use(NOW);
        channel.on_use(NOW + t.slot);
        assert_eq!(channel.window(NOW, Priority::High), NOW + t.eifs + t.slot);
    }

    #[test]
    fn an_unknown_header_holds_for_eifs_unless_a_good_frame_follows() {
        let (mut channel, t) = channel();
        channel.on_lost(PhyLoss::Payload, NOW);
        assert_eq!(channel.window(NOW, Priority::High), NOW);
        channel.on_lost(PhyLoss::Header, NOW);
        assert_eq!(channel.window(NOW, Priority::High), NOW + t.eifs + t.slot);
        channel.on_frame(NOW, false);
        assert_eq!(channel.window(NOW, Priority::High), NOW + t.cifs + t.slot);
    }

    #[test]
    fn a_preamble_without_an_end_stops_to_count() {
        let (mut channel, t) = channel();
        channel.on_carrier_sense(NOW, CarrierSense::Preamble);
        assert!(!channel.quiet(NOW + t.ack));
        assert_eq!(channel.quiet_at(), Some(NOW + t.ack * 2));
        assert!(channel.quiet(NOW + t.ack * 2));
    }

    #[test]
    fn a_header_that_announces_forever_is_clipped() {
        let (mut channel, t) = channel();
        let ends = Instant::from_nanos(u64::MAX);
        channel.on_carrier_sense(NOW, CarrierSense::Frame { ends, response_expected: false });
        assert_eq!(channel.window(NOW, Priority::High), NOW + t.eifs + t.cifs + t.slot);
    }

    #[test]
    fn the_channel_is_not_quiet_while_something_is_sent() {
        let (mut channel, t) = channel();
        channel.on_request(NOW, AirKind::Ack, NOW, t.ack);
        assert!(!channel.quiet(NOW + t.eifs * 9) && channel.transmitting());
        assert_eq!(channel.overdue(), Some(NOW + t.ack + t.eifs));
        assert_eq!(channel.on_confirm(Some(NOW)).map(|air| air.kind), Some(AirKind::Ack));
        assert!(channel.quiet(NOW));
    }
}
