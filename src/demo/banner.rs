//! What a person reads first: where to look, and how to join in with a softphone.

use super::{Account, DemoSettings};
use std::fmt::Write;

pub(super) fn text(settings: &DemoSettings, seed: u64) -> String {
    let http = settings.http;
    let mut text = format!(
        "\nHoldfast demo: a small contact centre is at work on this machine (seed {seed}).\n\n\
         LOOK\n  http://{http}/          what there is\n  http://{http}/metrics   for Prometheus\n  \
         curl -H 'Authorization: Bearer {}' http://{http}/v1/queues\n",
        settings.token.expose()
    );
    if let Some(records) = &settings.records {
        let _ =
            writeln!(text, "  holdfast calls --store {}   the call records, now or later", records.display());
    }
    let sip = if settings.sip == settings.sip_tcp {
        format!("UDP or TCP at {}", settings.sip)
    } else {
        format!("UDP at {}, TCP at {}", settings.sip, settings.sip_tcp)
    };
    let _ = writeln!(text, "\nJOIN IN with a softphone (SIP over {sip})");
    if let Some(guest) = &settings.guest {
        let _ = writeln!(text, "  as a caller   {}", credentials(guest));
        for number in &settings.numbers {
            let _ = writeln!(text, "                dial {:<6} {}", number.dialled, number.title);
        }
    }
    if let Some(you) = &settings.you {
        let _ = writeln!(text, "  as an agent   {}; register, and calls will ring", credentials(you));
        let codes = settings.feature_codes.iter().map(|code| format!("{} {}", code.dialled, code.does));
        let codes: Vec<_> = codes.collect();
        if !codes.is_empty() {
            let _ = writeln!(text, "                dial {}", codes.join(", "));
        }
    }
    let until = match settings.seconds {
        Some(seconds) => format!("It ends after {seconds} s, or with Ctrl-C."),
        None => "It goes on until Ctrl-C.".to_owned(),
    };
    let _ = write!(
        text,
        "\n{} simulated agents, about {} calls a minute. {until}\n",
        settings.agents.len(),
        settings.calls_per_minute
    );
    text
}

fn credentials(account: &Account) -> String {
    format!("account {}, password {}", account.name, account.password.expose())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::{FeatureCode, Number, Secret};

    #[test]
    fn whoever_reads_the_banner_can_look_and_join_in() {
        let (sip, http) = ("127.0.0.1:5060".parse().unwrap(), "127.0.0.1:8080".parse().unwrap());
        let account = |name: &str| {
            Some(Account { name: name.into(), title: name.into(), password: Secret::new("pass-word") })
        };
        let settings = DemoSettings {
            guest: account("guest"),
            you: account("you"),
            numbers: vec![Number { dialled: "4001".into(), title: "Sales".into() }],
            feature_codes: vec![FeatureCode { dialled: "*13".into(), does: "pause".into() }],
            ..DemoSettings::new(sip, http, Secret::new("t0ken"))
        };
        let text = text(&settings, 7);
        for part in [
            "127.0.0.1:5060",
            "http://127.0.0.1:8080/",
            "t0ken",
            "guest",
            "you",
            "pass-word",
            "4001",
            "Sales",
            "*13 pause",
        ] {
            assert!(text.contains(part), "{part:?} is missing in\n{text}");
        }
    }
}
