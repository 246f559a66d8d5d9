//! The domain's table tests and properties.

#[cfg(test)]
mod it {
    mod app;
    mod keepalive;
    mod limits;
    mod machine;
    mod properties;
    mod text;
    mod world;
}
