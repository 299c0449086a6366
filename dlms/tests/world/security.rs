//! Both ends of every kind of security.

use dlms::client::*;
use dlms::security::*;
use dlms::server::*;
use plc_core::Seed;

/// How an association is proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    Low,
    Hash(HashFunction),
    Gmac,
    Ecdsa,
}

/// Every one of them.
pub(crate) const PROOFS: [Proof; 6] = [
    Proof::Low,
    Proof::Hash(HashFunction::Md5),
    Proof::Hash(HashFunction::Sha1),
    Proof::Hash(HashFunction::Sha256),
    Proof::Gmac,
    Proof::Ecdsa,
];

/// Every suite.
pub(crate) const SUITES: [Suite; 3] = [Suite::Zero, Suite::One, Suite::Two];

/// The key number `number` of this suite.
pub(crate) fn key(suite: Suite, number: u8) -> Vec<u8> {
    (0..suite.key_len()).map(|n| number.wrapping_mul(37).wrapping_add(n as u8)).collect()
}

/// The private key number `number`.
pub(crate) fn private(curve: Curve, number: u64) -> PrivateKey {
    PrivateKey::random(curve, &mut Seed::from_u64(1000 + number).stream())
}

/// The keys of both ends: a client and a server that know each other.
pub(crate) struct Ends {
    pub(crate) client: SecurityContext,
    pub(crate) server: SecurityContext,
}

impl Ends {
    /// With every kind of key that the suite has.
    pub(crate) fn new(suite: Suite) -> Self {
        let context = || {
            SecurityContext::build(suite, &key(suite, 1), &key(suite, 2))
                .and_then(|context| context.with_master_key(&key(suite, 3)))
                .unwrap()
        };
        let Some(curve) = suite.curve() else { return Self { client: context(), server: context() } };
        let [cs, ca, ss, sa] = [1, 2, 3, 4].map(|number| private(curve, number));
        let client = KeyPairs {
            signing: Some(cs.clone()),
            agreement: Some(ca.clone()),
            peer_signing: Some(ss.public_key()),
            peer_agreement: Some(sa.public_key()),
            authority: None,
        };
        let server = KeyPairs {
            signing: Some(ss),
            agreement: Some(sa),
            peer_signing: Some(cs.public_key()),
            peer_agreement: Some(ca.public_key()),
            authority: None,
        };
        Self { client: context().with_key_pairs(client), server: context().with_key_pairs(server) }
    }

    /// The same under this policy.
    pub(crate) fn with_policy(self, policy: SecurityPolicy) -> Self {
        Self { client: self.client.with_policy(policy), server: self.server.with_policy(policy) }
    }

    /// The same with these readings.
    pub(crate) fn with_interop(self, interop: Interop) -> Self {
        Self { client: self.client.with_interop(interop), server: self.server.with_interop(interop) }
    }
}

/// What both ends are told for this proof, in a ciphered context if there are keys.
pub(crate) fn authentication(
    proof: Proof,
    ends: Option<Ends>,
) -> (ClientAuthentication, ServerAuthentication) {
    let (ck, sk) = ends.map_or((None, None), |ends| (Some(ends.client), Some(ends.server)));
    let ciphering =
        |keys: Option<SecurityContext>| keys.map(|keys| Ciphering { keys, last_client_counter: None });
    let secret = || Secret::new(b"a shared secret");
    match proof {
        Proof::Low => (
            ClientAuthentication::Lls { password: secret(), keys: ck },
            ServerAuthentication::Lls { password: secret(), ciphering: ciphering(sk) },
        ),
        Proof::Hash(hash) => (
            ClientAuthentication::HlsHash { hash, secret: secret(), keys: ck },
            ServerAuthentication::HlsHash { hash, secret: secret(), ciphering: ciphering(sk) },
        ),
        Proof::Gmac => (
            ClientAuthentication::HlsGmac { keys: ck.unwrap() },
            ServerAuthentication::HlsGmac { keys: sk.unwrap(), last_client_counter: None },
        ),
        Proof::Ecdsa => {
            let suite = sk.as_ref().map_or(Suite::One, SecurityContext::suite);
            let curve = suite.curve().unwrap_or(Curve::P256);
            let [client, server] = [11, 12].map(|number| private(curve, number));
            let (client_public, server_public) = (client.public_key(), server.public_key());
            (
                ClientAuthentication::HlsEcdsa { own: client, server: server_public, keys: ck },
                ServerAuthentication::HlsEcdsa {
                    own: server,
                    client: client_public,
                    ciphering: ciphering(sk),
                },
            )
        }
    }
}

/// Octets from hexadecimal digits.
pub(crate) fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}
