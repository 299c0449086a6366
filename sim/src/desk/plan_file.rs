//! The test plan as a file in TOML: what `plcsim meter` prints, and what it takes.
//!
//! ```toml
//! client_title = "4d4d4d0000bc614e"       # 16 hexadecimal digits
//! image_key = "..."                       # public, 128 digits (P-256) or 192 (P-384): who signs images; without it none is taken
//!
//! [[client]]
//! client = 3                              # its number, one table each
//! authentication = "hls-ecdsa"            # none, pre-established, lls, hls-md5, hls-sha1, hls-gmac, hls-sha256, hls-ecdsa
//! access = "management"                   # public, reading or management
//! # password = "..." or secret = "hexadecimal digits": for lls and the hashes
//! suite = 1                               # 0, 1 or 2: a ciphered context; without it, none of the following
//! encryption_key = "..."                  # global unicast key: 32 digits, 64 in suite 2
//! authentication_key = "..."              # the same
//! master_key = "..."                      # the same, optional
//! client_signing_key = "..."              # private, 64 digits (P-256) or 96 (P-384); for hls-ecdsa
//! server_signing_key = "..."              # private
//! client_agreement_key = "..."            # private; both or none, for agreed keys
//! server_agreement_key = "..."
//! # Each client_*_key can be a client_*_public_key (x and y) instead: the meter needs no more.
//! ```

use super::plan::{ClientKey, PlannedClient, PlannedKeys, PlannedProof, TestPlan};
use dlms::security::{Curve, HashFunction, PrivateKey, PublicKey, Secret, Suite};
use dlms::server::Access;
use std::fmt::Write as _;
use toml::{Table, Value};

impl TestPlan {
    /// From the text of a file.
    ///
    /// # Errors
    /// Every fault, a line each: where, and what was expected.
    pub fn from_toml(text: &str) -> Result<Self, Vec<String>> {
        let table: Table = text.parse().map_err(|error: toml::de::Error| {
            Vec::from([format!("{}{}", line(text, &error), error.message())])
        })?;
        let mut faults = Vec::new();
        let mut top = Fields { table: &table, place: String::new(), faults: &mut faults };
        top.knows(&TOP_KEYS);
        let client_title = top.octets("client_title", Some(8));
        let image_key = top.image_key();
        let tables = table.get("client").and_then(Value::as_array).cloned().unwrap_or_default();
        let clients =
            tables.iter().enumerate().filter_map(|(n, value)| client(n, value, &mut faults)).collect();
        if tables.is_empty() {
            faults.push(String::from("client: expected [[client]] tables"));
        }
        let title = client_title.and_then(|title| title.try_into().ok());
        let plan = Self { client_title: title.unwrap_or(Self::default().client_title), clients, image_key };
        let numbers = plan.clients.iter().map(|planned| planned.client);
        if numbers.clone().enumerate().any(|(n, number)| numbers.clone().skip(n + 1).any(|m| m == number)) {
            faults.push(String::from("client: expected each number once"));
        }
        if faults.is_empty() { Ok(plan) } else { Err(faults) }
    }

    /// As a file: everything that the meter and its clients have to know.
    pub fn to_toml(&self) -> String {
        let mut text = format!("client_title = \"{}\"\n", hex(&self.client_title));
        if let Some(key) = &self.image_key {
            let _ = writeln!(text, "image_key = \"{}\"", hex(&key.octets()));
        }
        for planned in &self.clients {
            planned.write(&mut text);
        }
        text
    }
}

impl PlannedClient {
    fn write(&self, text: &mut String) {
        let (authentication, access) = (proof_name(&self.proof), access_name(self.access));
        let _ = write!(
            text,
            "\n[[client]]\nclient = {}\nauthentication = \"{authentication}\"\naccess = \"{access}\"\n",
            self.client
        );
        let mut line = |key: &str, octets: &[u8]| {
            let _ = writeln!(text, "{key} = \"{}\"", hex(octets));
        };
        match &self.proof {
            PlannedProof::Lls(secret) | PlannedProof::Hash(_, secret) => {
                match std::str::from_utf8(secret.octets()) {
                    Ok(password) if password.bytes().all(|octet| octet.is_ascii_alphanumeric()) => {
                        let _ = writeln!(text, "password = \"{password}\"");
                    }
                    _ => line("secret", secret.octets()),
                }
            }
            PlannedProof::Ecdsa { server, client } => write_pair("signing", server, client, &mut line),
            PlannedProof::None | PlannedProof::PreEstablished | PlannedProof::Gmac => {}
        }
        if let Some(keys) = &self.keys {
            keys.write(text);
        }
    }
}

