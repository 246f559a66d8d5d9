//! Dead letters become visible in the rows they are about.

use domain::post::{Event, Witness};
use domain::timeline::Actor;
use domain::{Job, Periods};
use flows::{MoveError, Moved};
use ports::{Clock, DeadLetters, Entropy, PortResult, Posts, Read};

use flows::chain;

/// What looking at dead letters may touch.
pub struct Graveyard<S, L, T> {
    /// Posts.
    pub store: S,
    /// The dead-letter queues.
    pub letters: L,
    /// Clock and randomness.
    pub time: T,
    /// The template's periods.
    pub periods: Periods,
}

impl<S: Posts, L: DeadLetters, T: Clock + Entropy> Graveyard<S, L, T> {
    /// Marks the posts that dead letters are about, and gives how many letters were seen. The letters stay where they are:
    /// looking again changes nothing.
    pub async fn look(&self) -> usize {
        let letters = match self.letters.look().await {
            Ok(letters) => letters,
            Err(error) => {
                tracing::warn!(error = %chain(&error), "the dead letters were not looked at");
                return 0;
            }
        };
        let seen = letters.len();
        for letter in letters {
            let job = serde_json::from_str::<Job>(&letter.body).ok();
            let Some(post) = job.as_ref().and_then(Job::post) else {
                tracing::error!(queue = letter.queue, "a dead letter that is about no post");
                continue;
            };
            match self.mark(post, &letter.queue).await {
                Ok(true) => {
                    tracing::error!(queue = letter.queue, %post, "a job about this post is a dead letter");
                }
                Ok(false) => {}
                Err(error) => {
                    tracing::warn!(%post, error = %chain(&error), "the post does not show its dead letter yet");
                }
            }
        }
        seen
    }

    async fn mark(&self, post: &domain::PostId, queue: &str) -> PortResult<bool> {
        let Some(seen) = self.store.post(post, Read::Eventual).await? else { return Ok(false) };
        let event = Event::PutAside { queue: queue.to_owned() };
        let by = Witness::from(Actor::Sweep);
        match flows::move_post(&self.store, &self.time, &self.periods, seen, &event, &by).await {
            Ok(Moved::Moved { .. }) => Ok(true),
            // somebody else is at it: the next look finds it again
            Ok(Moved::Unchanged(_))
            | Err(MoveError::Invalid(_) | MoveError::Gone | MoveError::Contended(_)) => Ok(false),
            Err(MoveError::Port(error)) => Err(error),
        }
    }
}
