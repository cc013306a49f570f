//! An authority of the test's own, a server's certificate and a client's.

use std::{
    fs,
    path::{Path, PathBuf},
};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

pub struct Certificates {
    dir: PathBuf,
}

impl Certificates {
    /// Writes them to a folder.
    pub fn make(dir: &Path) -> Certificates {
        let mut params = CertificateParams::new(Vec::new()).expect("parameters");
        params.distinguished_name.push(DnType::CommonName, "authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let authority = CertifiedIssuer::self_signed(params, key).expect("an authority");
        fs::write(dir.join("ca.pem"), authority.pem()).expect("a file");
        for (name, host) in [("server", "localhost"), ("client", "nightjar")] {
            let key = KeyPair::generate().expect("a key");
            let mut params = CertificateParams::new(vec![host.to_owned()]).expect("parameters");
            params.distinguished_name.push(DnType::CommonName, host);
            let certificate = params.signed_by(&key, &authority).expect("a certificate");
            fs::write(dir.join(format!("{name}.pem")), certificate.pem()).expect("a file");
            fs::write(dir.join(format!("{name}.key")), key.serialize_pem()).expect("a file");
        }
        Certificates { dir: dir.to_owned() }
    }

    pub fn path(&self, name: &str) -> String {
        self.dir.join(name).display().to_string()
    }

    /// For an output's `tls`.
    pub fn tls(&self) -> String {
        let [ca, cert, key] = ["ca.pem", "client.pem", "client.key"].map(|name| self.path(name));
        format!("{{ca: {ca}, cert: {cert}, key: {key}}}")
    }
}
