//! Random values and APDUs, written by one implementation and read by another, both ways.
#![allow(clippy::unwrap_used, clippy::panic)]

use dlms::apdu::*;
use dlms::axdr::{Data, Encoder};
use dlms::cosem::{AttributeRequest, Bound, CaptureObject, ClockTime, LogicalName, MethodRequest, Selector};
use dlms_cosem_rs::axdr::DataBuf;
use dlms_cosem_rs::codec::{Decode, Encode, SliceWriter};
use dlms_cosem_rs::xdlms::Apdu;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

/// What the other implementation writes.
fn written(value: &impl Encode) -> Vec<u8> {
    let mut room = vec![0; value.encoded_len()];
    let mut writer = SliceWriter::new(&mut room);
    value.encode(&mut writer).unwrap();
    writer.as_slice().to_vec()
}

/// Values of every type, as the other implementation holds them.
fn trees() -> impl Strategy<Value = DataBuf> {
    let octets = || prop::collection::vec(any::<u8>(), 0..200);
    let bits = (0usize..40, any::<u64>()).prop_map(|(bits, random)| {
        let mut bytes = random.to_be_bytes()[..bits.div_ceil(8)].to_vec();
        if let (Some(last), padding @ 1..) = (bytes.last_mut(), bits.div_ceil(8) * 8 - bits) {
            *last &= 0xFF << padding;
        }
        DataBuf::BitString { bits, bytes }
    });
    let scalars = prop_oneof![
        Just(DataBuf::Null),
        Just(DataBuf::DontCare),
        any::<bool>().prop_map(DataBuf::Boolean),
        bits,
        any::<i32>().prop_map(DataBuf::DoubleLong),
        any::<u32>().prop_map(DataBuf::DoubleLongUnsigned),
        octets().prop_map(DataBuf::OctetString),
        octets().prop_map(DataBuf::VisibleString),
        any::<String>().prop_map(|text| DataBuf::Utf8String(text.into_bytes())),
        any::<i8>().prop_map(DataBuf::Bcd),
        any::<i8>().prop_map(DataBuf::Integer),
        any::<i16>().prop_map(DataBuf::Long),
        any::<u8>().prop_map(DataBuf::Unsigned),
        any::<u16>().prop_map(DataBuf::LongUnsigned),
        any::<i64>().prop_map(DataBuf::Long64),
        any::<u64>().prop_map(DataBuf::Long64Unsigned),
        any::<u8>().prop_map(DataBuf::Enum),
        any::<f32>().prop_map(DataBuf::Float32),
        any::<f64>().prop_map(DataBuf::Float64),
        any::<i8>().prop_map(DataBuf::DeltaInteger),
        any::<i16>().prop_map(DataBuf::DeltaLong),
        any::<i32>().prop_map(DataBuf::DeltaDoubleLong),
        any::<u8>().prop_map(DataBuf::DeltaUnsigned),
        any::<u16>().prop_map(DataBuf::DeltaLongUnsigned),
        any::<u32>().prop_map(DataBuf::DeltaDoubleLongUnsigned),
    ];
    scalars.prop_recursive(5, 60, 10, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..10).prop_map(DataBuf::Array),
            prop::collection::vec(inner, 0..10).prop_map(DataBuf::Structure),
        ]
    })
}

/// One whole encoded value.
fn encoded() -> impl Strategy<Value = Vec<u8>> {
    trees().prop_map(|tree| written(&tree))
}

fn names() -> impl Strategy<Value = LogicalName> {
    any::<[u8; 6]>().prop_map(LogicalName)
}

fn selectors() -> impl Strategy<Value = Selector> {
    let columns = || (any::<u16>(), names(), any::<i8>()).prop_map(|(c, n, a)| CaptureObject::new(c, n, a));
    let bounds = || {
        prop_oneof![
            any::<[u8; 12]>().prop_map(|octets| Bound::Time(ClockTime::from_octets(octets))),
            (0..u32::MAX).prop_map(|number| Bound::Number(number.into())),
        ]
    };
    let range = (columns(), bounds(), bounds(), prop::collection::vec(columns(), 0..5));
    let entry = (any::<u32>(), any::<u32>(), any::<u16>(), any::<u16>());
    prop_oneof![
        range.prop_map(|(restricting, from, to, columns)| Selector::Range { restricting, from, to, columns }),
        entry.prop_map(|(from_entry, to_entry, from_column, to_column)| Selector::Entry {
            from_entry,
            to_entry,
            from_column,
            to_column
        }),
    ]
}

fn attributes() -> impl Strategy<Value = AttributeRequest> {
    let selectors = prop::option::weighted(0.3, selectors());
    (any::<u16>(), names(), any::<i8>(), selectors).prop_map(|(class_id, name, attribute, selector)| {
        AttributeRequest { selector, ..AttributeRequest::new(class_id, name, attribute) }
    })
}

fn methods() -> impl Strategy<Value = MethodRequest> {
    (any::<u16>(), names(), any::<i8>()).prop_map(|(class_id, logical_name, method)| MethodRequest {
        class_id,
        logical_name,
        method,
    })
}

