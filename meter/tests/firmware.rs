//! Two images: a new one is on trial, across power cuts.

mod flash;
mod mains;

use dlms::cosem::LogicalName;
use flash::{PAGE, Pages};
use mains::{Mains, at, config};
use meter::journal::Flash;
use meter::specs::TRIALS;
use meter::{
    Activation, Bank, Firmware, FirmwareError, MeterApplication, MeterConfig, SelfCheckError, self_check,
};

fn blank() -> Pages {
    let mut flash = Pages::new(2);
    flash.octets.fill(0xFF);
    flash
}

fn sound(_: Bank) -> bool {
    true
}

/// The same record after the supply was back.
fn again(firmware: Firmware<Pages>) -> Firmware<Pages> {
    let mut flash = firmware.into_flash();
    flash.left = usize::MAX;
    Firmware::open(flash)
}

#[test]
fn an_image_that_passes_its_check_boots_from_then_on() {
    let mut firmware = Firmware::open(blank());
    assert_eq!((firmware.boot(sound), firmware.activation()), (Ok(Bank::A), Activation::None));
    firmware.begin_trial().expect("the flash works");
    let mut firmware = again(firmware);
    assert_eq!((firmware.boot(sound), firmware.activation()), (Ok(Bank::B), Activation::OnTrial));
    assert_eq!(firmware.on_self_check(true), Ok(Activation::Committed));
    let mut firmware = again(firmware);
    for _ in 0..10 {
        assert_eq!((firmware.boot(sound), firmware.activation()), (Ok(Bank::B), Activation::Committed));
    }
    assert_eq!(firmware.on_self_check(false), Err(FirmwareError::NotOnTrial), "it is no longer to be judged");
    // The next one goes to the bank that is free now.
    firmware.begin_trial().expect("the flash works");
    assert_eq!(firmware.boot(sound), Ok(Bank::A));
}

#[test]
fn an_image_that_fails_its_check_or_hangs_or_is_not_sound_is_rolled_back() {
    let mut failed = Firmware::open(blank());
    failed.begin_trial().expect("the flash works");
    assert_eq!(failed.boot(sound), Ok(Bank::B));
    assert_eq!(failed.on_self_check(false), Ok(Activation::RolledBack));
    let mut failed = again(failed);
    assert_eq!((failed.boot(sound), failed.activation()), (Ok(Bank::A), Activation::RolledBack));

    let mut hung = Firmware::open(blank());
    hung.begin_trial().expect("the flash works");
    for _ in 0..TRIALS {
        hung = again(hung);
        assert_eq!(hung.boot(sound), Ok(Bank::B));
    }
    let mut hung = again(hung);
    assert_eq!((hung.boot(sound), hung.activation()), (Ok(Bank::A), Activation::RolledBack));

    let mut torn = Firmware::open(blank());
    torn.begin_trial().expect("the flash works");
    assert_eq!(torn.boot(|bank| bank == Bank::A), Ok(Bank::A));
    assert_eq!(torn.activation(), Activation::RolledBack);
    assert_eq!(torn.boot(|_| false), Err(FirmwareError::NoImage));
}

