//! The published vectors, and what an attacker on the wire would try.

use super::*;
use proptest::prelude::*;

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter_map(|c| char::from(c).to_digit(16)).map(|d| d as u8).collect();
    digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

fn keying(suite: Suite) -> Keying {
    let bytes: Vec<u8> = (1..=(suite.key_bytes() + suite.salt_bytes()) as u8).collect();
    Keying::new(suite, &bytes).unwrap()
}

fn rtp(sequence: u16, ssrc: u32, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x80, 0];
    packet.extend(sequence.to_be_bytes());
    packet.extend([0, 0, 1, 0]);
    packet.extend(ssrc.to_be_bytes());
    packet.extend(payload);
    packet
}

fn rtcp(ssrc: u32) -> Vec<u8> {
    let mut packet = vec![0x80, 201, 0, 1];
    packet.extend(ssrc.to_be_bytes());
    packet.extend([0x81, 203, 0, 1, 1, 2, 3, 4]);
    packet
}

fn protected(sender: &mut Sender, packet: &[u8]) -> Option<Vec<u8>> {
    let mut buffer = packet.to_vec();
    buffer.resize(packet.len() + OVERHEAD_MAX, 0xEE);
    let length = sender.protect(&mut buffer, packet.len())?;
    buffer.truncate(length);
    Some(buffer)
}

fn protected_control(sender: &mut Sender, packet: &[u8]) -> Vec<u8> {
    let mut buffer = packet.to_vec();
    buffer.resize(packet.len() + OVERHEAD_MAX, 0xEE);
    let length = sender.protect_control(&mut buffer, packet.len()).unwrap();
    buffer.truncate(length);
    buffer
}

fn opened(receiver: &mut Receiver, packet: &[u8]) -> Result<Vec<u8>, DropCause> {
    let mut buffer = packet.to_vec();
    let length = receiver.unprotect(&mut buffer)?;
    buffer.truncate(length);
    Ok(buffer)
}

fn opened_control(receiver: &mut Receiver, packet: &[u8]) -> Result<Vec<u8>, DropCause> {
    let mut buffer = packet.to_vec();
    let length = receiver.unprotect_control(&mut buffer)?;
    buffer.truncate(length);
    Ok(buffer)
}

/// RFC 3711 appendix B.3.
const B3: &str = "E1F97A0D3E018BE0D64FA32C06DE4139 0EC675AD498AFEEBB6960B3AABE6";

#[test]
fn session_keys_are_those_of_rfc_3711_appendix_b() {
    let keying = Keying::new(Suite::AesCm128HmacSha1_80, &hex(B3)).unwrap();
    assert_eq!(
        keying.derive::<16>(keying::Label::Encryption).to_vec(),
        hex("C61E7A93744F39EE10734AFE3FF7A087")
    );
    assert_eq!(keying.derive::<14>(keying::Label::Salt).to_vec(), hex("30CBBC08863D8C85D49DB34A9AE1"));
    let proof = "CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4";
    assert_eq!(keying.derive::<20>(keying::Label::Proof).to_vec(), hex(proof));
}

#[test]
fn the_keystream_is_that_of_rfc_3711_appendix_b() {
    use hmac::KeyInit;
    let key: [u8; 16] = hex("2B7E151628AED2A6ABF7158809CF4F3C").try_into().unwrap();
    let iv: [u8; 16] = hex("F0F1F2F3F4F5F6F7F8F9FAFBFCFD0000").try_into().unwrap();
    let mut stream = vec![0; 0xFF02 * 16];
    keying::keystream(&aes::Aes128::new(&key.into()), iv, &mut stream);
    assert_eq!(stream[..16], hex("E03EAD0935C95E80E166B16DD92B4EB4"));
    assert_eq!(stream[16..32], hex("D23513162B02D0F72A43A2FE4A5F97AB"));
    assert_eq!(stream[0xFF00 * 16..0xFF01 * 16], hex("362B7C3C6773516318A077D7FC5073AE"));
    assert_eq!(stream[0xFF01 * 16..], hex("6A2CC3787889374FBEB4C81B17BA6C44"));
}

