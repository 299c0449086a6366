//! Firmware: uploaded first, carried in parts, gone on with after any loss.

use super::*;
use collector::ImageFault;

const IMAGE: &[u8] = b"an image, signed";

fn firmware(jobs: &Jobs) -> JobKind {
    let image = jobs.keep_image(IMAGE, images::hash(IMAGE), &ann(), at(0)).unwrap();
    JobKind::Firmware(Firmware { image, identifier: String::from("fw-2"), activate_from: at(100) })
}

fn order(jobs: &Jobs, seconds: i64) -> Option<Order> {
    let wanted = jobs.next(at(seconds), Instant::from_secs(5), 100).unwrap();
    let orders = wanted.into_iter().map(|wanted| match wanted {
        Wanted::Order(order) => order,
        other => panic!("{other:?}"),
    });
    let orders: Vec<_> = orders.collect();
    assert!(orders.len() < 2, "{orders:?}");
    orders.into_iter().next()
}

fn image(order: &Order) -> &Image {
    let Work::Image(image) = &order.work else { panic!("{order:?}") };
    image
}

fn progress(stage: ImageStage, done: u32) -> ImageProgress {
    ImageProgress { stage, done, all: 40, version: b"1.0".to_vec() }
}

fn text(jobs: &Jobs) -> String {
    jobs.job(1).unwrap().1[0].text.clone()
}

#[test]
fn a_part_that_has_ended_is_ordered_again_with_how_far_it_is_after_its_pause() {
    let folder = tempfile::tempdir().unwrap();
    let jobs = jobs(&folder);
    let kind = firmware(&jobs);
    jobs.submit(&request("k", kind, 1), &ann(), 100, at(0)).unwrap();
    let first = order(&jobs, 1).unwrap();
    assert_eq!((&image(&first).octets[..], &image(&first).identifier[..]), (IMAGE, &b"fw-2"[..]));
    assert_eq!(image(&first).activate_from, Instant::from_secs(5 + 99));
    assert_eq!(first.priority, collector::BACKGROUND);
    jobs.progress(first.number, &progress(ImageStage::Begun, 7)).unwrap();
    assert_eq!(text(&jobs), "7 of 40 blocks; firmware 1.0 runs");
    let partly = |seconds| OrderEnd::Partly { pause: Duration::from_secs(seconds) };
    jobs.ended(first.number, &partly(0), at(2)).unwrap();
    let second = order(&jobs, 2).unwrap();
    assert_eq!(image(&second).progress, progress(ImageStage::Begun, 7));
    jobs.progress(second.number, &progress(ImageStage::Verified, 40)).unwrap();
    jobs.ended(second.number, &partly(97), at(3)).unwrap();
    assert_eq!(order(&jobs, 4), None);
    assert_eq!(jobs.due(), Some(at(100)));
    assert!(!jobs.is_due(at(99)) && jobs.is_due(at(100)));
    assert_eq!(text(&jobs), "verified, not activated yet; firmware 1.0 runs");
    let third = order(&jobs, 100).unwrap();
    assert_eq!(image(&third).activate_from, Instant::from_secs(5));
    let version = vec![9, 3, b'2', b'.', b'0'];
    jobs.ended(third.number, &OrderEnd::Done(vec![Answer::Value(version)]), at(101)).unwrap();
    assert_eq!(text(&jobs), "done; firmware 2.0 runs");
    assert_eq!(order(&jobs, 102), None);
    assert_eq!(jobs.job(1).unwrap().0.state, JobState::Finished);
}

#[test]
fn a_restart_goes_on_with_what_was_told_last_and_the_image_is_still_there() {
    let folder = tempfile::tempdir().unwrap();
    let first = jobs(&folder);
    let kind = firmware(&first);
    first.submit(&request("k", kind.clone(), 1), &ann(), 100, at(0)).unwrap();
    let given = order(&first, 1).unwrap();
    first.progress(given.number, &progress(ImageStage::Activating, 40)).unwrap();
    drop(first);
    let second = jobs(&folder);
    let again = order(&second, 2).unwrap();
    assert_eq!(again.number, given.number);
    assert_eq!(image(&again).progress, progress(ImageStage::Activating, 40));
    assert_eq!(image(&again).octets[..], *IMAGE);
    let (job, items) = second.job(1).unwrap();
    assert_eq!((job.kind, items[0].progress.done), (kind, 40));
    let back = OrderEnd::Image(ImageFault::RolledBack(b"1.0".to_vec()));
    second.ended(again.number, &back, at(3)).unwrap();
    assert!(text(&second).starts_with("rolled back") && text(&second).contains("1.0 runs"));
}

