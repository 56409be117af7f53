//! What a connection tells about itself when somebody wants to know, and that it keeps silent otherwise.

use udpchat::transport::{CloseCode, CloseReason, Config, Micros, TraceEvent, Tracing, trace_lines};

use super::net::Faults;
use super::pair::Pair;

const LEG: Micros = Micros::from_millis(25);

#[test]
fn a_life_is_told_step_by_step() {
    let traced = |config| Config { trace: Tracing::On, ..config };
    let mut pair = Pair::with_configs(1, Faults::none(LEG), traced(Config::client()), traced(Config::server()));
    let (client, server) = pair.connect();
    pair.drive_for(Micros::from_secs(1));
    pair.client_address = "203.0.113.9:9".parse().unwrap();
    pair.client.on_local_path_changed(pair.now);
    pair.drive_for(Micros::from_secs(1));
    let (client_address, server_address) = (pair.client_address, pair.server_address);
    pair.net.set_cut(client_address, server_address, true);
    pair.client.connection(client).unwrap().ping(pair.now);
    pair.drive_for(Micros::from_millis(200));
    pair.net.set_cut(client_address, server_address, false);
    pair.drive_for(Micros::from_secs(2));
    pair.client.close(pair.now, client, CloseCode::Done, "");
    pair.drive_for(Micros::from_secs(5));
    let told = |endpoint: &mut udpchat::transport::Endpoint, of| -> Vec<TraceEvent> {
        std::iter::from_fn(|| endpoint.poll_trace()).filter(|(handle, _)| *handle == of).map(|(_, event)| event).collect()
    };
    let by_server = told(&mut pair.server, server);
    let position = |wanted: &dyn Fn(&TraceEvent) -> bool| by_server.iter().position(wanted).expect("it is told");
    let opened = position(&|event| matches!(event, TraceEvent::Opened { .. }));
    let moved = position(&|event| *event == TraceEvent::Path { remote: client_address });
    let closed = position(&|event| matches!(event, TraceEvent::Closed { reason: CloseReason::Peer { .. } }));
    assert!(opened < moved && moved < closed, "{by_server:?}");
    let by_client = told(&mut pair.client, client);
    assert!(by_client.iter().any(|event| matches!(event, TraceEvent::Probe { count: 1 })), "{by_client:?}");
    assert!(by_client.iter().any(|event| matches!(event, TraceEvent::Lost { .. })), "{by_client:?}");
}

#[test]
fn nothing_is_told_to_nobody() {
    let mut pair = Pair::on_good_network(2);
    let (client, _) = pair.connect();
    pair.client.close(pair.now, client, CloseCode::Done, "");
    pair.drive_for(Micros::from_secs(5));
    assert_eq!(trace_lines(pair.now, || pair.server.poll_trace()), "");
    assert_eq!(pair.client.poll_trace(), None);
}
