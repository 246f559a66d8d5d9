//! The API over ports in memory and TikTok's imitation, in process and in virtual time.
#![expect(clippy::unwrap_used, reason = "the helpers of tests fail like the tests themselves")]

mod it {
    mod bulk;
    mod connect;
    mod creators;
    mod disconnect;
    mod drafts;
    mod dry_run;
    mod duplicates;
    mod edge;
    mod edit;
    mod endpoints;
    mod fields;
    mod fixture;
    mod health;
    mod keys;
    mod library;
    mod manners;
    mod media;
    mod multipart;
    mod mutated_webhooks;
    mod oauth_abuse;
    mod posts;
    mod removed;
    mod steps;
    mod uploads;
    mod webhook;
    mod when;
    mod workspaces;
}
