//! What was written is read, for every attribute of every class.

use super::*;
use crate::axdr::{Data, Encoder};
use crate::cosem::{LogicalName, ScalerUnit, Unit};
use alloc::boxed::Box;
use alloc::vec::Vec;
use proptest::prelude::*;

const NAME: LogicalName = LogicalName([0, 0, 1, 2, 3, 255]);

trait Kept: Object + Attributes {}
impl<T: Object + Attributes> Kept for T {}

/// One object of each class that keeps attributes.
fn objects() -> Vec<Box<dyn Kept>> {
    let watts = ScalerUnit { scaler: -3, unit: Unit::WATT };
    let no_actions = LimiterActions { over: ScriptReference::NONE, under: ScriptReference::NONE };
    let currency = Currency { name: CurrencyName::default(), scale: 0, unit: Enumerated(0) };
    alloc::vec![
        Box::new(DataObject::new(&0u8)),
        Box::new(ExtendedRegister::new(watts)),
        Box::new(DemandRegister::new(watts, 900, 1)),
        Box::new(RegisterActivation::new()),
        Box::new(WallClock::new(1)),
        Box::new(ScriptTable::new(NAME, Vec::new())),
        Box::new(Schedule::new()),
        Box::new(SpecialDays::new()),
        Box::new(ImageTransfer::new(100, 1000)),
        Box::new(ActivityCalendar::new()),
        Box::new(RegisterMonitor::new(AttributeReference::NONE)),
        Box::new(SingleActionSchedule::new(ScriptReference::NONE, ScheduleType::AnyDates)),
        Box::new(PushSetup::new(NAME, 1)),
        Box::new(Arbitrator::new()),
        Box::new(DisconnectControl::new(4)),
        Box::new(Limiter::new(AttributeReference::NONE, no_actions)),
        Box::new(Account::new(currency)),
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

/// An encoded value of a type; `near` one, whose octets may be more or fewer than they should, and whose structures may lack the end.
fn value_of(kind: Kind, near: bool) -> BoxedStrategy<Vec<u8>> {
    let octets = |tag: u8, len: usize| {
        prop::collection::vec(any::<u8>(), len).prop_map(move |octets| [&[tag][..], &octets].concat())
    };
    let counted =
        |tag: u8, elements: Vec<Vec<u8>>| [&[tag, elements.len() as u8], &elements.concat()[..]].concat();
    match kind {
        Kind::Null => Just(Vec::from([0])).boxed(),
        Kind::Bool => any::<bool>().prop_map(|value| Vec::from([3, u8::from(value)])).boxed(),
        Kind::I8 => octets(15, 1).boxed(),
        Kind::I16 => octets(16, 2).boxed(),
        Kind::I32 => octets(5, 4).boxed(),
        Kind::U8 => octets(17, 1).boxed(),
        Kind::U16 => octets(18, 2).boxed(),
        Kind::U32 | Kind::Any => octets(6, 4).boxed(),
        Kind::U64 => octets(21, 8).boxed(),
        Kind::Enum => (0u8..8).prop_map(|value| Vec::from([22, value])).boxed(),
        Kind::Octets => prop::collection::vec(any::<u8>(), 0..12)
            .prop_map(|octets| [&[9, octets.len() as u8], &octets[..]].concat())
            .boxed(),
        Kind::OctetsOf(len) => prop::collection::vec(any::<u8>(), if near { 0..=20 } else { len..=len })
            .prop_map(|octets| [&[9, octets.len() as u8], &octets[..]].concat())
            .boxed(),
        Kind::Utf8 => {
            "[a-z]{0,8}".prop_map(|text| [&[12, text.len() as u8], text.as_bytes()].concat()).boxed()
        }
        Kind::Bits => prop::collection::vec(any::<bool>(), 0..8)
            .prop_map(|bits| Bits::<8>::of(&bits).to_value())
            .boxed(),
        Kind::Array(kind) => {
            prop::collection::vec(value_of(*kind, near), 0..4).prop_map(move |all| counted(1, all)).boxed()
        }
        Kind::Structure(kinds) => {
            let parts = kinds.iter().map(|kind| value_of(*kind, near)).collect::<Vec<_>>();
            let kept = if near { 0..=parts.len() } else { parts.len()..=parts.len() };
            (parts, kept).prop_map(move |(all, kept)| counted(2, all[..kept].to_vec())).boxed()
        }
        Kind::OneOf(kinds) => value_of(kinds[0], near),
    }
}

fn stored(near: bool) -> impl Strategy<Value = (usize, i8, Vec<u8>)> {
    let all: Vec<_> = objects()
        .iter()
        .enumerate()
        .flat_map(|(place, object)| object.stored().iter().map(move |&n| (place, n)))
        .collect();
    prop::sample::select(all).prop_flat_map(move |(place, n)| {
        let kind =
            objects()[place].schema().attribute(n).expect("stored attributes are those of the class").kind;
        (Just(place), Just(n), value_of(kind, near))
    })
}

fn encoded(object: &dyn Kept, attribute: i8) -> Vec<u8> {
    let mut value = Vec::new();
    let mut out = Encoder::new(&mut value, 10_000);
    assert!(object.encode_attribute(attribute, &mut out));
    assert_eq!(out.finish(), Ok(()));
    value
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn every_attribute_is_read_as_it_was_written((place, attribute, value) in stored(false)) {
        let mut object = objects().remove(place);
        let data = Data::from_bytes(&value).unwrap();
        let before = encoded(&*object, attribute);
        let taken = object.absorb(attribute, &data);
        prop_assert_eq!(encoded(&*object, attribute), if taken { value } else { before });
        // What was taken survives a restart, and nothing else comes with it.
        let snapshot = Snapshot::of(NAME, &*object);
        let mut again = objects().remove(place);
        prop_assert!(snapshot.restore(&mut *again));
        prop_assert_eq!(Snapshot::of(NAME, &*again), snapshot);
    }

    #[test]
    fn what_is_taken_has_the_type_of_its_attribute((place, attribute, value) in stored(true)) {
        let mut object = objects().remove(place);
        if object.absorb(attribute, &Data::from_bytes(&value).unwrap()) {
            let held = encoded(&*object, attribute);
            let described = object.schema().attribute(attribute).unwrap();
            prop_assert!(described.kind.fits(&Data::from_bytes(&held).unwrap()), "{}", described.name);
        }
    }

    #[test]
    fn any_octets_are_taken_or_refused_by_every_attribute_and_method(
        place in 0..objects().len(), number in -1i8..30, bytes in prop::collection::vec(0u8..30, 0..60),
    ) {
        let mut object = objects().remove(place);
        let Ok(data) = Data::from_bytes(&bytes) else { return Ok(()) };
        let before = Snapshot::of(NAME, &*object);
        let mut effects = Effects::default();
        if write(&mut *object, number, &data, &test::UNSET, &mut effects).is_err() {
            prop_assert_eq!(Snapshot::of(NAME, &*object), before);
        }
        _ = invoke(&mut *object, number, Some(&data), &test::at(11, 22, 10, 0, 0), &mut effects);
        for n in 2..=object.schema().attribute_count() as i8 {
            let value = test::read(&*object, n, &test::UNSET);
            let described = object.schema().attribute(n).unwrap();
            prop_assert!(described.kind.fits(&Data::from_bytes(&value).unwrap()), "{}", described.name);
        }
    }
}

/// Most values of the right type are taken: a codec that refuses all would pass the property above.
#[test]
fn every_attribute_takes_what_it_holds() {
    for mut object in objects() {
        for &n in object.stored() {
            let value = encoded(&*object, n);
            assert!(object.absorb(n, &Data::from_bytes(&value).unwrap()), "{} {n}", object.schema().name);
        }
    }
}
