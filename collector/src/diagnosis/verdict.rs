//! What can be said of a meter.

use alloc::string::String;
use core::fmt;
use plc_core::{Eui64, Utc};

/// The first thing that is wrong with the reading of a meter, from the ground up; or that nothing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It was read at the last boundary.
    Healthy,
    /// It was read, and lacks captures that it cannot give any more.
    CapturesLost,
    /// It was read; its clock was wrong, and was set.
    ClockCorrected,
    /// It was read; its clock is wrong and cannot be set.
    ClockWrong,
    /// It has joined, and its first session has not begun yet; or it is its turn soon.
    Waiting,
    /// All sessions that may be under way are: so many meters are before it.
    Queued {
        /// Meters whose turn comes earlier.
        before: u32,
    },
    /// It is being read now.
    InSession,
    /// The concentrator does not serve the power line.
    LineNotServed,
    /// The concentrator has not started its network yet.
    NetworkNotStarted,
    /// The concentrator does not know the time.
    TimeUnknown,
    /// What is read cannot be stored.
    StoreFails,
    /// Nobody has said that it should be read; it has not asked to join.
    NotExpected,
    /// Nobody has said that it should be read, and it asks to join.
    Stranger,
    /// It was never heard.
    NeverHeard,
    /// It asks to join, and its key is not the expected one.
    JoinKeyWrong,
    /// It asks to join, and does not get through with it.
    JoinInterrupted,
    /// It has said itself that it lost its supply, and nothing since.
    PowerLost,
    /// Somebody has had it leave the network, and it may not come back before the line is opened anew.
    Removed,
    /// It has left the network.
    Left,
    /// Most meters of the network fail: the line at the concentrator, not this meter.
    LineNoisy {
        /// Meters that fail.
        failing: u32,
        /// Meters that were tried.
        tried: u32,
    },
    /// Its frames are passed on by a meter that does not answer.
    RelaySilent {
        /// That meter.
        relay: Eui64,
    },
    /// No way to it is known any more.
    NoRoute,
    /// It has joined, and nothing was heard of it since it was last read.
    Silent,
    /// It is heard, and too much is lost on the way.
    LinkWeak,
    /// It answers, but does not prove that it has the keys of the concentrator, or the other way round.
    DlmsKeysDiffer,
    /// It refuses the association.
    AssociationRefused,
    /// Its answers bear invocation counters that were seen before.
    CountersReplayed,
    /// The invocation counters of one key have come to their end.
    CountersExhausted,
    /// It does not give what it is asked for.
    AccessDenied,
    /// Its clock names no instant, so nothing that it captures can be dated.
    ClockInvalid,
    /// What it answers cannot be believed.
    AnswersUnbelievable,
    /// Its sessions take longer than they may.
    TooSlow,
}

/// Something that was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// When it was last so; none for what is so all the time.
    pub at: Option<Utc>,
    /// What, for people.
    pub text: String,
}

