//! From the dossiers to a verdict, from the ground up.

use super::dossier::Dossier;
use super::{Diagnosis, Verdict};
use crate::{MeterState, SessionFailure, Unexpected};
use dlms::client::{AnswerFault, ClientFailure};
use plc_core::sap::{AdpStatus, JoinFailure};
use plc_core::{Eui64, Utc};

/// So many meters at least must fail at once before the line is to blame.
const MANY: u32 = 3;
/// Periods after which a clock that was set, or captures that were lost, are no news any more.
const NEWS_PERIODS: u32 = 8;
/// Refusals in a row that are no accident.
const REFUSALS: u32 = 2;

pub(super) fn verdict(all: &Diagnosis, now: Utc, meter: Eui64) -> Verdict {
    let Some(dossier) = all.meters.get(&meter) else {
        let asks = all.strangers.contains_key(&meter);
        return if asks { Verdict::Stranger } else { Verdict::NotExpected };
    };
    None.or_else(|| of_ground(all))
        .or_else(|| dossier.removed.map(|_| Verdict::Removed))
        .or_else(|| dossier.power_lost.map(|_| Verdict::PowerLost))
        .or_else(|| of_join(dossier))
        .or_else(|| of_failures(all, now, meter, dossier))
        .unwrap_or_else(|| of_success(all, now, meter, dossier))
}

/// What all meters stand on.
fn of_ground(all: &Diagnosis) -> Option<Verdict> {
    let ground = &all.ground;
    let line = ground.line.as_ref().map(|_| Verdict::LineNotServed);
    let store = ground.store.as_ref().map(|_| Verdict::StoreFails);
    let network = ground.network.is_none().then_some(Verdict::NetworkNotStarted);
    let time = (!ground.clock).then_some(Verdict::TimeUnknown);
    line.or(store).or(network).or(time)
}

/// Whether it is in the network.
fn of_join(dossier: &Dossier) -> Option<Verdict> {
    let joined = dossier.status.as_ref().is_some_and(|status| status.short.is_some());
    if joined {
        return None;
    }
    Some(match (dossier.refused, dossier.joined) {
        (Some((_, JoinFailure::Declined)), _) => Verdict::JoinKeyWrong,
        (Some(_), _) if dossier.refusals >= REFUSALS || dossier.joined.is_none() => Verdict::JoinInterrupted,
        (_, Some(_)) => Verdict::Left,
        (_, None) if dossier.left.is_some() || dossier.read.is_some() => Verdict::Left,
        (_, None) => Verdict::NeverHeard,
    })
}

/// Why sessions fail, if the last one has.
fn of_failures(all: &Diagnosis, now: Utc, meter: Eui64, dossier: &Dossier) -> Option<Verdict> {
    let (_, reason) = dossier.failed.as_ref()?;
    Some(match reason {
        SessionFailure::Association(failure) => match of_association(failure) {
            Some(verdict) => verdict,
            None => of_silence(all, now, meter, dossier),
        },
        SessionFailure::Denied { .. } => Verdict::AccessDenied,
        SessionFailure::Unexpected(Unexpected::Clock | Unexpected::RowClock) => Verdict::ClockInvalid,
        SessionFailure::Unexpected(_) => Verdict::AnswersUnbelievable,
        SessionFailure::NotStored => Verdict::StoreFails,
        SessionFailure::Left => Verdict::Left,
        SessionFailure::TimedOut if dossier.unsent == 0 && dossier.heard_since > 0 => Verdict::TooSlow,
        SessionFailure::TimedOut => of_silence(all, now, meter, dossier),
    })
}

/// What the meter itself has said against the association; none when it has said nothing that counts.
const fn of_association(failure: &ClientFailure) -> Option<Verdict> {
    match failure {
        ClientFailure::Authentication => Some(Verdict::DlmsKeysDiffer),
        ClientFailure::Rejected(..) | ClientFailure::RejectedByProvider(..) => {
            Some(Verdict::AssociationRefused)
        }
        ClientFailure::Aare(_) => Some(Verdict::AssociationRefused),
        ClientFailure::Exception(_) => Some(Verdict::DlmsKeysDiffer),
        ClientFailure::Answer(answer) => of_answer(answer),
        ClientFailure::CounterExhausted => Some(Verdict::CountersExhausted),
        ClientFailure::NoAnswer | ClientFailure::TimedOut => None,
        _ => Some(Verdict::AnswersUnbelievable),
    }
}

