//! Who the client is to a meter that demands proof.

use super::args::{Auth, MeterArgs, SecurityArgs};
use super::state::{Fingerprint, Owner};
use crate::hex::{hex, unhex};
use anyhow::{anyhow, bail};
use dlms::client::ClientAuthentication;
use dlms::security::{
    Curve, HashFunction, KeyPairs, PrivateKey, PublicKey, Secret, SecurityContext, SecurityPolicy, Suite,
    SystemTitle,
};
use std::path::Path;
use toml::{Table, Value};

/// A client, and how it proves itself.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    pub(super) client: u16,
    pub(super) title: SystemTitle,
    /// The title that the meter has to have, where the file or the command line says it.
    pub(super) meter_title: Option<SystemTitle>,
    pub(super) authentication: ClientAuthentication,
    /// Of the encryption key, if there is one.
    pub(super) key: Option<Fingerprint>,
}

impl Identity {
    /// Of the command line.
    pub(super) fn of(args: &MeterArgs) -> anyhow::Result<Self> {
        let SecurityArgs { keys, password, auth, .. } = &args.security;
        let (public, reading, management) =
            args.companion.map_or((PUBLIC_CLIENT, PUBLIC_CLIENT, MANAGEMENT_CLIENT), |family| {
                (family.public_sap, family.reading_sap, family.management_sap)
            });
        let mut identity = match (keys, password) {
            (Some(path), _) => Self::read(path, args.client.unwrap_or(management))?,
            (None, Some(password)) => Self {
                client: args.client.unwrap_or(reading),
                authentication: with_password(*auth, Secret::new(password.as_bytes())),
                ..Self::public()
            },
            (None, None) => Self { client: args.client.unwrap_or(public), ..Self::public() },
        };
        if let Some(title) = args.meter_title {
            identity.expect_title(title)?;
        }
        let is_bare = keys.is_none() && password.is_none();
        if args.pre_established || (is_bare && identity.client == PRE_ESTABLISHED_CLIENT) {
            let (keys, server_title) = (identity.authentication.keys().cloned(), SystemTitle::default());
            identity.authentication = ClientAuthentication::PreEstablished { keys, server_title };
        }
        if args.security.sign {
            identity.sign();
        }
        Ok(identity)
    }

    /// The meter has to have this title, which nobody has said otherwise.
    fn expect_title(&mut self, title: SystemTitle) -> anyhow::Result<()> {
        if let Some(said) = self.meter_title.replace(title).filter(|said| *said != title) {
            bail!(
                "--meter-title {}: system_title of --keys is {}, expected the same",
                hex(&title),
                hex(&said)
            );
        }
        Ok(())
    }

    /// Requests are signed from now on, and answers have to be.
    fn sign(&mut self) {
        let signed = |keys: &mut SecurityContext| *keys = keys.clone().with_policy(SecurityPolicy::SIGNED);
        match &mut self.authentication {
            ClientAuthentication::HlsGmac { keys } => signed(keys),
            ClientAuthentication::Lls { keys, .. }
            | ClientAuthentication::HlsHash { keys, .. }
            | ClientAuthentication::HlsEcdsa { keys, .. }
            | ClientAuthentication::PreEstablished { keys, .. } => keys.iter_mut().for_each(signed),
            ClientAuthentication::None => {}
        }
    }

    /// How it proves itself to the meter of this title.
    pub(super) fn proof(&self, meter: Option<SystemTitle>) -> anyhow::Result<ClientAuthentication> {
        let ClientAuthentication::PreEstablished { keys, .. } = &self.authentication else {
            return Ok(self.authentication.clone());
        };
        let server_title = match meter {
            None if keys.is_some() => bail!(
                "nobody tells the title of the meter where no association is opened: expected --meter-title, or system_title in \
                 the file of --keys"
            ),
            meter => meter.unwrap_or_default(),
        };
        Ok(ClientAuthentication::PreEstablished { keys: keys.clone(), server_title })
    }

    /// Whether there is no AARQ.
    pub(super) const fn is_pre_established(&self) -> bool {
        matches!(self.authentication, ClientAuthentication::PreEstablished { .. })
    }

