//! The PDUs of the MAC, one type each.

mod aux_header;
mod beacon;
mod mhr;
mod segment;
mod segment_control;
mod tone_map_response;

pub use aux_header::AuxHeader;
pub use beacon::{Beacon, Command};
pub use mhr::{FrameType, Mhr};
pub use segment::{Segment, check_fcs, psdu_overhead};
pub use segment_control::SegmentControl;
pub use tone_map_response::{ToneMapLayout, ToneMapResponse};

#[cfg(test)]
pub(crate) mod testing {
    use plc_core::wire::{WireError, Writer};
    use std::vec::Vec;

    /// The octets that `emit` writes.
    pub(crate) fn emitted(emit: impl FnOnce(&mut Writer<'_>) -> Result<(), WireError>) -> Vec<u8> {
        let mut buffer = [0; 600];
        let mut writer = Writer::new(&mut buffer);
        emit(&mut writer).unwrap();
        writer.written().to_vec()
    }
}
