"""Each story once: signatures of texts, and the index that finds the first article with the same text.

A text is the same as an earlier one if the exact keys agree (blake2b of `normalise(text)`), or if they share enough
word pairs. What "enough" is, and why pairs, is measured in docs/duplicates.md; `bench/dedup.py` measures it again.

The index lives in SQL tables (`newscrawl.store.duplicates`) and is asked and written inside the caller's transaction. In
memory are only the texts that wait to be merged into the tables, about `_MERGE_AT`, and the lines of a few papers.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

import numpy as np
import xxhash

from newscrawl.arabic import normalise
from newscrawl.store.duplicates import DuplicateTables, TextIndexFile, TextRow

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

SIGNATURE: Final = 1
"""Version of everything below that decides which texts meet; an index of another version is emptied, never mixed."""

MIN_WORDS: Final = 40
"""Shorter texts have their exact key only: in briefs a changed number is another story."""
MIN_JACCARD: Final = 0.5
MIN_CONTAINMENT: Final = 0.7
"""Share of the shorter text that stands in the longer one; follow-ups reuse up to two thirds of an older story."""
SAME_PAPER_JACCARD: Final = 0.7
SAME_PAPER_CONTAINMENT: Final = 0.9
"""Within one paper, as what two of its articles share may be furniture that is not learnt yet."""
LONGEST_RATIO: Final = 10
"""A text is not contained in one that is more than this many times longer: bands rarely bring such pairs together."""
BRIEF_WORDS: Final = 80
"""Where both texts are shorter and each has a number that the other lacks, they are two briefs on one pattern."""

BANDS: Final = 20
ROWS: Final = 3
LEAD_BANDS: Final = 6
LEAD_ROWS: Final = 4
LEAD_SHINGLES: Final = 64
"""The bands of the beginning find texts that were cut from the end, whatever is left of them."""
SKETCH_BITS: Final = 2048

_HASHES: Final = 1 + BANDS + LEAD_BANDS
_BUCKET_BITS: Final = 18
_REST_BITS: Final = 16
_ID_BITS: Final = 30
_HASH_BITS: Final = _BUCKET_BITS + _REST_BITS
_ENTRY: Final = np.dtype([("rest", "<u2"), ("text", "<u4")])
_POSTINGS: Final = 64
"""Texts kept for one band hash, the first settled: a band that more share is a stock phrase."""
_CANDIDATES: Final = 5
"""Texts compared at most: where thousands share sentences, those that share most bands."""
_RECENT: Final = 2_048
_MERGE_AT: Final = 65_536
"""Texts that wait before a merge begins; with those that come until it ends, 100,000 or 22 MB at most are in memory. A
merge rewrites all buckets, so that more of them cost less for each text."""
_SLAB: Final = 16_384
"""Buckets of one step: 0.1 s at a million texts."""

_LINES: Final = 512
"""Lines remembered of a paper: those of its last fifty articles or so, and longer where they come again."""
_PAPERS: Final = 256
_SAVE_AT: Final = 64
_FIRST_WEIGHT: Final = 2
_COPY_WEIGHT: Final = 1
_LEARNT: Final = 6
_ONE_IN: Final = 5
"""A line is furniture of a paper once it was in three articles, or five that seem to be copies of the first, and in one of five
since it was first seen: a sentence that is quoted now and then is none."""

_WORD_1, _WORD_2, _MIX = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F), np.uint64(0xD6E8FEB86659FD93)
_HALF: Final = np.uint64(32)


def _constants(seed: int, count: int) -> NDArray[np.uint64]:
    """Fixed numbers that look random (splitmix64); those of `numpy.random` may change from release to release."""
    with np.errstate(over="ignore"):
        mixed = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(seed)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return mixed ^ (mixed >> np.uint64(31))


_LEAST: Final = BANDS * ROWS + LEAD_BANDS * LEAD_ROWS
_FACTORS: Final = _constants(1, _LEAST).astype(np.uint32).reshape(-1, 1) | np.uint32(1)
_OFFSETS: Final = _constants(2, _LEAST).astype(np.uint32).reshape(-1, 1)
_ROW_FACTORS: Final = _constants(3, max(ROWS, LEAD_ROWS)) | np.uint64(1)
_BAND_SEEDS: Final = _constants(4, BANDS + LEAD_BANDS)
_SIZES: Final = [
    -SKETCH_BITS * math.log(1 - min(bits, SKETCH_BITS - 0.5) / SKETCH_BITS) for bits in range(SKETCH_BITS + 1)
]
"""Members of a set by the number of its bits (linear counting, Whang et al. 1990)."""

_xxh = xxhash.xxh3_64_intdigest


@dataclass(frozen=True, slots=True)
class Copy:
    """What is known of a text that was there before."""

    first: str
    """key of the first settled article with this text"""
    similarity: float
    """Jaccard index of the word pairs of both texts, estimated (standard error 0.02); 1.0 where the exact keys agree"""
    containment: float
    """share of the shorter text that stands in the longer one, estimated"""
    same_paper: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Signature:
    """All that the index keeps of a text."""

    digest: bytes
    """exact key, 16 bytes"""
    hashes: NDArray[np.uint64]
    """exact key and bands, `_HASH_BITS` bits each; the exact key alone for a short text"""
    shingles: int
    """distinct word pairs, 0 for a short text"""
    sketch: bytes | None
    """bitmap of the hashed word pairs, SKETCH_BITS / 8 bytes"""
    numbers: str | None
    """the distinct numbers of a brief, sorted, with a space between"""
    paper: str | None
    day: int | None
    lines: tuple[int, ...]
    """hashes of its distinct lines, where the paper is known"""


class DuplicateIndex:
    """Finds the first article with the same text, or nearly.

    `copy_of` does all at once. A crawl, which must not remember an article before its page is settled, asks in three
    steps: `sign` anywhere, then `find` and `settle` together in the transaction that settles the page.

    >>> index = DuplicateIndex()
    >>> index.copy_of("a", "نصّ الخبر"), index.copy_of("b", "نصُّ الخبر!")
    (None, Copy(first='a', similarity=1.0, containment=1.0, same_paper=False))
    """

    def __init__(self, tables: DuplicateTables | None = None, *, window: int | None = None) -> None:
        """Take up the index in these tables, or begin one in memory.

        Args:
            tables: of a crawl state or of a `TextIndexFile`.
            window: days; a text published further from the first one is not its copy. Unknown days are within it.
        """
        self._tables = TextIndexFile().tables if tables is None else tables
        self._window = window
        self.forgotten = 0 if self._tables.version() == SIGNATURE else self._tables.reset(SIGNATURE)
        """Texts of another signature version that were dropped."""
        self.last_id = self._tables.last_id()
        """Number of the text remembered last."""
        ids, sizes, joined = self._tables.waiting()
        self._recent: dict[int, list[int]] = {}
        self._recent_texts = 0
        self._gathered = self.last_id  # texts up to this one are not among the recent
        self._is_merged = self.last_id > len(ids)  # some texts are in the tables
        # What no gathered text has, a bit for each 256 hashes. A merge fills it in: until then it takes no memory.
        self._absent = np.zeros(_FILTER_BYTES, np.uint8)
        self._merge_low = self._merge_upto = 0  # next bucket, and last text, of the merge under way
        self._papers: OrderedDict[str, _Paper] = OrderedDict()
        self._waiting_texts = len(ids)
        self._waiting = _unpadded(joined)
        self._waiting <<= _ID_BITS_
        del joined  # no two of these large ones at a time
        self._waiting |= np.repeat(np.array(ids, np.uint32), np.array(sizes, np.intp) // _HASH_BYTES)
        self._waiting.sort()
        if self._is_merged:
            for low in range(0, 1 << _BUCKET_BITS, _SLAB):
                if bits := self._tables.absent(low):
                    self._absent[_filter_part(low)] = np.frombuffer(bits, np.uint8)
                    self._note(self._waiting[self._waiting_in(low)])

    def copy_of(self, key: str, text: str, *, paper: str | None = None, day: int | None = None) -> Copy | None:
        """Answer the first text that this is a copy of, or None and remember it as a first.

        Args:
            key: names the text in later answers.
            text: body, cleaned or not, one paragraph a line.
            paper: where it was published; lines that a paper repeats are left out. None learns nothing.
            day: of publication, as `date.toordinal` counts.
        """
        signature = self.sign(text, paper=paper, day=day)
        if signature is None:
            return None
        copy = self.find(signature, key=key)
        self.settle(key, signature, copy)
        return copy

    def among(self, texts: Iterable[tuple[str, str]]) -> Iterator[tuple[str, Copy | None]]:
        """Answer (key, copy or None) for each (key, text), in order."""
        for key, text in texts:
            yield key, self.copy_of(key, text)

    def sign(self, text: str, *, paper: str | None = None, day: int | None = None) -> Signature | None:
        """Answer the signature of a text, None where nothing of it is left to compare. Changes nothing."""
        whole = normalise(text)
        if not whole:
            return None
        story = whole
        lines: tuple[int, ...] = ()
        if paper:
            furniture = self._paper(paper).furniture
            hashed = {_line_hash(line): line for line in text.split("\n") if line.strip()}
            lines = tuple(hashed)
            if not furniture.isdisjoint(lines):
                story = normalise("\n".join(line for hash_, line in hashed.items() if hash_ not in furniture))
        return _sign(whole, story, paper or None, day, lines)

    def find(self, signature: Signature, *, key: str | None = None, since: int | None = None) -> Copy | None:
        """Answer the first text that this is a copy of.

        Args:
            signature: of the text.
            key: its own, of which it is no copy.
            since: `last_id` of an earlier look that found nothing: only texts remembered later are looked at.
        """
        hashes = signature.hashes
        if since is not None and since >= self._gathered:
            candidates = self._newer(hashes, since)
        else:
            candidates = self._candidates(hashes)
        if not candidates:
            return None
        sketch = int.from_bytes(signature.sketch or b"")
        best: Copy | None = None
        for row in self._tables.texts(candidates):
            if row.key == key or not self._within(signature.day, row.day):
                continue
            same_paper = row.paper is not None and row.paper == signature.paper
            if row.digest == signature.digest:
                return Copy(row.key, 1.0, 1.0, same_paper)
            if best is None and row.sketch and signature.sketch:
                best = _compare(signature, sketch, row, same_paper)
        return best

    def settle(self, key: str, signature: Signature, copy: Copy | None) -> None:
        """Remember a text: as a first, or, where it is a `copy`, only what it tells about its paper."""
        # What a paper shares with another paper's article is the story; within one paper it may be furniture.
        if signature.paper and (copy is None or (copy.same_paper and copy.similarity < 1)):
            weight = _FIRST_WEIGHT if copy is None else _COPY_WEIGHT
            paper = self._paper(signature.paper)
            if paper.count(signature.lines, weight):
                self._tables.remember_lines(signature.paper, paper.packed())
        if copy is None:
            self._add(key, signature)

    def save(self) -> None:
        """Write what is counted of papers, but not yet written; a killed process forgets at most that."""
        for name, paper in self._papers.items():
            if paper.unsaved:
                self._tables.remember_lines(name, paper.packed())

    # looking up

    def _newer(self, hashes: NDArray[np.uint64], since: int) -> list[int]:
        """Ids of the recent texts after `since` that share a hash."""
        if since == self.last_id:
            return []
        recent = self._recent
        return list({id_ for hash_ in hashes.tolist() for id_ in recent.get(hash_, ()) if id_ > since})

    def _candidates(self, hashes: NDArray[np.uint64]) -> list[int]:
        """Ids of some texts that share a hash: those that share most, the first settled before others."""
        found: list[int] = []
        recent = self._recent
        for hash_ in hashes.tolist():
            found += recent.get(hash_, ())
        if self._is_merged:
            places = (hashes >> _FILTER_SHIFT).astype(np.intp)
            hashes = hashes[(self._absent[places >> 3] >> (places & 7).astype(np.uint8)) & 1 == 0]
        if self._waiting.size and hashes.size:
            low = hashes << _ID_BITS_
            starts = self._waiting.searchsorted(low)
            ends = self._waiting.searchsorted(low | _ID_MASK, "right")  # low + 1 << _ID_BITS may be beyond 64 bits
            sizes = np.minimum(ends - starts, _POSTINGS)
            total = int(sizes.sum())
            if total:
                at = np.repeat(starts - np.cumsum(sizes) + sizes, sizes) + np.arange(total)
                found += (self._waiting[at] & _ID_MASK).tolist()
        if self._is_merged and hashes.size:
            found += self._merged(hashes)
        limit = _CANDIDATES if self._window is None else _POSTINGS  # the firsts of other windows come first
        if len(found) <= limit:
            return list(set(found))
        ids, shared = np.unique(np.array(found), return_counts=True)
        most: list[int] = ids[np.argsort(-shared, kind="stable")[:limit]].tolist()
        return most

    def _merged(self, hashes: NDArray[np.uint64]) -> list[int]:
        """Ids in the tables. Of two hashes in one bucket, 1 time in 700, the second alone is looked for."""
        buckets = (hashes >> _REST_BITS_).tolist()
        rows = self._tables.entries(buckets)
        if not rows:
            return []
        wanted = dict(zip(buckets, (hashes & _REST_MASK).tolist(), strict=True))
        entries = np.frombuffer(b"".join([row[1] for row in rows]), _ENTRY)
        rests = np.repeat(
            np.array([wanted[row[0]] for row in rows], np.uint16), [len(row[1]) // _ENTRY.itemsize for row in rows]
        )
        ids: list[int] = entries["text"][entries["rest"] == rests].tolist()
        return ids

    def _within(self, day: int | None, first: int | None) -> bool:
        return self._window is None or day is None or first is None or abs(day - first) <= self._window

    # adding

    def _add(self, key: str, signature: Signature) -> None:
        self.last_id += 1
        id_ = self.last_id
        row = TextRow(
            id_,
            key,
            signature.digest,
            signature.shingles,
            signature.sketch,
            signature.numbers,
            signature.paper,
            signature.day,
        )
        self._tables.add(row, _padless(signature.hashes))
        for hash_ in signature.hashes.tolist():
            postings = self._recent.setdefault(hash_, [])
            if len(postings) < _POSTINGS:
                postings.append(id_)
        self._recent_texts += 1
        if self._recent_texts == _RECENT:
            self._gather()
            self._merge_slab()

    def _gather(self) -> None:
        """Move the recent texts into the sorted array: 8 bytes a hash instead of 100."""
        recent = np.fromiter((hash_ << _ID_BITS | id_ for hash_, ids in self._recent.items() for id_ in ids), np.uint64)
        self._waiting = np.sort(np.concatenate((self._waiting, recent)))
        if self._is_merged:
            self._note(recent)
        self._waiting_texts += self._recent_texts
        self._recent, self._recent_texts = {}, 0
        self._gathered = self.last_id

    def _merge_slab(self) -> None:
        """Merge some buckets into the tables, once enough texts wait: a step now and then keeps every settlement short.

        A process that is killed between two steps begins again with all that waits; what is merged already stays once.
        """
        if self._merge_upto == 0:
            if self._waiting_texts < _MERGE_AT:
                return
            self._merge_low, self._merge_upto = 0, self.last_id
        low, high = self._merge_low, self._merge_low + _SLAB
        waiting = self._waiting[self._waiting_in(low)]
        new = waiting[(waiting & _ID_MASK) <= self._merge_upto]
        if new.size:
            every = _merged_entries(self._tables.entries_between(low, high), new)
            self._tables.replace_entries(_bucket_rows(every))
            self._is_merged = True
            part = _filter_part(low)
            self._absent[part] = 0xFF
            self._note(every)
            self._note(waiting)
            self._tables.remember_absent(low, self._absent[part].tobytes())
        self._merge_low = high
        if high >= 1 << _BUCKET_BITS:
            self._tables.merged(self._merge_upto)
            self._waiting = self._waiting[(self._waiting & _ID_MASK) > self._merge_upto]
            self._waiting_texts = self.last_id - self._merge_upto
            self._merge_upto = 0

    def _waiting_in(self, low: int) -> slice:
        """Where the waiting entries of the slab are that begins with this bucket."""
        # To the last entry of the slab: the first of the next one is beyond 64 bits where there is none.
        first, last = low << _ENTRY_BITS, (low + _SLAB << _ENTRY_BITS) - 1
        start, end = self._waiting.searchsorted(np.uint64(first)), self._waiting.searchsorted(np.uint64(last), "right")
        return slice(int(start), int(end))

    def _note(self, entries: NDArray[np.uint64]) -> None:
        """The hashes of these entries are not absent."""
        places = entries >> _FILTER_ENTRY_SHIFT
        bits = np.left_shift(np.uint8(1), (places & np.uint64(7)).astype(np.uint8))
        np.bitwise_and.at(self._absent, (places >> np.uint64(3)).astype(np.intp), ~bits)

    # papers

    def _paper(self, name: str) -> _Paper:
        paper = self._papers.get(name)
        if paper is None:
            paper = self._papers[name] = _Paper(self._tables.lines_of(name))
            if len(self._papers) > _PAPERS:
                oldest, dropped = self._papers.popitem(last=False)
                if dropped.unsaved:
                    self._tables.remember_lines(oldest, dropped.packed())
        else:
            self._papers.move_to_end(name)
        return paper


class _Paper:
    """Lines of a paper with the weight of the articles they were in: what comes again and again is furniture."""

    def __init__(self, packed: bytes | None) -> None:
        numbers = np.frombuffer(packed or bytes(8), np.uint64).tolist()
        self._articles: int = numbers.pop()
        """Articles counted."""
        self._lines: OrderedDict[int, tuple[int, int]] = OrderedDict(
            (line, (weight, first)) for line, weight, first in zip(*[iter(numbers)] * 3, strict=True)
        )
        """Weight of each line, and the article that it was first seen in."""
        self.furniture = {line for line in self._lines if self._is_furniture(line)}
        self.unsaved = 0

    def count(self, lines: Sequence[int], weight: int) -> bool:
        """Count the lines of one article; whether this is worth saving now."""
        before = len(self.furniture)
        self._articles += 1
        for line in lines:
            total, first = self._lines.pop(line, (0, self._articles))
            self._lines[line] = total + weight, first
            if self._is_furniture(line):
                self.furniture.add(line)
            else:
                self.furniture.discard(line)
        learnt = len(self.furniture) > before
        while len(self._lines) > _LINES:
            self.furniture.discard(self._lines.popitem(last=False)[0])
        self.unsaved += 1
        return learnt or self.unsaved >= _SAVE_AT

    def packed(self) -> bytes:
        """The lines as bytes, the longest unseen first."""
        self.unsaved = 0
        numbers = [number for line, (weight, first) in self._lines.items() for number in (line, weight, first)]
        return np.array([*numbers, self._articles], np.uint64).tobytes()

    def _is_furniture(self, line: int) -> bool:
        weight, first = self._lines[line]
        return weight >= _LEARNT and weight >= (self._articles - first + 1) * _FIRST_WEIGHT / _ONE_IN


_HASH_BYTES: Final = 5
_FILTER_BITS_LEFT: Final = 8
_FILTER_BYTES: Final = 1 << (_HASH_BITS - _FILTER_BITS_LEFT - 3)
"""8 MB: at a million texts two of three lookups end there; where it fills up, the tables are asked as often as without."""
_FILTER_SHIFT: Final = np.uint64(_FILTER_BITS_LEFT)
_FILTER_ENTRY_SHIFT: Final = np.uint64(_FILTER_BITS_LEFT + _ID_BITS)
_ENTRY_BITS: Final = _REST_BITS + _ID_BITS
_ID_BITS_: Final = np.uint64(_ID_BITS)
_REST_BITS_: Final = np.uint64(_REST_BITS)
_ID_MASK: Final = np.uint64((1 << _ID_BITS) - 1)
_REST_MASK: Final = np.uint64((1 << _REST_BITS) - 1)


def _sign(whole: str, story: str, paper: str | None, day: int | None, lines: tuple[int, ...]) -> Signature:
    """Signature of a normalised text, and of the part of it that is no furniture."""
    digest = blake2b(whole.encode(), digest_size=16).digest()
    exact = int.from_bytes(digest[:8]) >> (64 - _HASH_BITS)
    words = story.encode().split()
    if len(words) < MIN_WORDS:
        return Signature(digest, np.array([exact], np.uint64), 0, None, None, paper, day, lines)
    shingles = _shingles(words)
    hashes = np.empty(_HASHES, np.uint64)
    hashes[0] = exact
    hashes[1:] = _bands(shingles)
    numbers = (
        " ".join(sorted({word.decode() for word in words if word.isdigit()})) if len(words) < BRIEF_WORDS else None
    )
    bits = np.zeros(SKETCH_BITS, np.uint8)
    bits[(shingles & np.uint64(SKETCH_BITS - 1)).astype(np.intp)] = 1
    return Signature(digest, hashes, len(shingles), np.packbits(bits).tobytes(), numbers, paper, day, lines)


def _shingles(words: list[bytes]) -> NDArray[np.uint64]:
    """Hashes of the pairs of neighbouring words, in order; shape (words - 1,)."""
    hashed = np.fromiter(map(_xxh, words), np.uint64, len(words))
    pairs = hashed[:-1] * _WORD_1 + hashed[1:] * _WORD_2
    pairs ^= pairs >> _HALF
    pairs *= _MIX
    pairs ^= pairs >> _HALF
    return pairs


def _bands(shingles: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Band hashes of the whole text and of its beginning; shape (BANDS + LEAD_BANDS,), `_HASH_BITS` bits each."""
    high = (shingles >> _HALF).astype(np.uint32)
    whole = BANDS * ROWS
    least = (_FACTORS[:whole] * high + _OFFSETS[:whole]).min(axis=1).astype(np.uint64)
    lead = (_FACTORS[whole:] * high[:LEAD_SHINGLES] + _OFFSETS[whole:]).min(axis=1).astype(np.uint64)
    mixed = np.concatenate(
        (least.reshape(-1, ROWS) @ _ROW_FACTORS[:ROWS], lead.reshape(-1, LEAD_ROWS) @ _ROW_FACTORS[:LEAD_ROWS])
    )
    mixed ^= _BAND_SEEDS
    mixed ^= mixed >> _HALF
    mixed *= _MIX
    hashes: NDArray[np.uint64] = mixed >> np.uint64(64 - _HASH_BITS)
    return hashes


