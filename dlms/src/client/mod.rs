//! The client: one association with one server, one request at a time.

mod config;

pub use config::{
    CipheringForm, ClientAuthentication, ClientConfig, ClientFailure, ClientInput, ClientOutput,
};

use plc_core::{Instant, Machine, Outbox};

/// One association with one server, over datagrams that may be lost, doubled and reordered.
#[derive(Debug)]
pub struct Client {
    config: ClientConfig,
    out: Outbox<ClientOutput, 16>,
}

impl Client {
    /// A client that is not connected.
    pub fn new(config: ClientConfig) -> Self {
        Self { config, out: Outbox::new() }
    }

    /// What the client was told.
    pub const fn config(&self) -> &ClientConfig {
        &self.config
    }
}

impl Machine for Client {
    type Input<'a> = ClientInput<'a>;
    type Output = ClientOutput;

    fn handle(&mut self, _now: Instant, _input: ClientInput<'_>) {
        self.out.push(ClientOutput::Failed(ClientFailure::WrongState));
    }

    fn tick(&mut self, _now: Instant) {}

    fn deadline(&self) -> Option<Instant> {
        None
    }

    fn poll(&mut self) -> Option<ClientOutput> {
        self.out.pop()
    }
}
