//! What SNRM and UA negotiate.

use super::specs::parameters as specs;
use super::specs::sequence;
use crate::apdu::Pdu;
use core::fmt;
use plc_core::wire::{Reader, WireError, Writer};

/// The limits of a station, as it says them in SNRM or UA: what it can transmit and receive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// The longest information field that the station sends, in octets.
    pub max_info_transmit: u16,
    /// The longest that it takes.
    pub max_info_receive: u16,
    /// Frames that it sends without acknowledgement, 1..=7.
    pub window_transmit: u8,
    /// Frames that it takes without acknowledging.
    pub window_receive: u8,
}

impl Parameters {
    /// What holds where nobody has said anything.
    pub const DEFAULT: Self = Self {
        max_info_transmit: specs::MAX_INFO_DEFAULT,
        max_info_receive: specs::MAX_INFO_DEFAULT,
        window_transmit: specs::WINDOW_DEFAULT,
        window_receive: specs::WINDOW_DEFAULT,
    };

    /// The same limits in both directions.
    pub const fn symmetric(max_info: u16, window: u8) -> Self {
        Self {
            max_info_transmit: max_info,
            max_info_receive: max_info,
            window_transmit: window,
            window_receive: window,
        }
    }

    /// The nearest limits that the book allows.
    #[must_use]
    pub fn lawful(self) -> Self {
        let info = |len: u16| len.clamp(specs::MAX_INFO_LEAST, specs::MAX_INFO_MOST);
        let window = |size: u8| size.clamp(1, sequence::WINDOW_MAX);
        Self {
            max_info_transmit: info(self.max_info_transmit),
            max_info_receive: info(self.max_info_receive),
            window_transmit: window(self.window_transmit),
            window_receive: window(self.window_receive),
        }
    }

    /// What a station with these limits settles with a peer that has said `peer`: neither sends what the
    /// other does not take.
    #[must_use]
    pub fn settle(self, peer: Self) -> Self {
        Self {
            max_info_transmit: self.max_info_transmit.min(peer.max_info_receive),
            max_info_receive: self.max_info_receive.min(peer.max_info_transmit),
            window_transmit: self.window_transmit.min(peer.window_receive),
            window_receive: self.window_receive.min(peer.window_transmit),
        }
        .lawful()
    }

    /// The limits in the information field of a SNRM or UA; an empty one has the defaults.
    ///
    /// # Errors
    /// A field that is no negotiation, or names a limit below the least that the book allows. One above the most asks for the most.
    pub fn from_information(information: &[u8]) -> Result<Self, WireError> {
        if information.is_empty() { Ok(Self::DEFAULT) } else { Self::from_bytes(information) }
    }

    fn take(&mut self, id: u8, octets: &[u8]) -> Result<(), WireError> {
        match id {
            specs::MAX_INFO_TRANSMIT => self.max_info_transmit = max_info(octets)?,
            specs::MAX_INFO_RECEIVE => self.max_info_receive = max_info(octets)?,
            specs::WINDOW_TRANSMIT => self.window_transmit = window(octets)?,
            specs::WINDOW_RECEIVE => self.window_receive = window(octets)?,
            _ => {}
        }
        Ok(())
    }
}

/// A length; one above what frames can carry asks for all that they can.
fn max_info(octets: &[u8]) -> Result<u16, WireError> {
    let value = number(octets)?.min(u32::from(specs::MAX_INFO_MOST));
    let value = u16::try_from(value).ok().filter(|&value| value >= specs::MAX_INFO_LEAST);
    value.ok_or(WireError::Invalid("maximum information length"))
}

/// A window; one above what sequence numbers can tell apart asks for all that they can.
fn window(octets: &[u8]) -> Result<u8, WireError> {
    let value = number(octets)?.min(u32::from(sequence::WINDOW_MAX));
    let value = u8::try_from(value).ok().filter(|&value| value > 0);
    value.ok_or(WireError::Invalid("window size"))
}

fn number(octets: &[u8]) -> Result<u32, WireError> {
    match octets.len() {
        1..=specs::NUMBER_LEN_MAX => {
            Ok(octets.iter().fold(0, |number, &octet| number << 8 | u32::from(octet)))
        }
        _ => Err(WireError::Invalid("parameter length")),
    }
}

impl<'a> Pdu<'a> for Parameters {
    fn parse(reader: &mut Reader<'a>) -> Result<Self, WireError> {
        if reader.u8()? != specs::FORMAT || reader.u8()? != specs::GROUP {
            return Err(WireError::Invalid("parameter group"));
        }
        let len = usize::from(reader.u8()?);
        let mut group = Reader::new(reader.bytes(len)?);
        let mut parameters = Self::DEFAULT;
        while !group.is_empty() {
            let (id, len) = (group.u8()?, usize::from(group.u8()?));
            parameters.take(id, group.bytes(len)?)?;
        }
        Ok(parameters)
    }

    fn emit(&self, writer: &mut Writer<'_>) -> Result<(), WireError> {
        let len = self.wire_len() - GROUP_HEADER_LEN;
        writer.bytes(&[specs::FORMAT, specs::GROUP, len as u8])?;
        emit_info(writer, specs::MAX_INFO_TRANSMIT, self.max_info_transmit)?;
        emit_info(writer, specs::MAX_INFO_RECEIVE, self.max_info_receive)?;
        emit_window(writer, specs::WINDOW_TRANSMIT, self.window_transmit)?;
        emit_window(writer, specs::WINDOW_RECEIVE, self.window_receive)
    }

