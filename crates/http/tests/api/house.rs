//! A server with both doors, and callers that come by the one for other machines, over real TLS.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use access::{
    AccessConfig, AccessTime, AuditLog, AuditRecord, Gate, NewToken, Scope, TlsIdentity, TokenRoll,
};
use durable::SystemDisk;
use espmedsam_http::ServerConfig;
use live::{LiveSettings, SessionSpec};
use picture::segmenter::Ask;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use testing::fake::MODALITIES;
use video::prepare::SourceView;

use super::support::{ForOthers, Reply, Server, read_reply, wait_until};

/// A caller's connection by the far door.
pub type FarStream = StreamOwned<ClientConnection, TcpStream>;

/// A server with both doors, and a folder of tokens.
pub struct House {
    pub server: Server,
    pub far: SocketAddr,
    pub folder: tempfile::TempDir,
    pub roll: TokenRoll,
    client: Arc<ClientConfig>,
}

impl House {
    pub fn new(server: ServerConfig, access: &AccessConfig) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let names = ["localhost".to_owned()];
        let identity = TlsIdentity::kept_or_made(folder.path(), &names, &SystemDisk).unwrap();
        let pem = folder.path().join("certificate.pem");
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_file(pem).unwrap())
            .unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let client = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let far = listener.local_addr().unwrap();
        let gate = Gate::open(folder.path(), access, AccessTime::now()).unwrap();
        let others = ForOthers {
            listener,
            identity,
            gate: Arc::new(gate),
            audit: Arc::new(AuditLog::new(folder.path(), Arc::new(SystemDisk))),
        };
        Self {
            server: Server::start_for(server, 8, Some(others)),
            far,
            folder,
            roll: TokenRoll::default(),
            client: Arc::new(client),
        }
    }

    pub fn usual() -> Self {
        // Until a new token counts, who shows it is a stranger.
        let patient = AccessConfig {
            failures_per_minute: 1_000_000,
            ..AccessConfig::default()
        };
        Self::new(ServerConfig::default(), &patient)
    }

    /// A new token, once it counts.
    pub fn token(&mut self, name: &str, scopes: &[Scope]) -> String {
        let new = NewToken {
            name: name.into(),
            scopes: scopes.iter().copied().collect(),
            lasts: None,
        };
        let secret = self.roll.add(new, SystemTime::now()).unwrap();
        self.roll.write(self.folder.path(), &SystemDisk).unwrap();
        let bearer = bearer(secret.text());
        // Whatever it is good for: it is known once the answer is another.
        wait_until("the token counts", || {
            matches!(self.get("/v1/info", &bearer).status, 200 | 403)
        });
        secret.text().into()
    }

    pub fn connect(&self) -> FarStream {
        let stream = TcpStream::connect(self.far).unwrap();
        let patience = Some(Duration::from_secs(30));
        stream.set_read_timeout(patience).unwrap();
        let name = "localhost".try_into().unwrap();
        let connection = ClientConnection::new(self.client.clone(), name).unwrap();
        StreamOwned::new(connection, stream)
    }

    pub fn send(&self, request: &str, headers: &str, body: &[u8]) -> Reply {
        let mut stream = self.connect();
        let length = body.len();
        let head = format!(
            "{request} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n",
            self.far
        );
        let _ = stream
            .write_all(head.as_bytes())
            .and_then(|()| stream.write_all(body));
        read_reply(&mut stream)
    }

    pub fn get(&self, path: &str, headers: &str) -> Reply {
        self.send(&format!("GET {path}"), headers, b"")
    }

    /// Begins a live source, of which no picture comes.
    pub fn begin_source(&self) {
        let spec = SessionSpec {
            opener: Arc::new(self.server.puppet.clone()),
            view: SourceView::default(),
            ask: Ask::new(MODALITIES[0]),
            settings: LiveSettings::default(),
        };
        self.server.studio.begin("probe", spec).unwrap();
    }

    /// Looks at the only live source; what comes after the reply's head is still to be read.
    pub fn begin(&self, video: &str, headers: &str) -> FarStream {
        let mut stream = self.connect();
        let host = self.far;
        let ask = format!("GET /v1/live/{video} HTTP/1.1\r\nHost: {host}\r\n{headers}\r\n");
        stream.write_all(ask.as_bytes()).unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap();
        let begun = ["HTTP/1.1 200", "HTTP/1.1 101"]
            .iter()
            .any(|begun| head.starts_with(begun));
        assert!(begun, "{video}: {head}");
        stream
    }

    pub fn changes(&self) -> Vec<String> {
        let record = AuditRecord::read(self.folder.path()).unwrap();
        let lines = record.lines.into_iter();
        lines
            .map(|line| format!("{}: {}", line.who, line.what))
            .collect()
    }
}

pub fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}\r\n")
}
