mod firmware;

use super::*;
use collector::{Answer, Image, ImageStage, Order, SessionFailure, Work};
use tempfile::TempDir;

fn person(name: &str, role: Role) -> Caller {
    Caller { name: name.to_owned(), role }
}

fn ann() -> Caller {
    person("ann", Role::Administrator)
}

fn bob() -> Caller {
    person("bob", Role::Administrator)
}

fn at(seconds: i64) -> Utc {
    Utc::from_secs(1_000_000 + seconds)
}

fn jobs(folder: &TempDir) -> Jobs {
    Jobs::open(folder.path(), Guard::default(), at(0)).unwrap()
}

fn request(key: &str, kind: JobKind, meters: u64) -> Request {
    let meters = (1..=meters).map(Eui64::from_u64).collect();
    Request { key: key.to_owned(), kind, meters, within: Duration::from_secs(3600) }
}

/// The numbers and meters of what may be done next.
fn next(jobs: &Jobs, seconds: i64) -> Vec<(u64, Eui64)> {
    let wanted = jobs.next(at(seconds), Instant::from_secs(5), 100).unwrap();
    let pair = |wanted: Wanted| match wanted {
        Wanted::Order(order) => (order.number, order.meter),
        Wanted::Remove(number, meter) => (number.cast_unsigned(), meter),
        Wanted::Rekey(keys) => (keys.item.cast_unsigned(), keys.meter),
    };
    wanted.into_iter().map(pair).collect()
}

fn finish(jobs: &Jobs, seconds: i64, given: &[(u64, Eui64)]) {
    let end = OrderEnd::Done(vec![Answer::Acted(None), Answer::Value(vec![3, 0])]);
    given.iter().for_each(|(number, _)| jobs.ended(*number, &end, at(seconds)).unwrap());
}

#[test]
fn a_job_goes_to_its_meter_with_its_expiry_and_ends_with_what_the_meter_said() {
    let folder = tempfile::tempdir().unwrap();
    let jobs = jobs(&folder);
    let job = jobs.submit(&request("k", JobKind::Disconnect, 1), &ann(), 100, at(0)).unwrap();
    assert_eq!((job.id, job.state), (1, JobState::Running));
    let wanted = jobs.next(at(60), Instant::from_secs(5), 100).unwrap();
    let [Wanted::Order(order)] = &wanted[..] else { panic!("{wanted:?}") };
    assert_eq!(order.until, Instant::from_secs(5 + 3540));
    assert!(matches!(&order.work, Work::Steps(steps) if steps.len() == 2));
    assert_eq!(next(&jobs, 61), [], "it is under way");
    finish(&jobs, 62, &[(order.number, order.meter)]);
    assert_eq!(next(&jobs, 63), []);
    let (job, items) = jobs.job(1).unwrap();
    assert_eq!((job.state, job.note.as_str()), (JobState::Finished, "1 done, 0 failed"));
    assert_eq!((items[0].state, items[0].text.as_str()), (ItemState::Done, "done; the switch is open"));
    assert!(!jobs.has_news());
}

#[test]
fn asking_twice_with_one_key_is_asking_once_and_another_job_with_it_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let jobs = jobs(&folder);
    let read = request("k", JobKind::Read, 3);
    let first = jobs.submit(&read, &ann(), 100, at(0)).unwrap();
    assert_eq!(jobs.submit(&read, &ann(), 100, at(9)).unwrap(), first);
    assert_eq!(jobs.list(10).unwrap().len(), 1);
    let other = jobs.submit(&request("k", JobKind::Read, 4), &ann(), 100, at(9)).unwrap_err();
    assert!(matches!(other, JobError::KeyTaken(_, 1)), "{other}");
    let stranger = jobs.submit(&read, &bob(), 100, at(9)).unwrap_err();
    assert!(matches!(stranger, JobError::KeyTaken(..)), "{stranger}");
}

