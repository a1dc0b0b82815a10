//! TLS over loopback sockets, with certificates made for the occasion.

use super::certificates::Authority;
use super::*;
use crate::sip::flow::TrunkId;
use crate::sip::host::Host;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use std::path::PathBuf;
use tokio_rustls::{TlsAcceptor, TlsConnector, client};

type Files = (PathBuf, PathBuf);

fn files(pairs: &[&Files], authority: &Authority) -> TlsFiles {
    let certificates = pairs
        .iter()
        .map(|(certificate, key)| CertificateFiles { certificate: certificate.clone(), key: key.clone() });
    TlsFiles { certificates: certificates.collect(), trust: Some(authority.file()), ..TlsFiles::default() }
}

fn rules(tls: &TlsFiles) -> PeerRules {
    PeerRules { tls: Some(Tls::load(tls).unwrap()), ..PeerRules::default() }
}

/// One listener, for TLS.
async fn listening(
    settings: TransportSettings,
    rules: PeerRules,
) -> (TransportSender, Inbox, SocketAddr, watch::Sender<Arc<PeerRules>>) {
    let (exchange, shown) = watch::channel(Arc::new(rules));
    let (sender, receiver) = bind(&[local(Transport::Tls)], settings, shown).await.unwrap();
    let address = sender.bound()[0].address;
    (sender, receiver, address, exchange)
}

fn roots(authority: &Authority) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(authority.file()).unwrap()).unwrap();
    roots
}

/// A phone that believes this authority, and shows a certificate if it has one.
async fn phone(
    address: SocketAddr,
    name: &str,
    authority: &Authority,
    own: Option<&Files>,
) -> std::io::Result<client::TlsStream<TcpStream>> {
    let config = ClientConfig::builder().with_root_certificates(roots(authority));
    let config = match own {
        Some(own) => config.with_client_auth_cert(vec![certificate(own)], key(own)).unwrap(),
        None => config.with_no_client_auth(),
    };
    let stream = TcpStream::connect(address).await.unwrap();
    TlsConnector::from(Arc::new(config)).connect(ServerName::try_from(name.to_owned()).unwrap(), stream).await
}

fn certificate((certificate, _): &Files) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(certificate).unwrap()
}

fn key((_, key): &Files) -> PrivateKeyDer<'static> {
    PrivateKeyDer::from_pem_file(key).unwrap()
}

fn shown(phone: &client::TlsStream<TcpStream>) -> CertificateDer<'static> {
    phone.get_ref().1.peer_certificates().unwrap()[0].clone().into_owned()
}

#[tokio::test]
async fn a_message_comes_by_tls_and_its_answer_goes_back() {
    let authority = Authority::new();
    let own = authority.issue("own", &["sip.example.com"]);
    let (sender, mut receiver, address, _rules) =
        listening(TransportSettings::default(), rules(&files(&[&own], &authority))).await;
    let mut phone = phone(address, "sip.example.com", &authority, None).await.unwrap();
    phone.write_all(options("l: 0\r\n\r\n").as_bytes()).await.unwrap();
    let Received::Message { flow, .. } = next(&mut receiver).await else { panic!("no message") };
    assert_eq!((flow.transport, flow.local), (Transport::Tls, address));
    sender.send(flow, b"answer".as_slice().into());
    let mut answer = [0; 6];
    timeout(DEADLINE, phone.read_exact(&mut answer)).await.unwrap().unwrap();
    assert_eq!(&answer, b"answer");
    drop(receiver);
    // A goodbye, no cut.
    assert_eq!(timeout(DEADLINE, phone.read(&mut answer)).await.unwrap().unwrap(), 0);
}

#[tokio::test]
async fn whoever_names_one_of_our_names_is_shown_its_certificate() {
    let authority = Authority::new();
    let [one, two] =
        [("one", "one.example"), ("two", "two.example")].map(|(file, it)| authority.issue(file, &[it]));
    let (_sender, _receiver, address, _rules) =
        listening(TransportSettings::default(), rules(&files(&[&one, &two], &authority))).await;
    for (name, files) in [("one.example", &one), ("two.example", &two)] {
        let phone = phone(address, name, &authority, None).await.unwrap();
        assert_eq!(shown(&phone), certificate(files), "{name}");
    }
    // Whoever asks for another gets the first, and can judge for himself.
    phone(address, "three.example", &authority, None).await.unwrap_err();
}

