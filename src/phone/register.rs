//! A phone's registration (RFC 3261 §10): made, kept fresh, taken back.

use super::dialog::Dialog;
use super::line::Line;
use super::{CallError, locked, token};
use crate::sip::message::{Method, Response};
use crate::sip::uri::{Host, NameAddr, Uri};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// After a failed refresh, the next attempt.
const RETRY: Duration = Duration::from_secs(5);

/// Why a registration failed.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// No response, no socket.
    #[error(transparent)]
    Line(#[from] CallError),
    /// The server said no: 401 and 407 mean a wrong account or password.
    #[error("the server refused the registration: {status} {reason}")]
    Refused {
        /// The status.
        status: u16,
        /// The reason phrase.
        reason: String,
    },
}

#[derive(Default)]
pub(super) struct Registration {
    /// All registrations of one phone share a Call-ID (RFC 3261 §10.2).
    dialog: Arc<tokio::sync::Mutex<Option<Dialog>>>,
    refresher: Mutex<Option<JoinHandle<()>>>,
}

impl Registration {
    pub async fn register(&self, line: &Arc<Line>) -> Result<Duration, RegisterError> {
        self.stop();
        let granted = register_once(line, &self.dialog, line.settings.expires).await?;
        let task = tokio::spawn(refresh(Arc::clone(line), Arc::clone(&self.dialog), granted));
        *locked(&self.refresher) = Some(task);
        Ok(granted)
    }

    pub async fn unregister(&self, line: &Arc<Line>) -> Result<(), RegisterError> {
        self.stop();
        register_once(line, &self.dialog, Duration::ZERO).await.map(|_| ())
    }

    pub fn stop(&self) {
        if let Some(task) = locked(&self.refresher).take() {
            task.abort();
        }
    }
}

async fn refresh(line: Arc<Line>, dialog: Arc<tokio::sync::Mutex<Option<Dialog>>>, granted: Duration) {
    let mut granted = granted;
    loop {
        sleep(granted / 2).await;
        granted = match register_once(&line, &dialog, line.settings.expires).await {
            Ok(granted) => granted,
            // Half of it is slept.
            Err(_) => RETRY * 2,
        };
    }
}

async fn register_once(
    line: &Arc<Line>,
    dialog: &tokio::sync::Mutex<Option<Dialog>>,
    expires: Duration,
) -> Result<Duration, RegisterError> {
    let settings = &line.settings;
    let mut kept = dialog.lock().await;
    let dialog = kept.get_or_insert_with(|| {
        let host = settings.domain.as_deref().and_then(|domain| Host::parse(domain).ok());
        let host = host.unwrap_or_else(|| Host::from(settings.server.ip()));
        let own = NameAddr::new(Uri::sip(Some(&settings.account), host.clone(), None));
        let mut dialog = Dialog::calling(own.uri.clone(), &own.with_tag(&token()), settings.server);
        dialog.target = Uri::sip(None, host, Some(settings.server.port())).to_string();
        dialog
    });
    let mut seconds = expires.as_secs();
    let mut credentials = None;
    // At most: the first, one that answers the challenge, one with the longer expiry, one with its challenge.
    for _ in 0..4 {
        let mut request = dialog.request(line, Method::Register);
        dialog.cseq = dialog.cseq.wrapping_add(1);
        request.headers.push("Contact", line.contact());
        request.headers.push("Expires", seconds.to_string());
        if let Some((name, value)) = credentials.take() {
            request.headers.push(name, value);
        }
        let response = line.ask(&request, dialog.destination).await?;
        match response.status {
            200..300 => return Ok(granted(&response, line, seconds)),
            423 => seconds = number(response.headers.first("Min-Expires")).unwrap_or(seconds).min(86_400),
            _ => match line.credentials(&response, &request) {
                Some(answer) => credentials = Some(answer),
                None => return Err(refused(response)),
            },
        }
    }
    Err(CallError::NoReply.into())
}

fn refused(response: Response) -> RegisterError {
    RegisterError::Refused { status: response.status, reason: response.reason }
}

/// The expiry of our own contact, else of all, else what we asked for (RFC 3261 §10.2.4).
fn granted(response: &Response, line: &Line, asked: u64) -> Duration {
    let ours = response.headers.values("Contact").filter_map(|contact| contact.parse::<NameAddr>().ok());
    let ours = ours.filter(|contact| super::dialog::address_of(&contact.uri) == Some(line.local));
    let own = ours.filter_map(|contact| number(contact.params.value("expires"))).next();
    let seconds = own.or_else(|| number(response.headers.first("Expires"))).unwrap_or(asked);
    Duration::from_secs(seconds.clamp(u64::from(asked > 0), 86_400))
}

fn number(text: Option<&str>) -> Option<u64> {
    text?.trim().parse().ok()
}
