//! How a client on TCP carries its APDUs.

use super::DeskConfig;
use dlms::hdlc::{Parameters, Secondary, SecondaryConfig};
use dlms::wrapper::WpduStream;
use meter::objects::HdlcPort;
use plc_core::sap::UDP_PAYLOAD_MAX;
use plc_core::time::Duration;
use plc_core::{Instant, Machine};

/// How a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CarrierKind {
    /// Wrapper PDUs, one behind the other.
    Wrapper,
    /// A wrapper PDU in each datagram.
    Datagrams,
    /// HDLC frames.
    Hdlc,
}

/// One connection.
#[derive(Debug)]
pub(super) enum Carrier {
    Wrapper(WpduStream),
    Datagrams,
    Hdlc(Box<Secondary>),
}

impl Carrier {
    pub(super) fn new(kind: CarrierKind, config: &DeskConfig) -> Self {
        match kind {
            CarrierKind::Wrapper => Self::Wrapper(WpduStream::new(APDU_LEN_MAX as u16)),
            CarrierKind::Datagrams => Self::Datagrams,
            CarrierKind::Hdlc => {
                let HdlcPort { address, parameters, inactivity_timeout, inter_octet_timeout } =
                    hdlc_port(config);
                Self::Hdlc(Box::new(Secondary::new(SecondaryConfig {
                    address,
                    parameters,
                    max_apdu_len: APDU_LEN_MAX,
                    inactivity_timeout,
                    inter_octet_timeout,
                })))
            }
        }
    }

    /// Whether datagrams come from anywhere, with an address that nobody has checked.
    pub(super) const fn is_datagrams(&self) -> bool {
        matches!(self, Self::Datagrams)
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Wrapper(_) | Self::Datagrams => None,
            Self::Hdlc(link) => link.deadline(),
        }
    }

    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.deadline().is_some_and(|at| at <= now)
    }

    pub(super) fn tick(&mut self, now: Instant) {
        if let Self::Hdlc(link) = self {
            link.tick(now);
        }
    }
}

/// The HDLC port, as links are opened on it and as the meter shows it.
pub(super) const fn hdlc_port(config: &DeskConfig) -> HdlcPort {
    HdlcPort {
        address: config.hdlc_address,
        parameters: Parameters::symmetric(MAX_INFO, WINDOW),
        inactivity_timeout: INACTIVITY,
        inter_octet_timeout: INTER_OCTET,
    }
}

/// The longest APDU that the meter can be given: a datagram holds it.
const APDU_LEN_MAX: usize = UDP_PAYLOAD_MAX - 8;
const MAX_INFO: u16 = 512;
const WINDOW: u8 = 5;
const INACTIVITY: Duration = Duration::from_secs(120);
/// TCP delivers in pieces, so pauses within a frame say little.
const INTER_OCTET: Duration = Duration::from_secs(2);
