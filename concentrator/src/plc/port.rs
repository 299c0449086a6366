//! The bounded way between the thread that is clocked by the converter and the application above UDP.
//!
//! A *turn* goes up with what the node has said, an *answer* comes down with what it shall do. At most one
//! turn is under way. Where time is virtual the node waits for every answer, which makes a run repeat
//! exactly; where it is real the node waits only if something must be durable first.

use plc_core::Instant;
use plc_core::sap::{AdpmRequest, UdpRequest};
use plc_node::NodeOutput;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};

/// What the node has said up to `now`.
#[derive(Debug)]
pub struct Turn {
    /// The node's time.
    pub now: Instant,
    /// In order.
    pub events: Vec<NodeOutput>,
}

/// What the node shall do.
#[derive(Debug, Default)]
pub struct Answer {
    /// Management first.
    pub management: Vec<AdpmRequest>,
    /// Datagrams to send.
    pub datagrams: Vec<UdpRequest>,
    /// When the application wants the next turn at the latest.
    pub deadline: Option<Instant>,
    /// The run is over.
    pub stop: bool,
}

/// The application has ended: its thread is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the application above the node has ended")]
pub struct ApplicationGone;

/// The node's end.
#[derive(Debug)]
pub struct NodePort {
    turns: SyncSender<Turn>,
    answers: Receiver<Answer>,
    waiting: bool,
    deadline: Option<Instant>,
}

/// The application's end.
#[derive(Debug)]
pub struct ApplicationPort {
    turns: Receiver<Turn>,
    answers: SyncSender<Answer>,
}

/// Both ends.
pub fn port() -> (NodePort, ApplicationPort) {
    let (turns, turns_in) = sync_channel(1);
    let (answers, answers_in) = sync_channel(1);
    let node = NodePort { turns, answers: answers_in, waiting: false, deadline: Some(Instant::EPOCH) };
    (node, ApplicationPort { turns: turns_in, answers })
}

impl NodePort {
    /// When the application wants a turn.
    pub const fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// A turn is wanted at once.
    pub const fn wake(&mut self) {
        if !self.waiting {
            self.deadline = Some(Instant::EPOCH);
        }
    }

    /// Whether a turn is under way.
    pub const fn is_waiting(&self) -> bool {
        self.waiting
    }

    /// Hands a turn up. Only when none is under way.
    ///
    /// # Errors
    /// The application has ended.
    pub fn send(&mut self, turn: Turn) -> Result<(), ApplicationGone> {
        self.turns.send(turn).map_err(|_| ApplicationGone)?;
        self.waiting = true;
        Ok(())
    }

    /// The answer to the turn that is under way, if it is there.
    ///
    /// # Errors
    /// The application has ended.
    pub fn try_answer(&mut self) -> Result<Option<Answer>, ApplicationGone> {
        match self.answers.try_recv() {
            Ok(answer) => Ok(Some(self.received(answer))),
            Err(TryRecvError::Empty) => Ok(None),
            Err(TryRecvError::Disconnected) => Err(ApplicationGone),
        }
    }

    /// Waits for the answer to the turn that is under way.
    ///
    /// # Errors
    /// The application has ended.
    pub fn answer(&mut self) -> Result<Answer, ApplicationGone> {
        let answer = self.answers.recv().map_err(|_| ApplicationGone)?;
        Ok(self.received(answer))
    }

    fn received(&mut self, answer: Answer) -> Answer {
        self.waiting = false;
        self.deadline = answer.deadline;
        answer
    }
}

impl ApplicationPort {
    /// Waits for the next turn; `None` when the node is gone.
    pub fn turn(&self) -> Option<Turn> {
        self.turns.recv().ok()
    }

    /// Answers it.
    pub fn answer(&self, answer: Answer) {
        // A node that is gone needs no answer; the next `turn` tells.
        let _ = self.answers.send(answer);
    }
}
