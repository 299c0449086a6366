//! An image comes block by block, is verified, runs on trial, and stays or goes: with the supply cut at every write to flash.
#![allow(clippy::panic)] // what a test did not expect

mod line;
mod mains;

use dlms::apdu::ActionResult;
use dlms::classes::{Bits, ImageBlock, ImageInitiate, ImageStatus, Octets, Value};
use dlms::client::{Client, ClientInput, ClientOutput};
use dlms::cosem::{AttributeRequest, MethodRequest};
use dlms::security::{Curve, PrivateKey};
use line::management;
use mains::{at, config};
use meter::journal::{Flash, FlashError, ImageBank, Journal};
use meter::objects::{EventGroup, names};
use meter::specs::event;
use meter::{
    Activation, ApplicationInput, ApplicationOutput, Bank, Firmware, ImageCheck, MeterApplication,
    MeterConfig, MeterEvent, MeterPersist, MeterState, ProfileSizes, self_check,
};
use plc_core::sap::{DLMS_PORT, Lqi, UdpIndication, UdpPayload};
use plc_core::{Instant, Machine, Seed, ShortAddress, UtcAnchor};
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;

const PAGE: usize = 1024;
const SIZES: ProfileSizes = ProfileSizes { capture_period_s: 900, load: 4, daily: 2, monthly: 2 };
const IMAGE_LEN: usize = 3 * 512 + 300;

/// Octets that all flashes of a meter may still write before the supply is gone: the last of them is torn.
#[derive(Clone, Default)]
struct Rail {
    left: Rc<Cell<usize>>,
    /// What was left when each write or erasure began.
    begun: Rc<RefCell<Vec<usize>>>,
}

impl Rail {
    fn spend(&self) -> Result<(), FlashError> {
        self.left.set(self.left.get().checked_sub(1).ok_or(FlashError)?);
        Ok(())
    }

    fn begin(&self) {
        self.begun.borrow_mut().push(self.left.get());
    }
}

/// NOR flash on a rail.
#[derive(Clone)]
struct Chip {
    octets: Rc<RefCell<Vec<u8>>>,
    rail: Rail,
}

impl Chip {
    fn new(pages: usize, rail: &Rail) -> Self {
        let octets = (0..pages * PAGE).map(|n| (n * 31 % 251) as u8).collect();
        Self { octets: Rc::new(RefCell::new(octets)), rail: rail.clone() }
    }
}

impl Flash for Chip {
    fn page_len(&self) -> usize {
        PAGE
    }

    fn pages(&self) -> usize {
        self.octets.borrow().len() / PAGE
    }

    fn read(&self, address: usize, octets: &mut [u8]) {
        let all = self.octets.borrow();
        for (n, octet) in octets.iter_mut().enumerate() {
            *octet = all.get(address + n).copied().unwrap_or(0xFF);
        }
    }

    fn program(&mut self, address: usize, octets: &[u8]) -> Result<(), FlashError> {
        self.rail.begin();
        let mut all = self.octets.borrow_mut();
        for (n, &octet) in octets.iter().enumerate() {
            if self.rail.spend().is_err() {
                all[address + n] &= octet | 0x5A;
                return Err(FlashError);
            }
            all[address + n] &= octet;
        }
        Ok(())
    }

    fn erase(&mut self, page: usize) -> Result<(), FlashError> {
        self.rail.begin();
        let mut all = self.octets.borrow_mut();
        let page = &mut all[page * PAGE..(page + 1) * PAGE];
        if self.rail.spend().is_err() {
            page[..PAGE / 2].fill(0xFF);
            return Err(FlashError);
        }
        page.fill(0xFF);
        Ok(())
    }
}

/// The supply has gone.
#[derive(Debug)]
struct Cut;

/// What a meter has across its lives.
struct Housing {
    rail: Rail,
    journal: Chip,
    bank: Chip,
    boot: Chip,
    /// Whether the new image is any good.
    is_good: bool,
    lives: u32,
    /// Blocks that the client was told have come, since the transfer was begun.
    acknowledged: Vec<usize>,
    /// Blocks that were sent again although they were acknowledged.
    sent_twice: u32,
}

