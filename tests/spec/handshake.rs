//! Handshake packets, data packets, connection IDs.

use udpchat::crypto::{
    self, CookieKey, Dice, Initiator, PublicKey, Response, SUITE, SecretKey, ServerSecrets, mac1, respond, retry_mac,
};
use udpchat::transport;
use udpchat::wire::{
    self, ConnectionId, HandshakePacket, Header, Hello, HelloReply, Init, MAGIC, Resp, Retry, VERSION, Versions,
};

use super::{PROTOCOL, assert_example, examples};

/// Everything that the examples are made from.
struct World {
    secrets: ServerSecrets,
    device: SecretKey,
    server_key: PublicKey,
    client_id: ConnectionId,
    cookie: [u8; 24],
}

fn world() -> World {
    let identity = SecretKey::from_bytes([0x22; 32]);
    World {
        server_key: identity.public(),
        secrets: ServerSecrets::from_keys(identity, [0x33; 32], [0x44; 16], 5),
        device: SecretKey::from_bytes([0x11; 32]),
        client_id: ConnectionId([0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7]),
        cookie: CookieKey::new(1_000, &mut Dice::from_seed([0x55; 32])).make(
            1_000,
            "192.0.2.1:4242".parse().expect("an address"),
            [0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7],
        ),
    }
}

impl World {
    fn prologue(&self) -> Vec<u8> {
        [&MAGIC[..], &[VERSION, SUITE], &self.client_id.0].concat()
    }

    fn initiator(&self) -> (Initiator, Vec<u8>) {
        let mut dice = Dice::from_seed([0x66; 32]);
        Initiator::new(&self.device, &self.server_key, &self.prologue(), &mut dice).expect("a usable key")
    }

    fn init(&self, attempt: u8, cookie: Option<[u8; 24]>, packet_len: usize) -> (Vec<u8>, [u8; 16]) {
        let (_, noise) = self.initiator();
        let client_id = self.client_id;
        let mut init = Init { client_id, suite: SUITE, attempt, cookie, noise: &noise, mac1: [0; 16], packet_len };
        init.mac1 = mac1(&self.server_key, &init.authenticated());
        (HandshakePacket::Init(init).encode(), init.mac1)
    }

    fn server_id(&self) -> [u8; 8] {
        self.secrets.connection_id(0x01_0203, 7)
    }

    fn response(&self) -> Response {
        let (_, message1) = self.initiator();
        let id = self.server_id();
        let payload = [&id[..], &self.secrets.reset_token(id)].concat();
        let mut dice = Dice::from_seed([0x77; 32]);
        respond(&self.secrets.identity, &self.prologue(), &message1, &payload, &mut dice).expect("a good opening")
    }

    fn resp(&self) -> Vec<u8> {
        let response = self.response();
        HandshakePacket::Resp(Resp { client_id: self.client_id, attempt: 0, noise: &response.message2 }).encode()
    }
}

/// The ephemeral key that the handshake draws from dice of this seed.
fn ephemeral(seed: [u8; 32]) -> SecretKeyBytes {
    Dice::from_seed(Dice::from_seed(seed).array()).array()
}

type SecretKeyBytes = [u8; 32];

