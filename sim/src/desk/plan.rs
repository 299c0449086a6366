//! The test plan of a meter on a desk: which clients there are, how they prove themselves, under what keys.

use super::certificates;
use dlms::security::{
    Certificate, Curve, HashFunction, KeyId, KeyPairs, KeyUse, PrivateKey, PublicKey, Secret,
    SecurityContext, Suite, SystemTitle,
};
use dlms::server::{Access, AssociationConfig, Ciphering, ServerAuthentication, ServerPersist};

/// The clients that a meter knows, one association each.
#[derive(Clone, Debug)]
pub struct TestPlan {
    /// The title that clients are told to have. The meter takes any other one as well, except its own.
    pub client_title: SystemTitle,
    /// The clients.
    pub clients: Vec<PlannedClient>,
    /// By whose key images have to be signed; without it the meter takes none.
    pub image_key: Option<PublicKey>,
}

/// A client of the plan.
#[derive(Clone, Debug)]
pub struct PlannedClient {
    /// Its number: the wrapper port, the HDLC address.
    pub client: u16,
    /// How it proves itself.
    pub proof: PlannedProof,
    /// What it may do.
    pub access: Access,
    /// The keys of its ciphered context; without them it speaks in the clear.
    pub keys: Option<PlannedKeys>,
}

/// How a client proves itself.
#[derive(Clone, Debug)]
pub enum PlannedProof {
    /// Not at all.
    None,
    /// With a password, mechanism 1.
    Lls(Secret),
    /// With a secret and a hash, mechanisms 3, 4 and 6.
    Hash(HashFunction, Secret),
    /// With the keys of its ciphered context, mechanism 5.
    Gmac,
    /// With nothing but the keys of its ciphered context, if it has one: its association is there without being opened.
    PreEstablished,
    /// With signatures, mechanism 7.
    Ecdsa {
        /// The key of the meter.
        server: PrivateKey,
        /// The key of the client.
        client: ClientKey,
    },
}

/// A key of a client: the meter needs its public half, the client itself both.
#[derive(Clone, Debug)]
pub enum ClientKey {
    /// Both halves.
    Pair(PrivateKey),
    /// The half that the meter needs.
    Public(PublicKey),
}

impl ClientKey {
    /// The half that the meter needs.
    pub fn public(&self) -> PublicKey {
        match self {
            Self::Pair(key) => key.public_key(),
            Self::Public(key) => key.clone(),
        }
    }
}

/// The keys of a ciphered context.
#[derive(Clone, Debug)]
pub struct PlannedKeys {
    /// The suite.
    pub suite: Suite,
    /// Global unicast encryption key, as long as the suite says.
    pub encryption: Secret,
    /// Global authentication key, as long as the suite says.
    pub authentication: Secret,
    /// Master key, under which the others may be transferred.
    pub master: Option<Secret>,
    /// Keys with which others are agreed: that of the meter, that of the client.
    pub agreement: Option<(PrivateKey, ClientKey)>,
}

impl TestPlan {
    /// The associations of the plan with a meter of this title, which has certificates for the keys of both ends.
    ///
    /// # Errors
    /// The clients whose keys are not as long as their suite says, or that have none where their proof needs them.
    pub(super) fn associations(&self, meter: &SystemTitle) -> Result<Vec<AssociationConfig>, u16> {
        let associations = self
            .clients
            .iter()
            .map(|planned| planned.association(&[*meter, self.client_title]).ok_or(planned.client));
        associations.collect()
    }
}

impl TestPlan {
    /// Takes note of a key that a client has changed: the plan is to show what is in force.
    pub(super) fn renew(&mut self, record: &ServerPersist) {
        let title = self.client_title;
        let of = |client_sap: u16| move |planned: &&mut PlannedClient| planned.client == client_sap;
        match record {
            ServerPersist::Key { client_sap, id, key } => {
                let planned = self.clients.iter_mut().find(of(*client_sap));
                planned
                    .and_then(|planned| planned.keys.as_mut())
                    .into_iter()
                    .for_each(|keys| keys.renew(*id, key));
            }
            ServerPersist::KeyPair { client_sap, key_use, private } => {
                let planned = self.clients.iter_mut().find(of(*client_sap));
                planned
                    .and_then(|planned| planned.pair(*key_use))
                    .into_iter()
                    .for_each(|(server, _)| *server = private.clone());
            }
            ServerPersist::Certificate { client_sap, certificate } if *certificate.title() == title => {
                let planned = self.clients.iter_mut().find(of(*client_sap));
                let pair = planned.and_then(|planned| planned.pair(certificate.key_use()));
                // Whoever has the private half of another key has not told the meter.
                if let Some((_, client)) = pair.filter(|(_, client)| client.public() != *certificate.key()) {
                    *client = ClientKey::Public(certificate.key().clone());
                }
            }
            _ => {}
        }
    }
}

