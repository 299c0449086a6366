//! The wish to stop, shared by the threads of the daemon.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// The wish to stop. It is never taken back; clones share it.
#[derive(Clone, Debug)]
pub struct Shutdown {
    asynchronous: watch::Sender<bool>,
    blocking: Arc<(Mutex<bool>, Condvar)>,
}

impl Default for Shutdown {
    fn default() -> Self {
        Self { asynchronous: watch::Sender::new(false), blocking: Arc::default() }
    }
}

impl Shutdown {
    /// Asks everybody to stop.
    pub fn trigger(&self) {
        let (asked, changed) = &*self.blocking;
        *asked.lock().unwrap_or_else(PoisonError::into_inner) = true;
        changed.notify_all();
        self.asynchronous.send_replace(true);
    }

    /// Whether somebody asked.
    pub fn is_triggered(&self) -> bool {
        *self.asynchronous.borrow()
    }

    /// Waits at most so long; whether somebody asked.
    pub fn wait(&self, at_most: Duration) -> bool {
        let (asked, changed) = &*self.blocking;
        let asked = asked.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = changed.wait_timeout_while(asked, at_most, |asked| !*asked);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// Waits until somebody asks.
    pub async fn triggered(&self) {
        let mut receiver = self.asynchronous.subscribe();
        // An error would mean that the sender is gone; it is held here.
        let _ = receiver.wait_for(|asked| *asked).await;
    }
}
