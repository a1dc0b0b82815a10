use super::*;
use tokio::net::UdpSocket;
use tokio::time::timeout;

fn trunk(host: &str) -> Trunk {
    Trunk { route: Some(Route::to(Host::parse(host).unwrap())), ..Trunk::default() }
}

#[tokio::test]
async fn a_name_of_this_machine_is_looked_up_and_an_address_is_not() {
    let bound = [Listen { transport: Transport::Udp, address: "127.0.0.1:5060".parse().unwrap() }];
    // Nobody is there to be asked: what the system's own list says must do.
    let nobody = ["127.0.0.1:9".parse().unwrap()];
    let localhost = Trunk {
        route: Some(Route { port: Some(5070), ..Route::to(Host::parse("localhost").unwrap()) }),
        ..Trunk::default()
    };
    let trunks = [trunk("192.0.2.1"), localhost, Trunk::default()];
    let mut located = follow(&trunks, &bound, &nobody);
    located.changed().await.unwrap();
    let found = located.borrow()[&TrunkId(1)].clone();
    assert_eq!(found.iter().map(|it| it.address.to_string()).collect::<Vec<_>>(), ["127.0.0.1:5070"]);
    assert!(follow(&trunks[..1], &bound, &nobody).changed().await.is_err(), "nothing to look up");
}

const SRV: u8 = 33;
const A: u8 = 1;

/// A name server that has failed for whatever begins with `_sips`, and knows one server of `_sip._udp` and its address.
async fn half_a_name_server() -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut query = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut query).await {
            let answer = half_an_answer(&query[..length]);
            let _ = socket.send_to(&answer, from).await;
        }
    });
    address
}

/// RFC 1035 §4.1, RFC 2782.
fn half_an_answer(query: &[u8]) -> Vec<u8> {
    let end = 12 + query[12..].iter().position(|byte| *byte == 0).unwrap() + 1;
    let name = String::from_utf8_lossy(&query[12..end]).to_lowercase();
    let target = b"\x03one\x02gw\x07example\0";
    let data = match query[end + 1] {
        SRV if name.contains("_sip\u{4}_udp") => [&[0, 1, 0, 0, 0x13, 0xce][..], target].concat(),
        A if name.contains("one") => vec![127, 0, 0, 9],
        _ => Vec::new(),
    };
    let code = if name.contains("_sips") { 2 } else { 0 };
    let mut answer =
        [&query[..2], &[0x85, 0x80 | code, 0, 1, 0, u8::from(!data.is_empty()), 0, 0, 0, 0]].concat();
    answer.extend(&query[12..end + 4]);
    if !data.is_empty() {
        answer.extend([0xc0, 12, 0, query[end + 1], 0, 1, 0, 0, 0, 60, 0, u8::try_from(data.len()).unwrap()]);
        answer.extend(data);
    }
    answer
}

#[tokio::test]
async fn a_service_that_dns_has_failed_for_does_not_cost_the_others() {
    let listen = |transport| Listen { transport, address: "127.0.0.1:5060".parse().unwrap() };
    let name_server = half_a_name_server().await;
    let found = async |bound: &[Listen]| {
        let mut located = follow(&[trunk("gw.example")], bound, &[name_server]);
        let looked = timeout(Duration::from_secs(20), located.changed()).await;
        looked.ok()?.ok()?;
        Some(located.borrow()[&TrunkId(0)].iter().map(|it| it.address.to_string()).collect::<Vec<_>>())
    };
    let both = [listen(Transport::Tls), listen(Transport::Udp)];
    assert_eq!(found(&both).await, Some(vec!["127.0.0.9:5070".to_owned()]));
    // Where nothing is told of any, that is an error, and no address is guessed.
    let finder = Finder {
        names: Names::new(&[name_server]).unwrap(),
        route: Route::to(Host::parse("gw.example").unwrap()),
        bound: both[..1].to_vec(),
    };
    assert!(matches!(finder.look().await, Err(Unresolved::Dns(_))));
}
