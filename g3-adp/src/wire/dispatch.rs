//! The octet that says what follows.

/// What an octet at the start of a header announces \[G3 ADP 5.1; RFC 4944 5.1; confidence A\].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dispatch {
    /// ESC: a command of this layer follows.
    Esc,
    /// A whole IPv6 header.
    Ipv6,
    /// A broadcast sequence number.
    Bc0,
    /// A compressed IPv6 header.
    Iphc,
    /// A mesh header.
    Mesh,
    /// The first fragment of a datagram.
    Frag1,
    /// A later fragment.
    FragN,
    /// None of these.
    Unknown(u8),
}

impl Dispatch {
    /// ESC.
    pub const ESC: u8 = 0x40;
    /// Uncompressed IPv6.
    pub const IPV6: u8 = 0x41;
    /// BC0.
    pub const BC0: u8 = 0x50;
    /// IPHC, in the upper three bits.
    pub const IPHC: u8 = 0x60;
    /// Mesh, in the upper two bits.
    pub const MESH: u8 = 0x80;
    /// FRAG1, in the upper five bits.
    pub const FRAG1: u8 = 0xC0;
    /// FRAGN, in the upper five bits.
    pub const FRAGN: u8 = 0xE0;

    /// What `octet` announces.
    pub const fn of(octet: u8) -> Self {
        match octet {
            Self::ESC => Self::Esc,
            Self::IPV6 => Self::Ipv6,
            Self::BC0 => Self::Bc0,
            0x60..=0x7F => Self::Iphc,
            0x80..=0xBF => Self::Mesh,
            0xC0..=0xC7 => Self::Frag1,
            0xE0..=0xE7 => Self::FragN,
            other => Self::Unknown(other),
        }
    }
}

/// The command behind ESC \[G3 ADP 5.1; confidence A\].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EscCommand {
    /// A routing message.
    Loadng,
    /// A bootstrapping message.
    Lbp,
    /// Contention-free access.
    ContentionFreeAccess,
    /// None of these.
    Other(u8),
}

impl EscCommand {
    /// From its code.
    pub const fn from_code(code: u8) -> Self {
        match code {
            1 => Self::Loadng,
            2 => Self::Lbp,
            3 => Self::ContentionFreeAccess,
            other => Self::Other(other),
        }
    }

    /// Its code.
    pub const fn code(self) -> u8 {
        match self {
            Self::Loadng => 1,
            Self::Lbp => 2,
            Self::ContentionFreeAccess => 3,
            Self::Other(code) => code,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_dispatch_octet_of_the_table_is_recognised() {
        let table = [
            (0x40, Dispatch::Esc),
            (0x41, Dispatch::Ipv6),
            (0x42, Dispatch::Unknown(0x42)),
            (0x50, Dispatch::Bc0),
            (0x60, Dispatch::Iphc),
            (0x7E, Dispatch::Iphc),
            (0xB8, Dispatch::Mesh),
            (0xC5, Dispatch::Frag1),
            (0xC8, Dispatch::Unknown(0xC8)),
            (0xE7, Dispatch::FragN),
            (0xE8, Dispatch::Unknown(0xE8)),
        ];
        for (octet, dispatch) in table {
            assert_eq!(Dispatch::of(octet), dispatch, "{octet:02x}");
        }
    }

    #[test]
    fn every_command_code_comes_back() {
        assert!((0..=255).all(|code| EscCommand::from_code(code).code() == code));
    }
}
