//! Cuts a byte stream into SIP messages by Content-Length (RFC 3261 §18.3) and finds keep-alives between them.
//!
//! Pure. Holds at most one message of bounded size and never looks at a byte twice.

use crate::sip::codec::MESSAGE_SIZE_MAX_BYTES;
use crate::sip::fault::Fault;
use crate::sip::wire;

/// The most bytes of start line and headers.
pub const HEAD_SIZE_MAX_BYTES: usize = 32 * 1024;

/// What was found in the stream.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Frame {
    /// One whole message.
    Message(Vec<u8>),
    /// A double CRLF: to be answered with a single one (RFC 5626 §4.4.1).
    Ping,
}

/// The stream cannot be read any further; `head` is the message it broke at, as far as it is known.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Broken {
    /// What is wrong.
    pub fault: Fault,
    /// Start line and headers, if they were whole.
    pub head: Vec<u8>,
}

/// The unread part of a stream.
#[derive(Clone, Debug, Default)]
pub struct Framer {
    bytes: Vec<u8>,
    /// Up to where the end of the head was looked for.
    scanned: usize,
    /// Head and body sizes of the message at the front, once its head is whole.
    sizes: Option<(usize, usize)>,
    /// Line feeds seen since the last message: the first half of a ping.
    line_feeds: usize,
}

impl Framer {
    /// Nothing read yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Bytes have come.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Whether a message has begun and is not whole.
    pub fn is_inside_a_message(&self) -> bool {
        !self.bytes.is_empty()
    }

    /// The next message or ping; `None` when more bytes are needed. After an error the stream is of no more use.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, Broken> {
        if self.sizes.is_none() {
            if self.skip_line_ends() {
                return Ok(Some(Frame::Ping));
            }
            let Some(head) = self.find_head()? else { return Ok(None) };
            self.sizes = Some((head, self.measure(head)?));
        }
        match self.sizes {
            Some((head, body)) if self.bytes.len() >= head + body => {
                let rest = self.bytes.split_off(head + body);
                let message = std::mem::replace(&mut self.bytes, rest);
                (self.sizes, self.scanned, self.line_feeds) = (None, 0, 0);
                Ok(Some(Frame::Message(message)))
            }
            Some(_) | None => Ok(None),
        }
    }

    /// Drops line ends in front of a message; true if there were two. A whole run of pings counts as one: who sends many
    /// at once shall not make us work for each.
    fn skip_line_ends(&mut self) -> bool {
        let mut taken = 0;
        let mut ping = false;
        for byte in &self.bytes {
            match byte {
                b'\r' => {}
                b'\n' => self.line_feeds += 1,
                _ => break,
            }
            taken += 1;
            if self.line_feeds == 2 {
                (ping, self.line_feeds) = (true, 0);
            }
        }
        self.bytes.drain(..taken);
        ping
    }

    fn find_head(&mut self) -> Result<Option<usize>, Broken> {
        // Some bytes are looked at again, for the end may be cut in two.
        let start = self.scanned.saturating_sub(3);
        let found = end_of_head(&self.bytes[start..]).map(|at| start + at);
        self.scanned = self.bytes.len();
        if found.unwrap_or(self.scanned) > HEAD_SIZE_MAX_BYTES {
            return Err(Broken { fault: Fault::TooLarge, head: Vec::new() });
        }
        Ok(found)
    }

    fn measure(&self, head: usize) -> Result<usize, Broken> {
        let head = &self.bytes[..head];
        match wire::content_length(head) {
            Ok(body) if body <= MESSAGE_SIZE_MAX_BYTES - head.len() => Ok(body),
            Ok(_) => Err(Broken { fault: Fault::TooLarge, head: head.to_vec() }),
            Err(fault) => Err(Broken { fault, head: head.to_vec() }),
        }
    }
}

/// Just behind the empty line.
fn end_of_head(bytes: &[u8]) -> Option<usize> {
    let mut from = 0;
    while let Some(at) = bytes[from..].iter().position(|byte| *byte == b'\n') {
        let next = from + at + 1;
        match &bytes[next..] {
            [b'\n', ..] => return Some(next + 1),
            [b'\r', b'\n', ..] => return Some(next + 2),
            _ => from = next,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(body: &str) -> String {
        format!("OPTIONS sip:a@b SIP/2.0\r\nVia: x\r\nl : {}\r\n\r\n{body}", body.len())
    }

    fn cut(stream: &[u8], size: usize) -> Result<Vec<Frame>, Broken> {
        let (mut framer, mut frames) = (Framer::new(), Vec::new());
        for piece in stream.chunks(size) {
            framer.push(piece);
            while let Some(frame) = framer.next_frame()? {
                frames.push(frame);
            }
        }
        assert!(!framer.is_inside_a_message());
        Ok(frames)
    }

    #[test]
    fn messages_are_found_however_the_stream_is_cut() {
        let stream = format!("\r\n{}{}\r\n\r\n{}", message("v=0\r\n\r\nx"), message(""), message("abc"));
        let frame = |body| Frame::Message(message(body).into_bytes());
        let expected = vec![frame("v=0\r\n\r\nx"), frame(""), Frame::Ping, frame("abc")];
        for size in 1..=stream.len() {
            assert_eq!(cut(stream.as_bytes(), size), Ok(expected.clone()), "pieces of {size}");
        }
    }

    #[test]
    fn a_length_that_lies_or_is_missing_breaks_the_stream() {
        for (length, fault) in [
            ("", Fault::Missing("Content-Length")),
            ("Content-Length: -1\r\n", Fault::Invalid("Content-Length")),
            ("Content-Length: 99999999999999999999999\r\n", Fault::Invalid("Content-Length")),
            ("Content-Length: 65535\r\n", Fault::TooLarge),
            ("Content-Length: 1\r\nl: 2\r\n", Fault::Repeated("Content-Length")),
            ("Content-Length:\r\n 1\r\nl: 1\r\n", Fault::Repeated("Content-Length")),
        ] {
            let broken = cut(format!("OPTIONS sip:a@b SIP/2.0\r\n{length}\r\n").as_bytes(), 7).unwrap_err();
            assert_eq!(broken.fault, fault, "{length:?}");
        }
    }

    #[test]
    fn a_flood_of_pings_is_answered_once() {
        let stream = format!("{}{}", "\r\n".repeat(3_001), message("abc"));
        let frames = cut(stream.as_bytes(), stream.len()).unwrap();
        assert_eq!(frames, [Frame::Ping, Frame::Message(message("abc").into_bytes())]);
    }

    #[test]
    fn a_head_without_end_is_given_up() {
        let mut framer = Framer::new();
        framer.push(&vec![b'a'; HEAD_SIZE_MAX_BYTES + 1]);
        assert_eq!(framer.next_frame().unwrap_err().fault, Fault::TooLarge);
    }

    #[test]
    fn the_framing_and_the_codec_read_the_same_length() {
        let text = message("abc").replace(
            "Via: x",
            "Via: SIP/2.0/TCP h\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:b@b>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS",
        );
        let Ok(frames) = cut(text.as_bytes(), 3) else { panic!("broken") };
        let [Frame::Message(bytes)] = frames.as_slice() else { panic!("{frames:?}") };
        let crate::sip::message::Message::Request(request) = crate::sip::codec::parse(bytes).unwrap() else {
            panic!("no request")
        };
        assert_eq!(request.body, b"abc");
    }
}