    /// Whose counters it uses, if it ciphers.
    pub(super) fn owner(&self) -> Option<Owner> {
        Some(Owner { client: self.client, key: self.key?, meter: self.meter_title })
    }

    /// Whoever has no keys.
    pub(super) const fn public() -> Self {
        let authentication = ClientAuthentication::None;
        Self { client: PUBLIC_CLIENT, title: CLIENT_TITLE, meter_title: None, authentication, key: None }
    }

    /// From a file in TOML: the `[[client]]` table of this client, or where there is none of any client, `encryption_key` and
    /// `authentication_key` of suite 0. Other keys are not looked at, so that what a meter says of itself can be given.
    pub(super) fn read(path: &Path, client: u16) -> anyhow::Result<Self> {
        let text = crate::bounded::piped_text(path).map_err(|error| {
            anyhow!("{}: {error}, expected a file of keys in TOML, as plcsim meter prints it", path.display())
        })?;
        Self::parse(path, &text, client)
    }

    /// The same from the text of the file; faults name its path.
    pub(super) fn parse(path: &Path, text: &str, client: u16) -> anyhow::Result<Self> {
        let top: Table = text.parse().map_err(|error: toml::de::Error| {
            anyhow!("{}{}: {}", path.display(), line(text, &error), error.message())
        })?;
        let top = Fields { path, table: &top };
        let title = top.array("client_title")?.unwrap_or(CLIENT_TITLE);
        let meter_title = top.array("system_title")?;
        let fields = match top.table.get("client").and_then(Value::as_array) {
            None => None,
            Some(tables) => {
                let mut tables = tables.iter().filter_map(Value::as_table);
                let is_ours =
                    |table: &&Table| table.get("client").and_then(Value::as_integer) == Some(client.into());
                let table = tables.find(is_ours).ok_or_else(|| {
                    anyhow!("{}: expected a [[client]] with client = {client}", path.display())
                })?;
                if tables.any(|table| is_ours(&table)) {
                    bail!("{}: two [[client]] with client = {client}, expected one", path.display());
                }
                Some(Fields { path, table })
            }
        };
        let authentication = fields.as_ref().map_or_else(|| top.management(), Fields::authentication)?;
        let key = fields.unwrap_or(top).fingerprint()?.filter(|_| authentication.keys().is_some());
        Ok(Self { client, title, meter_title, authentication, key })
    }
}

/// The line of an error, for a message.
fn line(text: &str, error: &toml::de::Error) -> String {
    let before = error.span().and_then(|span| text.get(..span.start));
    before.map_or_else(String::new, |before| format!(", line {}", before.matches('\n').count() + 1))
}

const fn with_password(auth: Auth, secret: Secret) -> ClientAuthentication {
    let hash = match auth {
        Auth::Lls => return ClientAuthentication::Lls { password: secret, keys: None },
        Auth::HlsMd5 => HashFunction::Md5,
        Auth::HlsSha1 => HashFunction::Sha1,
        Auth::HlsSha256 => HashFunction::Sha256,
    };
    ClientAuthentication::HlsHash { hash, secret, keys: None }
}

/// A table of the file.
struct Fields<'t> {
    path: &'t Path,
    table: &'t Table,
}

