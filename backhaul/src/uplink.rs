//! The box's end of the backhaul: a machine that says when to connect, what to send and what has arrived for good.

use crate::lane::Lane;
use crate::pace::{Pace, pause};
use crate::{Span, Spans};
use alloc::collections::VecDeque;
use core::time::Duration;
use plc_core::seed::Stream;
use plc_core::{Instant, Machine, Seed};

/// What is delivered; in this order when both wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lot {
    /// What operators need to know.
    Events,
    /// What the meters have captured.
    Readings,
    /// What tasks have read besides.
    Values,
}

impl Lot {
    /// All of them, in the order in which they go.
    pub const ALL: [Self; 3] = [Self::Events, Self::Readings, Self::Values];
}

/// In which order a backlog is delivered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// As it came.
    #[default]
    OldestFirst,
    /// What is new at once, the rest backwards.
    NewestFirst,
}

/// Limits and habits of an [`Uplink`].
#[derive(Clone, Debug)]
pub struct UplinkConfig {
    /// In which order a backlog of readings is delivered. Events and values always go as they came.
    pub order: Order,
    /// Rows of a batch at most.
    pub batch: u64,
    /// Batches on their way at most.
    pub window: usize,
    /// Octets per second at most.
    pub octets_per_s: Option<u64>,
    /// Silence after which either side says that it is there. Three times that without a word ends the connection.
    pub heartbeat: Duration,
    /// How long the head-end may take to make a batch durable.
    pub patience: Duration,
    /// Bound of the pause after the first failure; doubles with each further one.
    pub back_off: Duration,
    /// The greatest bound.
    pub back_off_max: Duration,
    /// The newest of each kind, in the order of [`Lot::ALL`], that may have been sent before: a head-end that holds more has got it from
    /// another life of the store. None: whatever there is may have been sent.
    pub ceiling: Option<[u64; 3]>,
    /// Source of jitter.
    pub seed: Seed,
}

impl UplinkConfig {
    /// For a link of some hundred kbit/s.
    pub fn new(seed: Seed) -> Self {
        Self {
            order: Order::OldestFirst,
            batch: 100,
            window: 256,
            octets_per_s: None,
            heartbeat: Duration::from_secs(15),
            patience: Duration::from_secs(60),
            back_off: Duration::from_secs(1),
            back_off_max: Duration::from_secs(300),
            ceiling: None,
            seed,
        }
    }
}

/// What happens to the uplink.
#[derive(Clone, Copy, Debug)]
pub enum UplinkInput<'a> {
    /// Things up to this cursor are durable in the box.
    Grown {
        /// Of which kind.
        lot: Lot,
        /// The cursor.
        newest: u64,
    },
    /// Things before this cursor have left the box.
    Pruned {
        /// Of which kind.
        lot: Lot,
        /// The first that is there.
        floor: u64,
    },
    /// The connection is open.
    Opened,
    /// The connection could not be opened, or is gone. The head-end may have said when to come back.
    Closed {
        /// Not before.
        retry_after: Option<Duration>,
    },
    /// The head-end knows the box, and holds this of its present epoch: events, readings, values.
    Welcome {
        /// Of the events.
        events: &'a Spans,
        /// Of the readings.
        readings: &'a Spans,
        /// Of the values; `None`: it does not take values.
        values: Option<&'a Spans>,
    },
    /// The head-end has committed: it holds this now.
    Acknowledged {
        /// Of which kind.
        lot: Lot,
        /// All of it.
        held: &'a Spans,
    },
    /// The head-end has said that it is there.
    Heartbeat,
    /// The batch that was asked for last is on its way.
    Sent {
        /// What it has cost.
        octets: u64,
    },
    /// The box has got a new epoch.
    Renewed,
}

/// What the uplink wants done or known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UplinkOutput {
    /// Open a connection, then answer with `Opened` or `Closed`.
    Open,
    /// Close the connection. No answer.
    Close(Ending),
    /// Say who is there.
    Hello,
    /// Say that the box is there.
    Heartbeat,
    /// Send this, then answer with `Sent`.
    Batch {
        /// Of which kind.
        lot: Lot,
        /// Which.
        span: Span,
    },
    /// The head-end holds this; worth keeping.
    Held {
        /// Of which kind.
        lot: Lot,
        /// All of it.
        spans: Spans,
    },
    /// The head-end holds more than the box ever had or has sent: its store was replaced or has gone back. Give it a new epoch and make that
    /// durable, then answer with `Renewed`.
    Renew,
}

/// Why a connection is closed by the box.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The head-end has not said a word for long.
    Silent,
    /// The head-end does not commit.
    NotAcknowledged,
    /// The box needs a new epoch first.
    NewEpoch,
    /// The head-end acknowledges what there never was.
    NeverSent,
}

/// The box's end of the backhaul.
#[derive(Debug)]
pub struct Uplink {
    config: UplinkConfig,
    stream: Stream,
    phase: Phase,
    /// In the order of [`Lot::ALL`].
    lanes: [Lane; 3],
    pace: Pace,
    /// Batches that were asked for and are not on their way yet.
    loading: usize,
    attempt: u32,
    heard: Instant,
    said: Instant,
    /// Since when the head-end owes a commit.
    owing: Instant,
    out: VecDeque<UplinkOutput>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Until the next attempt.
    Waiting(Instant),
    Opening,
    Greeting,
    Linked,
    /// Until the box has a new epoch.
    Renewing,
}

