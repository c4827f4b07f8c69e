//! Raw connections, for the operator's tools and the tests only: nothing here knows a tenant.

use crate::address::DatabaseAddress;
use crate::error::TenancyError;
use crate::login::{self, Login};
use bearingwall_core::Sensitive;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;
use tokio_postgres::config::SslMode;
use tokio_postgres::{Client, Connection, NoTls, Socket, tls::TlsConnect};

/// Opens a connection and drives it in the background until the client is dropped.
///
/// # Errors
/// [`TenancyError::Dial`] when the server cannot be reached, refuses the login or shows a certificate that does not verify.
pub async fn dial(address: &DatabaseAddress, password: Option<&Sensitive<String>>) -> Result<Client, TenancyError> {
    dial_with(address, password, None).await
}

/// As [`dial`], with what a login shows now; once more, if that has just turned.
///
/// # Errors
/// As [`dial`], and when it cannot be fetched.
pub async fn dial_as(address: &DatabaseAddress, login: Option<&Login>) -> Result<Client, TenancyError> {
    let Some(login) = login else {
        return dial(address, None).await;
    };
    match dial(address, Some(&login.fetch().await?)).await {
        Err(error) if login::is_refusal(&error) && login.refused() => dial(address, Some(&login.fetch().await?)).await,
        dialled => dialled,
    }
}

/// As [`dial`], with options in the start-up packet.
pub(crate) async fn dial_with(
    address: &DatabaseAddress,
    password: Option<&Sensitive<String>>,
    options: Option<&str>,
) -> Result<Client, TenancyError> {
    let mut config = with_password(address, password);
    if let Some(options) = options {
        config.options(options);
    }
    if address.needs_tls() {
        let (client, connection) = connect(&config, tls(address)?).await?;
        drive(connection);
        Ok(client)
    } else {
        let (client, connection) = connect(&config, NoTls).await?;
        drive(connection);
        Ok(client)
    }
}

#[expect(clippy::disallowed_methods, reason = "the login is what the password is for")]
pub(crate) fn with_password(address: &DatabaseAddress, password: Option<&Sensitive<String>>) -> tokio_postgres::Config {
    let mut config = address.config().clone();
    // SECURITY: the driver's own choice takes a server's word for it that it knows no TLS, and whoever sits on the way can say
    // that, too.
    if address.needs_tls() {
        config.ssl_mode(SslMode::Require);
    }
    if let Some(password) = password {
        config.password(password.expose());
    }
    config
}

#[expect(
    clippy::disallowed_methods,
    reason = "this crate is the one place that opens connections"
)]
pub(crate) async fn connect<T>(
    config: &tokio_postgres::Config,
    tls: T,
) -> Result<(Client, Connection<Socket, T::Stream>), TenancyError>
where
    T: tokio_postgres::tls::MakeTlsConnect<Socket>,
    T::TlsConnect: TlsConnect<Socket>,
{
    config
        .connect(tls)
        .await
        .map_err(|error| TenancyError::Dial(error.into()))
}

#[expect(clippy::disallowed_methods, reason = "the connection's task belongs to no request")]
fn drive<S>(connection: Connection<Socket, S>)
where
    S: tokio_postgres::tls::TlsStream + Unpin + Send + 'static,
{
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(error = %error, "database connection ended");
        }
    });
}

/// TLS 1.2 or newer with the server's name verified, and 1.3 where a certificate is shown, which is in the clear below that;
/// there is no weaker mode to choose.
// CONTROL: SEC-6
pub(crate) fn tls(address: &DatabaseAddress) -> Result<tokio_postgres_rustls::MakeRustlsConnect, TenancyError> {
    let mut roots = rustls::RootCertStore::empty();
    let trusted = match address.root_file() {
        Some(file) => certificates(file)?,
        None => rustls_native_certs::load_native_certs().certs,
    };
    roots.add_parsable_certificates(trusted);
    if roots.is_empty() {
        return Err(TenancyError::Dial(
            "no certificate authority to verify the database with".into(),
        ));
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let versions = match address.client() {
        Some(_) => &[&rustls::version::TLS13][..],
        None => rustls::DEFAULT_VERSIONS,
    };
    let failed = |error: rustls::Error| TenancyError::Dial(error.into());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .map_err(failed)?
        .with_root_certificates(roots);
    let config = match address.client() {
        Some(client) => config
            .with_client_auth_cert(certificates(&client.certificate_file)?, private_key(&client.key_file)?)
            .map_err(failed)?,
        None => config.with_no_client_auth(),
    };
    Ok(tokio_postgres_rustls::MakeRustlsConnect::new(config))
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, TenancyError> {
    CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| TenancyError::Dial(format!("`{}`: {error}", file.display()).into()))
}

/// A key that others can read is nobody's. What is looked at is the file that was opened, whatever its name leads to by then.
#[expect(clippy::disallowed_methods, reason = "the handshake is what the key is for")]
fn private_key(file: &Path) -> Result<PrivateKeyDer<'static>, TenancyError> {
    let refused = |why: String| TenancyError::Dial(format!("`{}`: {why}", file.display()).into());
    let mut opened = std::fs::File::open(file).map_err(|error| refused(error.to_string()))?;
    let metadata = opened.metadata().map_err(|error| refused(error.to_string()))?;
    // As libpq has it: where root owns the file, the group is how its user is let in.
    let forbidden = if metadata.uid() == 0 { 0o027 } else { 0o077 };
    if metadata.mode() & forbidden != 0 {
        return Err(refused("a private key that others can read or replace".to_owned()));
    }
    // All of it at once: what grows leaves copies behind.
    let mut pem = Vec::with_capacity(
        usize::try_from(metadata.len())
            .unwrap_or_default()
            .min(65_536)
            .saturating_add(1),
    );
    let read = opened.by_ref().take(65_536).read_to_end(&mut pem);
    let pem = Sensitive::new(pem);
    read.map_err(|error| refused(error.to_string()))?;
    // The parser's own text may quote what it could not read.
    PrivateKeyDer::from_pem_slice(pem.expose()).map_err(|_| refused("it holds no private key".to_owned()))
}
