//! A trace as a ladder: a column for each peer, an arrow for each message, what was decided in between. It words nothing
//! that is not in the trace, and lets no message drive the terminal.

use super::{Step, Trace};

/// The width between two columns: wide enough for most labels.
const GAP: usize = 27;
/// Where the first column stands: behind the time.
const MARGIN: usize = 12;
/// Names and labels longer than this are cut.
const WORD: usize = GAP - 7;

/// The ladder's lines. The caller stands at the left, we beside him, all others at the right.
pub fn ladder(trace: &Trace) -> Vec<String> {
    let mut lines = vec![heads(trace, |peer| &trace.peers[peer].name, "Holdfast")];
    lines.push(heads(trace, |peer| &trace.peers[peer].address, ""));
    for step in &trace.steps {
        lines.push(match step {
            Step::Message { at_us, peer, sent, label, again, .. } => {
                arrow(trace, *at_us, *peer, *sent, label, *again)
            }
            Step::Decision { at_us, what } => {
                let mut line = rungs(trace, *at_us);
                put(&mut line, column(0), "*");
                put(&mut line, column(0) + 2, &format!("{} ", plain(what, 80)));
                line.into_iter().collect::<String>().trim_end().to_owned()
            }
        });
    }
    lines
}

/// The column of a peer: we stand at column 0, the caller left of us.
fn place(peer: usize) -> usize {
    if peer == 0 { MARGIN } else { column(peer) }
}

fn column(number: usize) -> usize {
    MARGIN + GAP * (number + 1)
}

fn heads<'a>(trace: &'a Trace, name: impl Fn(usize) -> &'a String, ours: &str) -> String {
    let mut line = Vec::new();
    put(&mut line, column(0), ours);
    for peer in 0..trace.peers.len() {
        put(&mut line, place(peer), &plain(name(peer), GAP - 1));
    }
    line.into_iter().collect()
}

/// The time and the uprights.
fn rungs(trace: &Trace, at_us: u64) -> Vec<char> {
    let mut line: Vec<char> = format!("{:>9}.{}", at_us / 1_000, at_us % 1_000 / 100).chars().collect();
    put(&mut line, column(0), "|");
    for peer in 0..trace.peers.len() {
        put(&mut line, place(peer), "|");
    }
    line
}

fn arrow(trace: &Trace, at_us: u64, peer: usize, sent: bool, label: &str, again: bool) -> String {
    let mut line = rungs(trace, at_us);
    let (theirs, ours) = (place(peer), column(0));
    let (left, right) = (theirs.min(ours), theirs.max(ours));
    let points_right = sent == (ours < theirs);
    let shaft = "-".repeat(right - left - 1);
    put(&mut line, left + 1, &shaft);
    put(&mut line, if points_right { right - 1 } else { left + 1 }, if points_right { ">" } else { "<" });
    let label = format!(" {} ", plain(label, WORD));
    // Beside the end it belongs to, however far the arrow goes.
    let middle = if peer == 0 { left } else { right - GAP } + (GAP - label.chars().count().min(GAP)) / 2;
    put(&mut line, middle + 1, &label);
    let mut line: String = line.into_iter().collect();
    if again {
        line.push_str("  again");
    }
    line
}

fn put(line: &mut Vec<char>, at: usize, text: &str) {
    let end = at + text.chars().count();
    if line.len() < end {
        line.resize(end, ' ');
    }
    for (place, c) in line[at..end].iter_mut().zip(text.chars()) {
        *place = c;
    }
}

/// What others wrote, on a terminal: it moves no cursor.
fn plain(text: &str, most: usize) -> String {
    text.chars().map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).take(most).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::Peer;

    fn peer(name: &str, port: u16) -> Peer {
        let address = format!("udp 127.0.0.1:{port}");
        Peer { name: name.into(), address, sip_call_id: name.into() }
    }

    fn message(at_us: u64, peer: usize, sent: bool, label: &str, again: bool) -> Step {
        Step::Message { at_us, peer, sent, label: label.into(), again, text: String::new() }
    }

    #[test]
    fn a_call_reads_from_left_to_right_and_from_top_to_bottom() {
        let trace = Trace {
            call: "7".into(),
            began_at_ms: 0,
            peers: vec![peer("caller", 5070), peer("anna", 5080), peer("ben\u{1b}[2J", 5081)],
            steps: vec![
                message(0, 0, false, "INVITE SDP", false),
                message(312, 0, true, "100 Trying", false),
                Step::Decision { at_us: 900, what: "queued in sales".into() },
                message(2_450, 1, true, "INVITE SDP", false),
                message(2_500, 2, true, "INVITE SDP", false),
                message(502_450, 1, true, "INVITE SDP", true),
                message(1_502_450, 2, false, "486 Busy Here\u{1b}[2J and far more than fits", false),
            ],
            left_out: 0,
        };
        let expected = [
            "            caller                     Holdfast                   anna                       ben?[2J",
            "            udp 127.0.0.1:5070                                    udp 127.0.0.1:5080         udp 127.0.0.1:5081",
            "        0.0 |------- INVITE SDP ------>|                          |                          |",
            "        0.3 |<------ 100 Trying -------|                          |                          |",
            "        0.9 |                          * queued in sales          |                          |",
            "        2.4 |                          |------- INVITE SDP ------>|                          |",
            "        2.5 |                          |---------------------------------- INVITE SDP ------>|",
            "      502.4 |                          |------- INVITE SDP ------>|                          |  again",
            "     1502.4 |                          |<---------------------------- 486 Busy Here?[2J an --|",
        ];
        assert_eq!(ladder(&trace), expected);
    }
}
