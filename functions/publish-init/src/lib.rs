//! publish-init
