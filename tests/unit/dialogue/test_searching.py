"""Search by voice: missing parts are asked for one by one, then corrected, refined and read out."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING

import pytest
from readback.conversation.v1 import entry_pb2
from readback.flightdata.v1 import places_pb2

from agent.dialogue.restoring import restored_state
from agent.dialogue.turn import Speech, ToolFinished, ToolStarted
from agent.language.days import CalendarDay
from agent.language.flight_times import day_of
from agent.language.meanings import Expectation
from tests.flight_searches import search_request

if TYPE_CHECKING:
    from tests.unit.dialogue.doubles import Conversation, Timetable

pytestmark = pytest.mark.unit


async def test_complete_request_is_answered_without_a_question(
    conversation: Conversation, timetable: Timetable
) -> None:
    answer = await conversation.say("show flights from Chennai to Delhi tomorrow morning")
    assert answer.startswith(
        "There are two flights from Chennai to Delhi tomorrow, Tuesday the twenty-fourth, in the morning."
    )
    assert "The first leaves at six fifteen with Air India, for five thousand two hundred rupees." in answer
    assert "The second is at nine thirty with IndiGo, for four thousand eight hundred rupees." in answer
    (request,) = timetable.searches
    assert (request.origin, request.destination, request.departure_date) == ("MAA", "DEL", date(2026, 11, 24))
    assert (request.departure_time_from, request.departure_time_before) == (time(5), time(12))


async def test_events_come_in_order_tool_first_then_speech(conversation: Conversation) -> None:
    await conversation.say("flights from Chennai to Delhi tomorrow")
    kinds = [type(event) for event in conversation.events]
    assert kinds[:2] == [ToolStarted, ToolFinished]
    assert set(kinds[2:]) == {Speech}
    started, finished = conversation.tool, conversation.finished
    assert started
    assert finished
    assert started.tool_call_id == finished.tool_call_id
    airport = places_pb2.PLACE_KIND_AIRPORT
    assert started.search_flights == search_request(
        "MAA", "DEL", date(2026, 11, 24), origin_kind=airport, destination_kind=airport
    )
    assert [place.city for place in started.places] == ["Chennai", "Delhi"]
    assert finished.outcome == entry_pb2.TOOL_OUTCOME_FOUND
    assert len(finished.search_flights.results.itineraries) == 5


async def test_what_is_missing_is_asked_for_one_thing_at_a_time(conversation: Conversation) -> None:
    assert await conversation.say("I want to book a flight") == "Where are you flying from?"
    assert conversation.dialogue.expectation() is Expectation.PLACE
    assert await conversation.say("Chennai") == "Where would you like to fly to from Chennai?"
    assert await conversation.say("Delhi") == "Which day would you like to fly?"
    assert conversation.dialogue.expectation() is Expectation.DATE
    assert (await conversation.say("on Friday")).startswith(
        "There are five flights from Chennai to Delhi on Friday the twenty-seventh of November."
    )


async def test_answers_may_bring_more_than_was_asked(
    conversation: Conversation, timetable: Timetable
) -> None:
    await conversation.say("I want to go to Goa")
    await conversation.say("from Pune on Sunday evening for two")
    (request,) = timetable.searches
    assert (request.origin, request.destination, request.adults) == ("PNQ", "GOI", 2)
    assert request.departure_time_from == time(17)


async def test_no_more_than_three_are_read_and_more_on_request(conversation: Conversation) -> None:
    answer = await conversation.say("Chennai to Delhi tomorrow")
    assert "The third" in answer
    assert "The fourth" not in answer
    assert answer.endswith("Which one would you like to hear more about?")
    answer = await conversation.say("any other options")
    assert answer.startswith("Here are more. The fourth is at six forty five in the evening")
    assert (await conversation.say("more")).startswith("Those were all of them.")


async def test_partial_answer_is_not_presented_as_complete(
    conversation: Conversation, timetable: Timetable
) -> None:
    assert "part of the flights" not in await conversation.say("Chennai to Delhi tomorrow")
    timetable.partial = True
    assert "there may be others" in await conversation.say("what about Friday")
    timetable.empty_routes = {"DEL"}
    assert "there may be others" in await conversation.say("what about Saturday")


async def test_sample_flights_are_mentioned_once_per_call(conversation: Conversation) -> None:
    assert "sample" in await conversation.say("Chennai to Delhi tomorrow")
    assert "sample" not in await conversation.say("what about Friday")
    assert "sample" not in await conversation.say("is AI 542 on time")


async def test_no_codes_are_spoken(conversation: Conversation) -> None:
    answer = await conversation.say("Chennai to Delhi tomorrow")
    assert not {"MAA", "DEL", "AI", "6E", "INR"} & set(answer.replace(".", " ").split())
    answer = await conversation.say("the first one")
    assert "Air India five four two" in answer
    assert "542" not in answer


@pytest.mark.parametrize(
    ("words", "field", "value"),
    [
        ("no, Mumbai", "destination", "BOM"),
        ("actually from Pune", "origin", "PNQ"),
        ("not Delhi, Lucknow", "destination", "LKO"),
        ("not Chennai, Madurai", "origin", "IXM"),
        ("sorry, I meant Thursday", "departure_date", date(2026, 11, 26)),
        ("what about the evening", "departure_time_from", time(17)),
        ("next day", "departure_date", date(2026, 11, 25)),
        ("nonstop only", "max_stops", 0),
        ("Only with one stop.", "max_stops", 1),
        ("two stops at most", "max_stops", 2),
        ("cheaper", "sort", "cheapest"),
        ("only Indigo", "carrier_codes", ("6E",)),
        ("in business class", "cabin", "business"),
        ("make it three passengers", "adults", 3),
        ("me and my wife", "adults", 2),
    ],
)
async def test_change_to_a_search_changes_that_and_nothing_else(
    conversation: Conversation, timetable: Timetable, words: str, field: str, value: object
) -> None:
    await conversation.say("flights from Chennai to Delhi tomorrow")
    await conversation.say(words)
    before, after = timetable.searches
    assert getattr(after, field) == value
    others = {
        "origin",
        "destination",
        "departure_date",
        "max_stops",
        "sort",
        "carrier_codes",
        "cabin",
        "adults",
    } - {field}
    assert {name: getattr(before, name) for name in others} == {name: getattr(after, name) for name in others}


async def test_correction_during_a_question_is_taken(conversation: Conversation) -> None:
    await conversation.say("flights from Chennai to Delhi")
    assert await conversation.say("no, Mumbai") == "Which day would you like to fly?"
    assert "from Chennai to Mumbai tomorrow" in await conversation.say("tomorrow")


async def test_self_repair_within_a_sentence_is_understood(
    conversation: Conversation, timetable: Timetable
) -> None:
    await conversation.say("from Chennai to Delhi no Mumbai tomorrow sorry Friday")
    (request,) = timetable.searches
    assert (request.destination, request.departure_date) == ("BOM", date(2026, 11, 27))


async def test_new_place_alone_keeps_the_rest_of_the_journey(
    conversation: Conversation, timetable: Timetable
) -> None:
    await conversation.say("flights from Chennai to Delhi tomorrow")
    await conversation.say("show me flights to Goa")
    assert (timetable.searches[1].origin, timetable.searches[1].destination) == ("MAA", "GOI")
    assert timetable.searches[1].departure_date == date(2026, 11, 24)


async def test_new_journey_starts_afresh(conversation: Conversation) -> None:
    await conversation.say("nonstop flights from Chennai to Delhi tomorrow morning for two")
    assert await conversation.say("now flights from Pune to Goa") == "Which day would you like to fly?"
    assert (await conversation.say("Friday")).startswith(
        "There are five flights from Pune to Goa on Friday the twenty-seventh of November."
    )


async def test_there_and_back_is_one_search(conversation: Conversation, timetable: Timetable) -> None:
    answer = await conversation.say("Delhi to Mumbai on Friday returning on Monday")
    (request,) = timetable.searches
    assert (request.departure_date, request.return_date) == (date(2026, 11, 27), date(2026, 11, 30))
    friday, monday = "on Friday the twenty-seventh of November", "on Monday the thirtieth of November"
    assert answer.startswith(f"There are twenty-five ways from Delhi to Mumbai {friday} and back {monday}.")
    assert "and back at nine thirty in the morning with IndiGo, for ten thousand rupees in all" in answer
    assert answer.endswith("Which one would you like to hear more about?")


async def test_a_journey_there_and_back_is_read_out_with_both_flights(conversation: Conversation) -> None:
    await conversation.say("Delhi to Mumbai on Friday returning on Monday")
    answer = await conversation.say("the second one")
    assert "Air India five four two leaves Delhi at six fifteen in the morning" in answer
    assert (
        "On the way back on Monday the thirtieth of November, IndiGo two three four leaves Mumbai" in answer
    )
    assert "There and back it costs ten thousand rupees." in answer


async def test_another_day_back_is_another_search_of_both(
    conversation: Conversation, timetable: Timetable
) -> None:
    await conversation.say("Delhi to Mumbai on Friday returning on Monday")
    await conversation.say("no, returning on Tuesday")
    assert (timetable.searches[1].departure_date, timetable.searches[1].return_date) == (
        date(2026, 11, 27),
        date(2026, 12, 1),
    )


async def test_no_journey_there_and_back_is_reported_with_both_days(
    conversation: Conversation, timetable: Timetable
) -> None:
    timetable.empty_routes.add("BOM")
    answer = await conversation.say("Delhi to Mumbai on Friday returning on Monday")
    assert "with a way back on Monday the thirtieth of November. Which other day shall I try?" in answer


async def test_a_way_back_before_the_way_there_is_asked_about(
    conversation: Conversation, timetable: Timetable
) -> None:
    await conversation.say("Delhi to Mumbai on Friday returning on Monday")
    answer = await conversation.say("what about the fifth of December")
    assert answer == (
        "You'd come back before you leave, on Saturday the fifth of December. "
        "Which day would you like to come back?"
    )
    await conversation.say("the ninth")
    assert (timetable.searches[1].departure_date, timetable.searches[1].return_date) == (
        date(2026, 12, 5),
        date(2026, 12, 9),
    )


@pytest.mark.parametrize("refusal", ["no", "no return", "just one way"])
async def test_a_return_that_was_asked_about_can_be_dropped(
    conversation: Conversation, timetable: Timetable, refusal: str
) -> None:
    answer = await conversation.say("Delhi to Mumbai tomorrow, returning on the 31st of November")
    assert answer == "That day isn't in the calendar. Which day would you like to come back?"
    await conversation.say(refusal)
    assert (timetable.searches[0].departure_date, timetable.searches[0].return_date) == (
        date(2026, 11, 24),
        None,
    )


async def test_a_time_of_the_way_back_is_searched_on_the_way_back(
    conversation: Conversation,
) -> None:
    answer = await conversation.say("Delhi to Mumbai on Friday morning, returning on Sunday after six")
    there, back = conversation.searched.legs
    assert (there.departure_time_from.hours, there.departure_time_before.hours) == (5, 12)
    assert back.departure_time_from.hours == 18
    assert not back.HasField("departure_time_before")
    assert "coming back after six in the evening" in answer
    await conversation.say("come back in the morning instead")
    there, back = conversation.searched.legs
    assert (
        there.departure_time_from.hours,
        back.departure_time_from.hours,
        back.departure_time_before.hours,
    ) == (5, 5, 12)


async def test_a_stay_counts_from_the_departure_that_is_told_later(
    conversation: Conversation, timetable: Timetable
) -> None:
    await conversation.say("Delhi to Mumbai for a week")
    await conversation.say("on Friday")
    assert (timetable.searches[0].departure_date, timetable.searches[0].return_date) == (
        date(2026, 11, 27),
        date(2026, 12, 4),
    )


async def test_a_day_that_is_over_is_asked_about(conversation: Conversation, timetable: Timetable) -> None:
    answer = await conversation.say("Delhi to Mumbai on the 5th of this month")
    assert answer.startswith("That day is already over; today is Monday the twenty-third of November.")
    assert not timetable.searches


async def test_a_day_in_another_year_is_told_with_its_year(conversation: Conversation) -> None:
    answer = await conversation.say("Delhi to Mumbai on the first Friday of January")
    assert "on Friday the first of January, twenty twenty-seven" in answer


async def test_a_journey_there_and_back_is_remembered_in_the_next_call(conversation: Conversation) -> None:
    await conversation.say("Delhi to Mumbai on Friday returning on Monday")
    (done,) = [event for event in conversation.events if isinstance(event, ToolFinished)]
    (begun,) = [event for event in conversation.events if isinstance(event, ToolStarted)]
    state = restored_state([(begun.call, done.result)])
    assert state.flight_list
    assert day_of(state.flight_list.request.legs[1].departure_date) == date(2026, 11, 30)
    assert state.draft.back == CalendarDay.of(date(2026, 11, 30))
    assert all(flight.back for flight in state.flight_list.flights)


async def test_way_back_without_a_day_asks_for_one(conversation: Conversation, timetable: Timetable) -> None:
    await conversation.say("Delhi to Mumbai on Friday")
    assert await conversation.say("and the way back") == "Which day would you like to fly back?"
    await conversation.say("Sunday")
    assert (timetable.searches[1].origin, timetable.searches[1].departure_date) == ("BOM", date(2026, 11, 29))


async def test_sorted_flights_are_named_for_what_they_are_best_at(conversation: Conversation) -> None:
    answer = await conversation.say("cheapest flight from Chennai to Delhi tomorrow")
    assert (
        "The cheapest leaves at one in the afternoon with SpiceJet, for four thousand one hundred rupees."
        in answer
    )


async def test_price_of_several_travellers_is_called_the_price_for_all(conversation: Conversation) -> None:
    assert "ten thousand four hundred rupees in all" in await conversation.say(
        "Chennai to Delhi tomorrow for two"
    )
    assert (
        "It costs ten thousand four hundred rupees, five thousand two hundred rupees each."
        in await conversation.say("the first one")
    )


async def test_no_flight_at_that_hour_differs_from_no_flight_at_all(
    conversation: Conversation, timetable: Timetable
) -> None:
    answer = await conversation.say("Chennai to Delhi tomorrow after 11 pm")
    assert answer.startswith(
        "I found no flights from Chennai to Delhi tomorrow, Tuesday the twenty-fourth, after eleven at night"
    )
    assert answer.endswith("but there are five flights at other times. Shall I read them?")
    assert conversation.dialogue.expectation() is Expectation.YES_NO
    assert (await conversation.say("yes")).startswith("There are five flights")
    timetable.empty_routes.add("GOI")
    answer = await conversation.say("Chennai to Goa tomorrow")
    assert answer.endswith(
        "I found no flights from Chennai to Goa tomorrow, Tuesday the twenty-fourth. Which other day "
        "shall I try?"
    )


async def test_declining_other_flights_leads_to_another_day(
    conversation: Conversation, timetable: Timetable
) -> None:
    await conversation.say("Chennai to Delhi tomorrow after 11 pm")
    assert await conversation.say("no") == "Which other day shall I try?"
    await conversation.say("Friday")
    assert timetable.searches[1].departure_date == date(2026, 11, 27)


async def test_tomorrow_is_counted_where_the_flight_leaves(
    conversation: Conversation, timetable: Timetable
) -> None:
    """At 21:30 UTC it is Tuesday in India and still Monday in California."""
    late = datetime(2026, 11, 23, 21, 30, tzinfo=UTC)
    await conversation.say("Chennai to Delhi tomorrow", now=late)
    await conversation.say("San Francisco to Singapore tomorrow", now=late)
    assert [request.departure_date for request in timetable.searches] == [
        date(2026, 11, 25),
        date(2026, 11, 24),
    ]


async def test_tomorrow_said_before_the_origin_is_counted_there_too(
    conversation: Conversation, timetable: Timetable
) -> None:
    late = datetime(2026, 11, 23, 21, 30, tzinfo=UTC)
    await conversation.say("I want to fly to Singapore tomorrow", now=late)
    await conversation.say("from San Francisco", now=late)
    assert timetable.searches[0].departure_date == date(2026, 11, 24)


async def test_the_last_wish_about_stops_counts(conversation: Conversation, timetable: Timetable) -> None:
    await conversation.say("nonstop flights from Chennai to Delhi tomorrow")
    await conversation.say("with one stop at most")
    assert timetable.searches[-1].max_stops == 1
    await conversation.say("nonstop only")
    assert timetable.searches[-1].max_stops == 0
    await conversation.say("two stops at most")
    await conversation.say("stops are fine")
    assert timetable.searches[-1].max_stops is None
