use std::io::Write as _;
use std::str::FromStr;

use anyhow::{Context as _, Result, bail};
use clap::{Args, Subcommand};
use domain::{KeyId, KeyName, Scope, Scopes, SignedDuration, Timestamp, WorkspaceId};
use lambda_kit::system::SystemClock;
use ports::{ApiKey, Keys as _};
use serde_json::json;

use super::place::Place;
use crate::keys::{self, Made, Wanted};

/// Keys are rows of the stage's table, and this writes them there. AWS credentials and region are found as the AWS CLI finds
/// them. Whoever has a key that may do it uses the API's `/v1/keys` instead.
#[derive(Args)]
pub struct Keys {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Makes a key, for a new workspace unless one is named, and prints its secret once
    Create(Create),
    /// Lists the keys of a workspace, newest first
    List(List),
    /// Revokes a key; it stops working within a minute
    Revoke(Revoke),
}

#[derive(Args)]
struct Create {
    #[command(flatten)]
    place: Place,
    /// Whose key it is: `wks_…`, or `new`
    #[arg(long, default_value = "new")]
    workspace: Owner,
    /// What people call it
    #[arg(long)]
    name: KeyName,
    /// What it may do: `all`, or a list such as `posts:read,posts:write`
    #[arg(long, default_value = "all", value_parser = scopes)]
    scopes: Scopes,
    /// Let it stop working after so many days
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(i64).range(1..=3_650))]
    expires_in_days: Option<i64>,
    /// Print one JSON object, and nothing else
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct List {
    #[command(flatten)]
    place: Place,
    /// Whose keys
    #[arg(long, value_name = "wks_…")]
    workspace: WorkspaceId,
}

#[derive(Args)]
struct Revoke {
    #[command(flatten)]
    place: Place,
    /// The key's id `key_…`, or what the key begins with: `slk_…`, without its secret
    #[arg(value_name = "KEY_ID", value_parser = key_id)]
    key: KeyId,
}

/// Whose key is to be made.
#[derive(Clone)]
enum Owner {
    New,
    Known(WorkspaceId),
}

impl FromStr for Owner {
    type Err = domain::id::InvalidId;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "new" { Ok(Self::New) } else { text.parse().map(Self::Known) }
    }
}

fn scopes(text: &str) -> Result<Scopes, String> {
    if text == "all" {
        return Ok(Scopes::all());
    }
    let scopes = text.split(',').map(|word| word.trim().parse::<Scope>()).collect::<Result<Scopes, _>>();
    scopes.map_err(|error| format!("{error}; the scopes are {}", Scopes::all()))
}

fn key_id(text: &str) -> Result<KeyId, String> {
    let id = text.strip_prefix("slk_").map(|digits| format!("{}{digits}", KeyId::PREFIX));
    id.as_deref()
        .unwrap_or(text)
        .parse()
        .map_err(|_| "it is neither `key_…` nor `slk_…` with 32 digits".into())
}

impl Keys {
    pub async fn run(self) -> Result<()> {
        match self.action {
            Action::Create(create) => create.run().await,
            Action::List(list) => list.run().await,
            Action::Revoke(revoke) => revoke.run().await,
        }
    }
}

impl Create {
    async fn run(self) -> Result<()> {
        let store = self.place.store().await?;
        let now = SystemClock.now();
        let workspace = match self.workspace {
            Owner::New => None,
            Owner::Known(workspace) => {
                if store.list_keys(&workspace, None, 1).await?.rows.is_empty() {
                    eprintln!("No other key of {workspace} is listed: check the id if you expected some.");
                }
                Some(workspace)
            }
        };
        let expires_at = self.expires_in_days.map(|days| now + SignedDuration::from_hours(24 * days));
        let wanted = Wanted { workspace, name: self.name, scopes: self.scopes, expires_at };
        let Made { key, secret } = keys::make(&store, wanted).await?;
        let mut stdout = std::io::stdout().lock();
        if self.json {
            let key = json!({
                "id": key.id.as_str(),
                "workspace": key.workspace.as_str(),
                "name": key.name.as_str(),
                "scopes": key.scopes.iter().map(Scope::as_str).collect::<Vec<_>>(),
                "created_at": key.created_at.to_string(),
                "expires_at": key.expires_at.map(|at| at.to_string()),
                "secret": secret,
            });
            writeln!(stdout, "{key}").context("printing")
        } else {
            let Place { stage, .. } = &self.place;
            writeln!(stdout, "{}  workspace  {}\n", Told { key: &key, now }, key.workspace)
                .and_then(|()| writeln!(stdout, "  {secret}\n"))
                .context("printing")?;
            eprintln!(
                "This is the only time that the secret of stage `{stage}` is shown: only its hash is kept."
            );
            Ok(())
        }
    }
}

impl List {
    async fn run(self) -> Result<()> {
        let store = self.place.store().await?;
        let now = SystemClock.now();
        let (mut cursor, mut count) = (None, 0);
        loop {
            let page = store.list_keys(&self.workspace, cursor.as_deref(), 100).await?;
            count += page.rows.len();
            let told: String = page.rows.iter().map(|key| Told { key, now }.to_string()).collect();
            std::io::stdout().write_all(told.as_bytes()).context("printing")?;
            cursor = page.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        if count == 0 {
            eprintln!("No key of {} is listed.", self.workspace);
        }
        Ok(())
    }
}

impl Revoke {
    async fn run(self) -> Result<()> {
        let store = self.place.store().await?;
        let now = SystemClock.now();
        let Some(key) = store.revoke_key(&self.key, now).await? else {
            bail!("stage `{}` has no key `{}`", self.place.stage, self.key);
        };
        print!("{}", Told { key: &key, now });
        eprintln!("It stops working within a minute.");
        Ok(())
    }
}

/// A key as it is told to people.
struct Told<'a> {
    key: &'a ApiKey,
    now: Timestamp,
}

impl std::fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let key = self.key;
        writeln!(f, "{}  {}", key.id, key.name)?;
        writeln!(f, "  begins     {}", keys::prefix(&key.id))?;
        writeln!(
            f,
            "  may        {}",
            if key.scopes == Scopes::all() { "everything".into() } else { key.scopes.to_string() }
        )?;
        writeln!(f, "  made       {}", key.created_at)?;
        let used = key.last_used_at.map_or_else(|| "never".to_owned(), |at| at.to_string());
        writeln!(f, "  last used  {used}")?;
        match (key.revoked_at, key.ends_at()) {
            (Some(at), _) => writeln!(f, "  revoked    {at}"),
            (None, Some(at)) if at <= self.now => writeln!(f, "  expired    {at}"),
            (None, Some(at)) => writeln!(f, "  expires    {at}"),
            (None, None) => Ok(()),
        }
    }
}
