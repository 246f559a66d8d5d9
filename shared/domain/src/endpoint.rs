//! Where a customer wants to be told of events, and when we stop trying.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::account::{Binding, Sealed};
use crate::delivery::Attempt;
use crate::notice::{EndpointNews, News};
use crate::{EndpointId, Notice, Periods, WorkspaceId, wake};

/// How many endpoints a workspace may have.
pub const ENDPOINTS_MAX: usize = 20;

/// A secret that signs, sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secret {
    /// Counts the endpoint's secrets; what it is bound to.
    pub number: u64,
    /// The secret as customers know it, sealed.
    pub sealed: Sealed,
    /// When it signs no more, once another has taken its place.
    pub ends_at: Option<Timestamp>,
    /// SHA-256 of the request that made it under an `Idempotency-Key`: tells a repeat from another request.
    pub request_sha256: Option<[u8; 32]>,
}

/// Why an endpoint is off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Off {
    /// It answered 410.
    Gone,
    /// It failed for days.
    Failing,
    /// A person turned it off.
    Asked,
}

impl Off {
    /// The reason as customers read it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::Failing => "failing",
            Self::Asked => "asked",
        }
    }
}

/// Whether events are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum EndpointState {
    /// They are.
    On,
    /// They are not.
    Off {
        /// Since then.
        at: Timestamp,
        /// Because of this.
        why: Off,
    },
    /// It was removed; the row stays for a while for the deliveries that name it.
    Removed {
        /// When.
        at: Timestamp,
    },
}

/// Where a customer wants to be told of events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// Its id.
    pub id: EndpointId,
    /// Whose it is.
    pub workspace: WorkspaceId,
    /// Where events are posted to.
    pub url: String,
    /// What people call it.
    pub description: String,
    /// Types of events that are sent, such as `post.failed` or `post.*`; empty, or `*`: every one.
    pub events: BTreeSet<String>,
    /// What signs, newest first: one, or two while one takes the other's place.
    pub secrets: Vec<Secret>,
    /// Whether events are sent.
    pub state: EndpointState,
    /// The first failure since the last success.
    pub failing_since: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Every event before this has its delivery.
    pub caught_up_at: Timestamp,
    /// Its wake-up.
    #[serde(skip)]
    pub due: Option<Timestamp>,
}

/// Events are written by clocks that differ, and listed a little later than they are written.
const OVERLAP: SignedDuration = SignedDuration::from_mins(10);

impl Endpoint {
    /// An endpoint that was just made.
    pub fn new(
        id: EndpointId,
        workspace: WorkspaceId,
        url: String,
        secret: Secret,
        now: Timestamp,
        periods: &Periods,
    ) -> Self {
        let endpoint = Self {
            id,
            workspace,
            url,
            description: String::new(),
            events: BTreeSet::new(),
            secrets: vec![secret],
            state: EndpointState::On,
            failing_since: None,
            created_at: now,
            caught_up_at: now,
            due: None,
        };
        endpoint.arranged(now, periods)
    }

    /// Whether events are sent.
    pub const fn is_on(&self) -> bool {
        matches!(self.state, EndpointState::On)
    }

    /// Whether it was removed.
    pub const fn is_removed(&self) -> bool {
        matches!(self.state, EndpointState::Removed { .. })
    }

    /// Whether it is to be told of this: what it chose, a test of its own, and of endpoints that were turned off only others.
    pub fn wants(&self, notice: &Notice) -> bool {
        let name = notice.news.name();
        let chosen = self.events.is_empty()
            || self.events.iter().any(|event| match event.strip_suffix('*') {
                Some(family) => name.starts_with(family),
                None => event == name,
            });
        let own = match &notice.news {
            News::Endpoint { endpoint, event: EndpointNews::Test, .. } => return *endpoint == self.id,
            News::Endpoint { endpoint, .. } => *endpoint == self.id,
            News::Connected { .. }
            | News::ReconnectRequired { .. }
            | News::Disconnected
            | News::GrantEnds { .. }
            | News::Post { .. } => false,
        };
        chosen && !own && notice.workspace == self.workspace
    }