impl Uplink {
    /// An uplink that will connect at once.
    pub fn new(config: UplinkConfig) -> Self {
        Self {
            stream: config.seed.stream(),
            pace: Pace::new(config.octets_per_s),
            config,
            phase: Phase::Waiting(Instant::EPOCH),
            lanes: Default::default(),
            loading: 0,
            attempt: 0,
            heard: Instant::EPOCH,
            said: Instant::EPOCH,
            owing: Instant::EPOCH,
            out: VecDeque::new(),
        }
    }

    /// Whether the head-end has welcomed the box and was heard lately.
    pub fn is_linked(&self) -> bool {
        self.phase == Phase::Linked
    }

    /// Failures in a row.
    pub const fn attempt(&self) -> u32 {
        self.attempt
    }

    /// What the head-end holds of a kind, as it has said last.
    pub const fn held(&self, lot: Lot) -> &Spans {
        self.lanes[lot as usize].held()
    }

    /// Batches on their way, and outputs that wait.
    pub fn occupancy(&self) -> usize {
        self.in_flight() + self.out.len()
    }

    fn in_flight(&self) -> usize {
        self.lanes.iter().map(Lane::in_flight).sum()
    }

    const fn lane_mut(&mut self, lot: Lot) -> &mut Lane {
        &mut self.lanes[lot as usize]
    }

    /// The next range of the most urgent kind of which something waits.
    fn take(&mut self, limit: u64) -> Option<(Lot, Span)> {
        let order = self.config.order;
        Lot::ALL
            .into_iter()
            .find_map(|lot| Some((lot, self.lane_mut(lot).take(order_of(lot, order), limit)?)))
    }

    fn on_opened(&mut self, now: Instant) {
        if self.phase == Phase::Opening {
            (self.phase, self.heard) = (Phase::Greeting, now);
            self.say(now, UplinkOutput::Hello);
        }
    }

    fn on_closed(&mut self, now: Instant, retry_after: Option<Duration>) {
        if !matches!(self.phase, Phase::Waiting(_) | Phase::Renewing) {
            self.back_off(now, retry_after);
        }
    }

    /// What the head-end holds of each kind, in the order of [`Lot::ALL`]; `None` of one that it does not take.
    fn on_welcome(&mut self, now: Instant, held: [Option<&Spans>; 3]) {
        if self.phase != Phase::Greeting {
            return;
        }
        self.heard = now;
        let sent = self.config.ceiling.unwrap_or([u64::MAX; 3]);
        let foreign = |((lane, sent), held): ((&Lane, u64), &Option<&Spans>)| {
            held.is_some_and(|held| held.last() > lane.newest().min(sent))
        };
        if self.lanes.iter().zip(sent).zip(&held).any(foreign) {
            self.drop_link();
            self.out.push_back(UplinkOutput::Close(Ending::NewEpoch));
            self.out.push_back(UplinkOutput::Renew);
            self.phase = Phase::Renewing;
            return;
        }
        self.phase = Phase::Linked;
        self.config.ceiling = None;
        for (lot, held) in Lot::ALL.into_iter().zip(held) {
            self.lane_mut(lot).open(held.is_some());
            held.into_iter().for_each(|held| self.hold(lot, held));
            self.lane_mut(lot).reset();
        }
    }

    fn on_acknowledged(&mut self, now: Instant, lot: Lot, held: &Spans) {
        if self.phase != Phase::Linked {
            return;
        }
        // What was sent before the last break may be committed only now, so more cannot be said of it.
        if held.last() > self.lanes[lot as usize].newest() {
            return self.give_up(now, Ending::NeverSent);
        }
        (self.heard, self.owing, self.attempt) = (now, now, 0);
        self.hold(lot, held);
    }

    fn on_heartbeat(&mut self, now: Instant) {
        self.heard = now;
        if self.phase == Phase::Linked {
            self.attempt = 0;
        }
    }

    fn on_sent(&mut self, now: Instant, octets: u64) {
        self.loading = self.loading.saturating_sub(1);
        self.pace.charge(now, octets);
    }

    fn on_renewed(&mut self, now: Instant) {
        if self.phase == Phase::Renewing {
            for lot in Lot::ALL {
                self.hold(lot, &Spans::new());
                self.lane_mut(lot).reset();
            }
            self.config.ceiling = None;
            // A head-end that says so each time is not asked without a pause.
            self.back_off(now, None);
        }
    }

    fn hold(&mut self, lot: Lot, held: &Spans) {
        if self.lane_mut(lot).hold(held) {
            // The newest state of a lot replaces one that nobody has taken yet.
            self.out.retain(|output| !matches!(output, UplinkOutput::Held { lot: of, .. } if *of == lot));
            self.out.push_back(UplinkOutput::Held { lot, spans: held.clone() });
        }
    }