#[test]
fn each_kind_is_for_those_who_may() {
    let folder = tempfile::tempdir().unwrap();
    let jobs = jobs(&folder);
    let (viewer, operator) = (person("eve", Role::Viewer), person("tom", Role::Operator));
    let refused = |kind, who: &Caller| {
        let error = jobs.submit(&request("k", kind, 1), who, 100, at(0)).unwrap_err();
        assert!(matches!(error, JobError::Denied(_)), "{error}");
        error.to_string()
    };
    assert_eq!(refused(JobKind::Read, &viewer), "read: eve is viewer, expected operator or more");
    refused(JobKind::Disconnect, &operator);
    refused(JobKind::Limit(5), &operator);
    refused(JobKind::Remove, &operator);
    for kind in [JobKind::Read, JobKind::SetClock, JobKind::ActivateTariff, JobKind::Reconnect] {
        jobs.submit(&request(kind.as_str(), kind, 1), &operator, 100, at(0)).unwrap();
    }
}

#[test]
fn many_meters_wait_for_the_approval_of_a_second_person_and_reads_do_not() {
    let folder = tempfile::tempdir().unwrap();
    let jobs = jobs(&folder);
    let mass = request("k", JobKind::Disconnect, 11);
    let told = Preview { meters: 11, canary: 2, needs_approval: true };
    assert_eq!(jobs.preview(&mass, &ann()).unwrap(), told);
    assert!(!jobs.preview(&request("k", JobKind::Disconnect, 10), &ann()).unwrap().needs_approval);
    assert_eq!(jobs.submit(&mass, &ann(), 100, at(0)).unwrap().state, JobState::AwaitingApproval);
    assert_eq!(next(&jobs, 1), []);
    assert!(matches!(jobs.approve(1, &ann(), 100, at(2)), Err(JobError::Denied(_))), "the same person");
    let tom = person("tom", Role::Operator);
    assert!(matches!(jobs.approve(1, &tom, 100, at(2)), Err(JobError::Denied(_))), "a lesser role");
    assert_eq!(jobs.approve(1, &bob(), 100, at(2)).unwrap().approved_by, "bob");
    assert_eq!(next(&jobs, 3).len(), 2, "the canaries");
    assert!(matches!(jobs.approve(1, &bob(), 100, at(4)), Err(JobError::State(..))));
    assert_eq!(
        jobs.submit(&request("all", JobKind::Read, 500), &ann(), 100, at(0)).unwrap().state,
        JobState::Running
    );
}

#[test]
fn limits_that_change_hold_from_then_on() {
    let folder = tempfile::tempdir().unwrap();
    let jobs = jobs(&folder);
    jobs.set_guard(Guard { approval_above: 1, canary: 1, meters_max: 3, ..Guard::default() });
    let told = Preview { meters: 2, canary: 1, needs_approval: true };
    assert_eq!(jobs.preview(&request("k", JobKind::Disconnect, 2), &ann()).unwrap(), told);
    let many = jobs.submit(&request("k", JobKind::Disconnect, 4), &ann(), 100, at(0)).unwrap_err();
    assert_eq!(many.to_string(), "4 meters: expected 1 to 3");
}

#[test]
fn failures_halt_a_job_and_somebody_lets_it_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let jobs = jobs(&folder);
    jobs.submit(&request("k", JobKind::ActivateTariff, 10), &ann(), 100, at(0)).unwrap();
    let canaries = next(&jobs, 1);
    finish(&jobs, 2, &canaries[..1]);
    jobs.ended(canaries[1].0, &OrderEnd::Expired, at(2)).unwrap();
    assert_eq!(next(&jobs, 3), []);
    let (job, _) = jobs.job(1).unwrap();
    assert_eq!((job.state, job.note.as_str()), (JobState::Halted, "1 of 2 meters failed"));
    assert_eq!(next(&jobs, 4), []);
    jobs.resume(1, &ann(), 100, at(5)).unwrap();
    let more = next(&jobs, 6);
    assert_eq!(more.len(), 2, "canaries again");
    finish(&jobs, 7, &more);
    assert_eq!(next(&jobs, 8).len(), 6);
}