/// The packets of libsrtp's `srtp_driver` (`srtp_validate`), with the key of RFC 3711 appendix B.3.
#[test]
fn counter_mode_agrees_with_libsrtp() {
    let keying = Keying::new(Suite::AesCm128HmacSha1_80, &hex(B3)).unwrap();
    let plain = [hex("800f1234decafbadcafebabe"), vec![0xAB; 16]].concat();
    let secret = hex("800f1234decafbadcafebabe 4e55dc4ce79978d88ca4d215949d2402 b78d6acc99ea179b8dbb");
    assert_eq!(protected(&mut Sender::new(&keying), &plain), Some(secret.clone()));
    assert_eq!(opened(&mut Receiver::new(&keying), &secret), Ok(plain));

    let report = [hex("81c8000bcafebabe"), vec![0xAB; 16]].concat();
    let secret = hex("81c8000bcafebabe 7128035be487b9bdbef89041f977a5a8 80000001 993e08cd54d6c1230798");
    let mut sender = Sender::new(&keying);
    sender.control_index = 1;
    assert_eq!(protected_control(&mut sender, &report), secret);
    assert_eq!(opened_control(&mut Receiver::new(&keying), &secret), Ok(report));
}

/// The packets of libsrtp's `srtp_driver` (`srtp_validate_gcm`): key derivation from a salt of twelve bytes included.
#[test]
fn gcm_agrees_with_libsrtp() {
    let key: Vec<u8> = (0..16).chain(0xA0..=0xAB).collect();
    let keying = Keying::new(Suite::AeadAes128Gcm, &key).unwrap();
    let plain = [hex("800f1234decafbadcafebabe"), vec![0xAB; 16]].concat();
    let secret =
        hex("800f1234decafbadcafebabe c5002ede04cfdd2eb91159e0880aa06e d2976826f796b201df3131a127e8a392");
    assert_eq!(protected(&mut Sender::new(&keying), &plain), Some(secret.clone()));
    assert_eq!(opened(&mut Receiver::new(&keying), &secret), Ok(plain));

    let report = [hex("81c8000bcafebabe"), vec![0xAB; 16]].concat();
    let secret =
        hex("81c8000bcafebabe c98b8b5df0392a55852b6c21ac8e7025 c52c6fbea2b3b446ea31123ba88ce61e 80000001");
    let mut sender = Sender::new(&keying);
    sender.control_index = 1;
    assert_eq!(protected_control(&mut sender, &report), secret);
    assert_eq!(opened_control(&mut Receiver::new(&keying), &secret), Ok(report));
}

/// RFC 7714 §16.1.1, §16.2.1, §17.1 and §17.2, which give session keys.
#[test]
fn gcm_agrees_with_rfc_7714() {
    let salt = *b"Quid pro quo";
    let key: [u8; 32] = std::array::from_fn(|n| n as u8);
    let short: [u8; 16] = std::array::from_fn(|n| n as u8);
    let plain =
        [hex("8040f17b8041f8d35501a0b2"), b"Gallia est omnis divisa in partes tres".to_vec()].concat();
    let report = hex(
        "81c8000d4d6172734e5450314e545032525450200000042a0000e9304c756e61deadbeefdeadbeefdeadbeefdeadbeefdeadbeef",
    );
    let wanted = [
        (
            Cipher::gcm128(short, salt),
            "8040f17b8041f8d35501a0b2f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf8833\
             899d7f27beb16a9152cf765ee4390cce",
            "81c8000d4d61727363e94885dcdab67ca727d7662f6b7e997ff5c0f76c06f32dc676a5f1730d6fda4ce09b4686303ded0bb9275b\
             c84aa45896cf4d2fc5abf87245d9eade800005d4",
        ),
        (
            Cipher::gcm256(key, salt),
            "8040f17b8041f8d35501a0b232b1de78a822fe12ef9f78fa332e33aab18012389a58e2f3b50b2a0276ffae0f1ba63799b87b\
             7aa3db36dfffd6b0f9bb7878d7a76c13",
            "81c8000d4d617273d50ae4d1f5ce5d304ba297e47d470c282c3ece5dbffe0a50a2eaa5c1110555be8415f658c61de0476f1b6fad\
             1d1eb30c4446839f57ff6f6cb26ac3be800005d4",
        ),
    ];
    for (cipher, secret, secret_report) in wanted {
        let mut buffer = [plain.clone(), vec![0; 16]].concat();
        assert_eq!(cipher.seal_packet(&mut buffer, 12, 50, 0x5501_A0B2, 0xF17B), Some(66));
        assert_eq!(buffer, hex(secret));
        assert_eq!(cipher.open_packet(&mut buffer, 12, 0x5501_A0B2, 0xF17B), Ok(50));
        assert_eq!(buffer[..50], plain);
        let mut buffer = [report.clone(), vec![0; 20]].concat();
        assert_eq!(cipher.seal_control(&mut buffer, 52, 0x4D61_7273, 0x8000_05D4), Some(72));
        assert_eq!(buffer, hex(secret_report));
        assert_eq!(cipher.open_control(&mut buffer, 0x4D61_7273, 0x8000_05D4), Ok(52));
        assert_eq!(buffer[..52], report);
    }
}

