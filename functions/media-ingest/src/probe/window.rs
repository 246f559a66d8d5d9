//! Bytes of the source, fetched when they are first needed and kept.

use bytes::Bytes;

use super::{ProbeError, Problem, RangedRead};

/// What one probe may cost. A hostile file can make us hop, it cannot make us read all of it.
const MAX_REQUESTS: u32 = 64;
const MAX_BYTES: u64 = 8 * 1024 * 1024;

/// Why probing stopped before its end.
#[derive(Debug)]
pub(super) enum Halt<E> {
    Read(E),
    Short { offset: u64, wanted: u64, got: u64 },
    Budget,
    Refused(Problem),
}

impl<E> From<Problem> for Halt<E> {
    fn from(problem: Problem) -> Self {
        Self::Refused(problem)
    }
}

impl<E: std::error::Error + 'static> Halt<E> {
    /// What that says of the file; `scattered` is said of one whose headers took more than the budget.
    pub(super) fn verdict(self, scattered: impl FnOnce() -> Problem) -> ProbeError<E> {
        match self {
            Self::Read(error) => ProbeError::Read(error),
            Self::Short { offset, wanted, got } => ProbeError::Short { offset, wanted, got },
            Self::Budget => ProbeError::Refused(scattered()),
            Self::Refused(problem) => ProbeError::Refused(problem),
        }
    }
}

pub(super) struct Window<'a, S> {
    source: &'a mut S,
    size: u64,
    parts: Vec<(u64, Bytes)>,
    requests: u32,
    bytes: u64,
}

impl<'a, S: RangedRead> Window<'a, S> {
    pub(super) fn new(source: &'a mut S) -> Self {
        let size = source.size();
        Self { source, size, parts: Vec::new(), requests: 0, bytes: 0 }
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Requests made so far.
    pub(super) fn requests(&self) -> u32 {
        self.requests
    }

    /// Whether these bytes are here already.
    pub(super) fn holds(&self, offset: u64, len: u64) -> bool {
        self.parts.iter().any(|(start, part)| cut(part, *start, offset, len).is_some())
    }

    /// `len` bytes at `offset`, fewer only where the file ends. What is not here yet is fetched together with what
    /// follows, `ahead` bytes in all.
    pub(super) async fn at(&mut self, offset: u64, len: u64, ahead: u64) -> Result<Bytes, Halt<S::Error>> {
        let left = self.size.saturating_sub(offset);
        let len = len.min(left);
        if len == 0 {
            return Ok(Bytes::new());
        }
        if let Some(bytes) = self.parts.iter().find_map(|(start, part)| cut(part, *start, offset, len)) {
            return Ok(bytes);
        }
        let budget = MAX_BYTES - self.bytes;
        if self.requests == MAX_REQUESTS || len > budget {
            return Err(Halt::Budget);
        }
        let wanted = ahead.max(len).min(left).min(budget);
        self.requests += 1;
        self.bytes += wanted;
        let part = self.source.read(offset, wanted).await.map_err(Halt::Read)?;
        let got = part.len() as u64;
        if got < wanted {
            return Err(Halt::Short { offset, wanted, got });
        }
        let bytes = cut(&part, offset, offset, len).unwrap_or_default();
        self.parts.push((offset, part));
        Ok(bytes)
    }
}

fn cut(part: &Bytes, start: u64, offset: u64, len: u64) -> Option<Bytes> {
    let from = usize::try_from(offset.checked_sub(start)?).ok()?;
    let to = from.checked_add(usize::try_from(len).ok()?)?;
    (to <= part.len()).then(|| part.slice(from..to))
}
