//! Ways to abuse the sign-in: none of them connects anything.

use domain::{Account, Creator, SignedDuration};
use http::{StatusCode, header};
use serde_json::{Value, json};
use tiktok_sandbox::{App, Endpoint};

use super::fixture::{Answer, BASE, Fixture, Workspace};

const CASES: [&str; 24] = [
    "a state is used again with the same code",
    "a state is used again with another code",
    "a state is used again after it was refused",
    "the state of another browser, without a cookie",
    "the state of another browser, with a cookie of one's own making",
    "the state of another workspace's link, with this browser's cookie",
    "the state of another link of the workspace, with this browser's cookie",
    "a state that has expired",
    "a link that has expired",
    "a link that has connected somebody is opened again",
    "a link that has connected somebody was opened twice before",
    "a link that is named wrongly in the cookie, to be used again",
    "a code is used again with a fresh state",
    "a code that was given to another app",
    "a code that was given for another redirect URI",
    "a code that was never given",
    "another account on a link that connects one again",
    "a callback without a state",
    "a callback with an empty state",
    "a forged state of the right form",
    "the state in other letters",
    "an account that another workspace has connected",
    "a connect token that was tampered with",
    "a code that comes with an error",
];

/// A sign-in that has begun: TikTok's page, and the browser's cookie.
struct Begun {
    authorize_url: String,
    cookie: String,
}

impl Begun {
    fn state(&self) -> &str {
        self.authorize_url.split("state=").nth(1).unwrap().split('&').next().unwrap()
    }
}

/// What is connected.
#[derive(Debug, PartialEq)]
struct Links {
    /// With their tokens, epochs and leases.
    accounts: Vec<Account>,
    creators: Vec<Creator>,
}

struct Abuse {
    fixture: Fixture,
    before: Option<Links>,
    answers: Vec<Answer>,
}

impl Abuse {
    fn links(&self) -> Links {
        Links { accounts: self.fixture.table.accounts(), creators: self.fixture.table.creators() }
    }

    /// What came before was honest.
    fn honest_until_now(&mut self) {
        self.before = Some(self.links());
    }

    async fn link(&self, who: &Workspace, body: Value) -> String {
        let request = http::Request::post("/v1/connect-links")
            .header(header::AUTHORIZATION, &who.bearer)
            .header(header::CONTENT_TYPE, "application/json");
        let made = self.fixture.send(request.body(body.to_string().into()).unwrap()).await;
        assert_eq!(StatusCode::CREATED, made.status, "{}", made.text);
        made.body["url"].as_str().unwrap().to_owned()
    }

    async fn our_link(&self) -> String {
        self.link(&self.fixture.us, json!({})).await
    }

    async fn open(&self, link: &str) -> Begun {
        let opened = self.fixture.get_as(None, link).await;
        let authorize_url = opened.headers[header::LOCATION].to_str().unwrap().to_owned();
        Begun { authorize_url, cookie: opened.cookie() }
    }

    async fn begin(&self) -> Begun {
        self.open(&self.our_link().await).await
    }

    fn consent(&self, begun: &Begun, account: &str) -> String {
        self.fixture.consent(&begun.authorize_url, account, None)
    }

    async fn come_back(&mut self, url: &str, cookie: &str) {
        let cookie = Some(cookie.to_owned()).filter(|cookie| !cookie.is_empty());
        let answer = self.fixture.come_back(url, cookie).await;
        self.answers.push(answer);
    }

    async fn look(&mut self, path: &str) {
        let answer = self.fixture.get_as(None, path).await;
        self.answers.push(answer);
    }

    /// Connects `ada` honestly; gives the link, how it began, and the way back.
    async fn connected(&mut self) -> (String, Begun, String) {
        let link = self.our_link().await;
        let begun = self.open(&link).await;
        let back = self.consent(&begun, "ada");
        let answer = self.fixture.come_back(&back, Some(begun.cookie.clone())).await;
        assert_eq!(StatusCode::OK, answer.status, "{}", answer.text);
        self.honest_until_now();
        (link, begun, back)
    }

