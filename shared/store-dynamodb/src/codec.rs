//! Compact forms: the timeline's entries, the limiter's rings and sealed tokens.

use domain::account::Sealed;
use domain::limits::{Cap, Day, Limits, Ring};
use domain::timeline::{Actor, Entry, What};
use domain::{PostId, SignedDuration, Timestamp};

const fn what_code(what: What) -> &'static str {
    match what {
        What::AcceptedWaiting => "aw",
        What::Accepted => "ac",
        What::MediaReady => "mr",
        What::MediaRejected => "mx",
        What::Held => "he",
        What::Released => "re",
        What::Claimed => "cl",
        What::InitAccepted => "ia",
        What::InitRefused => "ir",
        What::AttemptFailed => "af",
        What::Published => "pu",
        What::PostId => "pi",
        What::NoLongerPublic => "np",
        What::Failed => "fa",
        What::Unconfirmed => "un",
        What::Corrected => "co",
        What::SentToInbox => "si",
        What::CancelAsked => "ca",
        What::CancelRefused => "cr",
        What::Cancelled => "cd",
        What::Fenced => "fe",
        What::Adopted => "ad",
        What::Found => "fo",
        What::Unresolved => "ur",
        What::Resolved => "rs",
        What::PutAside => "as",
        What::Drafted => "dr",
        What::Submitted => "sb",
        What::Edited => "ed",
        What::UploadBegun => "ub",
        What::Uploaded => "ud",
        What::PullStalled => "ps",
    }
}

const WHATS: [What; 32] = [
    What::AcceptedWaiting,
    What::Accepted,
    What::MediaReady,
    What::MediaRejected,
    What::Held,
    What::Released,
    What::Claimed,
    What::InitAccepted,
    What::InitRefused,
    What::AttemptFailed,
    What::Published,
    What::PostId,
    What::NoLongerPublic,
    What::Failed,
    What::Unconfirmed,
    What::Corrected,
    What::SentToInbox,
    What::CancelAsked,
    What::CancelRefused,
    What::Cancelled,
    What::Fenced,
    What::Adopted,
    What::Found,
    What::Unresolved,
    What::Resolved,
    What::PutAside,
    What::Drafted,
    What::Submitted,
    What::Edited,
    What::UploadBegun,
    What::Uploaded,
    What::PullStalled,
];

const fn actor_code(actor: Actor) -> &'static str {
    match actor {
        Actor::Api => "a",
        Actor::Ingest => "i",
        Actor::Publish => "p",
        Actor::Webhook => "w",
        Actor::Check => "c",
        Actor::Sweep => "s",
        Actor::Person => "h",
        Actor::Transfer => "t",
    }
}

const ACTORS: [Actor; 8] = [
    Actor::Api,
    Actor::Ingest,
    Actor::Publish,
    Actor::Webhook,
    Actor::Check,
    Actor::Sweep,
    Actor::Person,
    Actor::Transfer,
];

/// `<ms since the post was accepted><what><actor>[|<log id>[|<code>]]`.
///
/// A code may hold anything and stands last; a log id is TikTok's word as well, so its `|` and `%` are escaped.
pub(crate) fn entry(entry: &Entry, accepted: Timestamp) -> String {
    let after = entry.at.as_millisecond() - accepted.as_millisecond();
    let mut text = format!("{after}{}{}", what_code(entry.what), actor_code(entry.by));
    if entry.log_id.is_some() || entry.code.is_some() {
        text.push('|');
        text.extend(entry.log_id.iter().map(|id| id.replace('%', "%25").replace('|', "%7C")));
    }
    if let Some(code) = &entry.code {
        text.push('|');
        text.push_str(code);
    }
    text
}