#[test]
fn what_is_protected_is_read_again_in_every_suite() {
    for suite in Suite::ALL {
        let (mut sender, mut receiver) = (Sender::new(&keying(suite)), Receiver::new(&keying(suite)));
        // Over two wraps of the sequence number, with loss: the rollovers are counted on both sides.
        for n in (65_000..200_000_u32).step_by(777) {
            let packet = rtp(n as u16, 7, &[n as u8; 160]);
            let secret = protected(&mut sender, &packet).unwrap();
            assert_ne!(secret[12..172], packet[12..]);
            assert_eq!(opened(&mut receiver, &secret), Ok(packet));
            let report = protected_control(&mut sender, &rtcp(7));
            assert_eq!(opened_control(&mut receiver, &report), Ok(rtcp(7)));
        }
    }
}

#[test]
fn tags_are_as_long_as_the_suite_says() {
    let lengths = Suite::ALL.map(|suite| {
        let mut sender = Sender::new(&keying(suite));
        let report = protected_control(&mut sender, &rtcp(7)).len() - rtcp(7).len();
        (protected(&mut sender, &rtp(1, 7, &[0; 20])).unwrap().len() - 32, report)
    });
    assert_eq!(lengths, [(16, 20), (16, 20), (10, 14), (4, 14)]);
}

#[test]
fn a_packet_that_comes_twice_is_taken_once() {
    for suite in Suite::ALL {
        let (mut sender, mut receiver) = (Sender::new(&keying(suite)), Receiver::new(&keying(suite)));
        let packets: Vec<_> =
            (0..100).map(|n| protected(&mut sender, &rtp(n, 7, &[1; 20])).unwrap()).collect();
        for packet in packets.iter().rev() {
            assert!(opened(&mut receiver, packet).is_ok(), "in any order");
        }
        for packet in &packets {
            assert_eq!(opened(&mut receiver, packet), Err(DropCause::Replayed));
        }
        let report = protected_control(&mut sender, &rtcp(7));
        assert!(opened_control(&mut receiver, &report).is_ok());
        assert_eq!(opened_control(&mut receiver, &report), Err(DropCause::Replayed));
    }
}

#[test]
fn one_bit_changed_anywhere_is_found_and_nothing_is_learned_from_it() {
    for suite in Suite::ALL {
        let (mut sender, mut receiver) = (Sender::new(&keying(suite)), Receiver::new(&keying(suite)));
        let packet = protected(&mut sender, &rtp(40_000, 7, &[1; 20])).unwrap();
        let report = protected_control(&mut sender, &rtcp(7));
        for bit in 0..packet.len() * 8 {
            let mut forged = packet.clone();
            forged[bit / 8] ^= 1 << (bit % 8);
            assert!(opened(&mut receiver, &forged).is_err(), "bit {bit}");
        }
        for bit in 0..report.len() * 8 {
            let mut forged = report.clone();
            forged[bit / 8] ^= 1 << (bit % 8);
            assert!(opened_control(&mut receiver, &forged).is_err(), "bit {bit}");
        }
        assert!(receiver.sources.index(7, |newest| newest).is_none(), "no source is known yet");
        assert!(opened(&mut receiver, &packet).is_ok() && opened_control(&mut receiver, &report).is_ok());
    }
}