    #[expect(clippy::too_many_lines, reason = "one table: a case beside what somebody does")]
    async fn play(&mut self, case: &str) {
        match case {
            "a state is used again with the same code" => {
                let (_, begun, back) = self.connected().await;
                self.come_back(&back, &begun.cookie).await;
            }
            "a state is used again with another code" => {
                let (_, begun, _) = self.connected().await;
                let other = self.consent(&begun, "grace");
                self.come_back(&other, &begun.cookie).await;
            }
            "a state is used again after it was refused" => {
                let begun = self.begin().await;
                let back = self.consent(&begun, "ada");
                self.come_back(&back, "").await;
                self.come_back(&back, &begun.cookie).await;
            }
            "the state of another browser, without a cookie" => {
                let begun = self.begin().await;
                let back = self.consent(&begun, "ada");
                self.come_back(&back, "").await;
            }
            "the state of another browser, with a cookie of one's own making" => {
                let link = self.our_link().await;
                let token = link.rsplit('/').next().unwrap().to_owned();
                let digits = "ab".repeat(32);
                for cookie in [
                    format!("slipway_connect={digits}.{token}"),
                    format!("slipway_connect=.{token}"),
                    format!("slipway_connect={token}"),
                    "slipway_connect=".to_owned(),
                ] {
                    let begun = self.open(&link).await;
                    let back = self.consent(&begun, "ada");
                    self.come_back(&back, &cookie).await;
                }
                // the right value under another name
                let begun = self.open(&link).await;
                let back = self.consent(&begun, "ada");
                self.come_back(&back, &begun.cookie.replace("slipway_connect", "slipway_connecT")).await;
            }
            "the state of another workspace's link, with this browser's cookie" => {
                let theirs = self.link(&self.fixture.them, json!({})).await;
                let (theirs, ours) = (self.open(&theirs).await, self.begin().await);
                let back = self.consent(&theirs, "ada");
                self.come_back(&back, &ours.cookie).await;
                let back = self.consent(&ours, "ada");
                self.come_back(&back, &theirs.cookie).await;
            }
            "the state of another link of the workspace, with this browser's cookie" => {
                let (one, other) = (self.begin().await, self.begin().await);
                let back = self.consent(&one, "ada");
                self.come_back(&back, &other.cookie).await;
            }
            "a state that has expired" => {
                let begun = self.begin().await;
                let back = self.consent(&begun, "ada");
                self.fixture.clock.advance(SignedDuration::from_mins(10));
                self.come_back(&back, &begun.cookie).await;
            }
            "a link that has expired" => {
                let link = self.our_link().await;
                self.fixture.clock.advance(SignedDuration::from_hours(24));
                self.look(&link).await;
            }
            "a link that has connected somebody is opened again" => {
                let (link, _, _) = self.connected().await;
                self.look(&link).await;
            }
            "a link that has connected somebody was opened twice before" => {
                let link = self.our_link().await;
                let (one, other) = (self.open(&link).await, self.open(&link).await);
                let back = self.consent(&one, "ada");
                let answer = self.fixture.come_back(&back, Some(one.cookie)).await;
                assert_eq!(StatusCode::OK, answer.status, "{}", answer.text);
                self.honest_until_now();
                let back = self.consent(&other, "grace");
                self.come_back(&back, &other.cookie).await;
            }
            "a link that is named wrongly in the cookie, to be used again" => {
                let begun = self.begin().await;
                let back = self.consent(&begun, "ada");
                let (browser, _) = begun.cookie.split_once('.').unwrap();
                self.come_back(&back, &format!("{browser}.{}", "0".repeat(64))).await;
            }
            "a code is used again with a fresh state" => {
                let (_, _, back) = self.connected().await;
                let begun = self.begin().await;
                self.come_back(&with_code(&begun, code_of(&back)), &begun.cookie).await;
            }
            "a code that was given to another app" => {
                let begun = self.begin().await;
                let other = App {
                    redirect_uris: vec![format!("{BASE}/oauth/tiktok/callback")],
                    client_secret: "another app's".to_owned(),
                    ..App::default()
                };
                self.fixture.tiktok.with(|world, _, _| {
                    world.reconfigure(|config| drop(config.apps.insert("awother".to_owned(), other)));
                });
                let asked = begun.authorize_url.replace("client_key=awtests", "client_key=awother");
                assert_ne!(asked, begun.authorize_url);
                let back = self.fixture.consent(&asked, "ada", None);
                self.come_back(&back, &begun.cookie).await;
            }
            "a code that was given for another redirect URI" => {
                let begun = self.begin().await;
                let elsewhere = format!("{BASE}/oauth/tiktok/callback2");
                self.fixture.tiktok.with(|world, _, _| {
                    world.reconfigure(|config| {
                        let app = config.apps.get_mut("awtests").unwrap();
                        app.redirect_uris.push(elsewhere);
                    });
                });
                let asked = begun.authorize_url.replace("tiktok%2Fcallback", "tiktok%2Fcallback2");
                assert_ne!(asked, begun.authorize_url);
                let back = self.fixture.consent(&asked, "ada", None).replace("callback2?", "callback?");
                self.come_back(&back, &begun.cookie).await;
            }
            "a code that was never given" => {
                let begun = self.begin().await;
                self.come_back(&with_code(&begun, "never-given"), &begun.cookie).await;
                let begun = self.begin().await;
                self.come_back(&with_code(&begun, ""), &begun.cookie).await;
            }
            "another account on a link that connects one again" => {
                self.connected().await;
                let creator = self.fixture.table.creators().remove(0).id;
                let link = self.link(&self.fixture.us, json!({ "creator": creator.as_str() })).await;
                let begun = self.open(&link).await;
                let back = self.consent(&begun, "grace");
                self.come_back(&back, &begun.cookie).await;
            }
            "a callback without a state" => {
                let begun = self.begin().await;
                let back = self.consent(&begun, "ada");
                let without = format!("{BASE}/oauth/tiktok/callback?code={}", code_of(&back));
                self.come_back(&without, &begun.cookie).await;
            }
            "a callback with an empty state" => {
                let begun = self.begin().await;
                let back = self.consent(&begun, "ada");
                self.come_back(&back.replace(begun.state(), ""), &begun.cookie).await;
            }
            "a forged state of the right form" => {
                let begun = self.begin().await;
                let back = self.consent(&begun, "ada");
                let forged = "0123456789abcdef".repeat(4);
                self.come_back(&back.replace(begun.state(), &forged), &begun.cookie).await;
                // nor does the link's own token do
                let token = begun.cookie.rsplit('.').next().unwrap().to_owned();
                self.come_back(&back.replace(begun.state(), &token), &begun.cookie).await;
                // the first of its name counts
                let both = back.replace("state=", &format!("state={forged}&state="));
                self.come_back(&both, &begun.cookie).await;
            }
            "the state in other letters" => {
                let begun = self.begin().await;
                let back = self.consent(&begun, "ada");
                let (upper, longer) = (begun.state().to_uppercase(), format!("{}%20", begun.state()));
                self.come_back(&back.replace(begun.state(), &upper), &begun.cookie).await;
                self.come_back(&back.replace(begun.state(), &longer), &begun.cookie).await;
            }
            "an account that another workspace has connected" => {
                self.connected().await;
                let link = self.link(&self.fixture.them, json!({})).await;
                let begun = self.open(&link).await;
                let back = self.consent(&begun, "ada");
                self.come_back(&back, &begun.cookie).await;
            }
            "a connect token that was tampered with" => {
                let link = self.our_link().await;
                let (path, token) = link.rsplit_once('/').unwrap();
                let last = if token.ends_with('0') { "1" } else { "0" };
                for token in [
                    format!("{}{last}", &token[..63]),
                    token[..63].to_owned(),
                    format!("{token}0"),
                    "0".repeat(64),
                    // it is random: letters there are
                    token.to_uppercase(),
                ] {
                    self.look(&format!("{path}/{token}")).await;
                }
            }
            "a code that comes with an error" => {
                let begun = self.begin().await;
                let back = self.consent(&begun, "ada");
                self.come_back(&format!("{back}&error=server_error"), &begun.cookie).await;
                self.come_back(&back, &begun.cookie).await;
            }
            other => panic!("no case is called `{other}`"),
        }
    }
}

