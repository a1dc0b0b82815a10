//! Which web pages may open a WebSocket to us (RFC 6455 §10.2). Pure.

/// Every browser says which page it acts for, and no page can make it say another.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Origins {
    /// Pages from the host that the WebSocket was opened to, whatever their port.
    #[default]
    SameHost,
    /// These alone, written as browsers do: `https://desk.example.com`.
    Listed(Vec<String>),
}

impl Origins {
    /// Whether a handshake with this `Origin` and this `Host` is let in. One without an origin comes from no page: a
    /// phone, or a proxy of ours. It has to know a password like everybody else.
    pub fn admit(&self, origin: Option<&str>, host: Option<&str>) -> bool {
        match (origin, self) {
            (None, _) => true,
            (Some(origin), Self::SameHost) => {
                let page = origin.split_once("://").map(|(_, rest)| without_port(rest));
                page.is_some_and(|page| {
                    host.is_some_and(|host| without_port(host).eq_ignore_ascii_case(page))
                })
            }
            (Some(origin), Self::Listed(listed)) => listed.iter().any(|it| it.eq_ignore_ascii_case(origin)),
        }
    }
}

/// `desk.example.com:8443` without its port; `[::1]:80` too.
fn without_port(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        Some(_) | None => authority,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_default_a_page_of_the_same_host_is_let_in_and_no_other() {
        let same = Origins::default();
        for (origin, host, admitted) in [
            (None, Some("pbx.example.com"), true),
            (Some("https://pbx.example.com"), Some("pbx.example.com"), true),
            (Some("http://pbx.example.com:8080"), Some("PBX.example.com:5066"), true),
            (Some("http://[::1]:8080"), Some("[::1]:5066"), true),
            (Some("https://evil.example"), Some("pbx.example.com"), false),
            (Some("https://pbx.example.com.evil.example"), Some("pbx.example.com"), false),
            (Some("null"), Some("null"), false),
            (Some("https://pbx.example.com"), None, false),
        ] {
            assert_eq!(same.admit(origin, host), admitted, "{origin:?} at {host:?}");
        }
    }

    #[test]
    fn a_list_lets_in_whom_it_names_whole() {
        let listed = Origins::Listed(vec!["https://desk.example.com".into()]);
        assert!(listed.admit(Some("https://Desk.example.com"), Some("10.0.0.1")));
        assert!(listed.admit(None, Some("10.0.0.1")));
        for other in ["http://desk.example.com", "https://desk.example.com:444", "https://10.0.0.1", "null"] {
            assert!(!listed.admit(Some(other), Some("10.0.0.1")), "{other}");
        }
    }
}
