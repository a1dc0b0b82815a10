//! The transports over loopback sockets.

mod certificates;
mod tls;
mod websocket;

use super::*;
use crate::sip::codec;
use crate::sip::fault::Fault;
use crate::sip::message::Message;
use std::net::Ipv4Addr;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// Long enough for any machine; nothing waits so long when all is well.
const DEADLINE: Duration = Duration::from_secs(20);

const HEADERS: &str = "Via: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:b@b>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n";

fn options(more: &str) -> String {
    format!("OPTIONS sip:b@b SIP/2.0\r\n{HEADERS}{more}")
}

fn local(transport: Transport) -> Listen {
    Listen { transport, address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)) }
}

/// Neither certificates nor pages.
fn plain() -> watch::Receiver<Arc<PeerRules>> {
    watch::channel(Arc::default()).1
}

async fn open(settings: TransportSettings) -> (TransportSender, Inbox, SocketAddr, SocketAddr) {
    let (sender, receiver) =
        bind(&[local(Transport::Udp), local(Transport::Tcp)], settings, plain()).await.unwrap();
    let [udp, tcp] = sender.bound() else { panic!("two listeners") };
    let (udp, tcp) = (udp.address, tcp.address);
    (sender, receiver, udp, tcp)
}

async fn next(receiver: &mut Inbox) -> Received {
    timeout(DEADLINE, receiver.recv()).await.expect("in time").expect("open").what
}

async fn closed(stream: &mut TcpStream) {
    let mut rest = Vec::new();
    // A reset closes as well.
    let _ = timeout(DEADLINE, stream.read_to_end(&mut rest)).await.expect("closed in time");
}

#[tokio::test]
async fn a_datagram_comes_in_and_the_answer_goes_back() {
    let (sender, mut receiver, udp, _) = open(TransportSettings::default()).await;
    let phone = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    for garbage in [&b"\r\n\r\n"[..], b"\0\0\0\0", b"INVITE\r\n\r\n", b"SIP/2.0 999999 x\r\n\r\n"] {
        phone.send_to(garbage, udp).await.unwrap();
    }
    phone.send_to(options("\r\n").as_bytes(), udp).await.unwrap();
    let Received::Message { flow, .. } = next(&mut receiver).await else { panic!("no message") };
    assert_eq!((flow.local, flow.remote), (udp, phone.local_addr().unwrap()));
    assert_eq!(sender.counts().malformed.load(Ordering::Relaxed), 3);
    sender.send(flow, b"answer".as_slice().into());
    let mut buffer = [0; 100];
    let (size, from) = timeout(DEADLINE, phone.recv_from(&mut buffer)).await.unwrap().unwrap();
    assert_eq!((&buffer[..size], from), (&b"answer"[..], udp));
}

#[tokio::test]
async fn a_phone_that_asks_where_it_is_seen_from_is_told() {
    let (_sender, mut receiver, udp, _) = open(TransportSettings::default()).await;
    let phone = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let question = [&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42][..], b"transaction!"].concat();
    phone.send_to(&question, udp).await.unwrap();
    let mut answer = [0; 100];
    let (size, from) = timeout(DEADLINE, phone.recv_from(&mut answer)).await.unwrap().unwrap();
    assert_eq!((size, from, &answer[8..20]), (32, udp, &b"transaction!"[..]));
    phone.send_to(options("\r\n").as_bytes(), udp).await.unwrap();
    assert!(matches!(next(&mut receiver).await, Received::Message { .. }), "and nobody else hears of it");
}

#[tokio::test]
async fn a_malformed_request_comes_in_as_such() {
    let (_sender, mut receiver, udp, _) = open(TransportSettings::default()).await;
    let phone = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    phone.send_to(options("Content-Length: 9\r\n\r\n").as_bytes(), udp).await.unwrap();
    let Received::Malformed { malformed, .. } = next(&mut receiver).await else { panic!("no refusal") };
    assert_eq!(malformed.fault, Fault::BodyCut);
    assert_eq!(malformed.reply("t").unwrap().status, 400);
}

