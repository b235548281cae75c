"""Flight numbers of the sample timetable. Each number stands for one carrier, route and slot.

Every service has a block of its carrier's numbers: for each slot an odd number for one direction and an even
number for the other. The seed determines the order of the blocks. Pinned flights have fixed numbers.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from services.flightdata.sample import number as drawn
from services.flightdata.sample import tables
from services.flightdata.sample.network import Service
from services.flightdata.sample.tables import Pin

FIRST, LAST = 101, 9999


@dataclass(frozen=True, slots=True)
class Block:
    """The flight numbers `first` … `first + 2 * slots - 1`.

    `first` is odd. Odd numbers fly from `outbound[0]` to `outbound[1]`, even numbers back.
    """

    first: int
    outbound: tuple[str, str]
    service: Service

    @property
    def end(self) -> int:
        """The number after the last number of the block."""
        return self.first + 2 * self.service.slots


@dataclass(frozen=True, slots=True)
class Designator:
    """A flight number with its route and slot."""

    carrier: str
    number: int
    origin: str
    destination: str
    slot: int

    @property
    def flight(self) -> str:
        """Carrier code and number without a space."""
        return f"{self.carrier}{self.number}"


class Numbering:
    """Lookup of the service of a flight number, and of the flight numbers of a service."""

    def __init__(self, services: Iterable[Service], seed: str) -> None:
        by_carrier: dict[str, list[Service]] = defaultdict(list)
        for service in services:
            by_carrier[service.carrier].append(service)
        self._blocks = {carrier: _blocks(carrier, held, seed) for carrier, held in by_carrier.items()}
        self._of = {block.service: block for blocks in self._blocks.values() for block in blocks}

    def designator(self, carrier: str, number: int) -> Designator | None:
        """Return the designator of a carrier's number, or None if the number is unused."""
        blocks = self._blocks.get(carrier, [])
        place = bisect_right(blocks, number, key=lambda block: block.first) - 1
        block = blocks[place] if place >= 0 else None
        if block is None or number >= block.end:
            return None
        back = (number - block.first) % 2
        origin, destination = reversed(block.outbound) if back else block.outbound
        return Designator(carrier, number, origin, destination, (number - block.first) // 2)

    def designators(self, service: Service, origin: str) -> list[Designator]:
        """Return the designators of a service's flights from `origin`, sorted by slot."""
        block = self._of[service]
        back = int(block.outbound[0] != origin)
        destination = block.outbound[1 - back]
        return [
            Designator(service.carrier, block.first + 2 * slot + back, origin, destination, slot)
            for slot in range(service.slots)
        ]


def _blocks(carrier: str, services: list[Service], seed: str) -> list[Block]:
    pinned = [_pinned(pin, services) for pin in tables.pins() if pin.carrier == carrier]
    taken = {block.service for block in pinned}
    blocks, following = [], FIRST
    for service in sorted(
        (s for s in services if s not in taken), key=lambda s: drawn(seed, "block", carrier, *s.pair)
    ):
        while clash := next(
            (p for p in pinned if p.first < following + 2 * service.slots and following < p.end), None
        ):
            following = clash.end
        outbound = (
            service.pair
            if drawn(seed, "outbound", carrier, *service.pair) % 2
            else (service.pair[1], service.pair[0])
        )
        blocks.append(Block(following, outbound, service))
        following = blocks[-1].end
    if following > LAST:
        raise ValueError(f"{carrier} has more flights than numbers; remove routes or lower its size")
    return sorted([*blocks, *pinned], key=lambda block: block.first)


def _pinned(pin: Pin, services: list[Service]) -> Block:
    service = next(s for s in services if set(s.pair) == {pin.origin, pin.destination})
    odd = pin.number % 2 == 1
    outbound = (pin.origin, pin.destination) if odd else (pin.destination, pin.origin)
    return Block(pin.number if odd else pin.number - 1, outbound, service)
