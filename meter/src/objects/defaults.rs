//! What the objects hold when a meter is made.

use super::board::Slots;
use super::names;
use crate::specs;
use alloc::vec::Vec;
use dlms::classes::{
    Account, ActivityCalendar, AnyValue, Arbitrator, AssignedRegister, AttributeReference, Charge, Credit,
    Currency, CurrencyName, DataObject, DayAction, DayProfile, DemandRegister, Destination,
    DisconnectControl, Enumerated, ExecutionTime, ExtendedRegister, ImageTransfer, Limiter, LimiterActions,
    List, LocalPort, Mask, Octets, PushObject, PushSetup, RegisterActivation, RegisterMonitor, Restriction,
    Schedule, ScheduleType, Script, ScriptAction, ScriptReference, ScriptTable, Season, Service,
    SingleActionSchedule, SpecialDays, TokenGateway, WallClock, Week,
};
use dlms::cosem::{ClockTime, Date, LogicalName, ScalerUnit, Time, Unit};
use dlms::specs::objects::NAME_LEN_MAX;
use dlms::specs::schemas;

/// All objects of a new meter.
pub(super) fn slots(image_size_max: u32) -> Slots {
    let of = |unit| ScalerUnit { scaler: specs::SCALER, unit };
    let watts = of(Unit::WATT);
    let table = |name, scripts| ScriptTable::new(name, scripts);
    Slots {
        clock: WallClock::new(specs::CLOCK_BASE_CRYSTAL),
        reset_scripts: table(names::RESET_SCRIPTS, Vec::from([Script::new(1, reset())])),
        billing_scripts: table(names::BILLING_SCRIPTS, billing()),
        tariff_scripts: table(names::TARIFF_SCRIPTS, tariffs()),
        disconnect_scripts: table(names::DISCONNECT_SCRIPTS, disconnect()),
        image_scripts: table(names::IMAGE_SCRIPTS, image()),
        push_scripts: table(names::PUSH_SCRIPTS, pushes()),
        special_days: SpecialDays::new(),
        schedule: Schedule::new(),
        calendar: calendar(),
        activation: activation(),
        billing_schedule: monthly(script(names::BILLING_SCRIPTS, 1)),
        disconnect_schedule: SingleActionSchedule::new(
            script(names::DISCONNECT_SCRIPTS, 1),
            ScheduleType::AnyDates,
        ),
        image_schedule: SingleActionSchedule::new(script(names::IMAGE_SCRIPTS, 1), ScheduleType::OneAnyDate),
        push_schedule: SingleActionSchedule::new(script(names::PUSH_SCRIPTS, 1), ScheduleType::AnyDates),
        current_monitor: RegisterMonitor::new(value_of(schemas::REGISTER.class_id, names::CURRENT)),
        voltage_monitor: RegisterMonitor::new(value_of(schemas::REGISTER.class_id, names::VOLTAGE)),
        alarm_monitor: RegisterMonitor::new(value_of(schemas::DATA.class_id, names::ALARM_DESCRIPTOR)),
        limiter: Limiter::new(
            value_of(schemas::REGISTER.class_id, names::POWER_IMPORT),
            LimiterActions { over: script(names::DISCONNECT_SCRIPTS, 1), under: ScriptReference::NONE },
        ),
        account: Account::new(currency()),
        credit: Credit::new(0),
        charge: Charge::new(0),
        token_gateway: TokenGateway::new(),
        push_interval: push(&[INTERVAL_PUSH]),
        push_alarm: push(&ALARM_PUSH),
        image: ImageTransfer::new(specs::IMAGE_BLOCK_LEN, image_size_max),
        disconnector: DisconnectControl::new(specs::CONTROL_MODE),
        arbitrator: Arbitrator::new(),
        demand: DemandRegister::new(watts, specs::DEMAND_PERIOD_S, 1),
        maximum: ExtendedRegister::new(watts),
        demand_export: DemandRegister::new(watts, specs::DEMAND_PERIOD_S, 1),
        maximum_export: ExtendedRegister::new(watts),
        demand_reactive: DemandRegister::new(of(Unit::VAR), specs::DEMAND_PERIOD_S, 1),
        maximum_reactive: ExtendedRegister::new(of(Unit::VAR)),
        demand_apparent: DemandRegister::new(of(Unit::VOLT_AMPERE), specs::DEMAND_PERIOD_S, 1),
        maximum_apparent: ExtendedRegister::new(of(Unit::VOLT_AMPERE)),
        device_id_2: DataObject::new(&Octets::<1>::default()),
        consumer_message: DataObject::new(&Octets::<1>::default()),
        consumer_code: DataObject::new(&Octets::<1>::default()),
        metering_mode: DataObject::new(&(specs::crediting::IMPORT as u8)),
        power_failures: DataObject::new(&0u32),
        error_register: DataObject::new(&0u32),
        alarm_register: DataObject::new(&0u32),
        alarm_filter: DataObject::new(&0u32),
        alarm_descriptor: DataObject::new(&0u32),
        alarm_register_2: DataObject::new(&0u32),
        alarm_filter_2: DataObject::new(&0u32),
        alarm_descriptor_2: DataObject::new(&0u32),
        local_port: LocalPort::default(),
    }
}

