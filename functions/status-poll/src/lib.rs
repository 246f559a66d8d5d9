//! status-poll
