//! Signed tokens (JWS) and the keys they are signed with (JWK).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{self as verify, RsaPublicKeyComponents, UnparsedPublicKey};
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use syncline_types::Result;

use super::{bad, refused};

/// The challenge that goes with a verifier (RFC 7636, `S256`).
pub(super) fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier))
}

/// A key that tokens are signed with.
#[derive(Clone)]
pub(super) struct Key {
    id: Option<String>,
    algorithm: Option<String>,
    material: Material,
}

#[derive(Clone)]
enum Material {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    P256(Vec<u8>),
    P384(Vec<u8>),
    Ed25519(Vec<u8>),
}

/// The keys of a provider; those of a kind that is not known are left out.
pub(super) fn keys(set: Value) -> Result<Vec<Key>> {
    #[derive(Deserialize)]
    struct Set {
        keys: Vec<Value>,
    }
    let set: Set = serde_json::from_value(set).map_err(|e| bad("its keys").because(e))?;
    Ok(set.keys.iter().filter_map(key).collect())
}

fn key(jwk: &Value) -> Option<Key> {
    let text = |name: &str| jwk[name].as_str();
    let bytes = |name: &str| URL_SAFE_NO_PAD.decode(text(name)?).ok();
    if text("use").is_some_and(|purpose| purpose != "sig") {
        return None;
    }
    let point = |size: usize| {
        let (x, y) = (bytes("x")?, bytes("y")?);
        (x.len() == size && y.len() == size).then(|| [&[4], &x[..], &y[..]].concat())
    };
    let material = match (text("kty")?, text("crv")) {
        ("RSA", _) => Material::Rsa { n: bytes("n")?, e: bytes("e")? },
        ("EC", Some("P-256")) => Material::P256(point(32)?),
        ("EC", Some("P-384")) => Material::P384(point(48)?),
        ("OKP", Some("Ed25519")) => Material::Ed25519(bytes("x")?),
        _ => return None,
    };
    let owned = |name: &str| text(name).map(str::to_owned);
    Some(Key { id: owned("kid"), algorithm: owned("alg"), material })
}

impl Key {
    /// Whether this key made the signature. The algorithm has to be one of the key's kind: a token
    /// cannot choose how it is looked at.
    fn made(&self, algorithm: &str, message: &[u8], signature: &[u8]) -> bool {
        if self.algorithm.as_ref().is_some_and(|own| own != algorithm) {
            return false;
        }
        let done = match (&self.material, algorithm) {
            (Material::Rsa { n, e }, _) => {
                let how = match algorithm {
                    "RS256" => &verify::RSA_PKCS1_2048_8192_SHA256,
                    "RS384" => &verify::RSA_PKCS1_2048_8192_SHA384,
                    "RS512" => &verify::RSA_PKCS1_2048_8192_SHA512,
                    "PS256" => &verify::RSA_PSS_2048_8192_SHA256,
                    "PS384" => &verify::RSA_PSS_2048_8192_SHA384,
                    "PS512" => &verify::RSA_PSS_2048_8192_SHA512,
                    _ => return false,
                };
                RsaPublicKeyComponents { n, e }.verify(how, message, signature)
            }
            (Material::P256(key), "ES256") => {
                UnparsedPublicKey::new(&verify::ECDSA_P256_SHA256_FIXED, key)
                    .verify(message, signature)
            }
            (Material::P384(key), "ES384") => {
                UnparsedPublicKey::new(&verify::ECDSA_P384_SHA384_FIXED, key)
                    .verify(message, signature)
            }
            (Material::Ed25519(key), "EdDSA" | "Ed25519") => {
                UnparsedPublicKey::new(&verify::ED25519, key).verify(message, signature)
            }
            _ => return false,
        };
        done.is_ok()
    }
}