#[test]
fn every_handshake_example_decodes_and_encodes_to_itself() {
    let examples = examples();
    let packets = ["hello", "hello-reply", "init", "init-with-cookie", "retry", "resp", "version"];
    for name in packets {
        let bytes = examples.get(name).unwrap_or_else(|| panic!("protocol.md has an example {name}"));
        let packet = HandshakePacket::decode(bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(&packet.encode(), bytes, "{name}");
    }
}

#[test]
fn the_keys_of_the_examples_are_as_printed() {
    let world = world();
    assert_example("device-public-key", &world.device.public().0);
    assert_example("server-public-key", &world.server_key.0);
    assert_example("client-ephemeral-secret", &ephemeral([0x66; 32]));
    assert_example("server-ephemeral-secret", &ephemeral([0x77; 32]));
    let (_, message1) = world.initiator();
    assert_eq!(
        message1[..32],
        SecretKey::from_bytes(ephemeral([0x66; 32])).public().0,
        "message 1 begins with the ephemeral key"
    );
    assert!(PROTOCOL.contains(&world.server_key.to_string()), "the server's key as text: {}", world.server_key);
    assert!(PROTOCOL.contains(&world.server_key.fingerprint()), "its fingerprint: {}", world.server_key.fingerprint());
}

#[test]
fn a_first_contact_goes_as_printed() {
    let world = world();
    let client_id = world.client_id;
    let hello = Hello { client_id, attempt: 0, packet_len: 1_200 };
    assert_example("hello", &HandshakePacket::Hello(hello).encode());
    let reply = HelloReply { client_id, attempt: 0, server_key: world.server_key.0, cookie: world.cookie };
    assert_example("hello-reply", &HandshakePacket::HelloReply(reply).encode());
}

#[test]
fn an_opening_and_its_answer_go_as_printed() {
    let world = world();
    assert_example("init", &world.init(0, None, 1_200).0);
    assert_example("resp", &world.resp());
    let (mut initiator, _) = world.initiator();
    let examples = examples();
    let Ok(HandshakePacket::Resp(resp)) = HandshakePacket::decode(&examples["resp"]) else { panic!("resp is a RESP") };
    let (_, payload) = initiator.finish(resp.noise).expect("the printed RESP opens");
    assert_example("resp-payload", &payload);
    assert_eq!(payload[..8], world.server_id());
}

#[test]
fn a_proof_of_address_goes_as_printed() {
    let world = world();
    let (_, sent_mac1) = world.init(0, None, 1_200);
    let mac = retry_mac(&world.server_key, &sent_mac1, &world.cookie);
    let retry = Retry { client_id: world.client_id, cookie: world.cookie, mac };
    assert_example("retry", &HandshakePacket::Retry(retry).encode());
    assert_example("init-with-cookie", &world.init(3, Some(world.cookie), 512).0);
}

#[test]
fn another_version_is_answered_as_printed() {
    let versions = Versions { client_id: world().client_id, supported: vec![VERSION] };
    assert_example("version", &HandshakePacket::Versions(versions).encode());
}

#[test]
fn a_data_packet_is_sealed_as_printed() {
    let world = world();
    let (mut initiator, _) = world.initiator();
    let response = world.response();
    let (client_keys, _) = initiator.finish(&response.message2).expect("the answer opens");
    let header = Header { connection_id: ConnectionId(world.server_id()), packet_number_low: 0 }.encode();
    assert_example("data-header", &header);
    // Packet 0 of the client: one PING.
    let mut frames = vec![0x01];
    let tag = client_keys.seal.seal(0, &header, &mut frames);
    let packet = [&header[..], &frames, &tag].concat();
    assert_example("data-packet", &packet);

    let mut printed = examples()["data-packet"].clone();
    let (clear, sealed) = printed.split_at_mut(wire::HEADER_LEN);
    assert_eq!(Header::decode(clear).expect("a header").encode(), clear);
    assert_eq!(response.keys.open.open(0, clear, sealed).expect("the server opens it"), [0x01]);
}

#[test]
fn a_connection_id_and_its_reset_are_as_printed() {
    let world = world();
    let id = world.server_id();
    assert_example("connection-id", &id);
    assert_example("reset-token", &world.secrets.reset_token(id));
    let header = Header { connection_id: ConnectionId([0xd0; 8]), packet_number_low: 0xd1d1_d1d1 };
    assert_example("stateless-reset", &[&header.encode()[..], &world.secrets.reset_token(id)].concat());
    let printed = &examples()["stateless-reset"];
    assert_eq!(printed.len(), transport::RESET_LEN);
    assert!(Header::decode(printed).is_ok(), "it looks like a data packet");
}

#[test]
fn the_constants_in_the_text_are_ours() {
    let micros = |span: transport::Micros| span.as_micros();
    let ours: [(&str, u64); 22] = [
        ("VERSION", u64::from(VERSION)),
        ("SUITE", u64::from(SUITE)),
        ("OPENING_LEN", u64::from(transport::OPENING_LEN)),
        ("OPENING_LEN_SHORT", u64::from(transport::OPENING_LEN_SHORT)),
        ("OPENING_LEN_MIN", wire::OPENING_LEN_MIN as u64),
        ("HANDSHAKE_LEN_MAX", wire::HANDSHAKE_LEN_MAX as u64),
        ("LONG_ATTEMPT_COUNT", transport::LONG_ATTEMPT_COUNT as u64),
        ("COOKIE_LEN", wire::COOKIE_LEN as u64),
        ("MAC_LEN", wire::MAC_LEN as u64),
        ("VERSION_COUNT_MAX", wire::VERSION_COUNT_MAX as u64),
        ("RETRY_DELAY", micros(transport::RETRY_DELAY)),
        ("RETRY_DELAY_MAX", micros(transport::RETRY_DELAY_MAX)),
        ("HANDSHAKE_TIMEOUT", micros(transport::HANDSHAKE_TIMEOUT)),
        ("HALF_OPEN_TIMEOUT", micros(transport::HALF_OPEN_TIMEOUT)),
        ("HALF_OPEN_COUNT_MAX", transport::HALF_OPEN_COUNT_MAX as u64),
        ("COOKIE_LIFE_SECS", crypto::COOKIE_LIFE_SECS),
        ("COOKIE_KEY_SECS", crypto::COOKIE_KEY_SECS),
        ("SLOT_COUNT_MAX", u64::from(crypto::SLOT_COUNT_MAX)),
        ("RESET_LEN", transport::RESET_LEN as u64),
        ("MESSAGE_1_LEN", crypto::MESSAGE_1_LEN as u64),
        ("MESSAGE_2_OVERHEAD", crypto::MESSAGE_2_OVERHEAD as u64),
        ("ANSWER_COUNT_MAX", transport::ANSWER_COUNT_MAX as u64),
    ];
    for (name, value) in ours {
        let row = format!("| `{name}` | {value} |");
        assert!(PROTOCOL.contains(&row), "protocol.md lacks: {row}");
    }
}
