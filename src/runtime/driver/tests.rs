//! The loop when the mistake is our own: it says so, writes what it knows, and ends.

use super::*;
use crate::engine::id::QueueId;
use crate::engine::settings::{Number, Queue, Settings};
use crate::http::Asked;
use crate::media::library::Library;
use crate::media::recorder::{Format, NameTemplate, Rate, RecorderSettings};
use crate::media::{Codec, MediaSettings, Prefer};
use crate::metrics::Metrics;
use crate::runtime::facts::Published;
use crate::sip::codec;
use crate::sip::flow::{Flow, Transport};
use crate::sip::overload::OverloadRules;
use crate::sip::settings::{Listener, SipSettings, Trunk};
use crate::sip::transport::{self, Lanes, Listen, PeerRules, TransportSettings, lanes};
use crate::stats::{CdrFilter, CdrFold, Today};
use crate::store::{SqliteStore, Store, Writer};
use tokio::sync::mpsc;

/// The loop's other ends, kept so that nothing is missing but what a test takes away.
struct Sides {
    network: Lanes,
    _media: mpsc::Sender<MediaEvent>,
    _api: mpsc::Sender<Asked>,
    _stop: watch::Sender<Stop>,
    flow: Flow,
}

fn one_queue() -> Settings {
    let number = Number { dialled: "100".into(), queue: QueueId(0), ..Number::default() };
    Settings { queues: vec![Queue::default()], numbers: vec![number], ..Settings::default() }
}

/// A loop whose engine knows a queue; its metrics know those of `counted`.
/// Nothing is recorded here, but the driver wants to know where it would be.
fn recorder(folder: &std::path::Path) -> RecorderSettings {
    RecorderSettings {
        folder: folder.join("recordings"),
        format: Format::Stereo,
        rate: Rate::Narrow,
        name: NameTemplate::parse("{call}.wav").unwrap(),
        zone: jiff::tz::TimeZone::UTC,
        retention_days: None,
        free_bytes_min: 0,
    }
}

async fn driver(folder: &std::path::Path, counted: &Settings) -> (Driver, Inputs, Sides) {
    let here = Listen { transport: Transport::Udp, address: "127.0.0.1:0".parse().unwrap() };
    let (_, rules) = watch::channel(Arc::<PeerRules>::default());
    let (transport, _) = transport::bind(&[here], TransportSettings::default(), rules).await.unwrap();
    let bound = transport.bound()[0].address;
    let (network, from_network) = lanes(10);
    let (media_events, from_media) = mpsc::channel(10);
    let (api, from_api) = mpsc::channel(10);
    let (stop, stopping) = watch::channel(Stop::No);
    let settings = MediaSettings {
        listen: bound.ip(),
        advertise: None,
        listen6: None,
        advertise6: None,
        ports: 11_800..=11_899,
        workers: 1,
        pin: false,
        realtime: false,
        codecs: vec![Codec::Pcmu, Codec::Pcma],
        silence: None,
        inband_keys: false,
        prefer: Prefer::Theirs,
        quarantine: Duration::ZERO,
    };
    let (library, _) = Library::load(folder, folder, &[Codec::Pcmu, Codec::Pcma]);
    let listener = Listener { transport: Transport::Udp, bound, advertised: bound, name: None };
    let sip = SipSettings {
        listeners: vec![listener],
        trunks: vec![Trunk { addresses: vec!["127.0.0.0/8".parse().unwrap()], ..Trunk::default() }],
        ..SipSettings::default()
    };
    let store = SqliteStore::open(&folder.join("calls.sqlite")).await.unwrap();
    let metrics = Arc::new(Metrics::new(counted).unwrap());
    let published =
        Published { today: watch::channel(Arc::default()).0, expected: watch::channel(Arc::default()).0 };
    let (pictures, _) = watch::channel(Arc::default());
    let (rules, _) = watch::channel(Arc::default());
    let driver = Driver {
        clock: Clock::start(),
        engine: Engine::new(one_queue(), 1, 1),
        sip: SipCore::new(sip, 42).unwrap(),
        media: media::start(settings, Arc::new(library), media_events.clone()).unwrap(),
        trunks: watch::channel(BTreeMap::new()).1,
        recordings: Recordings::new(recorder(folder), metrics.clone()),
        transport,
        facts: FactSinks::new(
            &one_queue(),
            metrics,
            published,
            (Today::new(&one_queue()), CdrFold::new(&one_queue())),
            Writer::start(store),
        ),
        journal: None,
        pictures,
        rules,
        overload: Overload::new(OverloadRules::default()),
        tracer: Tracer::off(),
        pulse: Pulse::default(),
        work: Work::default(),
    };
    let flow = Flow::udp(bound, "127.0.0.1:9".parse().unwrap());
    let inputs = Inputs::new(from_network, from_media, from_api, stopping);
    (driver, inputs, Sides { network, _media: media_events, _api: api, _stop: stop, flow })
}

fn invite(flow: Flow) -> Received {
    let sdp =
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n";
    let length = sdp.len();
    let text = format!(
        "INVITE sip:100@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n\
         From: <sip:030@127.0.0.1>;tag=1\r\nTo: <sip:100@127.0.0.1>\r\nCall-ID: one\r\nCSeq: 1 INVITE\r\n\
         Contact: <sip:030@127.0.0.1:9>\r\nContent-Type: application/sdp\r\nContent-Length: {length}\r\n\r\n{sdp}"
    );
    Received::Message { message: codec::parse(text.as_bytes()).unwrap(), flow }
}

#[tokio::test]
async fn panic_in_the_loop_ends_it_with_an_error_instead_of_leaving_a_process_that_does_nothing() {
    let folder = tempfile::tempdir().unwrap();
    // Metrics without the queue: a mistake that only we can make, and that debug builds answer with a panic.
    let (driver, inputs, sides) = driver(folder.path(), &Settings::default()).await;
    assert!(sides.network.offer(invite(sides.flow)));
    let ended = tokio::time::timeout(Duration::from_secs(20), driver.run(inputs)).await.unwrap();
    assert!(matches!(ended, Err(StartError::Died)), "{ended:?}");
    let store = SqliteStore::open_read_only(&folder.path().join("calls.sqlite")).await.unwrap();
    let all = CdrFilter { limit: 10, ..CdrFilter::default() };
    assert_eq!(store.count(&all).await.unwrap(), 1, "the call that was cut short has its record");
}

#[tokio::test]
async fn loop_without_a_network_ends_with_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let (driver, inputs, sides) = driver(folder.path(), &one_queue()).await;
    drop(sides.network);
    let ended = tokio::time::timeout(Duration::from_secs(20), driver.run(inputs)).await.unwrap();
    assert!(matches!(ended, Err(StartError::Died)), "{ended:?}");
}
