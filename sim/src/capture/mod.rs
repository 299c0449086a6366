//! What a run leaves behind: the frames on the line as pcapng, and everything that happened to one node, to be replayed.
//!
//! A capture is text: the scenario with its seed, then a line for each input of the node and for each frame that it has sent. A replay
//! builds the node alone from the scenario, gives it the same inputs at the same times, and compares each frame, bit for bit.

mod line;
mod replay;

pub use line::{Entry, Input};
pub use plc_node::pcapng::{LINKTYPE_HEADER, LINKTYPE_MAC, Pcapng};
pub use replay::{CaptureError, Replayed, replay, write};
