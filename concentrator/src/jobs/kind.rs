//! What can be wanted of meters, and what it means on the line.

use super::images::{self, ImageHash};
use super::specs::{self, class};
use crate::grpc::Role;
use collector::{Answer, BACKGROUND, Step, Work};
use dlms::axdr::{Data, Encoder};
use dlms::cosem::{AttributeRequest, MethodRequest};
use plc_core::Utc;
use std::fmt;

/// What is wanted of each meter of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobKind {
    /// Read all captures up to now.
    Read,
    /// Set the clock to UTC.
    SetClock,
    /// Put the passive calendar, which was loaded before, in force.
    ActivateTariff,
    /// Limit the power that is drawn, watt.
    Limit(u32),
    /// Open the switch.
    Disconnect,
    /// Close the switch, or let the customer close it.
    Reconnect,
    /// Leave the network, and not come back before the configuration is read anew.
    Remove,
    /// Run this firmware.
    Firmware(Firmware),
    /// Go on under new keys, which the concentrator makes.
    Rekey,
}

/// Firmware that shall run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Firmware {
    /// The image, which was uploaded before.
    pub image: ImageHash,
    /// Its name for the meters: 1 to 64 characters.
    pub identifier: String,
    /// When it may be activated at the earliest.
    pub activate_from: Utc,
}

impl Firmware {
    /// What a database keeps of it.
    fn argument(&self) -> String {
        format!("{} {} {}", images::hex(&self.image), self.activate_from.as_millis(), self.identifier)
    }

    fn from_argument(argument: &str) -> Option<Self> {
        let mut parts = argument.splitn(3, ' ');
        let image = images::unhex(parts.next()?)?;
        let activate_from = Utc::from_millis(parts.next()?.parse().ok()?);
        Some(Self { image, activate_from, identifier: parts.next()?.to_owned() })
    }
}

impl JobKind {
    /// The word for it.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::SetClock => "set-clock",
            Self::ActivateTariff => "activate-tariff",
            Self::Limit(_) => "limit",
            Self::Disconnect => "disconnect",
            Self::Reconnect => "reconnect",
            Self::Remove => "remove",
            Self::Firmware(_) => "firmware",
            Self::Rekey => "re-key",
        }
    }

    /// The number that belongs to it; 0 without one.
    pub const fn parameter(&self) -> u32 {
        if let Self::Limit(watt) = self { *watt } else { 0 }
    }

    /// The text that belongs to it; empty without one.
    pub(super) fn argument(&self) -> String {
        if let Self::Firmware(firmware) = self { firmware.argument() } else { String::new() }
    }

    /// The kind of this word with this number and this text.
    pub(super) fn from_word(word: &str, parameter: u32, argument: &str) -> Option<Self> {
        if word == "firmware" {
            return Firmware::from_argument(argument).map(Self::Firmware);
        }
        let kinds = [
            Self::Read,
            Self::SetClock,
            Self::ActivateTariff,
            Self::Limit(parameter),
            Self::Disconnect,
            Self::Reconnect,
            Self::Remove,
            Self::Rekey,
        ];
        kinds.into_iter().find(|kind| kind.as_str() == word)
    }

    /// Who may want it.
    pub const fn least_role(&self) -> Role {
        match self {
            Self::Read | Self::SetClock | Self::ActivateTariff | Self::Reconnect => Role::Operator,
            Self::Limit(_) | Self::Disconnect | Self::Remove | Self::Firmware(_) | Self::Rekey => {
                Role::Administrator
            }
        }
    }

    /// Whether it changes nothing, so that it needs no guard and may be repeated.
    pub const fn is_harmless(&self) -> bool {
        matches!(self, Self::Read)
    }

    /// Whether it may be done again when nobody knows whether it was done.
    pub const fn may_repeat(&self) -> bool {
        matches!(self, Self::Read | Self::SetClock | Self::Firmware(_) | Self::Rekey)
    }

    /// Its priority on the line: the smaller the sooner.
    pub const fn priority(&self) -> u8 {
        match self {
            Self::Disconnect | Self::Reconnect | Self::Limit(_) => 0,
            Self::Read => 1,
            Self::SetClock | Self::ActivateTariff | Self::Remove | Self::Rekey => 2,
            Self::Firmware(_) => BACKGROUND,
        }
    }

    /// What the collector does, as far as the kind tells; `None` where it takes more than that, or is not done with DLMS.
    pub fn work(&self) -> Option<Work> {
        let act = |class_id, logical_name, method| {
            Step::Act(MethodRequest { class_id, logical_name, method }, Some(encoded(|out| out.i8(0))))
        };
        let switch = |method| {
            let state =
                AttributeRequest::new(class::DISCONNECT_CONTROL, specs::DISCONNECTOR, specs::OUTPUT_STATE);
            Work::Steps(vec![act(class::DISCONNECT_CONTROL, specs::DISCONNECTOR, method), Step::Get(state)])
        };
        Some(match self {
            Self::Read => Work::Read,
            Self::SetClock => Work::SetClock,
            Self::ActivateTariff => Work::Steps(vec![act(
                class::ACTIVITY_CALENDAR,
                specs::CALENDAR,
                specs::ACTIVATE_PASSIVE_CALENDAR,
            )]),
            Self::Limit(watt) => {
                let threshold =
                    AttributeRequest::new(class::LIMITER, specs::LIMITER, specs::THRESHOLD_NORMAL);
                Work::Steps(vec![Step::Set(threshold, encoded(|out| out.u32(*watt)))])
            }
            Self::Disconnect => switch(specs::REMOTE_DISCONNECT),
            Self::Reconnect => switch(specs::REMOTE_RECONNECT),
            Self::Remove | Self::Firmware(_) | Self::Rekey => return None,
        })
    }

    /// What the answers of a meter say, in words.
    pub fn told(&self, answers: &[Answer]) -> String {
        if let (Self::Firmware(_), [Answer::Value(version)]) = (self, answers) {
            return format!("done; firmware {} runs", text_of(version));
        }
        if *self == Self::Rekey {
            return String::from("done; the new keys hold");
        }
        let closed = answers.iter().find_map(|answer| match answer {
            Answer::Value(value) => match Data::from_bytes(value) {
                Ok(Data::Boolean(closed)) => Some(closed),
                _ => None,
            },
            _ => None,
        });
        match closed {
            Some(true) => String::from("done; the switch is closed"),
            Some(false) => String::from("done; the switch is open"),
            None => String::from("done"),
        }
    }
}