#[test]
fn another_key_proves_nothing() {
    for suite in Suite::ALL {
        let other = Keying::new(suite, &vec![9; suite.key_bytes() + suite.salt_bytes()]).unwrap();
        let packet = protected(&mut Sender::new(&other), &rtp(1, 7, &[1; 20])).unwrap();
        let mut receiver = Receiver::new(&keying(suite));
        assert_eq!(opened(&mut receiver, &packet), Err(DropCause::Unauthenticated));
        assert!(opened(&mut receiver, &rtp(1, 7, &[1; 160])).is_err(), "plain RTP is not taken either");
    }
}

#[test]
fn no_number_is_ever_used_twice() {
    let mut sender = Sender::new(&keying(Suite::AeadAes128Gcm));
    assert!(protected(&mut sender, &rtp(5, 7, &[1; 20])).is_some());
    assert_eq!(protected(&mut sender, &rtp(5, 7, &[2; 20])), None);
    assert!(protected(&mut sender, &rtp(4, 7, &[1; 20])).is_some(), "late, but new");
    assert!(protected(&mut sender, &rtp(5, 8, &[1; 20])).is_some(), "another source");
}

#[test]
fn reports_that_are_not_encrypted_are_not_believed() {
    let keying = keying(Suite::AeadAes128Gcm);
    let mut open = protected_control(&mut Sender::new(&keying), &rtcp(7));
    let at = open.len() - 4;
    open[at] &= 0x7F;
    assert_eq!(opened_control(&mut Receiver::new(&keying), &open), Err(DropCause::Unauthenticated));
}

#[test]
fn a_header_with_extension_and_sources_stays_readable() {
    let mut packet = rtp(9, 7, &[]);
    packet[0] = 0x92;
    packet.extend([0, 0, 0, 1, 0, 0, 0, 2, 0xBE, 0xDE, 0, 1, 1, 2, 3, 4]);
    packet.extend([0x55; 20]);
    for suite in Suite::ALL {
        let secret = protected(&mut Sender::new(&keying(suite)), &packet).unwrap();
        assert_eq!(secret[..28], packet[..28]);
        assert_ne!(secret[28..48], packet[28..]);
        assert_eq!(opened(&mut Receiver::new(&keying(suite)), &secret).as_ref(), Ok(&packet));
    }
}

#[test]
fn a_buffer_without_room_is_refused() {
    for suite in Suite::ALL {
        let mut packet = rtp(9, 7, &[1; 20]);
        let length = packet.len();
        assert_eq!(Sender::new(&keying(suite)).protect(&mut packet, length), None);
        assert_eq!(Sender::new(&keying(suite)).protect_control(&mut rtcp(7), 16), None);
        assert_eq!(Sender::new(&keying(suite)).protect(&mut packet, length + 1), None);
    }
}

#[test]
fn keys_have_exact_lengths_and_are_never_shown() {
    for suite in Suite::ALL {
        let right = suite.key_bytes() + suite.salt_bytes();
        assert!(Keying::new(suite, &vec![0x5A; right]).is_some());
        assert!(Keying::new(suite, &vec![0x5A; right - 1]).is_none());
        assert!(Keying::new(suite, &vec![0x5A; right + 1]).is_none());
        let keying = Keying::new(suite, &vec![0x5A; right]).unwrap();
        let shown = format!("{keying:?} {:?} {:?}", Sender::new(&keying), Receiver::new(&keying));
        assert!(!shown.contains("90") && !shown.to_lowercase().contains("5a"), "{shown}");
        assert_eq!(Suite::from_name(suite.name()), Some(suite));
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic_or_pass(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        for suite in Suite::ALL {
            let mut receiver = Receiver::new(&keying(suite));
            prop_assert!(opened(&mut receiver, &bytes).is_err());
            prop_assert!(opened_control(&mut receiver, &bytes).is_err());
            let mut buffer = bytes.clone();
            let _ = Sender::new(&keying(suite)).protect(&mut buffer, bytes.len());
            let _ = Sender::new(&keying(suite)).protect_control(&mut buffer, bytes.len());
        }
    }

    #[test]
    fn any_packet_comes_through_whole(first in 0x80_u8..0xC0, rest in proptest::collection::vec(any::<u8>(), 0..200)) {
        let packet = [&[first][..], &rest].concat();
        for suite in Suite::ALL {
            if let Some(secret) = protected(&mut Sender::new(&keying(suite)), &packet) {
                prop_assert_eq!(opened(&mut Receiver::new(&keying(suite)), &secret), Ok(packet.clone()));
            }
        }
    }
}