fn list(values: &[Vec<u8>]) -> Vec<u8> {
    [&[values.len() as u8][..], &values.concat()].concat()
}

/// The other implementation reads what we write, and writes it the same; we read that.
fn agree<'a, P: Pdu<'a> + PartialEq + std::fmt::Debug>(pdu: &P) -> Result<(), TestCaseError> {
    let ours: &'a [u8] = pdu.to_vec().leak();
    let read = Apdu::from_bytes(ours);
    prop_assert!(read.is_ok(), "{:02x?} of {:?}: {:?}", ours, pdu, read);
    let theirs: &'a [u8] = written(&read.unwrap()).leak();
    prop_assert_eq!(theirs, ours);
    let again = P::from_bytes(theirs);
    prop_assert!(again.as_ref() == Ok(pdu), "{again:?} of {pdu:?}");
    Ok(())
}

proptest! {
    #[test]
    fn values_that_the_other_writes_are_read_and_written_the_same(tree in trees()) {
        let theirs = written(&tree);
        let data = Data::from_bytes(&theirs);
        prop_assert!(data.is_ok(), "{:?} {:02x?}", tree, theirs);
        let mut ours = Vec::new();
        let mut encoder = Encoder::new(&mut ours, theirs.len());
        encoder.data(&data.unwrap());
        prop_assert_eq!(encoder.finish(), Ok(()));
        prop_assert_eq!(&ours, &theirs);
        prop_assert_eq!(format!("{:?}", DataBuf::parse(&ours)), format!("{:?}", Ok::<_, ()>(tree)));
    }

    /// Whatever the octets: what both take, both take to be as long; what the other refuses, we refuse.
    #[test]
    fn octets_are_taken_or_refused_by_both(bytes in prop::collection::vec(0u8..40, 0..40)) {
        use dlms_cosem_rs::codec::Reader;
        let mut theirs = Reader::new(&bytes);
        let mut ours = plc_core::wire::Reader::new(&bytes);
        match (Data::parse(&mut ours), dlms_cosem_rs::axdr::Data::decode(&mut theirs)) {
            (Ok(_), Ok(_)) => prop_assert_eq!(ours.remaining(), theirs.rest().len()),
            (Ok(data), Err(error)) => {
                // Descriptions of compact arrays that go deeper, or have no elements, are judged differently.
                prop_assert!(bytes.contains(&19), "{} {:?} {:02x?}", data, error, bytes);
            }
            (Err(_), _) => {}
        }
    }

    #[test]
    fn get_is_understood_by_both(
        id: u8, one in attributes(), many in prop::collection::vec(attributes(), 0..5), block: u32, last: bool,
        value in encoded(), values in prop::collection::vec(encoded(), 1..4), code: u8,
    ) {
        let invoke_id = InvokeId(id);
        agree(&GetRequest::Normal { invoke_id, attribute: one })?;
        agree(&GetRequest::Next { invoke_id, block })?;
        agree(&GetRequest::WithList { invoke_id, attributes: many })?;
        agree(&GetResponse::Normal { invoke_id, result: Ok(&value) })?;
        agree(&GetResponse::WithDataBlock { invoke_id, last, block, result: Ok(&value) })?;
        let result = Err(DataAccessResult::from_code(code));
        agree(&GetResponse::Normal { invoke_id, result })?;
        agree(&GetResponse::WithDataBlock { invoke_id, last, block, result })?;
        let results: Vec<u8> = values.iter().flat_map(|value| [&[0][..], value].concat()).chain([1, code]).collect();
        let bytes = [&[0xC4, 3, id, values.len() as u8 + 1][..], &results].concat();
        agree(&GetResponse::from_bytes(&bytes).unwrap())?;
    }

    #[test]
    fn set_is_understood_by_both(
        id: u8, one in attributes(), many in prop::collection::vec((attributes(), encoded()), 0..5),
        block: u32, last: bool, value in encoded(), codes in prop::collection::vec(any::<u8>(), 0..5),
    ) {
        let (invoke_id, data_block) = (InvokeId(id), DataBlock { last, number: block, raw: &value });
        let (attributes, values): (Vec<_>, Vec<_>) = many.into_iter().unzip();
        let values = list(&values);
        let values = Values::from_bytes(&values).unwrap();
        agree(&SetRequest::Normal { invoke_id, attribute: one.clone(), value: &value })?;
        agree(&SetRequest::WithFirstDataBlock { invoke_id, attribute: one, block: data_block })?;
        agree(&SetRequest::WithDataBlock { invoke_id, block: data_block })?;
        agree(&SetRequest::WithListAndFirstDataBlock { invoke_id, attributes: attributes.clone(), block: data_block })?;
        agree(&SetRequest::WithList { invoke_id, attributes, values })?;
        let result = DataAccessResult::from_code(id);
        agree(&SetResponse::Normal { invoke_id, result })?;
        agree(&SetResponse::DataBlock { invoke_id, block })?;
        agree(&SetResponse::LastDataBlock { invoke_id, result, block })?;
        let results = [&[codes.len() as u8][..], &codes].concat();
        let with_list = [&[0xC5, 5, id][..], &results].concat();
        agree(&SetResponse::from_bytes(&with_list).unwrap())?;
        let last_with_list = [&[0xC5, 4, id][..], &results, &block.to_be_bytes()].concat();
        agree(&SetResponse::from_bytes(&last_with_list).unwrap())?;
    }

    #[test]
    fn action_is_understood_by_both(
        id: u8, method in methods(), many in prop::collection::vec((methods(), encoded()), 0..5),
        block: u32, last: bool, value in encoded(), code: u8,
    ) {
        let (invoke_id, data_block) = (InvokeId(id), DataBlock { last, number: block, raw: &value });
        let (methods, values): (Vec<_>, Vec<_>) = many.into_iter().unzip();
        let values = list(&values);
        let parameters = Values::from_bytes(&values).unwrap();
        for parameter in [None, Some(&value[..])] {
            agree(&AnyActionRequest::Normal(ActionRequest { invoke_id, method, parameter }))?;
        }
        agree(&AnyActionRequest::NextPblock { invoke_id, block })?;
        agree(&AnyActionRequest::WithFirstPblock { invoke_id, method, block: data_block })?;
        agree(&AnyActionRequest::WithPblock { invoke_id, block: data_block })?;
        agree(&AnyActionRequest::WithListAndFirstPblock { invoke_id, methods: methods.clone(), block: data_block })?;
        agree(&AnyActionRequest::WithList { invoke_id, methods, parameters })?;
        let result = ActionResult::from_code(code);
        for returned in [None, Some(Ok(&value[..])), Some(Err(DataAccessResult::from_code(code)))] {
            agree(&AnyActionResponse::Normal(ActionResponse { invoke_id, result, returned }))?;
        }
        agree(&AnyActionResponse::WithPblock { invoke_id, block: data_block })?;
        agree(&AnyActionResponse::NextPblock { invoke_id, block })?;
        let outcomes = [&[0xC7, 3, id, 3, code, 0, 0, 1, 0][..], &value, &[code, 1, 1, code]].concat();
        agree(&AnyActionResponse::from_bytes(&outcomes).unwrap())?;
    }

    #[test]
    fn access_is_understood_by_both(
        id: u32, many in prop::collection::vec((attributes(), encoded(), 0u8..3, any::<u8>()), 0..6),
    ) {
        // The other puts a flag ahead of the selector of an operation; the choice has already said that there is one.
        let mut many = many;
        many.iter_mut().for_each(|(attribute, ..)| attribute.selector = None);
        let operation = |(attribute, _, kind, _): &(AttributeRequest, Vec<u8>, u8, u8)| match kind {
            0 => AccessOperation::Get(attribute.clone()),
            1 => AccessOperation::Set(attribute.clone()),
            _ => {
                let (class_id, logical_name) = (attribute.class_id, attribute.logical_name);
                AccessOperation::Action(MethodRequest { class_id, logical_name, method: attribute.attribute })
            }
        };
        let result = |(_, _, kind, code): &(AttributeRequest, Vec<u8>, u8, u8)| match kind {
            0 => OperationResult::Get(DataAccessResult::from_code(*code)),
            1 => OperationResult::Set(DataAccessResult::from_code(*code)),
            _ => OperationResult::Action(ActionResult::from_code(*code)),
        };
        let operations: Vec<_> = many.iter().map(operation).collect();
        let values = list(&many.iter().map(|(_, value, ..)| value.clone()).collect::<Vec<_>>());
        let (invoke_id, data) = (LongInvokeId(id), Values::from_bytes(&values).unwrap());
        let times = [None, Some(ClockTime::from_octets([7, 0xEA, 11, 22, 7, 5, 17, 7, 0, 0xFF, 0xC4, 0]))];
        for date_time in times {
            agree(&AccessRequest { invoke_id, date_time, operations: operations.clone(), data })?;
            let results: Vec<_> = many.iter().map(result).collect();
            for operations in [None, Some(operations.clone())] {
                agree(&AccessResponse { invoke_id, date_time, operations, data, results: results.clone() })?;
            }
        }
    }

    #[test]
    fn notifications_blocks_and_errors_are_understood_by_both(
        id: u32, value in encoded(), attribute in attributes(), number: u16, acknowledged: u16, window in 0u8..64,
        last: bool, streaming: bool,
    ) {
        let times = [None, Some(ClockTime::from_octets([7, 0xEA, 11, 22, 7, 5, 17, 7, 0, 0xFF, 0xC4, 0]))];
        let attribute = AttributeRequest { selector: None, ..attribute };
        for date_time in times {
            agree(&DataNotification { invoke_id: LongInvokeId(id), date_time, body: &value })?;
            agree(&EventNotification { time: date_time, attribute: attribute.clone(), value: &value })?;
        }
        agree(&GeneralBlockTransfer { last, streaming, window, number, acknowledged, piece: &value })?;
        for service in [ServiceError::PduTooLong, ServiceError::OtherReason, ServiceError::InvocationCounter(id)] {
            agree(&ExceptionResponse { state: StateError::ServiceNotAllowed, service })?;
        }
    }
}
