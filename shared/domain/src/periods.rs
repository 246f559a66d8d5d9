//! Every period the product waits for; template parameters with production defaults.

use jiff::SignedDuration;

/// Periods, as the template's parameters set them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Periods {
    /// A claim outlives the claiming invocation by this (`ClaimMarginSeconds`).
    pub claim_margin: SignedDuration,
    /// Steps nearer than this are delayed messages; from there on the EventBridge sweep sends them (`SweepFromSeconds`).
    pub sweep_from: SignedDuration,
    /// A lost message is noticed after this at the latest (`WatchdogSeconds`).
    pub watchdog: SignedDuration,
    /// Gaps between status checks; the last repeats (`PollLadder`).
    pub poll_ladder: Vec<SignedDuration>,
    /// Gaps between looks for the public post id; the last repeats (`TailLadder`).
    pub tail_ladder: Vec<SignedDuration>,
    /// How long the public post id is looked for (`TailSeconds`).
    pub tail: SignedDuration,
    /// A post without TikTok's word is unconfirmed after this (`PostDeadlineSeconds`).
    pub post_deadline: SignedDuration,
    /// An unconfirmed attempt keeps the account's other posts waiting this long (`UnconfirmedDeadlineSeconds`).
    pub unconfirmed_deadline: SignedDuration,
    /// Gaps between looks for what became of an attempt in doubt; the last repeats.
    pub evidence_ladder: Vec<SignedDuration>,
    /// The copy of an attempt in doubt is taken away after this, if a log can show that TikTok never asked for it
    /// (`FenceWaitSeconds`).
    pub fence_wait: SignedDuration,
    /// An upload that did not come by then never will (`MediaDeadlineSeconds`).
    pub media_deadline: SignedDuration,
    /// Gaps between the attempts of a webhook's delivery; the last repeats (`WebhookLadder`).
    pub webhook_ladder: Vec<SignedDuration>,
    /// A delivery is given up, and an endpoint turned off, after failing for this long (`WebhookDeadlineSeconds`).
    pub webhook_deadline: SignedDuration,
    /// How often an endpoint is held against its workspace's events (`WebhookCheckSeconds`).
    pub webhook_check: SignedDuration,
}

impl Default for Periods {
    /// The production defaults; a test compares them with the template's.
    fn default() -> Self {
        let seconds = |list: &[i64]| list.iter().copied().map(SignedDuration::from_secs).collect();
        Self {
            claim_margin: SignedDuration::from_secs(10),
            sweep_from: SignedDuration::from_secs(120),
            watchdog: SignedDuration::from_secs(300),
            poll_ladder: seconds(&[120, 240, 480, 900]),
            tail_ladder: seconds(&[900, 1_800, 3_600, 7_200, 14_400, 21_600]),
            tail: SignedDuration::from_secs(172_800),
            post_deadline: SignedDuration::from_secs(86_400),
            unconfirmed_deadline: SignedDuration::from_secs(4_500),
            evidence_ladder: seconds(&[60, 120, 240, 480, 900]),
            fence_wait: SignedDuration::from_secs(300),
            media_deadline: SignedDuration::from_secs(86_400),
            webhook_ladder: seconds(&[5, 300, 1_800, 7_200, 18_000, 36_000, 36_000]),
            webhook_deadline: SignedDuration::from_secs(432_000),
            webhook_check: SignedDuration::from_secs(3_600),
        }
    }
}

/// The first rung of a ladder that lies after `elapsed`, counted from the ladder's foot.
///
/// Gaps add up and the last one repeats. Positions are derived from elapsed time alone, so no row has to count checks.
pub fn next_rung(ladder: &[SignedDuration], elapsed: SignedDuration) -> SignedDuration {
    let mut rung = SignedDuration::ZERO;
    for gap in ladder {
        rung += *gap;
        if rung > elapsed {
            return rung;
        }
    }
    let last =
        ladder.last().copied().unwrap_or(SignedDuration::from_secs(900)).max(SignedDuration::from_secs(1));
    let steps = (elapsed - rung).as_millis() / last.as_millis() + 1;
    rung + last * i32::try_from(steps).unwrap_or(i32::MAX)
}
