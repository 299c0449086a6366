//! The only writer, on a thread of its own: what waits from all boxes becomes durable together, then it is acknowledged.

use crate::store::{BoxLife, HeadStore, HeadStoreError, Parcel};
use backhaul::Intake;
use std::collections::BTreeMap;
use tokio::sync::{mpsc, oneshot, watch};

/// Why a box is sent away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A newer connection of the same box is there.
    Replaced,
    /// Nothing can be committed.
    Store(String),
    /// The head-end stops.
    Stopping,
}

/// The place of one connection: what is held of its box, until it is sent away.
#[derive(Debug)]
pub struct Seat {
    /// What is held, and the news of it.
    pub held: watch::Receiver<Result<Intake, Refusal>>,
}

/// Hands parcels to the writer.
#[derive(Clone, Debug)]
pub struct Committer {
    work: mpsc::Sender<Work>,
}

#[derive(Debug)]
enum Work {
    Sit(BoxLife, oneshot::Sender<Result<Seat, String>>),
    Take(Parcel),
}

type Seats = BTreeMap<String, (BoxLife, watch::Sender<Result<Intake, Refusal>>)>;

impl Committer {
    /// Starts the writer. It ends with the last handle.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(store: HeadStore) -> std::io::Result<(Self, std::thread::JoinHandle<()>)> {
        let (work, queue) = mpsc::channel(QUEUE);
        let writer =
            std::thread::Builder::new().name("committer".into()).spawn(move || write(store, queue))?;
        Ok((Self { work }, writer))
    }

    /// Gives a connection of a box its place; an older one of the same box loses its own.
    ///
    /// # Errors
    /// The store failed.
    pub async fn sit(&self, life: BoxLife) -> Result<Seat, String> {
        let (reply, answer) = oneshot::channel();
        let sent = self.work.send(Work::Sit(life, reply)).await;
        sent.map_err(|_| String::from("the writer has ended"))?;
        answer.await.map_err(|_| String::from("the writer has ended"))?
    }

    /// Hands a parcel over; whether the writer is there. Waits while the writer is behind.
    pub async fn take(&self, parcel: Parcel) -> bool {
        self.work.send(Work::Take(parcel)).await.is_ok()
    }
}

fn write(mut store: HeadStore, mut queue: mpsc::Receiver<Work>) {
    let mut seats = Seats::new();
    while let Some(first) = queue.blocking_recv() {
        let (mut parcels, mut rows) = (Vec::new(), 0);
        let mut next = Some(first);
        while let Some(work) = next {
            match work {
                Work::Sit(life, reply) => {
                    // A connection that has gone does not take the answer.
                    let _ = reply.send(sit(&mut store, &mut seats, life));
                }
                Work::Take(parcel) => {
                    rows += parcel.rows.len();
                    parcels.push(parcel);
                }
            }
            next = if rows < ROWS_AT_ONCE { queue.try_recv().ok() } else { None };
        }
        commit(&mut store, &mut seats, &parcels);
    }
}

fn sit(store: &mut HeadStore, seats: &mut Seats, life: BoxLife) -> Result<Seat, String> {
    let intake = store.intake(&life).map_err(|error| error.to_string())?;
    let (sender, held) = watch::channel(Ok(intake));
    if let Some((_, older)) = seats.insert(life.box_id.clone(), (life, sender)) {
        let _ = older.send_replace(Err(Refusal::Replaced));
    }
    Ok(Seat { held })
}

fn commit(store: &mut HeadStore, seats: &mut Seats, parcels: &[Parcel]) {
    if parcels.is_empty() {
        return;
    }
    match store.commit(parcels) {
        Ok(0) => {}
        Ok(conflicts) => {
            tracing::warn!(conflicts, "readings or values contradict what is held; what came first stays")
        }
        Err(error) => return refuse(seats, parcels, &error),
    }
    let lives: std::collections::BTreeSet<_> = parcels.iter().map(|parcel| &parcel.life).collect();
    for life in lives {
        let seat = seats.get(&life.box_id).filter(|(of, _)| of == life);
        if let (Some((_, sender)), Ok(intake)) = (seat, store.intake(life)) {
            let _ = sender.send_replace(Ok(intake));
        }
    }
}

/// What was not kept was not acknowledged: the boxes come again later.
fn refuse(seats: &mut Seats, parcels: &[Parcel], error: &HeadStoreError) {
    tracing::error!("nothing can be committed: {error}");
    for parcel in parcels {
        if let Some((_, sender)) = seats.get(&parcel.life.box_id) {
            let _ = sender.send_replace(Err(Refusal::Store(error.to_string())));
        }
    }
}

/// Parcels that wait at most.
const QUEUE: usize = 256;
/// Rows of a transaction; the parcel that reaches it is the last.
const ROWS_AT_ONCE: usize = 20_000;
