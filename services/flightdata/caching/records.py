"""Entries on a shelf, by question: good answers in one place, failures and empty ones in another."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace

from services.flightdata.caching.entries import Entry, FailedEntry, told_again
from services.flightdata.caching.freshness import EMPTY_FOR, FAILED_FOR, Freshness, Kind
from services.flightdata.caching.packing import NotReadable, Packer
from services.flightdata.shared.shelf import Shelf

MOST_DECODED = 512
"""Answers that are held ready beside their bytes."""
_EMPTY, _FAILED = b"e", b"f"


class Records:
    """Reads and writes what is kept of questions. A name is a digest: it says nothing of who asked, or with which key."""

    def __init__(self, shelf: Shelf, freshness: Freshness) -> None:
        self._shelf, self._freshness = shelf, freshness
        self._failures = Packer(FailedEntry)
        self._packers: dict[type[Entry], Packer] = {}
        self._decoded: OrderedDict[str, tuple[bytes, Entry]] = OrderedDict()

    async def good(self, name: str, shape: type[Entry]) -> Entry | None:
        """The good answer that is kept, with records that say they come from a cache."""
        packed = await self._shelf.get(f"answer:{name}")
        if packed is None:
            return None
        known = self._decoded.get(name)
        if known and known[0] == packed:
            self._decoded.move_to_end(name)
            return known[1]
        entry = self._entry(packed, shape)
        if entry:
            self._decoded[name] = (packed, entry)
            while len(self._decoded) > MOST_DECODED:
                self._decoded.popitem(last=False)
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
