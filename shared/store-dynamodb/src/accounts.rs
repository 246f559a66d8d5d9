//! Accounts: tokens, lease, limits and slot in one row. The refresh token of the generation before has a row of its own,
//! since only the holder of the lease needs it, and every reserved call would pay for its bytes.

use aws_sdk_dynamodb::types::ReturnValue;
use domain::account::{AccountStatus, Lease, Sealed, Slot, Tokens};
use domain::limits::Limits;
use domain::{Account, AccountId, Nonce, Timestamp};
use ports::{Accounts, Connected, Leased, PortError, PortResult, Read};

use crate::due::{self, Side};
use crate::item::{Item, Reader, binary, millis, nonce, number, text};
use crate::update::Update;
use crate::{Store, Wrote, codec};

const CONNECTED: &str = "connected";
const RECONNECT: &str = "reconnect_required";
const DISCONNECTED: &str = "disconnected";

pub(crate) fn pk(id: &AccountId) -> String {
    format!("account#{id}")
}

fn previous_pk(id: &AccountId) -> String {
    format!("previous#{id}")
}

fn due_keys(id: &AccountId, at: Option<Timestamp>) -> Option<due::Keys> {
    at.map(|at| due::keys(Side::Accounts, id.bits(), &pk(id), at))
}

/// One generation. The epoch stays in the row when tokens go.
fn set_tokens(update: Update, tokens: &Tokens) -> Update {
    update
        .set("e", number(tokens.epoch))
        .set("t", binary(codec::token_pair(&tokens.access, &tokens.refresh)))
        .put("pe", tokens.previous_refresh.as_ref().map(|(epoch, _)| number(epoch)))
        .set("ti", millis(tokens.issued_at))
        .set("ta", millis(tokens.access_expires_at))
        .set("tr", millis(tokens.refresh_expires_at))
        .set("sc", text(tokens.scopes.join(",")))
}

fn scopes(text: &str) -> Vec<String> {
    text.split(',').filter(|scope| !scope.is_empty()).map(str::to_owned).collect()
}

/// Reads a row; its tokens lack the refresh token of the generation before.
pub(crate) fn read(item: &Item) -> PortResult<Account> {
    let row = Reader::new(item);
    let id = row.text("pk")?.strip_prefix("account#").and_then(|id| id.parse().ok());
    let status = match row.text("st")? {
        CONNECTED => AccountStatus::Connected,
        RECONNECT => {
            AccountStatus::ReconnectRequired { since: row.time("rs")?, code: row.text("rc")?.to_owned() }
        }
        DISCONNECTED => AccountStatus::Disconnected,
        _ => return Err(row.unreadable("st")),
    };
    let tokens = row.maybe("t", read_tokens)?;
    // rows of the first version do not say when they were connected
    let connected_at = row.maybe("ca", Reader::time)?;
    let connected_at = connected_at.or(tokens.as_ref().map(|tokens| tokens.issued_at));
    Ok(Account {
        id: id.ok_or_else(|| row.unreadable("pk"))?,
        client_key: row.text("ck")?.to_owned(),
        open_id: row.text("oi")?.to_owned(),
        workspace: row.parsed("w")?,
        creator: row.parsed("c")?,
        connected_at: connected_at.unwrap_or(Timestamp::UNIX_EPOCH),
        status,
        tokens,
        epoch: row.number("e")?,
        lease: row.maybe("ln", |row, name| Ok(Lease { nonce: row.nonce(name)?, until: row.time("lu")? }))?,
        limits: codec::read_limits(row.bytes("r")?).ok_or_else(|| row.unreadable("r"))?,
        limits_version: row.number("lv")?,
        slot: row.maybe("sp", |row, name| {
            let ids = |name| {
                let ids = row.maybe(name, |row, name| {
                    codec::read_ids(row.bytes(name)?).ok_or_else(|| row.unreadable(name))
                })?;
                PortResult::Ok(ids.unwrap_or_default())
            };
            let (recent, doubts) = (ids("sr")?, ids("sd")?);
            Ok(Slot { post: row.parsed(name)?, until: row.time("su")?, recent, doubts })
        })?,
        due: due::read(&row)?,
    })
}

fn read_tokens(row: &Reader<'_>, name: &'static str) -> PortResult<Tokens> {
    let (access, refresh) = codec::read_token_pair(row.bytes(name)?).ok_or_else(|| row.unreadable(name))?;
    Ok(Tokens {
        epoch: row.number("e")?,
        access,
        refresh,
        previous_refresh: None,
        issued_at: row.time("ti")?,
        access_expires_at: row.time("ta")?,
        refresh_expires_at: row.time("tr")?,
        scopes: scopes(row.text("sc")?),
    })
}