#[test]
fn a_network_that_shrinks_halts_a_job() {
    let folder = tempfile::tempdir().unwrap();
    let jobs = jobs(&folder);
    jobs.submit(&request("k", JobKind::Disconnect, 10), &ann(), 100, at(0)).unwrap();
    finish(&jobs, 2, &next(&jobs, 1));
    assert_eq!(jobs.next(at(3), Instant::EPOCH, 80).unwrap(), []);
    assert_eq!(jobs.job(1).unwrap().0.note, "80 meters are in the network, 100 were when it began");
}

#[test]
fn a_job_expires_and_is_cancelled_with_what_it_has_not_begun() {
    let folder = tempfile::tempdir().unwrap();
    let jobs = jobs(&folder);
    jobs.submit(&request("late", JobKind::SetClock, 9), &ann(), 100, at(0)).unwrap();
    finish(&jobs, 2, &next(&jobs, 1));
    assert_eq!(next(&jobs, 3600), []);
    let (job, items) = jobs.job(1).unwrap();
    assert_eq!(job.state, JobState::Expired);
    let counts = |wanted| items.iter().filter(|item| item.state == wanted).count();
    assert_eq!((counts(ItemState::Done), counts(ItemState::Failed)), (2, 7));
    jobs.submit(&request("no", JobKind::SetClock, 9), &ann(), 100, at(3600)).unwrap();
    assert_eq!(jobs.cancel(2, &bob(), at(3601)).unwrap().note, "cancelled by bob");
    assert_eq!(next(&jobs, 3602), []);
    assert!(matches!(jobs.cancel(2, &bob(), at(3603)), Err(JobError::State(..))));
    assert!(matches!(jobs.cancel(7, &bob(), at(3603)), Err(JobError::Unknown(7))));
}

#[test]
fn a_restart_forgets_no_job_and_repeats_only_what_may_be_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let first = jobs(&folder);
    first.submit(&request("read", JobKind::Read, 1), &ann(), 100, at(0)).unwrap();
    first.submit(&request("open", JobKind::Disconnect, 2), &ann(), 100, at(0)).unwrap();
    let given = next(&first, 1);
    assert_eq!(given.len(), 3);
    finish(&first, 2, &given[2..]);
    drop(first);
    let second = jobs(&folder);
    assert!(second.has_news());
    assert_eq!(next(&second, 10), given[..1], "the read comes again");
    let (_, items) = second.job(2).unwrap();
    assert_eq!((items[0].state, items[1].state), (ItemState::Failed, ItemState::Done));
    assert!(items[0].text.contains("may have been carried out"), "{items:?}");
}

#[test]
fn what_was_lost_in_the_middle_is_repeated_only_if_that_does_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    let jobs = jobs(&folder);
    jobs.submit(&request("clock", JobKind::SetClock, 1), &ann(), 100, at(0)).unwrap();
    jobs.submit(&request("open", JobKind::Disconnect, 1), &ann(), 100, at(0)).unwrap();
    let given = next(&jobs, 1);
    let lost = OrderEnd::Uncertain(SessionFailure::Left);
    given.iter().for_each(|(number, _)| jobs.ended(*number, &lost, at(2)).unwrap());
    assert_eq!(next(&jobs, 3), given[..1]);
    assert!(jobs.job(2).unwrap().1[0].text.starts_with("lost in the middle"));
}

