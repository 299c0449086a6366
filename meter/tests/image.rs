//! Images over the wire: blocks in any order, resumed, verified by their signature, activated.
#![allow(clippy::panic)] // what a test did not expect

mod line;
mod mains;

use dlms::apdu::ActionResult;
use dlms::axdr::Data;
use dlms::classes::{Bits, ImageBlock, ImageInitiate, ImageStatus, Octets, Value};
use dlms::client::{ClientInput, ClientOutput};
use dlms::cosem::{AttributeRequest, MethodRequest};
use dlms::security::{Curve, PrivateKey};
use line::{Line, management};
use mains::{Mains, at, config};
use meter::objects::names;
use meter::{ApplicationOutput, ImageCheck, MeterEvent};
use plc_core::Seed;

const SIZE: usize = 2000;

fn key() -> PrivateKey {
    PrivateKey::random(Curve::P256, &mut Seed::from_u64(8).stream())
}

fn line() -> Line {
    line_with(Some(ImageCheck::Signed(key().public_key())))
}

/// With this check, or the one that a meter has without being told.
fn line_with(check: Option<ImageCheck>) -> Line {
    let mut config = config();
    config.image_check = check.unwrap_or(config.image_check);
    let mut mains = Mains::with(config);
    mains.set_clock(at(22, 10, 0, 0));
    Line::open(mains, management(1))
}

fn image() -> Vec<u8> {
    let mut image: Vec<u8> = (0..SIZE - 64).map(|n| n as u8).collect();
    let signature = key().sign(&image);
    image.extend(&signature[..]);
    image
}

fn act(line: &mut Line, method: i8, parameter: &impl Value) -> ActionResult {
    let request = MethodRequest { class_id: 18, logical_name: names::IMAGE_TRANSFER, method };
    match line.ask(ClientInput::Action(request, Some(&parameter.to_value()))) {
        ClientOutput::ActionResult(result, _) => result,
        other => panic!("{other:?}"),
    }
}

fn read<T: Value>(line: &mut Line, attribute: i8) -> T {
    let value = line.get(AttributeRequest::new(18, names::IMAGE_TRANSFER, attribute));
    T::from_value(&value).expect("a value of its type")
}

fn send(line: &mut Line, image: &[u8], number: usize) -> ActionResult {
    let size: u32 = read(line, 2);
    let block = image.chunks(size as usize).nth(number).expect("a block");
    act(line, 2, &ImageBlock { number: number as u32, value: Octets::new(block).expect("short enough") })
}

fn initiate(line: &mut Line) {
    let request =
        ImageInitiate { identifier: Octets::new(b"meter-2").expect("short enough"), size: SIZE as u32 };
    assert_eq!(act(line, 1, &request), ActionResult::Success);
}

#[test]
fn an_image_is_resumed_where_its_blocks_are_missing_verified_and_activated() {
    let (mut line, image) = (line(), image());
    initiate(&mut line);
    for number in [3, 0, 1] {
        assert_eq!(send(&mut line, &image, number), ActionResult::Success);
    }
    assert_eq!(act(&mut line, 3, &0i8), ActionResult::OtherReason, "one is missing");
    // Another client goes on with what the meter says is missing.
    let mut line = Line::open(line.mains, management(500));
    let status: Bits<64> = read(&mut line, 3);
    let missing: Vec<_> = (0..status.len()).filter(|&n| !status.has(n)).collect();
    assert_eq!((missing, read::<u32>(&mut line, 4)), (vec![2], 2));
    assert_eq!(send(&mut line, &image, 2), ActionResult::Success);
    assert_eq!(act(&mut line, 4, &0i8), ActionResult::OtherReason, "not verified");
    assert_eq!(act(&mut line, 3, &0i8), ActionResult::Success);
    let info = line.get(AttributeRequest::new(18, names::IMAGE_TRANSFER, 7));
    let info = Data::from_bytes(&info).unwrap().as_array().unwrap().get(0).unwrap();
    let [size, identification, signature] = info.as_structure().unwrap().exactly().unwrap();
    assert_eq!((size.as_u64(), identification.as_octets()), (Some(SIZE as u64), Some(&b"meter-2"[..])));
    assert_eq!(signature.as_octets(), Some(&image[SIZE - 64..]));
    assert_eq!(line.octets(names::FIRMWARE_SIGNATURE), image[SIZE - 64..]);
    line.client = management(900);
    assert_eq!(line.ask(ClientInput::Connect), ClientOutput::Connected);
    assert_eq!(act(&mut line, 4, &0i8), ActionResult::Success);
    assert_eq!(read::<ImageStatus>(&mut line, 6), ImageStatus::ActivationSuccessful);
}

#[test]
fn an_image_that_was_not_signed_so_is_not_activated() {
    let (mut line, mut image) = (line(), image());
    image[100] ^= 1;
    initiate(&mut line);
    (0..4).for_each(|number| assert_eq!(send(&mut line, &image, number), ActionResult::Success));
    assert_eq!(act(&mut line, 3, &0i8), ActionResult::OtherReason);
    assert_eq!(read::<ImageStatus>(&mut line, 6), ImageStatus::VerificationFailed);
    assert_eq!(act(&mut line, 4, &0i8), ActionResult::OtherReason);
    let activated = ApplicationOutput::Event(MeterEvent::ImageActivated);
    assert!(!line.mains.outputs.contains(&activated));
}

#[test]
fn a_meter_that_knows_no_key_for_images_takes_none_unless_it_was_told_to_take_any() {
    for (check, result, status) in [
        (None, ActionResult::OtherReason, ImageStatus::VerificationFailed),
        (Some(ImageCheck::Complete), ActionResult::Success, ImageStatus::VerificationSuccessful),
    ] {
        let (mut line, image) = (line_with(check), image());
        initiate(&mut line);
        (0..4).for_each(|number| assert_eq!(send(&mut line, &image, number), ActionResult::Success));
        assert_eq!((act(&mut line, 3, &0i8), read::<ImageStatus>(&mut line, 6)), (result, status));
        assert_eq!(act(&mut line, 4, &0i8), result, "activated only if it was verified");
    }
}
