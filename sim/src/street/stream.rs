//! A street as the analogue front end of a daemon in another process; see [`plc_core::afe`].

use super::{Passed, Street};
use plc_core::afe::{Hello, Silence};
use plc_core::wire::Writer;
use std::io::{self, Read, Write};

/// Serves one daemon until it goes away. The street stands still while no daemon is there; the next
/// one finds it where the last one left it.
///
/// # Errors
/// Anything but the end of the stream.
pub fn serve<S: Read + Write>(street: &mut Street, stream: &mut S) -> io::Result<()> {
    introduce(street, stream)?;
    let mut session = Session::new(street.block());
    loop {
        match session.turn(street, stream) {
            Ok(()) => {}
            Err(error) if is_end(&error) => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}

fn introduce(street: &Street, stream: &mut impl Write) -> io::Result<()> {
    let hello = Hello {
        rate_hz: street.clock().rate_hz(),
        block: street.block() as u32,
        virtual_time: true,
        utc: street.utc(),
    };
    let mut bytes = [0; Hello::WIRE_LEN];
    hello.emit(&mut Writer::new(&mut bytes)).map_err(io::Error::other)?;
    stream.write_all(&bytes)
}

/// The ways in which a killed peer ends a stream.
fn is_end(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), UnexpectedEof | BrokenPipe | ConnectionReset | ConnectionAborted)
}

struct Session {
    outgoing: Vec<f32>,
    received: Vec<f32>,
    bytes: Vec<u8>,
}

impl Session {
    fn new(block: usize) -> Self {
        Self { outgoing: vec![0.0; block], received: vec![0.0; block], bytes: vec![0; block * 4] }
    }

    fn turn(&mut self, street: &mut Street, stream: &mut (impl Read + Write)) -> io::Result<()> {
        let mut silence = [0; Silence::WIRE_LEN];
        stream.read_exact(&mut silence)?;
        let silent = Silence::from_bytes(silence).0;
        if silent == 0 {
            self.read_block(stream)?;
        }
        let outgoing = (silent == 0).then_some(&self.outgoing[..]);
        let passed = street.exchange(outgoing, u64::from(silent), &mut self.received);
        self.answer(passed, stream)
    }

    fn read_block(&mut self, stream: &mut impl Read) -> io::Result<()> {
        stream.read_exact(&mut self.bytes)?;
        let samples = self.bytes.as_chunks::<4>().0;
        self.outgoing
            .iter_mut()
            .zip(samples)
            .for_each(|(sample, bytes)| *sample = f32::from_le_bytes(*bytes));
        Ok(())
    }

    fn answer(&mut self, passed: Passed, stream: &mut impl Write) -> io::Result<()> {
        let mut bytes = Vec::with_capacity(Silence::WIRE_LEN + self.bytes.len());
        match passed {
            Passed::Gap(samples) => bytes.extend(Silence(samples as u32).to_bytes()),
            Passed::Block => {
                bytes.extend(Silence(0).to_bytes());
                bytes.extend(self.received.iter().flat_map(|sample| sample.to_le_bytes()));
            }
        }
        stream.write_all(&bytes)
    }
}
