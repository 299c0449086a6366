//! One type per header and message of the adaptation layer.
//!
//! Headers (`MeshHeader`, `Bc0Header`, `FragmentHeader`) leave what follows them in the reader; messages
//! (`LbpFrame` and what it holds) refuse trailing octets.

mod access;
mod dispatch;
mod eap;
mod fragment;
mod lbp;
mod loadng;
mod mesh;
mod parameter;

pub use access::ContentionFreeAccess;
pub use dispatch::{Dispatch, EscCommand};
pub use eap::{EapCode, EapMessage, Pchannel, PchannelContent, PchannelResult, PskMessage};
pub use fragment::FragmentHeader;
pub use lbp::{BootstrappingData, LbpCode, LbpFrame};
pub use loadng::{
    HopRecord, HopRecords, LoadngMessage, Prep, Preq, RECORDS_MAX, Rerr, RlcRep, RlcReq, RouteMessage,
};
pub use mesh::{Bc0Header, MeshHeader};
pub use parameter::{Parameter, ParameterResult};

use plc_core::sap::{MSDU_MAX, Msdu};
use plc_core::wire::{WireError, Writer};

/// A MAC payload made of whatever `emit` writes.
pub fn msdu(emit: impl FnOnce(&mut Writer<'_>) -> Result<(), WireError>) -> Result<Msdu, WireError> {
    let mut buffer = [0; MSDU_MAX];
    let mut writer = Writer::new(&mut buffer);
    emit(&mut writer)?;
    Msdu::from_slice(writer.written()).map_err(|_| WireError::NoRoom)
}
