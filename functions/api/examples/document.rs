//! Writes the OpenAPI document and the page made of it, as the function hands them out.

use std::path::Path;

fn main() -> std::io::Result<()> {
    let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets");
    std::fs::write(assets.join("openapi.json"), api::document::openapi_json())?;
    std::fs::write(assets.join("docs.html"), api::document::page())
}