    /// The secrets that sign at `now`, newest first.
    pub fn signing(&self, now: Timestamp) -> impl Iterator<Item = &Secret> {
        self.secrets.iter().filter(move |secret| secret.ends_at.is_none_or(|end| now < end))
    }

    /// The number of the next secret.
    pub fn next_number(&self) -> u64 {
        self.secrets.iter().map(|secret| secret.number).max().unwrap_or_default() + 1
    }

    /// What a secret of its own is bound to.
    pub fn binding(&self, number: u64) -> Binding<'_> {
        Binding::of_endpoint(&self.workspace, &self.id, number)
    }

    /// With a new secret; the one before signs as well until `until`, older ones no more.
    #[must_use]
    pub fn rotated(&self, secret: Secret, until: Timestamp) -> Self {
        let before = self.secrets.first().map(|before| {
            let ends_at = Some(before.ends_at.map_or(until, |end| end.min(until)));
            Secret { ends_at, ..before.clone() }
        });
        Self { secrets: [Some(secret), before].into_iter().flatten().collect(), ..self.clone() }
    }

    /// What an attempt means to the endpoint; `None`: nothing new. The event is for the workspace's other endpoints.
    pub fn after(
        &self,
        attempt: &Attempt,
        now: Timestamp,
        periods: &Periods,
    ) -> Option<(Self, Option<Notice>)> {
        if !self.is_on() {
            return None;
        }
        if attempt.delivered() {
            return self.failing_since.map(|_| (Self { failing_since: None, ..self.clone() }, None));
        }
        let since = self.failing_since.unwrap_or(now);
        let why = if attempt.status == Some(410) {
            Some(Off::Gone)
        } else {
            (now.duration_since(since) >= periods.webhook_deadline).then_some(Off::Failing)
        };
        match why {
            Some(why) => {
                let off = Self { failing_since: Some(since), ..self.turned_off(why, now) };
                let code = Some(why.as_str().to_owned());
                let notice = Notice::of_endpoint(&off, now, EndpointNews::Disabled, code);
                Some((off, Some(notice)))
            }
            None if self.failing_since.is_none() => {
                Some((Self { failing_since: Some(since), ..self.clone() }, None))
            }
            None => None,
        }
    }

    /// The endpoint once it is off.
    #[must_use]
    pub fn turned_off(&self, why: Off, now: Timestamp) -> Self {
        Self { state: EndpointState::Off { at: now, why }, due: None, ..self.clone() }
    }

    /// The endpoint once it is on again: it is told of what happens from now on.
    #[must_use]
    pub fn turned_on(&self, now: Timestamp, periods: &Periods) -> Self {
        let on = Self { state: EndpointState::On, failing_since: None, caught_up_at: now, ..self.clone() };
        on.arranged(now, periods)
    }

    /// What is left of an endpoint that was removed: no secret.
    #[must_use]
    pub fn removed(&self, now: Timestamp) -> Self {
        let state = EndpointState::Removed { at: now };
        Self { state, secrets: Vec::new(), due: None, ..self.clone() }
    }

    /// Since when events are looked at, to see that each has its delivery.
    pub fn look_since(&self) -> Timestamp {
        (self.caught_up_at - OVERLAP).max(self.created_at)
    }

    /// The endpoint once every event before `at` has its delivery.
    #[must_use]
    pub fn caught_up(&self, at: Timestamp, now: Timestamp, periods: &Periods) -> Self {
        Self { caught_up_at: self.caught_up_at.max(at), ..self.clone() }.arranged(now, periods)
    }

    /// When it is held against the workspace's events again.
    pub fn next_task(&self, periods: &Periods) -> Option<Timestamp> {
        self.is_on().then(|| self.caught_up_at + periods.webhook_check)
    }

    fn arranged(self, now: Timestamp, periods: &Periods) -> Self {
        // the sweep alone drives it
        let due = self.next_task(periods).map(|at| at.max(now));
        Self { due: due.or_else(|| wake::arrange(self.due, None, now, periods)), ..self }
    }
}
