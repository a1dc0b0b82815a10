//! Any bytes as a TCP stream: however it is cut into segments, the same messages come out, within the caps, and each is
//! measured the same by the framing and by the codec.

use holdfast::sip::codec::{self, MESSAGE_SIZE_MAX_BYTES};
use holdfast::sip::transport::framing::{Frame, Framer, HEAD_SIZE_MAX_BYTES};

/// All messages, pings left out (how many line ends come together depends on the cuts), and whether the stream broke.
fn cut(bytes: &[u8], sizes: impl Iterator<Item = usize>) -> (Vec<Vec<u8>>, bool) {
    let (mut framer, mut messages, mut rest) = (Framer::new(), Vec::new(), bytes);
    for size in sizes {
        if rest.is_empty() {
            break;
        }
        let (segment, more) = rest.split_at(size.clamp(1, rest.len()));
        rest = more;
        framer.push(segment);
        loop {
            match framer.next_frame() {
                Ok(Some(Frame::Message(message))) => messages.push(message),
                Ok(Some(Frame::Ping)) => {}
                Ok(None) => break,
                Err(_) => return (messages, true),
            }
        }
    }
    (messages, false)
}

pub fn trial(bytes: &[u8]) {
    let Some((first, stream)) = bytes.split_first() else { return };
    let step = usize::from(*first) + 1;
    let whole = cut(stream, std::iter::repeat(usize::MAX));
    assert_eq!(whole, cut(stream, std::iter::repeat(step)), "in segments of {step}");
    for message in whole.0 {
        assert!(message.len() <= MESSAGE_SIZE_MAX_BYTES + HEAD_SIZE_MAX_BYTES);
        if let Ok(message) = codec::parse(&message) {
            assert!(codec::parse(&codec::print(&message)).is_ok(), "what we write can be read");
        }
    }
}

pub fn seeds() -> Vec<Vec<u8>> {
    let message = |body: &str, length: &str| {
        format!(
            "OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\n\
             Call-ID: 1\r\nCSeq: 1 OPTIONS\r\n{length}\r\n\r\n{body}"
        )
    };
    let two = [message("abc", "Content-Length: 3"), "\r\n\r\n".into(), message("", "l : 0")].concat();
    let tricks = [
        "Content-Length: 5\r\nl: 3",
        "Content-Length: +3",
        "Content-Length: 3\r\n 4",
        "Content-Length: 99999999999999",
    ];
    let tricks = tricks.map(|length| message("abcdef", length));
    [two].into_iter().chain(tricks).map(|text| [vec![7], text.into_bytes()].concat()).collect()
}
