"""Results of a search name each other by their ids: what hangs on something that was left out of an answer goes with it."""

from __future__ import annotations

from typing import Any

RESULTS = "results"
"""The field of a search's answer that holds the lists."""
ITINERARIES, JOURNEYS, OFFERS = "itineraries", "journeys", "offers"


def drop_hanging(results: dict[str, Any]) -> dict[str, int]:
    """Drops itineraries that no journey names any more, then offers on itineraries that aren't there; how many of which it were."""
    before = {name: len(results.get(name, ())) for name in (ITINERARIES, OFFERS)}
    if journeys := results.get(JOURNEYS):
        named = {name for journey in journeys for name in journey["itinerary_ids"]}
        results[ITINERARIES] = [
            itinerary for itinerary in results[ITINERARIES] if itinerary["itinerary_id"] in named
        ]
    if results.get(OFFERS):
        held = {itinerary["itinerary_id"] for itinerary in results[ITINERARIES]}
        results[OFFERS] = [offer for offer in results[OFFERS] if _sells(offer) <= held]
    return {name: gone for name, count in before.items() if (gone := count - len(results.get(name, ())))}


def _sells(offer: dict[str, Any]) -> set[str]:
    """Ids of the itineraries that are sold."""
    return {offer["itinerary_id"], offer.get("return_itinerary_id", offer["itinerary_id"])}
