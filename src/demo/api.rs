//! The engine's API as the demo reads it.

use super::DemoSettings;
use super::ledger::Figures;
use crate::client;
use crate::secret::Secret;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::net::SocketAddr;

/// One queue, as `GET /v1/queues` has it.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Queue {
    pub name: String,
    pub waiting: u64,
    pub longest_wait_ms: u64,
    #[serde(default)]
    pub service_level_target: f64,
    #[serde(default)]
    pub today: Today,
}

/// One queue's figures.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Today {
    pub offered: u64,
    pub answered: u64,
    pub abandoned: u64,
    pub service_level: Option<f64>,
}

/// One agent, as `GET /v1/agents` has it.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Agent {
    pub name: String,
    pub state: String,
}

/// One call, as `GET /v1/calls` has it.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Call {
    pub caller_number: String,
    pub caller_name: String,
    pub stage: String,
    pub agents: Vec<String>,
}

pub(super) struct Api {
    address: SocketAddr,
    token: Secret,
}

impl Api {
    pub fn new(settings: &DemoSettings) -> Self {
        Self { address: settings.http, token: settings.token.clone() }
    }

    pub async fn queues(&self) -> Option<Vec<Queue>> {
        self.fetch("/v1/queues").await
    }

    pub async fn agents(&self) -> Option<Vec<Agent>> {
        self.fetch("/v1/agents").await
    }

    pub async fn calls(&self) -> Option<Vec<Call>> {
        self.fetch("/v1/calls").await
    }

    /// All queues' figures together.
    pub async fn figures(&self) -> Option<Figures> {
        let queues = self.queues().await?;
        let sum = |figure: fn(&Today) -> u64| queues.iter().map(|queue| figure(&queue.today)).sum();
        Some(Figures {
            placed: sum(|today| today.offered),
            answered: sum(|today| today.answered),
            abandoned: sum(|today| today.abandoned),
        })
    }

    /// `None` whatever went wrong: the board shows that there is nothing to show.
    async fn fetch<T: DeserializeOwned>(&self, path: &str) -> Option<T> {
        let fetched = client::get(&self.address.to_string(), path, &self.token).await.ok()?;
        (fetched.status == 200).then(|| serde_json::from_slice(&fetched.body).ok()).flatten()
    }
}