    fn wire_len(&self) -> usize {
        let infos = info_len(self.max_info_transmit) + info_len(self.max_info_receive);
        GROUP_HEADER_LEN + infos + 2 * (PARAMETER_HEADER_LEN + usize::from(specs::WINDOW_LEN))
    }
}

const GROUP_HEADER_LEN: usize = 3;
const PARAMETER_HEADER_LEN: usize = 2;

const fn info_len(value: u16) -> usize {
    PARAMETER_HEADER_LEN + if value > 0xFF { 2 } else { 1 }
}

/// One octet where one is enough, as the stations in the field write it.
fn emit_info(writer: &mut Writer<'_>, id: u8, value: u16) -> Result<(), WireError> {
    match u8::try_from(value) {
        Ok(value) => writer.bytes(&[id, 1, value]),
        Err(_) => {
            writer.bytes(&[id, 2])?;
            writer.u16_be(value)
        }
    }
}

fn emit_window(writer: &mut Writer<'_>, id: u8, value: u8) -> Result<(), WireError> {
    writer.bytes(&[id, specs::WINDOW_LEN])?;
    writer.u32_be(u32::from(value))
}

impl fmt::Display for Parameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "sends {} octets, {} frames; takes {} octets, {} frames",
            self.max_info_transmit, self.window_transmit, self.max_info_receive, self.window_receive
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apdu::law;
    use crate::hex::hex;
    use proptest::prelude::*;

    #[test]
    fn captured_negotiations_are_read_whatever_length_their_numbers_have() {
        let one = hex("818012050180060180070400000001080400000001");
        assert_eq!(Parameters::from_information(&one), Ok(Parameters::DEFAULT));
        assert_eq!(Parameters::DEFAULT.to_vec(), one);
        let two = hex("81801405020080060200800704000000010804 00000001");
        assert_eq!(Parameters::from_information(&two), Ok(Parameters::DEFAULT));
        let long = hex("818014050207EE060207EE070400000001080400000001");
        let read = Parameters::from_information(&long);
        assert_eq!(
            read,
            Ok(Parameters { max_info_transmit: 2030, max_info_receive: 2030, ..Parameters::DEFAULT })
        );
        assert_eq!(read.unwrap().to_vec(), long);
        let asymmetric = hex("8180120501800601 3E070400000001080400000001");
        assert_eq!(Parameters::from_information(&asymmetric).unwrap().max_info_receive, 62);
        assert_eq!(Parameters::from_information(&[]), Ok(Parameters::DEFAULT));
    }

    #[test]
    fn neither_end_sends_what_the_other_does_not_take() {
        let client =
            Parameters { max_info_receive: 500, window_transmit: 7, ..Parameters::symmetric(1000, 3) };
        let server = Parameters { window_receive: 2, ..Parameters::symmetric(600, 5) };
        let settled = server.settle(client);
        assert_eq!((settled.max_info_transmit, settled.max_info_receive), (500, 600));
        assert_eq!((settled.window_transmit, settled.window_receive), (3, 2));
        let mirrored = client.settle(settled);
        assert_eq!((mirrored.max_info_transmit, mirrored.max_info_receive), (600, 500));
        assert_eq!((mirrored.window_transmit, mirrored.window_receive), (2, 3));
    }

    #[test]
    fn limits_that_no_station_can_have_are_refused_and_unknown_ones_are_skipped() {
        for bad in [
            "8180030501 1F",
            "81800307 0100",
            "8180020700",
            "818003050180FF",
            "8080030501 80",
            "81800705058000000000",
            "818004050180",
        ] {
            assert!(Parameters::from_information(&hex(bad)).is_err(), "{bad}");
        }
        let unknown = hex("8180080901 AA0502 0100 0A");
        assert!(Parameters::from_information(&unknown).is_err());
        let unknown = hex("8180070901AA05020100");
        assert_eq!(Parameters::from_information(&unknown).unwrap().max_info_transmit, 256);
        let huge = hex("8180040502FFFF");
        assert_eq!(Parameters::from_information(&huge).unwrap().max_info_transmit, 2030);
        for (wide, window) in
            [("818003070108", 7), ("81800308010F", 7), ("8180030801FF", 7), ("818003080106", 6)]
        {
            let read = Parameters::from_information(&hex(wide)).unwrap();
            assert_eq!(read.window_transmit.max(read.window_receive), window, "{wide}");
        }
    }

    proptest! {
        #[test]
        fn parsing_keeps_the_laws(bytes in law::near(&hex("818014050207EE060207EE070400000001080400000001"))) {
            law::check::<Parameters>(&bytes)?;
        }

        #[test]
        fn what_is_emitted_is_parsed(a in 32u16..=2030, b in 32u16..=2030, c in 1u8..=7, d in 1u8..=7) {
            let made = Parameters { max_info_transmit: a, max_info_receive: b, window_transmit: c, window_receive: d };
            prop_assert_eq!(Parameters::from_bytes(&made.to_vec()), Ok(made));
        }
    }
}
