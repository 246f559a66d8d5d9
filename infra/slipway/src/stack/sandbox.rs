//! TikTok's stand-in, in this process.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use tiktok_sandbox::{App, Config, Options, Sandbox, World};

use super::ports::Port;

/// The app that the stack has at the sandbox.
pub const CLIENT_KEY: &str = "awslipwaylocal";
pub(super) const CLIENT_SECRET: &str = "slipway-local-client-secret";

/// A public and a private account, and plain http on loopback let through.
pub fn config() -> Config {
    let mut config = Config { plain_http_on_loopback: true, ..Config::example() };
    config.apps.clear();
    config
}

/// What the app is registered with.
pub(super) struct Registration {
    pub(super) redirect_uri: String,
    pub(super) webhook_url: String,
    pub(super) media_url_prefix: String,
}

/// Starts the sandbox with our app registered. `state_file` is what it remembers from last time.
pub(super) async fn start(
    port: Port,
    mut config: Config,
    registration: &Registration,
    state_file: Option<PathBuf>,
) -> Result<Sandbox> {
    let app = config.apps.entry(CLIENT_KEY.to_owned()).or_insert_with(|| App {
        name: "Slipway on this machine".into(),
        client_secret: CLIENT_SECRET.into(),
        ..App::default()
    });
    app.redirect_uris = vec![registration.redirect_uri.clone()];
    app.webhook_url = Some(registration.webhook_url.clone());
    app.verified_url_prefixes = vec![registration.media_url_prefix.clone()];
    let world = World::new(config).context("configuring the sandbox")?;
    let options = Options { address: port.give_up(), state_file };
    Sandbox::start_with(world, options).await.context("starting the sandbox")
}
