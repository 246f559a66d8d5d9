//! What is seen of a round while it is played, without the functions' help.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use domain::account::{Lease, TokenField, Tokens};
use domain::{Account, AccountId, Nonce, Timestamp};
use ports::fakes::{ManualClock, MemoryObjects, MemoryTable, MemoryVault};
use ports::{Clock as _, Rescue as _, Vault as _};
use tiktok::{Exchange, ExchangeError};

use crate::script::on_purpose;
use crate::{Cue, Director as _, Script, TikTok, done};

/// A pair that TikTok gave out for a refresh token, whether or not anybody heard it.
#[derive(Debug, Clone)]
struct Given {
    presented: String,
    refresh: String,
    /// Until when nobody else might ask.
    lease_ends: Timestamp,
}

#[derive(Debug, Default)]
struct Seen {
    given: Vec<Given>,
    /// Whose a refresh token is, by TikTok's word.
    open_ids: HashMap<String, String>,
    /// When a refresh token was first in the table or in the rescue object.
    durable: HashMap<String, Timestamp>,
    /// The dead refresh token for whose use TikTok revoked everything this user had granted.
    used_again: Option<String>,
    leases: HashMap<usize, Lease>,
    known_leases: Vec<Nonce>,
    asking: HashMap<usize, Timestamp>,
    epochs: HashMap<AccountId, u64>,
    sealed: HashMap<AccountId, Vec<u8>>,
    faults: Faults,
}

/// What must never be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Faults {
    /// Two at the token endpoint at once, both with a lease that had not run out.
    pub(crate) two_holders: usize,
    /// A refresh by somebody who did not hold the lease.
    pub(crate) no_lease: usize,
    /// An epoch that went back.
    pub(crate) epoch_back: usize,
    /// Tokens of another user in a row or a rescue object.
    pub(crate) foreign: usize,
}

/// Everything that is seen; clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Watch(Arc<Mutex<Seen>>);

impl Watch {
    fn with<X>(&self, change: impl FnOnce(&mut Seen) -> X) -> X {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn faults(&self) -> Faults {
        self.with(|seen| seen.faults.clone())
    }

    /// TikTok issued these tokens.
    pub(crate) fn issued(&self, answer: &serde_json::Value) {
        if let (Some(refresh), Some(open_id)) = (answer["refresh_token"].as_str(), answer["open_id"].as_str())
        {
            self.with(|seen| seen.open_ids.insert(refresh.to_owned(), open_id.to_owned()));
        }
    }

    /// What became of the latest pair that TikTok gave out for this refresh token, or with it.
    pub(crate) fn fate(&self, refresh: &str) -> Fate {
        self.with(|seen| {
            let given = |is: &dyn Fn(&Given) -> bool| seen.given.iter().rfind(|given| is(given));
            // the pair that replaced it, else the pair that it belongs to
            let pair = given(&|given| given.presented == refresh);
            let pair = pair.or_else(|| given(&|given| given.refresh == refresh));
            // one that was granted by signing in went with the grant before, if that was revoked
            let pair = pair.or_else(|| given(&|given| Some(&given.presented) == seen.used_again.as_ref()));
            let Some(next) = pair else { return Fate::NeverAsked };
            match seen.durable.get(&next.refresh) {
                None => Fate::NeverKept,
                Some(kept) if seen.used_again.is_some() && *kept > next.lease_ends => Fate::KeptTooLate,
                Some(_) => Fate::Kept,
            }
        })
    }

    /// One call of a member has gone half its way: what it may have written is looked at.
    pub(crate) fn look(
        &self,
        member: usize,
        call: Option<&str>,
        (table, objects, vault): (&MemoryTable, &MemoryObjects, &MemoryVault),
        now: Timestamp,
    ) {
        const WRITES: [&str; 5] = ["lease", "store_tokens", "keep", "connect", "require_reconnect"];
        let Some(call) = call.filter(|call| WRITES.contains(call)) else { return };
        for account in table.accounts() {
            let Some(tokens) = &account.tokens else { continue };
            self.with(|seen| {
                let epoch = seen.epochs.entry(account.id.clone()).or_insert(tokens.epoch);
                seen.faults.epoch_back += usize::from(tokens.epoch < *epoch);
                *epoch = tokens.epoch.max(*epoch);
                if let Some(lease) = account.lease.as_ref().filter(|_| call == "lease")
                    && !seen.known_leases.contains(&lease.nonce)
                {
                    seen.known_leases.push(lease.nonce);
                    seen.leases.insert(member, lease.clone());
                }
            });
            self.keeps(&account, tokens, vault, now);
            if call == "keep" {
                for epoch in 1..=tokens.epoch + 1 {
                    let kept = done(objects.kept(&account.id, epoch)).expect("the bucket answers");
                    if let Some(kept) = kept {
                        self.keeps(&account, &kept, vault, now);
                    }
                }
            }
        }
    }

    /// These tokens are in a row or in a rescue object.
    fn keeps(&self, account: &Account, tokens: &Tokens, vault: &MemoryVault, now: Timestamp) {
        let is_known = self.with(|seen| {
            let before = seen.sealed.insert(account.id.clone(), tokens.refresh.cipher.clone());
            before.is_some_and(|before| before == tokens.refresh.cipher)
        });
        if is_known {
            return;
        }
        let binding = account.binding(TokenField::Refresh, tokens.epoch);
        let Ok(refresh) = done(vault.open(&tokens.refresh, &binding)) else {
            self.with(|seen| seen.faults.foreign += 1);
            return;
        };
        self.with(|seen| {
            seen.durable.entry(refresh.expose().to_owned()).or_insert(now);
            let owner = seen.open_ids.get(refresh.expose());
            seen.faults.foreign += usize::from(owner.is_some_and(|owner| *owner != account.open_id));
        });
    }
}

/// What became of a pair that TikTok gave out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// There is none: nobody ever refreshed with success.
    NeverAsked,
    /// Neither the table nor the rescue object ever got it.
    NeverKept,
    /// It was first written when its holder's lease had run out and somebody else was using the old token again, for which
    /// TikTok revoked the whole grant.
    KeptTooLate,
    /// It was kept.
    Kept,
}

