//! Values of attributes and parameters as types: what is read can be written, what is written can be read.

use crate::apdu::DataAccessResult;
use crate::axdr::{Data, Encoder};
use crate::cosem::{CaptureObject, ClockTime, Date, LogicalName, ScalerUnit, Time};
use crate::specs::objects::ANY_LEN_MAX;
use alloc::vec::Vec;

/// A type that stands in an attribute or a parameter: a client reads attributes and builds parameters with it,
/// a server takes and gives them.
pub trait Value: Sized {
    /// From a checked value; `None` when it is of another type or beyond the bounds of this one.
    fn from_data(data: &Data<'_>) -> Option<Self>;

    /// Writes one value.
    fn encode(&self, out: &mut Encoder<'_>);

    /// From one whole encoded value, as a response brings it.
    fn from_value(encoded: &[u8]) -> Option<Self> {
        Self::from_data(&Data::from_bytes(encoded).ok()?)
    }

    /// One whole encoded value, as a request wants it.
    fn to_value(&self) -> Vec<u8> {
        let mut value = Vec::new();
        self.encode(&mut Encoder::new(&mut value, usize::MAX));
        value
    }
}

macro_rules! scalars {
    ($($type:ty, $variant:ident, $write:ident;)+) => {
        $(impl Value for $type {
            fn from_data(data: &Data<'_>) -> Option<Self> {
                match *data {
                    Data::$variant(value) => Some(value),
                    _ => None,
                }
            }
            fn encode(&self, out: &mut Encoder<'_>) {
                out.$write(*self);
            }
        })+
    };
}

scalars! {
    bool, Boolean, boolean;
    i8, I8, i8;
    i16, I16, i16;
    i32, I32, i32;
    i64, I64, i64;
    u8, U8, u8;
    u16, U16, u16;
    u32, U32, u32;
    u64, U64, u64;
}

/// An enum, whatever its number means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Enumerated(pub u8);

impl Value for Enumerated {
    fn from_data(data: &Data<'_>) -> Option<Self> {
        if let Data::Enum(number) = *data { Some(Self(number)) } else { None }
    }
    fn encode(&self, out: &mut Encoder<'_>) {
        out.enumeration(self.0);
    }
}

impl Value for LogicalName {
    fn from_data(data: &Data<'_>) -> Option<Self> {
        octets(data)?.try_into().ok().map(Self)
    }
    fn encode(&self, out: &mut Encoder<'_>) {
        out.logical_name(*self);
    }
}

impl Value for ClockTime {
    fn from_data(data: &Data<'_>) -> Option<Self> {
        octets(data)?.try_into().ok().map(Self::from_octets)
    }
    fn encode(&self, out: &mut Encoder<'_>) {
        out.clock_time(self);
    }
}

impl Value for Date {
    fn from_data(data: &Data<'_>) -> Option<Self> {
        octets(data)?.try_into().ok().map(Self::from_octets)
    }
    fn encode(&self, out: &mut Encoder<'_>) {
        out.octet_string(&self.octets());
    }
}

impl Value for Time {
    fn from_data(data: &Data<'_>) -> Option<Self> {
        octets(data)?.try_into().ok().map(Self::from_octets)
    }
    fn encode(&self, out: &mut Encoder<'_>) {
        out.octet_string(&self.octets());
    }
}

impl Value for ScalerUnit {
    fn from_data(data: &Data<'_>) -> Option<Self> {
        Self::from_data(data)
    }
    fn encode(&self, out: &mut Encoder<'_>) {
        self.encode(out);
    }
}

impl Value for CaptureObject {
    fn from_data(data: &Data<'_>) -> Option<Self> {
        Self::from_data(data)
    }
    fn encode(&self, out: &mut Encoder<'_>) {
        self.encode(out);
    }
}

const fn octets<'a>(data: &Data<'a>) -> Option<&'a [u8]> {
    match *data {
        Data::OctetString(octets) => Some(octets),
        _ => None,
    }
}

/// An octet-string of at most `MAX` octets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Octets<const MAX: usize>(Vec<u8>);

impl<const MAX: usize> Octets<MAX> {
    /// The octets, if they are not too many.
    pub fn new(octets: &[u8]) -> Option<Self> {
        (octets.len() <= MAX).then(|| Self(octets.to_vec()))
    }

    /// The octets.
    pub fn as_slice(&self) -> &[u8] {
        &self.0
    }
}

impl<const MAX: usize> Value for Octets<MAX> {
    fn from_data(data: &Data<'_>) -> Option<Self> {
        Self::new(octets(data)?)
    }
    fn encode(&self, out: &mut Encoder<'_>) {
        out.octet_string(&self.0);
    }
}

