//! Published vectors of the suites with public keys, and of key wrap.
#![allow(clippy::unwrap_used)]

mod world;

use dlms::security::*;
use world::security::hex;

const CLIENT_SIGNING: &str = "418073C239FA6125011DE4D6CD2E645780289F761BB21BFB0835CB5585E8B373";
const CLIENT_SIGNING_PUBLIC: &str = "BAAFFDE06A8CB1C9DAE8D94023C601DBBB249254BA22EDD827E820BCA2BCC64362FBB83D86A82B87BB8B7161D2AAB552\
        1911A946B97A284A90F7785CD9047D25";
const SERVER_SIGNING: &str = "AE55414FFE079F9FC95649536BD1C2B5653D200813727E07D501A8B550C69207";
const SERVER_SIGNING_PUBLIC: &str = "933ACF15B03A9248E029B2787FB52A0AECAF635F07C42A0019FB3197E38F8F549A125EA36781B0CA96BE89A0E1FE2CF9\
        B7361ED48B3C5E24592B9C0F4EDD31D1";
const AGREEMENT_POINT: &str = "2914D60E10AB705F62ED6CC349D7CB99B9AB3F3978E59278C7AF595B3AF987941372DAB6D5AF1FA867E134167E6F23DE\
        664A6693E05F43414611058D1B48F894";
const AGREEMENT_SIGNATURE: &str = "06F0607702AA0E2435A183E2F6B1ECD19629712E389A213610C03F77B2590860EA840AF5C3FA1F2BCDF055D4744E9A01\
        CE9A0E55026BCAA4EEBEB764CED64BB3";
const AGREEMENT_SERVER: &str = "34A8C23A34DBB519D09B245754C85A6CFE05D14A063EFA5AA41545AA8241EFAE";
const AGREEMENT_SERVER_PUBLIC: &str = "95F41066009B185B074F5FFFF736B71C325FCADB2BC0CF1A4F4B17BBE7AB81D62946506BC8169C7B539B39A5D8463787\
        F449C9BD2583FA67A1075B0DBFC638BA";
const AGREEMENT_Z: &str = "C1CF8FE7891AEF3617D7190795E61FE6C24EFC3CCA2E08469BAD1A225CE6EA08";
const AGREEMENT_KEY: &str = "C5F4512846EDE51CFB8CCF59F08A694E";
const ONE_PASS_EPHEMERAL: &str = "47DAB03842E5B6E74828EF4F449B378D7DD1A5DAE1FFCA5AE0B0BE0AD18EC57E";
const SERVER_AGREEMENT: &str = "AAD3FD0732E991CF52A74C66C1F2827DDC53522A2E0A169D7C4FFCC0FB5D6A4D";
const ONE_PASS_POINT: &str = "C323C2BD45711DE4688637D919F92E9DB8FB2DFC213A88D21C9DC8DCBA917D8170511DE1BADB360D50058F794B0960AE\
        11FA28D392CFF907A62D13E3357B1DC0";
const ONE_PASS_Z: &str = "0D4385BA0DD756CBCAB9887EB538396EE8F090A14C1079B4359F115B977F4615";
const ONE_PASS_SIGNATURE: &str = "B51BE089D0B682863B2217201E73A1A9031968A9B4121DCBC3281A69739AF87429F5B3AC5471E7B6A04A2C0F2F8A25FD\
        772A317DF97FC5463FEAC248EB8AB8BE";
const ONE_PASS_KEY: &str = "59A71FD81C929A86A99438DA17A66C058C6A93FD3065F5EE16A05D775927659B";
const CLIENT_AGREEMENT: &str = "A51C16FF5C498FCC89323D4A9267CD71BF81FD6F6A891CD240DA7F3D6F283E65";
const ANSWER_POINT: &str = "6439724714B47CD9CB988897D8424AB946DCD083D37A954637616011B9C2378773295F0F850D8DAFD1BBE9FE666E53E4\
        F097CD10B38B69622152724A90987444";
const ANSWER_Z: &str = "2B4302DC49790E2E78D990CFB52ED6E2F273DECE441A2D95E4301B93812A9FAC";
const ANSWER_SIGNATURE: &str = "E1FF47974A1F6931A6502F58147463F0E8CC517D47F55B0AC56DD8AC5C9D0E481934F2D90F9893016BD82B6E3FFE21FF\
        1588F3278B4E9D98EB4FB62ADD64B380";
