//! Creators: list, read, and what TikTok says about one right now.

use domain::{Account, Creator, CreatorId, Scope};
use futures::future::join_all;
use http::StatusCode;
use ports::{Accounts, Clock, Creators, Read};

use crate::answer::{self, Answered, Ask};
use crate::posts::PageAsked;
use crate::refusal::Refusal;
use crate::{Api, Outside, limits, view};

impl<W: Outside> Api<W> {
    pub(crate) async fn list_creators(&self, ask: Ask) -> Answered {
        let caller = self.caller(&ask, Scope::CreatorsRead).await?;
        let page = PageAsked::read(&ask)?;
        let found = self.store.list_creators(&caller.workspace, page.cursor.as_deref(), page.limit).await?;
        let accounts = self.accounts_of(&found.rows).await?;
        let data = found
            .rows
            .iter()
            .zip(&accounts)
            .map(|(creator, account)| view::creator(creator, account.as_ref()))
            .collect();
        Ok(answer::json(StatusCode::OK, &view::List { data, next_cursor: found.next_cursor }))
    }

    pub(crate) async fn read_creator(&self, ask: Ask) -> Answered {
        let creator = self.asked_creator(&ask, Scope::CreatorsRead).await?;
        let account = self.store.account(&creator.account, Read::Strong).await?;
        let response = answer::json(StatusCode::OK, &view::creator(&creator, account.as_ref()));
        let ours = account.filter(|account| account.is_of(&creator.id));
        Ok(match ours {
            Some(account) => limits::account(response, &account.limits, self.time.now()),
            None => response,
        })
    }

    pub(crate) async fn read_creator_info(&self, ask: Ask) -> Answered {
        let creator = self.asked_creator(&ask, Scope::CreatorsRead).await?;
        let (info, limits) = self.fresh_creator_info(&creator).await?;
        let response = answer::json(StatusCode::OK, &view::creator_info(&creator, &info));
        Ok(limits::account(response, &limits, self.time.now()))
    }

    /// The account of each creator, in their order.
    pub(crate) async fn accounts_of(&self, creators: &[Creator]) -> Result<Vec<Option<Account>>, Refusal> {
        let accounts = creators.iter().map(|creator| self.store.account(&creator.account, Read::Eventual));
        Ok(join_all(accounts).await.into_iter().collect::<Result<_, _>>()?)
    }

    pub(crate) async fn asked_creator(&self, ask: &Ask, needed: Scope) -> Result<Creator, Refusal> {
        let caller = self.caller(ask, needed).await?;
        let missing = || Refusal::not_found("creator");
        let id: CreatorId = ask.segment(2).parse().map_err(|_| missing())?;
        let creator = self.store.creator(&id).await?.ok_or_else(missing)?;
        if creator.workspace == caller.workspace { Ok(creator) } else { Err(missing()) }
    }
}
