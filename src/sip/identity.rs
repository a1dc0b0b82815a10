//! Who calls and which number he dialled, as a request says it. What a carrier vouches for is read from trunks alone: from
//! anybody else it would be hearsay. **Pure**.

use super::message::{Headers, Request};
use super::name_addr::NameAddr;
use super::trunk::settings::{NumberFrom, Trunk};
use super::uri::{Host, Uri};
use crate::engine::event::Caller;

/// Longer numbers are cut, in characters.
const NUMBER_LENGTH_MAX: usize = 64;
/// Longer names are cut, in characters.
const NAME_LENGTH_MAX: usize = 128;
/// More values of one header than these are not looked at.
const VALUES_MAX: usize = 32;

/// The user part of a URI, without the marks people write into numbers.
pub fn number_in(uri: &Uri) -> String {
    let user = uri.user.as_deref().unwrap_or_default();
    let number = user.split(';').next().unwrap_or_default();
    let is_mark = |c: char| matches!(c, '-' | '.' | '(' | ')' | ' ');
    let is_number = |c: char| c.is_ascii_digit() || matches!(c, '+' | '*' | '#') || is_mark(c);
    if number.chars().all(is_number) {
        number.chars().filter(|c| !is_mark(*c)).take(NUMBER_LENGTH_MAX).collect()
    } else {
        number.chars().filter(|c| !c.is_control()).take(NUMBER_LENGTH_MAX).collect()
    }
}

/// The number that was dialled, by the trunk's own rules if one brought the call. `contact_user` is the user part of our
/// Contact there, if we register: a Request-URI that has it names us, and no number.
pub fn dialled(request: &Request, uri: &Uri, trunk: Option<&Trunk>, contact_user: Option<&str>) -> String {
    let Some(trunk) = trunk else { return number_in(uri) };
    let headers = &request.headers;
    let number = match trunk.number_from {
        NumberFrom::Request => None,
        NumberFrom::To => number_of(headers.first("To")),
        NumberFrom::Diversion => first_dialled(headers),
    };
    let names_us = contact_user.is_some() && uri.user.as_deref() == contact_user;
    let number = number.or_else(|| {
        // RFC 7315 §4.2: what the Request-URI was before the carrier put our Contact there.
        let before =
            || number_of(headers.first("P-Called-Party-ID")).or_else(|| number_of(headers.first("To")));
        if names_us { before() } else { None }
    });
    trunk.plan.inward(&number.unwrap_or_else(|| number_in(uri)))
}

/// What the caller dialled before others sent him on: the last Diversion, for each is put on top of those before it
/// (RFC 5806 §4), or the first entry of a History-Info that has several (RFC 7044 §5).
fn first_dialled(headers: &Headers) -> Option<String> {
    let diverted = headers.values("Diversion").take(VALUES_MAX).last();
    number_of(diverted).or_else(|| {
        let entries = headers.values("History-Info").take(VALUES_MAX);
        let mut entries: Vec<_> = entries.filter_map(|value| value.parse::<NameAddr>().ok()).collect();
        // The first entry is where the request was sent first; where it is the only one, nobody sent it on.
        let first = entries.iter().position(|entry| entry.params.value("index") == Some("1"))?;
        let uri = (entries.len() > 1).then(|| entries.swap_remove(first).uri)?;
        // RFC 7044 §10.1.2: whoever asked for it is not named.
        let is_private = uri.header("Privacy").is_some_and(|value| is_private(&value));
        Some(number_in(&uri)).filter(|number| !is_private && !number.is_empty())
    })
}

fn number_of(value: Option<&str>) -> Option<String> {
    let address: NameAddr = value?.parse().ok()?;
    Some(number_in(&address.uri)).filter(|number| !number.is_empty())
}

/// The number the caller dialled before others sent him on to us, as his trunk writes it, if he may be told about.
fn diverted_from(headers: &Headers, trunk: &Trunk) -> Option<Box<str>> {
    // RFC 7044 §10.1.1: where all of the history is to be hidden, no entry of it tells.
    let hides = |one: &str| ["header", "history"].iter().any(|it| one.trim().eq_ignore_ascii_case(it));
    if headers.all("Privacy").any(|value| value.split([';', ',']).any(hides)) {
        return None;
    }
    // RFC 5806 §6: whoever sent him on may want to stay unknown himself.
    let diverted = headers.values("Diversion").take(VALUES_MAX).last();
    let diverted = diverted.and_then(|value| value.parse::<NameAddr>().ok());
    if diverted.is_some_and(|it| matches!(it.params.value("privacy"), Some("full" | "uri"))) {
        return None;
    }
    first_dialled(headers).map(|number| trunk.plan.inward(&number).into())
}

