//! Schedules, short.
