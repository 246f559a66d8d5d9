//! What a function may rely on.

#[cfg(test)]
mod it {
    mod aws;
    mod batch;
    mod http;
    mod redacted;
    mod settings;
    mod system;
    mod telemetry;
}