const ANSWER_KEY: &str = "F0184BDA9466BFA4601A64A7EF46504A";
const STATIC_Z: &str = "B1455B2AD5F68BCFFE6AD5412BA89548ACA7E0CBF4B1560D6A57496F15E931AD";
const STATIC_KEY: &str = "56C46B57DF675515C31025455822514A";
const ONE_PASS_TEXT: &str = "F435069679270C5BF4425EE5777402A6C8D51C620EED52DBB188378B836E2857D5C053E6DDF27FA87409AEF502CD9618\
        AE47017C010224FD109CC0BEB21E742D44AB40CD11908743EC90EC8C40E221D517F72228E1A26E827F43DC18ED27B5F4\
        58D66508B05A2A4CC6FED178C881AFC3BC67064689BE8BB41C80ABB3C114A31F4CB03B8B64C7E0B4CE77B2399C933478\
        58888F92239713B38DF01C4858245827A92EF334172EA636B31CBBDF2A96AD5D035F66AA38F1A2D97D4BBA99622E6B5F\
        18789CECB2DFB3937D9F3E17F8B472098E6563238F37528374809836002AEA6E7012D2ADFAA7";
const STATIC_TEXT: &str = "607581D83815281B561904E6A72B83BF3FB0B1F2A0A23A82A804B39911F6CB1B4EF9B6F76C6338ED058014FFBF4A13A1\
        62E0EED11EEB8F597757A18215F28E1D3FC2D44586C4B8AFE4500B535B579506CDB925CBEFF7F1CF6BF96C583B9CF588\
        FE8F6B01A574824D7CEC597F057FFA8700AF12AD63A7FA72040439F4392C089B265F9EB1AC308239906DC04E1A8712AB\
        E383CF92349842EBA166EF2E9EB2F53D0DBA025D79875463398BBC3007BC4A6FC12780C21EE1ABF080BF0FA926242834\
        C0AC30D55A1EF8856E7DED48621F17FDF4D5B54EDDADD874119251049B6AEE111C12FBC2FEAF";
const ACCESS_REQUEST: &str = "D94000000000040100010000600100FF020100080000010000FF0202001400000D0000FF0702001400000D0000FF0804\
        000001040203090100090CFFFFFFFFFFFFFF00000000000901FF0203090101090CFFFFFFFFFFFFFF00000000000901FF\
        0203090102090CFFFFFFFFFFFFFF00000000000901FF0203090103090CFFFFFFFFFFFFFF00000000000901FF01040208\
        09010011FF11FF11FF11FF11FF11FF11FF02080901011102110111011101110111011101020809010211FF11FF11FF11\
        FF11FF11FF11FF02080901031101110211021102110211021102";
const LONG_PRIVATE: &str =
    "C838B85253EF8DC7394FA5808A5183981C7DEEF5A69BA8F4F2117FFEA39CFCD90E95F6CBC854ABACAB701D50C1F3CF24";
const LONG_SIGNATURE: &str = "A0C27EC893092DEA1E1BD2CCFED3CF945C8134ED0C9F81311A0F4A05942DB8DBED8DD59F267471D5462AA14FE72DE856\
        20AB3F45B74F10B6E11F96A2C8EB694D206B9DDA86D3C7E331C26B22C987B7537726577667ADADF168EBBE803794A402";
const CLIENT: SystemTitle = [0x4D, 0x4D, 0x4D, 0, 0, 0xBC, 0x61, 0x4E];
const SERVER: SystemTitle = [0x4D, 0x4D, 0x4D, 0, 0, 0, 0, 1];

fn private(text: &str) -> PrivateKey {
    PrivateKey::from_octets(Curve::P256, &hex(text)).unwrap()
}

fn public(text: &str) -> PublicKey {
    PublicKey::from_octets(Curve::P256, &hex(text)).unwrap()
}

