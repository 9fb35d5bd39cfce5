//! Whom to trust, and the encrypted socket for servers that speak TLS from the first byte.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use lettre::transport::smtp::client::{
    AsyncTokioStream, Certificate, CertificateStore, TlsParameters, TlsParametersBuilder,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Why no encrypted connection can be made with these options.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// Neither a host name nor an IP address.
    #[error("the host in SMTP_URL cannot stand in a certificate; write a DNS name or an IP address")]
    Host,
    /// The PEM text holds no certificate, or a broken one.
    #[error("the additional certificate authorities are no PEM certificates (-----BEGIN CERTIFICATE-----)")]
    Authorities,
    /// The TLS library refused its set-up.
    #[error("TLS cannot be set up: {0}")]
    SetUp(String),
}

/// One server's name and who may vouch for it: Mozilla's authorities and the operator's own.
pub(super) struct Trust {
    /// For STARTTLS, which lettre does.
    pub(super) parameters: TlsParameters,
    connector: TlsConnector,
    name: ServerName<'static>,
}

impl Trust {
    pub(super) fn new(host: &str, extra: Option<&str>) -> Result<Self, TrustError> {
        let name = ServerName::try_from(host.to_owned()).map_err(|_| TrustError::Host)?;
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        let mut builder =
            TlsParametersBuilder::new(host.to_owned()).certificate_store(CertificateStore::WebpkiRoots);
        if let Some(pem) = extra {
            let certificates = CertificateDer::pem_slice_iter(pem.as_bytes())
                .collect::<Result<Vec<_>, _>>()
                .map_err(|_| TrustError::Authorities)?;
            if certificates.is_empty() {
                return Err(TrustError::Authorities);
            }
            for certificate in certificates {
                roots.add(certificate).map_err(|_| TrustError::Authorities)?;
            }
            builder =
                builder.add_root_certificate(Certificate::from_pem(pem.as_bytes()).map_err(|e| set_up(&e))?);
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|e| set_up(&e))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self {
            parameters: builder.build_rustls().map_err(|e| set_up(&e))?,
            connector: TlsConnector::from(Arc::new(config)),
            name,
        })
    }

    /// Shakes hands on a fresh connection.
    pub(super) async fn encrypt(&self, socket: TcpStream) -> io::Result<Encrypted> {
        self.connector.connect(self.name.clone(), socket).await.map(Encrypted)
    }
}

fn set_up(error: &impl fmt::Display) -> TrustError {
    TrustError::SetUp(error.to_string())
}

/// A TLS connection in the shape that lettre takes.
#[derive(Debug)]
pub(super) struct Encrypted(TlsStream<TcpStream>);

impl AsyncTokioStream for Encrypted {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.get_ref().0.peer_addr()
    }
}

impl AsyncRead for Encrypted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Encrypted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
