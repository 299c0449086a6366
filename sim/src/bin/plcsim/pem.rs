//! Keys for signatures and agreement as PEM files.

use crate::street::Failure;
use dlms::security::{PrivateKey, PublicKey};
use p256::pkcs8::{EncodePrivateKey, EncodePublicKey, LineEnding};
use sim::desk::{ClientKey, PlannedProof, TestPlan};
use std::path::Path;

/// Writes `client-N-USE.key` (PKCS #8) where it is known, `client-N-USE.pub` and `meter-N-USE.pub` (SubjectPublicKeyInfo) for each
/// client N that has keys for USE, `signing` or `agreement`.
pub(crate) fn write(folder: &Path, plan: &TestPlan) -> Result<(), Failure> {
    std::fs::create_dir_all(folder).map_err(|error| failed(folder, &error))?;
    for planned in &plan.clients {
        if let PlannedProof::Ecdsa { server, client } = &planned.proof {
            pair(folder, planned.client, "signing", server, client)?;
        }
        if let Some((server, client)) = planned.keys.as_ref().and_then(|keys| keys.agreement.as_ref()) {
            pair(folder, planned.client, "agreement", server, client)?;
        }
    }
    Ok(())
}

fn pair(
    folder: &Path,
    n: u16,
    key_use: &str,
    server: &PrivateKey,
    client: &ClientKey,
) -> Result<(), Failure> {
    if let ClientKey::Pair(key) = client {
        file(&folder.join(format!("client-{n}-{key_use}.key")), private(key))?;
    }
    file(&folder.join(format!("client-{n}-{key_use}.pub")), public(&client.public()))?;
    file(&folder.join(format!("meter-{n}-{key_use}.pub")), public(&server.public_key()))
}

fn private(key: &PrivateKey) -> Option<String> {
    let text = match key {
        PrivateKey::P256(key) => key.to_pkcs8_pem(LineEnding::LF),
        PrivateKey::P384(key) => key.to_pkcs8_pem(LineEnding::LF),
    };
    text.ok().map(|text| text.to_string())
}

fn public(key: &PublicKey) -> Option<String> {
    match key {
        PublicKey::P256(key) => key.to_public_key_pem(LineEnding::LF).ok(),
        PublicKey::P384(key) => key.to_public_key_pem(LineEnding::LF).ok(),
    }
}

fn file(path: &Path, text: Option<String>) -> Result<(), Failure> {
    let text = text.ok_or_else(|| failed(path, &"this key has no PEM"))?;
    std::fs::write(path, text).map_err(|error| failed(path, &error))
}

fn failed(path: &Path, reason: &dyn std::fmt::Display) -> Failure {
    Failure::Keys { path: path.to_owned(), reason: reason.to_string() }
}