fn code_of(back: &str) -> &str {
    back.split("code=").nth(1).unwrap().split('&').next().unwrap()
}

fn with_code(begun: &Begun, code: &str) -> String {
    format!("{BASE}/oauth/tiktok/callback?code={code}&state={}", begun.state())
}

fn abuse() -> Abuse {
    let mut abuse = Abuse { fixture: Fixture::new(), before: None, answers: Vec::new() };
    abuse.honest_until_now();
    abuse
}

#[tokio::test]
async fn no_abuse_of_the_sign_in_connects_anything() {
    for case in CASES {
        let mut abuse = abuse();
        abuse.play(case).await;
        let (before, after) = (abuse.before.take().unwrap(), abuse.links());
        let statuses: Vec<u16> = abuse.answers.iter().map(|answer| answer.status.as_u16()).collect();
        println!("{statuses:?}  {case}");
        assert_eq!(before, after, "{case}: {statuses:?}");
        assert!(!abuse.answers.is_empty(), "{case}");
        for answer in &abuse.answers {
            assert!(
                answer.status.is_client_error() || answer.status.is_server_error(),
                "{case}: {statuses:?}"
            );
            assert!(!answer.text.contains("is connected</h1>"), "{case}: {}", answer.text);
        }
    }
    println!("{} cases, 0 links", CASES.len());
}