/// What is to be thought of an answer that could not be taken; an answer to an earlier request is just late.
const fn of_answer(answer: &AnswerFault) -> Option<Verdict> {
    match answer {
        AnswerFault::Unauthentic(_) | AnswerFault::Ciphered(_) => Some(Verdict::DlmsKeysDiffer),
        AnswerFault::Replayed(_) => Some(Verdict::CountersReplayed),
        AnswerFault::InvokeId { .. } | AnswerFault::Block { .. } | AnswerFault::Ports { .. } => None,
        _ => Some(Verdict::AnswersUnbelievable),
    }
}

/// It does not answer: the line, a relay, the way, or the meter.
fn of_silence(all: &Diagnosis, now: Utc, meter: Eui64, dossier: &Dossier) -> Verdict {
    if let Some(relay) = dossier.relay.filter(|relay| all.meters.get(relay).is_some_and(Dossier::is_failing))
    {
        return Verdict::RelaySilent { relay };
    }
    if let Some(noisy) = of_line(all, now, meter, true) {
        return noisy;
    }
    let distant = dossier.relay.is_some() || dossier.heard.is_some_and(|heard| heard.hops > 1);
    match dossier.last_unsent {
        _ if dossier.heard_since > 0 => Verdict::LinkWeak,
        Some((_, AdpStatus::RouteError)) if distant => Verdict::NoRoute,
        _ => Verdict::Silent,
    }
}

/// Whether most meters fail at once; `meter` is one of them if it `fails` too.
fn of_line(all: &Diagnosis, now: Utc, meter: Eui64, fails: bool) -> Option<Verdict> {
    let (failing, tried) = neighbours(all, now, fails.then_some(meter));
    (failing >= MANY && failing * 2 > tried).then_some(Verdict::LineNoisy { failing, tried })
}

/// Meters that fail without an answer, and those that were tried at all, of the last two periods; `meter` is one of the former.
fn neighbours(all: &Diagnosis, now: Utc, meter: Option<Eui64>) -> (u32, u32) {
    let since = now - all.period * 2;
    let (mut failing, mut tried) = (0, 0);
    for (eui64, dossier) in &all.meters {
        let last_failed = dossier.failed.as_ref().filter(|failed| failed.0 >= since);
        let silent = last_failed.is_some_and(|failed| is_silence(&failed.1));
        let read = dossier.read.is_some_and(|read| read >= since);
        failing += u32::from(silent || Some(*eui64) == meter);
        tried += u32::from(last_failed.is_some() || read || Some(*eui64) == meter);
    }
    (failing, tried)
}

const fn is_silence(failure: &SessionFailure) -> bool {
    match failure {
        SessionFailure::TimedOut => true,
        SessionFailure::Association(failure) => of_association(failure).is_none(),
        _ => false,
    }
}

/// Nothing has failed since it was last read.
fn of_success(all: &Diagnosis, now: Utc, meter: Eui64, dossier: &Dossier) -> Verdict {
    let state = |dossier: &Dossier| dossier.status.as_ref().map(|status| status.state);
    if state(dossier) == Some(MeterState::InSession) {
        return Verdict::InSession;
    }
    if dossier.status.as_ref().is_some_and(|status| status.due) {
        return of_line(all, now, meter, false)
            .unwrap_or(Verdict::Queued { before: before(all, meter, dossier) });
    }
    let since = now - all.period * 2;
    if dossier.read.is_none_or(|read| read < since) {
        // Who only pushes waits for nobody: it should have spoken since it has joined.
        let owes = dossier.joined.or(dossier.read).is_some_and(|joined| joined < since);
        return if owes && dossier.is_one_way() { Verdict::Silent } else { Verdict::Waiting };
    }
    let news = |at: Utc| at >= now - all.period * NEWS_PERIODS;
    match dossier.clock.filter(|clock| news(clock.at)).map(|clock| clock.set) {
        Some(Some(true)) => Verdict::ClockCorrected,
        Some(_) => Verdict::ClockWrong,
        None if dossier.lost.is_some_and(|lost| news(lost.0)) => Verdict::CapturesLost,
        None => Verdict::Healthy,
    }
}

/// Meters whose next session is planned before that of this one.
fn before(all: &Diagnosis, meter: Eui64, dossier: &Dossier) -> u32 {
    let planned = |dossier: &Dossier| dossier.status.as_ref().and_then(|status| status.next_attempt);
    let Some(own) = planned(dossier) else { return 0 };
    let earlier = |(eui64, other): &(&Eui64, &Dossier)| {
        **eui64 != meter && planned(other).is_some_and(|at| (at, **eui64) < (own, meter))
    };
    u32::try_from(all.meters.iter().filter(earlier).count()).unwrap_or(u32::MAX)
}
