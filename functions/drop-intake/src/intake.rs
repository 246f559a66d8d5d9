//! From what lies under a name to a post, or to what is wrong with it.

use std::fmt::Write as _;

use aws_lc_rs::digest::{Context, SHA256};
use domain::media::Container;
use domain::{CreatorId, Job, Problem, SignedDuration, Timestamp};
use lambda_kit::batch::Failure;
use ports::{Clock, Copied, DROPS, DropFolder, Dropped, MAX_DELAY, PortError, Queues};
use serde_json::{Value, json};

use crate::door::{Answer, Door, Request};
use crate::order::Order;
use crate::outcome::{self, Taken};
use crate::place::{self, Place};

/// The JSON may be this long, as everywhere.
const JSON_MAX: u64 = 65_536;
/// What may pass is tried again until SQS has delivered it so often; the fifth time would be the last.
const PATIENT: u32 = 4;

/// What this function may touch.
pub struct DropIntake<F, D, Q, T> {
    /// The drop folder.
    pub folder: F,
    /// The API function.
    pub door: D,
    /// The drop queue.
    pub queues: Q,
    /// The clock.
    pub time: T,
    /// The bucket's name.
    pub bucket: String,
    /// How long a file waits for its JSON, and how often a JSON looks for its files.
    pub json_wait: SignedDuration,
    /// How long a JSON waits for its files.
    pub media_wait: SignedDuration,
}

/// A file of a post that is to be made.
struct File {
    dropped: Dropped,
    container: Container,
}

/// What lies under a name.
struct Found {
    json: Option<Dropped>,
    media: Vec<File>,
}

/// The files of an order.
enum Files {
    Here(Vec<File>),
    /// These are not there yet.
    Missing(Vec<String>),
}

/// What stands between files and a post.
enum Stop {
    /// It is told, and ends here.
    Problem(Vec<u8>),
    /// The message comes again.
    Failed(Failure),
}

impl From<PortError> for Stop {
    fn from(error: PortError) -> Self {
        Self::Failed(Failure::retry(error))
    }
}

impl<F: DropFolder, D: Door, Q: Queues, T: Clock> DropIntake<F, D, Q, T> {
    /// Looks at what a message is about. `receive_count` is how often SQS has delivered it.
    pub async fn look(&self, place: &Place, receive_count: u32) -> Result<(), Failure> {
        match place {
            Place::Set { creator, name } => self.look_at(creator, name, receive_count).await,
            Place::Nowhere { key, problem } => {
                let told = outcome::problem(std::slice::from_ref(problem), key);
                self.folder.tell(&outcome::misplaced_key(key), told).await.map_err(Failure::retry)
            }
        }
    }

    async fn look_at(&self, creator: &CreatorId, name: &str, receive_count: u32) -> Result<(), Failure> {
        let (result, problem) = (outcome::result_key(creator, name), outcome::problem_key(creator, name));
        let found = self.found(creator, name).await.map_err(Failure::retry)?;
        let told = self.folder.told(&result).await.map_err(Failure::retry)?;
        let taken = told.and_then(|told| Taken::read(&told));
        let spent = |json: &Dropped| taken.as_ref().is_some_and(|taken| taken.spends(json));
        let made = match &found.json {
            Some(json) if !spent(json) => self.order(creator, name, json, &found, receive_count).await,
            _ => self.loose(creator, name, &found, taken.as_ref()).await.map(|()| None),
        };
        match made {
            Ok(None) => Ok(()),
            Ok(Some((post, taken))) => {
                self.folder.tell(&result, outcome::result(&post, &taken)).await.map_err(Failure::retry)?;
                // what was wrong before is wrong no more
                self.folder.take_back(&problem).await.map_err(Failure::retry)
            }
            Err(Stop::Problem(told)) => self.folder.tell(&problem, told).await.map_err(Failure::retry),
            Err(Stop::Failed(failure)) => Err(failure),
        }
    }

