//! What the server of a meter knows of whoever speaks to it.

use super::MeterApplication;
use dlms::server::Standing;
use plc_core::ShortAddress;

impl MeterApplication {
    /// Who the client at `peer` has shown himself to be, by the associations that he has opened.
    pub fn standing(&self, peer: ShortAddress) -> Standing {
        self.server.standing(peer.0)
    }
}