#[tokio::test]
async fn datagrams_nobody_takes_are_dropped_and_counted() {
    let settings = TransportSettings { received_max: 2, ..TransportSettings::default() };
    let (sender, mut receiver, udp, _) = open(settings).await;
    let phone = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    for _ in 0..10 {
        phone.send_to(options("\r\n").as_bytes(), udp).await.unwrap();
    }
    let all_seen = async {
        while sender.counts().dropped.load(Ordering::Relaxed) < 8 {
            tokio::task::yield_now().await;
        }
    };
    timeout(DEADLINE, all_seen).await.unwrap();
    // The lane of the new is full, and yet what stands gets through.
    phone.send_to(options("\r\n").replace("<sip:b@b>", "<sip:b@b>;tag=2").as_bytes(), udp).await.unwrap();
    let standing = async {
        while sender.counts().received.load(Ordering::Relaxed) < 3 {
            tokio::task::yield_now().await;
        }
    };
    timeout(DEADLINE, standing).await.unwrap();
    let mut taken = Vec::new();
    receiver.top_up(&mut taken, 10);
    assert_eq!(taken.iter().map(|one| one.is_new).collect::<Vec<_>>(), [false, true, true]);
}

#[tokio::test]
async fn a_stream_is_cut_into_messages_and_pings_are_answered() {
    let (sender, mut receiver, _, tcp) = open(TransportSettings::default()).await;
    let mut phone = TcpStream::connect(tcp).await.unwrap();
    let two = format!("\r\n\r\n{}{}", options("l: 2\r\n\r\nab"), options("l: 0\r\n\r\n"));
    for piece in two.as_bytes().chunks(50) {
        phone.write_all(piece).await.unwrap();
        phone.flush().await.unwrap();
    }
    let mut pong = [0; 2];
    timeout(DEADLINE, phone.read_exact(&mut pong)).await.unwrap().unwrap();
    assert_eq!(&pong, b"\r\n");
    for body in [&b"ab"[..], b""] {
        let Received::Message { message: Message::Request(request), flow } = next(&mut receiver).await else {
            panic!("no request")
        };
        assert_eq!(request.body, body);
        sender.send(flow, b"ok".as_slice().into());
        timeout(DEADLINE, phone.read_exact(&mut pong)).await.unwrap().unwrap();
        assert_eq!(&pong, b"ok");
    }
}

#[tokio::test]
async fn a_listener_on_all_addresses_tells_the_one_it_was_reached_by() {
    let all = |transport| Listen { transport, address: SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)) };
    let (sender, mut receiver) =
        bind(&[all(Transport::Udp), all(Transport::Tcp)], TransportSettings::default(), plain())
            .await
            .unwrap();
    let [udp, tcp] =
        [0, 1].map(|index| SocketAddr::from((Ipv4Addr::LOCALHOST, sender.bound()[index].address.port())));
    let phone = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    phone.send_to(options("\r\n").as_bytes(), udp).await.unwrap();
    let Received::Message { flow, .. } = next(&mut receiver).await else { panic!("no message") };
    assert_eq!(flow.local, udp);
    sender.send(flow, b"answer".as_slice().into());
    let mut buffer = [0; 100];
    let (_, from) = timeout(DEADLINE, phone.recv_from(&mut buffer)).await.unwrap().unwrap();
    assert_eq!(from, udp);
    assert_eq!(sender.flow_to(Transport::Udp, phone.local_addr().unwrap()).unwrap().local, udp);
    let mut stream = TcpStream::connect(tcp).await.unwrap();
    stream.write_all(options("l: 0\r\n\r\n").as_bytes()).await.unwrap();
    let Received::Message { flow, .. } = next(&mut receiver).await else { panic!("no message") };
    assert_eq!(flow.local, tcp);
}

#[tokio::test]
async fn a_peer_that_has_said_all_still_gets_its_answer() {
    let (sender, mut receiver, _, tcp) = open(TransportSettings::default()).await;
    let mut phone = TcpStream::connect(tcp).await.unwrap();
    phone.write_all(options("l: 0\r\n\r\n").as_bytes()).await.unwrap();
    phone.shutdown().await.unwrap();
    let Received::Message { flow, .. } = next(&mut receiver).await else { panic!("no message") };
    sender.send(flow, b"answer".as_slice().into());
    let mut answer = [0; 6];
    timeout(DEADLINE, phone.read_exact(&mut answer)).await.unwrap().unwrap();
    assert_eq!(&answer, b"answer");
    closed(&mut phone).await;
}