#[test]
fn every_command_is_on_record_and_what_cannot_be_recorded_is_not_done() {
    let folder = tempfile::tempdir().unwrap();
    let jobs = jobs(&folder);
    jobs.submit(&request("a", JobKind::Disconnect, 11), &ann(), 100, at(0)).unwrap();
    jobs.approve(1, &bob(), 100, at(1)).unwrap();
    jobs.cancel(1, &bob(), at(2)).unwrap();
    let key = audit::public_key(folder.path()).unwrap();
    let entries = audit::verify(&folder.path().join(audit::LOG), &key).unwrap();
    let told: Vec<_> = entries.iter().map(|entry| (entry.who.as_str(), entry.what.as_str())).collect();
    assert_eq!(told, [("ann", "submit"), ("bob", "approve"), ("bob", "cancel")]);
    assert!(
        entries[0].detail.contains("disconnect of 11 meters") && entries[0].detail.contains("000b"),
        "{entries:?}"
    );
    jobs.submit(&request("b", JobKind::Read, 1), &ann(), 100, at(3)).unwrap();
    let given = next(&jobs, 4);
    jobs.log.lock().unwrap().fill();
    let refused = jobs.submit(&request("c", JobKind::Disconnect, 1), &ann(), 100, at(5));
    assert!(matches!(refused, Err(JobError::Audit(AuditError::Full(_)))), "{refused:?}");
    assert_eq!(jobs.list(10).unwrap().len(), 2, "it was not taken");
    finish(&jobs, 6, &given);
    assert_eq!(next(&jobs, 7), []);
    assert_eq!(jobs.job(2).unwrap().0.state, JobState::Finished, "what is under way ends all the same");
}

#[test]
fn a_job_that_waits_asks_for_no_turn_until_its_time_is_up() {
    let folder = tempfile::tempdir().unwrap();
    let jobs = jobs(&folder);
    jobs.submit(&request("many", JobKind::Disconnect, 11), &ann(), 100, at(0)).unwrap();
    assert_eq!(next(&jobs, 1), []);
    assert!(!jobs.has_news() && !jobs.is_due(at(3599)) && jobs.is_due(at(3600)));
    assert_eq!(next(&jobs, 3600), []);
    assert_eq!(jobs.job(1).unwrap().0.state, JobState::Expired);
    assert!(!jobs.is_due(at(999_999)));
}

#[test]
fn nothing_is_begun_after_the_time_of_a_job_is_up() {
    let folder = tempfile::tempdir().unwrap();
    let jobs = jobs(&folder);
    jobs.submit(&request("read", JobKind::Read, 20), &ann(), 100, at(0)).unwrap();
    let given = next(&jobs, 1);
    assert!(given.len() < 20);
    finish(&jobs, 3601, &given[1..]);
    assert_eq!(next(&jobs, 3602), []);
    finish(&jobs, 3603, &given[..1]);
    assert_eq!(next(&jobs, 3604), []);
    let (job, items) = jobs.job(1).unwrap();
    let done = items.iter().filter(|item| item.state == ItemState::Done).count();
    assert_eq!((job.state, done), (JobState::Expired, given.len()));
}

#[test]
fn wrong_requests_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let jobs = jobs(&folder);
    let said = |request: Request| jobs.submit(&request, &ann(), 100, at(0)).unwrap_err().to_string();
    assert!(said(request("", JobKind::Read, 1)).contains("expected 1 to 64 characters"));
    assert!(said(request("k", JobKind::Read, 0)).contains("0 meters: expected 1 to 2000"));
    assert!(said(request("k", JobKind::Read, 2001)).contains("expected 1 to 2000"));
    let request = Request { within: Duration::ZERO, ..request("k", JobKind::Read, 1) };
    assert!(said(request).contains("expected a second to 31 days"));
}

#[test]
fn time_is_up_also_where_nothing_can_be_done() {
    let folder = tempfile::tempdir().unwrap();
    let jobs = jobs(&folder);
    jobs.submit(&request("k", JobKind::Read, 2), &ann(), 0, at(0)).unwrap();
    jobs.submit(&request("of many", JobKind::Disconnect, 11), &ann(), 0, at(0)).unwrap();
    jobs.end_expired(at(3599)).unwrap();
    assert_eq!(jobs.job(1).unwrap().0.state, JobState::Running);
    jobs.end_expired(at(3600)).unwrap();
    for id in [1, 2] {
        let (job, items) = jobs.job(id).unwrap();
        assert_eq!((job.state, job.note.as_str()), (JobState::Expired, "its time was up"));
        assert!(items.iter().all(|item| item.text == "its time was up"), "{items:?}");
    }
    assert_eq!(next(&jobs, 3601), []);
}
