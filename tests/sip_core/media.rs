//! A media plane that only keeps the books: who is open, who was connected where.

use holdfast::engine::id::LegId;
use holdfast::media::sdp::Stream;
use holdfast::media::{Codec, KeySource, LocalMedia, OpenError, Sessions, Wishes};
use std::collections::BTreeMap;

#[derive(Default)]
pub struct Books {
    pub open: BTreeMap<LegId, Option<Stream>>,
    pub opened: usize,
    pub connects: usize,
    pub near: Vec<Option<LegId>>,
    pub ports_left: Option<usize>,
    /// What was wanted of each.
    pub wishes: Vec<Wishes>,
}

impl Sessions for Books {
    fn open(&mut self, leg: LegId, near: Option<LegId>, wishes: &Wishes) -> Result<LocalMedia, OpenError> {
        if self.ports_left.is_some_and(|left| self.open.len() >= left) {
            return Err(OpenError::NoPorts);
        }
        assert!(self.open.insert(leg, None).is_none(), "{leg} opened twice");
        self.opened += 1;
        self.near.push(near);
        self.wishes.push(wishes.clone());
        let port = 20_000 + 2 * u16::try_from(self.opened % 10_000).unwrap();
        let rtp = match wishes.ipv6 {
            true => ("2001:db8::9".parse::<std::net::IpAddr>().unwrap(), port).into(),
            false => ([192, 0, 2, 9], port).into(),
        };
        let codecs = wishes.codecs.as_deref().unwrap_or(&[Codec::Pcmu, Codec::Pcma]).to_vec();
        let keys = Some(KeySource::new([u8::try_from(self.opened % 251).unwrap(); 32]));
        Ok(LocalMedia { srtp: wishes.srtp, keys, ..LocalMedia::plain(rtp, codecs) })
    }

    fn connect(&mut self, leg: LegId, stream: Stream) {
        let slot = self.open.get_mut(&leg).unwrap_or_else(|| panic!("{leg} connected, but not open"));
        *slot = Some(stream);
        self.connects += 1;
    }

    fn close(&mut self, leg: LegId) {
        assert!(self.open.remove(&leg).is_some(), "{leg} closed, but not open");
    }
}