impl Default for TestPlan {
    /// Clients 16, 17, 1, 2, 3, 4 and 102 with the example keys of the Green Book, which everybody knows. Images are signed with the
    /// signing key of client 3.
    fn default() -> Self {
        let (client_title, clients) = (built_in::CLIENT_TITLE, built_in::clients());
        Self { client_title, clients, image_key: Some(built_in::image_key()) }
    }
}

impl PlannedClient {
    fn association(&self, titles: &Titles) -> Option<AssociationConfig> {
        Some(AssociationConfig {
            client_sap: self.client,
            authentication: self.authentication(titles)?,
            access: self.access,
            pre_established: self.keys.is_none() && matches!(self.proof, PlannedProof::PreEstablished),
        })
    }

    fn authentication(&self, titles: &Titles) -> Option<ServerAuthentication> {
        let keys = match &self.keys {
            None => None,
            Some(keys) => Some(keys.context(&self.proof, titles)?),
        };
        let ciphering = keys.clone().map(|keys| Ciphering { keys, last_client_counter: None });
        Some(match &self.proof {
            PlannedProof::None => ServerAuthentication::None,
            PlannedProof::PreEstablished => match keys {
                None => ServerAuthentication::None,
                Some(keys) => {
                    let [_, client_title] = *titles;
                    ServerAuthentication::PreEstablished { keys, client_title, last_client_counter: None }
                }
            },
            PlannedProof::Lls(password) => {
                ServerAuthentication::Lls { password: password.clone(), ciphering }
            }
            PlannedProof::Hash(hash, secret) => {
                ServerAuthentication::HlsHash { hash: *hash, secret: secret.clone(), ciphering }
            }
            PlannedProof::Gmac => ServerAuthentication::HlsGmac { keys: keys?, last_client_counter: None },
            PlannedProof::Ecdsa { server, client } => {
                ServerAuthentication::HlsEcdsa { own: server.clone(), client: client.public(), ciphering }
            }
        })
    }
}

impl PlannedClient {
    /// The keys for signatures, or those for agreement.
    const fn pair(&mut self, key_use: KeyUse) -> Option<(&mut PrivateKey, &mut ClientKey)> {
        match (key_use, &mut self.proof, &mut self.keys) {
            (KeyUse::Signature, PlannedProof::Ecdsa { server, client }, _)
            | (KeyUse::Agreement, _, Some(PlannedKeys { agreement: Some((server, client)), .. })) => {
                Some((server, client))
            }
            _ => None,
        }
    }
}

impl PlannedKeys {
    fn renew(&mut self, id: KeyId, key: &Secret) {
        match id {
            KeyId::Unicast => self.encryption = key.clone(),
            KeyId::Authentication => self.authentication = key.clone(),
            KeyId::Master => self.master = Some(key.clone()),
            // The meter has no broadcast key of the plan.
            KeyId::Broadcast => {}
        }
    }

    fn context(&self, proof: &PlannedProof, titles: &Titles) -> Option<SecurityContext> {
        let Self { suite, encryption, authentication, master, agreement } = self;
        let mut pairs = KeyPairs::default();
        if let PlannedProof::Ecdsa { server, client } = proof {
            (pairs.signing, pairs.peer_signing) = (Some(server.clone()), Some(client.public()));
        }
        if let Some((server, client)) = agreement {
            (pairs.agreement, pairs.peer_agreement) = (Some(server.clone()), Some(client.public()));
        }
        pairs.authority = suite.curve().map(|curve| certificates::authority(curve).public_key());
        let certificates = certified(&pairs, titles);
        let context = SecurityContext::build(*suite, encryption.octets(), authentication.octets()).ok()?;
        let context = match master {
            None => context,
            Some(master) => context.with_master_key(master.octets()).ok()?,
        };
        Some(context.with_key_pairs(pairs).with_certificates(certificates))
    }
}

/// Of the meter and of the client.
type Titles = [SystemTitle; 2];

/// Certificates for the keys of the meter and for those that it knows of the client.
fn certified(pairs: &KeyPairs, [meter, client]: &Titles) -> Vec<Certificate> {
    let own = |key: &Option<PrivateKey>| key.as_ref().map(PrivateKey::public_key);
    let held = [
        (meter, KeyUse::Signature, own(&pairs.signing)),
        (meter, KeyUse::Agreement, own(&pairs.agreement)),
        (client, KeyUse::Signature, pairs.peer_signing.clone()),
        (client, KeyUse::Agreement, pairs.peer_agreement.clone()),
    ];
    let certificates = (1..).zip(held).filter_map(|(serial, (title, key_use, key))| {
        certificates::certificate(serial, title, key_use, &key?)
    });
    certificates.collect()
}

