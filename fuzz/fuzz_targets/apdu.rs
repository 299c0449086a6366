//! Every APDU of COSEM.
#![no_main]

use dlms::apdu::{
    Aare, Aarq, ActionRequest, ActionResponse, Ciphered, ExceptionResponse, GeneralCiphering, GeneralSigning,
    GetRequest, GetResponse, InitiateRequest, InitiateResponse, Pdu, Rlre, Rlrq, SetRequest, SetResponse,
};
use libfuzzer_sys::fuzz_target;

macro_rules! pdus {
    ($bytes:expr; $($pdu:ident),+ $(,)?) => {
        $(fuzz::round_trip!($bytes, |r: &mut _| $pdu::parse(r), |pdu: &$pdu, w: &mut _| pdu.emit(w));)+
    };
}

fuzz_target!(|bytes: &[u8]| {
    pdus!(bytes; Aarq, Aare, Rlrq, Rlre, InitiateRequest, InitiateResponse, GetRequest, GetResponse);
    pdus!(bytes; SetRequest, SetResponse, ActionRequest, ActionResponse, ExceptionResponse, Ciphered);
    pdus!(bytes; GeneralCiphering, GeneralSigning);
});
