//! What was seen, oldest first.

use super::dossier::Dossier;
use super::{Diagnosis, Finding, Verdict};
use crate::MeterState;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use plc_core::sap::{AdpStatus, JoinFailure};
use plc_core::{Eui64, Utc};

/// Everything that is known of `meter` and of what it stands on.
pub(super) fn chain(all: &Diagnosis, meter: Eui64, verdict: &Verdict) -> Vec<Finding> {
    let mut found = Vec::new();
    of_ground(all, &mut found);
    match all.meters.get(&meter) {
        None => of_stranger(all, meter, &mut found),
        Some(dossier) => of_meter(dossier, &mut found),
    }
    if let Verdict::RelaySilent { relay } = verdict {
        let failed = all.meters.get(relay).and_then(|dossier| dossier.failed.as_ref());
        failed.into_iter().for_each(|(at, why)| add(&mut found, Some(*at), format!("relay {relay}: {why}")));
    }
    // Stable: what is so all the time comes first, then by time.
    found.sort_by_key(|finding| finding.at);
    found
}

fn add(found: &mut Vec<Finding>, at: Option<Utc>, text: String) {
    found.push(Finding { at, text });
}

fn of_ground(all: &Diagnosis, found: &mut Vec<Finding>) {
    let ground = &all.ground;
    let faults = [("power line", &ground.line), ("store", &ground.store)];
    for (what, fault) in faults {
        fault.iter().for_each(|(at, words)| add(found, Some(*at), format!("{what}: {words}")));
    }
    if ground.network.is_none() {
        add(found, None, "network: not started".into());
    }
    if !ground.clock {
        add(found, None, "time: not known".into());
    }
}

fn of_stranger(all: &Diagnosis, meter: Eui64, found: &mut Vec<Finding>) {
    add(found, None, "configuration: not among the meters".into());
    if let Some((at, times)) = all.strangers.get(&meter) {
        add(found, Some(*at), format!("join: asked {times} times, refused each time"));
    }
}

fn of_meter(dossier: &Dossier, found: &mut Vec<Finding>) {
    of_network(dossier, found);
    of_line(dossier, found);
    of_sessions(dossier, found);
    of_content(dossier, found);
}

fn of_network(dossier: &Dossier, found: &mut Vec<Finding>) {
    let short = dossier.status.as_ref().and_then(|status| status.short);
    match (short, dossier.joined) {
        (Some(short), at) => add(found, at, format!("network: joined, address {short}")),
        (None, Some(at)) => add(found, Some(at), "network: had joined".into()),
        (None, None) => add(found, None, "network: has not joined since the concentrator started".into()),
    }
    if let Some(at) = dossier.power_lost {
        add(found, Some(at), "supply: it said that it was lost".into());
    }
    if let Some(at) = dossier.removed {
        add(found, Some(at), "network: told to leave, and not let in again".into());
    }
    if let Some(at) = dossier.left {
        add(found, Some(at), "network: left".into());
    }
    if let Some((at, reason)) = dossier.refused {
        let why = match reason {
            JoinFailure::Declined => "its proof of the key was wrong",
            JoinFailure::Timeout => "it did not answer in time",
            JoinFailure::NoPan => "it heard no network",
        };
        add(found, Some(at), format!("join: refused {} times, last because {why}", dossier.refusals));
    }
}

fn of_line(dossier: &Dossier, found: &mut Vec<Finding>) {
    if let Some(relay) = dossier.relay {
        add(found, None, format!("way: over the meter {relay}"));
    }
    if let Some(heard) = dossier.heard {
        // [G3 MAC: LQI is four times the ratio of signal to noise in decibels, from -10 dB.]
        let decibels = f32::from(heard.lqi) / 4.0 - 10.0;
        let hops = heard.hops;
        add(
            found,
            Some(heard.at),
            format!("line: last heard over {hops} hops, the last of them at {decibels:.1} dB"),
        );
    }
    if let Some((at, status)) = dossier.last_unsent {
        let why = match status {
            AdpStatus::RouteError => "no way was found",
            AdpStatus::DataError => "the next node did not acknowledge",
            _ => "the network could not send them",
        };
        add(
            found,
            Some(at),
            format!("line: {} datagrams to it were given up, last because {why}", dossier.unsent),
        );
    }
}

fn of_sessions(dossier: &Dossier, found: &mut Vec<Finding>) {
    if dossier.is_one_way() {
        add(found, None, "plan: it only pushes; nobody asks it anything".into());
        let pushed =
            if dossier.read.is_some() { "last pushed" } else { "nothing since the concentrator started" };
        return add(found, dossier.read, format!("pushes: {pushed}"));
    }
    match dossier.read {
        Some(at) => add(found, Some(at), "session: last read".into()),
        None => add(found, None, "session: never read since the concentrator started".into()),
    }
    if let Some((at, why)) = &dossier.failed {
        let times = dossier.failures;
        add(found, Some(*at), format!("session: failed {times} times since, last: {why}"));
    }
    let Some(status) = &dossier.status else { return };
    let state = match status.state {
        MeterState::Absent => "not in the network",
        MeterState::Waiting => "waits for its turn",
        MeterState::InSession => "in session",
        MeterState::Retrying => "waits to be tried again",
    };
    let (sessions, retries) = (status.sessions, status.retries);
    add(found, None, format!("plan: {state}; {sessions} sessions, {retries} of them repetitions"));
}

fn of_content(dossier: &Dossier, found: &mut Vec<Finding>) {
    if let Some(clock) = dossier.clock {
        let way = if clock.ahead_ms < 0 { "behind" } else { "ahead" };
        let seconds = clock.ahead_ms.unsigned_abs() as f64 / 1e3;
        let set = match clock.set {
            Some(true) => ", and was set",
            Some(false) => ", and the meter refused to have it set",
            None => "",
        };
        add(found, Some(clock.at), format!("clock: was {seconds:.1} s {way}{set}"));
    }
    if let Some((at, range)) = dossier.lost {
        add(found, Some(at), format!("captures: {range} asked for in vain"));
    }
    let Some(status) = &dossier.status else { return };
    if status.gaps > 0 {
        add(found, None, format!("captures: {} gaps will be asked for again", status.gaps));
    }
    match status.last_capture {
        Some(at) => add(found, None, "captures: held up to ".to_string() + &at.to_string()),
        None => add(found, None, "captures: none is held".into()),
    }
}