    fn say(&mut self, now: Instant, output: UplinkOutput) {
        self.said = now;
        self.out.push_back(output);
    }

    /// What is said after this goes to another connection.
    fn drop_link(&mut self) {
        self.out.retain(|output| matches!(output, UplinkOutput::Held { .. }));
        self.loading = 0;
        self.lanes.iter_mut().for_each(Lane::reset);
    }

    fn give_up(&mut self, now: Instant, ending: Ending) {
        self.back_off(now, None);
        self.out.push_back(UplinkOutput::Close(ending));
    }

    fn back_off(&mut self, now: Instant, retry_after: Option<Duration>) {
        self.drop_link();
        let UplinkConfig { back_off, back_off_max, .. } = self.config;
        let pause = pause(back_off, back_off_max, self.attempt, retry_after, &mut self.stream);
        self.attempt = self.attempt.saturating_add(1);
        self.phase = Phase::Waiting(now + pause.max(SHORTEST_PAUSE));
    }

    fn pump(&mut self, now: Instant) {
        match self.phase {
            Phase::Waiting(until) if until <= now => {
                (self.phase, self.heard) = (Phase::Opening, now);
                self.out.push_back(UplinkOutput::Open);
            }
            Phase::Opening | Phase::Greeting if self.silent_at() <= now => self.give_up(now, Ending::Silent),
            Phase::Linked => self.pump_link(now),
            _ => {}
        }
    }

    fn pump_link(&mut self, now: Instant) {
        if self.silent_at() <= now {
            return self.give_up(now, Ending::Silent);
        }
        if self.is_owed() && self.owing + self.config.patience <= now {
            return self.give_up(now, Ending::NotAcknowledged);
        }
        while self.may_send(now) {
            let Some((lot, span)) = self.take(self.config.batch) else { break };
            if self.in_flight() == 1 {
                self.owing = now;
            }
            self.loading += 1;
            self.say(now, UplinkOutput::Batch { lot, span });
        }
        if self.said + self.config.heartbeat <= now {
            self.say(now, UplinkOutput::Heartbeat);
        }
    }

    /// With a cap on octets each batch waits until the one before has told what it has cost.
    fn may_send(&self, now: Instant) -> bool {
        let room = self.in_flight() < self.config.window;
        room && (!self.pace.is_capped() || self.loading == 0 && self.pace.ready() <= now)
    }

    fn has_more(&self) -> bool {
        self.lanes.iter().any(|lane| lane.clone().take(Order::OldestFirst, 1).is_some())
    }

    fn is_owed(&self) -> bool {
        self.in_flight() > 0
    }

    fn silent_at(&self) -> Instant {
        self.heard + self.config.heartbeat * 3
    }

    fn link_deadline(&self) -> Instant {
        let owed = self.is_owed().then(|| self.owing + self.config.patience);
        let room = self.in_flight() < self.config.window;
        let waits = self.pace.is_capped() && self.loading == 0 && room && self.has_more();
        let paced = waits.then(|| self.pace.ready());
        let fixed = self.silent_at().min(self.said + self.config.heartbeat);
        owed.into_iter().chain(paced).fold(fixed, Instant::min)
    }
}

impl Machine for Uplink {
    type Input<'a> = UplinkInput<'a>;
    type Output = UplinkOutput;

    fn handle(&mut self, now: Instant, input: UplinkInput<'_>) {
        match input {
            UplinkInput::Grown { lot, newest } => self.lane_mut(lot).grow(newest),
            UplinkInput::Pruned { lot, floor } => self.lane_mut(lot).raise_floor(floor),
            UplinkInput::Opened => self.on_opened(now),
            UplinkInput::Closed { retry_after } => self.on_closed(now, retry_after),
            UplinkInput::Welcome { events, readings, values } => {
                self.on_welcome(now, [Some(events), Some(readings), values]);
            }
            UplinkInput::Acknowledged { lot, held } => self.on_acknowledged(now, lot, held),
            UplinkInput::Heartbeat => self.on_heartbeat(now),
            UplinkInput::Sent { octets } => self.on_sent(now, octets),
            UplinkInput::Renewed => self.on_renewed(now),
        }
        self.pump(now);
    }

    fn tick(&mut self, now: Instant) {
        if self.deadline().is_some_and(|deadline| deadline <= now) {
            self.pump(now);
        }
    }

    fn deadline(&self) -> Option<Instant> {
        match self.phase {
            Phase::Waiting(until) => Some(until),
            Phase::Opening | Phase::Greeting => Some(self.silent_at()),
            Phase::Linked => Some(self.link_deadline()),
            Phase::Renewing => None,
        }
    }

    fn poll(&mut self) -> Option<UplinkOutput> {
        self.out.pop_front()
    }
}

/// Only readings may go with the newest first.
const fn order_of(lot: Lot, readings: Order) -> Order {
    match lot {
        Lot::Readings => readings,
        Lot::Events | Lot::Values => Order::OldestFirst,
    }
}

/// However small the jitter: a failed attempt and the next never share an instant.
const SHORTEST_PAUSE: Duration = Duration::from_millis(1);
