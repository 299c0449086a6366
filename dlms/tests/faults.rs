//! What goes wrong is an error like any other of the language: with words, and with what is below it.
#![allow(clippy::unwrap_used, reason = "a test")]

use dlms::apdu::{ApplicationContext, AssociationResult, Diagnostic, ExceptionResponse, Pdu};
use dlms::axdr::{EncodeFault, Encoder};
use dlms::client::{AareFault, AnswerFault, ClientFailure};
use dlms::mode_e::OpeningFailure;
use dlms::security::{
    Certificate, Control, Curve, PrivateKey, ProtectFault, Secret, SecurityContext, Suite, unwrap_key,
};
use dlms::server::NotifyFault;
use std::collections::BTreeSet;
use std::error::Error;

fn failures() -> Vec<ClientFailure> {
    let exception = ExceptionResponse::from_bytes(&[0xD8, 0x02, 0x04]).unwrap();
    vec![
        ClientFailure::NoAnswer,
        ClientFailure::Rejected(AssociationResult::from_code(1), Diagnostic::from_code(1)),
        ClientFailure::RejectedByProvider(AssociationResult::from_code(1), 2),
        ClientFailure::Exception(exception),
        ClientFailure::Authentication,
        ClientFailure::Answer(AnswerFault::InvokeId { came: 3, expected: 4 }),
        ClientFailure::Aare(AareFault::Version(5)),
        ClientFailure::TimedOut,
        ClientFailure::NotAValue,
        ClientFailure::TooLong,
        ClientFailure::WrongState,
        ClientFailure::NotNegotiated,
        ClientFailure::Busy,
        ClientFailure::CounterExhausted,
        ClientFailure::KeyMissing,
    ]
}

#[test]
fn every_failure_of_a_client_has_words_of_its_own_and_none_is_a_name_of_the_code() {
    let words: BTreeSet<String> = failures().iter().map(ToString::to_string).collect();
    assert_eq!(words.len(), failures().len(), "{words:#?}");
    for failure in failures() {
        let name = format!("{failure:?}");
        let name = name.split('(').next().unwrap();
        assert!(!failure.to_string().contains(name), "{failure} shows {name}");
    }
}

#[test]
fn a_failure_names_what_came_and_what_was_expected() {
    let answer = ClientFailure::Answer(AnswerFault::InvokeId { came: 3, expected: 4 });
    assert_eq!(answer.to_string(), "the server answers, but with invoke-id 3, expected 4");
    let exception = ExceptionResponse::from_bytes(&[0xD8, 0x02, 0x04]).unwrap();
    assert_eq!(
        ClientFailure::Exception(exception).to_string(),
        "the server says exception-response service-unknown pdu-too-long"
    );
}

#[test]
fn a_failure_leads_to_the_fault_below_it_and_others_have_none() {
    let (came, expected) = (ApplicationContext(3), ApplicationContext(1));
    let context = AareFault::Context { came, expected };
    let failure: Box<dyn Error> = Box::new(ClientFailure::Aare(context));
    let below = failure.source().and_then(|fault| fault.downcast_ref::<AareFault>());
    assert_eq!(below, Some(&context));
    let form: Box<dyn Error> = Box::new(ClientFailure::Answer(AnswerFault::Form));
    assert_eq!(form.source().and_then(|fault| fault.downcast_ref()), Some(&AnswerFault::Form));
    let silent: Box<dyn Error> = Box::new(ClientFailure::NoAnswer);
    assert!(silent.source().is_none());
}

/// What a caller of the crate does with `?`.
fn refusals() -> Vec<Box<dyn Error>> {
    let mut octets = Vec::new();
    let mut encoder = Encoder::new(&mut octets, 64);
    encoder.structure(2);
    encoder.u8(1);
    vec![
        encoder.finish().unwrap_err().into(),
        EncodeFault::TooDeep.into(),
        Certificate::from_der(&[0x30, 0x00]).unwrap_err().into(),
        PrivateKey::from_octets(Curve::P256, &[0; 32]).unwrap_err().into(),
        unwrap_key(&Secret::new(&[7; 16]), b"too short").unwrap_err().into(),
        ProtectFault::Control(Control(0xB0)).into(),
        ProtectFault::Truncated.into(),
        OpeningFailure::NoHdlc.into(),
        NotifyFault::TooManyWaiting.into(),
    ]
}

#[test]
fn what_keys_values_and_lines_refuse_is_an_error_with_words_of_its_own() {
    let words: BTreeSet<String> = refusals().iter().map(ToString::to_string).collect();
    assert_eq!(words.len(), refusals().len(), "{words:#?}");
    assert!(words.contains("a value with more than 16 levels"), "{words:#?}");
    assert!(words.contains("no room for a tag, expected 12 octets of it"), "{words:#?}");
    assert!(words.iter().any(|text| text.starts_with("security control B0, expected")), "{words:#?}");
    let short = SecurityContext::build(Suite::Zero, &[1; 15], &[2; 16]);
    assert!(short.is_err_and(|fault| fault.to_string().contains("16 octets in suites 0 and 1")));
}