impl PlannedKeys {
    fn write(&self, text: &mut String) {
        let _ = writeln!(text, "suite = {}", self.suite.code());
        let mut line = |key: &str, octets: &[u8]| {
            let _ = writeln!(text, "{key} = \"{}\"", hex(octets));
        };
        line("encryption_key", self.encryption.octets());
        line("authentication_key", self.authentication.octets());
        if let Some(master) = &self.master {
            line("master_key", master.octets());
        }
        if let Some((server, client)) = &self.agreement {
            write_pair("agreement", server, client, &mut line);
        }
    }
}

fn write_pair(kind: &str, server: &PrivateKey, client: &ClientKey, line: &mut impl FnMut(&str, &[u8])) {
    line(&format!("server_{kind}_key"), server.to_secret().octets());
    line(&format!("server_{kind}_public_key"), &server.public_key().octets());
    if let ClientKey::Pair(client) = client {
        line(&format!("client_{kind}_key"), client.to_secret().octets());
    }
    line(&format!("client_{kind}_public_key"), &client.public().octets());
}

/// The line of an error, for a message.
fn line(text: &str, error: &toml::de::Error) -> String {
    let before = error.span().and_then(|span| text.get(..span.start));
    before.map_or_else(String::new, |before| format!("line {}: ", before.matches('\n').count() + 1))
}

/// A table, and what is wrong with it.
struct Fields<'t> {
    table: &'t Table,
    place: String,
    faults: &'t mut Vec<String>,
}

impl Fields<'_> {
    fn fault(&mut self, key: &str, expected: &str) {
        self.faults.push(format!("{}{key}: expected {expected}", self.place));
    }

    /// Any other key is none.
    fn knows(&mut self, keys: &[&str]) {
        let strange = self.table.keys().filter(|key| !keys.contains(&key.as_str()));
        for key in strange {
            self.faults.push(format!(
                "{}{key}: unknown key, expected one of {}",
                self.place,
                keys.join(", ")
            ));
        }
    }

    fn text(&mut self, key: &str) -> Option<String> {
        let value = self.table.get(key)?;
        let text = value.as_str().map(str::to_owned);
        if text.is_none() {
            self.fault(key, "a text");
        }
        text
    }

    /// Octets in hexadecimal digits, so many of them.
    fn octets(&mut self, key: &str, len: Option<usize>) -> Option<Vec<u8>> {
        let text = self.text(key)?;
        let octets = unhex(&text).filter(|octets| len.is_none_or(|len| octets.len() == len));
        if octets.is_none() {
            match len {
                Some(len) => self.fault(key, &format!("{} hexadecimal digits", 2 * len)),
                None => self.fault(key, "hexadecimal digits"),
            }
        }
        octets
    }

    fn due(&mut self, key: &str, len: usize) -> Option<Secret> {
        if !self.table.contains_key(key) {
            self.fault(key, &format!("{} hexadecimal digits", 2 * len));
        }
        self.octets(key, Some(len)).map(|octets| Secret::new(&octets))
    }

    fn private(&mut self, key: &str, curve: Curve) -> Option<PrivateKey> {
        let octets = self.octets(key, Some(curve.coordinate_len()))?;
        let private = PrivateKey::from_octets(curve, &octets).ok();
        if private.is_none() {
            self.fault(key, "a number from 1 and below the order of the curve");
        }
        private
    }

    fn public(&mut self, key: &str, curve: Curve) -> Option<PublicKey> {
        let octets = self.octets(key, Some(curve.pair_len()))?;
        let public = PublicKey::from_octets(curve, &octets).ok();
        if public.is_none() {
            self.fault(key, "a point on the curve");
        }
        public
    }

    /// The key of who signs images, on whichever curve it is.
    fn image_key(&mut self) -> Option<PublicKey> {
        let octets = self.octets("image_key", None)?;
        let on = |curve: Curve| PublicKey::from_octets(curve, &octets).ok();
        let curve = [Curve::P256, Curve::P384].into_iter().find(|curve| curve.pair_len() == octets.len());
        let key = curve.and_then(on);
        if key.is_none() {
            self.fault("image_key", "a point on P-256 or P-384 in 128 or 192 hexadecimal digits");
        }
        key
    }

    /// The keys of both ends for `kind`.
    fn pair(&mut self, kind: &str, curve: Curve) -> Option<(PrivateKey, ClientKey)> {
        let (server, client) = (format!("server_{kind}_key"), format!("client_{kind}_key"));
        let public = format!("client_{kind}_public_key");
        let client = match self.private(&client, curve) {
            Some(key) => Some(ClientKey::Pair(key)),
            None => self.public(&public, curve).map(ClientKey::Public),
        };
        self.private(&server, curve).zip(client)
    }

    fn secret(&mut self) -> Option<Secret> {
        let password = self.text("password").map(|text| Secret::new(text.as_bytes()));
        let secret = password.or_else(|| self.octets("secret", None).map(|octets| Secret::new(&octets)));
        if secret.is_none() {
            self.fault("password", "a text, or secret in hexadecimal digits");
        }
        secret
    }
}