const fn script(table: LogicalName, selector: u16) -> ScriptReference {
    ScriptReference { table, selector }
}

pub(super) const fn value_of(class_id: u16, logical_name: LogicalName) -> AttributeReference {
    AttributeReference { class_id, logical_name, attribute: 2 }
}

pub(super) fn list<T, const MAX: usize>(elements: Vec<T>) -> List<T, MAX> {
    List::new(elements).unwrap_or_default()
}

/// A step that invokes a method with integer 0.
fn execute(class_id: u16, logical_name: LogicalName, index: i8) -> ScriptAction {
    ScriptAction { service: Service::Execute, class_id, logical_name, index, parameter: AnyValue::of(&0i8) }
}

/// Global reset: what clients may reset at once.
fn reset() -> Vec<ScriptAction> {
    Vec::from([
        execute(schemas::DEMAND_REGISTER.class_id, names::DEMAND, 1),
        execute(schemas::EXTENDED_REGISTER.class_id, names::MAXIMUM_DEMAND, 1),
    ])
}

/// The maxima of all demands begin anew.
fn maxima() -> Vec<ScriptAction> {
    let names = [
        names::MAXIMUM_DEMAND,
        names::MAXIMUM_DEMAND_EXPORT,
        names::MAXIMUM_DEMAND_REACTIVE,
        names::MAXIMUM_DEMAND_APPARENT,
    ];
    names.map(|name| execute(schemas::EXTENDED_REGISTER.class_id, name, 1)).to_vec()
}

/// 1 begins the maxima anew; 2 closes the billing period before its time as well.
fn billing() -> Vec<Script> {
    let close = execute(schemas::PROFILE_GENERIC.class_id, names::MONTHLY_PROFILE, 2);
    let closing = [close].into_iter().chain(maxima()).collect();
    Vec::from([Script::new(1, maxima()), Script::new(2, closing)])
}

/// 1 to 4 put the mask of their rate in force.
fn tariffs() -> Vec<Script> {
    let put = |rate: u8| ScriptAction {
        service: Service::Write,
        class_id: schemas::REGISTER_ACTIVATION.class_id,
        logical_name: names::REGISTER_ACTIVATION,
        index: 4,
        parameter: AnyValue::of(&mask_name(rate)),
    };
    (1..=specs::RATES).map(|rate| Script::new(rate.into(), Vec::from([put(rate)]))).collect()
}

/// 1 disconnects, 2 reconnects.
fn disconnect() -> Vec<Script> {
    let act = |method| execute(schemas::DISCONNECT_CONTROL.class_id, names::DISCONNECTOR, method);
    Vec::from([Script::new(1, Vec::from([act(1)])), Script::new(2, Vec::from([act(2)]))])
}

/// 1 activates the image.
fn image() -> Vec<Script> {
    Vec::from([Script::new(
        1,
        Vec::from([execute(schemas::IMAGE_TRANSFER.class_id, names::IMAGE_TRANSFER, 4)]),
    )])
}

/// 1 pushes the interval data, 2 the alarms.
fn pushes() -> Vec<Script> {
    let push = |name| execute(schemas::PUSH_SETUP.class_id, name, 1);
    Vec::from([
        Script::new(1, Vec::from([push(names::PUSH_INTERVAL)])),
        Script::new(2, Vec::from([push(names::PUSH_ALARM)])),
    ])
}

