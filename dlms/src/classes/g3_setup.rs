//! G3-PLC setup, classes 90, 91 and 92 \[BB 4.13.3 to 4.13.5\], and the addresses of a node, classes 43 and 48
//! \[BB 4.9.3, 4.9.4\]: what the network layers know of themselves. They are
//! asked through [`G3Network`]; a meter on another medium answers for none.

use super::{Effects, Moment, Object, Schema};
use crate::apdu::{ActionResult, DataAccessResult};
use crate::axdr::{Data, Encoder};
use crate::specs::schemas;
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

    fn invoke(&mut self, _: i8, _: &Data<'_>, _: &Moment, _: &mut Effects) -> Result<(), ActionResult> {
        match self.layer {
            G3Layer::MacCounters => {
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