#[test]
fn wherever_the_supply_is_cut_the_record_is_the_one_before_or_the_one_after_and_no_image_runs_untold() {
    // A page that is almost full, so that the cut meets an erasure as well; and the remains of an earlier life.
    let mut full = Firmware::open(blank());
    (0..PAGE / 12 - 3).for_each(|_| firmware_begins(&mut full));
    for start in [full.into_flash(), Pages::new(2)] {
        let mut whole = Vec::new();
        let mut firmware = Firmware::open(start.clone());
        assert!(!follow(&mut firmware, &mut whole) && whole.len() == 7, "{whole:?}");
        let written = firmware.into_flash().written - start.written;
        assert!(written > 6 * 12, "a page was erased: {written}");
        for left in 0..written {
            let mut firmware = Firmware::open(Pages { left, ..start.clone() });
            let mut told = Vec::new();
            assert!(follow(&mut firmware, &mut told), "{left}");
            let done = told.len() - 1;
            let mut recovered = again(firmware);
            let after = (recovered.confirmed(), recovered.activation());
            assert!([whole[done], whole[done + 1]].contains(&after), "{left}: {after:?} after {done} steps");
            // An image that never passes is gone after its attempts, whatever was cut.
            let runs = (0..10).filter(|_| recovered.boot(sound) == Ok(after.0.other())).count();
            let most = if after.1 == Activation::OnTrial { usize::from(TRIALS) } else { 0 };
            assert!(runs <= most, "{left}: {runs} runs on trial");
            assert_eq!(recovered.confirmed(), after.0);
        }
    }
}

fn firmware_begins(firmware: &mut Firmware<Pages>) {
    firmware.begin_trial().expect("the flash works");
}

/// An image that passes and one that fails, each step told when it has succeeded; whether the supply was cut.
fn follow(firmware: &mut Firmware<Pages>, told: &mut Vec<(Bank, Activation)>) -> bool {
    let steps: [fn(&mut Firmware<Pages>) -> bool; 6] = [
        |firmware| firmware.begin_trial().is_ok(),
        |firmware| firmware.boot(sound).is_ok_and(|bank| bank == firmware.confirmed().other()),
        |firmware| firmware.on_self_check(true).is_ok(),
        |firmware| firmware.begin_trial().is_ok(),
        |firmware| firmware.boot(sound).is_ok_and(|bank| bank == firmware.confirmed().other()),
        |firmware| firmware.on_self_check(false).is_ok(),
    ];
    told.push((firmware.confirmed(), firmware.activation()));
    steps.into_iter().any(|step| {
        let succeeded = step(firmware);
        if succeeded {
            told.push((firmware.confirmed(), firmware.activation()));
        }
        !succeeded
    })
}

#[test]
fn a_full_page_gives_way_to_the_other_and_both_wear_alike() {
    let mut firmware = Firmware::open(blank());
    for _ in 0..1000 {
        firmware.begin_trial().expect("the flash works");
        firmware.on_self_check(true).expect("it is on trial");
    }
    let flash = firmware.into_flash();
    assert!(flash.erased[0].abs_diff(flash.erased[1]) <= 1 && flash.erased[0] > 10, "{:?}", flash.erased);
    assert_eq!(flash.page_len(), PAGE);
    assert_eq!(Firmware::open(flash).confirmed(), Bank::A, "an even number of changes");
}

#[test]
fn an_image_that_has_lost_registers_rows_or_objects_fails_its_check() {
    let mut mains = Mains::new();
    mains.set_clock(at(22, 9, 59, 0));
    mains.seconds(1000.0, 120);
    let mut kept = mains.app.state();
    kept.objects = mains.app.board().snapshots();
    let build =
        |state| MeterApplication::new(MeterConfig { state, ..config() }).expect("a good configuration");
    assert_eq!(self_check(&mut build(kept.clone()), &kept), Ok(()));

    let mut lost = kept.clone();
    lost.rates.by_rate[0][0] += 1;
    assert_eq!(self_check(&mut build(lost), &kept), Err(SelfCheckError::Registers));
    let mut lost = kept.clone();
    lost.load.pop();
    assert_eq!(self_check(&mut build(lost), &kept), Err(SelfCheckError::Profiles));
    let mut lost = kept.clone();
    let name = LogicalName([0, 0, 17, 0, 0, 255]);
    let limiter = lost.objects.iter_mut().find(|object| object.logical_name == name).expect("it is there");
    limiter.state[20] ^= 1;
    let changed = limiter.clone();
    assert_eq!(self_check(&mut build(kept.clone()), &lost), Err(SelfCheckError::Object(name)), "{changed:?}");
}
