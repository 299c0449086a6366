//! IEC local port setup, class 19 \[BB 4.7.1\]: how the optical port is opened by IEC 62056-21.

use super::object::{attributes, object_basics};
use super::value::enumeration;
use super::{Effects, Moment, Object, Octets};
use crate::apdu::DataAccessResult;
use crate::axdr::{Data, Encoder};
use crate::classes::value::BEYOND_BOUNDS;
use crate::mode_e::{Rate, Responder, ResponderConfig};
use crate::specs::local_port as specs;
use crate::specs::objects::PASSWORD_LEN_MAX;
use core::time::Duration;

enumeration! {
    /// What is spoken on the port: default_mode \[BB 4.7.1; confidence B\].
    PortMode {
        /// IEC 62056-21, modes A to E.
        ModeE = 0,
        /// HDLC from the first octet.
        Hdlc = 1,
        /// Something else: of this object, prop_baud alone means anything.
        Other = 2,
    }
}

enumeration! {
    /// A rate of the port: default_baud and prop_baud \[BB 4.7.1; confidence B\].
    PortRate {
        /// 300 bit/s.
        R300 = 0,
        /// 600 bit/s.
        R600 = 1,
        /// 1200 bit/s.
        R1200 = 2,
        /// 2400 bit/s.
        R2400 = 3,
        /// 4800 bit/s.
        R4800 = 4,
        /// 9600 bit/s.
        R9600 = 5,
        /// 19 200 bit/s.
        R19200 = 6,
        /// 38 400 bit/s.
        R38400 = 7,
        /// 57 600 bit/s.
        R57600 = 8,
        /// 115 200 bit/s.
        R115200 = 9,
    }
}

enumeration! {
    /// How long the meter waits before it answers: response_time \[BB 4.7.1; confidence B\].
    ResponseTime {
        /// 20 ms.
        Short = 0,
        /// 200 ms.
        Long = 1,
    }
}

attributes! {
    /// The port through which whoever stands before the meter speaks with it. Its passwords are shown to nobody.
    LocalPort: LOCAL_PORT_SETUP {
        /// What is spoken.
        [2] default_mode: PortMode,
        /// The rate with which an opening begins.
        [3] default_baud: PortRate,
        /// The rate that the meter proposes.
        [4] prop_baud: PortRate,
        /// How long it waits before it answers.
        [5] response_time: ResponseTime,
        /// Its address: at most 32 letters and digits.
        [6] device_addr: Octets<{ crate::mode_e::specs::ADDRESS_LEN_MAX }>,
        /// The password P1.
        [7] pass_p1: Octets<PASSWORD_LEN_MAX>,
        /// The password P2.
        [8] pass_p2: Octets<PASSWORD_LEN_MAX>,
        /// The password W5, of national applications.
        [9] pass_w5: Octets<PASSWORD_LEN_MAX>,
    } kept {} volatile {}
}

impl Default for LocalPort {
    /// Opened at 300 bit/s, 9600 proposed, without address or passwords.
    fn default() -> Self {
        Self {
            default_mode: PortMode::ModeE,
            default_baud: PortRate::R300,
            prop_baud: PortRate::R9600,
            response_time: ResponseTime::Long,
            device_addr: Octets::default(),
            pass_p1: Octets::default(),
            pass_p2: Octets::default(),
            pass_w5: Octets::default(),
        }
    }
}

impl PortRate {
    /// Bits per second.
    pub const fn bits_per_second(self) -> u32 {
        specs::RATES[self.code() as usize]
    }
}

impl ResponseTime {
    /// As a time.
    pub const fn duration(self) -> Duration {
        match self {
            Self::Short => specs::RESPONSE_TIME_SHORT,
            Self::Long => specs::RESPONSE_TIME_LONG,
        }
    }
}

impl LocalPort {
    /// The attributes that nobody reads, as the bits of a mask.
    pub const SECRETS: u32 = 1 << 7 | 1 << 8 | 1 << 9;

    /// The meter's side of an opening as the port is set: under its address, at its rates, answering after its time. `meter` says the
    /// rest. `None` for a port that is not opened so, or at rates that mode E does not know.
    pub fn responder(&self, meter: ResponderConfig) -> Option<Responder> {
        if self.default_mode != PortMode::ModeE {
            return None;
        }
        let rate_of = |rate: PortRate| Rate::from_bits_per_second(rate.bits_per_second());
        let (opening, rate) = (rate_of(self.default_baud)?, rate_of(self.prop_baud)?);
        let address = self.device_addr.as_slice().to_vec();
        let config = ResponderConfig { address, rate, ..meter };
        Some(Responder::new(config).at_port(opening, self.response_time.duration()))
    }
}

impl Object for LocalPort {
    object_basics!();

    fn get(&self, attribute: i8, _: &Moment, out: &mut Encoder<'_>) -> Result<(), DataAccessResult> {
        match attribute {
            7..=9 => out.octet_string(&[]),
            _ => return self.read(attribute, out),
        }
        Ok(())
    }

