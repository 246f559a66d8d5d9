//! When something is to be published: an instant with its offset, or the hour that a clock in a zone shows.
//!
//! The rules of the zones are compiled in, so that every function of a deployment has the same ones. An hour that a zone leaves
//! out, or has twice, is refused with the two instants that may be meant: nobody is published an hour off by a guess.

use domain::post::LocalTime;
use domain::{Problem, Timestamp};
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase};

use crate::fields::{Fields, Problems};

/// A time that somebody chose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct When {
    pub(crate) at: Timestamp,
    /// How it was said, if it was said as the hour of a zone.
    pub(crate) said: Option<LocalTime>,
}

const FIELD: &str = "publish_at";
const LOCAL: &str = "send what the clock shows there, such as `2027-01-31T18:00`";
const ZONE: &str = "send the IANA name of a zone, such as `Europe/Athens`";

/// The field `publish_at`, in either form.
pub(crate) fn read(fields: &mut Fields<'_>, problems: &Problems) -> Option<When> {
    if !fields.holds_object(FIELD) {
        return fields.time(FIELD).map(|at| When { at, said: None });
    }
    let mut said = fields.object(FIELD);
    let local_time = said.required_text("local_time", LOCAL);
    let timezone = said.required_text("timezone", ZONE);
    let date_time = local_time.and_then(|text| {
        let date_time = date_time(text);
        if date_time.is_none() {
            let found = short(text);
            problems.push(Problem::new(
                said.pointer("local_time"),
                "local_time.format",
                format!("`{found}` is not a date and an hour without an offset"),
                LOCAL,
            ));
        }
        date_time
    });
    let zone = timezone.and_then(|name| {
        let zone = zone(name);
        if zone.is_none() {
            let found = short(name);
            problems.push(Problem::new(
                said.pointer("timezone"),
                "timezone.unknown",
                format!("`{found}` is no zone of the IANA time zone database"),
                ZONE,
            ));
        }
        zone
    });
    let at = said.pointer("local_time");
    said.done();
    let ((local_time, date_time), zone) = (local_time.zip(date_time)?, zone?);
    match instant(date_time, &zone) {
        Ok(instant) => Some(When {
            at: instant,
            said: Some(LocalTime {
                local_time: local_time.to_owned(),
                timezone: zone.iana_name().unwrap_or_default().to_owned(),
            }),
        }),
        Err((rule, detail, remedy)) => {
            let place = zone.iana_name().unwrap_or_default();
            problems.push(Problem::new(at, rule, format!("`{local_time}` {detail} in `{place}`"), remedy));
            None
        }
    }
}

fn short(text: &str) -> String {
    text.chars().take(80).collect()
}

/// `2027-01-31T18:00`, with seconds if somebody wants them, and nothing else.
fn date_time(text: &str) -> Option<DateTime> {
    const SHAPE: &[u8] = b"dddd-dd-ddTdd:dd:dd";
    let fits = |(found, wanted): (u8, &u8)| match wanted {
        b'd' => found.is_ascii_digit(),
        other => found == *other,
    };
    let whole = matches!(text.len(), 16 | 19) && text.bytes().zip(SHAPE).all(fits);
    whole.then(|| text.parse().ok()).flatten()
}

fn zone(name: &str) -> Option<TimeZone> {
    let zone = TimeZoneDatabase::bundled().get(name).ok()?;
    // what says of itself that it is none
    (!zone.is_unknown()).then_some(zone)
}

type Refused = (&'static str, &'static str, String);

fn instant(date_time: DateTime, zone: &TimeZone) -> Result<Timestamp, Refused> {
    let beyond = |_| ("local_time.format", "is beyond every calendar", LOCAL.to_owned());
    let of_both = |earlier: Timestamp, later: Timestamp| {
        let told = |at: Timestamp| at.display_with_offset(zone.to_offset(at)).to_string();
        format!("send one of the two that may be meant, `{}` or `{}`", told(earlier), told(later))
    };
    match zone.to_ambiguous_timestamp(date_time).offset() {
        AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(date_time).map_err(beyond),
        AmbiguousOffset::Gap { before, after } => {
            let (earlier, later) = (after.to_timestamp(date_time), before.to_timestamp(date_time));
            let remedy = of_both(earlier.map_err(beyond)?, later.map_err(beyond)?);
            Err(("publish_at.gap", "does not exist: the clocks are put forward over it", remedy))
        }
        AmbiguousOffset::Fold { before, after } => {
            let (earlier, later) = (before.to_timestamp(date_time), after.to_timestamp(date_time));
            let remedy = of_both(earlier.map_err(beyond)?, later.map_err(beyond)?);
            Err(("publish_at.fold", "comes twice: the clocks are put back over it", remedy))
        }
    }
}