/// What a file may say: also where the meter was found, which is what this program prints and does not read.
const TOP_KEYS: [&str; 8] =
    ["client_title", "image_key", "client", "udp", "wrapper", "hdlc", "logical_device", "system_title"];
/// What it may say of a client.
const CLIENT_KEYS: [&str; 17] = [
    "client",
    "authentication",
    "access",
    "password",
    "secret",
    "suite",
    "encryption_key",
    "authentication_key",
    "master_key",
    "client_signing_key",
    "client_signing_public_key",
    "server_signing_key",
    "server_signing_public_key",
    "client_agreement_key",
    "client_agreement_public_key",
    "server_agreement_key",
    "server_agreement_public_key",
];

fn client(n: usize, value: &Value, faults: &mut Vec<String>) -> Option<PlannedClient> {
    let said = value.get("client").and_then(Value::as_integer);
    let place = match said {
        Some(number) => format!("client {number}: "),
        None => format!("[[client]] {}: ", n + 1),
    };
    let Some(table) = value.as_table() else {
        faults.push(format!("{place}expected a table"));
        return None;
    };
    let mut fields = Fields { table, place, faults };
    fields.knows(&CLIENT_KEYS);
    let number = table.get("client").and_then(Value::as_integer).and_then(|n| u16::try_from(n).ok());
    let number = number.filter(|&number| number > 0);
    if number.is_none() {
        fields.fault("client", "a number from 1 to 65535");
    }
    let access = access(&mut fields);
    let keys = keys(&mut fields);
    let proof = proof(&mut fields, keys.as_ref());
    Some(PlannedClient { client: number?, proof: proof?, access: access?, keys: keys.ok()? })
}

fn access(fields: &mut Fields<'_>) -> Option<Access> {
    let access = match fields.text("access").as_deref() {
        None | Some("reading") => Some(Access::Reading),
        Some("public") => Some(Access::Public),
        Some("management") => Some(Access::Management),
        Some(_) => None,
    };
    if access.is_none() {
        fields.fault("access", "public, reading or management");
    }
    access
}

/// The keys of the ciphered context, if there is one.
fn keys(fields: &mut Fields<'_>) -> Result<Option<PlannedKeys>, Faulty> {
    let Some(suite) = fields.table.get("suite") else { return Ok(None) };
    let suite = suite.as_integer().and_then(|code| u8::try_from(code).ok()).and_then(Suite::from_code);
    let Some(suite) = suite else {
        fields.fault("suite", "0, 1 or 2");
        return Err(Faulty);
    };
    let len = suite.key_len();
    let encryption = fields.due("encryption_key", len);
    let authentication = fields.due("authentication_key", len);
    let master = fields.octets("master_key", Some(len)).map(|octets| Secret::new(&octets));
    let agreement = suite.curve().and_then(|curve| fields.pair("agreement", curve));
    match encryption.zip(authentication) {
        Some((encryption, authentication)) => {
            Ok(Some(PlannedKeys { suite, encryption, authentication, master, agreement }))
        }
        None => Err(Faulty),
    }
}

/// Something was wrong, and has been told.
struct Faulty;

fn proof(fields: &mut Fields<'_>, keys: Result<&Option<PlannedKeys>, &Faulty>) -> Option<PlannedProof> {
    let suite = keys.ok()?.as_ref().map(|keys| keys.suite);
    let hash = |hash| move |secret| PlannedProof::Hash(hash, secret);
    match fields.text("authentication").as_deref() {
        Some("none") if suite.is_none() => Some(PlannedProof::None),
        Some("pre-established") => Some(PlannedProof::PreEstablished),
        Some("lls") => fields.secret().map(PlannedProof::Lls),
        Some("hls-md5") => fields.secret().map(hash(HashFunction::Md5)),
        Some("hls-sha1") => fields.secret().map(hash(HashFunction::Sha1)),
        Some("hls-sha256") => fields.secret().map(hash(HashFunction::Sha256)),
        Some("hls-gmac") if suite.is_some() => Some(PlannedProof::Gmac),
        Some("hls-ecdsa") => signatures(fields, suite),
        Some("none" | "hls-gmac") => {
            fields.fault("suite", "none for authentication none, one for hls-gmac");
            None
        }
        _ => {
            fields.fault(
                "authentication",
                "none, pre-established, lls, hls-md5, hls-sha1, hls-gmac, hls-sha256 or hls-ecdsa",
            );
            None
        }
    }
}

