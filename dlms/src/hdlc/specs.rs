//! The numbers of the HDLC profile, and nothing else.
//!
//! GB is the Green Book; 13239 is ISO/IEC 13239, on which its data link layer stands.

/// The frame \[GB 8.4.1; confidence A\].
pub mod frame {
    #![allow(missing_docs)]
    pub const FLAG: u8 = 0x7E;
    /// Frame format type 3, in the four high bits of the format field.
    pub const FORMAT_TYPE: u16 = 0xA000;
    pub const FORMAT_TYPE_MASK: u16 = 0xF000;
    pub const SEGMENTATION: u16 = 0x0800;
    pub const LENGTH_MASK: u16 = 0x07FF;
    pub const FORMAT_LEN: usize = 2;
    pub const CHECK_LEN: usize = 2;
    /// Format, two addresses of one octet, control, FCS.
    pub const LEN_MIN: usize = 2 + 1 + 1 + 1 + 2;
    /// What eleven bits can say.
    pub const LEN_MAX: usize = 0x07FF;
}

/// Addresses \[GB 8.4.2; confidence A\].
pub mod address {
    #![allow(missing_docs)]
    /// The lowest bit of an octet: the address ends here.
    pub const LAST: u8 = 0x01;
    /// Values of one octet, and of two.
    pub const ONE_OCTET_MAX: u16 = 0x7F;
    pub const TWO_OCTETS_MAX: u16 = 0x3FFF;
    pub const NO_STATION: u16 = 0;
    /// All-station: all ones \[confidence B\].
    pub const ALL_STATION_ONE_OCTET: u16 = 0x7F;
    pub const ALL_STATION_TWO_OCTETS: u16 = 0x3FFF;
}

/// Control fields, poll/final bit clear \[GB 8.4.3; confidence A\].
pub mod control {
    #![allow(missing_docs)]
    pub const POLL_FINAL: u8 = 0x10;
    pub const INFORMATION_MASK: u8 = 0x01;
    pub const SUPERVISORY_MASK: u8 = 0x0F;
    pub const RR: u8 = 0x01;
    pub const RNR: u8 = 0x05;
    pub const SNRM: u8 = 0x83;
    pub const DISC: u8 = 0x43;
    pub const UA: u8 = 0x63;
    pub const DM: u8 = 0x0F;
    pub const FRMR: u8 = 0x87;
    pub const UI: u8 = 0x03;
    /// Where N(R) and N(S) stand.
    pub const RECEIVE_SHIFT: u8 = 5;
    pub const SEND_SHIFT: u8 = 1;
    pub const NUMBER_MASK: u8 = 0x07;
}

/// Sequence numbers and windows \[GB 8.4.4; confidence B\].
pub mod sequence {
    #![allow(missing_docs)]
    pub const MODULUS: u8 = 8;
    pub const WINDOW_MAX: u8 = 7;
}

/// The negotiation of SNRM and UA \[GB 8.4.5.3.2; confidence A\].
pub mod parameters {
    #![allow(missing_docs)]
    pub const FORMAT: u8 = 0x81;
    pub const GROUP: u8 = 0x80;
    pub const MAX_INFO_TRANSMIT: u8 = 0x05;
    pub const MAX_INFO_RECEIVE: u8 = 0x06;
    pub const WINDOW_TRANSMIT: u8 = 0x07;
    pub const WINDOW_RECEIVE: u8 = 0x08;
    pub const MAX_INFO_DEFAULT: u16 = 128;
    pub const WINDOW_DEFAULT: u8 = 1;
    /// The shortest maximum that a station may ask for, and the longest \[confidence C\].
    pub const MAX_INFO_LEAST: u16 = 32;
    pub const MAX_INFO_MOST: u16 = 2030;
    /// Octets of a window on the wire.
    pub const WINDOW_LEN: u8 = 4;
    /// Octets of the longest number that a parameter may be.
    pub const NUMBER_LEN_MAX: usize = 4;
}

/// FRMR \[13239 5.5.3.4.2; confidence B\].
pub mod reject {
    #![allow(missing_docs)]
    pub const LEN: usize = 3;
    /// Why, in the third octet.
    pub const CONTROL_UNKNOWN: u8 = 0x01;
    pub const INFORMATION_NOT_PERMITTED: u8 = 0x02;
    pub const INFORMATION_TOO_LONG: u8 = 0x04;
    pub const RECEIVE_NUMBER_INVALID: u8 = 0x08;
}

/// LLC \[GB 8.3.2; confidence A\].
pub mod llc {
    #![allow(missing_docs)]
    pub const LEN: usize = 3;
    /// From the client.
    pub const COMMAND: [u8; 3] = [0xE6, 0xE6, 0x00];
    /// From the server.
    pub const RESPONSE: [u8; 3] = [0xE6, 0xE7, 0x00];
}

/// Bounds of this crate; no numbers of the standard.
pub mod bounds {
    #![allow(missing_docs)]
    /// Outputs of a link that may wait for the driver.
    pub const OUTPUTS_MAX: usize = 16;
    /// Outputs that one frame may cause.
    pub const OUTPUTS_PER_FRAME: usize = 4;
    /// Outputs of a link with a client or a server above it.
    pub const COMPOSED_OUTPUTS_MAX: usize = 8 * OUTPUTS_MAX;
    /// APDUs that wait for their turn.
    pub const QUEUE_MAX: usize = 4;
}
