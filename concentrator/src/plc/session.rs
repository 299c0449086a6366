//! One life of the power line side: a node between a front end and an application.

use super::application::{Application, BROADCAST_SEQUENCE, LOADNG_SEQUENCE, MeterAccess};
use super::driver::{Driver, DriverError};
use super::front_end::FrontEnd;
use super::observer::LiveObserver;
use super::port::port;
use crate::jobs::JobError;
use crate::live::Live;
use crate::store::{KeyFile, MAC_FRAME_COUNTER, Network, Store, StoreError};
use collector::{Collector, CollectorConfig};
use plc_core::sap::{FrameGeometry, Key, Persist};
use plc_core::{Eui64, PanId, SampleClock, Seed};
use plc_node::modem::{CENELEC_A, Modem, ModemConfig};
use plc_node::{AfterRestart, CoordinatorConfig, DeviceCounter, Memory, Node, NodeConfig, Tapped};
use std::path::PathBuf;
use std::sync::Arc;

/// What a session is made of, besides the front end and the store.
#[derive(Clone, Debug)]
pub struct SessionConfig {
    /// The extended address of the coordinator.
    pub eui64: Eui64,
    /// The PAN to start, unless the store knows one.
    pub pan_id: PanId,
    /// Entropy of this life: never the same twice, but in a simulation.
    pub seed: Seed,
    /// What to read and when.
    pub collector: CollectorConfig,
    /// Who may join and shall be read.
    pub meters: Vec<MeterAccess>,
    /// The file that is there while the clock of the machine is synchronised, if one says so.
    pub clock_trusted_file: Option<PathBuf>,
}

/// Why a session could not be opened or has ended.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The jobs cannot be read.
    #[error(transparent)]
    Jobs(#[from] JobError),
    /// The driver has ended.
    #[error(transparent)]
    Driver(#[from] DriverError),
    /// The front end samples at a rate that the modem cannot use.
    #[error("{0} samples per second, expected {expected} for CENELEC-A", expected = CENELEC_A.sample_rate_hz)]
    Rate(u32),
    /// Frame counters have ended: the network needs a new group key.
    #[error("store: the frame counter of the MAC has reached its end")]
    FrameCounter,
}

impl SessionError {
    /// Whether it is the store that does not work, and not the line.
    pub const fn is_of_store(&self) -> bool {
        matches!(self, Self::Store(_))
    }
}

/// Builds the node from what the store knows of its former life, starts the application on a thread of its
/// own, and has `body` drive the node. When `body` returns, the application finishes its turn. What `body` and
/// the front end have become comes back.
///
/// # Errors
/// The store failed, the front end does not fit the modem, or `body` failed.
pub fn serve<F: FrontEnd, R>(
    front_end: F,
    store: &mut Store,
    config: &SessionConfig,
    live: &Arc<Live>,
    body: impl FnOnce(&mut Driver<F>) -> Result<R, DriverError>,
) -> Result<(R, F), SessionError> {
    let rate = front_end.hello().rate_hz;
    if rate != CENELEC_A.sample_rate_hz {
        return Err(SessionError::Rate(rate));
    }
    let network = network(store, config)?;
    let past = Past::of(store)?;
    let (node_port, application_port) = port();
    let devices = config.meters.len() + store.reader().meters()?.len();
    let build = |clock| coordinator(config, &network, &past, devices.max(1), clock);
    let mut driver = Driver::new(front_end, node_port, build);
    let observer =
        LiveObserver::new(Arc::clone(live), config.eui64).trusting(config.clock_trusted_file.clone());
    live.diagnose(|diagnosis| {
        diagnosis.set_period(config.collector.period);
        diagnosis.on_clock();
    });
    if let Some(jobs) = live.jobs() {
        jobs.interrupted(live.now())?;
    }
    let collector = Collector::new(config.collector.clone());
    let mut application =
        Application::new(collector, store, driver.anchor(), network.pan_id, &config.meters, observer)?;
    std::thread::scope(|scope| {
        // The port moves in, so that the driver learns at once when the application has ended.
        let application = scope.spawn(move || application.run(&application_port));
        let result = body(&mut driver);
        let front_end = driver.into_front_end();
        match application.join() {
            // A store that failed is why the driver has failed.
            Ok(stored) => stored?,
            Err(panic) => std::panic::resume_unwind(panic),
        }
        Ok((result?, front_end))
    })
}

/// The network of the store; a new one with a fresh group key when it knows none.
fn network(store: &mut Store, config: &SessionConfig) -> Result<Network, StoreError> {
    if let Some(network) = store.key_file().network()? {
        return Ok(network);
    }
    let mut group_key = [0; 16];
    group_key.copy_from_slice(&config.seed.derive("group key", 0).0[..16]);
    let network = Network { pan_id: config.pan_id, group_key, key_index: 0 };
    store.set_network(&network)?;
    Ok(network)
}

fn coordinator(
    config: &SessionConfig,
    network: &Network,
    past: &Past,
    devices: usize,
    clock: SampleClock,
) -> Node<Tapped<Modem>> {
    let modem = Modem::new(&CENELEC_A, ModemConfig { clock, ..ModemConfig::default() });
    let coordinator = CoordinatorConfig {
        eui64: config.eui64,
        geometry: &CENELEC_A as &'static dyn FrameGeometry,
        seed: config.seed.derive("node", 0),
        gmk: Key(network.group_key),
        key_index: network.key_index,
        frame_counter: past.frame_counter,
        devices,
    };
    let mut node = NodeConfig::from(coordinator);
    node.adp.memory = past.memory.clone();
    node.mac.device_counters = past.device_counters.clone();
    node.mac.device_counter_block = DEVICE_COUNTER_BLOCK;
    node.mac.after_restart = AfterRestart::AcceptUncertain;
    Node::assemble(Tapped::new(modem), node)
}

/// Frames of a source that one record of its received counters stands for. A power cut makes up to so many of the
/// latest frames acceptable once more, instead of refusing so many fresh ones; what they carry has counters of its own.
const DEVICE_COUNTER_BLOCK: u32 = 256;

/// What the layers of the node find again of their former life.
struct Past {
    frame_counter: u32,
    device_counters: Vec<DeviceCounter>,
    memory: Memory,
}

impl Past {
    fn of(store: &Store) -> Result<Self, SessionError> {
        let (reader, store) = (store.reader(), store.key_file());
        let frame_counter = store.counter(MAC_FRAME_COUNTER)?.unwrap_or(0);
        let mut memory = Memory {
            loadng_sequence: number(store, LOADNG_SEQUENCE)?,
            broadcast_sequence: number(store, BROADCAST_SEQUENCE)?,
            ..Memory::default()
        };
        let keys = store.group_keys()?.into_iter();
        let keys = keys.map(|(index, key, purpose)| Persist::GroupKey { index, key: Some((key, purpose)) });
        keys.chain(reader.routes()?.into_iter().map(Persist::Route)).for_each(|record| memory.learn(&record));
        Ok(Self {
            frame_counter: u32::try_from(frame_counter).map_err(|_| SessionError::FrameCounter)?,
            device_counters: store.device_counters()?,
            memory,
        })
    }
}

/// A number of the adaptation layer that must not repeat; its low bits go on the wire.
fn number(store: &KeyFile, name: &str) -> Result<Option<u32>, SessionError> {
    Ok(store.counter(name)?.map(|value| value as u32))
}