/// A life of it.
struct Life<'h> {
    housing: &'h mut Housing,
    app: MeterApplication,
    journal: Journal<Chip>,
    bank: ImageBank<Chip>,
    firmware: Firmware<Chip>,
    client: Client,
    now: Instant,
    wants_restart: bool,
}

fn key() -> PrivateKey {
    PrivateKey::random(Curve::P256, &mut Seed::from_u64(8).stream())
}

fn image() -> Vec<u8> {
    let mut image: Vec<u8> = (0..IMAGE_LEN - 64).map(|n| (n * 7) as u8).collect();
    let signature = key().sign(&image);
    image.extend(&signature[..]);
    image
}

impl Housing {
    fn new(is_good: bool) -> Self {
        let rail = Rail::default();
        rail.left.set(usize::MAX);
        let (journal, bank, boot) = (Chip::new(32, &rail), Chip::new(4, &rail), Chip::new(2, &rail));
        Self { rail, journal, bank, boot, is_good, lives: 0, acknowledged: Vec::new(), sent_twice: 0 }
    }

    /// Boots whatever image the record says, with what the flashes hold and nothing else. A new image on trial checks itself.
    fn boot(&mut self) -> Result<Life<'_>, Cut> {
        self.lives += 1;
        let mut firmware = Firmware::open(self.boot.clone());
        let runs = firmware.boot(|_| true).expect("both banks hold something");
        let journal = Journal::open(self.journal.clone(), SIZES);
        let bank = ImageBank::open(self.bank.clone());
        let state = MeterState { image: bank.image(), ..journal.state().clone() };
        let kept = state.clone();
        let (boot, image_check) = (Some(firmware.report()), ImageCheck::Signed(key().public_key()));
        let config = MeterConfig { state, boot, image_check, profiles: SIZES, ..config() };
        let mut app = MeterApplication::new(config).expect("a good configuration");
        let is_on_trial = firmware.activation() == Activation::OnTrial && runs != firmware.confirmed();
        let passes = is_on_trial && self_check(&mut app, &kept).is_ok() && self.is_good;
        let now = Instant::from_secs(10 * u64::from(self.lives));
        let client = management(1 + 1000 * self.lives);
        let mut life =
            Life { housing: self, app, journal, bank, firmware, client, now, wants_restart: false };
        let utc = at(22, 10, 0, 0) + std::time::Duration::from_secs(60 * u64::from(life.housing.lives));
        life.tell(ApplicationInput::Clock(UtcAnchor { at: now, utc }))?;
        if is_on_trial {
            let outcome = life.firmware.on_self_check(passes).map_err(|_| Cut)?;
            life.tell(ApplicationInput::Activation(outcome))?;
            life.wants_restart = !passes;
        }
        Ok(life)
    }

    /// From now on until the supply is gone or everything is done.
    fn live(&mut self) -> Result<(), Cut> {
        // A life ends with a restart that somebody wants, and there are few of those.
        for _ in 0..4 {
            let mut life = self.boot()?;
            if !life.wants_restart {
                life.connect()?;
                life.update()?;
            }
            if !life.wants_restart {
                return Ok(());
            }
        }
        panic!("it restarts for ever");
    }
}