/// What everybody knows: the example keys of the Green Book, and keys made of the names of what they are for.
mod built_in {
    use super::*;

    /// \[GB, examples; confidence A\].
    pub(super) const CLIENT_TITLE: SystemTitle = [0x4D, 0x4D, 0x4D, 0x00, 0x00, 0xBC, 0x61, 0x4E];
    /// The password and the secret of the hash.
    const PASSWORD: &[u8] = b"12345678";

    pub(super) fn clients() -> Vec<PlannedClient> {
        let client = |client, proof, access, keys| PlannedClient { client, proof, access, keys };
        let password = || Secret::new(PASSWORD);
        let sha_256 = PlannedProof::Hash(HashFunction::Sha256, password());
        Vec::from([
            client(16, PlannedProof::None, Access::Public, None),
            client(17, PlannedProof::Lls(password()), Access::Reading, None),
            client(1, PlannedProof::Gmac, Access::Management, Some(keys(Suite::Zero, 0x00))),
            client(2, sha_256, Access::Reading, None),
            client(3, ecdsa(Curve::P256), Access::Management, Some(keys(Suite::One, 0x00))),
            client(4, ecdsa(Curve::P384), Access::Management, Some(keys(Suite::Two, 0x00))),
            client(102, PlannedProof::PreEstablished, Access::Reading, Some(keys(Suite::Zero, 0x20))),
        ])
    }

    pub(super) fn image_key() -> PublicKey {
        pair(Curve::P256, key_names::CLIENT_SIGNING).public_key()
    }

    /// The encryption key counts from `first`: two clients under one key would use its counters twice.
    fn keys(suite: Suite, first: u8) -> PlannedKeys {
        let counting =
            |first: u8| (0..suite.key_len() as u8).map(|n| first.wrapping_add(n)).collect::<Vec<_>>();
        let master: Vec<u8> = (0..suite.key_len() as u8).map(|n| n % 16 * 0x11).collect();
        PlannedKeys {
            suite,
            encryption: Secret::new(&counting(first)),
            authentication: Secret::new(&counting(0xD0)),
            master: Some(Secret::new(&master)),
            agreement: suite.curve().map(|curve| {
                (
                    pair(curve, key_names::SERVER_AGREEMENT),
                    ClientKey::Pair(pair(curve, key_names::CLIENT_AGREEMENT)),
                )
            }),
        }
    }

    fn ecdsa(curve: Curve) -> PlannedProof {
        PlannedProof::Ecdsa {
            server: pair(curve, key_names::SERVER_SIGNING),
            client: ClientKey::Pair(pair(curve, key_names::CLIENT_SIGNING)),
        }
    }