    async fn found(&self, creator: &CreatorId, name: &str) -> Result<Found, PortError> {
        let mut found = Found { json: None, media: Vec::new() };
        // names have no dots, so nothing else begins like this
        for dropped in self.folder.dropped(&format!("{DROPS}{creator}/{name}.")).await? {
            let extension = dropped.key.rsplit_once('.').map(|(_, extension)| extension).unwrap_or_default();
            if place::is_json(extension) {
                // `a.json` beside `a.JSON`: the younger one says it
                let older = found.json.as_ref().is_some_and(|known| dropped.at < known.at);
                found.json = if older { found.json } else { Some(dropped) };
            } else if let Some(container) = place::media(&dropped.key) {
                found.media.push(File { dropped, container });
            }
        }
        Ok(found)
    }

    async fn photos(&self, creator: &CreatorId, name: &str) -> Result<Vec<Dropped>, PortError> {
        self.folder.dropped(&format!("{DROPS}{creator}/{name}/")).await
    }

    /// There is no JSON, or it has made its post: files that belong to none wait for one.
    async fn loose(
        &self,
        creator: &CreatorId,
        name: &str,
        found: &Found,
        taken: Option<&Taken>,
    ) -> Result<(), Stop> {
        let mut files: Vec<&Dropped> = found.media.iter().map(|file| &file.dropped).collect();
        let photos = self.photos(creator, name).await?;
        files.extend(photos.iter().filter(|photo| place::media(&photo.key).is_some()));
        let is_loose = |file: &&Dropped| !taken.is_some_and(|taken| taken.has(file));
        let Some(last) = files.into_iter().filter(is_loose).max_by_key(|file| file.at) else { return Ok(()) };
        let until = last.at + self.json_wait;
        if self.waits(creator, name, until).await? {
            return Ok(());
        }
        let problem = Problem::new(
            "",
            "drop.json.missing",
            format!("no JSON of this name has come by {until}"),
            format!("drop `{name}.json` beside it; one that has made a post is to be dropped again"),
        );
        Err(Stop::Problem(outcome::problem(&[problem], &last.key)))
    }

    /// Has somebody look again, unless the time is over. `false`: it is.
    async fn waits(&self, creator: &CreatorId, name: &str, until: Timestamp) -> Result<bool, PortError> {
        let left = until.duration_since(self.time.now());
        if left <= SignedDuration::ZERO {
            return Ok(false);
        }
        let job = Job::Drop(domain::job::Drop { creator: creator.clone(), name: name.to_owned() });
        self.queues.send(&job, left.min(self.json_wait).min(MAX_DELAY)).await?;
        Ok(true)
    }

    /// Makes the post that a JSON asks for. `None`: its files are still to come.
    async fn order(
        &self,
        creator: &CreatorId,
        name: &str,
        json: &Dropped,
        found: &Found,
        receive_count: u32,
    ) -> Result<Option<(Value, Taken)>, Stop> {
        let wrong = |problems: &[Problem]| Stop::Problem(outcome::problem(problems, &json.key));
        if json.size > JSON_MAX {
            return Err(wrong(&[Problem::new(
                "",
                "drop.json.max",
                format!("the JSON has {} bytes, at most {JSON_MAX} are read", json.size),
                "write only the documented fields",
            )]));
        }
        let Some(bytes) = self.folder.read(&json.key, &json.etag).await? else { return Err(moved()) };
        let order = Order::read(&bytes, creator).map_err(|problems| wrong(&problems))?;
        let files = match self.files(creator, name, &order, found).await? {
            Ok(Files::Here(files)) => files,
            Ok(Files::Missing(missing)) => {
                let until = json.at + self.media_wait;
                if self.waits(creator, name, until).await? {
                    return Ok(None);
                }
                return Err(wrong(&[Problem::new(
                    "",
                    "drop.media.missing",
                    format!("`{}` has not come by {until}", missing.join("`, `")),
                    "drop the file, and then the JSON once more",
                )]));
            }
            Err(problem) => return Err(wrong(&[problem])),
        };
        let key = self.key(json, &files);
        let ask = async |path: &str, key: &str, body: &Value, file: &str| {
            let request = Request { path, idempotency_key: key, creator, json: &json.key, body };
            settled(self.door.ask(request).await?, file, receive_count)
        };
        let mut media = Vec::with_capacity(files.len());
        for (number, file) in files.iter().enumerate() {
            let body = json!({
                "kind": file.container.kind(),
                "content_type": file.container.content_type(),
                "size": file.dropped.size,
                "convert": order.convert,
            });
            let declared = ask("/v1/media", &format!("{key}-{number}"), &body, &file.dropped.key).await?;
            media.push((text(&declared, "id"), text(&declared, "state")));
        }
        for (file, (id, state)) in files.iter().zip(&media) {
            // what was judged already is not copied again
            if state == "awaiting_upload" {
                self.take(file, id).await?;
            }
        }
        // after the bytes are ours: a file that is replaced meanwhile makes no post that waits for it in vain
        let ids: Vec<String> = media.into_iter().map(|(id, _)| id).collect();
        let post = ask("/v1/posts", &key, &order.body(creator, &ids), &json.key).await?;
        let marks = files.iter().map(|file| (&file.dropped).into()).collect();
        Ok(Some((post, Taken { json: json.into(), files: marks })))
    }

