//! The probe on real media, and the handler around it.

#[cfg(test)]
mod it {
    mod ingest;
    mod messages;
    mod probe;
}