def _compare(signature: Signature, sketch: int, row: TextRow, same_paper: bool) -> Copy | None:
    """Whether two texts that share a band are copies."""
    other = int.from_bytes(row.sketch or b"")
    mine, theirs = _SIZES[sketch.bit_count()], _SIZES[other.bit_count()]
    union = _SIZES[(sketch | other).bit_count()]
    shared, shorter = mine + theirs - union, min(mine, theirs)
    jaccard, containment = shared / union, shared / shorter
    least_jaccard = SAME_PAPER_JACCARD if same_paper else MIN_JACCARD
    least_containment = SAME_PAPER_CONTAINMENT if same_paper else MIN_CONTAINMENT
    contained = containment >= least_containment and jaccard * LONGEST_RATIO >= least_containment
    if not (jaccard >= least_jaccard or contained) or _are_two_briefs(signature.numbers, row.numbers):
        return None
    return Copy(row.key, round(min(jaccard, 0.999), 3), round(min(containment, 1.0), 3), same_paper)


def _are_two_briefs(numbers: str | None, others: str | None) -> bool:
    """Whether each of two short texts has a number that the other lacks."""
    if not numbers or not others or numbers == others:
        return False
    mine, theirs = set(numbers.split()), set(others.split())
    return not (mine <= theirs or theirs <= mine)


