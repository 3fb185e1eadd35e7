//! Peers that mean harm, or know no better.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use dimse::{RejectReason, SendError, Sent, TimeLimits};

use crate::support::{BOUNDS, EXPLICIT, PATIENCE, Provider, ULTRASOUND, file};

fn pdu(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind, 0], &(body.len() as u32).to_be_bytes()[..], body].concat()
}

fn item(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind, 0], &(body.len() as u16).to_be_bytes()[..], body].concat()
}

/// A request for contexts 1 (echo) and 3 (ultrasound).
fn request() -> Vec<u8> {
    let context = |id: u8, class: &str| {
        let parts = [
            &[id, 0, 0, 0][..],
            &item(0x30, class.as_bytes()),
            &item(0x40, EXPLICIT.as_bytes()),
        ];
        item(0x20, &parts.concat())
    };
    let body = [
        &[0, 1, 0, 0][..],
        b"SCP             SCU             ",
        &[0; 32],
        &item(0x10, b"1.2.840.10008.3.1.1.1"),
        &context(1, "1.2.840.10008.1.1"),
        &context(3, ULTRASOUND),
        &item(0x50, &item(0x51, &[0, 0, 64, 0])),
    ];
    pdu(1, &body.concat())
}

fn value(context: u8, header: u8, bytes: &[u8]) -> Vec<u8> {
    [
        &(bytes.len() as u32 + 2).to_be_bytes()[..],
        &[context, header],
        bytes,
    ]
    .concat()
}

fn element(number: u16, value: &[u8]) -> Vec<u8> {
    [
        &[0, 0],
        &number.to_le_bytes()[..],
        &(value.len() as u32).to_le_bytes(),
        value,
    ]
    .concat()
}

fn command(field: u16, data_set: u16) -> Vec<u8> {
    [
        element(2, ULTRASOUND.as_bytes()),
        element(0x100, &field.to_le_bytes()),
        element(0x110, &[9, 0]),
        element(0x800, &data_set.to_le_bytes()),
        element(0x1000, b"1.2.3\0"),
    ]
    .concat()
}

const STORE: u16 = 1;
const ECHO: u16 = 0x30;
const FIND: u16 = 0x20;
const DATA: u16 = 0;
const NO_DATA: u16 = 0x101;

/// The kinds of PDUs that are answered until the connection ends, and the last PDU's bytes.
fn answers(provider: &Provider, says: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let mut stream = TcpStream::connect(provider.scp.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE.pdu)).unwrap();
    // It may have been closed by now.
    let _ = stream.write_all(says);
    let (mut kinds, mut last) = (Vec::new(), Vec::new());
    let mut header = [0; 6];
    while stream.read_exact(&mut header).is_ok() {
        let [kind, _, length @ ..] = header;
        kinds.push(kind);
        last.resize(u32::from_be_bytes(length) as usize, 0);
        stream.read_exact(&mut last).unwrap();
    }
    (kinds, last)
}

const ACCEPT: u8 = 2;
const P_DATA: u8 = 4;
const RELEASED: u8 = 6;
const ABORT: u8 = 7;

#[test]
fn whatever_comes_out_of_order_or_lies_is_aborted_and_said_why() {
    let provider = Provider::start();
    let after = |pdus: &[u8]| [&request(), pdus].concat();
    let data = |values: &[Vec<u8>]| after(&pdu(4, &values.concat()));
    let store = value(3, 3, &command(STORE, DATA));
    // What is said, what is answered, and the reason of the abort (PS3.8, table 9-26).
    let cases: Vec<(&str, Vec<u8>, &[u8], u8)> = vec![
        ("data first", pdu(4, &[]), &[ABORT], 2),
        ("release first", pdu(5, &[0; 4]), &[ABORT], 2),
        ("unknown", pdu(9, &[]), &[ABORT], 1),
        ("twice", after(&request()), &[ACCEPT, ABORT], 2),
        (
            "an acceptance",
            after(&pdu(2, &[0; 70])),
            &[ACCEPT, ABORT],
            2,
        ),
        ("huge request", vec![1, 0, 255, 255, 255, 255], &[ABORT], 6),
        (
            "huge data",
            after(&[4, 0, 255, 255, 255, 255]),
            &[ACCEPT, ABORT],
            6,
        ),
        ("long release", after(&pdu(5, &[0; 5])), &[ACCEPT, ABORT], 6),
        ("short request", pdu(1, &[0; 67]), &[ABORT], 6),
        (
            "item that lies",
            pdu(1, &[&[0; 68][..], &[0x20, 0, 255, 255, 1]].concat()),
            &[ABORT],
            6,
        ),
        (
            "value that lies",
            after(&pdu(4, &[255, 255, 255, 255, 3, 3])),
            &[ACCEPT, ABORT],
            6,
        ),
        (
            "value of nothing",
            after(&pdu(4, &[0, 0, 0, 1, 3])),
            &[ACCEPT, ABORT],
            6,
        ),
        (
            "data without command",
            data(&[value(3, 2, b"x")]),
            &[ACCEPT, ABORT],
            2,
        ),
        (
            "command in data",
            data(&[store.clone(), store.clone()]),
            &[ACCEPT, ABORT],
            2,
        ),
        (
            "another context",
            data(&[store.clone(), value(1, 2, b"x")]),
            &[ACCEPT, ABORT],
            2,
        ),
        (
            "no context",
            data(&[value(5, 3, &command(STORE, DATA))]),
            &[ACCEPT, ABORT],
            6,
        ),
        (
            "long command",
            data(&[value(3, 1, &[0; 4096]), value(3, 1, &[0])]),
            &[ACCEPT, ABORT],
            6,
        ),
        (
            "short command",
            data(&[value(3, 3, &[0; 7])]),
            &[ACCEPT, ABORT],
            6,
        ),
        (
            "a response",
            data(&[value(
                3,
                3,
                &[
                    command(0x8001, DATA),
                    element(0x120, &[1, 0]),
                    element(0x900, &[0, 0]),
                ]
                .concat(),
            )]),
            &[ACCEPT, ABORT],
            6,
        ),
    ];
    for (name, says, kinds, reason) in cases {
        let (heard, last) = answers(&provider, &says);
        assert_eq!(heard, kinds, "{name}");
        assert_eq!(last, [0, 0, 2, reason], "{name}");
    }
    assert_eq!(provider.spool.waiting(), []);
    provider.node().echo().unwrap();
}

