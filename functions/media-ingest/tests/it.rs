//! The probe on real media, conversions, and the handler around them.

#[cfg(test)]
mod it {
    mod convert;
    mod damage;
    mod files;
    mod ingest;
    mod manifest;
    mod messages;
    mod photo;
    mod probe;
}
