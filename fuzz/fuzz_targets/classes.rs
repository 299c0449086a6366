//! What clients read of objects: attributes of every class, by schema and as types, and profiles that leave cells out.
#![no_main]

use dlms::axdr::{Data, Encoder};
use dlms::classes::profile::{NullCells, Restoring, Rows, SortMethod};
use dlms::classes::*;
use dlms::cosem::{CaptureObject, LogicalName};
use libfuzzer_sys::fuzz_target;

const NAME: LogicalName = LogicalName([0, 0, 1, 2, 3, 255]);
const COLUMNS: [CaptureObject; 3] = [CaptureObject::CLOCK, CaptureObject::new(1, NAME, 2), CaptureObject::new(3, NAME, 2)];
/// Octets that a whole buffer may have.
const LEN_MAX: usize = 4096;

trait Kept: Object + Attributes {}
impl<T: Object + Attributes> Kept for T {}

fn objects() -> Vec<Box<dyn Kept>> {
    vec![
        Box::new(DataObject::new(&0u8)),
        Box::new(RegisterActivation::new()),
        Box::new(WallClock::new(1)),
        Box::new(ScriptTable::new(NAME, Vec::new())),
        Box::new(Schedule::new()),
        Box::new(SpecialDays::new()),
        Box::new(ImageTransfer::new(100, 1000)),
        Box::new(ActivityCalendar::new()),
        Box::new(RegisterMonitor::new(AttributeReference::NONE)),
        Box::new(PushSetup::new(NAME, 1)),
        Box::new(Arbitrator::new()),
        Box::new(Credit::new(0)),
        Box::new(Charge::new(0)),
        Box::new(TokenGateway::new()),
        Box::new(LocalPort::default()),
        Box::new(HdlcSetup::default()),
        Box::new(TcpUdpSetup::default()),
        Box::new(MacAddressSetup::default()),
        Box::new(Ipv6Setup::default()),
        Box::new(PrimeLlcSetup::default()),
        Box::new(PrimePhyCounters::default()),
        Box::new(PrimeMacSetup::default()),
        Box::new(PrimeMacFunctional::default()),
        Box::new(PrimeMacCounters::default()),
        Box::new(PrimeNetworkAdministration::default()),
        Box::new(PrimeApplicationsIdentification::default()),
        Box::new(G3MacCounters::default()),
        Box::new(G3MacSetup::default()),
        Box::new(G3Adaptation::default()),
    ]
}

fn encoded(object: &dyn Kept, attribute: i8) -> Vec<u8> {
    let mut value = Vec::new();
    let mut out = Encoder::new(&mut value, 1 << 20);
    assert!(object.encode_attribute(attribute, &mut out) && out.finish().is_ok());
    value
}

/// What is taken is what is written, is of the declared type, and survives a restart.
fn take(object: &mut dyn Kept, attribute: i8, data: &Data<'_>) {
    if !object.absorb(attribute, data) {
        return;
    }
    let value = encoded(object, attribute);
    let again = Data::from_bytes(&value).expect("one value");
    let described = object.schema().attribute(attribute).expect("an attribute of the class");
    assert!(described.kind.fits(&again), "{}", described.name);
    assert!(object.absorb(attribute, &again), "{}", described.name);
    assert_eq!(encoded(object, attribute), value);
    let snapshot = Snapshot::of(NAME, object);
    assert!(snapshot.restore(object));
    assert_eq!(Snapshot::of(NAME, object), snapshot);
}

fn restore(bytes: &[u8], capture_period_s: u32, is_lifo: bool) {
    let sort_method = if is_lifo { SortMethod::Lifo } else { SortMethod::Fifo };
    let with = Restoring { columns: &COLUMNS, capture_period_s, sort_method, len_max: LEN_MAX };
    let Ok(whole) = NullCells::FromRowBefore.restore(bytes, &with) else { return };
    assert!(whole.len() <= LEN_MAX);
    let (before, after) = (Rows::from_value(bytes).expect("rows"), Rows::from_value(&whole).expect("rows"));
    assert_eq!(before.len(), after.len());
    for (before, after) in before.iter().zip(after.iter()) {
        assert!(before.zip(after).all(|(said, shown)| said == Data::Null || said.to_string() == shown.to_string()));
    }
    let again = NullCells::FromRowBefore.restore(&whole, &with).map(|again| again.into_owned());
    assert_eq!(again.as_deref(), Ok(&whole[..]), "what is whole stays so");
}

fuzz_target!(|input: (u8, i8, u32, Vec<u8>)| {
    let (which, attribute, number, bytes) = input;
    restore(&bytes, number % 100_000, which & 1 == 1);
    let name = LogicalName([which, 0, (number >> 16) as u8, (number >> 8) as u8, number as u8, 255]);
    for companion in Companion::all() {
        let _ = (companion.name_of(name), companion.counter_of(number as u16));
    }
    let Ok(data) = Data::from_bytes(&bytes) else { return };
    if let Some(schema) = Schema::of(u16::from(which)) {
        let _ = schema.attribute(attribute).map(|described| described.kind.fits(&data));
        let _ = schema.method(attribute);
    }
    let mut objects = objects();
    let at = usize::from(which) % objects.len();
    take(&mut *objects[at], attribute, &data);
});
