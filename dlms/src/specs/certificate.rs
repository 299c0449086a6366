//! Names in certificates \[RFC 5480 2.1.1, RFC 5758 3.2; confidence A\].
#![allow(missing_docs)]

use der::asn1::ObjectIdentifier;

pub const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
pub const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
pub const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
pub const ECDSA_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
pub const ECDSA_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3");
/// A point with both coordinates \[SEC 1 2.3.3; confidence A\].
pub const UNCOMPRESSED: u8 = 4;