/// An octet-string of so many octets, neither more nor fewer; such as an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OctetsOf<const LEN: usize>(pub [u8; LEN]);

impl<const LEN: usize> Value for OctetsOf<LEN> {
    fn from_data(data: &Data<'_>) -> Option<Self> {
        octets(data)?.try_into().ok().map(Self)
    }
    fn encode(&self, out: &mut Encoder<'_>) {
        out.octet_string(&self.0);
    }
}

/// A bit-string of at most `MAX` bits; bits beyond its length are not set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bits<const MAX: usize> {
    len: usize,
    octets: Vec<u8>,
}

impl<const MAX: usize> Bits<MAX> {
    /// `len` bits, none set; no more than `MAX`.
    pub fn zeros(len: usize) -> Self {
        let len = len.min(MAX);
        Self { len, octets: alloc::vec![0; len.div_ceil(8)] }
    }

    /// The bits of `set`, from the first.
    pub fn of(set: &[bool]) -> Self {
        let mut bits = Self::zeros(set.len());
        set.iter().enumerate().for_each(|(n, &is_set)| bits.put(n, is_set));
        bits
    }

    /// Number of bits.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no bit.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether bit `n`, from 0, is set.
    pub fn has(&self, n: usize) -> bool {
        n < self.len && self.octets[n / 8] & 0x80 >> (n % 8) != 0
    }

    /// Sets or clears bit `n`; one that does not exist stays so.
    pub fn put(&mut self, n: usize, is_set: bool) {
        if n < self.len {
            let mask = 0x80 >> (n % 8);
            let octet = &mut self.octets[n / 8];
            *octet = if is_set { *octet | mask } else { *octet & !mask };
        }
    }

    /// The bits that are set.
    pub fn ones(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.len).filter(|&n| self.has(n))
    }
}

impl<const MAX: usize> Value for Bits<MAX> {
    fn from_data(data: &Data<'_>) -> Option<Self> {
        match *data {
            Data::BitString(bits) if bits.len <= MAX => {
                Some(Self { len: bits.len, octets: bits.octets.to_vec() })
            }
            _ => None,
        }
    }
    fn encode(&self, out: &mut Encoder<'_>) {
        out.bit_string(self.len, &self.octets);
    }
}

/// An array of at most `MAX` elements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List<T, const MAX: usize>(Vec<T>);

impl<T, const MAX: usize> Default for List<T, MAX> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T, const MAX: usize> List<T, MAX> {
    /// The elements, if they are not too many.
    pub fn new(elements: Vec<T>) -> Option<Self> {
        (elements.len() <= MAX).then_some(Self(elements))
    }

    /// The elements.
    pub fn as_slice(&self) -> &[T] {
        &self.0
    }

    /// Walks the elements.
    pub fn iter(&self) -> core::slice::Iter<'_, T> {
        self.0.iter()
    }

    /// Number of elements.
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Puts `element` in the place of the one that `is_same`, or behind the last; returns whether there was
    /// room.
    pub fn put(&mut self, element: T, is_same: impl Fn(&T) -> bool) -> bool {
        let place = self.0.iter().position(is_same);
        match place {
            Some(place) => self.0[place] = element,
            None if self.0.len() < MAX => self.0.push(element),
            None => return false,
        }
        true
    }

    /// Removes what is not to be kept; returns whether anything was.
    pub fn retain(&mut self, keep: impl FnMut(&T) -> bool) -> bool {
        let before = self.0.len();
        self.0.retain(keep);
        self.0.len() < before
    }

    pub(crate) fn iter_mut(&mut self) -> core::slice::IterMut<'_, T> {
        self.0.iter_mut()
    }
}

impl<T: Value, const MAX: usize> Value for List<T, MAX> {
    fn from_data(data: &Data<'_>) -> Option<Self> {
        let elements = data.as_array().filter(|elements| elements.len() <= MAX)?;
        elements.iter().map(|element| T::from_data(&element)).collect::<Option<_>>().map(Self)
    }
    fn encode(&self, out: &mut Encoder<'_>) {
        out.array(self.0.len());
        self.0.iter().for_each(|element| element.encode(out));
    }
}

/// A value of any type of at most [`ANY_LEN_MAX`] octets, kept as it stands on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnyValue(Vec<u8>);

impl Default for AnyValue {
    fn default() -> Self {
        Self(Vec::from([0]))
    }
}

impl AnyValue {
    /// Of a value of known type; null-data if it is too long.
    pub fn of(value: &impl Value) -> Self {
        let encoded = value.to_value();
        if encoded.len() <= ANY_LEN_MAX { Self(encoded) } else { Self::default() }
    }

