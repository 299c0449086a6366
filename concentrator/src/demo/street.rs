//! The street as the front end of the daemon, in the same process.

use crate::plc::{FrontEnd, Incoming, Outgoing};
use plc_core::Utc;
use plc_core::afe::Hello;
use sim::street::{Passed, Street};
use std::io;

/// A front end whose converter is a street in virtual time.
pub(super) struct StreetFrontEnd {
    street: Street,
    start: Utc,
}

impl StreetFrontEnd {
    /// The street, which has not moved yet.
    pub(super) fn new(street: Street) -> Self {
        Self { start: street.utc(), street }
    }

    /// The street, as far as it has come.
    pub(super) fn into_street(self) -> Street {
        self.street
    }
}

impl FrontEnd for StreetFrontEnd {
    fn hello(&self) -> Hello {
        let (rate_hz, block) = (self.street.clock().rate_hz(), self.street.block() as u32);
        Hello { rate_hz, block, virtual_time: true, utc: self.start }
    }

    fn exchange(&mut self, outgoing: Outgoing<'_>, received: &mut [f32]) -> io::Result<Incoming> {
        let (block, silent) = match outgoing {
            Outgoing::Block(samples) => (Some(samples), 0),
            Outgoing::Silent { samples } => (None, u64::from(samples)),
        };
        Ok(match self.street.exchange(block, silent, received) {
            Passed::Block => Incoming::Block,
            // Never more than the silence announced, which is 32 bits wide.
            Passed::Gap(samples) => Incoming::Gap { samples: samples as u32 },
        })
    }
}
