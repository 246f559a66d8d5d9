//! MP4 and MOV. The tree is walked by headers and only the leaves that matter are decoded, so that a strange
//! metadata box spoils nothing and sample tables are skipped.

use std::collections::BTreeMap;

use bytes::Bytes;
use mp4_atom::{
    Atom, Decode, DecodeMaybe, Header, Mdhd, Mehd, Mfro, Mvhd, Sidx, Stts, Tfdt, Tfhd, Tfra, Tkhd, Trex, Trun,
};

use super::window::{Halt, Window};
use super::{
    Container, HEAD, Probe, RangedRead, VideoCodec, damaged, no_video_track, quarter_turn, to_ms, to_rate,
    truncated, unknown_container,
};

/// A movie header up to this length is fetched in one piece, a longer one by hops of [`HEAD`].
const MOOV_IN_ONE_PIECE: u64 = 1024 * 1024;
/// Read ahead while hopping from fragment to fragment: most `moof` boxes are shorter.
const FRAGMENT: u64 = 16 * 1024;
/// Longest table or `moof` that is decoded.
const LEAF_MAX: u64 = 512 * 1024;
const TRACKS_MAX: usize = 64;
const TOP_LEVEL_MAX: usize = 10_000;
/// Boxes looked at behind the media data of a file that is not fragmented: only to see whether they are all there.
const TRAILERS_MAX: u32 = 4;
/// Requests after which nothing more is looked at that a file with a movie header can be judged without.
const CHEAP: u32 = 5;

/// Whether these are the first bytes of an ISO base media or `QuickTime` file.
pub(super) fn begins(head: &[u8]) -> bool {
    matches!(
        head.get(4..8),
        Some(
            b"ftyp" | b"moov" | b"mdat" | b"wide" | b"free" | b"skip" | b"pnot" | b"styp" | b"moof" | b"sidx"
        )
    )
}

/// Where a box lies. `end` is as declared and may lie beyond the file.
#[derive(Debug, Clone, Copy)]
struct Place {
    name: [u8; 4],
    start: u64,
    body: u64,
    end: u64,
}

#[derive(Debug, Default)]
struct Track {
    id: u32,
    kind: Option<Kind>,
    /// From `tkhd`, in the movie's timescale.
    shown_for: u64,
    /// From `mdhd`.
    timescale: u64,
    lasts: u64,
    codec: Option<VideoCodec>,
    width: u32,
    height: u32,
    rotation: u16,
    /// Samples in the movie header and the time they take.
    samples: u64,
    ticks: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Video,
    Audio,
}

#[derive(Debug, Default)]
struct Movie {
    timescale: u64,
    lasts: u64,
    tracks: Vec<Track>,
    fragments: Option<Fragments>,
}

impl Movie {
    /// Whether what is not read yet could only be other tracks. In a movie that is cut into fragments it could be more.
    fn is_settled(&self) -> bool {
        let known = self.lasts > 0 && self.timescale > 0;
        known && choose_video(&self.tracks).is_some_and(|video| video.is_playable() && video.ticks > 0)
    }
}

impl Track {
    fn is_playable(&self) -> bool {
        !matches!(self.codec, None | Some(VideoCodec::Other(_)))
    }
}

/// What `mvex` says.
#[derive(Debug, Default)]
struct Fragments {
    lasts: u64,
    default_durations: BTreeMap<u32, u64>,
}