/// A signed token, not looked at yet.
pub(super) struct Signed {
    algorithm: String,
    key: Option<String>,
    message: String,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

impl Signed {
    /// Takes a token apart.
    pub(super) fn parse(token: &str) -> Result<Self> {
        #[derive(Deserialize)]
        struct Header {
            alg: String,
            kid: Option<String>,
            crit: Option<Value>,
        }
        let broken = || refused("its token cannot be read");
        let parts: Vec<&str> = token.split('.').collect();
        let [header, payload, signature] = parts[..] else { return Err(broken()) };
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| broken());
        let read: Header = serde_json::from_slice(&decode(header)?).map_err(|_| broken())?;
        if read.crit.is_some() {
            return Err(refused("its token asks for what is not known here"));
        }
        Ok(Self {
            algorithm: read.alg,
            key: read.kid,
            message: format!("{header}.{payload}"),
            payload: decode(payload)?,
            signature: decode(signature)?,
        })
    }

    /// Whether one of the keys is the one it names.
    pub(super) fn names_one_of(&self, keys: &[Key]) -> bool {
        keys.iter().any(|key| self.may_be_of(key))
    }

    fn may_be_of(&self, key: &Key) -> bool {
        self.key.is_none() || key.id.is_none() || self.key == key.id
    }

    /// Refuses it unless one of the keys has signed it.
    pub(super) fn verify(&self, keys: &[Key]) -> Result<()> {
        let message = self.message.as_bytes();
        let made =
            |key: &Key| self.may_be_of(key) && key.made(&self.algorithm, message, &self.signature);
        if keys.iter().any(made) {
            return Ok(());
        }
        Err(refused("its token is not signed by any of its keys"))
    }

    /// What it says.
    pub(super) fn payload(&self) -> &[u8] {
        &self.payload
    }
}

#[cfg(test)]
mod tests {
    use ring::rand::SystemRandom;
    use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
    use serde_json::json;

    use super::*;

    /// A token that a fresh key has signed, and the set that the key is in.
    fn signed(header: &Value, payload: &Value) -> (String, Vec<Key>) {
        let random = SystemRandom::new();
        let how = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let document = EcdsaKeyPair::generate_pkcs8(how, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(how, document.as_ref(), &random).unwrap();
        let point = pair.public_key().as_ref();
        let (x, y) = (&point[1..33], &point[33..]);
        let set = json!({"keys": [{"kty": "oct", "k": "AA"}, {
            "kty": "EC", "crv": "P-256", "kid": "1", "use": "sig",
            "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y),
        }]});
        let encoded = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", encoded(header), encoded(payload));
        let signature = pair.sign(&random, message.as_bytes()).unwrap();
        let signature = URL_SAFE_NO_PAD.encode(signature.as_ref());
        (format!("{message}.{signature}"), keys(set).unwrap())
    }

    #[test]
    fn a_token_is_believed_when_its_key_signed_it_as_it_stands() {
        let payload = json!({"sub": "me"});
        let (token, keys) = signed(&json!({"alg": "ES256", "kid": "1"}), &payload);
        let read = Signed::parse(&token).unwrap();
        read.verify(&keys).unwrap();
        assert_eq!(read.payload(), payload.to_string().as_bytes());
        let (_, others) = signed(&json!({"alg": "ES256", "kid": "1"}), &payload);
        assert!(read.verify(&others).is_err());
        let (another, keys) = signed(&json!({"alg": "ES256", "kid": "2"}), &payload);
        assert!(Signed::parse(&another).unwrap().verify(&keys).is_err());
        // A changed word, another algorithm, and none at all.
        let parts: Vec<&str> = token.split('.').collect();
        let other = URL_SAFE_NO_PAD.encode(json!({"sub": "you"}).to_string());
        let none = URL_SAFE_NO_PAD.encode(json!({"alg": "none"}).to_string());
        let hmac = URL_SAFE_NO_PAD.encode(json!({"alg": "HS256", "kid": "1"}).to_string());
        for forged in [
            format!("{}.{other}.{}", parts[0], parts[2]),
            format!("{none}.{}.", parts[1]),
            format!("{hmac}.{}.{}", parts[1], parts[2]),
        ] {
            assert!(Signed::parse(&forged).unwrap().verify(&keys).is_err(), "{forged}");
        }
        for broken in ["", "a.b", "a.b.c", &format!("{token}.x")] {
            assert!(Signed::parse(broken).is_err(), "{broken}");
        }
    }
}
