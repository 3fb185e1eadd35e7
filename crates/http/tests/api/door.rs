//! A socket in the file system, as a service manager hands over.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use espmedsam_http::{ServerConfig, serve};
use live::Studio;
use picture::segmenter::SystemClock;
use testing::fake::Fake;
use testing::puppet::Puppet;

#[test]
fn a_unix_socket_is_served_and_takes_names_as_loopback_does() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("http");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let clock = Arc::new(SystemClock);
    let studio = Studio::new(Fake::new(1), clock.clone(), Arc::new(Puppet::new(clock)));
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let config = ServerConfig {
        // Whatever is said of a port does not count here.
        listen: "0.0.0.0:80".parse().unwrap(),
        ..ServerConfig::default()
    };
    let listener = {
        let _inside = runtime.enter();
        tokio::net::UnixListener::bind(&path).unwrap()
    };
    let served = runtime.spawn(serve(listener, config, studio, async {
        drop(stopped.await)
    }));
    let ask = |host: &str| {
        let mut stream = UnixStream::connect(&path).unwrap();
        let request =
            format!("GET /health/live HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).unwrap();
        reply
    };
    assert!(ask("localhost").starts_with("HTTP/1.1 200 "));
    assert!(ask("evil.example").starts_with("HTTP/1.1 421 "));
    drop(stop);
    runtime.block_on(served).unwrap().unwrap();
}
