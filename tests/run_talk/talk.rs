//! A caller and an agent who talk, those they can be passed on to, and what must be so of them.

use crate::phones::{until, within};
use crate::site::{AGENT, CALLER, GUEST, LET_GO, Site, agent, answers, hears, number, queue};
use holdfast::phone::{Call, Phone, Sound};
use serde_json::{Value, json};

pub const NUMBER: &str = "+4930111";

/// anna serves sales, dora support; carla serves nobody, but has a number of her own.
pub fn rules(dial: &str) -> Vec<String> {
    vec![
        queue("sales", "wrap_up = \"20s\"\nring_timeout = \"20s\""),
        queue("support", ""),
        queue("none", ""),
        number("4001", "sales", ""),
        number("4002", "support", ""),
        number("4711", "none", "direct = { agent = \"carla\", wait = \"10s\" }"),
        agent("anna", "\"sales\"", ""),
        agent("carla", "\"none\"", ""),
        agent("dora", "\"support\"", ""),
        "[talk]\ntransfer = \"*2\"\nconsult = \"*3\"\nconference = \"*4\"\ncomplete = \"*5\"\nback = \"*6\"\n".into(),
        dial.into(),
    ]
}

/// A call as it is before anything is done with it.
pub struct Talk {
    pub site: Site,
    pub anna: Phone,
    pub carla: Phone,
    pub caller: Call,
    /// anna's end.
    pub talking: Call,
    id: String,
}

impl Talk {
    pub async fn begin(rules: &[String]) -> Self {
        let site = Site::start(rules).await;
        let (anna, carla) = (site.agent("anna").await, site.agent("carla").await);
        let caller = site.caller("4001", NUMBER).await;
        let talking = answers(&anna).await;
        talking.say(Sound::Tone(AGENT));
        let id = site.talks(NUMBER).await;
        let talk = Self { site, anna, carla, caller, talking, id };
        talk.are_together().await;
        talk
    }

    pub async fn asks(&self, what: &str, body: Value) -> u16 {
        self.site.post(&format!("/v1/calls/{}/{what}", self.id), body).await
    }

    /// Caller and agent hear each other, and nobody else.
    pub async fn are_together(&self) {
        until("caller and agent talk, alone", || {
            let (by_caller, by_agent) = (hears(&self.caller, AGENT), hears(&self.talking, CALLER));
            by_caller && by_agent && !hears(&self.caller, GUEST) && !hears(&self.talking, GUEST)
        })
        .await;
    }

    /// The caller hears music: sound that comes from nobody who talks.
    pub async fn caller_hears_music(&self) {
        until("the caller hears music", || {
            let loud = self.caller.heard().loudness() > 50.0;
            loud && !hears(&self.caller, AGENT) && !hears(&self.caller, GUEST)
        })
        .await;
    }

    /// The phone that rings is answered; whoever is there says a tone.
    pub async fn answered_by(&self, phone: &Phone) -> Call {
        let guest = answers(phone).await;
        guest.say(Sound::Tone(GUEST));
        guest
    }

    /// The caller is left to whoever has answered; the agent is let go.
    pub async fn is_handed_to(&self, guest: &Call) {
        assert_eq!(within(self.talking.ended()).await, LET_GO);
        until("the caller talks to whoever has him now", || {
            hears(&self.caller, GUEST) && hears(guest, CALLER) && !hears(&self.caller, AGENT)
        })
        .await;
        self.site.agent_is("anna", "wrap_up").await;
    }

    /// Whoever has the caller hangs up; whom he was passed on to, by the one record there is.
    pub async fn ends_by(self, last: Call) -> Vec<(String, bool)> {
        last.hang_up();
        assert_eq!(within(self.caller.ended()).await, LET_GO);
        self.recorded().await
    }

    pub async fn recorded(&self) -> Vec<(String, bool)> {
        let record = self.site.record(NUMBER).await;
        assert_eq!((&record["outcome"], &record["agent"]), (&json!("answered"), &json!("anna")), "{record}");
        assert_eq!(self.site.get("/v1/records").await.as_array().unwrap().len(), 1);
        let passed = record["transfers"].as_array().unwrap().iter();
        passed
            .inspect(|passed| assert_eq!(passed["by"], "anna"))
            .map(|passed| (passed["to"].as_str().unwrap().to_owned(), passed["done"] == true))
            .collect()
    }
}

pub fn done(to: &str) -> Vec<(String, bool)> {
    vec![(to.to_owned(), true)]
}

pub fn failed(to: &str) -> Vec<(String, bool)> {
    vec![(to.to_owned(), false)]
}