#[test]
fn what_is_no_fault_is_answered() {
    let provider = Provider::start();
    let release = pdu(5, &[0; 4]);
    let said = |values: &[Vec<u8>]| {
        answers(
            &provider,
            &[request(), pdu(4, &values.concat()), release.clone()].concat(),
        )
        .0
    };
    let echo = value(1, 3, &command(ECHO, NO_DATA));
    assert_eq!(
        said(&[echo.clone(), echo]),
        [ACCEPT, P_DATA, P_DATA, RELEASED]
    );
    // A store on the echo's context, a query on the store's: told that it is not known, with its data set stepped over.
    let store = value(1, 3, &command(STORE, DATA));
    assert_eq!(
        said(&[store, value(1, 2, b"data")]),
        [ACCEPT, P_DATA, RELEASED]
    );
    let find = value(3, 3, &command(FIND, NO_DATA));
    assert_eq!(said(&[find]), [ACCEPT, P_DATA, RELEASED]);
    assert_eq!(provider.spool.waiting(), []);
    // A command and a data set in pieces, all in one PDU.
    let bytes = command(STORE, DATA);
    let pieces = [
        value(3, 1, &bytes[..5]),
        value(3, 3, &bytes[5..]),
        value(3, 0, b"da"),
        value(3, 2, b"ta"),
    ];
    assert_eq!(said(&pieces), [ACCEPT, P_DATA, RELEASED]);
    let stored = provider.spool.waiting();
    assert!(std::fs::read(&stored[0].path).unwrap().ends_with(b"data"));
}

#[test]
fn of_an_object_that_is_cut_off_nothing_is_left() {
    let provider = Provider::start();
    let store = pdu(
        4,
        &[value(3, 3, &command(STORE, DATA)), value(3, 0, &[7; 1000])].concat(),
    );
    let mut stream = TcpStream::connect(provider.scp.address()).unwrap();
    stream.write_all(&[request(), store].concat()).unwrap();
    let mut accepted = [0; 6];
    stream.read_exact(&mut accepted).unwrap();
    drop(stream);
    // Served by the same threads: when nobody is there any more, all is cleared away.
    while provider.scp.associations() > 0 {
        std::thread::yield_now();
    }
    assert_eq!(
        std::fs::read_dir(provider.folder.path()).unwrap().count(),
        0
    );
}

#[test]
fn who_says_half_a_pdu_and_waits_is_cut_off() {
    let short = Duration::from_millis(50);
    for times in [
        TimeLimits {
            pdu: short,
            ..PATIENCE
        },
        TimeLimits {
            association: short,
            ..PATIENCE
        },
    ] {
        let provider = Provider::with(|settings| settings.times = times, BOUNDS);
        let request = request();
        assert_eq!(answers(&provider, &request[..request.len() / 2]).0, [ABORT]);
    }
    let idle = TimeLimits {
        idle: short,
        ..PATIENCE
    };
    let provider = Provider::with(|settings| settings.times = idle, BOUNDS);
    assert_eq!(answers(&provider, b"").0, [ABORT]);
    assert_eq!(answers(&provider, &request()).0, [ACCEPT, ABORT]);
}

#[test]
fn one_too_many_is_told_so_and_there_is_room_again() {
    let provider = Provider::with(|settings| settings.associations = 2, BOUNDS);
    let held: Vec<TcpStream> = (0..2)
        .map(|_| {
            let mut stream = TcpStream::connect(provider.scp.address()).unwrap();
            stream.write_all(&request()).unwrap();
            stream.read_exact(&mut [0; 6]).unwrap();
            stream
        })
        .collect();
    let refused = provider.node().echo();
    assert!(
        matches!(refused, Err(SendError::Rejected(RejectReason::Limit))),
        "{refused:?}"
    );
    drop(held);
    while provider.scp.associations() > 0 {
        std::thread::yield_now();
    }
    let here = tempfile::tempdir().unwrap();
    assert_eq!(
        provider.node().store(&file(here.path(), 1, 10)).unwrap(),
        Sent::Stored
    );
}

#[test]
fn a_provider_that_ends_waits_for_nobody() {
    let provider = Provider::start();
    let mut stream = TcpStream::connect(provider.scp.address()).unwrap();
    stream.write_all(&request()).unwrap();
    stream.read_exact(&mut [0; 6]).unwrap();
    let begun = std::time::Instant::now();
    drop(provider);
    assert!(begun.elapsed() < PATIENCE.idle);
}
