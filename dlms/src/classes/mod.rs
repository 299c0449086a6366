//! Interface classes: what servers write into attributes and clients read out of them.
//!
//! [`Schema`] names the attributes and methods of a class and their types. Types that implement [`Value`] are what
//! stands in attributes and parameters: a client decodes with [`Value::from_value`] and builds parameters with
//! [`Value::to_value`]. Types that implement [`Object`] behave as the class does: time is an argument, and what an
//! object wants done to others is an [`Effect`]. A client that reads a whole object lets it [`Attributes::absorb`] what
//! it has read.

mod arbitrator;
pub mod association;
mod calendar;
pub mod clock;
mod companion;
mod data_object;
mod demand_register;
mod disconnect_control;
mod extended_register;
mod g3_setup;
mod g3_tables;
mod image_transfer;
mod limiter;
mod links;
mod local_port;
mod object;
mod prepayment;
mod prime;
pub mod profile;
mod push_setup;
mod reference;
pub mod register;
mod register_activation;
mod register_monitor;
pub mod registers;
#[cfg(test)]
mod round_trips;
mod schedule;
mod schema;
mod script_table;
pub mod security_setup;
mod single_action;
mod special_days;
#[cfg(test)]
pub(crate) mod test;
mod value;
mod wall_clock;

pub use arbitrator::{ActionRequested, Arbitrator};
pub use calendar::{ActivityCalendar, DayAction, DayProfile, Name, Season, Week};
pub use companion::{Companion, EventFamily, object_name};
pub use data_object::DataObject;
pub use demand_register::DemandRegister;
pub use disconnect_control::{Command, ControlState, DisconnectControl};
pub use extended_register::ExtendedRegister;
pub use g3_setup::{G3Layer, G3Network, G3Setup};
pub use g3_tables::{
    G3Adaptation, G3Blacklisted, G3Broadcast, G3Context, G3Key, G3MacCounters, G3MacSetup, G3Neighbour,
    G3PosEntry, G3Route, G3RoutingConfiguration,
};
pub use image_transfer::{ImageBlock, ImageInfo, ImageInitiate, ImageStatus, ImageTransfer};
pub use limiter::{EmergencyProfile, Limiter, LimiterActions};
pub use links::{HdlcSetup, Ipv6Setup, MacAddressSetup, NeighborDiscovery, TcpUdpSetup};
pub use local_port::{LocalPort, PortMode, PortRate, ResponseTime};
pub use object::{Attributes, Effect, Effects, Moment, Object, Snapshot, invoke, write};
pub use prepayment::{
    Account, AccountStatus, Charge, ChargeRate, ChargeScaling, Credit, CreditCharge, Currency, CurrencyName,
    TokenGateway, TokenShare, TokenStatus, UnitCharge,
};
pub use prime::{
    PrimeApplicationsIdentification, PrimeDirectEntry, PrimeLlcSetup, PrimeMacCounters, PrimeMacFunctional,
    PrimeMacSetup, PrimeMulticastEntry, PrimeNetworkAdministration, PrimePhyCommunication, PrimePhyCounters,
    PrimeState, PrimeSwitchEntry,
};
pub use push_setup::{
    ConfirmationParameters, Destination, PushObject, PushSetup, RepetitionDelay, Restriction, Window,
};
pub use reference::{AttributeReference, ScriptReference};
pub use register_activation::{AssignedRegister, Mask, RegisterActivation};
pub use register_monitor::{RegisterMonitor, ThresholdActions};
pub use schedule::{Range, Ranges, Schedule, ScheduleEntry};
pub use schema::{Attribute, Kind, Schema};
pub use script_table::{Script, ScriptAction, ScriptTable, Service};
pub use single_action::{ExecutionTime, ScheduleType, SingleActionSchedule};
pub use special_days::{SpecialDay, SpecialDays};
pub use value::{AnyValue, Bits, Enumerated, List, Octets, OctetsOf, Value};
pub use wall_clock::{Preset, WallClock};