#[tokio::test]
async fn what_is_not_abuse_connects() {
    let mut abuse = abuse();
    let before = abuse.links();
    let begun = abuse.begin().await;
    let back = abuse.consent(&begun, "ada");
    abuse.come_back(&back, &begun.cookie).await;
    assert_eq!(StatusCode::OK, abuse.answers[0].status, "{}", abuse.answers[0].text);
    let after = abuse.links();
    assert_ne!(before, after);
    assert_eq!((1, 1), (after.accounts.len(), after.creators.len()));
    assert!(abuse.answers[0].text.contains("@ada is connected"), "{}", abuse.answers[0].text);
}

#[tokio::test]
async fn of_two_callbacks_at_once_with_one_state_one_wins() {
    for (one, other) in [("ada", "ada"), ("ada", "grace")] {
        let abuse = abuse();
        let begun = abuse.begin().await;
        let (one, other) = (abuse.consent(&begun, one), abuse.consent(&begun, other));
        let (first, second) = futures::join!(
            abuse.fixture.come_back(&one, Some(begun.cookie.clone())),
            abuse.fixture.come_back(&other, Some(begun.cookie.clone())),
        );
        let mut statuses = [first.status, second.status];
        statuses.sort();
        assert_eq!([StatusCode::OK, StatusCode::BAD_REQUEST], statuses);
        assert_eq!(1, abuse.links().accounts.len());
        assert_eq!(
            1,
            abuse.fixture.tiktok.calls(Endpoint::Token),
            "the other's code is not even asked about"
        );
    }
}

#[tokio::test]
async fn of_two_sign_ins_at_once_by_one_link_one_wins() {
    let abuse = abuse();
    let link = abuse.our_link().await;
    let (one, other) = (abuse.open(&link).await, abuse.open(&link).await);
    let (ada, grace) = (abuse.consent(&one, "ada"), abuse.consent(&other, "grace"));
    let (first, second) = futures::join!(
        abuse.fixture.come_back(&ada, Some(one.cookie)),
        abuse.fixture.come_back(&grace, Some(other.cookie)),
    );
    let mut statuses = [first.status, second.status];
    statuses.sort();
    assert_eq!([StatusCode::OK, StatusCode::NOT_FOUND], statuses);
    assert_eq!(1, abuse.links().accounts.len());
}