pub(super) async fn probe<S: RangedRead>(window: &mut Window<'_, S>) -> Result<Probe, Halt<S::Error>> {
    let size = window.size();
    let mut container = Container::Mov;
    let mut movie = None;
    let mut media = false;
    let mut starts_late = false;
    let mut missing_bytes = 0;
    let mut trailers = 0;
    let mut at = 0;
    for _ in 0..TOP_LEVEL_MAX {
        if movie.is_some() && media {
            trailers += 1;
        }
        let enough =
            trailers > TRAILERS_MAX || (trailers > 0 && window.requests() > CHEAP && !window.holds(at, 16));
        if at >= size || enough {
            break;
        }
        let ahead = if trailers > 0 { 16 } else { HEAD };
        let Some(place) = place(window, at, size, ahead).await? else { break };
        // a cut trailer behind the movie harms nobody
        if movie.is_none() || place.name == *b"mdat" {
            missing_bytes = place.end.saturating_sub(size);
        }
        if place.name == *b"ftyp" {
            container = container_of(&body(window, &place, LEAF_MAX).await?)?;
        } else if place.name == *b"moov" {
            starts_late = media;
            if missing_bytes > 0 {
                return Err(
                    truncated(format!("a movie header cut {missing_bytes} bytes before its end")).into()
                );
            }
            let found = read_movie(window, &place).await?;
            let fragmented = found.fragments.is_some();
            movie = Some(found);
            if fragmented {
                at = place.end;
                break;
            }
        } else if place.name == *b"mdat" {
            media = true;
        }
        at = place.end;
    }
    let Some(movie) = movie else {
        return Err(match missing_bytes {
            0 => truncated("no movie header (`moov`)"),
            _ => truncated(format!(
                "a file that ends {missing_bytes} bytes early, without its movie header (`moov`)"
            )),
        }
        .into());
    };

    let audio = movie.tracks.iter().any(|track| track.kind == Some(Kind::Audio));
    let Some(video) = choose_video(&movie.tracks) else { return Err(no_video_track(audio).into()) };
    let mut frame_rate = to_rate(video.samples, video.ticks, video.timescale);
    let duration_ms = if let Some(fragments) = &movie.fragments {
        let timeline = follow_fragments(window, at, &movie, fragments, video.id).await?;
        missing_bytes = timeline.missing_bytes;
        frame_rate = frame_rate.or(to_rate(timeline.frames, timeline.ticks, video.timescale));
        timeline.duration_ms
    } else {
        movie_duration(&movie)
    };
    Ok(Probe {
        container,
        video_codec: video.codec.clone().unwrap_or_else(|| VideoCodec::Other("unnamed".into())),
        duration_ms: duration_ms.filter(|ms| *ms > 0),
        frame_rate,
        width: video.width,
        height: video.height,
        rotation: video.rotation,
        size,
        audio,
        missing_bytes,
        starts_late,
    })
}

/// `ftyp`: major brand, minor version, compatible brands.
fn container_of(ftyp: &[u8]) -> Result<Container, super::Problem> {
    let mut brands = ftyp.chunks_exact(4);
    let major = brands.next().unwrap_or_default();
    let compatible_with_mp4 =
        brands.skip(1).any(|brand| brand.starts_with(b"iso") || brand.starts_with(b"mp4"));
    match major {
        b"qt  " => Ok(Container::Mov),
        b"heic" | b"heix" | b"hevc" | b"hevx" | b"heim" | b"heis" | b"mif1" | b"msf1" => {
            Err(unknown_container("a HEIC picture"))
        }
        b"avif" | b"avis" => Err(unknown_container("an AVIF picture")),
        b"crx " => Err(unknown_container("a camera raw picture")),
        _ if (major.starts_with(b"3gp") || major.starts_with(b"3g2")) && !compatible_with_mp4 => {
            Err(unknown_container("a 3GP video"))
        }
        _ => Ok(Container::Mp4),
    }
}

/// The first track that TikTok can play; else the first that is a video at all.
fn choose_video(tracks: &[Track]) -> Option<&Track> {
    let videos = || tracks.iter().filter(|track| track.kind == Some(Kind::Video));
    videos().find(|track| track.is_playable()).or_else(|| videos().next())
}

fn movie_duration(movie: &Movie) -> Option<u64> {
    let known = |ms: Option<u64>| ms.filter(|ms| *ms > 0);
    known(to_ms(movie.lasts, movie.timescale))
        .or_else(|| {
            known(movie.tracks.iter().filter_map(|track| to_ms(track.shown_for, movie.timescale)).max())
        })
        .or_else(|| known(movie.tracks.iter().filter_map(|track| to_ms(track.lasts, track.timescale)).max()))
}

