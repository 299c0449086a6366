//! G3-PLC setup, classes 90, 91 and 92 \[BB 4.13.3 to 4.13.5\], and the addresses of a node, classes 43 and 48
//! \[BB 4.9.3, 4.9.4\]: what the network layers know of themselves. They are
//! asked through [`G3Network`]; a meter on another medium answers for none.

use super::object::{no_parameter, parameter};
use super::{Effects, Moment, Object, Schema};
use crate::apdu::{ActionResult, DataAccessResult};
use crate::axdr::{Data, Encoder};
use crate::specs::schemas;
use alloc::vec::Vec;
use core::fmt;

/// Which of the objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum G3Layer {
    /// Class 90.
    MacCounters,
    /// Class 91.
    Mac,
    /// Class 92.
    Adaptation,
    /// Class 43 of the MAC.
    MacAddress,
    /// Class 48 above the adaptation layer.
    Ipv6,
}

/// The information bases of a node, as attributes.
pub trait G3Network: fmt::Debug {
    /// Writes an attribute from 2 on, of the type of its class; returns whether the node knows it.
    fn attribute(&self, layer: G3Layer, attribute: i8, out: &mut Encoder<'_>) -> bool;

    /// Writes the entry of mac_neighbour_table with this short address, one structure; returns whether there is one.
    fn neighbour(&self, short_address: u16, out: &mut Encoder<'_>) -> bool;

    /// Begins the counters of class 90 anew.
    fn reset_counters(&mut self);
}

/// One of the objects over a node.
#[derive(Debug)]
pub struct G3Setup<'n> {
    /// Which.
    pub layer: G3Layer,
    /// The node.
    pub network: &'n mut dyn G3Network,
}

impl G3Layer {
    /// The class.
    pub const fn schema(self) -> &'static Schema {
        match self {
            Self::MacCounters => &schemas::G3_MAC_COUNTERS,
            Self::Mac => &schemas::G3_MAC_SETUP,
            Self::Adaptation => &schemas::G3_ADAPTATION_SETUP,
            Self::MacAddress => &schemas::MAC_ADDRESS_SETUP,
            Self::Ipv6 => &schemas::IPV6_SETUP,
        }
    }
}

impl G3Setup<'_> {
    /// Does what a method says that returns a value: mac_get_neighbour_table_entry of class 91 is asked for a short address and writes
    /// an array with its entry, an empty one if there is none \[BB 4.13.4; confidence B\].
    ///
    /// # Errors
    /// No such method, or a parameter that is no short address.
    pub fn ask(&self, method: i8, data: &Data<'_>, out: &mut Encoder<'_>) -> Result<(), ActionResult> {
        if (self.layer, method) != (G3Layer::Mac, NEIGHBOUR_TABLE_ENTRY) {
            return Err(ActionResult::ObjectUndefined);
        }
        let short_address = parameter::<u16>(data)?;
        let mut row = Vec::new();
        let found = self.network.neighbour(short_address, &mut Encoder::new(&mut row, ROW_LEN_MAX));
        out.array(usize::from(found));
        if found {
            out.encoded(&row);
        }
        Ok(())
    }
}

/// Method mac_get_neighbour_table_entry.
const NEIGHBOUR_TABLE_ENTRY: i8 = 1;
/// Octets of an entry of mac_neighbour_table.
const ROW_LEN_MAX: usize = 128;

