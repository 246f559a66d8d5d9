//! A customer's server that takes webhooks, on a port that a stack makes an exception for.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

/// What came, at which path.
#[derive(Clone, Debug)]
pub struct Delivery {
    pub path: String,
    pub headers: BTreeMap<String, String>,
    pub body: String,
    pub at: Instant,
}

#[derive(Default)]
struct Seen {
    deliveries: Vec<Delivery>,
    /// How many deliveries of a path are still answered with this status.
    failing: BTreeMap<String, (u16, u32)>,
}

/// The server. What comes to a path that holds `never` is not answered.
#[derive(Clone)]
pub struct Receiver {
    place: String,
    seen: Arc<Mutex<Seen>>,
}

impl Receiver {
    /// Serves on a port of its own until the process ends.
    pub fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").context("binding a port")?;
        let place = listener.local_addr()?.to_string();
        let receiver = Self { place, seen: Arc::default() };
        let server = receiver.clone();
        // a runtime of its own: the stacks that call it come and go
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime
                .context("starting a receiver")
                .and_then(|runtime| runtime.block_on(server.serve(listener)))
        });
        Ok(receiver)
    }

    async fn serve(self, listener: TcpListener) -> Result<()> {
        listener.set_nonblocking(true)?;
        let listener = tokio::net::TcpListener::from_std(listener)?;
        loop {
            let (socket, _) = listener.accept().await?;
            let server = self.clone();
            tokio::spawn(async move { server.answer(BufReader::new(socket)).await });
        }
    }

    async fn answer(self, mut socket: BufReader<TcpStream>) -> Result<()> {
        let mut head = String::new();
        while socket.read_line(&mut head).await? > 2 {}
        let mut lines = head.lines();
        let path = lines.next().and_then(|line| line.split(' ').nth(1)).unwrap_or_default().to_owned();
        let headers: BTreeMap<String, String> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect();
        let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        let mut body = vec![0; length];
        socket.read_exact(&mut body).await?;
        let body = String::from_utf8(body)?;
        let status = {
            let mut seen = self.seen();
            seen.deliveries.push(Delivery { path: path.clone(), headers, body, at: Instant::now() });
            match seen.failing.get_mut(&path) {
                Some((status, left)) if *left > 0 => {
                    *left -= 1;
                    *status
                }
                _ => 200,
            }
        };
        if path.contains("never") {
            std::future::pending::<()>().await;
        }
        let answer = format!("HTTP/1.1 {status} Said\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok");
        socket.write_all(answer.as_bytes()).await?;
        Ok(())
    }

    /// What a stack has to except: `host:port`.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// The URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.place)
    }

    /// Has the next deliveries of a path fail.
    pub fn fail(&self, path: &str, status: u16, times: u32) {
        self.seen().failing.insert(path.to_owned(), (status, times));
    }

    /// What came to a path.
    pub fn arrived(&self, path: &str) -> Vec<Delivery> {
        self.seen().deliveries.iter().filter(|delivery| delivery.path == path).cloned().collect()
    }

    /// Waits until so much has come to a path that `enough` says so.
    pub async fn until(
        &self,
        path: &str,
        patience: Duration,
        enough: impl Fn(&[Delivery]) -> bool,
    ) -> Result<Vec<Delivery>> {
        let deadline = Instant::now() + patience;
        loop {
            let arrived = self.arrived(path);
            if enough(&arrived) {
                return Ok(arrived);
            }
            ensure!(Instant::now() < deadline, "at `{path}` there came only {arrived:#?}");
            sleep(Duration::from_millis(100)).await;
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