impl Life<'_> {
    /// Carries out all that the meter says, in its order; datagrams go to the client.
    fn tell(&mut self, input: ApplicationInput<'_>) -> Result<(), Cut> {
        self.app.handle(self.now, input);
        while let Some(output) = self.app.poll() {
            match output {
                ApplicationOutput::Persist(record) => self.persist(&record)?,
                ApplicationOutput::Event(MeterEvent::ImageActivated) => {
                    self.firmware.begin_trial().map_err(|_| Cut)?;
                    self.wants_restart = true;
                }
                ApplicationOutput::Event(_) => {}
                ApplicationOutput::Udp(request) => {
                    self.client.handle(self.now, ClientInput::Datagram(&request.payload));
                }
            }
        }
        Ok(())
    }

    fn persist(&mut self, record: &MeterPersist) -> Result<(), Cut> {
        let kept = self.bank.append(record).map_err(|_| Cut)?;
        let also = self.journal.append(record).map_err(|_| Cut)?;
        assert!(!(kept && also), "one place for each record: {record:?}");
        Ok(())
    }

    fn ask(&mut self, input: ClientInput<'_>) -> Result<ClientOutput, Cut> {
        self.client.handle(self.now, input);
        loop {
            match self.client.poll().expect("the client waits for nothing that is under way") {
                ClientOutput::Datagram(bytes) => self.carry(&bytes)?,
                ClientOutput::Persist { .. } | ClientOutput::ServerCounter(_) => {}
                answer => return Ok(answer),
            }
        }
    }

    fn carry(&mut self, bytes: &[u8]) -> Result<(), Cut> {
        let payload = UdpPayload::from_slice(bytes).expect("a datagram");
        let (src, src_port, dst_port) = (ShortAddress(0), 40_000, DLMS_PORT);
        let datagram = UdpIndication { src, src_port, dst_port, payload, hops: 1, lqi: Lqi(80) };
        self.tell(ApplicationInput::Udp(datagram))
    }

    fn connect(&mut self) -> Result<(), Cut> {
        let answer = self.ask(ClientInput::Connect)?;
        assert_eq!(answer, ClientOutput::Connected);
        Ok(())
    }

    fn act(&mut self, method: i8, parameter: &impl Value) -> Result<ActionResult, Cut> {
        let request = MethodRequest { class_id: 18, logical_name: names::IMAGE_TRANSFER, method };
        match self.ask(ClientInput::Action(request, Some(&parameter.to_value())))? {
            ClientOutput::ActionResult(result, _) => Ok(result),
            other => panic!("{other:?}"),
        }
    }

    fn read<T: Value>(&mut self, attribute: i8) -> Result<T, Cut> {
        let request = AttributeRequest::new(18, names::IMAGE_TRANSFER, attribute);
        match self.ask(ClientInput::Get(request))? {
            ClientOutput::Value(value) => Ok(T::from_value(&value).expect("a value of its type")),
            other => panic!("{other:?}"),
        }
    }

    /// What a client does who wants the image to run, whatever was done before.
    fn update(&mut self) -> Result<(), Cut> {
        loop {
            match self.read::<ImageStatus>(6)? {
                ImageStatus::NotInitiated => self.initiate()?,
                ImageStatus::Initiated => self.transfer()?,
                ImageStatus::VerificationSuccessful => {
                    assert_eq!(self.act(4, &0i8)?, ActionResult::Success);
                    return Ok(());
                }
                ImageStatus::ActivationInitiated => {
                    // It was cut before anything was recorded, and is wanted again.
                    assert!(self.wants_restart);
                    return Ok(());
                }
                ImageStatus::ActivationSuccessful | ImageStatus::ActivationFailed => return Ok(()),
                other => panic!("{other:?}"),
            }
        }
    }

    fn initiate(&mut self) -> Result<(), Cut> {
        self.housing.acknowledged.clear();
        let identifier = Octets::new(b"meter-2").expect("short enough");
        let result = self.act(1, &ImageInitiate { identifier, size: IMAGE_LEN as u32 })?;
        assert_eq!(result, ActionResult::Success);
        Ok(())
    }

    /// Sends what is missing, and has it verified.
    fn transfer(&mut self) -> Result<(), Cut> {
        let here: Bits<8192> = self.read(3)?;
        let (image, len) = (image(), self.read::<u32>(2)? as usize);
        for (number, block) in image.chunks(len).enumerate().filter(|&(number, _)| !here.has(number)) {
            self.housing.sent_twice += u32::from(self.housing.acknowledged.contains(&number));
            let value = Octets::new(block).expect("short enough");
            let result = self.act(2, &ImageBlock { number: number as u32, value })?;
            assert_eq!(result, ActionResult::Success);
            self.housing.acknowledged.push(number);
        }
        assert_eq!(self.act(3, &0i8)?, ActionResult::Success, "what came is what was signed");
        Ok(())
    }

    fn codes(&self) -> Vec<u8> {
        let rows = self.app.board().events.rows(EventGroup::Standard);
        let of_images = [
            event::IMAGE_READY,
            event::IMAGE_ACTIVATED,
            event::SELF_CHECK_PASSED,
            event::IMAGE_VERIFICATION_FAILED,
        ];
        rows.iter().map(|row| row.code).filter(|code| of_images.contains(code)).collect()
    }
}

