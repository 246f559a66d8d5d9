//! The four ports of a stack.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use anyhow::{Context as _, Result};

/// The port of the API unless another is asked for; the others follow it.
pub const DEFAULT_PORT: u16 = 8470;

/// What the stack listens on, all on 127.0.0.1. The ports are taken until the stack starts, so that nobody else gets them.
#[derive(Debug)]
pub struct Ports {
    /// The HTTP API.
    pub api: Port,
    /// The media edge.
    pub media: Port,
    /// The sandbox.
    pub tiktok: Port,
    /// The emulated AWS.
    pub aws: Port,
}

/// One reserved port.
#[derive(Debug)]
pub struct Port {
    pub number: u16,
    reserved: TcpListener,
}

impl Ports {
    /// `first` for the API, then the media edge, the sandbox and the emulated AWS.
    pub fn from(first: u16) -> Result<Self> {
        let taken = |offset: u16, what| {
            let number = first.checked_add(offset).context("the port is too high: three more follow it")?;
            Port::reserve(number).with_context(|| {
                format!(
                    "port {number} ({what}) is in use: is another stack running? choose others with --port"
                )
            })
        };
        Ok(Self {
            api: taken(0, "the API")?,
            media: taken(1, "the media edge")?,
            tiktok: taken(2, "the sandbox")?,
            aws: taken(3, "the emulated AWS")?,
        })
    }

    /// These four, in the order of the fields.
    pub fn exactly(numbers: [u16; 4]) -> Result<Self> {
        let [api, media, tiktok, aws] = numbers;
        let take = |number| Port::reserve(number).with_context(|| format!("port {number} is in use"));
        Ok(Self { api: take(api)?, media: take(media)?, tiktok: take(tiktok)?, aws: take(aws)? })
    }

    /// Any free ports.
    pub fn free() -> Result<Self> {
        let any = || Port::reserve(0).context("looking for a free port");
        Ok(Self { api: any()?, media: any()?, tiktok: any()?, aws: any()? })
    }

    /// As `host:port`.
    pub(crate) fn addresses(&self) -> [String; 4] {
        [&self.api, &self.media, &self.tiktok, &self.aws].map(|port| format!("127.0.0.1:{}", port.number))
    }
}

impl Port {
    fn reserve(number: u16) -> std::io::Result<Self> {
        let reserved = TcpListener::bind((Ipv4Addr::LOCALHOST, number))?;
        Ok(Self { number: reserved.local_addr()?.port(), reserved })
    }

    /// `http://127.0.0.1:<port>`
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.number)
    }

    /// The listener itself.
    pub(crate) fn listener(self) -> Result<tokio::net::TcpListener> {
        self.reserved.set_nonblocking(true).context("preparing a listener")?;
        tokio::net::TcpListener::from_std(self.reserved).context("preparing a listener")
    }

    /// Gives the port up to somebody who binds it next.
    pub(crate) fn give_up(self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.number))
    }
}