impl fmt::Display for JobKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Limit(watt) => write!(f, "limit to {watt} W"),
            Self::Firmware(firmware) => {
                let hash = images::hex(&firmware.image);
                write!(f, "firmware {:?} ({hash})", firmware.identifier)
            }
            _ => f.write_str(self.as_str()),
        }
    }
}

/// The octets of an encoded octet-string, as a text.
fn text_of(value: &[u8]) -> String {
    let data = Data::from_bytes(value).ok();
    data.and_then(|data| data.as_octets()).unwrap_or_default().escape_ascii().to_string()
}

fn encoded(write: impl FnOnce(&mut Encoder<'_>)) -> Vec<u8> {
    let mut value = Vec::new();
    write(&mut Encoder::new(&mut value, VALUE_LEN));
    value
}

/// Octets of a parameter: a tag and a number.
const VALUE_LEN: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_found_by_its_word_and_number() {
        let activate_from = Utc::from_millis(77);
        let firmware = Firmware { image: [9; 32], identifier: String::from("a b "), activate_from };
        for kind in [
            JobKind::Read,
            JobKind::Limit(7),
            JobKind::Remove,
            JobKind::Disconnect,
            JobKind::SetClock,
            JobKind::Firmware(firmware),
            JobKind::Rekey,
        ] {
            let found = JobKind::from_word(kind.as_str(), kind.parameter(), &kind.argument());
            assert_eq!(found, Some(kind));
        }
        assert_eq!(JobKind::from_word("explode", 0, ""), None);
        assert_eq!(JobKind::from_word("firmware", 0, "00 0 x"), None);
    }

    #[test]
    fn orders_carry_the_octets_that_the_standard_asks_for() {
        let Some(Work::Steps(steps)) = JobKind::Disconnect.work() else { panic!("no steps") };
        let Step::Act(method, parameter) = &steps[0] else { panic!("{steps:?}") };
        assert_eq!((method.class_id, method.method, method.logical_name.0), (70, 1, [0, 0, 96, 3, 10, 255]));
        assert_eq!(parameter.as_deref(), Some(&[15, 0][..]), "integer 0");
        let Some(Work::Steps(steps)) = JobKind::Limit(4600).work() else { panic!("no steps") };
        let Step::Set(attribute, value) = &steps[0] else { panic!("{steps:?}") };
        assert_eq!((attribute.class_id, attribute.attribute), (71, 4));
        assert_eq!(value[..], [6, 0, 0, 0x11, 0xF8], "double-long-unsigned");
    }

    #[test]
    fn the_state_of_the_switch_is_told() {
        let told =
            |value: &[u8]| JobKind::Disconnect.told(&[Answer::Acted(None), Answer::Value(value.to_vec())]);
        assert_eq!(told(&[3, 0]), "done; the switch is open");
        assert_eq!(told(&[3, 1]), "done; the switch is closed");
        assert_eq!(told(&[0]), "done");
    }
}