pub(crate) fn read_entry(text: &str, accepted: Timestamp) -> Option<Entry> {
    let mut words = text.splitn(3, '|');
    let head = words.next()?;
    let (head, actor) = head.split_at_checked(head.len().checked_sub(1)?)?;
    let (after, what) = head.split_at_checked(head.len().checked_sub(2)?)?;
    let log_id = words.next().filter(|id| !id.is_empty());
    Some(Entry {
        at: Timestamp::from_millisecond(accepted.as_millisecond().checked_add(after.parse().ok()?)?).ok()?,
        what: WHATS.into_iter().find(|it| what_code(*it) == what)?,
        by: ACTORS.into_iter().find(|it| actor_code(*it) == actor)?,
        log_id: log_id.map(|id| id.replace("%7C", "|").replace("%25", "%")),
        code: words.next().map(str::to_owned),
    })
}

/// The first byte of every binary form.
const FORM: u8 = 1;

/// LEB128.
fn push_number(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(u8::try_from(number & 0x7f).unwrap_or_default() | 0x80);
        number >>= 7;
    }
    bytes.push(u8::try_from(number).unwrap_or_default());
}

fn take_number(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

fn push_bytes(bytes: &mut Vec<u8>, part: &[u8]) {
    push_number(bytes, part.len() as u64);
    bytes.extend_from_slice(part);
}

fn take_bytes(bytes: &mut &[u8]) -> Option<Vec<u8>> {
    let length = usize::try_from(take_number(bytes)?).ok()?;
    let (part, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(part.to_vec())
}

fn take_form(bytes: &mut &[u8]) -> Option<()> {
    let (form, rest) = bytes.split_first()?;
    *bytes = rest;
    (*form == FORM).then_some(())
}

/// A ring: how many times, the first one, then the gaps.
fn push_ring<const N: usize>(bytes: &mut Vec<u8>, ring: &Ring<N>) {
    let times = ring.millis();
    push_number(bytes, times.len() as u64);
    let mut before = 0_i64;
    for time in times {
        push_number(bytes, zigzag(time.wrapping_sub(before)));
        before = *time;
    }
}

fn take_ring<const N: usize>(bytes: &mut &[u8]) -> Option<Ring<N>> {
    let count = usize::try_from(take_number(bytes)?).ok().filter(|count| *count <= N)?;
    let mut times = Vec::with_capacity(count);
    let mut before = 0_i64;
    for _ in 0..count {
        before = before.wrapping_add(unzigzag(take_number(bytes)?));
        times.push(before);
    }
    Some(Ring::from_millis(times))
}

const fn zigzag(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)).cast_unsigned()
}

const fn unzigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -((number & 1).cast_signed())
}

/// The form of [`limits`] that knows of days; the first one ended with the rest.
const LIMITS_FORM: u8 = 2;

/// The rings of reserved times in the order of their fields; when the rest ends, or 0; the day's count and its gaps; the cap
/// and when it was learned, twice 0 if it was not; the ring of what has begun, which older rows lack and older binaries
/// leave alone.
pub(crate) fn limits(limits: &Limits) -> Vec<u8> {
    let mut bytes = vec![LIMITS_FORM];
    push_ring(&mut bytes, &limits.creator_info);
    push_ring(&mut bytes, &limits.init);
    push_ring(&mut bytes, &limits.status);
    push_number(&mut bytes, limits.rest_until.map_or(0, |rest| zigzag(rest.as_millisecond())));
    push_number(&mut bytes, limits.day.counted().len() as u64);
    let mut before = 0_i64;
    for at in limits.day.counted() {
        push_number(&mut bytes, zigzag(at.wrapping_sub(before)));
        before = *at;
    }
    let cap = limits.day.cap.map_or((0, 0), |cap| (cap.posts, cap.learned_at.as_millisecond()));
    push_number(&mut bytes, u64::from(cap.0));
    push_number(&mut bytes, zigzag(cap.1));
    push_ring(&mut bytes, &limits.begun);
    bytes
}

