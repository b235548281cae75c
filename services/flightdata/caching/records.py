"""Entries on a shelf, by question: good answers in one place, failures and empty ones in another."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace

from services.flightdata.caching.entries import Entry, FailedEntry, told_again
from services.flightdata.caching.freshness import EMPTY_FOR, FAILED_FOR, Freshness, Kind
from services.flightdata.caching.packing import NotReadable, Packer
from services.flightdata.caching.store import Shelf

MOST_DECODED, MOST_DECODED_BYTES = 512, 2 * 1024 * 1024
"""Answers that are held ready, and the packed bytes of all of them: as objects they take some thirty times as much."""
_EMPTY, _FAILED = b"e", b"f"


class _Decoded:
    """Answers as objects beside the bytes they were read from; beyond their bounds those not asked for the longest go."""

    def __init__(self) -> None:
        self._held: OrderedDict[str, tuple[bytes, Entry]] = OrderedDict()
        self._bytes = 0

    def of(self, name: str, packed: bytes) -> Entry | None:
        """What these bytes were read as; None when others were, or none."""
        held, entry = self._held.get(name, (b"", None))
        if entry is None or held != packed:
            return None
        self._held.move_to_end(name)
        return entry

    def hold(self, name: str, packed: bytes, entry: Entry) -> None:
        """Holds an answer ready, in the place of an earlier one."""
        self.drop(name)
        self._held[name] = (packed, entry)
        self._bytes += len(packed)
        while len(self._held) > MOST_DECODED or self._bytes > MOST_DECODED_BYTES:
            self.drop(next(iter(self._held)))

    def drop(self, name: str) -> None:
        """Forgets an answer, if it is held."""
        held, _ = self._held.pop(name, (b"", None))
        self._bytes -= len(held)


class Records:
    """Reads and writes what is kept of questions. A name is a digest: it says nothing of who asked, or with which key."""

    def __init__(self, shelf: Shelf, freshness: Freshness) -> None:
        self._shelf, self._freshness = shelf, freshness
        self._failures = Packer(FailedEntry)
        self._packers: dict[type[Entry], Packer] = {}
        self._decoded = _Decoded()

    async def good(self, name: str, shape: type[Entry]) -> Entry | None:
        """The good answer that is kept, with records that say they come from a cache."""
        packed = await self._shelf.get(f"answer:{name}")
        if packed is None:
            self._decoded.drop(name)
            return None
        if known := self._decoded.of(name, packed):
            return known
        entry = self._entry(packed, shape)
        if entry:
            self._decoded.hold(name, packed, entry)
        return entry

    async def none(self, name: str, shape: type[Entry]) -> Entry | FailedEntry | None:
        """An empty answer or a failure of a moment ago."""
        packed = await self._shelf.get(f"none:{name}")
        if packed is None:
            return None
        if packed[:1] == _EMPTY:
            return self._entry(packed[1:], shape)
        try:
            failed: FailedEntry = self._failures.unpack(packed[1:])
        except NotReadable:
            return None
        return failed

    async def keep(self, name: str, kind: Kind, entry: Entry, *, empty: bool) -> None:
        """Keeps an answer; an empty one never takes the place of a good one."""
        packed = self._packer(type(entry)).pack(entry)
        if empty:
            await self._shelf.put(f"none:{name}", _EMPTY + packed, EMPTY_FOR)
        else:
            await self._shelf.put(f"answer:{name}", packed, self._freshness.kept_for(kind))

    async def keep_failure(self, name: str, failure: FailedEntry) -> None:
        """Keeps a failure for a moment."""
        await self._shelf.put(f"none:{name}", _FAILED + self._failures.pack(failure), FAILED_FOR)

    def _entry(self, packed: bytes, shape: type[Entry]) -> Entry | None:
        try:
            entry: Entry = self._packer(shape).unpack(packed)
        except NotReadable:
            return None
        return replace(entry, value=told_again(entry.value))

    def _packer(self, shape: type[Entry]) -> Packer:
        if shape not in self._packers:
            self._packers[shape] = Packer(shape)
        return self._packers[shape]
