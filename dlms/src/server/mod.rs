//! The server: the associations of one logical device.

mod config;
mod model;

pub use config::{
    Access, AssociationConfig, ServerAuthentication, ServerConfig, ServerEvent, ServerInput, ServerOutput,
    ServerPersist,
};
pub use model::{AssociationContext, ObjectEntry, ObjectModel};

use plc_core::{Instant, Machine, Outbox};

/// The associations of one logical device, over datagrams.
#[derive(Debug)]
pub struct Server {
    config: ServerConfig,
    out: Outbox<ServerOutput, 16>,
}

impl Server {
    /// A server without sessions.
    pub fn new(config: ServerConfig) -> Self {
        Self { config, out: Outbox::new() }
    }

    /// Serves one datagram from `peer`; outputs follow from `poll`.
    pub fn serve(&mut self, now: Instant, peer: u16, bytes: &[u8], objects: &mut dyn ObjectModel) {
        self.handle(now, ServerInput { peer, bytes, objects });
    }

    /// What the server was told.
    pub const fn config(&self) -> &ServerConfig {
        &self.config
    }
}

impl Machine for Server {
    type Input<'a> = ServerInput<'a>;
    type Output = ServerOutput;

    fn handle(&mut self, _now: Instant, _input: ServerInput<'_>) {}

    fn tick(&mut self, _now: Instant) {}

    fn deadline(&self) -> Option<Instant> {
        None
    }

    fn poll(&mut self) -> Option<ServerOutput> {
        self.out.pop()
    }
}
