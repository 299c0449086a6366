//! The seam to the converter: a block of samples out, a block in.

use crate::clock::Monotonic;
use plc_core::Instant;
use plc_core::afe::{Hello, Silence};
use plc_core::wire::{Reader, Writer};
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// How long a front end may take for a block before it counts as dead. A converter delivers thousands of blocks
/// in this time.
const PATIENCE: Duration = Duration::from_secs(10);
/// Addresses of a host that are tried.
const ADDRESSES: usize = 4;

/// What the node sends in the next block period.
#[derive(Clone, Copy, Debug)]
pub enum Outgoing<'a> {
    /// These samples.
    Block(&'a [f32]),
    /// Nothing, for at least so many samples.
    Silent {
        /// One block or more.
        samples: u32,
    },
}

/// What came in during that time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Incoming {
    /// One block; it is in the caller's buffer.
    Block,
    /// Silence of this length, which a front end of virtual time has jumped over.
    Gap {
        /// Never more than the node said it would be silent.
        samples: u32,
    },
}

/// An analogue front end. The node is clocked by it: `exchange` returns when the converter has moved on.
pub trait FrontEnd: Send {
    /// Rate, block size, UTC of the first sample.
    fn hello(&self) -> Hello;

    /// Sends one block and receives one; `received` holds one block.
    ///
    /// # Errors
    /// The front end is gone.
    fn exchange(&mut self, outgoing: Outgoing<'_>, received: &mut [f32]) -> io::Result<Incoming>;
}

impl<T: FrontEnd + ?Sized> FrontEnd for Box<T> {
    fn hello(&self) -> Hello {
        (**self).hello()
    }

