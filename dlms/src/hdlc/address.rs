//! Addresses of stations.

use super::specs::address as specs;
use core::fmt;
use plc_core::wire::{Reader, WireError, Writer};

/// An address as it stands in a frame. Clients have one octet; servers have one (only the upper part),
/// two (upper and lower, 7 bits each) or four (14 bits each).
///
/// The upper address is the logical device, the lower one the physical device on a shared line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    octets: u8,
    upper: u16,
    lower: u16,
}

impl Address {
    /// An address of one octet: a client, or a server without lower address. `None` above 0x7F.
    pub const fn one(upper: u16) -> Option<Self> {
        if upper > specs::ONE_OCTET_MAX { None } else { Some(Self { octets: 1, upper, lower: 0 }) }
    }

    /// An address of two octets. `None` for a part above 0x7F.
    pub const fn two(upper: u16, lower: u16) -> Option<Self> {
        if upper > specs::ONE_OCTET_MAX || lower > specs::ONE_OCTET_MAX {
            None
        } else {
            Some(Self { octets: 2, upper, lower })
        }
    }

    /// An address of four octets. `None` for a part above 0x3FFF.
    pub const fn four(upper: u16, lower: u16) -> Option<Self> {
        if upper > specs::TWO_OCTETS_MAX || lower > specs::TWO_OCTETS_MAX {
            None
        } else {
            Some(Self { octets: 4, upper, lower })
        }
    }

    /// The logical device, or the client.
    pub const fn upper(self) -> u16 {
        self.upper
    }

    /// The physical device; 0 where the address has no such part.
    pub const fn lower(self) -> u16 {
        self.lower
    }

    /// Octets on the wire: 1, 2 or 4.
    pub const fn wire_len(self) -> usize {
        self.octets as usize
    }

    /// Whether frames to `self` concern the station at `station`, and how.
    pub(super) const fn reaches(self, station: Self) -> Reach {
        let all = if self.octets == 4 { specs::ALL_STATION_TWO_OCTETS } else { specs::ALL_STATION_ONE_OCTET };
        if self.octets != station.octets || self.upper == specs::NO_STATION {
            return Reach::Nobody;
        }
        let (upper, lower) = (self.upper == station.upper, self.lower == station.lower);
        if upper && lower {
            Reach::Station
        } else if (upper || self.upper == all) && (lower || (self.octets > 1 && self.lower == all)) {
            Reach::All
        } else {
            Reach::Nobody
        }
    }

    /// Takes an address from the front.
    ///
    /// # Errors
    /// Three octets, or more than four.
    pub fn parse(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let mut octets = [0u8; 4];
        for len in 1..=octets.len() {
            let octet = reader.u8()?;
            octets[len - 1] = octet >> 1;
            if octet & specs::LAST != 0 {
                return Self::from_parts(len, octets);
            }
        }
        Err(WireError::Invalid(FIELD))
    }

    fn from_parts(len: usize, octets: [u8; 4]) -> Result<Self, WireError> {
        let [a, b, c, d] = octets.map(u16::from);
        let address = match len {
            1 => Self::one(a),
            2 => Self::two(a, b),
            4 => Self::four(a << 7 | b, c << 7 | d),
            _ => None,
        };
        address.ok_or(WireError::Invalid(FIELD))
    }

    /// Writes the address.
    ///
    /// # Errors
    /// No room.
    pub fn emit(self, writer: &mut Writer<'_>) -> Result<(), WireError> {
        let high = |part: u16| (part >> 7 << 1) as u8;
        let low = |part: u16| (part << 1) as u8;
        match self.octets {
            1 => writer.u8(low(self.upper) | specs::LAST),
            2 => writer.bytes(&[low(self.upper), low(self.lower) | specs::LAST]),
            _ => writer.bytes(&[
                high(self.upper),
                low(self.upper),
                high(self.lower),
                low(self.lower) | specs::LAST,
            ]),
        }
    }
}

/// Whom a destination means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// Exactly the station.
    Station,
    /// All stations, or all devices of a station: nobody may answer.
    All,
    /// Not the station.
    Nobody,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.octets {
            1 => write!(f, "{}", self.upper),
            _ => write!(f, "{}/{}", self.upper, self.lower),
        }
    }
}

const FIELD: &str = "address length";

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(bytes: &[u8]) -> Result<Address, WireError> {
        let mut reader = Reader::new(bytes);
        let address = Address::parse(&mut reader)?;
        reader.finish().map(|()| address)
    }

    #[test]
    fn one_two_and_four_octets_are_read() {
        assert_eq!(parse(&[0x21]).ok(), Address::one(16));
        assert_eq!(parse(&[0x02, 0x23]).ok(), Address::two(1, 17));
        assert_eq!(parse(&[0x00, 0x02, 0x00, 0x23]).ok(), Address::four(1, 17));
        assert_eq!(parse(&[0x02, 0x00, 0x02, 0x01]).ok(), Address::four(128, 128));
    }

    #[test]
    fn three_octets_and_five_are_refused() {
        assert_eq!(parse(&[0, 0, 3]), Err(WireError::Invalid("address length")));
        assert_eq!(parse(&[0, 0, 0, 0, 3]), Err(WireError::Invalid("address length")));
        assert_eq!(parse(&[0, 2]), Err(WireError::Truncated));
    }

    #[test]
    fn parts_that_do_not_fit_are_unwritable() {
        assert_eq!((Address::one(0x80), Address::two(1, 0x80), Address::four(0x4000, 1)), (None, None, None));
    }

    #[test]
    fn a_station_is_reached_by_its_own_address_and_with_all_others() {
        let at = |upper, lower| Address::four(upper, lower).unwrap();
        let reach = |upper, lower| at(upper, lower).reaches(at(1, 17));
        assert_eq!(reach(1, 17), Reach::Station);
        assert_eq!(reach(1, 0x3FFF), Reach::All);
        assert_eq!(reach(0x3FFF, 17), Reach::All);
        assert_eq!(reach(0x3FFF, 0x3FFF), Reach::All);
        assert_eq!((reach(2, 17), reach(1, 18), reach(0, 17)), (Reach::Nobody, Reach::Nobody, Reach::Nobody));
        let (own, all) = (Address::one(1).unwrap(), Address::one(0x7F).unwrap());
        assert_eq!((own.reaches(own), all.reaches(own)), (Reach::Station, Reach::All));
        assert_eq!(own.reaches(Address::two(1, 0).unwrap()), Reach::Nobody);
        let all = Address::two(0x7F, 0x7F).unwrap();
        assert_eq!(all.reaches(Address::four(0x7F, 0x7F).unwrap()), Reach::Nobody);
    }

    proptest! {
        #[test]
        fn what_is_emitted_is_parsed(octets: [u8; 5], upper: u16, lower: u16) {
            let made = [Address::one(upper), Address::two(upper, lower), Address::four(upper & 0x3FFF, lower & 0x3FFF)];
            let mut reader = Reader::new(&octets);
            for address in made.into_iter().flatten().chain(Address::parse(&mut reader).ok()) {
                let mut bytes = [0; 4];
                let mut writer = Writer::new(&mut bytes);
                address.emit(&mut writer).unwrap();
                prop_assert_eq!(writer.len(), address.wire_len());
                prop_assert_eq!(parse(writer.written()), Ok(address));
            }
        }
    }
}