impl Store {
    /// Keeps the refresh token of the generation before. Written ahead of the generation that follows: until that one is
    /// there nobody reads it.
    async fn keep_previous(&self, id: &AccountId, tokens: &Tokens) -> PortResult<()> {
        let Some((epoch, refresh)) = &tokens.previous_refresh else { return Ok(()) };
        let update = Update::when("attribute_not_exists(#pk) OR #e <= :e")
            .set("e", number(epoch))
            .set("t", binary(codec::token(refresh)));
        // a newer one is there: then our generation is too late as well, and its own condition will say so
        self.update(&previous_pk(id), update, ReturnValue::None).await.map(drop)
    }

    async fn previous(&self, id: &AccountId, epoch: u64) -> PortResult<Option<(u64, Sealed)>> {
        let Some(item) = self.get(previous_pk(id), Read::Strong).await? else { return Ok(None) };
        let row = Reader::new(&item);
        if row.number::<u64>("e")? != epoch {
            return Ok(None);
        }
        let sealed = codec::read_token(row.bytes("t")?).ok_or_else(|| row.unreadable("t"))?;
        Ok(Some((epoch, sealed)))
    }
}

/// Whether a row shows that a write of tokens by this nonce took effect.
fn is_ours(row: &Reader<'_>, by: Nonce, epoch: u64) -> bool {
    row.bears("tn", by) && row.number::<u64>("e").is_ok_and(|found| found == epoch)
}

/// Whether a refused write of this status took effect before: by the same nonce, about the same generation.
fn has_become(found: Option<&Item>, status: &str, by: Nonce, epoch: u64) -> bool {
    found.is_some_and(|item| {
        let row = Reader::new(item);
        is_ours(&row, by, epoch) && row.text("st").is_ok_and(|found| found == status)
    })
}

impl Accounts for Store {
    async fn account(&self, id: &AccountId, how: Read) -> PortResult<Option<Account>> {
        self.get(pk(id), how).await?.as_ref().map(read).transpose()
    }

    async fn save_limits(
        &self,
        id: &AccountId,
        seen_version: u64,
        limits: &Limits,
        slot: Option<&Slot>,
        by: Nonce,
    ) -> PortResult<Option<u64>> {
        let version = seen_version + 1;
        let update = Update::when("#lv = :seen")
            .value("seen", number(seen_version))
            .set("lv", number(version))
            .set("n", nonce(by))
            .set("r", binary(codec::limits(limits)))
            .put("sp", slot.map(|slot| text(slot.post.as_str())))
            .put("su", slot.map(|slot| millis(slot.until)))
            .put("sr", slot.and_then(|slot| codec::ids(&slot.recent)).map(binary))
            .put("sd", slot.and_then(|slot| codec::ids(&slot.doubts)).map(binary));
        match self.update(&pk(id), update, ReturnValue::None).await? {
            Wrote::Done(_) => Ok(Some(version)),
            Wrote::Refused(found) => {
                let ours = found.is_some_and(|item| Reader::new(&item).bears("n", by));
                Ok(ours.then_some(version))
            }
        }
    }

    async fn lease(&self, id: &AccountId, lease: &Lease, now: Timestamp) -> PortResult<Leased> {
        let free = "attribute_exists(#pk) AND (attribute_not_exists(#ln) OR #lu < :now OR #ln = :ln)";
        let update = Update::when(free)
            .value("now", millis(now))
            .set("ln", nonce(lease.nonce))
            .set("lu", millis(lease.until));
        match self.update(&pk(id), update, ReturnValue::AllOld).await? {
            Wrote::Done(before) => {
                let mut account = read(&before)?;
                let taken_over = account.lease.replace(lease.clone()).is_some();
                if let Some(tokens) = &mut account.tokens
                    && let Some(epoch) = Reader::new(&before).maybe("pe", Reader::number)?
                {
                    tokens.previous_refresh = self.previous(id, epoch).await?;
                }
                Ok(Leased::Won { account: Box::new(account), taken_over })
            }
            Wrote::Refused(None) => Ok(Leased::Missing),
            Wrote::Refused(Some(found)) => Ok(Leased::Busy(Reader::new(&found).time("lu")?)),
        }
    }

    async fn release(&self, id: &AccountId, by: Nonce, due: Option<Timestamp>) -> PortResult<()> {
        let mut update = Update::when("#ln = :by").value("by", nonce(by)).remove("ln").remove("lu");
        if let Some(keys) = due_keys(id, due) {
            update = keys.set(update);
        }
        self.update(&pk(id), update, ReturnValue::None).await.map(drop)
    }