async fn read_movie<S: RangedRead>(
    window: &mut Window<'_, S>,
    moov: &Place,
) -> Result<Movie, Halt<S::Error>> {
    let whole = moov.end - moov.start;
    if whole <= MOOV_IN_ONE_PIECE {
        // with the next box's header behind it, which saves a request when that is the media data
        window.at(moov.start, whole, whole + 16).await?;
    }
    let mut movie = Movie::default();
    let mut children = Children::of(moov);
    // the header of the media data may take one more request
    while !(movie.is_settled() && window.requests() >= CHEAP && !window.holds(children.at, 16)) {
        let Some(child) = children.next(window).await? else { break };
        if child.name == *b"mvhd" {
            if let Some(mvhd) = leaf::<Mvhd, S>(window, &child).await? {
                movie.timescale = u64::from(mvhd.timescale);
                movie.lasts = duration(mvhd.duration);
            }
        } else if child.name == *b"trak" && movie.tracks.len() < TRACKS_MAX {
            let track = read_track(window, &child).await?;
            movie.tracks.push(track);
        } else if child.name == *b"mvex" {
            movie.fragments = Some(read_fragments(window, &child).await?);
        }
    }
    Ok(movie)
}

/// All bits set means "unknown".
fn duration(value: u64) -> u64 {
    if value == u64::MAX || value == u64::from(u32::MAX) { 0 } else { value }
}

async fn read_fragments<S: RangedRead>(
    window: &mut Window<'_, S>,
    mvex: &Place,
) -> Result<Fragments, Halt<S::Error>> {
    let mut found = Fragments::default();
    let mut children = Children::of(mvex);
    while let Some(child) = children.next(window).await? {
        if child.name == *b"mehd" {
            if let Some(mehd) = leaf::<Mehd, S>(window, &child).await? {
                found.lasts = duration(mehd.fragment_duration);
            }
        } else if child.name == *b"trex"
            && found.default_durations.len() < TRACKS_MAX
            && let Some(trex) = leaf::<Trex, S>(window, &child).await?
        {
            found.default_durations.insert(trex.track_id, u64::from(trex.default_sample_duration));
        }
    }
    Ok(found)
}

async fn read_track<S: RangedRead>(
    window: &mut Window<'_, S>,
    parent: &Place,
) -> Result<Track, Halt<S::Error>> {
    let mut track = Track::default();
    let mut children = Children::of(parent);
    while let Some(child) = children.next(window).await? {
        if child.name == *b"tkhd" {
            if let Some(tkhd) = leaf::<Tkhd, S>(window, &child).await? {
                track.id = tkhd.track_id;
                track.shown_for = duration(tkhd.duration);
                track.width = u32::from(tkhd.width.integer());
                track.height = u32::from(tkhd.height.integer());
                track.rotation =
                    quarter_turn(f64::from(tkhd.matrix.b).atan2(f64::from(tkhd.matrix.a)).to_degrees());
            }
        } else if child.name == *b"mdia" {
            read_media(window, &child, &mut track).await?;
            // what follows is of no interest, and may lie behind a request
            break;
        }
    }
    Ok(track)
}

async fn read_media<S: RangedRead>(
    window: &mut Window<'_, S>,
    mdia: &Place,
    track: &mut Track,
) -> Result<(), Halt<S::Error>> {
    let mut tables = None;
    let mut children = Children::of(mdia);
    while let Some(child) = children.next(window).await? {
        if child.name == *b"mdhd" {
            if let Some(mdhd) = leaf::<Mdhd, S>(window, &child).await? {
                track.timescale = u64::from(mdhd.timescale);
                track.lasts = duration(mdhd.duration);
            }
        } else if child.name == *b"hdlr" {
            // by hand: QuickTime's handler names are not UTF-8
            track.kind = match body(window, &child, 12).await?.get(8..12) {
                Some(b"vide") => Some(Kind::Video),
                Some(b"soun") => Some(Kind::Audio),
                _ => None,
            };
        } else if child.name == *b"minf" {
            let mut inner = Children::of(&child);
            while let Some(child) = inner.next(window).await? {
                if child.name == *b"stbl" {
                    tables = Some(child);
                    break;
                }
            }
        }
        if track.kind.is_some() && tables.is_some() {
            break;
        }
    }
    match tables {
        Some(stbl) if track.kind == Some(Kind::Video) => read_tables(window, &stbl, track).await,
        _ => Ok(()),
    }
}

