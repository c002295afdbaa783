use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueHint};
use mesh::NamerdClient;
use mesh::client::{BaseUrlError, ClientOptions};
use transport::{ClientAuthFiles, ClientTls, ClientTlsFiles};

use crate::config_file;
use crate::console::Console;
use crate::duration;
use crate::failure::Failure;

/// The environment variable that names namerd.
const BASE_URL_VARIABLE: &str = "NAMERCTL_BASE_URL";

/// Where namerd is, and how to speak to it.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Connection {
    /// Where namerd is, as in `http://namerd.example.com:4180`; several, separated by commas, are tried in turn
    ///
    /// Without it, the environment variable NAMERCTL_BASE_URL counts, and then the key `base-url` of the configuration file.
    #[arg(long, global = true, value_name = "URL", value_hint = ValueHint::Url)]
    base_url: Option<String>,
    /// The configuration file, instead of the first .namerctl.{json,toml,yaml,yml,properties,props,prop,hcl} in this folder or above
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    config: Option<PathBuf>,
    /// How long namerd may take to answer: 500ms, 10s, 1m
    #[arg(long, global = true, value_name = "TIME", default_value = "10s", value_parser = duration::parse)]
    timeout: Duration,
    /// Trust this certificate (PEM) instead of the system's
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    ca_cert: Option<PathBuf>,
    /// Show this certificate (PEM) to namerd
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    client_cert: Option<PathBuf>,
    /// The private key (PEM) of --client-cert
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    client_key: Option<PathBuf>,
    /// Trust whoever answers
    #[arg(long, global = true)]
    insecure: bool,
}

impl Connection {
    /// Whether the command line itself says where namerd is.
    pub(crate) fn is_explicit(&self) -> bool {
        self.base_url.is_some()
    }

    /// A client of all the base URLs together.
    pub(crate) fn client(&self, console: &mut Console<'_>) -> Result<NamerdClient, Failure> {
        let base_urls = self.base_urls(console)?;
        self.client_of(base_urls)
    }

    /// A client of these.
    pub(crate) fn client_of(&self, base_urls: Vec<String>) -> Result<NamerdClient, Failure> {
        let is_secure = base_urls.iter().any(|url| url.starts_with("https:"));
        let tls = is_secure.then(|| self.tls()).transpose()?;
        let options = ClientOptions {
            base_urls,
            tls,
            connect_timeout: self.timeout.min(Duration::from_secs(3)),
            timeout: Some(self.timeout),
            uses_environment_proxies: true,
        };
        Ok(NamerdClient::new(options)?)
    }

    /// The base URLs, in order of preference.
    pub(crate) fn base_urls(&self, console: &mut Console<'_>) -> Result<Vec<String>, Failure> {
        let text = match (&self.base_url, variable()) {
            (Some(url), _) => Some(url.clone()),
            (None, Some(url)) => Some(url),
            (None, None) => self.configured(console)?,
        };
        let text = text.unwrap_or_default();
        let urls = text.split(',').map(str::trim).filter(|url| !url.is_empty());
        let urls: Vec<_> = urls.map(str::to_owned).collect();
        if urls.is_empty() {
            return Err(BaseUrlError::Empty.into());
        }
        Ok(urls)
    }

    fn configured(&self, console: &mut Console<'_>) -> Result<Option<String>, Failure> {
        if let Some(file) = &self.config {
            return Ok(config_file::base_url(file)?);
        }
        let folder = std::env::current_dir().unwrap_or_default();
        let Some(file) = config_file::find(&folder) else {
            return Ok(None);
        };
        match config_file::base_url(&file) {
            Ok(url) => Ok(url),
            Err(error) => {
                // A broken file that nobody asked for is no reason to stop; that there is no base URL then will be.
                console
                    .err
                    .line(&format!("Warning: {}", crate::chain(&error)))?;
                Ok(None)
            }
        }
    }

    fn tls(&self) -> Result<ClientTls, Failure> {
        let client_auth = match (&self.client_cert, &self.client_key) {
            (None, None) => None,
            (Some(cert), Some(key)) => Some(ClientAuthFiles {
                cert: cert.clone(),
                key: key.clone(),
                intermediates: None,
            }),
            _ => return Err(Failure::HalfIdentity),
        };
        Ok(ClientTls::load(&ClientTlsFiles {
            disable_validation: self.insecure,
            trust: self.ca_cert.iter().cloned().collect(),
            client_auth,
            ..ClientTlsFiles::default()
        })?)
    }
}

fn variable() -> Option<String> {
    std::env::var(BASE_URL_VARIABLE)
        .ok()
        .filter(|url| !url.is_empty())
}