    /// The value.
    pub fn data(&self) -> Data<'_> {
        Data::from_bytes(&self.0).unwrap_or(Data::Null)
    }

    /// The value as an integer.
    pub fn number(&self) -> Option<i64> {
        self.data().as_i64()
    }

    /// Whether the value has the type of `data`.
    pub fn is_like(&self, data: &Data<'_>) -> bool {
        self.data().is_like(data)
    }
}

impl Value for AnyValue {
    fn from_data(data: &Data<'_>) -> Option<Self> {
        let mut encoded = Vec::new();
        let mut out = Encoder::new(&mut encoded, ANY_LEN_MAX);
        out.data(data);
        out.finish().ok().map(|()| Self(encoded))
    }
    fn encode(&self, out: &mut Encoder<'_>) {
        out.data(&self.data());
    }
}

/// What a server says to a value of the right type that it cannot hold.
pub(crate) const BEYOND_BOUNDS: DataAccessResult = DataAccessResult::OtherReason;

/// A structure on the wire as a struct.
macro_rules! structure {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $type,)+
        }

        impl $crate::classes::Value for $name {
            fn from_data(data: &$crate::axdr::Data<'_>) -> Option<Self> {
                let fields = data.as_structure()?;
                let mut values = fields.iter();
                $(let $field = <$type as $crate::classes::Value>::from_data(&values.next()?)?;)+
                values.next().is_none().then_some(Self { $($field),+ })
            }
            fn encode(&self, out: &mut $crate::axdr::Encoder<'_>) {
                out.structure([$(stringify!($field)),+].len());
                $($crate::classes::Value::encode(&self.$field, out);)+
            }
        }
    };
}

/// An enum on the wire as an enum; numbers without a name are no value.
macro_rules! enumeration {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $code:expr),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
        }

        impl $name {
            /// The number on the wire.
            pub const fn code(self) -> u8 {
                match self {
                    $(Self::$variant => $code,)+
                }
            }
        }

        impl $crate::classes::Value for $name {
            fn from_data(data: &$crate::axdr::Data<'_>) -> Option<Self> {
                let $crate::axdr::Data::Enum(code) = *data else { return None };
                [$(Self::$variant),+].into_iter().find(|variant| variant.code() == code)
            }
            fn encode(&self, out: &mut $crate::axdr::Encoder<'_>) {
                out.enumeration(self.code());
            }
        }
    };
}

pub(crate) use {enumeration, structure};

#[cfg(test)]
mod tests {
    #![allow(unreachable_pub)] // the macro writes public fields
    use super::*;
    use proptest::prelude::*;

    structure! {
        /// Some of everything.
        Mixture {
            /// An integer.
            number: i16,
            /// Octets.
            octets: Octets<4>,
            /// Numbers.
            list: List<u8, 3>,
            /// Bits.
            bits: Bits<12>,
        }
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(
            number: i16, octets in prop::collection::vec(any::<u8>(), 0..=4),
            list in prop::collection::vec(any::<u8>(), 0..=3), bits in prop::collection::vec(any::<bool>(), 0..=12),
        ) {
            let mixture = Mixture {
                number, octets: Octets::new(&octets).unwrap(), list: List::new(list).unwrap(), bits: Bits::of(&bits),
            };
            prop_assert_eq!(Mixture::from_value(&mixture.to_value()), Some(mixture.clone()));
            let (any, encoded) = (AnyValue::of(&mixture), mixture.to_value());
            prop_assert_eq!(any.data(), Data::from_bytes(&encoded).unwrap());
        }

        #[test]
        fn any_octets_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            if let Some(mixture) = Mixture::from_value(&bytes) {
                prop_assert_eq!(Mixture::from_value(&mixture.to_value()), Some(mixture));
            }
        }
    }

    #[test]
    fn bounds_are_kept_and_other_types_refused() {
        assert_eq!(Octets::<2>::from_value(&[9, 3, 1, 2, 3]), None);
        assert_eq!(List::<u8, 1>::from_value(&[1, 2, 17, 1, 17, 2]), None);
        assert_eq!(Bits::<8>::from_value(&[4, 9, 0, 0]), None);
        assert_eq!((u16::from_value(&[17, 1]), u16::from_value(&[18, 0, 1])), (None, Some(1)));
        let long = Data::OctetString(&[7; ANY_LEN_MAX]);
        assert_eq!(AnyValue::from_data(&long), None);
        let mut list = List::<u8, 2>::default();
        assert!(list.put(1, |n| *n == 1) && list.put(2, |n| *n == 2) && list.put(1, |n| *n == 1));
        assert!(!list.put(3, |n| *n == 3));
        assert_eq!(list.as_slice(), [1, 2]);
    }
}
