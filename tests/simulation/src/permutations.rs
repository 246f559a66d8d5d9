//! A post's four webhooks in every order, and with every one of them doubled.

use std::collections::BTreeMap;
use std::fmt;

use domain::post::PostState;
use rehearsal::{CLIENT_KEY, CLIENT_SECRET};
use serde_json::{Value, json};

use crate::engine::Stepper;
use crate::scenario::{Media, Scenario};

/// What every order came to.
#[derive(Debug, Default)]
pub struct Permuted {
    /// How many there were.
    pub orders: usize,
    /// The final states, without whether the post is still public, with one order that led there.
    pub ends: BTreeMap<String, String>,
    /// In how many orders the row says in the end that the post is no longer public.
    pub removed: usize,
}

impl Permuted {
    /// Whether there is more than one final state, or none.
    pub fn is_broken(&self) -> bool {
        self.ends.len() != 1
    }
}

impl fmt::Display for Permuted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "orders of a post's four webhooks, doubled and not  {:>6}", self.orders)?;
        writeln!(f, "  that end with the post no longer public          {:>6}", self.removed)?;
        write!(f, "final states                                       {:>6}", self.ends.len())?;
        for (end, order) in &self.ends {
            write!(f, "\n  {end}: {order}")?;
        }
        Ok(())
    }
}

/// What TikTok may say about one publish id. A reason that does not pass leads to no other attempt.
const EVENTS: [&str; 4] = [
    "post.publish.failed",
    "post.publish.complete",
    "post.publish.publicly_available",
    "post.publish.no_longer_publicaly_available",
];
const POST_ID: &str = "7640407003582314689";

/// Plays every sequence in which each of the four comes once or twice.
pub fn permutations() -> Permuted {
    let mut permuted = Permuted::default();
    let mut orders = Vec::new();
    extend(&mut Vec::new(), &mut orders);
    for order in orders {
        let end = play(&order);
        permuted.orders += 1;
        let name = match end {
            Some(PostState::Published { publish_id, post_ids, removed, .. }) => {
                permuted.removed += usize::from(removed);
                format!("published as {publish_id:?} with {post_ids:?}")
            }
            Some(other) => format!("{other:?}"),
            None => "TikTok never took the post".to_owned(),
        };
        permuted.ends.entry(name).or_insert_with(|| format!("{order:?}"));
    }
    permuted
}

/// All sequences that go on from here.
fn extend(order: &mut Vec<usize>, orders: &mut Vec<Vec<usize>>) {
    if (0..EVENTS.len()).all(|event| order.contains(&event)) {
        orders.push(order.clone());
    }
    for event in 0..EVENTS.len() {
        if order.iter().filter(|had| **had == event).count() < 2 {
            order.push(event);
            extend(order, orders);
            order.pop();
        }
    }
}

fn play(order: &[usize]) -> Option<PostState> {
    let mut stepper = Stepper::new(&Scenario::plain(Media::Ready, false));
    if !stepper.until(|state| matches!(state, PostState::Processing { .. })) {
        return None;
    }
    let publish_id = stepper.post()?.state.publish_id()?.0.clone();
    for event in order {
        let (open_id, now) = stepper.sender();
        let mut content = json!({ "publish_id": publish_id, "publish_type": "DIRECT_PUBLISH" });
        match *event {
            0 => content["reason"] = Value::from("spam_risk"),
            1 => {}
            _ => content["post_id"] = Value::from(POST_ID),
        }
        let body = json!({
            "client_key": CLIENT_KEY,
            "event": EVENTS[*event],
            "create_time": now,
            "user_openid": open_id,
            "content": content.to_string(),
        });
        let body = body.to_string();
        stepper.deliver(tiktok_sandbox::signature(CLIENT_SECRET, now, body.as_bytes()), body);
    }
    Some(stepper.post()?.state)
}