def _filter_part(low: int) -> slice:
    """Where the bits of the slab are that begins with this bucket."""
    size = _FILTER_BYTES * _SLAB >> _BUCKET_BITS
    return slice(low // _SLAB * size, (low // _SLAB + 1) * size)


def _line_hash(line: str) -> int:
    return _xxh(line.strip().encode("utf-8", "replace"))


def _padless(hashes: NDArray[np.uint64]) -> bytes:
    """Five bytes for each hash."""
    return hashes.astype("<u8").view(np.uint8).reshape(-1, 8)[:, :_HASH_BYTES].tobytes()


def _unpadded(data: bytes | bytearray) -> NDArray[np.uint64]:
    padded = np.zeros((len(data) // _HASH_BYTES, 8), np.uint8)
    padded[:, :_HASH_BYTES] = np.frombuffer(data, np.uint8).reshape(-1, _HASH_BYTES)
    return padded.view("<u8").reshape(-1).astype(np.uint64, copy=False)


def _merged_entries(old: list[tuple[int, bytes]], new: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Entries of these buckets with the new ones, sorted; the first `_POSTINGS` texts of a hash stay."""
    entries = np.frombuffer(b"".join([row[1] for row in old]), _ENTRY)
    owners = np.repeat(np.array([row[0] for row in old], np.uint64), [len(row[1]) // _ENTRY.itemsize for row in old])
    before = ((owners << _REST_BITS_ | entries["rest"]) << _ID_BITS_) | entries["text"]
    every = np.insert(before, before.searchsorted(new), new)
    every = every[np.concatenate(([True], every[1:] != every[:-1]))]
    hashes = every >> _ID_BITS_
    over = np.zeros(len(every), bool)
    over[_POSTINGS:] = hashes[_POSTINGS:] == hashes[:-_POSTINGS]
    kept: NDArray[np.uint64] = every[~over]
    return kept


def _bucket_rows(every: NDArray[np.uint64]) -> Iterator[tuple[int, bytes]]:
    """(bucket, entries) of sorted entries."""
    hashes = every >> _ID_BITS_
    packed = np.empty(len(every), _ENTRY)
    packed["rest"] = hashes & _REST_MASK
    packed["text"] = every & _ID_MASK
    owners = hashes >> _REST_BITS_
    starts = np.flatnonzero(np.concatenate(([True], owners[1:] != owners[:-1])))
    ends = np.append(starts[1:], len(every)) * _ENTRY.itemsize
    data = packed.tobytes()
    size = _ENTRY.itemsize
    for bucket, start, end in zip(owners[starts].tolist(), starts.tolist(), ends.tolist(), strict=True):
        yield bucket, data[start * size : end]
