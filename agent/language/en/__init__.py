"""English: all words that the agent says and understands.

The names below are what `agent.language.language.Language` asks for.
"""

from agent.language.en.airlines import airline
from agent.language.en.answer_lines import answer_line
from agent.language.en.completeness import completeness
from agent.language.en.cues import (
    acts_of,
    names_country,
    opens_with,
    plain_words,
    speaks_of,
    topic_out_of_scope,
    without_opening,
)
from agent.language.en.phrases import phrase, phrases
from agent.language.en.place_roles import place_roles, unknown_places, with_routes_in_words
from agent.language.en.reading import read
from agent.language.en.spoken_forms import (
    clock,
    counted,
    day,
    flight,
    full_date,
    number,
    place_name,
    price,
    spelled,
    weekday,
    weekday_date,
    with_article,
)
from agent.language.en.status_wording import route_line, status_sentences
from agent.language.en.wording import change_words, details, option, wishes_words

__all__ = [
    "acts_of",
    "airline",
    "answer_line",
    "change_words",
    "clock",
    "completeness",
    "counted",
    "day",
    "details",
    "flight",
    "full_date",
    "names_country",
    "number",
    "opens_with",
    "option",
    "phrase",
    "phrases",
    "place_name",
    "place_roles",
    "plain_words",
    "price",
    "read",
    "route_line",
    "speaks_of",
    "spelled",
    "status_sentences",
    "topic_out_of_scope",
    "unknown_places",
    "weekday",
    "weekday_date",
    "wishes_words",
    "with_article",
    "with_routes_in_words",
    "without_opening",
]