    fn set(
        &mut self,
        attribute: i8,
        value: &Data<'_>,
        _: &Moment,
        _: &mut Effects,
    ) -> Result<(), DataAccessResult> {
        match *value {
            // A request for another address would not be one.
            Data::OctetString(address)
                if attribute == 6 && !address.iter().all(u8::is_ascii_alphanumeric) =>
            {
                Err(BEYOND_BOUNDS)
            }
            _ => self.store(attribute, value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classes::{Snapshot, test};
    use crate::cosem::LogicalName;
    use crate::mode_e::{Confirmation, LineFormat, LineSettings, ResponderInput, ResponderOutput};
    use alloc::vec::Vec;
    use plc_core::{Instant, Machine};

    const T0: Instant = Instant::from_secs(100);

    fn meter() -> ResponderConfig {
        ResponderConfig {
            address: Vec::new(),
            maker: *b"PLC",
            name: b"METER".to_vec(),
            rate: Rate::INITIAL,
            confirmation: Confirmation::None,
            choice_timeout: Duration::from_secs(3),
            idle_timeout: Duration::from_secs(120),
        }
    }

    fn said(responder: &mut Responder) -> Vec<ResponderOutput> {
        core::iter::from_fn(|| responder.poll()).collect()
    }

    /// The identification that says this rate.
    fn identification(rate: u8) -> Vec<ResponderOutput> {
        let octets = [&b"/PLC"[..], &[rate], b"\\2METER\r\n"].concat();
        Vec::from([ResponderOutput::Octets(octets)])
    }

    #[test]
    fn a_port_is_opened_at_its_rate_under_its_address_and_answers_after_its_time() {
        let mut port = LocalPort::default();
        for (attribute, value) in
            [(3, &[22, 2][..]), (4, &[22, 6]), (5, &[22, 1]), (6, &[9, 4, b'A', b'7', b'b', b'0'])]
        {
            assert_eq!(test::write(&mut port, attribute, value), Ok(()), "{attribute}");
        }
        let mut responder = port.responder(meter()).unwrap();
        let rate = Rate::from_bits_per_second(1200).unwrap();
        let initial = LineSettings { rate, format: LineFormat::SevenEven };
        assert_eq!(said(&mut responder), [ResponderOutput::Line(initial)]);
        responder.handle(T0, ResponderInput::Octets(b"/?0000!\r\n"));
        assert_eq!((said(&mut responder), responder.counters().not_for_us), (Vec::new(), 1));
        responder.handle(T0, ResponderInput::Octets(b"/?A7b0!\r\n"));
        let due = T0 + Duration::from_millis(200);
        assert_eq!((said(&mut responder), responder.deadline()), (Vec::new(), Some(due)));
        responder.tick(T0 + Duration::from_millis(199));
        assert_eq!(said(&mut responder), []);
        responder.tick(due);
        assert_eq!(said(&mut responder), identification(b'6'));
        assert_eq!(test::write(&mut port, 5, &[22, 0]), Ok(()));
        let mut responder = port.responder(meter()).unwrap();
        responder.handle(T0, ResponderInput::Octets(b"/?!\r\n"));
        assert_eq!(responder.deadline(), Some(T0 + Duration::from_millis(20)));
    }

    #[test]
    fn a_port_of_another_protocol_or_of_rates_that_mode_e_has_not_is_not_opened_so() {
        for (attribute, value) in [(2, 1), (2, 2), (3, 7), (4, 9)] {
            let mut port = LocalPort::default();
            assert_eq!(test::write(&mut port, attribute, &[22, value]), Ok(()));
            assert!(port.responder(meter()).is_none(), "{attribute} {value}");
        }
        assert!(LocalPort::default().responder(meter()).is_some());
    }

    #[test]
    fn numbers_and_addresses_that_mean_nothing_are_refused_and_change_nothing() {
        let mut port = LocalPort::default();
        for (attribute, value) in
            [(2, &[22, 3][..]), (3, &[22, 10]), (4, &[22, 255]), (5, &[22, 2]), (6, &[9, 2, b'a', b'!'])]
        {
            assert_eq!(test::write(&mut port, attribute, value), Err(BEYOND_BOUNDS), "{attribute}");
        }
        assert_eq!(test::write(&mut port, 2, &[17, 0]), Err(DataAccessResult::TypeUnmatched));
        assert_eq!(port, LocalPort::default());
    }

    #[test]
    fn passwords_are_kept_and_shown_to_nobody() {
        let mut port = LocalPort::default();
        for attribute in 7..=9 {
            assert_eq!(test::write(&mut port, attribute, &[9, 2, b'p', b'w']), Ok(()));
            assert_eq!(test::read(&port, attribute, &test::UNSET), [9, 0]);
        }
        let snapshot = Snapshot::of(LogicalName([0, 0, 20, 0, 0, 255]), &port);
        let mut again = LocalPort::default();
        assert!(snapshot.restore(&mut again));
        assert_eq!((again.pass_p1.as_slice(), again.pass_w5.as_slice()), (&b"pw"[..], &b"pw"[..]));
        test::check(&port, &test::UNSET);
    }

    #[test]
    fn every_rate_is_what_its_name_says() {
        let rates = [300, 600, 1200, 2400, 4800, 9600, 19_200, 38_400, 57_600, 115_200];
        for (code, rate) in (0..).zip(rates) {
            let of: PortRate = crate::classes::Value::from_data(&Data::Enum(code)).unwrap();
            assert_eq!(of.bits_per_second(), rate);
        }
    }
}