/// How it ended: which bank boots, the status that clients see, and the events in their order.
fn ended(housing: &mut Housing) -> (Bank, ImageStatus, Vec<u8>) {
    let mut life = housing.boot().expect("there is power");
    life.connect().expect("there is power");
    let status = life.read(6).expect("there is power");
    (life.firmware.confirmed(), status, life.codes())
}

fn expected(is_good: bool) -> (Bank, ImageStatus, Vec<u8>) {
    use event::{IMAGE_ACTIVATED, IMAGE_READY, IMAGE_VERIFICATION_FAILED, SELF_CHECK_PASSED};
    if is_good {
        let codes = vec![IMAGE_READY, SELF_CHECK_PASSED, IMAGE_ACTIVATED];
        (Bank::B, ImageStatus::ActivationSuccessful, codes)
    } else {
        (Bank::A, ImageStatus::ActivationFailed, vec![IMAGE_READY, IMAGE_VERIFICATION_FAILED])
    }
}

#[test]
fn an_image_that_passes_is_told_as_running_and_one_that_fails_as_failed_with_the_old_one_back() {
    for is_good in [true, false] {
        let mut housing = Housing::new(is_good);
        housing.live().expect("there is power");
        assert_eq!(ended(&mut housing), expected(is_good));
        assert_eq!(housing.sent_twice, 0);
    }
}

#[test]
fn wherever_the_supply_is_cut_no_acknowledged_block_comes_again_and_the_outcome_is_told() {
    for is_good in [true, false] {
        const PLENTY: usize = 1_000_000;
        let mut whole = Housing::new(is_good);
        whole.rail.left.set(PLENTY);
        whole.live().expect("there is power");
        let written = PLENTY - whole.rail.left.get();
        // At each boundary between two writes, an octet behind it, and here and there within.
        let begun: Vec<_> = whole.rail.begun.borrow().iter().map(|left| PLENTY - left).collect();
        let cuts: BTreeSet<_> =
            begun.iter().flat_map(|&at| [at, at + 1]).chain((0..written).step_by(7)).collect();
        assert!(begun.len() > 50 && cuts.len() > 300, "{} writes, {} cuts", begun.len(), cuts.len());
        let (_, _, expected_codes) = expected(is_good);
        for left in cuts.into_iter().filter(|&left| left < written) {
            let mut housing = Housing::new(is_good);
            housing.rail.left.set(left);
            assert!(housing.live().is_err(), "{left} of {written}");
            housing.rail.left.set(usize::MAX);
            housing.live().expect("there is power");
            assert_eq!(housing.sent_twice, 0, "cut after {left} octets");
            let (bank, status, codes) = ended(&mut housing);
            assert_eq!((bank, status), (expected(is_good).0, expected(is_good).1), "cut after {left} octets");
            // What was logged when the power went may be logged again: rather twice than never.
            let of = |code: &u8| codes.iter().filter(|logged| *logged == code).count();
            assert!(expected_codes.iter().all(|code| (1..=2).contains(&of(code))), "{left}: {codes:?}");
            assert_eq!((codes.first(), codes.last()), (expected_codes.first(), expected_codes.last()));
            assert!(codes.iter().all(|code| expected_codes.contains(code)), "{left}: {codes:?}");
        }
    }
}

#[test]
fn an_image_that_hangs_is_told_as_failed_by_the_one_that_is_back() {
    let mut housing = Housing::new(true);
    let mut life = housing.boot().expect("there is power");
    life.connect().expect("there is power");
    life.update().expect("there is power");
    assert!(life.wants_restart);
    // It never comes as far as to its check.
    for _ in 0..meter::specs::TRIALS {
        let mut firmware = Firmware::open(housing.boot.clone());
        assert_eq!(firmware.boot(|_| true), Ok(Bank::B));
    }
    assert_eq!(ended(&mut housing), expected(false));
}
