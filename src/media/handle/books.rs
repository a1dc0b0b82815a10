//! The books of the media plane: ports and sockets for legs, sounds for programs, messages for workers.

use super::{BIND_ATTEMPTS, Control, PLAYLISTS_MAX, Place, random};
use crate::engine::command::{Program, Then};
use crate::engine::id::LegId;
use crate::media::player::{Playlist, Script, Start, Tail};
use crate::media::session::{Seed, Session};
use crate::media::sockets;
use crate::media::worker::{Message, Opening};
use crate::media::{KeySource, LocalMedia, OpenError, Wishes};
use mio::net::UdpSocket;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::mpsc::TrySendError;

impl Control {
    pub(super) fn open(
        &mut self,
        leg: LegId,
        near: Option<LegId>,
        wishes: &Wishes,
        wanted: Option<u16>,
    ) -> Result<LocalMedia, OpenError> {
        if self.legs.contains_key(&leg) {
            return Err(OpenError::AlreadyOpen(leg));
        }
        let beside = near.and_then(|near| self.legs.get(&near)).map(|place| place.worker);
        let emptiest = (0..self.workers.len()).min_by_key(|&worker| self.workers[worker].legs);
        let worker = beside.or(emptiest).ok_or(OpenError::Overloaded)?;
        let numbers = random()?;
        let seed = Seed {
            ssrc: numbers as u32,
            // In the lower half: SRTP cannot tell a wrap that comes before the far side's first packet (RFC 4568 §6.4).
            sequence: (numbers >> 32) as u16 & 0x7FFF,
            timestamp: (random()? >> 32) as u32,
        };
        let session = Session::new(self.clock.now(), seed);
        let keys = key_source()?;
        let (listen, advertise) = self.settings.address(wishes.ipv6);
        let (port, rtp, rtcp) = self.bind(listen, wanted)?;
        let opening = Message::Open(Box::new(Opening { leg, session, rtp, rtcp }));
        if self.workers[worker].inbox.try_send(opening).is_err() {
            self.ports.give_back(self.clock.now(), port);
            return Err(OpenError::Overloaded);
        }
        self.tell(worker);
        self.workers[worker].legs += 1;
        self.legs.insert(leg, Place { worker, port });
        Ok(LocalMedia {
            rtp: SocketAddr::new(advertise, port),
            codecs: wishes.codecs.as_deref().map_or_else(|| self.settings.codecs.clone(), <[_]>::to_vec),
            prefer: self.settings.prefer,
            srtp: wishes.srtp,
            keys: Some(keys),
        })
    }

    /// Takes a port whose two sockets can be bound, first the one that is wanted. One that somebody else holds rests
    /// before it is tried again.
    fn bind(
        &mut self,
        listen: IpAddr,
        mut wanted: Option<u16>,
    ) -> Result<(u16, UdpSocket, UdpSocket), OpenError> {
        let mut failure = OpenError::NoPorts;
        for _ in 0..BIND_ATTEMPTS {
            let now = self.clock.now();
            let this = wanted.take().and_then(|port| self.ports.take_this(now, port));
            let Some(port) = this.or_else(|| self.ports.take(now)) else { break };
            let pair =
                sockets::bound(listen, port).and_then(|rtp| Ok((rtp, sockets::bound(listen, port + 1)?)));
            match pair {
                Ok((rtp, rtcp)) => return Ok((port, rtp, rtcp)),
                Err(error) => {
                    self.ports.give_back(now, port);
                    failure = OpenError::Socket(error);
                }
            }
        }
        Err(failure)
    }

    /// Finds the sounds of a program. What is missing is replaced by a tone: never silence, never an end.
    pub(super) fn script(&mut self, program: &Program) -> Script {
        let prompts = program.prompts.iter().map(|name| {
            self.library.prompt(&program.language, name).cloned().unwrap_or_else(|| {
                tracing::warn!(prompt = ?name, language = ?program.language, "no such prompt; a tone is heard instead");
                self.library.missing_prompt().clone()
            })
        });
        let prompts = prompts.collect();
        let then = match &program.then {
            Then::Silence => Tail::Silence,
            Then::Music(names) => {
                let start = if program.manner.from_beginning { Start::Beginning } else { Start::Radio };
                self.playlist(names, start).map_or(Tail::Silence, Tail::Music)
            }
        };
        Script { prompts, then, duck: program.manner.beneath_prompts }
    }

    fn playlist(&mut self, names: &[String], start: Start) -> Option<Arc<Playlist>> {
        let known = self.playlists.get(&start).and_then(|playlists| playlists.get(names));
        if let Some(playlist) = known {
            return Some(playlist.clone());
        }
        let mut clips = Vec::new();
        for name in names {
            match self.library.music(name) {
                Some(clip) => clips.push(clip.clone()),
                None => tracing::warn!(music = ?name, "no such clip; it is left out"),
            }
        }
        if clips.is_empty() {
            tracing::warn!("a playlist without any clip; a tone is heard instead");
            clips.push(self.library.missing_music().clone());
        }
        let playlist = Arc::new(Playlist::new(clips, start)?);
        let playlists = self.playlists.entry(start).or_default();
        if playlists.len() < PLAYLISTS_MAX {
            playlists.insert(names.to_vec(), playlist.clone());
        }
        Some(playlist)
    }

    /// Tells a worker. Its inbox is emptied every millisecond, so a full one is waited for; a lost `Close` would be a
    /// lost port.
    pub(super) fn send(&mut self, worker: usize, message: Message) {
        let Some(remote) = self.workers.get(worker) else { return };
        let sent = match remote.inbox.try_send(message) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(message)) => {
                self.wake(worker);
                remote.inbox.send(message).map_err(drop)
            }
            Err(TrySendError::Disconnected(_)) => Err(()),
        };
        if sent.is_err() {
            tracing::error!(worker, "the media worker is gone");
        }
        self.tell(worker);
    }

    /// Wakes a worker that has a message, or notes that it is to be woken.
    fn tell(&mut self, worker: usize) {
        match self.workers.get_mut(worker) {
            Some(remote) if self.gathering => remote.unwoken = true,
            Some(_) | None => self.wake(worker),
        }
    }

    pub(super) fn deliver(&mut self) {
        self.gathering = false;
        for worker in 0..self.workers.len() {
            if std::mem::take(&mut self.workers[worker].unwoken) {
                self.wake(worker);
            }
        }
    }

    fn wake(&self, worker: usize) {
        if let Some(Err(error)) = self.workers.get(worker).map(|remote| remote.waker.wake()) {
            tracing::error!(worker, %error, "the media worker cannot be woken");
        }
    }

    pub(super) fn stop(&mut self) {
        self.deliver();
        for worker in 0..self.workers.len() {
            if self.workers[worker].thread.is_some() {
                self.send(worker, Message::Stop);
            }
        }
        for remote in &mut self.workers {
            if let Some(thread) = remote.thread.take()
                && thread.join().is_err()
            {
                tracing::error!("a media worker ended by a panic");
            }
        }
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        self.stop();
    }
}

/// What one leg's keys are made of.
fn key_source() -> io::Result<KeySource> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(KeySource::new(bytes))
}
