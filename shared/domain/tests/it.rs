//! The domain's table tests and properties.

mod it {
    mod limits;
    mod machine;
    mod properties;
    mod text;
    mod world;
}
