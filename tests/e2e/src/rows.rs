//! Rows of posts, read for many who wait for them at once: a row a look is what an emulator spends its time on, else.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result};
use domain::{Post, PostId};
use ports::{DueKey, DueRow, DueRows as _};
use store_dynamodb::Store;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// Between two looks at the table.
const EVERY: Duration = Duration::from_millis(500);
/// Rows of one look.
const AT_ONCE: usize = 100;

type Waiting = HashMap<DueKey, Vec<oneshot::Sender<Post>>>;

/// Looks at the rows somebody waits for, all of them at a time.
pub(crate) struct Rows {
    waiting: Arc<Mutex<Waiting>>,
    looking: JoinHandle<()>,
}

impl Drop for Rows {
    fn drop(&mut self) {
        self.looking.abort();
    }
}

impl Rows {
    pub(crate) fn new(store: Store) -> Self {
        let waiting = Arc::new(Mutex::new(Waiting::new()));
        let looking = tokio::spawn(look(store, Arc::clone(&waiting)));
        Self { waiting, looking }
    }

    /// The post's row at the next look.
    pub(crate) async fn next(&self, id: &PostId) -> Result<Post> {
        let (tell, told) = oneshot::channel();
        {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.entry(DueKey::Post(id.clone())).or_default().push(tell);
        }
        told.await.with_context(|| format!("post `{id}` has no row"))
    }
}

async fn look(store: Store, waiting: Arc<Mutex<Waiting>>) {
    loop {
        sleep(EVERY).await;
        let asked = std::mem::take(&mut *waiting.lock().unwrap_or_else(PoisonError::into_inner));
        let mut asked: Vec<_> = asked.into_iter().collect();
        while !asked.is_empty() {
            let mut some: Waiting =
                asked.split_off(asked.len().saturating_sub(AT_ONCE)).into_iter().collect();
            let keys: Vec<DueKey> = some.keys().cloned().collect();
            let Ok(rows) = store.rows(&keys).await else {
                // the emulator may be busy: they wait for the next look
                let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
                for (key, tell) in some {
                    waiting.entry(key).or_default().extend(tell);
                }
                continue;
            };
            for (key, row) in rows {
                if let (Some(tell), DueRow::Post(post)) = (some.remove(&key), row) {
                    for tell in tell {
                        let _ = tell.send(Post::clone(&post));
                    }
                }
            }
        }
    }
}
