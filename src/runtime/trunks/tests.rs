use super::*;

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