async fn read_tables<S: RangedRead>(
    window: &mut Window<'_, S>,
    stbl: &Place,
    track: &mut Track,
) -> Result<(), Halt<S::Error>> {
    let mut children = Children::of(stbl);
    while let Some(child) = children.next(window).await? {
        if child.name == *b"stsd" {
            describe(&body(window, &child, 256).await?, track);
        } else if child.name == *b"stts" {
            if let Some(stts) = leaf::<Stts, S>(window, &child).await? {
                for entry in &stts.entries {
                    let (count, delta) = (u64::from(entry.sample_count), u64::from(entry.sample_delta));
                    track.samples = track.samples.saturating_add(count);
                    track.ticks = track.ticks.saturating_add(count * delta);
                }
            }
        } else if (child.name == *b"stsz" || child.name == *b"stz2") && track.ticks == 0 {
            // no usable time table: the average over the whole track
            if let Some(count) = body(window, &child, 12).await?.get(8..12).and_then(be32) {
                track.samples = u64::from(count);
                track.ticks = track.lasts;
            }
        }
        if track.codec.is_some() && track.ticks > 0 {
            break;
        }
    }
    Ok(())
}

/// The first sample entry. By hand: its fields have stood at the same place since 1991, and a box behind them that
/// cannot be decoded must not cost us width and height.
fn describe(stsd: &[u8], track: &mut Track) {
    let Some(entry) = stsd.get(8..) else { return };
    let Some(Ok(name)) = entry.get(4..8).map(<[u8; 4]>::try_from) else { return };
    track.codec = Some(match &name {
        b"avc1" | b"avc2" | b"avc3" | b"avc4" => VideoCodec::H264,
        b"hvc1" | b"hev1" | b"hvc2" | b"hev2" => VideoCodec::H265,
        b"vp08" => VideoCodec::Vp8,
        b"vp09" => VideoCodec::Vp9,
        other => VideoCodec::Other(
            other.iter().map(|byte| char::from(*byte)).filter(char::is_ascii_graphic).collect(),
        ),
    });
    let side =
        |at| entry.get(at..at + 2).and_then(|bytes| bytes.try_into().ok()).map_or(0, u16::from_be_bytes);
    let (width, height) = (side(32), side(34));
    if width > 0 && height > 0 {
        (track.width, track.height) = (u32::from(width), u32::from(height));
    }
}