#[tokio::test]
async fn a_stream_without_length_is_refused_and_closed() {
    let (sender, mut receiver, _, tcp) = open(TransportSettings::default()).await;
    let mut phone = TcpStream::connect(tcp).await.unwrap();
    phone.write_all(options("\r\n").as_bytes()).await.unwrap();
    let Received::Malformed { malformed, flow } = next(&mut receiver).await else { panic!("no refusal") };
    assert_eq!(malformed.fault, Fault::Missing("Content-Length"));
    let reply = codec::print_response(&malformed.reply("t").unwrap());
    sender.send(flow, reply.clone().into());
    let mut answer = vec![0; reply.len()];
    timeout(DEADLINE, phone.read_exact(&mut answer)).await.unwrap().unwrap();
    closed(&mut phone).await;
}

#[tokio::test]
async fn a_connection_is_opened_once_and_then_reused() {
    let (sender, mut receiver, ..) = open(TransportSettings::default()).await;
    let phone = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let flow = sender.flow_to(Transport::Tcp, phone.local_addr().unwrap()).unwrap();
    sender.send(flow, b"one".as_slice().into());
    sender.send(flow, b"two".as_slice().into());
    let (mut stream, _) = timeout(DEADLINE, phone.accept()).await.unwrap().unwrap();
    let mut both = [0; 6];
    timeout(DEADLINE, stream.read_exact(&mut both)).await.unwrap().unwrap();
    assert_eq!(&both, b"onetwo");
    stream.write_all(options("l: 0\r\n\r\n").as_bytes()).await.unwrap();
    let Received::Message { flow: back, .. } = next(&mut receiver).await else { panic!("no message") };
    assert_eq!((back.remote, back.local), (flow.remote, flow.local));
    assert_eq!((back.connection.is_some(), sender.connections()), (true, 1));
}

#[tokio::test]
async fn what_cannot_be_sent_is_told_with_its_flow() {
    let (sender, mut receiver, udp, tcp) = open(TransportSettings::default()).await;
    let unused = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = unused.local_addr().unwrap();
    drop(unused);
    let refused = Flow::tcp(tcp, nobody);
    sender.send(refused, b"x".as_slice().into());
    assert_eq!(next(&mut receiver).await, Received::Failed { flow: refused });
    let gone = Flow { connection: Some(super::super::flow::ConnectionId(99)), ..refused };
    sender.send(gone, b"x".as_slice().into());
    assert_eq!(next(&mut receiver).await, Received::Failed { flow: gone });
    let too_large = Flow::udp(udp, nobody);
    sender.send(too_large, vec![0; 70_000].into());
    assert_eq!(next(&mut receiver).await, Received::Failed { flow: too_large });
    assert_eq!(sender.connections(), 0);
}

#[tokio::test]
async fn too_many_connections_of_one_source_are_turned_away() {
    let settings = TransportSettings { connections_per_source_max: 2, ..TransportSettings::default() };
    let (sender, mut receiver, _, tcp) = open(settings).await;
    let mut kept = Vec::new();
    for _ in 0..2 {
        let mut stream = TcpStream::connect(tcp).await.unwrap();
        stream.write_all(options("l: 0\r\n\r\n").as_bytes()).await.unwrap();
        next(&mut receiver).await;
        kept.push(stream);
    }
    closed(&mut TcpStream::connect(tcp).await.unwrap()).await;
    assert_eq!((sender.connections(), sender.counts().refused.load(Ordering::Relaxed)), (2, 1));
    drop(kept);
    let all_gone = async {
        while sender.connections() > 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(DEADLINE, all_gone).await.unwrap();
}

#[tokio::test]
async fn who_is_shut_out_is_neither_read_nor_let_in_and_nobody_else_is_harmed() {
    let (sender, mut receiver, udp, tcp) = open(TransportSettings::default()).await;
    let mut known = TcpStream::connect(tcp).await.unwrap();
    known.write_all(options("l: 0\r\n\r\n").as_bytes()).await.unwrap();
    next(&mut receiver).await;
    sender.shut_out(vec![Source::of(Ipv4Addr::LOCALHOST.into())]);
    let [banned, other] = ["127.0.0.1:0", "127.0.0.2:0"].map(tokio::net::UdpSocket::bind);
    let (banned, other) = (banned.await.unwrap(), other.await.unwrap());
    closed(&mut TcpStream::connect(tcp).await.unwrap()).await;
    known.write_all(options("l: 0\r\n\r\n").as_bytes()).await.unwrap();
    banned.send_to(options("\r\n").as_bytes(), udp).await.unwrap();
    banned
        .send_to(&[&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42][..], b"transaction!"].concat(), udp)
        .await
        .unwrap();
    let all_dropped = async {
        while sender.counts().shut_out.load(Ordering::Relaxed) < 4 {
            tokio::task::yield_now().await;
        }
    };
    timeout(DEADLINE, all_dropped)
        .await
        .expect("a connection, a message on an old one, a datagram, a question of STUN");
    other.send_to(options("\r\n").as_bytes(), udp).await.unwrap();
    let Received::Message { flow, .. } = next(&mut receiver).await else { panic!("no message") };
    assert_eq!(flow.remote, other.local_addr().unwrap(), "the first to be heard since");
    sender.shut_out(Vec::new());
    banned.send_to(options("\r\n").as_bytes(), udp).await.unwrap();
    assert!(matches!(next(&mut receiver).await, Received::Message { .. }));
}