pub(crate) fn read_limits(mut bytes: &[u8]) -> Option<Limits> {
    let bytes = &mut bytes;
    let (form, rest) = bytes.split_first()?;
    *bytes = rest;
    if ![FORM, LIMITS_FORM].contains(form) {
        return None;
    }
    let (creator_info, init, status) = (take_ring(bytes)?, take_ring(bytes)?, take_ring(bytes)?);
    let rest = if bytes.is_empty() { 0 } else { take_number(bytes)? };
    let rest_until = match rest {
        0 => None,
        rest => Some(Timestamp::from_millisecond(unzigzag(rest)).ok()?),
    };
    if bytes.is_empty() {
        return Some(Limits { creator_info, init, status, rest_until, ..Limits::default() });
    }
    let mut counted = Vec::new();
    let mut before = 0_i64;
    for _ in 0..take_number(bytes)?.min(DAY_MAX) {
        before = before.wrapping_add(unzigzag(take_number(bytes)?));
        counted.push(before);
    }
    let cap = if bytes.is_empty() {
        None
    } else {
        let posts = u32::try_from(take_number(bytes)?).ok()?;
        let learned_at = Timestamp::from_millisecond(unzigzag(take_number(bytes)?)).ok()?;
        ((posts, learned_at) != (0, Timestamp::UNIX_EPOCH)).then_some(Cap { posts, learned_at })
    };
    let begun = if bytes.is_empty() { Ring::default() } else { take_ring(bytes)? };
    Some(Limits { creator_info, init, status, begun, rest_until, day: Day::new(counted, cap) })
}

/// More posts than anybody's day has.
const DAY_MAX: u64 = 1_000;

/// Ids as they stand one after another.
pub(crate) fn ids(ids: &[PostId]) -> Option<Vec<u8>> {
    (!ids.is_empty()).then(|| ids.iter().flat_map(|id| id.bits().to_be_bytes()).collect())
}

pub(crate) fn read_ids(bytes: &[u8]) -> Option<Vec<PostId>> {
    let (ids, rest) = bytes.as_chunks::<16>();
    rest.is_empty().then(|| ids.iter().map(|id| PostId::from_bits(u128::from_be_bytes(*id))).collect())
}

/// Access and refresh token. Sealed together they have the same data key, which then stands there once.
pub(crate) fn token_pair(access: &Sealed, refresh: &Sealed) -> Vec<u8> {
    let mut bytes = vec![FORM];
    push_bytes(&mut bytes, &access.data_key);
    push_bytes(&mut bytes, &access.cipher);
    push_bytes(&mut bytes, if refresh.data_key == access.data_key { &[] } else { &refresh.data_key });
    push_bytes(&mut bytes, &refresh.cipher);
    bytes
}

pub(crate) fn read_token_pair(mut bytes: &[u8]) -> Option<(Sealed, Sealed)> {
    let bytes = &mut bytes;
    take_form(bytes)?;
    let access = Sealed { data_key: take_bytes(bytes)?, cipher: take_bytes(bytes)? };
    let data_key = take_bytes(bytes).map(|key| if key.is_empty() { access.data_key.clone() } else { key })?;
    let refresh = Sealed { data_key, cipher: take_bytes(bytes)? };
    bytes.is_empty().then_some((access, refresh))
}

pub(crate) fn token(sealed: &Sealed) -> Vec<u8> {
    let mut bytes = vec![FORM];
    push_bytes(&mut bytes, &sealed.data_key);
    push_bytes(&mut bytes, &sealed.cipher);
    bytes
}

pub(crate) fn read_token(mut bytes: &[u8]) -> Option<Sealed> {
    let bytes = &mut bytes;
    take_form(bytes)?;
    let sealed = Sealed { data_key: take_bytes(bytes)?, cipher: take_bytes(bytes)? };
    bytes.is_empty().then_some(sealed)
}