/// Who calls: what a trunk asserts (RFC 3325) before what the caller says of himself. Who wants to stay unknown has neither
/// number nor name here, so that nobody is shown them and no record keeps them; whom he called first tells nobody who he is.
pub fn caller(headers: &Headers, trunk: Option<&Trunk>) -> Caller {
    let diverted_from = trunk.and_then(|trunk| diverted_from(headers, trunk));
    if headers.all("Privacy").any(is_private) {
        return Caller { diverted_from, ..Caller::default() };
    }
    let from = headers.first("From").and_then(|value| value.parse::<NameAddr>().ok());
    let values = headers.values("P-Asserted-Identity").take(VALUES_MAX);
    let mut asserted: Vec<NameAddr> = values.filter_map(|value| value.parse().ok()).collect();
    if trunk.is_none() {
        asserted.clear();
    }
    // RFC 3325 §9.1: at most a SIP and a tel address, of the same person.
    let name = asserted.iter().chain(&from).find_map(|address| address.display.clone()).unwrap_or_default();
    let Some(address) = asserted.into_iter().next().or(from) else {
        return Caller { diverted_from, ..Caller::default() };
    };
    let name = name.chars().filter(|c| !c.is_control()).take(NAME_LENGTH_MAX).collect();
    let is_withheld = address.uri.host == Host::Name("anonymous.invalid".into())
        || address.uri.user.as_deref().is_some_and(|user| user.eq_ignore_ascii_case("anonymous"));
    let number = if is_withheld { String::new() } else { number_in(&address.uri) };
    let number = trunk.map_or_else(|| number.clone(), |trunk| trunk.plan.inward(&number));
    Caller { number, name, diverted_from }
}

