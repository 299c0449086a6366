//! The objects of a meter under arbitrary writes, methods and time: nothing panics, nothing grows without bound, and
//! every attribute stays one value of its declared type.
#![no_main]

use core::time::Duration;
use dlms::axdr::{Data, Encoder};
use dlms::classes::Schema;
use dlms::cosem::{AttributeRequest, MethodRequest, Selector};
use dlms::server::{Access, AssociationContext, ObjectEntry, ObjectModel};
use libfuzzer_sys::fuzz_target;
use meter::objects::{Board, Objects};
use meter::{Identity, ImageCheck, Measurement, MeasurementSetup, ProfileSizes};
use metrology::{Calibration, Energy, Ledger, Ratings, Registers, TamperLimits};
use plc_core::{Instant, Seed, Utc, UtcAnchor};

const IDENTITY: Identity = Identity { maker: *b"ABC", serial: 1 };
const IMAGE_SIZE_MAX: u32 = 4096;
/// Octets that all objects together may keep: their lists are bounded each.
const STATE_MAX: usize = 256 * 1024;

struct World {
    measurement: Measurement,
    board: Board,
    now: Instant,
    import: u64,
}

impl World {
    fn new() -> Self {
        let sizes = ProfileSizes { capture_period_s: 60, load: 20, daily: 5, monthly: 5 };
        let setup = MeasurementSetup {
            ratings: Ratings::three_phase(),
            calibration: Calibration::default(),
            power_quality: false,
            tamper: TamperLimits::default(),
            profiles: sizes,
        };
        let measurement = Measurement::new(setup, Ledger::default()).expect("good ratings");
        let board = Board::new(ImageCheck::Complete, IMAGE_SIZE_MAX, &Seed::from_u64(1));
        Self { measurement, board, now: Instant::from_secs(1), import: 0 }
    }

    fn with<T>(&mut self, happen: impl FnOnce(&mut Objects<'_>, AssociationContext) -> T) -> T {
        let context = AssociationContext { now: self.now, client_sap: 1, access: Access::Management, ciphered: true };
        let mut objects = Objects {
            identity: &IDENTITY,
            firmware: "1",
            receive_counter: None,
            measurement: &mut self.measurement,
            board: &mut self.board,
            network: None,
            hdlc: None,
            sessions_max: 4,
            notes: Vec::new(),
            steps_left: 64,
        };
        let happened = happen(&mut objects, context);
        objects.step(self.now);
        while self.board.take_changed().is_some() {}
        happened
    }

    fn entry(&mut self, index: u8) -> Option<ObjectEntry> {
        self.with(|objects, context| objects.object(index.into(), &context))
    }

    fn set(&mut self, entry: &ObjectEntry, attribute: i8, value: &Data<'_>) {
        let request = AttributeRequest::new(entry.class_id, entry.logical_name, attribute);
        _ = self.with(|objects, context| objects.set(&request, value, &context));
    }

    fn act(&mut self, entry: &ObjectEntry, method: i8, parameter: Option<&Data<'_>>) {
        let request = MethodRequest { class_id: entry.class_id, logical_name: entry.logical_name, method };
        let mut returned = Vec::new();
        self.with(|objects, context| {
            let mut out = Encoder::new(&mut returned, 10_000);
            _ = objects.action(&request, parameter, &context, &mut out);
        });
    }

    /// Attributes stay values of their types, whatever was done.
    fn check(&mut self, entry: &ObjectEntry, selector: Option<Selector>) {
        let schema = Schema::of(entry.class_id).expect("a known class");
        for n in 1..=entry.attributes as i8 {
            let request = AttributeRequest { selector: None, ..AttributeRequest::new(entry.class_id, entry.logical_name, n) };
            let mut value = Vec::new();
            let read = self.with(|objects, context| {
                let mut out = Encoder::new(&mut value, 100_000);
                objects.get(&request, &context, &mut out).is_ok() && out.finish().is_ok()
            });
            assert!(read, "{request}");
            let data = Data::from_bytes(&value).expect("one value");
            assert!(schema.attribute(n).expect("an attribute").kind.fits(&data), "{request}: {value:02x?}");
        }
        let request = AttributeRequest { selector, ..AttributeRequest::new(entry.class_id, entry.logical_name, 2) };
        let mut value = Vec::new();
        self.with(|objects, context| _ = objects.get(&request, &context, &mut Encoder::new(&mut value, 100_000)));
    }

    fn measure(&mut self, used: u8) {
        self.import += u64::from(used) * 1000;
        let import = Energy::from_milliwatt_hours(self.import);
        self.measurement.on_registers(self.now, Registers { import, ..Registers::default() });
        let now = self.now;
        self.with(|objects, _| objects.observe(now));
    }
}

// Each step: what happens, an object, an attribute or method, a length, and so many octets.
fuzz_target!(|bytes: &[u8]| {
    let mut world = World::new();
    let mut rest = bytes;
    while let [what, index, number, len, tail @ ..] = rest {
        let (piece, behind) = tail.split_at(tail.len().min(usize::from(*len)));
        rest = behind;
        let data = Data::from_bytes(piece).ok();
        let Some(entry) = world.entry(*index) else { continue };
        match (what % 6, &data) {
            (0, Some(value)) => world.set(&entry, *number as i8 & 31, value),
            (1, parameter) => world.act(&entry, *number as i8 & 15, parameter.as_ref()),
            (2, _) => {
                world.now += Duration::from_secs(u64::from(*number) << (index % 16));
                world.measure(*len);
            }
            (3, _) => {
                let secs = i64::from(u32::from_be_bytes([*number, *len, *index, *what]));
                let anchor = UtcAnchor { at: world.now, utc: Utc::from_secs(secs) };
                world.with(|objects, _| objects.set_clock(anchor));
            }
            (4, _) => {
                let (from_entry, to_entry) = (u32::from(*number), u32::from(*len));
                world.check(&entry, Some(Selector::Entry { from_entry, to_entry, from_column: 1, to_column: 0 }));
            }
            _ => world.check(&entry, None),
        }
    }
    let kept: usize = world.board.snapshots().iter().map(|snapshot| snapshot.state.len()).sum();
    assert!(kept < STATE_MAX, "{kept}");
});