fn signatures(fields: &mut Fields<'_>, suite: Option<Suite>) -> Option<PlannedProof> {
    let curve = suite.map_or(Some(Curve::P256), Suite::curve);
    let pair = curve.and_then(|curve| fields.pair("signing", curve));
    if pair.is_none() {
        fields.fault("server_signing_key", "it and client_signing_key, on the curve of suite 1 or 2");
    }
    let (server, client) = pair?;
    Some(PlannedProof::Ecdsa { server, client })
}

const fn proof_name(proof: &PlannedProof) -> &'static str {
    match proof {
        PlannedProof::None => "none",
        PlannedProof::PreEstablished => "pre-established",
        PlannedProof::Lls(_) => "lls",
        PlannedProof::Hash(HashFunction::Md5, _) => "hls-md5",
        PlannedProof::Hash(HashFunction::Sha1, _) => "hls-sha1",
        PlannedProof::Hash(HashFunction::Sha256, _) => "hls-sha256",
        PlannedProof::Gmac => "hls-gmac",
        PlannedProof::Ecdsa { .. } => "hls-ecdsa",
    }
}

const fn access_name(access: Access) -> &'static str {
    match access {
        Access::Public => "public",
        Access::Reading => "reading",
        Access::Management => "management",
    }
}

pub(super) fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

pub(super) fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    Some(digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_printed_plan_is_read_back() {
        let plan = TestPlan::default();
        let text = plan.to_toml();
        let read = TestPlan::from_toml(&text).expect("read");
        assert_eq!(read.to_toml(), text);
        assert_eq!(read.clients.iter().map(|c| c.client).collect::<Vec<_>>(), [16, 17, 1, 2, 3, 4, 102]);
        assert_eq!(read.associations(b"MTR00001").expect("whole").len(), 7);
        assert!(read.image_key == plan.image_key && plan.image_key.is_some());
        let wrong = TestPlan::from_toml(&text.replacen("image_key = \"", "image_key = \"00", 1))
            .expect_err("too long");
        assert_eq!(wrong, ["image_key: expected a point on P-256 or P-384 in 128 or 192 hexadecimal digits"]);
    }

    #[test]
    fn a_client_whose_private_key_is_not_given_is_known_by_its_public_one() {
        let text = TestPlan::default().to_toml();
        let without: String = text
            .lines()
            .filter(|line| !line.starts_with("client_signing_key"))
            .map(|l| format!("{l}\n"))
            .collect();
        let read = TestPlan::from_toml(&without).expect("read");
        assert_eq!(read.to_toml(), without);
    }

    #[test]
    fn every_fault_of_a_plan_is_named() {
        let text = "client_title = \"00\"\n[[client]]\nclient = 0\nauthentication = \"magic\"\naccess = \"all\"\nfoo = 1\n\
                    [[client]]\nclient = 1\nauthentication = \"hls-gmac\"\nsuite = 0\nencryption_key = \"00\"\n\
                    [[client]]\nclient = 5\nauthentication = \"hls-ecdsa\"\n";
        let faults = TestPlan::from_toml(text).expect_err("faulty").join("\n");
        for expected in [
            "client_title: expected 16 hexadecimal digits",
            "client 0: client: expected a number from 1 to 65535",
            "client 0: foo: unknown key, expected one of client, authentication, access, password,",
            "client 0: access: expected public, reading or management",
            "client 0: authentication: expected none, pre-established, lls,",
            "client 1: encryption_key: expected 32 hexadecimal digits",
            "client 1: authentication_key: expected 32 hexadecimal digits",
            "client 5: server_signing_key: expected it and client_signing_key",
        ] {
            assert!(faults.contains(expected), "{expected} in\n{faults}");
        }
        assert_eq!(TestPlan::from_toml("").expect_err("none"), ["client: expected [[client]] tables"]);
        let unknown = TestPlan::from_toml(&format!("master = 1\n{}", TestPlan::default().to_toml()));
        assert!(
            unknown.expect_err("unknown")[0]
                .starts_with("master: unknown key, expected one of client_title,")
        );
        let unnumbered =
            TestPlan::from_toml("[[client]]\nauthentication = \"none\"\n").expect_err("no number");
        assert_eq!(unnumbered, ["[[client]] 1: client: expected a number from 1 to 65535"]);
        let wrong = TestPlan::from_toml("client_title = \"00\"\nx =\n").expect_err("no TOML");
        assert!(wrong[0].starts_with("line 2: "), "{wrong:?}");
        let printed =
            format!("wrapper = \"127.0.0.1:1\"\nsystem_title = \"00\"\n{}", TestPlan::default().to_toml());
        assert!(TestPlan::from_toml(&printed).is_ok(), "what the meter prints can be given back");
    }
}
