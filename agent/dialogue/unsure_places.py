"""Places of which the recogniser is unsure: the agent asks which of the names it may have heard is meant."""

from __future__ import annotations

from collections.abc import Sequence

from readback.flightdata.v1 import places_pb2

from agent.dialogue.places import PlaceAnnotator
from agent.language import Language
from agent.language.hearing import HeardPlace


async def with_alternatives(
    found: Sequence[places_pb2.PlaceAnnotation],
    heard: Sequence[HeardPlace],
    annotator: PlaceAnnotator,
    language: Language,
    home_country: str,
) -> Sequence[places_pb2.PlaceAnnotation]:
    """Return the annotations; each place of which the recogniser is unsure gets the other names it heard.

    Raises:
        ToolUnavailable: the annotator can't look up places.
    """
    doubts = [place for place in heard if not place.sure]
    changed = []
    for annotation in found:
        doubt = next((one for one in doubts if one.name.casefold() in annotation.text.casefold()), None)
        if doubt is not None:
            others = [
                await annotator.annotate(name, home_country=home_country) for name in doubt.alternatives
            ]
            annotation = _doubted(annotation, [one[0].candidates[0] for one in others if one], language)
        changed.append(annotation)
    return changed


def _doubted(
    annotation: places_pb2.PlaceAnnotation, others: Sequence[places_pb2.PlaceCandidate], language: Language
) -> places_pb2.PlaceAnnotation:
    first, *rest = annotation.candidates
    others = [other for other in others if other.place.code != first.place.code]
    question = "confirm_either_place" if others else "confirm_place"
    names = [language.place_name(one.place.city, one.place.country) for one in (first, *others[:1])]
    doubted = places_pb2.PlaceAnnotation()
    doubted.CopyFrom(annotation)
    del doubted.candidates[:]
    doubted.candidates.extend([first, *others, *rest])
    doubted.confident = False
    doubted.question = language.phrase(question, **dict(zip(("place", "other"), names, strict=False)))
    return doubted
