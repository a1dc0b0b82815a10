//! Reads the configuration anew while calls go on, and passes what has changed to the loop. A reload that fails changes
//! nothing. It decides about no call.

use super::clock::Clock;
use super::parts;
use super::supervision::Supervisor;
use crate::config::{Config, ConfigErrors, reconcile};
use crate::engine::settings::{Destination, Settings};
use crate::http::{ReloadAsked, Reloaded, Tokens};
use crate::media;
use crate::metrics::Metrics;
use crate::sip::core::SettingsError;
use crate::sip::overload::OverloadRules;
use crate::sip::settings::SipSettings;
use crate::sip::transport::{Listen, PeerRules};
use sd_notify::NotifyState;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot, watch};

/// What the loop exchanges, all of it or nothing.
pub(super) struct Change {
    pub settings: Box<Settings>,
    pub sip: SipSettings,
    pub overload: OverloadRules,
    /// What cannot be heard before the next start; or why nothing was changed.
    pub done: oneshot::Sender<Result<Vec<String>, SettingsError>>,
}

/// The one that reads.
pub(super) struct Reloader {
    pub clock: Clock,
    /// As it is in force.
    pub config: Config,
    pub bound: Vec<Listen>,
    pub first_id: u64,
    pub tokens: Tokens,
    pub metrics: Arc<Metrics>,
    /// The transports go by them from the next connection on.
    pub peer_rules: watch::Sender<Arc<PeerRules>>,
    pub changes: mpsc::Sender<Change>,
    pub supervisor: Arc<Supervisor>,
}

impl Reloader {
    /// Serves until nobody can ask any more.
    pub(super) async fn run(mut self, mut asked: mpsc::Receiver<ReloadAsked>) {
        self.metrics.config.attempted(true, self.wall_seconds());
        while let Some(reply) = asked.recv().await {
            self.supervisor.reloading();
            let reloaded = self.reload().await;
            self.supervisor.tell(&[NotifyState::Ready]);
            self.metrics.config.attempted(reloaded.is_ok(), self.wall_seconds());
            match &reloaded {
                Ok(warnings) => {
                    for warning in warnings {
                        tracing::warn!("{warning}");
                    }
                    tracing::info!("the configuration was read anew");
                }
                Err(problems) => {
                    for problem in problems {
                        tracing::error!("{problem}");
                    }
                    tracing::error!("the new configuration cannot be used; the old one stays in force");
                }
            }
            // Whoever asked may have stopped waiting.
            let _ = reply.send(reloaded);
        }
    }

    fn wall_seconds(&self) -> i64 {
        self.clock.now().wall.0.div_euclid(1000)
    }

    async fn reload(&mut self) -> Reloaded {
        let Some(path) = self.config.file.clone() else {
            return Err(vec!["this configuration was not read from a file".into()]);
        };
        let loaded = tokio::task::spawn_blocking(move || Config::load(&path)).await;
        let told = |ConfigErrors { problems }| problems.iter().map(ToString::to_string).collect::<Vec<_>>();
        let read = loaded.map_err(|_| vec!["reading the file failed".to_owned()])?.map_err(told)?;
        let new = reconcile(&self.config, read);
        let (tokens, _) = parts::tokens(&new).map_err(|error| vec![error.to_string()])?;
        let peer_rules =
            parts::peer_rules(&new).map_err(|error| vec![format!("under [sip.tls]: {error}")])?;
        let (done, answer) = oneshot::channel();
        let settings = Box::new(new.settings.clone());
        let sip = parts::sip_settings(&new, &self.bound, self.first_id);
        let stopping = |()| vec!["Holdfast is about to stop".to_owned()];
        let overload = parts::overload(&new);
        self.changes.send(Change { settings, sip, overload, done }).await.map_err(|_| stopping(()))?;
        let changed = answer.await.map_err(|_| stopping(()))?;
        let unheard = changed.map_err(|error| vec![error.to_string()])?;
        self.tokens.replace(tokens);
        self.peer_rules.send_replace(Arc::new(peer_rules));
        let warnings = new.warnings.iter().map(ToString::to_string).chain(unheard).collect();
        self.config = new;
        Ok(warnings)
    }
}

/// Audio files are read at the start alone: what is named now and was not there then.
pub(super) fn unheard(settings: &Settings, media: &media::Handle) -> Vec<String> {
    let mut unheard = Vec::new();
    for queue in settings.queues.iter().filter(|queue| !queue.retired) {
        let music = queue.music.iter().filter(|name| !media.has_music(name));
        let messages = queue.overflow.iter().filter_map(|rule| match &rule.to {
            Destination::Message(name) => Some(name),
            Destination::Queue(_) | Destination::Number(_) => None,
        });
        let spoken = queue.welcome.iter().chain(messages);
        let spoken = spoken.filter(|name| !media.has_prompt(&queue.language, name));
        unheard.extend(music.chain(spoken).map(|name| {
            format!(
                "queue {:?}: {name:?} was not there at the start: it is heard after the next one",
                queue.name
            )
        }));
    }
    unheard
}