    fn exchange(&mut self, outgoing: Outgoing<'_>, received: &mut [f32]) -> io::Result<Incoming> {
        (**self).exchange(outgoing, received)
    }
}

/// A front end in another process, behind a byte stream; see [`plc_core::afe`] for the format.
#[derive(Debug)]
pub struct StreamFrontEnd<S> {
    stream: S,
    hello: Hello,
    bytes: Vec<u8>,
}

/// Opens the front end that the configuration names: `unix:/path` or `tcp:host:port`.
///
/// # Errors
/// One line that names the address and what was expected.
pub fn open(address: &str) -> io::Result<Box<dyn FrontEnd>> {
    let named = |error: io::Error| io::Error::new(error.kind(), format!("front end {address}: {error}"));
    match address.split_once(':') {
        Some(("unix", path)) => {
            let stream = UnixStream::connect(path).map_err(named)?;
            stream.set_read_timeout(Some(PATIENCE)).map_err(named)?;
            stream.set_write_timeout(Some(PATIENCE)).map_err(named)?;
            Ok(Box::new(StreamFrontEnd::new(stream).map_err(named)?))
        }
        Some(("tcp", host)) => {
            let stream = connect(host).map_err(named)?;
            stream.set_nodelay(true).map_err(named)?;
            stream.set_read_timeout(Some(PATIENCE)).map_err(named)?;
            stream.set_write_timeout(Some(PATIENCE)).map_err(named)?;
            Ok(Box::new(StreamFrontEnd::new(stream).map_err(named)?))
        }
        _ => Err(named(io::Error::new(io::ErrorKind::InvalidInput, "expected unix:/path or tcp:host:port"))),
    }
}

/// Connects to the first address of `host` that answers within [`PATIENCE`], of so many.
fn connect(host: &str) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "no such host");
    for address in host.to_socket_addrs()?.take(ADDRESSES) {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

impl<S: Read + Write + Send> StreamFrontEnd<S> {
    /// Waits for the introduction of the front end.
    ///
    /// # Errors
    /// The stream ended, or does not speak this format.
    pub fn new(mut stream: S) -> io::Result<Self> {
        let mut bytes = [0; Hello::WIRE_LEN];
        read_whole(&mut stream, &mut bytes).map_err(ended)?;
        let hello = Hello::parse(&mut Reader::new(&bytes))
            .map_err(|e| io::Error::new(io::ErrorKind::InvalidData, format!("{e} in its introduction")))?;
        Ok(Self { stream, hello, bytes: Vec::new() })
    }

    fn read_block(&mut self, received: &mut [f32]) -> io::Result<()> {
        self.bytes.resize(received.len() * 4, 0);
        read_whole(&mut self.stream, &mut self.bytes).map_err(ended)?;
        let samples = self.bytes.as_chunks::<4>().0;
        received.iter_mut().zip(samples).for_each(|(sample, bytes)| *sample = f32::from_le_bytes(*bytes));
        Ok(())
    }
}

impl<S: Read + Write + Send> FrontEnd for StreamFrontEnd<S> {
    fn hello(&self) -> Hello {
        self.hello
    }

    fn exchange(&mut self, outgoing: Outgoing<'_>, received: &mut [f32]) -> io::Result<Incoming> {
        write_outgoing(&mut self.stream, &mut self.bytes, outgoing)?;
        let mut silence = [0; Silence::WIRE_LEN];
        read_whole(&mut self.stream, &mut silence).map_err(ended)?;
        match Silence::from_bytes(silence).0 {
            0 => self.read_block(received).map(|()| Incoming::Block),
            samples => Ok(Incoming::Gap { samples }),
        }
    }
}

/// Fills `bytes` within [`PATIENCE`], however slowly they drip.
fn read_whole(stream: &mut impl Read, bytes: &mut [u8]) -> io::Result<()> {
    let clock = Monotonic::start();
    let mut filled = 0;
    while filled < bytes.len() {
        match stream.read(&mut bytes[filled..]) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(more) => filled += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        if filled < bytes.len() && clock.now().since(Instant::EPOCH) > PATIENCE {
            return Err(io::ErrorKind::TimedOut.into());
        }
    }
    Ok(())
}

fn write_outgoing(stream: &mut impl Write, bytes: &mut Vec<u8>, outgoing: Outgoing<'_>) -> io::Result<()> {
    bytes.clear();
    match outgoing {
        Outgoing::Silent { samples } => bytes.extend(Silence(samples.max(1)).to_bytes()),
        Outgoing::Block(samples) => {
            bytes.extend(Silence(0).to_bytes());
            bytes.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
        }
    }
    stream.write_all(bytes)
}

/// What the ways in which a read ends mean here.
fn ended(error: io::Error) -> io::Error {
    use io::ErrorKind::{TimedOut, UnexpectedEof, WouldBlock};
    match error.kind() {
        UnexpectedEof => io::Error::new(UnexpectedEof, "has closed the stream"),
        WouldBlock | TimedOut => {
            io::Error::new(TimedOut, format!("silent for {PATIENCE:?}, expected a block"))
        }
        _ => error,
    }
}

/// Writes the introduction of a front end; the other end of [`StreamFrontEnd::new`].
///
/// # Errors
/// The stream is gone.
pub fn introduce(stream: &mut impl Write, hello: &Hello) -> io::Result<()> {
    let mut bytes = [0; Hello::WIRE_LEN];
    hello.emit(&mut Writer::new(&mut bytes)).map_err(io::Error::other)?;
    stream.write_all(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use plc_core::Utc;
    use std::os::unix::net::UnixStream;

    const HELLO: Hello = Hello { rate_hz: 400_000, block: 4, virtual_time: true, utc: Utc::from_secs(5) };

    #[test]
    fn a_block_crosses_the_stream_both_ways() {
        let (node, mut front_end) = UnixStream::pair().unwrap();
        introduce(&mut front_end, &HELLO).unwrap();
        let mut node = StreamFrontEnd::new(node).unwrap();
        assert_eq!(node.hello(), HELLO);
        let samples = [0.5f32, -1.0, 3.0e-9, 7.0];
        let mut answer = Silence(0).to_bytes().to_vec();
        answer.extend(samples.iter().flat_map(|s| s.to_le_bytes()));
        front_end.write_all(&answer).unwrap();
        let mut received = [0.0; 4];
        let incoming = node.exchange(Outgoing::Block(&samples), &mut received).unwrap();
        assert_eq!((incoming, received), (Incoming::Block, samples));
        let mut sent = [0; 20];
        front_end.read_exact(&mut sent).unwrap();
        assert_eq!(sent, answer[..]);
    }

    #[test]
    fn a_gap_needs_no_samples() {
        let (node, mut front_end) = UnixStream::pair().unwrap();
        introduce(&mut front_end, &HELLO).unwrap();
        let mut node = StreamFrontEnd::new(node).unwrap();
        front_end.write_all(&Silence(400).to_bytes()).unwrap();
        let incoming = node.exchange(Outgoing::Silent { samples: 1000 }, &mut [0.0; 4]).unwrap();
        assert_eq!(incoming, Incoming::Gap { samples: 400 });
    }

    #[test]
    fn a_stranger_on_the_socket_is_named() {
        let (node, mut stranger) = UnixStream::pair().unwrap();
        stranger.write_all(b"HTTP/1.1 400 Bad Request").unwrap();
        let error = StreamFrontEnd::new(node).map(|_| ()).unwrap_err();
        assert_eq!(error.to_string(), "invalid format in its introduction");
    }

    #[test]
    fn an_address_of_no_known_kind_says_what_was_expected() {
        let error = open("serial:/dev/ttyS0").map(|_| ()).unwrap_err();
        assert_eq!(error.to_string(), "front end serial:/dev/ttyS0: expected unix:/path or tcp:host:port");
    }
}
