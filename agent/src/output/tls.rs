//! TLS as the outputs use it: rustls with ring, the public authorities unless a file names others, and a certificate of our
//! own where the receiver wants one. Verification cannot be switched off.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use serde::Deserialize;

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tls {
    /// PEM file with the authorities to trust, instead of the public ones.
    pub ca: Option<PathBuf>,
    /// PEM files with our own certificate and its key.
    pub cert: Option<PathBuf>,
    pub key: Option<PathBuf>,
}

#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("read {path}")]
    Read { path: PathBuf, source: io::Error },
    #[error("{path} has no {what} in PEM")]
    Empty { path: PathBuf, what: &'static str },
    #[error("`cert` and `key` belong together")]
    Half,
    #[error("set up TLS")]
    Setup(#[from] rustls::Error),
}

impl Tls {
    /// Reads every file anew, so that renewed certificates are taken up.
    pub fn config(&self) -> Result<Arc<ClientConfig>, TlsError> {
        let mut roots = RootCertStore::empty();
        match &self.ca {
            Some(path) => {
                for authority in certificates(path)? {
                    roots.add(authority)?;
                }
            }
            None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots);
        let config = match (&self.cert, &self.key) {
            (Some(cert), Some(key)) => {
                builder.with_client_auth_cert(certificates(cert)?, private_key(key)?)?
            }
            (None, None) => builder.with_no_client_auth(),
            (Some(_), None) | (None, Some(_)) => return Err(TlsError::Half),
        };
        Ok(Arc::new(config))
    }

    /// The same for the HTTP client.
    pub fn of_http(&self) -> Result<ureq::tls::TlsConfig, TlsError> {
        use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig};

        // It makes its own configuration of the same parts: a mistake is found here.
        self.config()?;
        let wrapped = |der: &CertificateDer<'_>| Certificate::from_der(der).to_owned();
        let mut builder = TlsConfig::builder();
        if let Some(path) = &self.ca {
            let authorities: Vec<_> = certificates(path)?.iter().map(wrapped).collect();
            builder = builder.root_certs(RootCerts::new_with_certs(&authorities));
        }
        if let (Some(cert), Some(key)) = (&self.cert, &self.key) {
            let chain: Vec<_> = certificates(cert)?.iter().map(wrapped).collect();
            let key = PrivateKey::from_pem(&read(key)?).map_err(|_| empty(key, "private key"))?;
            builder = builder.client_cert(Some(ClientCert::new_with_certs(&chain, key)));
        }
        Ok(builder.build())
    }

    /// The same for gRPC.
    pub fn of_grpc(&self) -> Result<tonic::transport::ClientTlsConfig, TlsError> {
        use tonic::transport::{Certificate, ClientTlsConfig, Identity};

        self.config()?;
        let mut config = match &self.ca {
            Some(path) => ClientTlsConfig::new().ca_certificate(Certificate::from_pem(read(path)?)),
            None => ClientTlsConfig::new().with_webpki_roots(),
        };
        if let (Some(cert), Some(key)) = (&self.cert, &self.key) {
            config = config.identity(Identity::from_pem(read(cert)?, read(key)?));
        }
        Ok(config)
    }
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    fs::read(path).map_err(|source| TlsError::Read { path: path.to_owned(), source })
}

fn empty(path: &Path, what: &'static str) -> TlsError {
    TlsError::Empty { path: path.to_owned(), what }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let pem = read(path)?;
    let found: Vec<_> = CertificateDer::pem_slice_iter(&pem).filter_map(Result::ok).collect();
    if found.is_empty() { Err(empty(path, "certificate")) } else { Ok(found) }
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_slice(&read(path)?).map_err(|_| empty(path, "private key"))
}
