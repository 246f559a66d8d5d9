//! Asks the real TikTok what a creator may do. Makes one call and posts nothing.
//!
//! The access token comes on standard input, so that it stays out of the shell's history:
//! `cargo run -p tiktok --example creator_info < token.txt`

use std::{error::Error, io, sync::Arc};

use tiktok::{AccessToken, Client, Endpoints, ExchangeLimits, ReqwestExchange};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut line = String::new();
    io::stdin().read_line(&mut line)?;
    let token = AccessToken::new(line.trim());

    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();

    let builder = reqwest::Client::builder().tls_backend_preconfigured(tls);
    let client = Client::new(ReqwestExchange::new(builder, ExchangeLimits::default())?, Endpoints::tiktok());
    match client.creator_info(&token).await {
        Ok(info) => println!("{info:#?}"),
        Err(error) => {
            println!("{error}\n{}", error.remedy().advice());
            let mut cause = Error::source(&error);
            while let Some(error) = cause {
                println!("because: {error}");
                cause = error.source();
            }
        }
    }
    Ok(())
}