impl Fields<'_> {
    fn fault(&self, key: &str, expected: &str) -> anyhow::Error {
        anyhow!("{}: {key}: expected {expected}", self.path.display())
    }

    fn octets(&self, key: &str, len: Option<usize>) -> anyhow::Result<Option<Vec<u8>>> {
        let Some(value) = self.table.get(key) else { return Ok(None) };
        let octets =
            value.as_str().and_then(unhex).filter(|octets| len.is_none_or(|len| octets.len() == len));
        octets.map(Some).ok_or_else(|| match len {
            Some(len) => self.fault(key, &format!("{} hexadecimal digits", 2 * len)),
            None => self.fault(key, "hexadecimal digits"),
        })
    }

    fn array<const N: usize>(&self, key: &str) -> anyhow::Result<Option<[u8; N]>> {
        Ok(self.octets(key, Some(N))?.and_then(|octets| octets.try_into().ok()))
    }

    fn due(&self, key: &str, len: usize) -> anyhow::Result<Vec<u8>> {
        self.octets(key, Some(len))?
            .ok_or_else(|| self.fault(key, &format!("{} hexadecimal digits", 2 * len)))
    }

    /// Suite 0 from two keys.
    fn management(&self) -> anyhow::Result<ClientAuthentication> {
        let (Some(encryption), Some(authentication)) =
            (self.array("encryption_key")?, self.array("authentication_key")?)
        else {
            bail!(
                "{}: expected encryption_key and authentication_key, or [[client]] tables",
                self.path.display()
            );
        };
        Ok(ClientAuthentication::HlsGmac { keys: SecurityContext::new(&encryption, &authentication) })
    }

    fn authentication(&self) -> anyhow::Result<ClientAuthentication> {
        let keys = self.context()?;
        let hash = |hash| -> anyhow::Result<_> {
            Ok(ClientAuthentication::HlsHash { hash, secret: self.secret()?, keys: keys.clone() })
        };
        match self.table.get("authentication").and_then(Value::as_str) {
            Some("none") => Ok(ClientAuthentication::None),
            Some("pre-established") => {
                Ok(ClientAuthentication::PreEstablished { keys, server_title: SystemTitle::default() })
            }
            Some("lls") => Ok(ClientAuthentication::Lls { password: self.secret()?, keys }),
            Some("hls-md5") => hash(HashFunction::Md5),
            Some("hls-sha1") => hash(HashFunction::Sha1),
            Some("hls-sha256") => hash(HashFunction::Sha256),
            Some("hls-gmac") => keys
                .map(|keys| ClientAuthentication::HlsGmac { keys })
                .ok_or_else(|| self.fault("suite", "0, 1 or 2")),
            Some("hls-ecdsa") => {
                let curve = keys.as_ref().map_or(Some(Curve::P256), |keys| keys.suite().curve());
                let pair = curve.map(|curve| self.pair("signing", curve)).transpose()?.flatten();
                let (own, server) =
                    pair.ok_or_else(|| self.fault("client_signing_key", "it and server_signing_public_key"))?;
                Ok(ClientAuthentication::HlsEcdsa { own, server, keys })
            }
            _ => Err(self.fault(
                "authentication",
                "none, lls, hls-md5, hls-sha1, hls-gmac, hls-sha256, hls-ecdsa or pre-established",
            )),
        }
    }

    fn secret(&self) -> anyhow::Result<Secret> {
        if let Some(password) = self.table.get("password").and_then(Value::as_str) {
            return Ok(Secret::new(password.as_bytes()));
        }
        let secret = self.octets("secret", None)?.map(|octets| Secret::new(&octets));
        secret.ok_or_else(|| self.fault("password", "a text, or secret in hexadecimal digits"))
    }

    fn suite(&self) -> anyhow::Result<Option<Suite>> {
        let Some(suite) = self.table.get("suite") else { return Ok(None) };
        let suite = suite.as_integer().and_then(|code| u8::try_from(code).ok()).and_then(Suite::from_code);
        suite.map(Some).ok_or_else(|| self.fault("suite", "0, 1 or 2"))
    }

    /// What tells the encryption key from others, if there is one.
    fn fingerprint(&self) -> anyhow::Result<Option<Fingerprint>> {
        let suite = self.suite()?.unwrap_or(Suite::Zero);
        let key = self.octets("encryption_key", Some(suite.key_len()))?;
        Ok(key.map(|key| Fingerprint::of(suite, &key)))
    }

    /// The ciphered context, if there is one.
    fn context(&self) -> anyhow::Result<Option<SecurityContext>> {
        let Some(suite) = self.suite()? else { return Ok(None) };
        let len = suite.key_len();
        let (encryption, authentication) =
            (self.due("encryption_key", len)?, self.due("authentication_key", len)?);
        let wrong = |_| self.fault("encryption_key", "keys of the suite");
        let mut context = SecurityContext::build(suite, &encryption, &authentication).map_err(wrong)?;
        if let Some(master) = self.octets("master_key", Some(len))? {
            context = context.with_master_key(&master).map_err(wrong)?;
        }
        let mut pairs = KeyPairs::default();
        if let Some(curve) = suite.curve() {
            (pairs.signing, pairs.peer_signing) = self.pair("signing", curve)?.unzip();
            (pairs.agreement, pairs.peer_agreement) = self.pair("agreement", curve)?.unzip();
        }
        Ok(Some(context.with_key_pairs(pairs)))
    }

    /// The own private key and the meter's public key for `kind`, where both are there.
    fn pair(&self, kind: &str, curve: Curve) -> anyhow::Result<Option<(PrivateKey, PublicKey)>> {
        let (own, meter) = (format!("client_{kind}_key"), format!("server_{kind}_public_key"));
        let private = self.octets(&own, Some(curve.coordinate_len()))?;
        let public = self.octets(&meter, Some(curve.pair_len()))?;
        let Some((private, public)) = private.zip(public) else { return Ok(None) };
        let private = PrivateKey::from_octets(curve, &private)
            .map_err(|_| self.fault(&own, "a number from 1 and below the order of the curve"))?;
        let public =
            PublicKey::from_octets(curve, &public).map_err(|_| self.fault(&meter, "a point on the curve"))?;
        Ok(Some((private, public)))
    }
}

