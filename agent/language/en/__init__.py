"""English: all words that the agent says and understands.

The names below are what `agent.language.language.Language` asks for.
"""

from agent.language.en.airlines import airline as airline
from agent.language.en.answer_lines import answer_line as answer_line
from agent.language.en.completeness import completeness as completeness
from agent.language.en.cues import acts_of as acts_of
from agent.language.en.cues import names_country as names_country
from agent.language.en.cues import opens_with as opens_with
from agent.language.en.cues import plain_words as plain_words
from agent.language.en.cues import speaks_of as speaks_of
from agent.language.en.cues import topic_out_of_scope as topic_out_of_scope
from agent.language.en.cues import without_opening as without_opening
from agent.language.en.ordinary_words import is_ordinary as is_ordinary
from agent.language.en.phrases import phrase as phrase
from agent.language.en.phrases import phrases as phrases
from agent.language.en.place_roles import place_roles as place_roles
from agent.language.en.place_roles import unknown_places as unknown_places
from agent.language.en.place_roles import with_routes_in_words as with_routes_in_words
from agent.language.en.questions import asked_by as asked_by
from agent.language.en.reading import read as read
from agent.language.en.relevance import foreign_words as foreign_words
from agent.language.en.relevance import loose_act as loose_act
from agent.language.en.repairs import with_repaired_numbers as with_repaired_numbers
from agent.language.en.requests import request_boundaries as request_boundaries
from agent.language.en.spoken_forms import clock as clock
from agent.language.en.spoken_forms import counted as counted
from agent.language.en.spoken_forms import day as day
from agent.language.en.spoken_forms import flight as flight
from agent.language.en.spoken_forms import full_date as full_date
from agent.language.en.spoken_forms import number as number
from agent.language.en.spoken_forms import place_name as place_name
from agent.language.en.spoken_forms import price as price
from agent.language.en.spoken_forms import spelled as spelled
from agent.language.en.spoken_forms import weekday as weekday
from agent.language.en.spoken_forms import weekday_date as weekday_date
from agent.language.en.spoken_forms import with_article as with_article
from agent.language.en.status_wording import route_line as route_line
from agent.language.en.status_wording import status_sentences as status_sentences
from agent.language.en.wording import details as details
from agent.language.en.wording import option as option
from agent.language.en.wording import wishes_words as wishes_words
