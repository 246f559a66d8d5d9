//! The client: what it sends, what it reads, what it makes of every way a call can end.

#[cfg(test)]
mod it {
    mod answers;
    mod cut_points;
    mod redaction;
    mod remedies;
    mod requests;
    mod sandbox;
    mod script;
    mod upload;
    mod webhooks;
}
