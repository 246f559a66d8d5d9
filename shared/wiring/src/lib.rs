//! What every function builds alike: the system's clock and randomness as ports, and the periods of the template.
#![warn(missing_docs)]

#[cfg(feature = "secrets")]
pub mod secrets;

use domain::{Periods, Timestamp};
use lambda_kit::settings::{Settings, SettingsError};
use lambda_kit::system::{SystemClock, SystemEntropy};
use ports::{Clock, Entropy};

/// The machine's clock and randomness.
#[derive(Debug, Clone, Copy, Default)]
pub struct System;

impl Clock for System {
    fn now(&self) -> Timestamp {
        // rows keep whole milliseconds, and a replayed answer says what the first one said
        let now = SystemClock.now();
        Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
    }
}

impl Entropy for System {
    fn random(&self) -> [u8; 32] {
        SystemEntropy.bytes()
    }
}

/// Every period, from the template's parameters.
pub fn periods(settings: &Settings) -> Result<Periods, SettingsError> {
    let claim_margin = settings.seconds("CLAIM_MARGIN_SECONDS");
    let sweep_from = settings.seconds("SWEEP_FROM_SECONDS");
    let watchdog = settings.seconds("WATCHDOG_SECONDS");
    let poll_ladder = settings.seconds_list("POLL_LADDER");
    let tail_ladder = settings.seconds_list("TAIL_LADDER");
    let tail = settings.seconds("TAIL_SECONDS");
    let post_deadline = settings.seconds("POST_DEADLINE_SECONDS");
    let unconfirmed_deadline = settings.seconds("UNCONFIRMED_DEADLINE_SECONDS");
    let evidence_ladder = settings.seconds_list("EVIDENCE_LADDER");
    let fence_wait = settings.seconds("FENCE_WAIT_SECONDS");
    let media_deadline = settings.seconds("MEDIA_DEADLINE_SECONDS");
    let webhook_ladder = settings.seconds_list("WEBHOOK_LADDER");
    let webhook_deadline = settings.seconds("WEBHOOK_DEADLINE_SECONDS");
    let webhook_check = settings.seconds("WEBHOOK_CHECK_SECONDS");
    settings.check()?;
    Ok(Periods {
        claim_margin: claim_margin?,
        sweep_from: sweep_from?,
        watchdog: watchdog?,
        poll_ladder: poll_ladder?,
        tail_ladder: tail_ladder?,
        tail: tail?,
        post_deadline: post_deadline?,
        unconfirmed_deadline: unconfirmed_deadline?,
        evidence_ladder: evidence_ladder?,
        fence_wait: fence_wait?,
        media_deadline: media_deadline?,
        webhook_ladder: webhook_ladder?,
        webhook_deadline: webhook_deadline?,
        webhook_check: webhook_check?,
    })
}