/// The system title of this program. The daemon has another one: both may have a meter's keys, and a title must not use a
/// counter twice.
const CLIENT_TITLE: SystemTitle = *b"PLCDCCLI";
const PUBLIC_CLIENT: u16 = 16;
const MANAGEMENT_CLIENT: u16 = 1;
/// \[IDIS package 2; confidence C\].
const PRE_ESTABLISHED_CLIENT: u16 = 102;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, client: u16) -> Result<Identity, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("meter.toml");
        std::fs::write(&path, text).unwrap();
        Identity::read(&path, client).map_err(|error| error.to_string())
    }

    #[test]
    fn two_keys_make_a_management_client_and_what_is_wrong_with_them_is_named() {
        let good = "encryption_key = \"00112233445566778899aabbccddeeff\"\nauthentication_key = \"00112233445566778899aabbccddeeff\"\n";
        assert_eq!(read(good, 1).unwrap().title, *b"PLCDCCLI");
        let titled = format!("{good}hdlc = \"1\"\nclient_title = \"4142434445464748\"");
        let identity = read(&titled, 1).unwrap();
        assert_eq!(identity.title, *b"ABCDEFGH");
        assert!(matches!(identity.authentication, ClientAuthentication::HlsGmac { .. }));
        let short = read("encryption_key = \"00\"", 1).unwrap_err();
        assert!(short.ends_with("encryption_key: expected 32 hexadecimal digits"), "{short}");
        assert!(read("", 1).unwrap_err().contains("expected encryption_key and authentication_key"));
    }

    #[test]
    fn the_table_of_the_client_counts_and_no_other() {
        let text = "[[client]]\nclient = 17\nauthentication = \"lls\"\npassword = \"12345678\"\n\
                    [[client]]\nclient = 2\nauthentication = \"hls-sha256\"\nsecret = \"0102\"\n\
                    [[client]]\nclient = 4\nauthentication = \"hls-ecdsa\"\nsuite = 2\nencryption_key = \"00\"\n";
        assert!(matches!(
            read(text, 17).unwrap().authentication,
            ClientAuthentication::Lls { keys: None, .. }
        ));
        let hashed = read(text, 2).unwrap().authentication;
        assert!(matches!(hashed, ClientAuthentication::HlsHash { hash: HashFunction::Sha256, .. }));
        assert!(read(text, 4).unwrap_err().ends_with("encryption_key: expected 64 hexadecimal digits"));
        assert!(read(text, 3).unwrap_err().ends_with("expected a [[client]] with client = 3"));
        let magic = "[[client]]\nclient = 1\nauthentication = \"magic\"";
        assert!(read(magic, 1).unwrap_err().contains("authentication: expected none, lls"));
    }
}
