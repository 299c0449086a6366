//! The client that hears what meters push.

use dlms::security::SecurityContext;
use dlms::server::{Access, AssociationConfig, ServerAuthentication};
use meter::MeterKeys;

/// The client that hears pushes without ever opening an association, with the keys of the meter \[IDIS package 2; confidence C\].
pub(crate) const LISTENER: i8 = 102;

/// Its association.
pub(crate) fn listener(keys: &MeterKeys) -> AssociationConfig {
    let authentication = ServerAuthentication::PreEstablished {
        keys: SecurityContext::new(&keys.encryption.0, &keys.authentication.0),
        client_title: collector::AssociationParameters::default().client_title,
        last_client_counter: None,
    };
    AssociationConfig {
        client_sap: LISTENER as u16,
        authentication,
        access: Access::Reading,
        pre_established: false,
    }
}
