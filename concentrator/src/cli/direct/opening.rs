//! The opening of a line by IEC 62056-21 mode E.

use super::fault::{Blame, Fault};
use super::line::{Heard, Line};
use crate::clock::Monotonic;
use anyhow::anyhow;
use dlms::mode_e::{Confirmation, Opener, OpenerConfig, OpenerInput, OpenerOutput, OpeningFailure, Rate};
use plc_core::Machine;
use plc_core::time::Duration;

/// Opens the line for HDLC.
pub(super) fn open(
    line: &mut Line,
    clock: Monotonic,
    address: &str,
    bits_per_second: u32,
) -> anyhow::Result<()> {
    let rate = Rate::from_bits_per_second(bits_per_second).ok_or_else(|| {
        anyhow!("--baud {bits_per_second}: mode E knows no such rate, expected 300, 600, ... 19200")
    })?;
    let is_lawful =
        address.len() <= ADDRESS_MAX && address.bytes().all(|octet| octet.is_ascii_alphanumeric());
    if !is_lawful {
        anyhow::bail!("--mode-e {address:?}: expected at most {ADDRESS_MAX} letters and digits");
    }
    let mut opener = Opener::new(OpenerConfig {
        address: address.as_bytes().to_vec(),
        rate,
        confirmation: Confirmation::AtInitialRate,
        response_timeout: RESPONSE_TIMEOUT,
        retries: RETRIES,
    });
    opener.handle(clock.now(), OpenerInput::Open);
    let mut buffer = [0; 256];
    loop {
        while let Some(output) = opener.poll() {
            match output {
                OpenerOutput::Line(settings) => line.set(settings)?,
                OpenerOutput::Octets(octets) => line.send(&octets)?,
                OpenerOutput::Opened { .. } => return Ok(()),
                OpenerOutput::Failed(failure) => return Err(Fault::error(Blame::Unreachable, why(failure))),
            }
        }
        let deadline = opener.deadline().unwrap_or_else(|| clock.now() + RESPONSE_TIMEOUT);
        if let Heard::Octets(len) = line.receive(&mut buffer, deadline.since(clock.now()))? {
            opener.handle(clock.now(), OpenerInput::Octets(&buffer[..len]));
        }
        // The deadline comes whatever is heard.
        if deadline <= clock.now() {
            opener.tick(clock.now());
        }
    }
}

const fn why(failure: OpeningFailure) -> &'static str {
    match failure {
        OpeningFailure::NoAnswer => "the meter does not identify itself",
        OpeningFailure::NoHdlc => "the meter does not offer HDLC",
        OpeningFailure::NotConfirmed => "the meter does not confirm HDLC",
    }
}

const ADDRESS_MAX: usize = 32;
const RESPONSE_TIMEOUT: Duration = Duration::from_millis(2500);
const RETRIES: u8 = 2;
