//! slipway
