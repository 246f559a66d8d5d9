use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;

use crate::client::{Api, NewPost, fresh_key, text};
use crate::stack::DEFAULT_PORT;

const ENDS: [&str; 5] = ["published", "failed", "cancelled", "sent_to_inbox", "unconfirmed"];

#[derive(Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is one flag of the command")]
pub struct Post {
    /// The video
    file: PathBuf,
    /// Whose post it is: the creator's id
    #[arg(long, value_name = "crt_…")]
    creator: String,
    /// What stands under it
    #[arg(long)]
    caption: String,
    /// Who may see it, as TikTok calls it: `PUBLIC_TO_EVERYONE`, `FOLLOWER_OF_CREATOR`, `MUTUAL_FOLLOW_FRIENDS`, `SELF_ONLY`
    #[arg(long)]
    privacy: String,
    /// Let people comment on it
    #[arg(long)]
    allow_comment: bool,
    /// Let people make duets with it
    #[arg(long)]
    allow_duet: bool,
    /// Let people stitch it
    #[arg(long)]
    allow_stitch: bool,
    /// It promotes your own brand
    #[arg(long)]
    your_brand: bool,
    /// It promotes somebody else's brand
    #[arg(long)]
    branded_content: bool,
    /// It was made by AI
    #[arg(long)]
    ai_generated: bool,
    /// Makes the command safe to repeat: the same key posts once [default: a new one]
    #[arg(long)]
    idempotency_key: Option<String>,
    /// The API
    #[arg(long, env = "SLIPWAY_API_URL", default_value_t = format!("http://127.0.0.1:{DEFAULT_PORT}"))]
    api_url: String,
    /// A workspace's key
    #[arg(long, env = "SLIPWAY_API_KEY", hide_env_values = true)]
    api_key: String,
}

impl Post {
    pub async fn run(self) -> Result<ExitCode> {
        let api = Api::new(&self.api_url, &self.api_key)?;
        let size = tokio::fs::metadata(&self.file)
            .await
            .with_context(|| format!("opening `{}`", self.file.display()))?
            .len();
        let bar = ProgressBar::new(size).with_style(ProgressStyle::with_template(
            "  uploading {bar:30.cyan} {bytes}/{total_bytes} {bytes_per_sec} {eta}",
        )?);
        let sent = bar.clone();
        let media = api.upload(&self.file, move |bytes| sent.inc(bytes)).await?;
        bar.finish_and_clear();
        println!("  uploaded  {media}");

        let post = NewPost {
            creator: self.creator,
            media,
            caption: self.caption,
            privacy_level: self.privacy,
            allow_comment: self.allow_comment,
            allow_duet: self.allow_duet,
            allow_stitch: self.allow_stitch,
            your_brand: self.your_brand,
            branded_content: self.branded_content,
            ai_generated: self.ai_generated,
            music_usage_confirmed: true,
            branded_content_policy_confirmed: self.branded_content,
        };
        // TikTok's own words; to go on is to agree
        let policy = if post.branded_content { "Branded Content Policy and " } else { "" };
        println!("  By posting, you agree to TikTok's {policy}Music Usage Confirmation.");
        let key = self.idempotency_key.unwrap_or_else(fresh_key);
        let created = api.create_post(&post, &key).await?;
        let id = text(&created, "id").to_owned();
        println!("  accepted  {id}");
        let spinner = ProgressBar::new_spinner();
        spinner.enable_steady_tick(Duration::from_millis(100));
        let over = |post: &Value| {
            spinner.set_message(text(post, "state").to_owned());
            ENDS.contains(&text(post, "state"))
        };
        let seen = |entry: &Value| spinner.suspend(|| println!("  {}", line(entry)));
        let post = api.follow(&id, Duration::from_hours(3), seen, over).await?;
        spinner.finish_and_clear();
        Ok(last_word(&post))
    }
}

/// One entry of a timeline.
pub(super) fn line(entry: &Value) -> String {
    let code = entry["tiktok"]["code"].as_str().map(|code| format!(" ({code})")).unwrap_or_default();
    format!("{}  {} by {}{code}", text(entry, "at"), text(entry, "what"), text(entry, "by"))
}

fn last_word(post: &Value) -> ExitCode {
    let state = text(post, "state");
    println!("\n  {state}{}", post["url"].as_str().map(|url| format!("  {url}")).unwrap_or_default());
    if let Some(failure) = post["failure"].as_object() {
        for (name, value) in failure {
            println!("  {name}: {}", value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        }
    }
    let well = ["published", "sent_to_inbox"].contains(&state);
    if well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