/// When a row may go, in seconds since 1970 as DynamoDB wants it.
pub(crate) fn gone_after(at: Timestamp, days: i64) -> i64 {
    at.as_second().saturating_add(SignedDuration::from_hours(24 * days).as_secs())
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    fn times(count: usize) -> impl Strategy<Value = Vec<i64>> {
        proptest::collection::vec(any::<i64>(), 0..=count)
    }

    fn at() -> impl Strategy<Value = Timestamp> {
        (-1_000_000_000_000_i64..100_000_000_000_000)
            .prop_map(|at| Timestamp::from_millisecond(at).expect("within reach"))
    }

    pub(crate) fn an_entry() -> impl Strategy<Value = Entry> {
        let words = || proptest::option::of("[ -~é|%\\n]{1,40}");
        (at(), proptest::sample::select(&WHATS[..]), proptest::sample::select(&ACTORS[..]), words(), words())
            .prop_map(|(at, what, by, code, log_id)| Entry { at, what, by, code, log_id })
    }

    fn sealed() -> impl Strategy<Value = Sealed> {
        let bytes = |length| proptest::collection::vec(any::<u8>(), 0..length);
        (bytes(200), bytes(400)).prop_map(|(data_key, cipher)| Sealed { data_key, cipher })
    }

    proptest! {
        #[test]
        fn an_entry_of_the_timeline_comes_back(had in an_entry(), accepted in at()) {
            prop_assert_eq!(read_entry(&entry(&had, accepted), accepted), Some(had));
        }

        #[test]
        fn limits_come_back(
            creator_info in times(25),
            init in times(8),
            status in times(35),
            begun in times(8),
            rest_until in proptest::option::of(at()),
            counted in proptest::collection::vec(any::<i64>(), 0..80),
            cap in proptest::option::of((any::<u32>(), at())),
        ) {
            let had = Limits {
                creator_info: Ring::from_millis(creator_info),
                init: Ring::from_millis(init),
                status: Ring::from_millis(status),
                begun: Ring::from_millis(begun),
                rest_until: rest_until.filter(|rest| rest.as_millisecond() != 0),
                day: Day::new(counted, cap.map(|(posts, learned_at)| Cap { posts, learned_at })),
            };
            prop_assert_eq!(read_limits(&limits(&had)), Some(had));
        }

        #[test]
        fn limits_of_the_first_form_are_read(init in times(6), rest in proptest::option::of(1_i64..9_999_999_999_999)) {
            let mut bytes = vec![FORM];
            let init = Ring::from_millis(init);
            push_ring(&mut bytes, &Ring::<20>::default());
            push_ring(&mut bytes, &init);
            push_ring(&mut bytes, &Ring::<30>::default());
            bytes.extend(rest.map(|rest| { let mut it = Vec::new(); push_number(&mut it, zigzag(rest)); it }).into_iter().flatten());
            let rest_until = rest.map(|rest| Timestamp::from_millisecond(rest).expect("within reach"));
            prop_assert_eq!(read_limits(&bytes), Some(Limits { init, rest_until, ..Limits::default() }));
        }

        #[test]
        fn ids_come_back(bits in proptest::collection::vec(any::<u128>(), 1..20)) {
            let had: Vec<PostId> = bits.into_iter().map(PostId::from_bits).collect();
            prop_assert_eq!(read_ids(&ids(&had).expect("some")), Some(had));
        }

        #[test]
        fn sealed_tokens_come_back(access in sealed(), refresh in sealed(), together in any::<bool>()) {
            let data_key = if together || refresh.data_key.is_empty() { &access } else { &refresh }.data_key.clone();
            let refresh = Sealed { data_key, ..refresh };
            prop_assert_eq!(read_token_pair(&token_pair(&access, &refresh)), Some((access.clone(), refresh)));
            prop_assert_eq!(read_token(&token(&access)), Some(access));
        }

        #[test]
        fn whatever_stands_there_is_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..60), text in ".{0,30}") {
            let _ = (read_limits(&bytes), read_token(&bytes), read_token_pair(&bytes));
            let _ = read_entry(&text, Timestamp::UNIX_EPOCH);
        }
    }
}
