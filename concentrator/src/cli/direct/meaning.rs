//! What values mean: numbers under scalers, times, states, texts.

use super::fault;
use super::output::Cell;
use super::session::Session;
use dlms::axdr::Data;
use dlms::classes::Kind;
use dlms::classes::registers::{DATA, DEMAND_REGISTER, Layout};
use dlms::cosem::{AttributeRequest, CaptureObject, ClockTime, LogicalName, Quantity, ScalerUnit, Unit};
use dlms::specs::schemas;
use std::io::{self, Write};

/// What an attribute holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// It is shown as it comes, whatever it is.
    Raw,
    /// Times.
    Time,
    /// The bits of a state.
    Status,
    /// Numbers under a scaler.
    Scaled(ScalerUnit),
    /// Anything else; octets that are all letters are a text.
    Other,
}

impl Meaning {
    /// Of an attribute. A register is asked for its scaler and unit.
    pub(super) fn ask(session: &mut Session, object: &CaptureObject) -> anyhow::Result<Self> {
        match scaler_request(object) {
            None => Ok(Self::of(object)),
            Some(request) => Ok(scaler_unit(session, request)?.map_or(Self::Other, Self::Scaled)),
        }
    }

    /// Of what has no scaler.
    fn of(object: &CaptureObject) -> Self {
        let LogicalName([_, _, c, d, _, _]) = object.logical_name;
        let schema = schemas::ALL.iter().find(|schema| schema.class_id == object.class_id);
        let attribute = schema.and_then(|schema| schema.attribute(object.attribute));
        match (object.class_id, object.attribute) {
            (DATA | STATUS_MAPPING, 2) if (c, d) == PROFILE_STATUS => Self::Status,
            _ if attribute.is_some_and(|attribute| attribute.kind == DATE_TIME) => Self::Time,
            _ => Self::Other,
        }
    }

    /// The unit of the numbers, where they have one.
    pub(super) fn unit(self) -> Option<Unit> {
        match self {
            Self::Scaled(ScalerUnit { unit, .. }) => Some(unit).filter(|unit| unit.symbol() != Some("")),
            _ => None,
        }
    }

    /// A value in this meaning; as it came where it does not fit.
    pub(super) fn cell(self, value: &Data<'_>) -> Cell {
        let understood = match self {
            Self::Raw => None,
            Self::Time => value.as_clock_time().map(|time| Cell::text(civil(&time))),
            Self::Status => state(value).map(Cell::text),
            Self::Scaled(scaler_unit) => Quantity::new(value, scaler_unit).map(|q| Cell::decimal(&q)),
            Self::Other => text(value).map(Cell::text),
        };
        understood.unwrap_or_else(|| Cell::data(value))
    }
}

/// What tells the scaler and unit of an attribute; nothing for what has none.
pub(super) fn scaler_request(object: &CaptureObject) -> Option<AttributeRequest> {
    let layout = Layout::of(object.class_id)?;
    // A demand register has two values, the current average before the last one.
    let is_average = object.class_id == DEMAND_REGISTER && object.attribute == layout.value - 1;
    let is_value = object.attribute == layout.value || is_average;
    let attribute = layout.scaler_unit.filter(|_| is_value && object.data_index == 0)?;
    Some(AttributeRequest::new(object.class_id, object.logical_name, attribute))
}

/// Reads a scaler and unit. A meter that does not show it costs the unit and not the value.
fn scaler_unit(session: &mut Session, request: AttributeRequest) -> anyhow::Result<Option<ScalerUnit>> {
    let name = request.logical_name;
    let told = match session.get(request) {
        Ok(value) => Data::from_bytes(&value).ok().and_then(|value| ScalerUnit::from_data(&value)),
        Err(error) if fault::is_refusal(&error) => None,
        Err(error) => return Err(error),
    };
    if told.is_none() {
        writeln!(io::stderr(), "{name}: the meter tells no scaler and unit; its numbers are as they came")?;
    }
    Ok(told)
}

/// A time in UTC; what does not say its deviation from it as it stands.
fn civil(time: &ClockTime) -> String {
    time.utc().map_or_else(|| time.to_string(), |utc| utc.to_string())
}

/// The bits of a state in as many digits as its type has.
fn state(value: &Data<'_>) -> Option<String> {
    Some(match value {
        Data::U8(bits) => format!("0x{bits:02x}"),
        Data::U16(bits) => format!("0x{bits:04x}"),
        Data::U32(bits) => format!("0x{bits:08x}"),
        Data::U64(bits) => format!("0x{bits:016x}"),
        _ => return None,
    })
}

/// Octets that are all letters, digits and the like, as names are; fewer than four may be anything.
fn text(value: &Data<'_>) -> Option<String> {
    let octets = value.as_octets().filter(|octets| octets.len() >= TEXT_LEN_MIN)?;
    let is_text = octets.iter().all(|octet| octet.is_ascii_graphic() || *octet == b' ');
    is_text.then(|| String::from_utf8_lossy(octets).into_owned())
}