#[test]
fn canaries_come_to_their_end_before_the_others_begin_although_they_pause() {
    let folder = tempfile::tempdir().unwrap();
    let jobs = jobs(&folder);
    let kind = firmware(&jobs);
    jobs.submit(&request("k", kind, 5), &ann(), 100, at(0)).unwrap();
    let canaries = next(&jobs, 1);
    assert_eq!(canaries.len(), 2);
    let partly = OrderEnd::Partly { pause: Duration::from_secs(30) };
    canaries.iter().for_each(|(number, _)| jobs.ended(*number, &partly, at(2)).unwrap());
    assert_eq!(next(&jobs, 3), []);
    assert_eq!(next(&jobs, 32), canaries);
    let faults = OrderEnd::Image(ImageFault::NotBelieved);
    canaries.iter().for_each(|(number, _)| jobs.ended(*number, &faults, at(33)).unwrap());
    assert_eq!(next(&jobs, 34), []);
    assert_eq!(jobs.job(1).unwrap().0.state, JobState::Halted, "no third meter was touched");
}

#[test]
fn a_cancelled_job_is_not_gone_on_with() {
    let folder = tempfile::tempdir().unwrap();
    let jobs = jobs(&folder);
    let kind = firmware(&jobs);
    jobs.submit(&request("k", kind, 1), &ann(), 100, at(0)).unwrap();
    let given = order(&jobs, 1).unwrap();
    jobs.progress(given.number, &progress(ImageStage::Begun, 9)).unwrap();
    jobs.cancel(1, &bob(), at(2)).unwrap();
    jobs.ended(given.number, &OrderEnd::Partly { pause: Duration::ZERO }, at(3)).unwrap();
    assert_eq!(order(&jobs, 4), None);
    let (job, items) = jobs.job(1).unwrap();
    assert_eq!((job.state, items[0].state), (JobState::Cancelled, ItemState::Failed));
    assert_eq!(items[0].text, "cancelled by bob; 9 of 40 blocks; firmware 1.0 runs");
}

#[test]
fn what_is_not_here_not_what_was_announced_or_not_named_is_refused_and_uploads_are_on_record() {
    let folder = tempfile::tempdir().unwrap();
    let jobs = jobs(&folder);
    let tom = person("tom", Role::Operator);
    assert!(matches!(jobs.keep_image(IMAGE, images::hash(IMAGE), &tom, at(0)), Err(JobError::Denied(_))));
    let other = jobs.keep_image(IMAGE, [0; 32], &ann(), at(0));
    assert!(matches!(other, Err(JobError::Image(ImageError::Other(..)))), "{other:?}");
    let JobKind::Firmware(known) = firmware(&jobs) else { panic!("firmware") };
    let submit = |firmware: Firmware| {
        jobs.submit(&request("k", JobKind::Firmware(firmware), 1), &ann(), 100, at(0)).unwrap_err()
    };
    let unknown = submit(Firmware { image: [1; 32], ..known.clone() });
    assert!(matches!(unknown, JobError::Image(ImageError::Unknown(_))), "{unknown}");
    let unnamed = submit(Firmware { identifier: String::new(), ..known });
    assert!(unnamed.to_string().contains("image identifier \"\": expected 1 to 64 characters"), "{unnamed}");
    let key = audit::public_key(folder.path()).unwrap();
    let entries = audit::verify(&folder.path().join(audit::LOG), &key).unwrap();
    let told: Vec<_> = entries.iter().map(|entry| (entry.who.as_str(), entry.what.as_str())).collect();
    assert_eq!(told, [("ann", "upload")]);
    assert!(entries[0].detail.ends_with("of 16 octets"));
}

#[test]
fn an_image_that_was_damaged_on_the_disk_reaches_no_meter() {
    let folder = tempfile::tempdir().unwrap();
    let first = jobs(&folder);
    let kind = firmware(&first);
    first.submit(&request("k", kind.clone(), 1), &ann(), 100, at(0)).unwrap();
    let JobKind::Firmware(firmware) = kind else { panic!("firmware") };
    std::fs::write(folder.path().join("images").join(images::hex(&firmware.image)), b"another").unwrap();
    assert_eq!(order(&first, 1), None);
    let (_, items) = first.job(1).unwrap();
    assert_eq!(items[0].state, ItemState::Failed);
    assert!(items[0].text.contains("SHA-256 is"), "{}", items[0].text);
}
