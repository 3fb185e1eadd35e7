//! A node on the command line, for tests against others' programs. Research use only. Not for clinical use.
//!
//! ```text
//! dicom_node scp FOLDER TITLE          takes objects in; says where it listens, and each object's file
//! dicom_node echo HOST PORT TITLE      asks whether it is there
//! dicom_node store HOST PORT TITLE FILE...
//! dicom_node stow ROOT FILE...
//! dicom_node outbox FOLDER HOST PORT TITLE    puts in the files that standard input names; says so; sends; ends when all is sent
//! dicom_node outbox FOLDER ROOT               likewise, by STOW-RS
//! ```
#![allow(clippy::unwrap_used, reason = "a tool of tests fails as tests do")]

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use dimse::{
    AeTitle, Backoff, CallerRule, Courier, DestinationKind, Destinations, EntryKey, FolderBounds,
    Outbox, ReceivedObject, RemoteNode, RouteName, ScpSettings, SendError, Sent, Spool, StoreScp,
    StowServer, TimeLimits,
};
use picture::segmenter::SystemClock;

const BOUNDS: FolderBounds = FolderBounds {
    entries: 10_000,
    bytes: 1 << 30,
};

fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).unwrap();
}

fn main() {
    let given: Vec<String> = std::env::args().skip(1).collect();
    let given: Vec<&str> = given.iter().map(String::as_str).collect();
    let told = match given[..] {
        ["scp", folder, title] => take_in(Path::new(folder), title),
        ["echo", host, port, title] => node(host, port, title).echo(),
        ["store", host, port, title, ref files @ ..] => {
            let node = node(host, port, title);
            each(files, |file| node.store(file))
        }
        ["stow", root, ref files @ ..] => {
            let server = server(root);
            each(files, |file| server.store(file))
        }
        ["outbox", folder, host, port, title] => send_out(
            Path::new(folder),
            DestinationKind::Node(node(host, port, title)),
        ),
        ["outbox", folder, root] => send_out(Path::new(folder), DestinationKind::Web(server(root))),
        _ => {
            say("see examples/dicom_node.rs");
            std::process::exit(2);
        }
    };
    if let Err(error) = told {
        say(&format!("error: {error}"));
        std::process::exit(1);
    }
}

fn node(host: &str, port: &str, title: &str) -> RemoteNode {
    RemoteNode {
        host: host.into(),
        port: port.parse().unwrap(),
        title: AeTitle::new(title).unwrap(),
        own_title: AeTitle::new("ESPMEDSAM").unwrap(),
        times: TimeLimits::default(),
        tls: None,
    }
}

fn server(root: &str) -> StowServer {
    StowServer::new(root, None, Duration::from_secs(30), None).unwrap()
}

fn each(files: &[&str], send: impl Fn(&Path) -> Result<Sent, SendError>) -> Result<(), SendError> {
    for file in files {
        let sent = send(Path::new(file))?;
        say(&format!("{sent:?}"));
    }
    Ok(())
}

fn take_in(folder: &Path, title: &str) -> Result<(), SendError> {
    let spool = Arc::new(Spool::open(folder, BOUNDS).unwrap());
    let settings = ScpSettings {
        listen: (Ipv4Addr::LOCALHOST, 0).into(),
        callers: vec![CallerRule {
            title: None,
            address: Some(Ipv4Addr::LOCALHOST.into()),
        }],
        ..ScpSettings::new(AeTitle::new(title).unwrap())
    };
    let heard = |object: ReceivedObject| say(&format!("received {}", object.object.path.display()));
    let scp = StoreScp::start(settings, spool, Arc::new(heard)).unwrap();
    say(&format!("listening on {}", scp.address().port()));
    // Until standard input ends.
    let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
    Ok(())
}

fn send_out(folder: &Path, destination: DestinationKind) -> Result<(), SendError> {
    let route = RouteName::new("there").unwrap();
    let outbox = Arc::new(Outbox::open(folder, BOUNDS).unwrap());
    let destinations = Destinations(BTreeMap::from([(route.clone(), destination)]));
    let backoff = Backoff {
        first: Duration::from_millis(50),
        longest: Duration::from_millis(500),
    };
    let courier = Courier::start(
        outbox.clone(),
        Arc::new(destinations),
        backoff,
        Arc::new(SystemClock),
    );
    let courier = courier.unwrap();
    for file in std::io::stdin().lines() {
        let file = file.unwrap();
        let placed = outbox.put(&route, &EntryKey::named(&file), File::open(&file).unwrap());
        say(&format!("put {:?} {file}", placed.unwrap()));
    }
    let mut told = None;
    while outbox.state().waiting > 0 {
        let error = outbox
            .state()
            .routes
            .remove(&route)
            .and_then(|state| state.last_error);
        if error.is_some() && error != told {
            say(&format!(
                "waiting: {}",
                error.as_deref().unwrap_or_default()
            ));
            told = error;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    say(&format!("sent all, {} refused", outbox.state().refused));
    drop(courier);
    Ok(())
}
