//! An emulated AWS for the tests of one adapter: [`Ministack::start`], then [`Ministack::sdk_config`].
//!
//! It binds a free port of 127.0.0.1, keeps its state in a directory of its own, checks no permissions, and is stopped
//! when the value is dropped or the process ends.
#![warn(missing_docs)]

use std::ffi::OsStr;
use std::fmt;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use tempfile::TempDir;

/// How long a machine that is busy with other tests may take.
const START_WITHIN: Duration = Duration::from_mins(1);
/// A port may be taken between our look and the emulator's bind.
const PORTS_TRIED: usize = 3;

/// Why the emulator does not run. Its `Debug` is its `Display`: a test that unwraps it should say what to do.
#[derive(thiserror::Error)]
pub enum StartError {
    /// Nothing to start.
    #[error(
        "find MiniStack's Python in `{python}`: run `cargo slipway test` once, which sets it up, or name its virtual \
         environment in SLIPWAY_VENV"
    )]
    NotInstalled {
        /// Where it was looked for.
        python: PathBuf,
    },
    /// The machine would not.
    #[error("start MiniStack")]
    Io(#[from] io::Error),
    /// It ended, or did not answer in time.
    #[error("wait for MiniStack, which wrote:\n{output}")]
    Silent {
        /// What it wrote.
        output: String,
    },
}

impl fmt::Debug for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(source) => write!(f, "{self}: {source}"),
            Self::NotInstalled { .. } | Self::Silent { .. } => fmt::Display::fmt(self, f),
        }
    }
}

/// A running emulator.
#[derive(Debug)]
pub struct Ministack {
    endpoint: String,
    process: Child,
    _state: TempDir,
}

impl Ministack {
    /// Starts one and waits until it answers.
    ///
    /// The Python environment is `$SLIPWAY_VENV`, else `.slipway/venv` of this repository.
    pub fn start() -> Result<Self, StartError> {
        let python = python();
        if !python.exists() {
            return Err(StartError::NotInstalled { python });
        }
        let mut tried = 1;
        loop {
            match Self::start_once(&python) {
                Err(StartError::Silent { .. }) if tried < PORTS_TRIED => tried += 1,
                result => return result,
            }
        }
    }

    fn start_once(python: &Path) -> Result<Self, StartError> {
        let state = TempDir::new()?;
        let log = state.path().join("output.log");
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let endpoint = format!("http://127.0.0.1:{port}");
        let inherited = ["PATH", "HOME", "TMPDIR"].map(|name| (name, std::env::var_os(name)));
        let process = Command::new(python)
            .args(["-c", include_str!("launch.py")])
            .env_clear()
            .envs(inherited.into_iter().filter_map(|(name, value)| Some((name, value?))))
            .envs([
                ("GATEWAY_PORT", OsStr::new(&port.to_string())),
                ("BIND_HOST", OsStr::new("127.0.0.1")),
                ("MINISTACK_HOST", OsStr::new("localhost")),
                ("AWS_ENDPOINT_URL", OsStr::new(&endpoint)),
                ("STATE_DIR", state.path().join("state").as_os_str()),
                ("S3_DATA_DIR", state.path().join("s3").as_os_str()),
                ("PERSIST_STATE", OsStr::new("0")),
                ("SFTP_ENABLED", OsStr::new("0")),
                ("IOT_MTLS_ENABLED", OsStr::new("0")),
            ])
            .stdin(Stdio::piped())
            .stdout(File::create(&log)?)
            .stderr(File::options().append(true).open(&log)?)
            .spawn()?;
        let mut this = Self { endpoint, process, _state: state };
        let deadline = Instant::now() + START_WITHIN;
        while !answers(port) {
            let ended = this.process.try_wait()?.is_some();
            if ended || Instant::now() > deadline {
                let output = std::fs::read_to_string(&log).unwrap_or_default();
                return Err(StartError::Silent { output });
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(this)
    }

    /// Where it listens, `http://127.0.0.1:<port>`.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// A configuration for any AWS client, over the HTTP client that production uses.
    pub fn sdk_config(&self) -> SdkConfig {
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(lambda_kit::http::aws_http_client())
            .region(Region::new("us-east-1"))
            .credentials_provider(SharedCredentialsProvider::new(Credentials::new(
                "test", "test", None, None, "tests",
            )))
            .retry_config(lambda_kit::aws::retries())
            .timeout_config(lambda_kit::aws::timeouts())
            .endpoint_url(&self.endpoint)
            .build()
    }
}

impl Drop for Ministack {
    fn drop(&mut self) {
        drop(self.process.stdin.take()); // the order to stop
        let deadline = Instant::now() + Duration::from_secs(10);
        while matches!(self.process.try_wait(), Ok(None)) {
            if Instant::now() > deadline {
                drop(self.process.kill());
                drop(self.process.wait());
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
    }
}

fn python() -> PathBuf {
    let venv = std::env::var_os("SLIPWAY_VENV")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.slipway/venv"), PathBuf::from);
    venv.join("bin/python")
}

fn answers(port: u16) -> bool {
    let ask = || -> io::Result<Vec<u8>> {
        let mut connection = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        connection.set_read_timeout(Some(Duration::from_secs(2)))?;
        connection
            .write_all(b"GET /_ministack/health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
        let mut head = vec![0; 12];
        connection.read_exact(&mut head)?;
        Ok(head)
    };
    ask().is_ok_and(|head| head == b"HTTP/1.1 200")
}