/// What the fragments tell together.
#[derive(Debug, Default)]
struct Timeline {
    duration_ms: Option<u64>,
    missing_bytes: u64,
    /// Frames of the video track that were looked at, and the time they take.
    frames: u64,
    ticks: u64,
    /// Per track: when it begins and ends, in its own timescale, and the decode time of its next fragment.
    spans: BTreeMap<u32, Span>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Span {
    begin: Option<i64>,
    end: i64,
    next: Option<i64>,
}

/// How long a fragmented file is: `mehd` says so; or `sidx`, when it covers the file; or the fragment that `mfra`
/// calls the last; or all fragments, one after the other, as far as the budget goes.
async fn follow_fragments<S: RangedRead>(
    window: &mut Window<'_, S>,
    from: u64,
    movie: &Movie,
    fragments: &Fragments,
    video: u32,
) -> Result<Timeline, Halt<S::Error>> {
    let size = window.size();
    let mut timeline = Timeline::default();
    for track in movie.tracks.iter().filter(|track| track.samples > 0) {
        // the first samples are in the movie header itself
        timeline
            .spans
            .insert(track.id, Span { begin: Some(0), end: 0, next: i64::try_from(track.ticks).ok() });
    }

    // up to the first fragment, which shows the frame rate
    let mut at = from;
    let mut index: Option<Index> = None;
    for _ in 0..TOP_LEVEL_MAX {
        let Some(place) = place(window, at, size, FRAGMENT).await? else { break };
        if place.name == *b"moof" || place.name == *b"mdat" {
            timeline.missing_bytes = place.end.saturating_sub(size);
        }
        at = place.end;
        if place.name == *b"sidx" {
            if let Some(sidx) = leaf::<Sidx, S>(window, &place).await? {
                index = Some(index.unwrap_or_default().add(&place, &sidx));
            }
        } else if place.name == *b"moof" {
            read_fragment(window, &place, fragments, video, &mut timeline).await?;
            break;
        }
    }

    if fragments.lasts > 0 {
        timeline.duration_ms = to_ms(fragments.lasts, movie.timescale);
        return Ok(timeline);
    }
    if let Some(index) = index {
        let behind = place(window, index.covers_to, size, 16).await?;
        let goes_on = behind.is_some_and(|place| matches!(&place.name, b"moof" | b"sidx" | b"styp"));
        if !goes_on {
            timeline.duration_ms = index.end_ms.checked_sub(index.begin_ms);
            timeline.missing_bytes = index.covers_to.saturating_sub(size);
            return Ok(timeline);
        }
    }
    if let Some(last) = last_fragment(window).await?.filter(|last| last.offset >= at && last.offset < size) {
        at = last.offset;
        for (id, span) in &mut timeline.spans {
            span.next = last.times.get(id).and_then(|time| i64::try_from(*time).ok());
        }
    }
    match read_fragments_from(window, at, fragments, video, &mut timeline).await {
        Ok(()) => {}
        // everything else about the file is known: let the judge say that its length is not
        Err(Halt::Budget) => return Ok(timeline),
        Err(other) => return Err(other),
    }

    let in_ms = |id: &u32, time: i64| {
        let track = movie.tracks.iter().find(|track| track.id == *id)?;
        to_ms(u64::try_from(time).unwrap_or(0), track.timescale)
    };
    let begin = timeline.spans.iter().filter_map(|(id, span)| in_ms(id, span.begin?)).min();
    let end = timeline.spans.iter().filter_map(|(id, span)| in_ms(id, span.end)).max();
    timeline.duration_ms = match (begin, end) {
        (Some(begin), Some(end)) => {
            end.checked_sub(begin).filter(|ms| *ms > 0).or_else(|| movie_duration(movie))
        }
        _ => movie_duration(movie),
    };
    Ok(timeline)
}

async fn read_fragments_from<S: RangedRead>(
    window: &mut Window<'_, S>,
    from: u64,
    fragments: &Fragments,
    video: u32,
    timeline: &mut Timeline,
) -> Result<(), Halt<S::Error>> {
    let size = window.size();
    let mut at = from;
    for _ in 0..TOP_LEVEL_MAX {
        let Some(place) = place(window, at, size, FRAGMENT).await? else { return Ok(()) };
        if place.name == *b"moof" || place.name == *b"mdat" {
            timeline.missing_bytes = place.end.saturating_sub(size);
        }
        if place.name == *b"moof" {
            read_fragment(window, &place, fragments, video, timeline).await?;
        }
        at = place.end;
    }
    Err(Halt::Budget)
}

/// The segment indexes seen so far, one per track.
#[derive(Debug, Clone, Copy)]
struct Index {
    begin_ms: u64,
    end_ms: u64,
    /// Where the last segment ends.
    covers_to: u64,
}

impl Default for Index {
    fn default() -> Self {
        Self { begin_ms: u64::MAX, end_ms: 0, covers_to: 0 }
    }
}

impl Index {
    fn add(self, place: &Place, sidx: &Sidx) -> Self {
        let lasts: u64 = sidx.references.iter().map(|segment| u64::from(segment.subsegment_duration)).sum();
        let length: u64 = sidx.references.iter().map(|segment| u64::from(segment.referenced_size)).sum();
        let begin = sidx.earliest_presentation_time;
        let scale = u64::from(sidx.timescale);
        Self {
            begin_ms: self.begin_ms.min(to_ms(begin, scale).unwrap_or(u64::MAX)),
            end_ms: self.end_ms.max(to_ms(begin.saturating_add(lasts), scale).unwrap_or(0)),
            covers_to: self.covers_to.max(place.end.saturating_add(sidx.first_offset).saturating_add(length)),
        }
    }
}

struct LastFragment {
    offset: u64,
    /// Decode time by track id.
    times: BTreeMap<u32, u64>,
}

/// The last fragment, by the index at the end of the file.
async fn last_fragment<S: RangedRead>(
    window: &mut Window<'_, S>,
) -> Result<Option<LastFragment>, Halt<S::Error>> {
    let size = window.size();
    let tail = size.saturating_sub(FRAGMENT);
    let bytes = window.at(tail, FRAGMENT, FRAGMENT).await?;
    let Some(mut trailer) = bytes.len().checked_sub(16).and_then(|at| bytes.get(at..)) else {
        return Ok(None);
    };
    let Ok(trailer) = Mfro::decode(&mut trailer) else { return Ok(None) };
    let start = size.saturating_sub(u64::from(trailer.parent_size));
    let Some(mfra) =
        place(window, start, size, 16).await?.filter(|place| place.name == *b"mfra" && place.end == size)
    else {
        return Ok(None);
    };
    if mfra.end - mfra.start > LEAF_MAX {
        return Ok(None);
    }
    window.at(mfra.start, mfra.end - mfra.start, 0).await?;
    let mut last: Option<LastFragment> = None;
    let mut children = Children::of(&mfra);
    while let Some(child) = children.next(window).await? {
        if child.name != *b"tfra" {
            continue;
        }
        let Some(tfra) = leaf::<Tfra, S>(window, &child).await? else { continue };
        let Some(entry) = tfra.entries.last() else { continue };
        let last = last.get_or_insert(LastFragment { offset: 0, times: BTreeMap::new() });
        if entry.moof_offset > last.offset {
            last.offset = entry.moof_offset;
            last.times.clear();
        }
        if entry.moof_offset == last.offset {
            last.times.insert(tfra.track_id, entry.time);
        }
    }
    Ok(last)
}

async fn read_fragment<S: RangedRead>(
    window: &mut Window<'_, S>,
    moof: &Place,
    fragments: &Fragments,
    video: u32,
    timeline: &mut Timeline,
) -> Result<(), Halt<S::Error>> {
    let whole = moof.end - moof.start;
    if whole > LEAF_MAX {
        return Err(damaged(format!("a fragment header of {whole} bytes")).into());
    }
    window.at(moof.start, whole, whole + FRAGMENT).await?;
    let mut children = Children::of(moof);
    while let Some(traf) = children.next(window).await? {
        if traf.name != *b"traf" {
            continue;
        }
        let mut header = Tfhd::default();
        let mut span = Span::default();
        let mut default_duration = 0;
        let mut inner = Children::of(&traf);
        while let Some(child) = inner.next(window).await? {
            if child.name == *b"tfhd" {
                header = leaf::<Tfhd, S>(window, &child).await?.unwrap_or_default();
                span = timeline.spans.get(&header.track_id).copied().unwrap_or_default();
                default_duration = header.default_sample_duration.map_or_else(
                    || fragments.default_durations.get(&header.track_id).copied().unwrap_or(0),
                    u64::from,
                );
            } else if child.name == *b"tfdt" {
                if let Some(tfdt) = leaf::<Tfdt, S>(window, &child).await? {
                    span.next = i64::try_from(tfdt.base_media_decode_time).ok();
                }
            } else if child.name == *b"trun"
                && let Some(run) = leaf::<Trun, S>(window, &child).await?
            {
                let ticks = span.run(&run, default_duration);
                if header.track_id == video {
                    timeline.frames = timeline.frames.saturating_add(run.samples.len() as u64);
                    timeline.ticks = timeline.ticks.saturating_add(ticks);
                }
            }
        }
        if header.track_id != 0 && (timeline.spans.len() < TRACKS_MAX || header.track_id == video) {
            timeline.spans.insert(header.track_id, span);
        }
    }
    Ok(())
}

impl Span {
    /// Adds a run of samples; returns how long they take.
    fn run(&mut self, run: &Trun, default_duration: u64) -> u64 {
        let mut time = self.next.unwrap_or(0);
        let first = time;
        if let mp4_atom::TrunSamples::Inherited { count, .. } = run.samples {
            let ticks = u64::from(count).saturating_mul(default_duration);
            self.begin = self.begin.or(Some(first));
            time = time.saturating_add_unsigned(ticks);
            self.end = self.end.max(time);
            self.next = Some(time);
            return ticks;
        }
        for sample in &run.samples {
            let lasts = sample.duration.map_or(default_duration, u64::from);
            let shown = time.saturating_add(sample.cts.unwrap_or(0));
            self.begin = Some(self.begin.map_or(shown, |begin| begin.min(shown)));
            self.end = self.end.max(shown.saturating_add_unsigned(lasts));
            time = time.saturating_add_unsigned(lasts);
        }
        self.next = Some(time);
        time.abs_diff(first)
    }
}

/// The boxes inside a box.
struct Children {
    at: u64,
    end: u64,
}

impl Children {
    fn of(parent: &Place) -> Self {
        Self { at: parent.body, end: parent.end }
    }