const TEXT_LEN_MIN: usize = 4;
const DATE_TIME: Kind = Kind::OctetsOf(12);
/// C and D of the state of a profile, A-B:96.10.E \[62056-61; confidence B\].
const PROFILE_STATUS: (u8, u8) = (96, 10);
const STATUS_MAPPING: u16 = 63;

#[cfg(test)]
mod tests {
    use super::*;
    use dlms::cosem::ClockStatus;
    use plc_core::Utc;

    const ENERGY: [u8; 6] = [1, 0, 1, 8, 0, 255];

    #[test]
    fn a_number_is_shown_under_its_scaler() {
        for (scaler, unit, text) in [
            (-3, Unit::WATT_HOUR, "1234.567"),
            (2, Unit::VOLT, "123456700"),
            (0, Unit::COUNT, "1234567"),
            (0, Unit(99), "1234567"),
        ] {
            let cell = Meaning::Scaled(ScalerUnit { scaler, unit }).cell(&Data::U32(1_234_567));
            assert_eq!((cell.text.as_str(), cell.value.to_string().as_str()), (text, text));
        }
        assert_eq!(Meaning::Scaled(ScalerUnit { scaler: 0, unit: Unit::COUNT }).unit(), None);
        assert_eq!(Meaning::Scaled(ScalerUnit { scaler: 0, unit: Unit(99) }).unit(), Some(Unit(99)));
    }

    #[test]
    fn a_number_with_more_digits_than_a_json_number_carries_keeps_them_all() {
        let scaler_unit = ScalerUnit { scaler: -3, unit: Unit::WATT_HOUR };
        let cell = Meaning::Scaled(scaler_unit).cell(&Data::I64(i64::MAX));
        assert_eq!(
            (cell.text.as_str(), cell.value.as_str()),
            ("9223372036854775.807", Some("9223372036854775.807"))
        );
    }

    #[test]
    fn times_are_times_and_states_are_hexadecimal_unless_they_are_wanted_raw() {
        let noon = Utc::from_civil(2026, 7, 1, 12, 0, 0).unwrap();
        let octets = ClockTime::from_utc(noon, -120, ClockStatus::DAYLIGHT_SAVING).octets();
        let meaning =
            |class, name, attribute| Meaning::of(&CaptureObject::new(class, LogicalName(name), attribute));
        assert_eq!(meaning(8, [0, 0, 1, 0, 0, 255], 2), Meaning::Time);
        assert_eq!(meaning(8, [0, 0, 1, 0, 0, 255], 3), Meaning::Other);
        assert_eq!(meaning(4, ENERGY, 5), Meaning::Time);
        assert_eq!(meaning(5, ENERGY, 6), Meaning::Time);
        assert_eq!(meaning(1, [0, 0, 96, 10, 1, 255], 2), Meaning::Status);
        assert_eq!(meaning(1, [0, 0, 96, 11, 1, 255], 2), Meaning::Other);
        let shown = |meaning: Meaning, data: &Data<'_>| meaning.cell(data).text;
        assert_eq!(shown(Meaning::Time, &Data::OctetString(&octets)), "2026-07-01T12:00:00Z");
        assert_eq!(shown(Meaning::Raw, &Data::OctetString(&octets)), "07ea0701030e000000ff8880");
        assert_eq!(shown(Meaning::Status, &Data::U8(8)), "0x08");
        assert_eq!(shown(Meaning::Status, &Data::U32(0x8000_0001)), "0x80000001");
        assert_eq!(shown(Meaning::Raw, &Data::U8(8)), "8");
    }

    #[test]
    fn names_are_texts_and_what_only_might_be_one_is_not() {
        assert_eq!(Meaning::Other.cell(&Data::OctetString(b"SIM 0001")).text, "SIM 0001");
        assert_eq!(Meaning::Raw.cell(&Data::OctetString(b"SIM1")).text, "53494d31");
        assert_eq!(Meaning::Other.cell(&Data::OctetString(b"SIM")).text, "53494d");
        assert_eq!(Meaning::Other.cell(&Data::OctetString(&[0x53, 0x49, 0x4D, 0])).text, "53494d00");
    }

    #[test]
    fn only_values_of_registers_have_a_scaler() {
        let asked = |class, attribute| {
            scaler_request(&CaptureObject::new(class, LogicalName(ENERGY), attribute)).map(|r| r.attribute)
        };
        assert_eq!(
            [asked(3, 2), asked(4, 2), asked(5, 2), asked(5, 3)],
            [Some(3), Some(3), Some(4), Some(4)]
        );
        assert_eq!([asked(1, 2), asked(4, 5), asked(5, 5), asked(8, 2)], [None; 4]);
    }
}