    /// Numbers of private keys, for P-256 and for P-384.
    mod key_names {
        type Numbers = ([u8; 32], [u8; 48]);
        pub(super) const CLIENT_SIGNING: &Numbers = &(CS_256, CS_384);
        pub(super) const SERVER_SIGNING: &Numbers = &(SS_256, SS_384);
        pub(super) const CLIENT_AGREEMENT: &Numbers = &(CA_256, CA_384);
        pub(super) const SERVER_AGREEMENT: &Numbers = &(SA_256, SA_384);
        /// \[GB, examples of suite 1; confidence B\].
        const CS_256: [u8; 32] = [
            0x41, 0x80, 0x73, 0xC2, 0x39, 0xFA, 0x61, 0x25, 0x01, 0x1D, 0xE4, 0xD6, 0xCD, 0x2E, 0x64, 0x57,
            0x80, 0x28, 0x9F, 0x76, 0x1B, 0xB2, 0x1B, 0xFB, 0x08, 0x35, 0xCB, 0x55, 0x85, 0xE8, 0xB3, 0x73,
        ];
        /// \[GB, examples of suite 1; confidence B\].
        const SS_256: [u8; 32] = [
            0xAE, 0x55, 0x41, 0x4F, 0xFE, 0x07, 0x9F, 0x9F, 0xC9, 0x56, 0x49, 0x53, 0x6B, 0xD1, 0xC2, 0xB5,
            0x65, 0x3D, 0x20, 0x08, 0x13, 0x72, 0x7E, 0x07, 0xD5, 0x01, 0xA8, 0xB5, 0x50, 0xC6, 0x92, 0x07,
        ];
        /// \[GB, examples of suite 1; confidence B\].
        const CA_256: [u8; 32] = [
            0xA5, 0x1C, 0x16, 0xFF, 0x5C, 0x49, 0x8F, 0xCC, 0x89, 0x32, 0x3D, 0x4A, 0x92, 0x67, 0xCD, 0x71,
            0xBF, 0x81, 0xFD, 0x6F, 0x6A, 0x89, 0x1C, 0xD2, 0x40, 0xDA, 0x7F, 0x3D, 0x6F, 0x28, 0x3E, 0x65,
        ];
        /// \[GB, examples of suite 1; confidence B\].
        const SA_256: [u8; 32] = [
            0xAA, 0xD3, 0xFD, 0x07, 0x32, 0xE9, 0x91, 0xCF, 0x52, 0xA7, 0x4C, 0x66, 0xC1, 0xF2, 0x82, 0x7D,
            0xDC, 0x53, 0x52, 0x2A, 0x2E, 0x0A, 0x16, 0x9D, 0x7C, 0x4F, 0xFC, 0xC0, 0xFB, 0x5D, 0x6A, 0x4D,
        ];
        /// SHA-384 of `DLMS test plan, suite 2, client signing key`.
        const CS_384: [u8; 48] = [
            0x55, 0x76, 0x5C, 0xC4, 0x19, 0xA0, 0x0E, 0x47, 0x6C, 0x4D, 0xEE, 0x4E, 0x89, 0x5F, 0xA1, 0xD4,
            0x33, 0x79, 0x2D, 0x9C, 0x2E, 0x7D, 0x4E, 0x3A, 0x74, 0x35, 0xDB, 0x40, 0x1E, 0x1A, 0xD6, 0xDA,
            0xC4, 0x97, 0xED, 0xF1, 0x5B, 0x01, 0x8C, 0x08, 0x9E, 0x1C, 0xC5, 0x87, 0x82, 0xC3, 0x34, 0x99,
        ];
        /// SHA-384 of `DLMS test plan, suite 2, server signing key`.
        const SS_384: [u8; 48] = [
            0x21, 0x73, 0xF5, 0x9F, 0xBE, 0xBC, 0xD5, 0xA7, 0x3C, 0x48, 0xEA, 0x15, 0x68, 0xB6, 0x34, 0xB0,
            0xED, 0xF8, 0xC1, 0x99, 0xEA, 0x5B, 0x1A, 0x7F, 0x41, 0xD5, 0x39, 0x7F, 0x9E, 0x75, 0x9F, 0xBA,
            0x89, 0x9E, 0xCB, 0xB6, 0xA9, 0x57, 0x4D, 0x57, 0xD2, 0x4B, 0xC8, 0x56, 0xC8, 0x20, 0x48, 0x75,
        ];
        /// SHA-384 of `DLMS test plan, suite 2, client agreement key`.
        const CA_384: [u8; 48] = [
            0x84, 0xB2, 0x91, 0x00, 0xC6, 0xB6, 0xAD, 0x8A, 0xF0, 0x24, 0x5F, 0x4F, 0x25, 0x0E, 0xEF, 0x3C,
            0xCB, 0x1B, 0xD6, 0x31, 0x61, 0x58, 0x45, 0xA2, 0xAD, 0x7D, 0x28, 0x18, 0xB7, 0x98, 0x26, 0x6B,
            0xFE, 0xED, 0x65, 0xEB, 0x1E, 0x99, 0x06, 0x66, 0x54, 0x44, 0xCD, 0xDB, 0x13, 0x6D, 0xF8, 0xB2,
        ];
        /// SHA-384 of `DLMS test plan, suite 2, server agreement key`.
        const SA_384: [u8; 48] = [
            0x2D, 0xBE, 0x3D, 0x21, 0x33, 0x84, 0x6D, 0x48, 0x58, 0x49, 0x34, 0x5E, 0xF0, 0xFF, 0x31, 0x28,
            0x03, 0xF9, 0xC2, 0x48, 0xF2, 0x70, 0x9B, 0x88, 0x2C, 0xB4, 0x11, 0x69, 0x5F, 0xFC, 0xED, 0x94,
            0x3A, 0x72, 0xFE, 0x7B, 0x1F, 0x4F, 0xAA, 0x43, 0x98, 0x97, 0x50, 0x65, 0x54, 0xE7, 0x28, 0x33,
        ];
    }

    fn pair(curve: Curve, (p256, p384): &([u8; 32], [u8; 48])) -> PrivateKey {
        let octets = if curve == Curve::P256 { &p256[..] } else { &p384[..] };
        PrivateKey::from_octets(curve, octets).expect("a number below the order of the curve")
    }
}