#[tokio::test]
async fn other_certificates_serve_new_connections_and_old_connections_stay() {
    let authority = Authority::new();
    let [old, new] = ["old", "new"].map(|file| authority.issue(file, &["sip.example.com"]));
    let (sender, mut receiver, address, exchange) =
        listening(TransportSettings::default(), rules(&files(&[&old], &authority))).await;
    let mut before = phone(address, "sip.example.com", &authority, None).await.unwrap();
    exchange.send_replace(Arc::new(rules(&files(&[&new], &authority))));
    let after = phone(address, "sip.example.com", &authority, None).await.unwrap();
    assert_eq!((shown(&before), shown(&after)), (certificate(&old), certificate(&new)));
    before.write_all(options("l: 0\r\n\r\n").as_bytes()).await.unwrap();
    let Received::Message { flow, .. } = next(&mut receiver).await else { panic!("no message") };
    sender.send(flow, b"answer".as_slice().into());
    timeout(DEADLINE, before.read_exact(&mut [0; 6])).await.unwrap().unwrap();
}

#[tokio::test]
async fn where_authorities_are_named_nobody_comes_without_a_certificate_of_theirs() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let own = authority.issue("own", &["sip.example.com"]);
    let asked = TlsFiles { client_authorities: Some(authority.file()), ..files(&[&own], &authority) };
    let (sender, mut receiver, address, _rules) =
        listening(TransportSettings::default(), rules(&asked)).await;
    let carrier = authority.issue("carrier", &["carrier.example"]);
    let foreign = stranger.issue("foreign", &["carrier.example"]);
    for (shows, admitted) in [(None, false), (Some(&foreign), false), (Some(&carrier), true)] {
        // In TLS 1.3 a client learns only later that he is not wanted.
        let Ok(mut phone) = phone(address, "sip.example.com", &authority, shows).await else {
            assert!(!admitted);
            continue;
        };
        let _ = phone.write_all(options("l: 0\r\n\r\n").as_bytes()).await;
        if admitted {
            next(&mut receiver).await;
        } else {
            let read = timeout(DEADLINE, phone.read(&mut [0; 1])).await.unwrap();
            assert!(!matches!(read, Ok(1..)), "{read:?}");
        }
    }
    assert_eq!(sender.counts().handshakes_failed.load(Ordering::Relaxed), 2);
    let mut more = Vec::new();
    receiver.top_up(&mut more, 1);
    assert!(more.is_empty(), "nothing but the carrier's came in");
}

/// A trunk's server with this certificate. Gives what the first who comes says.
async fn server(own: &Files) -> (SocketAddr, tokio::task::JoinHandle<std::io::Result<Vec<u8>>>) {
    let config = ServerConfig::builder().with_no_client_auth();
    let config = config.with_single_cert(vec![certificate(own)], key(own)).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let heard = tokio::spawn(async move {
        let (stream, _) = listener.accept().await?;
        let mut stream = TlsAcceptor::from(Arc::new(config)).accept(stream).await?;
        let mut said = vec![0; 5];
        stream.read_exact(&mut said).await?;
        Ok(said)
    });
    (address, heard)
}

#[tokio::test]
async fn a_trunk_must_prove_the_name_it_was_configured_with() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let own = authority.issue("own", &["sip.example.com"]);
    let right = authority.issue("right", &["sip.carrier.example"]);
    let another = authority.issue("another", &["sip.evil.example"]);
    let forged = stranger.issue("forged", &["sip.carrier.example"]);
    let by_address = authority.issue("address", &["127.0.0.1"]);
    let mut rules = rules(&files(&[&own], &authority));
    rules.trunks = vec![None, Some(Host::parse("sip.carrier.example").unwrap())];
    let (sender, mut receiver, here, _rules) = listening(TransportSettings::default(), rules).await;
    for (certificate, trunk, reached) in [
        (&right, Some(TrunkId(1)), true),
        (&another, Some(TrunkId(1)), false),
        (&forged, Some(TrunkId(1)), false),
        (&by_address, None, true),
        (&right, None, false),
    ] {
        let (remote, heard) = server(certificate).await;
        let flow = Flow { trunk, ..Flow::new(Transport::Tls, here, remote) };
        sender.send(flow, b"hello".as_slice().into());
        let heard = timeout(DEADLINE, heard).await.unwrap().unwrap();
        assert_eq!(heard.ok().as_deref(), reached.then_some(&b"hello"[..]), "{certificate:?} {trunk:?}");
        assert!(matches!(next(&mut receiver).await, Received::Failed { flow: it } if it.remote == remote));
        if reached {
            // The flow without a connection, by which it was asked for, is over as well.
            next(&mut receiver).await;
        }
    }
}

