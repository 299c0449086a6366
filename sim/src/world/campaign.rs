//! Images of firmware on their way to meters. As the jobs of the daemon do, an image is ordered again with the progress that was told
//! until it runs or does not; what is known of it outlasts the concentrator.

use collector::{BACKGROUND, CollectorEvent, Image, ImageProgress, Order, OrderEnd, Work};
use plc_core::time::Duration;
use plc_core::{Eui64, Instant};

/// All images that were ordered; the number of an order is the place.
#[derive(Debug, Default)]
pub(super) struct Campaigns(Vec<Campaign>);

/// An image for a meter.
#[derive(Debug)]
struct Campaign {
    meter: Eui64,
    image: Image,
    /// When it is ordered; none while it is under way, and when it has ended.
    next: Option<Instant>,
    ended: bool,
}

/// How long an order waits at the collector.
const PATIENCE: Duration = Duration::from_secs(86_400);
/// How long a meter is left alone that was lost in the middle.
const AGAIN: Duration = Duration::from_secs(30);

impl Campaigns {
    /// This image shall run in this meter, under this name, from now on.
    pub(super) fn begin(&mut self, now: Instant, meter: Eui64, name: &str, octets: &[u8]) {
        let image = Image {
            identifier: name.as_bytes().to_vec(),
            octets: octets.into(),
            activate_from: now,
            progress: ImageProgress::default(),
        };
        self.0.push(Campaign { meter, image, next: Some(now), ended: false });
    }

    /// When the next one is to be ordered.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.0.iter().filter_map(|campaign| campaign.next).min()
    }

    /// Orders that are due.
    pub(super) fn due(&mut self, now: Instant) -> Vec<Order> {
        let due =
            self.0.iter_mut().zip(0..).filter(|(campaign, _)| campaign.next.is_some_and(|at| at <= now));
        let order = |(campaign, number): (&mut Campaign, u64)| {
            campaign.next = None;
            let work = Work::Image(campaign.image.clone());
            Order { number, meter: campaign.meter, work, priority: BACKGROUND, until: now + PATIENCE }
        };
        due.map(order).collect()
    }

    /// A life of the concentrator begins: it knows of no order.
    pub(super) fn on_life(&mut self, now: Instant) {
        self.0.iter_mut().filter(|campaign| !campaign.ended).for_each(|campaign| campaign.next = Some(now));
    }

    pub(super) fn on_event(&mut self, now: Instant, event: &CollectorEvent) {
        let (CollectorEvent::OrderProgress { number, .. } | CollectorEvent::OrderEnded { number, .. }) =
            event
        else {
            return;
        };
        let Some(campaign) = usize::try_from(*number).ok().and_then(|n| self.0.get_mut(n)) else { return };
        match event {
            CollectorEvent::OrderProgress { progress, .. } => campaign.image.progress = progress.clone(),
            CollectorEvent::OrderEnded { end: OrderEnd::Partly { pause }, .. } => {
                campaign.next = Some(now + *pause);
            }
            CollectorEvent::OrderEnded { end: OrderEnd::Uncertain(_) | OrderEnd::Expired, .. } => {
                campaign.next = Some(now + AGAIN);
            }
            _ => campaign.ended = true,
        }
    }
}