    async fn take(&self, file: &File, media: &str) -> Result<(), Stop> {
        let media =
            media.parse().map_err(|error: domain::id::InvalidId| Stop::Failed(Failure::retry(error)))?;
        let File { dropped, container } = file;
        match self.folder.take(&dropped.key, &dropped.etag, &media, *container).await? {
            Copied::Done => Ok(()),
            Copied::Changed => Err(moved()),
        }
    }

    async fn files(
        &self,
        creator: &CreatorId,
        name: &str,
        order: &Order,
        found: &Found,
    ) -> Result<Result<Files, Problem>, PortError> {
        let Some(named) = &order.files else {
            return Ok(match &found.media[..] {
                [] => Ok(Files::Missing(vec![format!("{name}.<extension>")])),
                [File { dropped, container }] => {
                    Ok(Files::Here(vec![File { dropped: dropped.clone(), container: *container }]))
                }
                several => Err(Problem::new(
                    "",
                    "drop.media.several",
                    format!("{} files have this name, and a post has one", several.len()),
                    "leave one of them there; photos that belong together go into a folder and are named in `files`",
                )),
            });
        };
        let there = self.photos(creator, name).await?;
        let (mut files, mut missing) = (Vec::new(), Vec::new());
        for file in named {
            let key = format!("{DROPS}{creator}/{name}/{file}");
            match (there.iter().find(|dropped| dropped.key == key), place::media(file)) {
                (Some(dropped), Some(container)) => files.push(File { dropped: dropped.clone(), container }),
                _ => missing.push(format!("{name}/{file}")),
            }
        }
        Ok(Ok(if missing.is_empty() { Files::Here(files) } else { Files::Missing(missing) }))
    }

    /// What makes this drop this one: the bucket, and key and entity tag of everything that belongs to it.
    fn key(&self, json: &Dropped, files: &[File]) -> String {
        let mut parts = vec![self.bucket.as_str(), &json.key, &json.etag];
        for file in files {
            parts.extend([file.dropped.key.as_str(), &file.dropped.etag]);
        }
        format!("drop-{}", digest(&parts))
    }
}

/// Somebody put another object in its place just now; what lies there decides.
fn moved() -> Stop {
    Stop::Failed(Failure::retry("a file was replaced while it was looked at"))
}

/// What the API's answer means: it is done, it is refused, or it may pass.
fn settled(answer: Answer, file: &str, receive_count: u32) -> Result<Value, Stop> {
    let Answer { status, body } = answer;
    let may_pass = status == 429 || body["retryable"] == true && receive_count < PATIENT;
    match status {
        200..=299 => Ok(body),
        400..=499 if !may_pass => Err(Stop::Problem(outcome::refusal(body, file))),
        _ => Err(Stop::Failed(Failure::retry(format!(
            "the API answered {status} `{}`",
            body["code"].as_str().unwrap_or_default()
        )))),
    }
}

fn text(answer: &Value, field: &str) -> String {
    answer[field].as_str().unwrap_or_default().to_owned()
}

/// SHA-256 of the parts, each with its length before it, in hexadecimal.
pub(crate) fn digest(parts: &[&str]) -> String {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(format!("{}:{part}", part.len()).as_bytes());
    }
    context.finish().as_ref().iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
