//! How often each race and each feature came about: named counters, so that nobody need believe that the storm was one.

/// The counters, each with what is said of it: the only place to add one.
macro_rules! counters {
    ($($name:ident: $what:literal,)*) => {
        /// How often what came about in a world, or in many.
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
        pub struct Seen {
            $(#[doc = $what] pub $name: u64,)*
        }

        impl Seen {
            /// Every counter: its name, how often, and of what.
            pub fn lines(&self) -> impl Iterator<Item = (&'static str, u64, &'static str)> {
                [$((stringify!($name), self.$name, $what),)*].into_iter()
            }
        }

        impl std::ops::Add for Seen {
            type Output = Self;
            fn add(self, other: Self) -> Self {
                Self { $($name: self.$name + other.$name,)* }
            }
        }
    };
}

counters! {
    // Calls that begin (RFC 3261 §13).
    answered: "callers answered",
    refused: "callers refused, or their time was up",
    picked_up: "phones and numbers outside that answered us",
    offerless: "INVITEs of callers without a description, answered by theirs in the ACK",
    early_to_callers: "183s with our media to callers",
    early_from_phones: "183s with media from phones",
    // CANCEL (§9).
    cancelled_by_callers: "callers who gave up in time",
    cancelled_by_us: "phones that stopped ringing at our CANCEL",
    crossed_callers_cancel: "CANCELs of callers that crossed our 200",
    crossed_our_cancel: "answers of phones that crossed our CANCEL",
    // Finals (§13.2.2.4, RFC 6026).
    forked: "further answers of a forked INVITE",
    late: "answers after the INVITE had been refused",
    answered_twice: "answers of phones that came again, and were acknowledged again",
    // ACK and BYE (§13.3.1.4, §15).
    ack_lost: "answers of ours repeated because no ACK came",
    never_acked: "calls ended with BYE because no ACK ever came",
    bye_before_ack: "BYEs that came before the ACK",
    bye_crossed: "BYEs that crossed ours",
    // Changes of the session (§14, RFC 3311, RFC 3264).
    held: "holds agreed",
    taken_back: "holds ended",
    other_codec: "changes of the codec agreed",
    other_address: "changes of the media's address agreed",
    other_contact: "changes of the far end's Contact, followed by us",
    offerless_changes: "re-INVITEs without a description, answered by theirs in the ACK",
    changed_by_update: "UPDATEs with a description agreed",
    mere_updates: "UPDATEs without a description answered",
    early_updates: "UPDATEs before the answer",
    reinvites: "re-INVITEs of ours agreed",
    updates: "UPDATEs of ours agreed",
    // Glare (§14.1).
    glare_to_them: "491s of ours",
    glare_to_us: "491s to us",
    both_glared: "491s to us in a dialog in which the other end had just had one of ours",
    paused_as_owner: "pauses of ours after a 491 of 2.1 to 4 s, for the Call-ID is ours",
    paused_as_other: "pauses of ours after a 491 of 0 to 2 s, for the Call-ID is theirs",
    // 100rel (RFC 3262).
    reliable_to_callers: "provisional responses of ours acknowledged by PRACK",
    reliable_from_phones: "provisional responses of phones that we acknowledged by PRACK",
    reliable_required: "callers who required 100rel",
    never_pracked: "callers refused with 504 because no PRACK came",
    // Session timers (RFC 4028).
    refreshed_by_us: "sessions refreshed by us",
    refreshed_by_them: "sessions refreshed by the other end",
    too_brief_to_them: "422s of ours",
    too_brief_to_us: "422s to us, obeyed",
    session_expired: "calls ended by us because nobody refreshed their session",
    expired_there: "calls ended by the other end because nobody refreshed their session",
    update_unknown: "refreshes by UPDATE that were refused, and made by INVITE",
    // Other requests, and what is refused politely (§8.2, §11, §12.2.2).
    options: "OPTIONS answered",
    info: "INFOs answered",
    message_refused: "MESSAGEs refused with 405",
    subscribe_refused: "SUBSCRIBEs and PUBLISHs refused with 489",
    method_unknown: "unknown methods refused with 501",
    extension_unknown: "unknown extensions refused with 420",
    body_unknown: "bodies that are no SDP refused with 415",
    scheme_unknown: "URIs that are none of SIP's refused with 416",
    malformed: "messages that make no sense refused with 400",
    no_codec: "offers without a codec of ours refused with 488",
    no_dialog: "requests in dialogs that do not exist refused with 481",
    overtaken: "requests that were overtaken refused with 500",
    info_package: "INFOs of unknown packages refused with 469",
    hops_used_up: "INVITEs that may go no further refused with 483",
    went_round: "calls that went round by us until their hops were used up",
    merged: "INVITEs that came by two ways refused with 482",
    // Passing on (RFC 3515, RFC 3891).
    referred: "blind transfers accepted",
    referred_attended: "attended transfers accepted",
    passed_on: "blind transfers that came to their end",
    passed_on_attended: "attended transfers that came to their end",
    pass_failed: "blind transfers that failed",
    pass_failed_attended: "attended transfers that failed",
    came_back: "calls that went on with their agent after the transfer had failed",
    refer_refused: "REFERs refused",
    replaces_refused: "INVITEs with Replaces refused",
    // Passwords (§22).
    challenged: "INVITEs of ours that a trunk asked a password for",
    challenged_within: "requests of ours in a dialog that a trunk asked a password for",
    challenged_bye: "BYEs of ours that a trunk asked a password for",
    stale: "passwords asked for again because the nonce was too old",
    proved: "INVITEs of ours answered after the trunk had our password",
    proved_within: "requests of ours in a dialog answered after the trunk had our password",
    not_proved: "challenges of trunks that we did not answer",
    phones_challenged: "callers whom we asked for a password",
    // What went wrong out there.
    lost: "calls forgotten by a phone that died",
    unacknowledged: "answers of phones that were never acknowledged",
}
