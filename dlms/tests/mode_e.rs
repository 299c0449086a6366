//! The opening of an optical port, both sides.
#![allow(clippy::unwrap_used, clippy::panic)]

use dlms::mode_e::*;
use plc_core::{Instant, Machine};
use std::time::Duration;

const AT_9600: LineSettings = LineSettings { rate: Rate::R9600, format: LineFormat::EightNone };

fn opener_config(confirmation: Confirmation) -> OpenerConfig {
    OpenerConfig {
        address: Vec::new(),
        rate: Rate::from_bits_per_second(19_200).unwrap(),
        confirmation,
        response_timeout: Duration::from_millis(2500),
        retries: 2,
    }
}

fn responder_config(confirmation: Confirmation) -> ResponderConfig {
    ResponderConfig {
        address: b"4711".to_vec(),
        maker: *b"PLC",
        name: b"METER 1".to_vec(),
        rate: Rate::R9600,
        confirmation,
        choice_timeout: Duration::from_secs(3),
        idle_timeout: Duration::from_secs(120),
    }
}

/// Both sides and the line between them. Octets arrive only while both sides have the line set alike.
struct Port {
    now: Instant,
    opener: Opener,
    responder: Responder,
    client_line: LineSettings,
    meter_line: LineSettings,
    log: Vec<String>,
    result: Option<OpenerOutput>,
    lost: usize,
}

impl Port {
    fn new(opener: OpenerConfig, responder: ResponderConfig) -> Self {
        Self {
            now: Instant::from_secs(1),
            opener: Opener::new(opener),
            responder: Responder::new(responder),
            client_line: LineSettings::INITIAL,
            meter_line: LineSettings::INITIAL,
            log: Vec::new(),
            result: None,
            lost: 0,
        }
    }

    fn open(&mut self) -> OpenerOutput {
        self.opener.handle(self.now, OpenerInput::Open);
        loop {
            self.drain();
            if let Some(result) = self.result.take() {
                return result;
            }
            let next = [self.opener.deadline(), self.responder.deadline()].into_iter().flatten().min();
            self.now = next.expect("somebody waits");
            self.opener.tick(self.now);
            self.responder.tick(self.now);
        }
    }

    fn drain(&mut self) {
        loop {
            if let Some(output) = self.opener.poll() {
                self.on_client(output);
            } else if let Some(output) = self.responder.poll() {
                self.on_meter(output);
            } else {
                return;
            }
        }
    }

    fn on_client(&mut self, output: OpenerOutput) {
        match output {
            OpenerOutput::Line(settings) => self.client_line = settings,
            OpenerOutput::Octets(octets) => {
                self.log.push(format!("> {}", octets.escape_ascii()));
                if self.is_heard() {
                    self.responder.handle(self.now, ResponderInput::Octets(&octets));
                }
            }
            result => self.result = Some(result),
        }
    }

    fn on_meter(&mut self, output: ResponderOutput) {
        match output {
            ResponderOutput::Line(settings) => self.meter_line = settings,
            ResponderOutput::Octets(octets) => {
                self.log.push(format!("< {}", octets.escape_ascii()));
                if self.is_heard() {
                    self.opener.handle(self.now, OpenerInput::Octets(&octets));
                }
            }
            other => self.log.push(format!("{other:?}")),
        }
    }

    fn is_heard(&mut self) -> bool {
        let heard = self.client_line == self.meter_line;
        self.lost += usize::from(!heard);
        heard
    }
}

#[test]
fn a_port_is_opened_in_four_messages_and_both_sides_set_the_line_alike() {
    for confirmation in [Confirmation::AtInitialRate, Confirmation::AtChosenRate] {
        let mut port = Port::new(opener_config(confirmation), responder_config(confirmation));
        let opened = OpenerOutput::Opened { maker: *b"PLC", name: b"METER 1".to_vec(), rate: Rate::R9600 };
        assert_eq!(port.open(), opened);
        let log = [r"> /?!\r\n", r"< /PLC5\\2METER 1\r\n", r"> \x06252\r\n"];
        assert_eq!(port.log[..3], log);
        assert!(port.log.contains(&r"< \x06252\r\n".to_owned()));
        assert_eq!((port.client_line, port.meter_line, port.lost), (AT_9600, AT_9600, 0));
        assert!(port.responder.is_open());
        assert_eq!(port.now, Instant::from_secs(1), "nothing had to be repeated");
    }
}

#[test]
fn a_meter_that_does_not_confirm_is_open_too_where_that_is_known() {
    let mut port = Port::new(opener_config(Confirmation::None), responder_config(Confirmation::None));
    assert!(matches!(port.open(), OpenerOutput::Opened { .. }));
    assert_eq!((port.client_line, port.meter_line), (AT_9600, AT_9600));
}