#[test]
fn the_published_wrapped_key_comes_out_and_goes_in_again() {
    let kek = Secret::new(&hex("000102030405060708090A0B0C0D0E0F"));
    let key = hex("00112233445566778899AABBCCDDEEFF");
    let wrapped = hex("1FA68B0A8112B447AEF34BD8FB5A7B829D3E862371D2CFE5");
    assert_eq!(wrap_key(&kek, &key), Ok(wrapped.clone()));
    assert_eq!(unwrap_key(&kek, &wrapped), Ok(Secret::new(&key)));
    for at in 0..wrapped.len() {
        let mut wrong = wrapped.clone();
        wrong[at] ^= 1;
        assert_eq!(unwrap_key(&kek, &wrong), Err(WrapFault));
        assert_eq!(unwrap_key(&kek, &wrapped[..at]), Err(WrapFault));
    }
    assert_eq!(unwrap_key(&Secret::new(&[9; 16]), &wrapped), Err(WrapFault));
}

/// RFC 3394, 4.6: 256 bits of key data under a key of 256 bits.
#[test]
fn a_long_key_is_wrapped_under_a_long_one() {
    let kek = Secret::new(&hex("000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F"));
    let key = hex("00112233445566778899AABBCCDDEEFF000102030405060708090A0B0C0D0E0F");
    let wrapped = hex("28C9F404C4B810F4CBCCB35CFB87F8263F5786E2D80ED326CBC7F0E71A99F43BFB988B9B7A02DD21");
    assert_eq!(wrap_key(&kek, &key), Ok(wrapped.clone()));
    assert_eq!(unwrap_key(&kek, &wrapped), Ok(Secret::new(&key)));
}

#[test]
fn public_keys_follow_from_the_published_private_ones() {
    for (key, expected) in [
        (CLIENT_SIGNING, CLIENT_SIGNING_PUBLIC),
        (SERVER_SIGNING, SERVER_SIGNING_PUBLIC),
        (AGREEMENT_SERVER, AGREEMENT_SERVER_PUBLIC),
        (ONE_PASS_EPHEMERAL, ONE_PASS_POINT),
    ] {
        assert_eq!(private(key).public_key(), public(expected));
        assert_eq!(private(key).public_key().octets(), hex(expected));
        assert_eq!(private(key).to_secret().octets(), hex(key));
    }
}

#[test]
fn the_published_signatures_are_right_and_changed_ones_are_not() {
    let mut agreed = vec![0];
    agreed.extend_from_slice(&hex(AGREEMENT_POINT));
    for (key, message, signature) in [
        (CLIENT_SIGNING_PUBLIC, agreed, AGREEMENT_SIGNATURE),
        (CLIENT_SIGNING_PUBLIC, hex(ONE_PASS_POINT), ONE_PASS_SIGNATURE),
        (SERVER_SIGNING_PUBLIC, hex(ANSWER_POINT), ANSWER_SIGNATURE),
    ] {
        let (key, signature) = (public(key), hex(signature));
        assert!(key.verify(&message, &signature));
        assert!(!key.verify(&message[1..], &signature));
        assert!(!key.verify(&message, &signature[1..]) && !key.verify(&message, &[0; 64]));
        let mut wrong = signature.clone();
        wrong[40] ^= 1;
        assert!(!key.verify(&message, &wrong));
    }
}

#[test]
fn a_published_signature_on_the_long_curve_is_right_and_so_are_our_own() {
    let key = PrivateKey::from_octets(Curve::P384, &hex(LONG_PRIVATE)).unwrap();
    let message = b"This is only a test message. It is 48 bytes long";
    assert!(key.public_key().verify(message, &hex(LONG_SIGNATURE)));
    let own = key.sign(message);
    assert_eq!(own.len(), Curve::P384.pair_len());
    assert!(key.public_key().verify(message, &own) && !key.public_key().verify(b"another", &own));
    assert!(!private(CLIENT_SIGNING).public_key().verify(message, &own), "nor on another curve");
}

#[test]
fn both_ends_agree_on_the_published_secrets() {
    let agree = |own: &str, other: &str| private(own).agree(&public(other)).unwrap();
    let server_public = private(SERVER_AGREEMENT).public_key().octets();
    let server = PublicKey::from_octets(Curve::P256, &server_public).unwrap();
    assert_eq!(agree(AGREEMENT_SERVER, AGREEMENT_POINT).octets(), hex(AGREEMENT_Z));
    assert_eq!(agree(SERVER_AGREEMENT, ONE_PASS_POINT).octets(), hex(ONE_PASS_Z));
    assert_eq!(private(ONE_PASS_EPHEMERAL).agree(&server).unwrap().octets(), hex(ONE_PASS_Z));
    assert_eq!(agree(CLIENT_AGREEMENT, ANSWER_POINT).octets(), hex(ANSWER_Z));
    assert_eq!(private(CLIENT_AGREEMENT).agree(&server).unwrap().octets(), hex(STATIC_Z));
    let long = PrivateKey::from_octets(Curve::P384, &hex(LONG_PRIVATE)).unwrap();
    assert_eq!(long.agree(&server), Err(NoKey));
}

