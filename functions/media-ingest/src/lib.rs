//! media-ingest