/// A member's line to TikTok.
#[derive(Clone)]
pub(crate) struct Line {
    pub(crate) member: usize,
    pub(crate) tiktok: TikTok,
    pub(crate) script: Script,
    pub(crate) watch: Watch,
    pub(crate) table: MemoryTable,
    pub(crate) clock: ManualClock,
}

/// Somebody is at the token endpoint, until this is dropped.
struct Asking<'a>(&'a Line);

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.0.watch.with(|seen| seen.asking.remove(&self.0.member));
    }
}

impl Line {
    fn begin(&self) -> Asking<'_> {
        let now = self.clock.now();
        let in_rows: Vec<Nonce> =
            self.table.accounts().into_iter().filter_map(|account| Some(account.lease?.nonce)).collect();
        self.watch.with(|seen| {
            let lease = seen.leases.get(&self.member).filter(|lease| lease.until >= now);
            let holds = lease.is_some_and(|lease| in_rows.contains(&lease.nonce));
            seen.faults.no_lease += usize::from(!holds);
            let others = seen.asking.values().any(|until| *until >= now);
            seen.faults.two_holders += usize::from(holds && others);
            let until = lease.map_or(Timestamp::MIN, |lease| lease.until);
            seen.asking.insert(self.member, until);
        });
        Asking(self)
    }

    async fn ask(&self, request: tiktok::Request) -> Result<tiktok::Response, ExchangeError> {
        let form = String::from_utf8_lossy(&request.body).into_owned();
        let presented = form.split('&').find_map(|pair| pair.strip_prefix("refresh_token="));
        let calls = self.tiktok.calls(tiktok_sandbox::Endpoint::Token).len();
        let answer = self.tiktok.exchange(request).await;
        let heard = answer.as_ref().ok().and_then(|answer| serde_json::from_slice(&answer.body).ok());
        let heard: serde_json::Value = heard.unwrap_or_default();
        self.watch.issued(&heard);
        self.watch.with(|seen| {
            let lease_ends = seen.leases.get(&self.member).map_or(Timestamp::MIN, |lease| lease.until);
            for call in self.tiktok.calls(tiktok_sandbox::Endpoint::Token).into_iter().skip(calls) {
                if call.why.is_some_and(|why| why.contains("revokes its whole family")) {
                    seen.used_again = presented.map(str::to_owned);
                }
                if let (Some(presented), "ok") = (presented, call.code.as_str()) {
                    // an answer that TikTok's side lost: there is a pair that nobody will ever know
                    let lost = || format!("lost, number {}", seen.given.len());
                    let refresh = heard["refresh_token"].as_str().map_or_else(lost, str::to_owned);
                    seen.given.push(Given { presented: presented.to_owned(), refresh, lease_ends });
                }
            }
        });
        answer
    }
}

impl Exchange for Line {
    async fn exchange(&self, request: tiktok::Request) -> Result<tiktok::Response, ExchangeError> {
        let endpoint = request.endpoint;
        let _asking = (endpoint == tiktok::Endpoint::Refresh).then(|| self.begin());
        let failed = |cue| match cue {
            Cue::NotSent => ExchangeError::not_sent(on_purpose(cue)),
            _ => ExchangeError::maybe_sent(on_purpose(cue)),
        };
        self.script.play(endpoint.as_str(), self.ask(request), failed).await
    }
}