/// Whether a Privacy value hides who calls (RFC 3323 §4.2, RFC 3325 §9.3, RFC 7044 §10.1).
fn is_private(value: &str) -> bool {
    let hides = |one: &str| ["id", "user", "header", "history"].iter().any(|it| one.eq_ignore_ascii_case(it));
    value.split([';', ',']).any(|one| hides(one.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::message::Method;
    use crate::sip::trunk::numbers::{Home, NumberFormat, NumberPlan};

    fn check(uri: &str, expected: &str) {
        assert_eq!(number_in(&uri.parse().unwrap()), expected, "{uri}");
    }

    fn request(uri: &str, headers: &[(&str, &str)]) -> Request {
        let mut all = Headers::new();
        for (name, value) in headers {
            all.push(name, *value);
        }
        Request { method: Method::Invite, uri: uri.into(), headers: all, body: Vec::new() }
    }

    #[test]
    fn only_the_marks_of_a_number_are_left_out() {
        check("sip:+49-30.(1)-2@h", "+493012");
        check("sip:*11@h;user=phone", "*11");
        check("sip:sales-line.2@h", "sales-line.2");
        check("sip:4001;phone-context=x@h", "4001");
        check("tel:+49-30-1", "+49301");
        check("sip:h", "");
    }

    #[test]
    fn an_asserted_identity_counts_only_from_a_trunk_and_privacy_hides_the_name_too() {
        let mut headers = request(
            "sip:h",
            &[
                ("From", "\"Anonymous\" <sip:anonymous@anonymous.invalid>;tag=1"),
                ("P-Asserted-Identity", "<tel:+4930123>, \"Jane Doe\" <sip:+4930123@carrier>"),
            ],
        )
        .headers;
        let trunk = Trunk::default();
        let expected = Caller { number: "+4930123".into(), name: "Jane Doe".into(), ..Caller::default() };
        assert_eq!(caller(&headers, Some(&trunk)), expected);
        assert_eq!(caller(&headers, None).number, "");
        headers.set("From", "\"Jane\" <sip:+4930123@carrier>;tag=1");
        for value in ["id", "header;user", "critical; ID"] {
            headers.set("Privacy", value);
            assert_eq!(caller(&headers, Some(&trunk)), Caller::default(), "{value}");
        }
        headers.set("Privacy", "none");
        assert_eq!(caller(&headers, Some(&trunk)), expected);
    }

    #[test]
    fn numbers_of_a_trunk_come_in_e164_where_it_says_where_it_is_at_home() {
        let home =
            Home { country: "49".into(), international_prefix: "00".into(), national_prefix: "0".into() };
        let plan = NumberPlan { home: Some(home), format: NumberFormat::National };
        let trunk = Trunk { plan, ..Trunk::default() };
        let request = request("sip:030 4001@h", &[("From", "<sip:0044123456@carrier>;tag=1")]);
        let uri = "sip:0304001@h".parse().unwrap();
        assert_eq!(dialled(&request, &uri, Some(&trunk), None), "+49304001");
        assert_eq!(caller(&request.headers, Some(&trunk)).number, "+44123456");
        assert_eq!(dialled(&request, &uri, None, None), "0304001", "a phone of ours is not a trunk");
    }

    #[test]
    fn what_was_dialled_first_is_found_below_all_diversions_or_at_the_head_of_the_history() {
        let trunk = |number_from| Trunk { number_from, ..Trunk::default() };
        let uri: Uri = "sip:4001@h".parse().unwrap();
        let number = |request: &Request, from| dialled(request, &uri, Some(&trunk(from)), None);
        let diverted = request(
            "sip:4001@h",
            &[
                ("To", "<sip:+4930555@h>"),
                ("Diversion", "<sip:+4930222@c>;reason=unconditional, <sip:+4930111@c>;reason=no-answer"),
                ("History-Info", "<sip:+4930999@c>;index=1, <sip:4001@h>;index=1.1"),
            ],
        );
        assert_eq!(number(&diverted, NumberFrom::Request), "4001");
        assert_eq!(number(&diverted, NumberFrom::To), "+4930555");
        assert_eq!(number(&diverted, NumberFrom::Diversion), "+4930111");
        let history = |value| request("sip:4001@h", &[("History-Info", value)]);
        for (value, expected) in [
            ("<sip:+4930999@c?Reason=SIP%3Bcause%3D302>;index=1, <sip:4001@h>;index=1.1;rc=1", "+4930999"),
            ("<sip:4002@h>;index=1", "4001"),
            ("<sip:+4930999@c?Privacy=history>;index=1, <sip:4001@h>;index=1.1", "4001"),
            ("nonsense, <sip:x", "4001"),
        ] {
            assert_eq!(number(&history(value), NumberFrom::Diversion), expected, "{value}");
        }
    }

    #[test]
    fn whom_a_caller_called_first_is_told_by_trunks_alone_and_by_none_that_hides_the_history() {
        let home =
            Home { country: "49".into(), international_prefix: "00".into(), national_prefix: "0".into() };
        let plan = NumberPlan { home: Some(home), format: NumberFormat::National };
        let trunk = Trunk { plan, ..Trunk::default() };
        let told = |headers: &[(&str, &str)], trunk| {
            let mut all = vec![("From", "<sip:030123@c>;tag=1")];
            all.extend_from_slice(headers);
            caller(&request("sip:4001@h", &all).headers, trunk).diverted_from
        };
        let diverted = ("Diversion", "<sip:030222@c>;reason=deflection, <sip:030111@c>;reason=no-answer");
        let history = ("History-Info", "<sip:030999@c>;index=1, <sip:4001@h>;index=1.1");
        assert_eq!(told(&[diverted, history], Some(&trunk)).as_deref(), Some("+4930111"));
        assert_eq!(told(&[history], Some(&trunk)).as_deref(), Some("+4930999"));
        assert_eq!(told(&[diverted], None), None, "from a phone it is hearsay");
        assert_eq!(told(&[], Some(&trunk)), None);
        assert_eq!(told(&[diverted, ("Privacy", "id")], Some(&trunk)).as_deref(), Some("+4930111"));
        let shy = ("Diversion", "<sip:030111@c>;reason=no-answer;privacy=full");
        assert_eq!(told(&[shy, history], Some(&trunk)), None);
        for value in ["history", "id; header"] {
            assert_eq!(told(&[diverted, history, ("Privacy", value)], Some(&trunk)), None, "{value}");
        }
    }

    #[test]
    fn a_request_to_our_registered_contact_says_elsewhere_which_number_was_dialled() {
        let uri: Uri = "sip:us@h".parse().unwrap();
        let trunk = Trunk::default();
        let number = |request: &Request| dialled(request, &uri, Some(&trunk), Some("us"));
        let to = request("sip:us@h", &[("To", "<sip:+4930555@carrier>")]);
        assert_eq!(number(&to), "+4930555");
        let both =
            request("sip:us@h", &[("To", "<sip:us@h>"), ("P-Called-Party-ID", "<sip:+4930666@carrier>")]);
        assert_eq!(number(&both), "+4930666");
    }
}
