//! One event on its way to one endpoint: the ladder of attempts.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{EndpointId, Notice, NoticeId, Periods, WorkspaceId, wake};

/// Which delivery: one per event and endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DeliveryKey {
    /// To where.
    pub endpoint: EndpointId,
    /// Of what.
    pub event: NoticeId,
}

impl fmt::Display for DeliveryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.endpoint, self.event)
    }
}

/// One attempt, as the log keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// When it began.
    pub at: Timestamp,
    /// How long it took, in milliseconds.
    pub millis: u32,
    /// What was answered, if anything was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Why nothing was answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The beginning of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<String>,
}

impl Attempt {
    /// Whether the receiver took it: 2xx and nothing else.
    pub fn delivered(&self) -> bool {
        self.status.is_some_and(|status| (200..300).contains(&status))
    }
}

/// What has become of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum DeliveryState {
    /// There is another attempt to come.
    Pending {
        /// Since then it is tried: when the event came, or when somebody asked for it again.
        since: Timestamp,
        /// When.
        next: Timestamp,
        /// How many attempts there were since then.
        tried: u32,
    },
    /// The receiver took it.
    Delivered {
        /// When.
        at: Timestamp,
    },
    /// It was tried for too long.
    GivenUp {
        /// When.
        at: Timestamp,
    },
    /// The endpoint is off or gone.
    Dropped {
        /// When.
        at: Timestamp,
    },
}

impl DeliveryState {
    /// The state as customers read it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending { .. } => "pending",
            Self::Delivered { .. } => "delivered",
            Self::GivenUp { .. } => "given_up",
            Self::Dropped { .. } => "dropped",
        }
    }
}

/// One event on its way to one endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// Which.
    pub key: DeliveryKey,
    /// Whose.
    pub workspace: WorkspaceId,
    /// The event's type.
    pub event_type: String,
    /// What has become of it.
    pub state: DeliveryState,
    /// The attempts, the newest last.
    pub attempts: Vec<Attempt>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Its wake-up.
    #[serde(skip)]
    pub due: Option<Timestamp>,
}

/// So many attempts are kept in the log.
const KEPT: usize = 20;
/// Shorter gaps have no jitter: queues count whole seconds.
const JITTER_FROM: SignedDuration = SignedDuration::from_secs(60);

impl Delivery {
    /// A delivery that is due at once.
    pub fn of(endpoint: &EndpointId, notice: &Notice, now: Timestamp, periods: &Periods) -> Self {
        let delivery = Self {
            key: DeliveryKey { endpoint: endpoint.clone(), event: notice.id.clone() },
            workspace: notice.workspace.clone(),
            event_type: notice.news.name().to_owned(),
            state: DeliveryState::Pending { since: now, next: now, tried: 0 },
            attempts: Vec::new(),
            created_at: now,
            due: None,
        };
        delivery.arranged(now, periods)
    }

    /// When the next attempt is, if there is one.
    pub const fn next_task(&self) -> Option<Timestamp> {
        match self.state {
            DeliveryState::Pending { next, .. } => Some(next),
            DeliveryState::Delivered { .. }
            | DeliveryState::GivenUp { .. }
            | DeliveryState::Dropped { .. } => None,
        }
    }

    /// The delivery after an attempt that ended at `now`. What was delivered once stays delivered. `random` spreads the
    /// attempts of many deliveries by up to 5 % either way.
    #[must_use]
    pub fn attempted(&self, attempt: Attempt, now: Timestamp, random: u64, periods: &Periods) -> Self {
        let delivered = attempt.delivered();
        let state = match self.state {
            DeliveryState::Pending { .. } | DeliveryState::GivenUp { .. } | DeliveryState::Dropped { .. }
                if delivered =>
            {
                DeliveryState::Delivered { at: now }
            }
            DeliveryState::Pending { since, .. } if now.duration_since(since) >= periods.webhook_deadline => {
                DeliveryState::GivenUp { at: now }
            }
            DeliveryState::Pending { since, tried, .. } => {
                let next = now + gap(&periods.webhook_ladder, tried, random);
                DeliveryState::Pending { since, next, tried: tried + 1 }
            }
            DeliveryState::Delivered { .. }
            | DeliveryState::GivenUp { .. }
            | DeliveryState::Dropped { .. } => self.state,
        };
        let mut attempts = self.attempts.clone();
        attempts.push(attempt);
        let more = attempts.len().saturating_sub(KEPT);
        attempts.drain(..more);
        Self { state, attempts, ..self.clone() }.arranged(now, periods)
    }

    /// The delivery of an endpoint that is off or gone.
    #[must_use]
    pub fn dropped(&self, now: Timestamp) -> Self {
        match self.state {
            DeliveryState::Pending { .. } => {
                Self { state: DeliveryState::Dropped { at: now }, due: None, ..self.clone() }
            }
            DeliveryState::Delivered { .. }
            | DeliveryState::GivenUp { .. }
            | DeliveryState::Dropped { .. } => self.clone(),
        }
    }

    /// From the ladder's foot once more, because somebody asked for it.
    #[must_use]
    pub fn again(&self, now: Timestamp, periods: &Periods) -> Self {
        let state = DeliveryState::Pending { since: now, next: now, tried: 0 };
        Self { state, ..self.clone() }.arranged(now, periods)
    }

    fn arranged(self, now: Timestamp, periods: &Periods) -> Self {
        let due = wake::arrange(self.due, self.next_task(), now, periods);
        Self { due, ..self }
    }
}

/// The gap after the attempt number `tried`, counted from 0; the last repeats.
fn gap(ladder: &[SignedDuration], tried: u32, random: u64) -> SignedDuration {
    let rung = usize::try_from(tried).unwrap_or(usize::MAX);
    let gap = ladder.get(rung).or(ladder.last()).copied().unwrap_or(SignedDuration::from_hours(10));
    if gap < JITTER_FROM {
        return gap;
    }
    let permille = 950 + i64::try_from(random % 101).unwrap_or_default();
    SignedDuration::from_millis(i64::try_from(gap.as_millis()).unwrap_or(i64::MAX) / 1_000 * permille)
}
