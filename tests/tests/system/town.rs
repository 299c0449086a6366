//! A street in one process, a daemon in another, and the files between them.

use crate::grpc::Client;
use crate::process::{Ended, Process, concentrator_in, plcsim};
use concentrator::store::{Cursor, ReadingFilter, StoreReader, StoredEvent, StoredReading};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A street and what the daemons that read it share.
pub(crate) struct Town {
    folder: TempDir,
    /// How many customers the street has, and what else is said of them.
    world: Vec<String>,
    street: Process,
}

impl Town {
    /// A street of so many customers, which stands still.
    pub(crate) fn new(customers: u8) -> Self {
        Self::with(customers, &[])
    }

    /// The same, with further flags for the street and for the configuration.
    pub(crate) fn with(customers: u8, flags: &[&str]) -> Self {
        let (folder, customers) = (tempfile::tempdir().unwrap(), customers.to_string());
        let socket = folder.path().join("street.sock");
        let world: Vec<_> =
            ["--customers", &customers].iter().chain(flags).map(ToString::to_string).collect();
        let mut street = plcsim(&arguments(&["street", "--socket", socket.to_str().unwrap()], &world));
        street.says("meters behind");
        let town = Self { folder, world, street };
        town.configure(&socket);
        town
    }

    /// Writes the configuration of a daemon whose front end is behind this socket.
    pub(crate) fn configure(&self, socket: &Path) {
        let (socket, store) = (socket.to_str().unwrap(), self.store());
        let store = store.to_str().unwrap();
        let which = ["config", "--listen", "127.0.0.1:0", "--socket", socket, "--store", store];
        let printed = plcsim(&arguments(&which, &self.world)).end();
        assert_eq!(printed.code, Some(0), "{printed:?}");
        std::fs::write(self.path("daemon.toml"), printed.out.join("\n")).unwrap();
    }

    /// Leaves only the meter at this place of the list in the configuration of the daemon; all are in `whole`.
    pub(crate) fn expect_only(&self, whole: &str, place: usize) {
        let mut parts = whole.split("\n[[meter]]");
        let head = parts.next().unwrap();
        let meter = parts.nth(place).unwrap();
        std::fs::write(self.path("daemon.toml"), format!("{head}\n[[meter]]{meter}")).unwrap();
    }

    /// A file of this town.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The socket of the street.
    pub(crate) fn socket(&self) -> PathBuf {
        self.path("street.sock")
    }

    /// The store of the daemon.
    pub(crate) fn store(&self) -> PathBuf {
        self.path("store.sqlite")
    }

    /// Starts the daemon.
    pub(crate) fn daemon(&self) -> Daemon {
        self.daemon_with(&[])
    }

    /// Starts the daemon in an environment.
    pub(crate) fn daemon_with(&self, environment: &[(&str, &str)]) -> Daemon {
        let config = self.path("daemon.toml");
        let mut process = concentrator_in(environment, &["run", "--config", config.to_str().unwrap()]);
        let url = format!("http://{}", process.says("interface on "));
        let client = Client::new(&url);
        Daemon { process, url, client }
    }

    /// Whether the street has not ended.
    pub(crate) fn stands(&mut self) -> bool {
        self.street.is_running()
    }

    /// Ends the street, to see what it has said.
    pub(crate) fn end(self) -> Ended {
        self.street.kill()
    }
}

fn arguments<'a>(command: &[&'a str], world: &'a [String]) -> Vec<&'a str> {
    command.iter().copied().chain(world.iter().map(String::as_str)).collect()
}

/// A running daemon.
pub(crate) struct Daemon {
    process: Process,
    /// Where its interface is.
    pub(crate) url: String,
    /// A client of it.
    pub(crate) client: Client,
}

impl Daemon {
    /// Sends it a signal, such as HUP.
    pub(crate) fn signal(&self, name: &str) {
        self.process.signal(name);
    }

    /// Waits for the word behind `mark` in a line of its log.
    pub(crate) fn says(&mut self, mark: &str) -> String {
        self.process.says(mark)
    }

    /// Whether it has not ended.
    pub(crate) fn is_running(&mut self) -> bool {
        self.process.is_running()
    }

    /// Ends it as a power cut does.
    pub(crate) fn kill(self) -> Ended {
        self.process.kill()
    }

    /// Asks it to end.
    pub(crate) fn terminate(self) -> Ended {
        self.process.terminate()
    }
}

/// All readings of a store.
pub(crate) fn dump(store: &Path) -> Vec<StoredReading> {
    let reader = StoreReader::open(store).unwrap();
    reader.readings(&ReadingFilter::default(), Cursor::START, usize::MAX).unwrap()
}

/// All events of a store.
pub(crate) fn events(store: &Path) -> Vec<StoredEvent> {
    StoreReader::open(store).unwrap().events(Cursor::START, usize::MAX).unwrap()
}
