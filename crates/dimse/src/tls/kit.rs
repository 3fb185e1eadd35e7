//! Certificates read, and sockets wrapped. TLS 1.2 and 1.3 by rustls, as its defaults are: what BCP 195 asks for.

use std::fmt;
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, SideData,
    StreamOwned,
};
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig, TlsProvider};

use super::files::{TlsError, TlsFiles};
use super::timed::TimedStream;
use crate::wire::Connection;

/// What is made of certificates and key, once: for each side, and for DICOMweb servers.
pub struct TlsSides {
    server: Arc<ServerConfig>,
    client: Arc<ClientConfig>,
    pub web: TlsConfig,
}

pub fn read(files: &TlsFiles) -> Result<TlsSides, TlsError> {
    let chain = certificates(&files.certificate)?;
    let authority = certificates(&files.authority)?;
    let pem = std::fs::read(&files.key).map_err(|error| unreadable(&files.key, error))?;
    let key = PrivateKeyDer::from_pem_slice(&pem);
    let key = key.map_err(|error| unreadable(&files.key, error))?;
    let web_key = PrivateKey::from_pem(&pem);
    let web_key = web_key.map_err(|error| unreadable(&files.key, error))?;
    let mut roots = RootCertStore::empty();
    for certificate in &authority {
        let added = roots.add(certificate.clone());
        added.map_err(|error| unreadable(&files.authority, error))?;
    }
    let provider = Arc::new(ring::default_provider());
    Ok(TlsSides {
        server: server(&provider, &roots, &chain, &key)?,
        client: client(&provider, &roots, &chain, &key)?,
        web: web(&provider, &authority, &chain, web_key),
    })
}

pub fn accept(sides: &TlsSides, stream: TcpStream) -> Result<Box<dyn Connection + Send>, TlsError> {
    let connection = ServerConnection::new(sides.server.clone()).map_err(unusable)?;
    Ok(Box::new(StreamOwned::new(
        connection,
        TimedStream::new(stream),
    )))
}

pub fn connect(
    sides: &TlsSides,
    stream: TcpStream,
    host: &str,
) -> Result<Box<dyn Connection + Send>, TlsError> {
    let name = ServerName::try_from(host.to_owned());
    let name = name.map_err(|_| TlsError::Name(host.into()))?;
    let connection = ClientConnection::new(sides.client.clone(), name).map_err(unusable)?;
    Ok(Box::new(StreamOwned::new(
        connection,
        TimedStream::new(stream),
    )))
}

impl<S, C> Connection for StreamOwned<C, TimedStream>
where
    C: std::ops::DerefMut<Target = rustls::ConnectionCommon<S>>,
    S: SideData,
{
    fn set_patience(&mut self, patience: Duration) -> std::io::Result<()> {
        self.sock.set_patience(patience);
        Ok(())
    }

    fn end(&mut self) {
        self.conn.send_close_notify();
        // As with the socket itself: a peer that is gone is told nothing.
        let _ = self.conn.write_tls(&mut self.sock);
        self.sock.end();
    }
}

type Chain<'a> = &'a [CertificateDer<'static>];

fn server(
    provider: &Arc<CryptoProvider>,
    roots: &RootCertStore,
    chain: Chain<'_>,
    key: &PrivateKeyDer<'static>,
) -> Result<Arc<ServerConfig>, TlsError> {
    let roots = Arc::new(roots.clone());
    let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider.clone()).build();
    let verifier = verifier.map_err(|error| TlsError::Unusable(error.to_string()))?;
    let config = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(unusable)?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain.to_vec(), key.clone_key());
    config.map(Arc::new).map_err(unusable)
}

fn client(
    provider: &Arc<CryptoProvider>,
    roots: &RootCertStore,
    chain: Chain<'_>,
    key: &PrivateKeyDer<'static>,
) -> Result<Arc<ClientConfig>, TlsError> {
    let config = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(unusable)?
        .with_root_certificates(roots.clone())
        .with_client_auth_cert(chain.to_vec(), key.clone_key());
    config.map(Arc::new).map_err(unusable)
}

fn web(
    provider: &Arc<CryptoProvider>,
    authority: Chain<'_>,
    chain: Chain<'_>,
    key: PrivateKey<'static>,
) -> TlsConfig {
    let owned = |chain: Chain<'_>| -> Vec<Certificate<'static>> {
        let of_der = |der: &CertificateDer<'_>| Certificate::from_der(der).to_owned();
        chain.iter().map(of_der).collect()
    };
    TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .root_certs(RootCerts::new_with_certs(&owned(authority)))
        .client_cert(Some(ClientCert::new_with_certs(&owned(chain), key)))
        .unversioned_rustls_crypto_provider(provider.clone())
        .build()
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read = CertificateDer::pem_file_iter(path);
    let read = read.and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let found = read.map_err(|error| unreadable(path, error))?;
    match found.is_empty() {
        true => Err(unreadable(path, "there is no certificate in it")),
        false => Ok(found),
    }
}

fn unreadable(path: &Path, reason: impl fmt::Display) -> TlsError {
    TlsError::File {
        path: path.into(),
        reason: reason.to_string(),
    }
}

fn unusable(error: rustls::Error) -> TlsError {
    TlsError::Unusable(error.to_string())
}
