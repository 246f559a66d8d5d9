//! A listener that would notice any connection, and names that lead to it.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use outbound::{Exceptions, Limits, Outbound, Rules};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// Listens on one port of both loopbacks and counts who comes.
pub(crate) struct Trap {
    pub(crate) port: u16,
    seen: Arc<AtomicUsize>,
}

impl Trap {
    /// Everybody who comes is told `answer`.
    pub(crate) async fn set(answer: &'static str) -> Self {
        let four = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = four.local_addr().unwrap().port();
        let six = TcpListener::bind(("::1", port)).await.ok();
        let seen = Arc::new(AtomicUsize::new(0));
        for listener in [Some(four), six].into_iter().flatten() {
            let seen = Arc::clone(&seen);
            tokio::spawn(async move {
                while let Ok((mut socket, _)) = listener.accept().await {
                    seen.fetch_add(1, Ordering::SeqCst);
                    let mut request = [0; 4096];
                    let _head = socket.read(&mut request).await;
                    let _gone = socket.write_all(answer.as_bytes()).await;
                }
            });
        }
        Self { port, seen }
    }

    pub(crate) fn connections(&self) -> usize {
        self.seen.load(Ordering::SeqCst)
    }
}

/// What names resolve to, answer by answer; the last one repeats.
#[derive(Clone, Default)]
pub(crate) struct Names {
    known: Arc<Mutex<HashMap<String, VecDeque<Vec<IpAddr>>>>>,
    pub(crate) asked: Arc<AtomicUsize>,
}

impl Names {
    pub(crate) fn say(&self, name: &str, answers: &[&[IpAddr]]) {
        let answers = answers.iter().map(|answer| answer.to_vec()).collect();
        self.known.lock().unwrap().insert(name.to_owned(), answers);
    }
}

impl Resolve for Names {
    fn resolve(&self, name: Name) -> Resolving {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let mut known = self.known.lock().unwrap();
        let answers = known.get_mut(name.as_str());
        let answer = answers.map(|answers| {
            let next = answers.pop_front().unwrap();
            if answers.is_empty() {
                answers.push_back(next.clone());
            }
            next
        });
        Box::pin(async move {
            let found = answer.ok_or("no such name")?;
            Ok(Box::new(found.into_iter().map(|address| SocketAddr::new(address, 0))) as Addrs)
        })
    }
}

pub(crate) fn outbound(names: &Names, exceptions: &str) -> Outbound {
    let rules = Rules { exceptions: exceptions.parse::<Exceptions>().unwrap() };
    let limits =
        Limits { connect: Duration::from_millis(300), time: Duration::from_secs(5), ..Limits::default() };
    Outbound::with_names(rules, limits, lambda_kit::http::outbound_http_builder, names.clone()).unwrap()
}
