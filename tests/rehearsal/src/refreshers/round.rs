//! One round: which misfortune, and what came of it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use domain::SignedDuration;
use http::StatusCode;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};
use tiktok_sandbox::config::Rotation;
use tiktok_sandbox::{Endpoint, Fault, FaultKind};

use super::MODES;
use super::scene::{AT_ONCE, Cast, Scene, Slow};
use super::watch::{Fate, Faults};
use crate::Cue;

/// What befalls a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Nothing.
    Plain,
    /// Invocations end at a call.
    Crash,
    /// Answers of calls are lost, TikTok's too.
    Lost,
    /// A holder's write takes longer than its lease.
    Slow,
    /// Somebody connects the account, or another one, while it is refreshed.
    Connect,
}

/// Of ten rounds in a row.
const KINDS: [Kind; 10] = [
    Kind::Plain,
    Kind::Crash,
    Kind::Lost,
    Kind::Slow,
    Kind::Crash,
    Kind::Plain,
    Kind::Lost,
    Kind::Crash,
    Kind::Connect,
    Kind::Plain,
];

/// So many rounds lose one answer each, until every call has had its turn.
const EVERY_CALL: usize = 11;

/// One round.
pub(crate) struct Round {
    mode: Rotation,
    kind: Kind,
    /// How many rounds of its kind came before.
    index: usize,
    seed: u64,
}

/// What came of a round.
pub(crate) struct Verdict {
    pub(crate) kind: Kind,
    /// Refreshes that TikTok was asked for before everything was quiet again.
    pub(crate) refreshes: usize,
    /// How far the epoch moved.
    pub(crate) moved: u64,
    pub(crate) locked_out: Option<LockOut>,
    pub(crate) faults: Faults,
    /// Whether a locked out creator who signs in again can be used.
    pub(crate) came_back: bool,
    /// Whether a creator who can be used is shown as one who cannot.
    pub(crate) slandered: bool,
    /// For whoever has to find out why.
    pub(crate) told: String,
}

/// Why only the creator can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LockOut {
    /// TikTok replaced the token, and neither the table nor the rescue object ever got the new pair.
    AnswerLost,
    /// The new pair was first written when its holder's lease had run out and somebody else was using the old token again, for
    /// which TikTok revoked the whole grant. Whoever takes over cannot tell this holder from one who died before asking.
    WrittenTooLate,
    /// There is no excuse.
    Defect,
}

/// The call of an invocation, and what happens there.
type Cues = Vec<(usize, usize, Cue)>;

impl Round {
    pub(crate) fn new(mode: Rotation, number: u32, seed: u64) -> Self {
        let number = number as usize;
        let kind = KINDS[number % KINDS.len()];
        let earlier = |until: usize| KINDS[..until].iter().filter(|it| **it == kind).count();
        let index = number / KINDS.len() * earlier(KINDS.len()) + earlier(number % KINDS.len());
        let place = MODES.iter().position(|it| *it == mode).unwrap_or(MODES.len());
        let mut rng = StdRng::seed_from_u64(seed ^ ((place as u64 + 1) << 56) ^ ((number as u64) << 24));
        Self { mode, kind, index, seed: rng.random() }
    }

    pub(crate) async fn play(&self, cast: &Cast) -> Verdict {
        let mut rng = StdRng::seed_from_u64(!self.seed);
        let mut scene = Scene::new(cast, self.mode, self.seed).await;
        let (calls, epoch) = (scene.refreshes(), scene.epoch());
        let mut told = format!("{:?} number {}", self.kind, self.index);
        let mut guest = None;
        let mut cues = match self.kind {
            Kind::Plain => Cues::new(),
            Kind::Crash => self.misfortunes(cast, &Cue::CRASHES, &mut rng).await,
            Kind::Lost => {
                let mut cues = self.misfortunes(cast, &[Cue::FailAfter], &mut rng).await;
                if self.index >= EVERY_CALL && rng.random_ratio(1, 3) {
                    cues.clear();
                    let kinds = [FaultKind::AnswerLost, FaultKind::CutBody, FaultKind::Garbage];
                    let kind = kinds.choose(&mut rng).cloned().unwrap_or(FaultKind::AnswerLost);
                    told = format!("{told}, TikTok's answer: {kind:?}");
                    scene.tiktok.with(|world| world.inject(Fault::once(Endpoint::Token, kind)));
                }
                cues
            }
            Kind::Slow => {
                let slow = self.slow(&mut rng);
                let when = if slow.before { "before" } else { "after" };
                told = format!("{told}, `{}` {} beyond the lease, {when} its effect", slow.call, slow.beyond);
                scene.slow_down(slow);
                Cues::new()
            }
            Kind::Connect => {
                guest = Some(if rng.random_ratio(1, 5) { "grace" } else { "ada" });
                told = format!("{told}, {} connects", guest.unwrap_or_default());
                if rng.random_ratio(1, 3) {
                    scene.slow_down(self.slow(&mut rng));
                }
                let cues = [Cue::CrashBefore, Cue::CrashAfter, Cue::FailBefore, Cue::FailAfter];
                if rng.random() { self.misfortunes(cast, &cues, &mut rng).await } else { Cues::new() }
            }
        };
        if guest.is_some() && rng.random_ratio(1, 3) {
            let cue = *Cue::CRASHES.choose(&mut rng).unwrap_or(&Cue::CrashBefore);
            cues.push((AT_ONCE, rng.random_range(0..12), cue));
        }
        scene.plan(&cues);
        scene.storm(guest).await;
        let refreshes = scene.refreshes() - calls;
        let moved = scene.epoch().saturating_sub(epoch);
        let log = scene.calls();
        for (hand, call, cue) in &cues {
            let name = log.get(*hand).and_then(|calls| calls.get(*call)).unwrap_or(&"nothing");
            told = format!("{told}, {cue:?} at call {call} (`{name}`) of invocation {hand}");
        }
        let told = format!("{told}; scheduled by {:#018x}\n{}", self.seed, Log(&log));

        let locked_out = self.lock_out(&mut scene).await;
        // who signs in and is left without an answer signs in again, and that writes the creator
        let left_alone = guest == Some("ada") && scene.connected.is_none();
        let slandered = locked_out.is_none() && !left_alone && scene.is_shown_as_broken("ada");
        let mut came_back = true;
        if locked_out.is_some() {
            let answer = scene.connect("ada").await;
            came_back = answer == Some(StatusCode::OK) && scene.is_usable("ada");
        }
        if guest == Some("grace") && scene.account("grace").is_some() {
            came_back &= scene.is_usable("grace");
        }
        let faults = scene.watch.faults();
        Verdict { kind: self.kind, refreshes, moved, locked_out, faults, came_back, slandered, told }
    }

