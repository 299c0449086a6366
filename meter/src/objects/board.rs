//! The objects that have a state of their own, and what belongs to them.

use super::PushHost;
use super::defaults;
use super::events::EventLogs;
use super::image::ImageStore;
use super::names;
use super::quality::{QualityBook, QualityRow, Tallies};
use super::rates::{Counted, RateRegisters};
use crate::application::MeterPersist;
use crate::config::ImageCheck;
use crate::firmware::BootReport;
use crate::journal::KeptImage;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use dlms::classes::{
    Account, ActivityCalendar, Arbitrator, Charge, Command, Credit, DataObject, DemandRegister,
    DisconnectControl, Effects, ExtendedRegister, ImageTransfer, Limiter, LocalPort, Moment, Object,
    PushSetup, RegisterActivation, RegisterMonitor, Schedule, Schema, ScriptTable, SingleActionSchedule,
    Snapshot, SpecialDays, TokenGateway, WallClock,
};
use dlms::cosem::{LogicalName, Wall};
use plc_core::seed::{Stream, uniform};
use plc_core::{Instant, Outbox, Seed, Utc};

macro_rules! slots {
    ($($slot:ident, $field:ident, $class:ident, $name:ident;)+) => {
        /// An object with a state of its own.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Slot {
            $(#[doc = stringify!($field)] $slot,)+
        }

        /// All of them, with their names and classes.
        pub(super) const SLOTS: [(Slot, LogicalName, &Schema); [$(Slot::$slot),+].len()] =
            [$((Slot::$slot, names::$name, $class::SCHEMA),)+];

        /// The objects.
        #[derive(Debug)]
        pub struct Slots {
            $(#[doc = stringify!($field)] pub $field: $class,)+
        }

        impl Slots {
            /// An object.
            pub fn object(&self, slot: Slot) -> &dyn Object {
                match slot { $(Slot::$slot => &self.$field,)+ }
            }

            /// An object, to change it.
            pub fn object_mut(&mut self, slot: Slot) -> &mut dyn Object {
                match slot { $(Slot::$slot => &mut self.$field,)+ }
            }
        }
    };
}

slots! {
    Clock, clock, WallClock, CLOCK;
    ResetScripts, reset_scripts, ScriptTable, RESET_SCRIPTS;
    BillingScripts, billing_scripts, ScriptTable, BILLING_SCRIPTS;
    TariffScripts, tariff_scripts, ScriptTable, TARIFF_SCRIPTS;
    DisconnectScripts, disconnect_scripts, ScriptTable, DISCONNECT_SCRIPTS;
    ImageScripts, image_scripts, ScriptTable, IMAGE_SCRIPTS;
    PushScripts, push_scripts, ScriptTable, PUSH_SCRIPTS;
    SpecialDays, special_days, SpecialDays, SPECIAL_DAYS;
    Schedule, schedule, Schedule, SCHEDULE;
    Calendar, calendar, ActivityCalendar, CALENDAR;
    Activation, activation, RegisterActivation, REGISTER_ACTIVATION;
    BillingSchedule, billing_schedule, SingleActionSchedule, BILLING_SCHEDULE;
    DisconnectSchedule, disconnect_schedule, SingleActionSchedule, DISCONNECT_SCHEDULE;
    ImageSchedule, image_schedule, SingleActionSchedule, IMAGE_SCHEDULE;
    PushSchedule, push_schedule, SingleActionSchedule, PUSH_SCHEDULE;
    CurrentMonitor, current_monitor, RegisterMonitor, CURRENT_MONITOR;
    VoltageMonitor, voltage_monitor, RegisterMonitor, VOLTAGE_MONITOR;
    AlarmMonitor, alarm_monitor, RegisterMonitor, ALARM_MONITOR;
    Limiter, limiter, Limiter, LIMITER;
    Account, account, Account, ACCOUNT;
    Credit, credit, Credit, CREDIT;
    Charge, charge, Charge, CHARGE;
    TokenGateway, token_gateway, TokenGateway, TOKEN_GATEWAY;
    PushInterval, push_interval, PushSetup, PUSH_INTERVAL;
    PushAlarm, push_alarm, PushSetup, PUSH_ALARM;
    Image, image, ImageTransfer, IMAGE_TRANSFER;
    Disconnector, disconnector, DisconnectControl, DISCONNECTOR;
    Arbitrator, arbitrator, Arbitrator, ARBITRATOR;
    Demand, demand, DemandRegister, DEMAND;
    Maximum, maximum, ExtendedRegister, MAXIMUM_DEMAND;
    DemandExport, demand_export, DemandRegister, DEMAND_EXPORT;
    MaximumExport, maximum_export, ExtendedRegister, MAXIMUM_DEMAND_EXPORT;
    DemandReactive, demand_reactive, DemandRegister, DEMAND_REACTIVE;
    MaximumReactive, maximum_reactive, ExtendedRegister, MAXIMUM_DEMAND_REACTIVE;
    DemandApparent, demand_apparent, DemandRegister, DEMAND_APPARENT;
    MaximumApparent, maximum_apparent, ExtendedRegister, MAXIMUM_DEMAND_APPARENT;
    DeviceId2, device_id_2, DataObject, DEVICE_ID_2;
    ConsumerMessage, consumer_message, DataObject, CONSUMER_MESSAGE;
    ConsumerCode, consumer_code, DataObject, CONSUMER_CODE;
    MeteringMode, metering_mode, DataObject, METERING_MODE;
    PowerFailures, power_failures, DataObject, POWER_FAILURES;
    ErrorRegister, error_register, DataObject, ERROR_REGISTER;
    AlarmRegister, alarm_register, DataObject, ALARM_REGISTER;
    AlarmFilter, alarm_filter, DataObject, ALARM_FILTER;
    AlarmDescriptor, alarm_descriptor, DataObject, ALARM_DESCRIPTOR;
    AlarmRegister2, alarm_register_2, DataObject, ALARM_REGISTER_2;
    AlarmFilter2, alarm_filter_2, DataObject, ALARM_FILTER_2;
    AlarmDescriptor2, alarm_descriptor_2, DataObject, ALARM_DESCRIPTOR_2;
    LocalPort, local_port, LocalPort, LOCAL_PORT;
}

/// The schedules of one action.
pub(super) const SCHEDULES: [Slot; 4] =
    [Slot::BillingSchedule, Slot::DisconnectSchedule, Slot::ImageSchedule, Slot::PushSchedule];
/// The push setups.
pub(crate) const PUSHES: [Slot; 2] = [Slot::PushInterval, Slot::PushAlarm];

/// All state of the objects of a meter that is not measured.
#[derive(Debug)]
pub struct Board {
    /// The objects.
    pub slots: Slots,
    /// The logs of events.
    pub events: EventLogs,
    /// Energy by rate.
    pub(super) rates: RateRegisters,
    /// The total when the rates were counted up last.
    pub(super) counted: Option<Counted>,
    /// Dips, swells and interruptions.
    pub quality: QualityBook,
    quality_records: Outbox<QualityRow, QUALITY_RECORDS_MAX>,
    /// Whether the wiring was found faulty.
    pub(super) wiring_faulty: bool,
    pub(super) images: ImageStore,
    /// What the boot record says, of a meter with two banks.
    pub(super) boot: Option<BootReport>,
    /// Trials that were begun when the last activation was asked for.
    pub(super) wanted: Option<u8>,
    /// Up to when on the wall schedules have been carried out.
    pub(super) carried_out: Option<Wall>,
    /// When the next of them is due.
    pub(super) next: Option<Utc>,
    /// Whether something was changed that may be due at once.
    pub(super) is_stale: bool,
    was_down: bool,
    /// The supply has come back, and nobody was told over the network yet.
    pub(super) untold: bool,
    /// The interval push that waits: its values are those of the moment at which it was triggered.
    pub(super) held_push: Option<Vec<u8>>,
    /// When a scheduled interval push is made of what is there, if nothing is measured before.
    pub(super) push_due: Option<Instant>,
    entropy: Stream,
    /// Descriptors of alarms that nobody has been notified of.
    alarms: BTreeSet<Slot>,
    /// What has changed since it was made durable.
    changed: BTreeSet<Slot>,
}

impl Board {
    /// The objects of a new meter.
    pub fn new(image_check: ImageCheck, image_size_max: u32, seed: &Seed) -> Self {
        Self {
            slots: defaults::slots(image_size_max),
            events: EventLogs::new(),
            rates: RateRegisters::default(),
            counted: None,
            quality: QualityBook::new(),
            quality_records: Outbox::new(),
            wiring_faulty: false,
            images: ImageStore::new(image_check),
            boot: None,
            wanted: None,
            carried_out: None,
            next: None,
            is_stale: false,
            was_down: false,
            untold: false,
            held_push: None,
            push_due: None,
            entropy: seed.stream(),
            alarms: BTreeSet::new(),
            changed: BTreeSet::new(),
        }
    }

    /// The object of this name.
    pub fn find(name: LogicalName) -> Option<Slot> {
        SLOTS.iter().find(|slot| slot.1 == name).map(|slot| slot.0)
    }

    /// Everything that must survive a restart, object by object.
    pub fn snapshots(&self) -> Vec<Snapshot> {
        SLOTS.iter().map(|&(slot, name, _)| Snapshot::of(name, self.slots.object(slot))).collect()
    }

    /// Gives states back; what does not fit its object is left as it is. A meter that `has_lived` has been without power.
    pub fn restore(&mut self, snapshots: &[Snapshot], has_lived: bool) {
        for snapshot in snapshots {
            if let Some(slot) = Self::find(snapshot.logical_name) {
                snapshot.restore(self.slots.object_mut(slot));
            }
        }
        self.was_down = has_lived;
        self.untold = has_lived;
    }

    /// What the boot record says, what was kept of an image, and how many trials were begun when it was to be activated.
    pub(crate) fn restore_image(&mut self, boot: Option<BootReport>, kept: KeptImage, wanted: Option<u8>) {
        (self.boot, self.wanted) = (boot, wanted);
        self.images.restore(&mut self.slots.image, kept);
    }

    /// All that has come of an image.
    pub(crate) const fn image(&self) -> &KeptImage {
        self.images.kept()
    }

    /// Makes room for an image.
    pub(super) fn begin_image(&mut self, size: u32) {
        self.images.begin(size, self.slots.image.block_size);
    }

    /// Trials that were begun when the last activation was asked for.
    pub(crate) const fn wanted(&self) -> Option<u8> {
        self.wanted
    }

    /// A record of an image that was not taken.
    pub(crate) fn take_image_record(&mut self) -> Option<MeterPersist> {
        self.images.take_record()
    }

    /// A meter that has lived before and measures again has been without power.
    pub(super) fn count_power_failure(&mut self) {
        if core::mem::take(&mut self.was_down) {
            let failures = self.slots.power_failures.value.number().unwrap_or(0);
            let failures = u32::try_from(failures).unwrap_or(u32::MAX).saturating_add(1);
            self.slots.power_failures.put(&failures);
            self.mark(Slot::PowerFailures);
        }
    }

    /// What follows when the circuit is wanted open or closed; `None` where the mode does not allow it in this state.
    pub(super) fn command(&mut self, command: Command) -> Option<Effects> {
        let mut effects = Effects::default();
        self.slots.disconnector.command(command, &mut effects).then_some(effects)
    }

    /// A number that nobody foresees.
    pub(super) fn random(&mut self) -> u32 {
        uniform(&mut self.entropy, u32::MAX)
    }

    /// The energy by rate.
    pub const fn rates(&self) -> &RateRegisters {
        &self.rates
    }

    /// Gives back what was counted by rate.
    pub const fn restore_rates(&mut self, rates: RateRegisters) {
        self.rates = rates;
    }

    /// Gives back what was counted and kept of power quality.
    pub(crate) fn restore_quality(&mut self, tallies: Tallies, rows: &[QualityRow]) {
        self.quality.restore(tallies, rows);
    }

    /// Something was wrong with the voltage, and is over.
    pub(super) fn note_quality(&mut self, row: QualityRow) {
        self.quality.note(row);
        self.quality_records.push(row);
    }

    /// The oldest row of power quality that was not taken. Its log keeps it, taken or not.
    pub(crate) fn take_quality(&mut self) -> Option<QualityRow> {
        self.quality_records.pop()
    }

    /// A demand register.
    pub(super) const fn demand_mut(&mut self, slot: Slot) -> Option<&mut DemandRegister> {
        match slot {
            Slot::Demand => Some(&mut self.slots.demand),
            Slot::DemandExport => Some(&mut self.slots.demand_export),
            Slot::DemandReactive => Some(&mut self.slots.demand_reactive),
            Slot::DemandApparent => Some(&mut self.slots.demand_apparent),
            _ => None,
        }
    }

    /// The state of an object has changed.
    pub(super) fn mark(&mut self, slot: Slot) {
        self.changed.insert(slot);
    }

    /// An object whose state has changed since it was taken here.
    pub fn take_changed(&mut self) -> Option<Snapshot> {
        let slot = self.changed.pop_first()?;
        let (_, name, _) = *SLOTS.iter().find(|known| known.0 == slot)?;
        Some(Snapshot::of(name, self.slots.object(slot)))
    }

    /// The windows of all demand registers: what is known of them is to be kept.
    pub(super) fn mark_demands(&mut self) {
        let demands = [Slot::Demand, Slot::DemandExport, Slot::DemandReactive, Slot::DemandApparent];
        demands.into_iter().for_each(|slot| self.mark(slot));
    }

    /// What `now` is to the objects.
    pub fn moment(&self, now: Instant, utc: Option<Utc>) -> Moment {
        Moment { now, utc, wall: utc.map(|utc| self.slots.clock.wall(utc)) }
    }

    /// A push setup.
    pub(super) const fn push_mut(&mut self, slot: Slot) -> Option<&mut PushSetup> {
        match slot {
            Slot::PushInterval => Some(&mut self.slots.push_interval),
            Slot::PushAlarm => Some(&mut self.slots.push_alarm),
            _ => None,
        }
    }

    /// The host and port to which a push setup pushes, where it names such.
    pub(crate) fn push_host(&self, slot: Slot) -> Option<PushHost> {
        let setup = match slot {
            Slot::PushInterval => &self.slots.push_interval,
            Slot::PushAlarm => &self.slots.push_alarm,
            _ => return None,
        };
        PushHost::of(&setup.destination)
    }

    /// Whether pushes of this setup are to be confirmed.
    pub(crate) fn is_push_confirmed(&mut self, slot: Slot) -> bool {
        self.push_mut(slot).is_some_and(|push| push.is_confirmed())
    }

    /// A push has arrived; if it was confirmed, at this time.
    pub(crate) fn on_delivered(&mut self, slot: Slot, confirmed: Option<Utc>) {
        let time = confirmed.map(|utc| self.slots.clock.time(utc));
        if let Some(push) = self.push_mut(slot) {
            push.on_delivered(time);
        }
    }

    /// Whether no further attempt is made.
    pub(crate) fn is_given_up(&mut self, slot: Slot) -> bool {
        self.push_mut(slot).is_some_and(|push| push.deadline().is_none())
    }

    pub(super) const fn schedule(&self, slot: Slot) -> Option<&SingleActionSchedule> {
        match slot {
            Slot::BillingSchedule => Some(&self.slots.billing_schedule),
            Slot::DisconnectSchedule => Some(&self.slots.disconnect_schedule),
            Slot::ImageSchedule => Some(&self.slots.image_schedule),
            Slot::PushSchedule => Some(&self.slots.push_schedule),
            _ => None,
        }
    }

    pub(super) fn script_table(&self, name: LogicalName) -> Option<&ScriptTable> {
        let slots = &self.slots;
        let tables = [
            &slots.reset_scripts,
            &slots.billing_scripts,
            &slots.tariff_scripts,
            &slots.disconnect_scripts,
            &slots.image_scripts,
            &slots.push_scripts,
        ];
        let place = [
            names::RESET_SCRIPTS,
            names::BILLING_SCRIPTS,
            names::TARIFF_SCRIPTS,
            names::DISCONNECT_SCRIPTS,
            names::IMAGE_SCRIPTS,
            names::PUSH_SCRIPTS,
        ];
        place.iter().position(|known| *known == name).map(|n| tables[n])
    }

    /// When time alone has something to do: schedules by the clock, pushes by the driver's.
    pub fn deadlines(&self) -> (Option<Utc>, Option<Instant>) {
        let pushes = [&self.slots.push_interval, &self.slots.push_alarm];
        (self.next, pushes.iter().filter_map(|push| push.deadline()).chain(self.push_due).min())
    }

    /// Bits of the second alarm register that are no longer so.
    pub(super) fn lower_alarm_2(&mut self, bits: u32) {
        let held = alarms(&self.slots.alarm_register_2);
        if held & bits != 0 {
            self.slots.alarm_register_2.put(&(held & !bits));
            self.mark(Slot::AlarmRegister2);
        }
    }

    /// Whether an alarm of the second register is one that the filter lets through.
    pub(super) fn passes_2(&self, bits: u32) -> bool {
        alarms(&self.slots.alarm_filter_2) & bits != 0
    }

    /// Bits of the alarm register rise; those that the filter lets through stay in the descriptor and are pushed.
    pub(super) fn raise_alarm(&mut self, register: AlarmRegister, bits: u32, now: Instant) {
        let slots = &mut self.slots;
        let (held, filter, descriptor) = match register {
            AlarmRegister::First => {
                (&mut slots.alarm_register, &slots.alarm_filter, &mut slots.alarm_descriptor)
            }
            AlarmRegister::Second => {
                (&mut slots.alarm_register_2, &slots.alarm_filter_2, &mut slots.alarm_descriptor_2)
            }
        };
        let before = alarms(held);
        let raised = bits & !before;
        if raised == 0 {
            return;
        }
        held.put(&(before | bits));
        let passed = raised & alarms(filter);
        if passed != 0 {
            descriptor.put(&(alarms(descriptor) | passed));
            slots.push_alarm.trigger(now, 0);
        }
        let [register, descriptor] = match register {
            AlarmRegister::First => [Slot::AlarmRegister, Slot::AlarmDescriptor],
            AlarmRegister::Second => [Slot::AlarmRegister2, Slot::AlarmDescriptor2],
        };
        self.mark(register);
        if passed != 0 {
            self.mark(descriptor);
            self.alarms.insert(descriptor);
        }
    }

    /// The descriptor of an alarm that was raised since it was taken here.
    pub(crate) fn take_alarm(&mut self) -> Option<LogicalName> {
        let slot = self.alarms.pop_first()?;
        SLOTS.iter().find(|known| known.0 == slot).map(|known| known.1)
    }
}

/// The bits of a register of alarms.
fn alarms(object: &DataObject) -> u32 {
    object.value.number().and_then(|number| u32::try_from(number).ok()).unwrap_or(0)
}

/// A register of alarms, each with a filter and a descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlarmRegister {
    /// Of the meter: [`crate::specs::alarm`].
    First,
    /// Of the mains: [`crate::specs::alarm_2`].
    Second,
}

/// Rows of power quality that may wait to be made durable.
const QUALITY_RECORDS_MAX: usize = 16;

/// Effects of one object, with the object that has them.
pub(super) type Caused = (Slot, Effects);
