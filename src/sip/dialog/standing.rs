//! A dialog as it is written down, and as it goes on after a restart.

use super::{Dialog, DialogError, DialogId, ROUTES_MAX};
use crate::sip::flow::Flow;
use crate::sip::standing::StandingDialog;
use crate::sip::uri::NameAddr;

/// Our next number after a restart lies so far ahead of the last that was written down: gaps are fine (RFC 3261
/// §12.2.2), a number that came before is not.
const CSEQ_AHEAD: u32 = 100;

impl Dialog {
    /// What is written down of it.
    pub fn standing(&self) -> StandingDialog {
        StandingDialog {
            call_id: self.id.call_id.clone(),
            local_tag: self.id.local_tag.clone(),
            remote_tag: self.id.remote_tag.clone(),
            local: self.local.to_string(),
            remote: self.remote.to_string(),
            local_cseq: self.local_cseq,
            remote_cseq: self.remote_cseq,
            routes: self.routes.iter().map(ToString::to_string).collect(),
            target: self.target.to_string(),
            flow: self.flow.into(),
        }
    }

    /// The dialog that was written down, by another way and with another Contact of ours if need be.
    ///
    /// # Errors
    /// When something in it cannot be read.
    pub fn resumed(standing: &StandingDialog, flow: Flow, contact: String) -> Result<Self, DialogError> {
        let address = |text: &str, name| text.parse::<NameAddr>().map_err(|_| DialogError::Header(name));
        if standing.routes.len() > ROUTES_MAX {
            return Err(DialogError::Routes);
        }
        let routes = standing.routes.iter().map(|route| address(route, "Route"));
        Ok(Self {
            id: DialogId {
                call_id: standing.call_id.clone(),
                local_tag: standing.local_tag.clone(),
                remote_tag: standing.remote_tag.clone(),
            },
            local: address(&standing.local, "From")?,
            remote: address(&standing.remote, "To")?,
            local_cseq: standing.local_cseq.saturating_add(CSEQ_AHEAD),
            remote_cseq: standing.remote_cseq,
            routes: routes.collect::<Result<_, _>>()?,
            target: standing.target.parse().map_err(|_| DialogError::Header("Contact"))?,
            flow,
            contact,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::answered;
    use super::*;
    use crate::sip::message::Method;

    #[test]
    fn a_dialog_that_was_written_down_goes_on_with_higher_numbers_and_the_same_names() {
        let mut before = answered(&[("Record-Route", "<sip:p1;lr>, <sip:p2;lr>")]);
        let last = before.request(Method::Update);
        let standing = before.standing();
        let mut after = Dialog::resumed(&standing, before.flow, before.contact().into()).unwrap();
        let next = after.request(Method::Update);
        for name in ["From", "To", "Call-ID", "Contact", "Route"] {
            assert!(last.headers.all(name).eq(next.headers.all(name)), "{name}");
        }
        assert_eq!((last.uri, last.headers.first("CSeq")), (next.uri, Some("1 UPDATE")));
        assert_eq!(next.headers.first("CSeq"), Some("102 UPDATE"));
        assert_eq!(after.remote_cseq(), Some(7));
    }
}
