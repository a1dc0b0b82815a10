//! WebSockets over loopback sockets, as browsers open them.

use super::*;
use futures_util::{SinkExt, StreamExt};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message as Frame};
use tokio_tungstenite::{WebSocketStream, client_async};

type Browser = WebSocketStream<TcpStream>;

async fn listening(settings: TransportSettings, origins: Origins) -> (TransportSender, Inbox, SocketAddr) {
    let (_, rules) = watch::channel(Arc::new(PeerRules { origins, ..PeerRules::default() }));
    let (sender, receiver) = bind(&[local(Transport::Ws)], settings, rules).await.unwrap();
    let address = sender.bound()[0].address;
    (sender, receiver, address)
}

async fn open(address: SocketAddr, headers: &[(&'static str, &str)]) -> Result<Browser, Error> {
    let mut request = format!("ws://{address}/").into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    let stream = TcpStream::connect(address).await.unwrap();
    let (browser, response) = client_async(request, stream).await?;
    assert_eq!(response.headers()["Sec-WebSocket-Protocol"], "sip");
    Ok(browser)
}

const SIP: (&str, &str) = ("Sec-WebSocket-Protocol", "sip");

async fn said(browser: &mut Browser) -> Frame {
    timeout(DEADLINE, browser.next()).await.unwrap().unwrap().unwrap()
}

#[tokio::test]
async fn each_frame_is_one_message_whether_text_or_binary_and_needs_no_length() {
    let (sender, mut receiver, address) = listening(TransportSettings::default(), Origins::default()).await;
    let mut browser = open(address, &[SIP]).await.unwrap();
    let text = options("\r\n");
    for frame in [Frame::text(text.clone()), Frame::binary(text.into_bytes())] {
        browser.send(frame).await.unwrap();
        let Received::Message { flow, .. } = next(&mut receiver).await else { panic!("no message") };
        assert_eq!((flow.transport, flow.connection.is_some()), (Transport::Ws, true));
        sender.send(flow, b"answer".as_slice().into());
        assert_eq!(said(&mut browser).await, Frame::text("answer"));
    }
    browser.send(Frame::text("INVITE nonsense\r\n\r\n")).await.unwrap();
    browser.send(Frame::text(options("Content-Length: 9\r\n\r\n"))).await.unwrap();
    let Received::Malformed { malformed, .. } = next(&mut receiver).await else { panic!("no refusal") };
    assert_eq!(malformed.fault, Fault::BodyCut);
}

#[tokio::test]
async fn what_is_no_text_goes_out_as_binary() {
    let (sender, mut receiver, address) = listening(TransportSettings::default(), Origins::default()).await;
    let mut browser = open(address, &[SIP]).await.unwrap();
    browser.send(Frame::text(options("\r\n"))).await.unwrap();
    let Received::Message { flow, .. } = next(&mut receiver).await else { panic!("no message") };
    sender.send(flow, b"\xff\x00".as_slice().into());
    assert_eq!(said(&mut browser).await, Frame::binary(&b"\xff\x00"[..]));
}

#[tokio::test]
async fn pings_of_either_kind_are_answered_and_we_ping_who_is_silent() {
    let settings =
        TransportSettings { keep_alive: Duration::from_millis(30), ..TransportSettings::default() };
    let (_sender, _receiver, address) = listening(settings, Origins::default()).await;
    let mut browser = open(address, &[SIP]).await.unwrap();
    browser.send(Frame::Ping(b"there?".as_slice().into())).await.unwrap();
    browser.send(Frame::text("\r\n\r\n")).await.unwrap();
    let mut open =
        vec![Frame::Pong(b"there?".as_slice().into()), Frame::text("\r\n"), Frame::Ping(Vec::new().into())];
    while !open.is_empty() {
        let frame = said(&mut browser).await;
        open.retain(|wanted| *wanted != frame);
    }
}

#[tokio::test]
async fn a_page_from_elsewhere_and_one_that_speaks_no_sip_are_refused() {
    let (sender, _receiver, address) = listening(TransportSettings::default(), Origins::default()).await;
    let here = format!("http://{}:8080", address.ip());
    for (headers, status) in [
        (&[SIP, ("Origin", "https://evil.example")][..], Some(403)),
        (&[SIP, ("Origin", "null")], Some(403)),
        (&[SIP, ("Origin", here.as_str())], None),
        (&[], Some(400)),
        (&[("Sec-WebSocket-Protocol", "chat")], Some(400)),
    ] {
        match (open(address, headers).await, status) {
            (Ok(_), None) => {}
            (Err(Error::Http(response)), Some(status)) => assert_eq!(response.status(), status),
            (other, status) => panic!("{headers:?}: {other:?}, not {status:?}"),
        }
    }
    assert_eq!(sender.counts().handshakes_failed.load(Ordering::Relaxed), 4);
}

#[tokio::test]
async fn a_frame_that_is_too_large_ends_the_connection() {
    let (sender, _receiver, address) = listening(TransportSettings::default(), Origins::default()).await;
    let mut browser = open(address, &[SIP]).await.unwrap();
    let _ = browser.send(Frame::binary(vec![b'x'; codec::MESSAGE_SIZE_MAX_BYTES + 1])).await;
    let over = async { while let Some(Ok(_)) = browser.next().await {} };
    timeout(DEADLINE, over).await.unwrap();
    let gone = async {
        while sender.connections() > 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(DEADLINE, gone).await.unwrap();
}

#[tokio::test]
async fn a_browser_that_is_gone_cannot_be_called() {
    let (sender, mut receiver, address) = listening(TransportSettings::default(), Origins::default()).await;
    let mut browser = open(address, &[SIP]).await.unwrap();
    browser.send(Frame::text(options("\r\n"))).await.unwrap();
    let Received::Message { flow, .. } = next(&mut receiver).await else { panic!("no message") };
    browser.close(None).await.unwrap();
    drop(browser);
    assert_eq!(next(&mut receiver).await, Received::Failed { flow });
    for lost in [flow, Flow { connection: None, ..flow }] {
        sender.send(lost, b"ring".as_slice().into());
        assert_eq!(next(&mut receiver).await, Received::Failed { flow: lost });
    }
}

#[tokio::test]
async fn a_websocket_that_brings_no_message_is_closed_though_it_pings() {
    let settings = TransportSettings { patience: Duration::from_millis(100), ..TransportSettings::default() };
    let (_sender, _receiver, address) = listening(settings, Origins::default()).await;
    let mut browser = open(address, &[SIP]).await.unwrap();
    let pinging = async {
        // Each is answered until nobody is there any more.
        while browser.send(Frame::text("\r\n\r\n")).await.is_ok() {
            if !matches!(browser.next().await, Some(Ok(Frame::Text(_)))) {
                break;
            }
        }
    };
    timeout(DEADLINE, pinging).await.expect("closed in time");
}