impl Object for G3Setup<'_> {
    fn schema(&self) -> &'static Schema {
        self.layer.schema()
    }

    fn get(&self, attribute: i8, _: &Moment, out: &mut Encoder<'_>) -> Result<(), DataAccessResult> {
        if self.schema().attribute(attribute).is_none() {
            return Err(DataAccessResult::ObjectUndefined);
        }
        let known = self.network.attribute(self.layer, attribute, out);
        if known { Ok(()) } else { Err(DataAccessResult::ObjectUnavailable) }
    }

    fn set(&mut self, _: i8, _: &Data<'_>, _: &Moment, _: &mut Effects) -> Result<(), DataAccessResult> {
        Err(DataAccessResult::ReadWriteDenied)
    }

    fn invoke(&mut self, _: i8, data: &Data<'_>, _: &Moment, _: &mut Effects) -> Result<(), ActionResult> {
        match self.layer {
            G3Layer::MacCounters => {
                no_parameter(data)?;
                self.network.reset_counters();
                Ok(())
            }
            _ => Err(ActionResult::ReadWriteDenied),
        }
    }

    /// The layers keep what they need by themselves.
    fn snapshot(&self, out: &mut Encoder<'_>) {
        out.null();
    }

    fn restore(&mut self, snapshot: &Data<'_>) -> bool {
        *snapshot == Data::Null
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apdu::ActionResult::{ObjectUndefined, TypeUnmatched};
    use crate::classes::{G3Neighbour, List, Value, test};

    /// A node with a neighbour at 10 that has counted to 7.
    #[derive(Debug)]
    struct Node(u32);

    impl G3Network for Node {
        fn attribute(&self, layer: G3Layer, attribute: i8, out: &mut Encoder<'_>) -> bool {
            let known = (layer, attribute) == (G3Layer::MacCounters, 2);
            if known {
                out.u32(self.0);
            }
            known
        }

        fn neighbour(&self, short_address: u16, out: &mut Encoder<'_>) -> bool {
            let row = G3Neighbour { short_address, ..neighbour() };
            row.encode(out);
            short_address == 10
        }

        fn reset_counters(&mut self) {
            self.0 = 0;
        }
    }

    fn neighbour() -> G3Neighbour {
        let row =
            [&[2, 11, 18, 0, 0, 3, 0, 4, 0, 22, 0, 15, 0, 22, 0, 4, 0][..], &[17, 9, 15, 0, 17, 1, 17, 2]];
        G3Neighbour::from_value(&row.concat()).expect("a row")
    }

    fn asked(layer: G3Layer, method: i8, parameter: &Data<'_>) -> Result<Vec<u8>, ActionResult> {
        let (mut node, mut value) = (Node(7), Vec::new());
        let network = &mut node;
        G3Setup { layer, network }.ask(method, parameter, &mut Encoder::new(&mut value, 200)).map(|()| value)
    }

    #[test]
    fn a_neighbour_is_asked_for_by_its_short_address() {
        let rows = |value: &[u8]| List::<G3Neighbour, 4>::from_value(value).expect("rows");
        let found = rows(&asked(G3Layer::Mac, 1, &Data::U16(10)).expect("an answer"));
        assert_eq!(found.as_slice(), [G3Neighbour { short_address: 10, ..neighbour() }]);
        assert_eq!(asked(G3Layer::Mac, 1, &Data::U16(11)), Ok(Vec::from([1, 0])));
        assert_eq!(asked(G3Layer::Mac, 1, &Data::U8(10)), Err(TypeUnmatched));
        assert_eq!(asked(G3Layer::Mac, 2, &Data::U16(10)), Err(ObjectUndefined));
        assert_eq!(asked(G3Layer::MacCounters, 1, &Data::U16(10)), Err(ObjectUndefined));
    }

    #[test]
    fn counters_begin_anew_and_what_the_node_does_not_know_is_unavailable() {
        let mut node = Node(7);
        let mut setup = G3Setup { layer: G3Layer::MacCounters, network: &mut node };
        assert_eq!(test::read(&setup, 2, &test::UNSET), [6, 0, 0, 0, 7]);
        let mut none = Vec::new();
        let unknown = setup.get(3, &test::UNSET, &mut Encoder::new(&mut none, 9));
        assert_eq!(unknown, Err(DataAccessResult::ObjectUnavailable));
        let wrong =
            crate::classes::invoke(&mut setup, 1, Some(&Data::U8(0)), &test::UNSET, &mut Effects::default());
        assert_eq!(wrong, Err(TypeUnmatched));
        assert_eq!(
            crate::classes::invoke(&mut setup, 1, None, &test::UNSET, &mut Effects::default()),
            Ok(())
        );
        assert_eq!(test::read(&setup, 2, &test::UNSET), [6, 0, 0, 0, 0]);
    }
}