/// The name of the mask of a rate: its digit.
fn mask_name(rate: u8) -> Octets<NAME_LEN_MAX> {
    Octets::new(&[b'0' + rate]).unwrap_or_default()
}

fn activation() -> RegisterActivation {
    let assigned = names::ACTIVE_IMPORT_RATES
        .map(|logical_name| AssignedRegister { class_id: schemas::REGISTER.class_id, logical_name });
    let mask = |rate| Mask { name: mask_name(rate), indices: list(Vec::from([rate])) };
    RegisterActivation {
        register_assignment: list(assigned.to_vec()),
        mask_list: list((1..=specs::RATES).map(mask).collect()),
        active_mask: mask_name(1),
    }
}

/// Rate 1 by day, rate 2 by night, every day of the year.
fn calendar() -> ActivityCalendar {
    let name = |text: &[u8]| Octets::new(text).unwrap_or_default();
    let action = |hour, selector| DayAction {
        start: Time { hour: Some(hour), minute: Some(0), second: Some(0), hundredths: Some(0) },
        table: names::TARIFF_SCRIPTS,
        selector,
    };
    let week = Week {
        name: name(b"1"),
        monday: 1,
        tuesday: 1,
        wednesday: 1,
        thursday: 1,
        friday: 1,
        saturday: 1,
        sunday: 1,
    };
    let season = Season { name: name(b"1"), start: ClockTime::UNSPECIFIED, week: name(b"1") };
    let actions = Vec::from([action(specs::DAY_RATE_FROM, 1), action(specs::NIGHT_RATE_FROM, 2)]);
    let mut calendar = ActivityCalendar::new();
    calendar.name_active = name(b"DEFAULT");
    calendar.seasons_active = list(Vec::from([season]));
    calendar.weeks_active = list(Vec::from([week]));
    calendar.days_active = list(Vec::from([DayProfile { day_id: 1, actions: list(actions) }]));
    calendar
}

/// At the beginning of every month.
fn monthly(script: ScriptReference) -> SingleActionSchedule {
    let midnight = Time { hour: Some(0), minute: Some(0), second: Some(0), hundredths: Some(0) };
    let mut schedule = SingleActionSchedule::new(script, ScheduleType::OneAnyDate);
    let first = Date::from_octets([0xFF, 0xFF, 0xFF, 1, 0xFF]);
    schedule.execution_time = list(Vec::from([ExecutionTime { time: midnight, date: first }]));
    schedule
}

fn currency() -> Currency {
    Currency { name: CurrencyName::default(), scale: 0, unit: Enumerated(0) }
}

/// What the interval push lists besides the clock and the device.
const INTERVAL_PUSH: AttributeReference = value_of(schemas::REGISTER.class_id, names::ACTIVE_IMPORT);
/// What the alarm push lists besides the clock and the device.
const ALARM_PUSH: [AttributeReference; 3] = [
    value_of(schemas::DATA.class_id, names::ALARM_DESCRIPTOR),
    value_of(schemas::DATA.class_id, names::ALARM_DESCRIPTOR_2),
    // What is so now: the descriptors keep what was so before, until a client clears them.
    value_of(schemas::DATA.class_id, names::ALARM_REGISTER_2),
];

/// A whole attribute, as a push setup lists it.
pub(super) fn pushed(reference: AttributeReference) -> PushObject {
    PushObject {
        class_id: reference.class_id,
        logical_name: reference.logical_name,
        attribute: reference.attribute,
        data_index: 0,
        restriction: Restriction { kind: Enumerated(0), value: AnyValue::default() },
        columns: List::default(),
    }
}

/// Pushes the name of the device, the time and `own`.
fn push(own: &[AttributeReference]) -> PushSetup {
    let device = value_of(schemas::DATA.class_id, names::LOGICAL_DEVICE_NAME);
    let clock = value_of(schemas::CLOCK.class_id, names::CLOCK);
    let mut push = PushSetup::new(names::UDP_PORT, specs::SAP_MANAGEMENT as i8);
    let objects = [device, clock].into_iter().chain(own.iter().cloned());
    push.objects = list(objects.map(pushed).collect());
    push.destination =
        Destination { transport: Enumerated(1), address: Octets::default(), message: Enumerated(0) };
    push
}