#[tokio::test]
async fn who_came_to_us_is_not_taken_for_who_would_be_called_at_his_address() {
    let authority = Authority::new();
    let own = authority.issue("own", &["sip.example.com"]);
    let (sender, mut receiver, address, _rules) =
        listening(TransportSettings::default(), rules(&files(&[&own], &authority))).await;
    let mut phone = phone(address, "sip.example.com", &authority, None).await.unwrap();
    phone.write_all(options("l: 0\r\n\r\n").as_bytes()).await.unwrap();
    let Received::Message { flow, .. } = next(&mut receiver).await else { panic!("no message") };
    let anew = Flow { connection: None, ..flow };
    sender.send(anew, b"secret".as_slice().into());
    assert_eq!(next(&mut receiver).await, Received::Failed { flow: anew }, "nobody listens at that port");
    sender.send(flow, b"answer".as_slice().into());
    let mut answer = [0; 6];
    timeout(DEADLINE, phone.read_exact(&mut answer)).await.unwrap().unwrap();
    assert_eq!(&answer, b"answer");
}

#[tokio::test]
async fn a_handshake_that_stalls_is_given_up_and_too_many_at_once_are_turned_away() {
    let authority = Authority::new();
    let own = authority.issue("own", &["sip.example.com"]);
    let settings = TransportSettings {
        handshakes_max: 1,
        handshake: Duration::from_millis(300),
        ..TransportSettings::default()
    };
    let (sender, _receiver, address, _rules) = listening(settings, rules(&files(&[&own], &authority))).await;
    let mut silent = TcpStream::connect(address).await.unwrap();
    silent.write_all(b"\x16\x03").await.unwrap();
    let begun = async {
        while sender.connections() == 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(DEADLINE, begun).await.unwrap();
    closed(&mut TcpStream::connect(address).await.unwrap()).await;
    assert_eq!(sender.counts().refused.load(Ordering::Relaxed), 1);
    closed(&mut silent).await;
    assert_eq!(sender.counts().handshakes_failed.load(Ordering::Relaxed), 1);
    // The place is free again, at once or a moment later.
    let again = async { while phone(address, "sip.example.com", &authority, None).await.is_err() {} };
    timeout(DEADLINE, again).await.unwrap();
}

#[tokio::test]
async fn tls_is_not_listened_for_without_a_certificate() {
    let error = bind(&[local(Transport::Wss)], TransportSettings::default(), plain()).await.unwrap_err();
    assert!(error.to_string().contains("wss:127.0.0.1:0: there is no certificate"), "{error}");
}

#[test]
fn files_that_are_of_no_use_are_told_with_the_reason_and_no_key() {
    let authority = Authority::new();
    let (good, other) = (authority.issue("good", &["a.example"]), authority.issue("other", &["b.example"]));
    let expired = authority.issue_until("expired", &["a.example"], 2021);
    let broken = authority.path("broken.pem");
    std::fs::write(&broken, "-----BEGIN PRIVATE KEY-----\nc2VjcmV0IGtleQ\n").unwrap();
    let missing = authority.path("missing.pem");
    let reason = |certificate: &PathBuf, key: &PathBuf| {
        let files = files(&[&(certificate.clone(), key.clone())], &authority);
        Tls::load(&files).map_or_else(|error| error.to_string(), |_| "none".into())
    };
    assert_eq!(reason(&good.0, &good.1), "none");
    for (certificate, key, expected) in [
        (&good.0, &other.1, "the key is another certificate's than"),
        (&expired.0, &expired.1, "valid from 2020-01-01T00:00:00Z until 2021-12-31T00:00:00Z, and now it is"),
        (&missing, &good.1, "missing.pem: cannot be read"),
        (&good.1, &good.1, "good.key: no certificate in it"),
        (&good.0, &good.0, "good.pem: no private key in it"),
        (&good.0, &broken, "broken.pem: an \"-----END …\" is missing"),
    ] {
        let reason = reason(certificate, key);
        assert!(reason.contains(expected), "{reason}");
        assert!(!reason.contains("c2VjcmV0") && !reason.contains("secret"), "{reason}");
    }
    let files = TlsFiles { client_authorities: Some(good.1.clone()), ..files(&[&good], &authority) };
    assert!(Tls::load(&files).unwrap_err().to_string().contains("good.key: no certificate in it"));
}
