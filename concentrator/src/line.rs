//! What is known of the power line below the meters: links, routes, and the frames that go by.

use plc_core::sap::NeighbourEntry;
use plc_core::{Instant, ShortAddress};
use plc_node::TappedFrame;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::{broadcast, watch};

/// A route of the box.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// The node.
    pub destination: ShortAddress,
    /// The neighbour through which.
    pub next_hop: ShortAddress,
    /// Sum of the link costs.
    pub cost: u16,
    /// Hops; 1 is a neighbour.
    pub hops: u8,
    /// Weak links among them.
    pub weak_links: u8,
    /// Whether frames take it.
    pub usable: bool,
    /// When it is forgotten, by the clock of the node.
    pub expires: Instant,
    /// When a frame was last acknowledged on it.
    pub used: Option<Instant>,
}

/// The tables of the node, as they were at one time of its clock.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tables {
    /// The time.
    pub at: Instant,
    /// How to speak to each neighbour that has told it.
    pub links: Vec<NeighbourEntry>,
    /// The routes, sorted by destination.
    pub routes: Vec<Route>,
}

/// A frame that went by.
#[derive(Clone, Debug, PartialEq)]
pub struct Captured {
    /// When, in nanoseconds after 1970-01-01T00:00:00Z.
    pub nanos: u64,
    /// The frame.
    pub frame: TappedFrame,
}

/// What is known of the line.
#[derive(Debug)]
pub struct Line {
    tables: watch::Sender<Tables>,
    frames: broadcast::Sender<Arc<Captured>>,
    missed: AtomicU64,
}

impl Default for Line {
    fn default() -> Self {
        Self {
            tables: watch::Sender::default(),
            frames: broadcast::Sender::new(FRAMES),
            missed: AtomicU64::new(0),
        }
    }
}

impl Line {
    /// Tells the tables of the node.
    pub fn set_tables(&self, tables: Tables) {
        self.tables.send_replace(tables);
    }

    /// The tables of the node.
    pub fn tables(&self) -> Tables {
        self.tables.borrow().clone()
    }

    /// Whether somebody listens to frames.
    pub fn is_listened_to(&self) -> bool {
        self.frames.receiver_count() > 0
    }

    /// A frame went by.
    pub fn captured(&self, nanos: u64, frame: TappedFrame) {
        // Whoever listened has left meanwhile.
        let _ = self.frames.send(Arc::new(Captured { nanos, frame }));
    }

    /// Tells how many frames the node could not hand over, since it was built.
    pub fn set_missed(&self, missed: u64) {
        self.missed.store(missed, Ordering::Relaxed);
    }

    /// Frames that the node could not hand over.
    pub fn missed(&self) -> u64 {
        self.missed.load(Ordering::Relaxed)
    }

    /// The frames from now on. Who is slower than the line by [`FRAMES`] frames misses some and learns how many.
    pub fn listen(&self) -> broadcast::Receiver<Arc<Captured>> {
        self.frames.subscribe()
    }
}

/// Frames that wait for whoever listens.
pub const FRAMES: usize = 1024;