impl Verdict {
    /// Its name for programs: lower case, with hyphens.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::CapturesLost => "captures-lost",
            Self::ClockCorrected => "clock-corrected",
            Self::ClockWrong => "clock-wrong",
            Self::Waiting => "waiting",
            Self::Queued { .. } => "queued",
            Self::InSession => "in-session",
            Self::LineNotServed => "line-not-served",
            Self::NetworkNotStarted => "network-not-started",
            Self::TimeUnknown => "time-unknown",
            Self::StoreFails => "store-fails",
            Self::NotExpected => "not-expected",
            Self::Stranger => "stranger",
            Self::NeverHeard => "never-heard",
            Self::JoinKeyWrong => "join-key-wrong",
            Self::JoinInterrupted => "join-interrupted",
            Self::PowerLost => "power-lost",
            Self::Removed => "removed",
            Self::Left => "left",
            Self::LineNoisy { .. } => "line-noisy",
            Self::RelaySilent { .. } => "relay-silent",
            Self::NoRoute => "no-route",
            Self::Silent => "silent",
            Self::LinkWeak => "link-weak",
            Self::DlmsKeysDiffer => "dlms-keys-differ",
            Self::AssociationRefused => "association-refused",
            Self::CountersReplayed => "counters-replayed",
            Self::CountersExhausted => "counters-exhausted",
            Self::AccessDenied => "access-denied",
            Self::ClockInvalid => "clock-invalid",
            Self::AnswersUnbelievable => "answers-unbelievable",
            Self::TooSlow => "too-slow",
        }
    }

    /// Whether the meter is read as it should be.
    pub const fn is_good(&self) -> bool {
        matches!(
            self,
            Self::Healthy | Self::ClockCorrected | Self::CapturesLost | Self::Waiting | Self::InSession
        )
    }

    /// What somebody should do.
    pub const fn advice(&self) -> &'static str {
        match self {
            Self::Healthy | Self::InSession | Self::Waiting => "nothing to do",
            Self::CapturesLost => {
                "nothing to do here: the meter has no rows for that time; look whether it had power"
            }
            Self::ClockCorrected => "nothing to do; if it comes again and again, have the clock serviced",
            Self::ClockWrong => "set the clock with an authorised client, or exchange the meter",
            Self::Queued { .. } => {
                "wait; if the queue never ends, lengthen the period or allow more sessions at once"
            }
            Self::LineNotServed => "look after the front end: cable, power, the process at its socket",
            Self::NetworkNotStarted => {
                "wait for the network to start; if it does not, look for another concentrator on the line"
            }
            Self::TimeUnknown => "give the box the time: NTP, GNSS or its battery clock",
            Self::StoreFails => {
                "free space on the disk, or look after it; nothing is acknowledged to meters meanwhile"
            }
            Self::NotExpected => {
                "add the meter with its keys to the configuration, if it belongs to this street"
            }
            Self::Stranger => {
                "add the meter with its keys to the configuration, or to that of the neighbouring substation"
            }
            Self::NeverHeard => {
                "look whether the meter has power and hangs on this transformer, and whether its address is right"
            }
            Self::JoinKeyWrong => "compare the configured join key (PSK) with the manufacturer's list",
            Self::JoinInterrupted => {
                "look for noise at the meter, or set up another meter half way as a relay"
            }
            Self::PowerLost => "look for a blown fuse or a cut cable between the transformer and this meter",
            Self::Removed => "take it out of the configuration; to let it in again, restart the concentrator",
            Self::Left => "wait for the meter to join again; if it does not, look whether it has power",
            Self::LineNoisy { .. } => {
                "look for a source of noise at the substation or a fault of the coupling"
            }
            Self::RelaySilent { .. } => {
                "look after the relay first; this meter finds another way if there is one"
            }
            Self::NoRoute => "wait for the next search; look whether meters half way have lost power",
            Self::Silent => "look whether the meter has power; then for a new source of noise beside it",
            Self::LinkWeak => "look for a source of noise at the meter; a relay half way helps",
            Self::DlmsKeysDiffer => {
                "compare encryption and authentication key of the configuration with the manufacturer's list; \
                 somebody else may have changed them"
            }
            Self::AssociationRefused => {
                "look whether the client and its authentication are configured in the meter"
            }
            Self::CountersReplayed => "look whether the meter was exchanged or reset; transfer new keys",
            Self::CountersExhausted => "transfer new keys to the meter",
            Self::AccessDenied => "grant the client access to the load profile in the meter",
            Self::ClockInvalid => "set the clock of the meter; its battery may be empty",
            Self::AnswersUnbelievable => {
                "compare the load profile of the meter with its companion specification"
            }
            Self::TooSlow => "look for noise; if the meter is slow by itself, allow longer sessions",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Queued { before } => {
                write!(f, "its time has come, and {before} meters are before it: the line is busy")
            }
            Self::LineNoisy { failing, tried } => {
                write!(
                    f,
                    "{failing} of {tried} meters fail at the same time: noise or a fault at the substation"
                )
            }
            Self::RelaySilent { relay } => {
                write!(f, "the meter {relay}, which passes its frames on, does not answer")
            }
            other => f.write_str(other.words()),
        }
    }
}

impl Verdict {
    const fn words(&self) -> &'static str {
        match self {
            Self::Healthy => "is read as it should be",
            Self::CapturesLost => "is read; captures of earlier times are lost in the meter",
            Self::ClockCorrected => "is read; its clock was wrong and has been set",
            Self::ClockWrong => "is read, but its clock is wrong and does not let itself be set",
            Self::Waiting => "waits for its turn",
            Self::InSession => "is being read now",
            Self::LineNotServed => "the concentrator does not serve the power line",
            Self::NetworkNotStarted => "the concentrator has not started its network yet",
            Self::TimeUnknown => "the concentrator does not know the time, so it reads nobody",
            Self::StoreFails => "what is read cannot be stored",
            Self::NotExpected => "not expected here, and never heard",
            Self::Stranger => "asks to join, but is not expected here",
            Self::NeverHeard => "was never heard on this line",
            Self::JoinKeyWrong => "asks to join with another key than the expected one",
            Self::JoinInterrupted => "asks to join and does not get through with it",
            Self::PowerLost => "has lost its supply, by its own words",
            Self::Removed => "was removed from the network by a job, and is not let in again",
            Self::Left => "has left the network",
            Self::NoRoute => "has joined, but no way to it is known any more",
            Self::Silent => "has joined, but nothing is heard of it any more",
            Self::LinkWeak => "is heard, but too much is lost on the way",
            Self::DlmsKeysDiffer => "answers, but its keys are not those of the configuration",
            Self::AssociationRefused => "refuses the association",
            Self::CountersReplayed => "its answers bear invocation counters that were seen before",
            Self::CountersExhausted => "the invocation counters of its key have come to their end",
            Self::AccessDenied => "does not give what it is asked for",
            Self::ClockInvalid => "its clock names no instant",
            Self::AnswersUnbelievable => "its answers cannot be believed",
            Self::TooSlow => "its sessions take longer than they may",
            Self::Queued { .. } | Self::LineNoisy { .. } | Self::RelaySilent { .. } => "",
        }
    }
}