#[test]
fn the_published_keys_are_derived() {
    let derive = |z: &str, u: &[u8], v: &[u8]| {
        derive_key(Suite::One, &Secret::new(&hex(z)), u, v, KdfParties::Bare).octets().to_vec()
    };
    let mut with_transaction = hex("080102030405060708");
    with_transaction.extend_from_slice(&SERVER);
    assert_eq!(derive(ONE_PASS_Z, &CLIENT, &SERVER), hex(ONE_PASS_KEY)[..16]);
    assert_eq!(derive(ANSWER_Z, &SERVER, &CLIENT), hex(ANSWER_KEY));
    assert_eq!(derive(STATIC_Z, &CLIENT, &with_transaction), hex(STATIC_KEY));
    assert_eq!(derive(AGREEMENT_Z, &CLIENT, &SERVER), hex(AGREEMENT_KEY));
    let other =
        derive_key(Suite::One, &Secret::new(&hex(ONE_PASS_Z)), &CLIENT, &SERVER, KdfParties::WithLength);
    assert_ne!(other.octets(), &hex(ONE_PASS_KEY)[..16]);
    let long = derive_key(Suite::Two, &Secret::new(&[1; 48]), &CLIENT, &SERVER, KdfParties::Bare);
    assert_eq!(long.octets().len(), 32);
}

/// Encrypted in counter mode under the agreed keys. The tags that were published with them follow from no
/// associated data that is known, see [`GeneralCipheringAad`].
#[test]
fn the_published_cipher_texts_under_agreed_keys_are_deciphered() {
    for (key, text) in [(&ONE_PASS_KEY[..32], ONE_PASS_TEXT), (STATIC_KEY, STATIC_TEXT)] {
        let key: [u8; 16] = hex(key).try_into().unwrap();
        let text = hex(text);
        let context = SecurityContext::suite_1(&key, &[0; 16]);
        let encrypted = Control::ENCRYPTED.under(Suite::One);
        let plain = context.unprotect(encrypted, &CLIENT, 0, &text[..text.len() - 12]).unwrap();
        assert_eq!(plain, hex(ACCESS_REQUEST));
    }
}

/// The numbers are from another implementation of AES-GCM.
#[test]
fn suite_2_protects_as_another_implementation_does() {
    let context = SecurityContext::suite_2(
        &std::array::from_fn(|n| n as u8),
        &std::array::from_fn(|n| 0xD0u8.wrapping_add(n as u8)),
    );
    let control = Control::AUTHENTICATED_ENCRYPTED.under(Suite::Two);
    let plain = hex("C0010000080000010000FF0200");
    let text = context.protect(control, &CLIENT, 0x0123_4567, &plain).unwrap();
    assert_eq!(text, hex("E82B2AD3EE8C12A6FB27038F08442193498C6A53DE55EEB9D2"));
    assert_eq!(context.unprotect(control, &CLIENT, 0x0123_4567, &text), Ok(plain.clone()));
    for other in [Suite::Zero, Suite::One] {
        let fault = Err(ProtectFault::Control(control.under(other)));
        assert_eq!(context.unprotect(control.under(other), &CLIENT, 0x0123_4567, &text), fault);
    }
}

#[test]
fn points_and_numbers_that_are_no_keys_are_refused() {
    assert_eq!(PublicKey::from_octets(Curve::P256, &[1; 64]), Err(NoKey));
    assert_eq!(PublicKey::from_octets(Curve::P256, &hex(ONE_PASS_POINT)[..63]), Err(NoKey));
    assert_eq!(PublicKey::from_octets(Curve::P384, &hex(ONE_PASS_POINT)), Err(NoKey));
    assert!(PrivateKey::from_octets(Curve::P256, &[0; 32]).is_err());
    assert!(PrivateKey::from_octets(Curve::P256, &[0xFF; 32]).is_err());
    assert!(PrivateKey::from_octets(Curve::P256, &[1; 31]).is_err());
}