    /// Whether the account can be refreshed once more and then be used; if not, why not.
    async fn lock_out(&self, scene: &mut Scene) -> Option<LockOut> {
        scene.tiktok.with(tiktok_sandbox::World::clear_faults);
        let had = scene.refresh_token();
        scene.expire("ada");
        scene.refresh_once().await;
        if scene.is_usable("ada") {
            return None;
        }
        Some(match had.map(|had| scene.watch.fate(&had)) {
            Some(Fate::NeverKept) => LockOut::AnswerLost,
            Some(Fate::KeptTooLate) if self.may_be_too_late() => LockOut::WrittenTooLate,
            _ => LockOut::Defect,
        })
    }

    fn may_be_too_late(&self) -> bool {
        matches!(self.kind, Kind::Slow | Kind::Connect) && self.mode == Rotation::FamilyRevokedOnReuse
    }

    /// One after the other at every call of the holder, of one who found the lease taken, and of one who came later; then
    /// anywhere, up to three in a round.
    async fn misfortunes(&self, cast: &Cast, cues: &[Cue], rng: &mut StdRng) -> Cues {
        let mut scene = Scene::new(cast, self.mode, self.seed).await;
        scene.storm(None).await;
        let log = scene.calls();
        let holder = log.iter().position(|calls| calls.contains(&"oauth.refresh"));
        let loser = log.iter().take(AT_ONCE).position(|calls| calls.last() == Some(&"send"));
        let late = (log.len() > AT_ONCE).then_some(AT_ONCE);
        let roles: Vec<usize> = [holder, loser, late].into_iter().flatten().collect();
        let each = |hand: &usize| {
            let hand = *hand;
            (0..log[hand].len()).flat_map(move |call| cues.iter().map(move |cue| (hand, call, *cue)))
        };
        let every: Cues = roles.iter().flat_map(each).collect();
        if let Some(one) = every.get(self.index) {
            return vec![*one];
        }
        let mut anywhere = || {
            let cue = *cues.choose(rng).unwrap_or(&Cue::CrashBefore);
            match rng.random_range(0..4) {
                0 => (rng.random_range(0..log.len()), rng.random_range(0..4), cue),
                // whoever takes over
                1 => (rng.random_range(AT_ONCE..AT_ONCE + 20), rng.random_range(0..10), cue),
                _ => {
                    let holder = holder.unwrap_or_default();
                    (holder, rng.random_range(0..log[holder].len()), cue)
                }
            }
        };
        let first = anywhere();
        let second = anywhere();
        let third = anywhere();
        vec![first, second, third][..=self.index % 3].to_vec()
    }

    fn slow(&self, rng: &mut StdRng) -> Slow {
        let (call, before) =
            [("store_tokens", true), ("store_tokens", false), ("keep", true), ("keep", false)]
                [self.index % 4];
        // at the very second in which the messages of the others come back, or later
        let beyond = if rng.random() { 1 } else { rng.random_range(2..240) };
        let holders = if rng.random_ratio(1, 4) { 2 } else { 1 };
        Slow {
            call,
            before,
            beyond: SignedDuration::from_secs(beyond),
            holders: Arc::new(AtomicUsize::new(holders)),
        }
    }
}

/// The calls of those who did more than look.
struct Log<'a>(&'a [Vec<&'static str>]);

impl fmt::Display for Log<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, calls) in self.0.iter().enumerate().filter(|(_, calls)| calls.len() > 2) {
            writeln!(f, "    invocation {number}: {}", calls.join(", "))?;
        }
        Ok(())
    }
}