#[test]
fn a_confirmation_at_the_other_rate_is_not_heard_and_the_opening_fails() {
    let config = opener_config(Confirmation::AtInitialRate);
    let mut port = Port::new(config, responder_config(Confirmation::AtChosenRate));
    let failed = port.open();
    assert!(matches!(failed, OpenerOutput::Failed(_)), "{failed:?}");
    assert!(port.lost > 0 && port.client_line == LineSettings::INITIAL);
}

#[test]
fn the_lower_of_both_rates_is_chosen() {
    let slow = Rate::from_bits_per_second(2400).unwrap();
    let config = OpenerConfig { rate: slow, ..opener_config(Confirmation::AtInitialRate) };
    let mut port = Port::new(config, responder_config(Confirmation::AtInitialRate));
    assert!(matches!(port.open(), OpenerOutput::Opened { rate, .. } if rate == slow));
    assert_eq!((port.client_line.rate, port.meter_line.rate), (slow, slow));
}

#[test]
fn only_the_meter_that_is_meant_answers() {
    for (address, answers) in [(&b"4711"[..], true), (b"4712", false), (b"", true)] {
        let config = OpenerConfig { address: address.to_vec(), ..opener_config(Confirmation::AtInitialRate) };
        let mut port = Port::new(config, responder_config(Confirmation::AtInitialRate));
        let result = port.open();
        assert_eq!(matches!(result, OpenerOutput::Opened { .. }), answers, "{result:?}");
        if !answers {
            assert_eq!(result, OpenerOutput::Failed(OpeningFailure::NoAnswer));
            assert_eq!((port.log.len(), port.responder.counters().not_for_us), (3, 3));
        }
    }
}

#[test]
fn a_meter_without_hdlc_is_told_at_once() {
    let mut opener = Opener::new(opener_config(Confirmation::AtInitialRate));
    let now = Instant::from_secs(1);
    opener.handle(now, OpenerInput::Open);
    // The optical head reflects the request.
    opener.handle(now, OpenerInput::Octets(b"/?!\r\n/ABC5OLD METER\r\n"));
    let outputs: Vec<_> = std::iter::from_fn(|| opener.poll()).collect();
    assert_eq!(outputs.last(), Some(&OpenerOutput::Failed(OpeningFailure::NoHdlc)));
    assert_eq!((opener.deadline(), opener.counters().malformed), (None, 1));
}

fn tell(now: Instant, responder: &mut Responder, octets: &[u8]) -> Vec<ResponderOutput> {
    responder.handle(now, ResponderInput::Octets(octets));
    std::iter::from_fn(|| responder.poll()).collect()
}

#[test]
fn a_choice_of_what_was_not_offered_opens_nothing() {
    let now = Instant::from_secs(1);
    // The readout of mode C, programming, a rate above that of the meter.
    for choice in [&b"\x06050\r\n"[..], b"\x06051\r\n", b"\x06262\r\n"] {
        let mut responder = Responder::new(responder_config(Confirmation::AtInitialRate));
        tell(now, &mut responder, b"/?!\r\n");
        assert_eq!(tell(now, &mut responder, choice), []);
        assert_eq!((responder.counters().refused, responder.is_open()), (1, false));
        // Only an identification before it makes a choice.
        assert_eq!(tell(now, &mut responder, b"\x06252\r\n"), []);
        assert_eq!(responder.counters().unexpected, 1);
    }
}

#[test]
fn a_client_that_does_not_choose_in_time_begins_anew() {
    let now = Instant::from_secs(1);
    let mut responder = Responder::new(responder_config(Confirmation::AtInitialRate));
    tell(now, &mut responder, b"/?!\r\n");
    let late = now + Duration::from_secs(3);
    assert_eq!(responder.deadline(), Some(late));
    responder.tick(late);
    assert_eq!(tell(late, &mut responder, b"\x06252\r\n"), []);
    assert!(!responder.is_open());
}

#[test]
fn a_port_on_which_nobody_speaks_is_closed_and_one_that_is_used_is_not() {
    let mut now = Instant::from_secs(1);
    let mut responder = Responder::new(responder_config(Confirmation::AtInitialRate));
    tell(now, &mut responder, b"/?!\r\n\x06252\r\n");
    assert!(responder.is_open());
    for _ in 0..10 {
        now += Duration::from_secs(119);
        responder.tick(now);
        assert_eq!(tell(now, &mut responder, b"~"), []);
    }
    now += Duration::from_secs(120);
    responder.tick(now);
    let closed: Vec<_> = std::iter::from_fn(|| responder.poll()).collect();
    assert_eq!(closed, [ResponderOutput::Closed, ResponderOutput::Line(LineSettings::INITIAL)]);
    assert!(!responder.is_open() && responder.deadline().is_none());
    assert_eq!(tell(now, &mut responder, b"/?!\r\n").len(), 1);
}