#[tokio::test]
async fn a_peer_that_stalls_inside_a_message_is_cut_off() {
    let settings = TransportSettings { patience: Duration::from_millis(50), ..TransportSettings::default() };
    let (_sender, _receiver, _, tcp) = open(settings).await;
    let mut phone = TcpStream::connect(tcp).await.unwrap();
    phone.write_all(b"OPTIONS sip:").await.unwrap();
    closed(&mut phone).await;
}

#[tokio::test]
async fn a_connection_that_says_nothing_is_closed_and_one_that_has_spoken_may_be_silent() {
    let settings = TransportSettings { patience: Duration::from_millis(100), ..TransportSettings::default() };
    let (sender, mut receiver, _, tcp) = open(settings).await;
    let mut spoke = TcpStream::connect(tcp).await.unwrap();
    spoke.write_all(options("l: 0\r\n\r\n").as_bytes()).await.unwrap();
    let Received::Message { flow, .. } = next(&mut receiver).await else { panic!("no message") };
    let mut silent = TcpStream::connect(tcp).await.unwrap();
    closed(&mut silent).await;
    // Nor is a ping a message, however often it comes.
    let (mut reader, mut writer) = TcpStream::connect(tcp).await.unwrap().into_split();
    let pinging = async {
        while writer.write_all(b"\r\n\r\n").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let mut pongs = Vec::new();
    let reading = async { drop(reader.read_to_end(&mut pongs).await) };
    timeout(DEADLINE, async {
        tokio::select! { () = pinging => {}, () = reading => {} }
    })
    .await
    .unwrap();
    // The one that came first has outlived both.
    sender.send(flow, b"ok".as_slice().into());
    let mut answer = [0; 2];
    timeout(DEADLINE, spoke.read_exact(&mut answer)).await.unwrap().unwrap();
    assert_eq!(&answer, b"ok");
}

#[tokio::test]
async fn a_port_in_use_names_the_listener_and_the_remedy() {
    let (sender, _receiver, ..) = open(TransportSettings::default()).await;
    for taken in sender.bound() {
        let error = bind(&[*taken], TransportSettings::default(), plain()).await.unwrap_err().to_string();
        assert!(error.contains(&taken.to_string()) && error.contains("in use"), "{error}");
        assert!(error.contains("change `listen`"), "{error}");
    }
    let nothing = bind(&[], TransportSettings::default(), plain()).await.unwrap_err();
    assert!(nothing.to_string().contains("[sip]"));
}

#[tokio::test]
async fn dropping_the_receiver_ends_the_connections() {
    let (sender, receiver, _, tcp) = open(TransportSettings::default()).await;
    let mut phone = TcpStream::connect(tcp).await.unwrap();
    drop(receiver);
    closed(&mut phone).await;
    drop(sender);
}

#[tokio::test]
async fn a_connection_that_ends_is_told_though_nothing_was_to_be_sent() {
    let (_sender, mut receiver, _, tcp) = open(TransportSettings::default()).await;
    let mut phone = TcpStream::connect(tcp).await.unwrap();
    phone.write_all(options("Content-Length: 0\r\n\r\n").as_bytes()).await.unwrap();
    let Received::Message { flow, .. } = next(&mut receiver).await else { panic!("no message") };
    drop(phone);
    assert_eq!(next(&mut receiver).await, Received::Failed { flow });
}