    async fn store_tokens(
        &self,
        id: &AccountId,
        by: Nonce,
        tokens: &Tokens,
        due: Timestamp,
    ) -> PortResult<bool> {
        self.keep_previous(id, tokens).await?;
        let update = Update::when("#ln = :by AND #e = :before")
            .value("by", nonce(by))
            .value("before", number(tokens.epoch.saturating_sub(1)))
            .set("tn", nonce(by))
            .set("st", text(CONNECTED));
        let update = set_tokens(update, tokens).remove("rs").remove("rc").remove("ln").remove("lu");
        let update = due::put(update, due_keys(id, Some(due)));
        match self.update(&pk(id), update, ReturnValue::None).await? {
            Wrote::Done(_) => Ok(true),
            Wrote::Refused(found) => {
                Ok(found.is_some_and(|item| is_ours(&Reader::new(&item), by, tokens.epoch)))
            }
        }
    }

    async fn require_reconnect(
        &self,
        id: &AccountId,
        by: Nonce,
        epoch: u64,
        code: &str,
        now: Timestamp,
    ) -> PortResult<bool> {
        let update = Update::when("#ln = :by AND #e = :epoch")
            .value("by", nonce(by))
            .value("epoch", number(epoch))
            .set("tn", nonce(by))
            .set("st", text(RECONNECT))
            .set("rs", millis(now))
            .set("rc", text(code))
            .remove("ln")
            .remove("lu");
        match self.update(&pk(id), due::put(update, None), ReturnValue::None).await? {
            Wrote::Done(_) => Ok(true),
            Wrote::Refused(found) => Ok(has_become(found.as_ref(), RECONNECT, by, epoch)),
        }
    }

    async fn disconnect(&self, id: &AccountId, by: Nonce, epoch: u64) -> PortResult<bool> {
        let update = Update::when("#ln = :by AND #e = :epoch")
            .value("by", nonce(by))
            .value("epoch", number(epoch))
            .set("tn", nonce(by))
            .set("st", text(DISCONNECTED));
        let gone = ["t", "pe", "ti", "ta", "tr", "sc", "rs", "rc", "ln", "lu"];
        let update = gone.into_iter().fold(update, Update::remove);
        let done = match self.update(&pk(id), due::put(update, None), ReturnValue::None).await? {
            Wrote::Done(_) => true,
            Wrote::Refused(found) => has_become(found.as_ref(), DISCONNECTED, by, epoch),
        };
        if done {
            let wipe = Update::when("#e <= :e").value("e", number(epoch)).remove("t");
            self.update(&previous_pk(id), wipe, ReturnValue::None).await?;
        }
        Ok(done)
    }

    async fn connect(&self, account: &Account, by: Nonce) -> PortResult<Connected> {
        let Some(tokens) = &account.tokens else {
            let what = format!("connect account `{}`", account.id);
            return Err(PortError::refused(what, NoTokens));
        };
        self.keep_previous(&account.id, tokens).await?;
        let free = "attribute_not_exists(#pk) OR ((#w = :w OR #st = :disconnected) AND #e = :before \
                    AND (attribute_not_exists(#ln) OR #ln = :by))";
        let update = Update::when(free)
            .value("disconnected", text(DISCONNECTED))
            .value("before", number(tokens.epoch.saturating_sub(1)))
            .value("by", nonce(by))
            .set("tn", nonce(by))
            .set("ck", text(&account.client_key))
            .set("oi", text(&account.open_id))
            .set("w", text(account.workspace.as_str()))
            .set("c", text(account.creator.as_str()))
            .set("ca", millis(account.connected_at))
            .set_first("r", binary(codec::limits(&account.limits)))
            .set_first("lv", number(account.limits_version))
            .remove("ln")
            .remove("lu");
        let (status, since, code) = match &account.status {
            AccountStatus::Connected => (CONNECTED, None, None),
            AccountStatus::ReconnectRequired { since, code } => (RECONNECT, Some(*since), Some(code)),
            AccountStatus::Disconnected => (DISCONNECTED, None, None),
        };
        let update = update.set("st", text(status)).put("rs", since.map(millis)).put("rc", code.map(text));
        let update = due::put(set_tokens(update, tokens), due_keys(&account.id, account.due));
        match self.update(&pk(&account.id), update, ReturnValue::None).await? {
            Wrote::Done(_) => Ok(Connected::Done),
            Wrote::Refused(found) => {
                let found = found.unwrap_or_default();
                let row = Reader::new(&found);
                let ours = row.text("w")? == account.workspace.as_str();
                Ok(if is_ours(&row, by, tokens.epoch) {
                    Connected::Done
                } else if !ours && row.text("st")? != DISCONNECTED {
                    Connected::Elsewhere
                } else {
                    Connected::Moved
                })
            }
        }
    }
}

/// An account is connected with the tokens that its creator has just granted.
#[derive(Debug, thiserror::Error)]
#[error("it has no tokens")]
struct NoTokens;
