//! Requests to URLs that customers give us: webhook endpoints and media to import.
//!
//! [`Rules`] says what may be asked for at all; [`Outbound`] asks, and connects to nothing else. The name is resolved once,
//! by the connection itself: every address is judged, one bad one refuses the name, and the socket is opened to an address
//! that was judged, so that a name which changes between two look-ups gains nothing. Redirects are not followed, proxies are
//! not used, and every exchange has a cap on bytes and on time.
//!
//! URLs may carry secrets: no error and no `Debug` shows one.

#![warn(missing_docs)]

mod address;
mod client;
mod rules;

pub use address::{Forbidden, forbidden};
pub use client::{Answer, Download, Failure, Limits, Outbound, SystemNames};
pub use rules::{BadException, Exceptions, Refused, Rules, Target};