    async fn next<S: RangedRead>(
        &mut self,
        window: &mut Window<'_, S>,
    ) -> Result<Option<Place>, Halt<S::Error>> {
        let Some(mut place) = place(window, self.at, self.end, HEAD).await? else { return Ok(None) };
        place.end = place.end.min(self.end);
        self.at = place.end;
        Ok(Some(place))
    }
}

/// The box at `at`; `None` where no box can be. Each box is at least 8 bytes long: whoever follows `end` gets on.
async fn place<S: RangedRead>(
    window: &mut Window<'_, S>,
    at: u64,
    limit: u64,
    ahead: u64,
) -> Result<Option<Place>, Halt<S::Error>> {
    let Some(left) = limit.checked_sub(at).filter(|left| *left >= 8) else { return Ok(None) };
    let bytes = window.at(at, left.min(16), ahead).await?;
    let mut rest = bytes.as_ref();
    let Ok(Some(header)) = Header::decode_maybe(&mut rest) else { return Ok(None) };
    let name: [u8; 4] = header.kind.into();
    if !name.iter().all(|byte| matches!(byte, b' '..=b'~' | 0xa9)) {
        return Ok(None);
    }
    let body = at + (bytes.len() - rest.len()) as u64;
    let end = header.size.map_or(limit, |size| body.saturating_add(size as u64));
    Ok(Some(Place { name, start: at, body, end }))
}

/// The first `max` bytes of a box's body.
async fn body<S: RangedRead>(
    window: &mut Window<'_, S>,
    place: &Place,
    max: u64,
) -> Result<Bytes, Halt<S::Error>> {
    window.at(place.body, (place.end - place.body).min(max), HEAD).await
}

/// A decoded box; `None` if it is too long or makes no sense.
async fn leaf<T: Atom, S: RangedRead>(
    window: &mut Window<'_, S>,
    place: &Place,
) -> Result<Option<T>, Halt<S::Error>> {
    if place.end - place.body > LEAF_MAX {
        return Ok(None);
    }
    let bytes = body(window, place, LEAF_MAX).await?;
    Ok(T::decode_body(&mut bytes.as_ref()).ok())
}

fn be32(bytes: &[u8]) -> Option<u32> {
    bytes.try_into().ok().map(u32::from_be_bytes)
}
