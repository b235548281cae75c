"""Arrival times and airlines reach the search and are read back; each wish can be withdrawn."""

from __future__ import annotations

from datetime import date, time
from typing import TYPE_CHECKING

import pytest

from agent.dialogue.restoring import restored_state
from agent.dialogue.state import DialogueState
from agent.language.en.phrases import phrases
from agent.language.en.wording import wishes_words
from agent.language.meanings import Expectation
from mesh.contracts.tool_arguments import arguments_from

if TYPE_CHECKING:
    from tests.unit.dialogue.doubles import Conversation, Search, Timetable

pytestmark = pytest.mark.unit


def restored(conversation: Conversation) -> DialogueState:
    """Return the state that a new call begins with."""
    started, finished = conversation.tool, conversation.finished
    assert started
    assert finished
    return restored_state([(started, finished)])


def airlines(request: Search) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return request.carrier_codes, request.excluded_carrier_codes


async def test_a_time_of_arriving_is_searched_and_named(
    conversation: Conversation, timetable: Timetable
) -> None:
    answer = await conversation.say("Chennai to Delhi tomorrow arriving before 2 pm")
    assert answer.startswith("There are two flights from Chennai to Delhi")
    assert ", arriving before two in the afternoon. " in answer
    (request,) = timetable.searches
    assert (request.arrival_time_from, request.arrival_time_before) == (None, time(14))
    assert (request.departure_time_from, request.departure_time_before) == (None, None)


async def test_be_there_by_six_changes_a_search(conversation: Conversation, timetable: Timetable) -> None:
    await conversation.say("Chennai to Delhi tomorrow after 9 am")
    answer = await conversation.say("I need to be there by six")
    assert "arriving before six in the evening" in answer
    assert "after nine in the morning" in answer
    assert (timetable.searches[-1].departure_time_from, timetable.searches[-1].arrival_time_before) == (
        time(9),
        time(18),
    )


async def test_the_last_of_two_conflicting_times_counts(
    conversation: Conversation, timetable: Timetable
) -> None:
    await conversation.say("Chennai to Delhi tomorrow arriving before 10 am")
    await conversation.say("what about the evening")
    assert (timetable.searches[-1].departure_time_from, timetable.searches[-1].arrival_time_before) == (
        time(17),
        None,
    )
    await conversation.say("land before noon")
    assert (timetable.searches[-1].departure_time_from, timetable.searches[-1].arrival_time_before) == (
        None,
        time(12),
    )
    await conversation.say("anything but the evening")
    assert (timetable.searches[-1].departure_time_from, timetable.searches[-1].arrival_time_before) == (
        time(21),
        time(12),
    )


async def test_a_night_flight_may_leave_late_and_arrive_early(
    conversation: Conversation, timetable: Timetable
) -> None:
    await conversation.say("Chennai to Delhi tomorrow leaving after 9 pm and arriving before 8 am")
    assert (timetable.searches[-1].departure_time_from, timetable.searches[-1].arrival_time_before) == (
        time(21),
        time(8),
    )


async def test_no_flight_arriving_in_time_is_reported_with_the_arrival(conversation: Conversation) -> None:
    answer = await conversation.say("Chennai to Delhi tomorrow arriving before 5 am")
    assert (
        "tomorrow, Tuesday the twenty-fourth, arriving before five in the morning, but there are five "
        "flights at other times." in answer
    )
    assert conversation.dialogue.expectation() is Expectation.YES_NO
    assert (await conversation.say("yes")).startswith("There are five flights")


@pytest.mark.parametrize(
    "words", ["no Air India", "anything but Air India", "except Air India", "I don't want to fly Air India"]
)
async def test_a_rejected_airline_is_excluded_and_named(
    conversation: Conversation, timetable: Timetable, words: str
) -> None:
    await conversation.say("Chennai to Delhi tomorrow")
    answer = await conversation.say(words)
    assert airlines(timetable.searches[-1]) == ((), ("AI",))
    assert answer.startswith("There are three flights")
    assert ", without Air India. " in answer
    assert "with Air India" not in answer


async def test_either_of_two_airlines_is_fine(conversation: Conversation, timetable: Timetable) -> None:
    answer = await conversation.say("Chennai to Delhi tomorrow with IndiGo or SpiceJet")
    assert airlines(timetable.searches[-1]) == (("6E", "SG"), ())
    assert answer.startswith("There are three flights")
    assert ", with IndiGo or SpiceJet. " in answer


async def test_rejected_airlines_add_up_until_one_is_wanted(
    conversation: Conversation, timetable: Timetable
) -> None:
    await conversation.say("Chennai to Delhi tomorrow without IndiGo")
    await conversation.say("and not Air India")
    assert airlines(timetable.searches[-1]) == ((), ("6E", "AI"))
    await conversation.say("only IndiGo")
    assert airlines(timetable.searches[-1]) == (("6E",), ())
    await conversation.say("not IndiGo")
    assert airlines(timetable.searches[-1]) == ((), ("6E",))


@pytest.mark.parametrize("wish", ["with IndiGo", "with IndiGo or SpiceJet", "without IndiGo"])
async def test_any_airline_withdraws_all_airline_wishes(
    conversation: Conversation, timetable: Timetable, wish: str
) -> None:
    await conversation.say(f"Chennai to Delhi tomorrow {wish}")
    assert (await conversation.say("any airline")).startswith(
        "There are five flights from Chennai to Delhi tomorrow"
    )
    assert airlines(timetable.searches[-1]) == ((), ())


@pytest.mark.parametrize(
    "wish", ["in the morning", "arriving before 2 pm", "leaving after 6 am and arriving before 2 pm"]
)
async def test_any_time_withdraws_all_time_wishes(
    conversation: Conversation, timetable: Timetable, wish: str
) -> None:
    await conversation.say(f"Chennai to Delhi tomorrow {wish}")
    assert (await conversation.say("any time is fine")).startswith(
        "There are five flights from Chennai to Delhi tomorrow"
    )
    assert set(timetable.searches[-1].leg_arguments) == {"origin", "destination", "departure_date"}


@pytest.mark.parametrize(
    "words",
    [
        "make it one way",
        "just one way",
        "without the return",
        "forget the return",
        "no return",
        "no return flight",
    ],
)
async def test_a_return_is_dropped_and_all_else_kept(
    conversation: Conversation, timetable: Timetable, words: str
) -> None:
    await conversation.say("Chennai to Delhi tomorrow returning on Friday")
    assert (await conversation.say(words)).startswith("There are five flights from Chennai to Delhi tomorrow")
    before, after = timetable.searches
    assert (before.return_date, after.return_date) == (date(2026, 11, 27), None)
    assert (after.origin, after.destination, after.departure_date) == (
        before.origin,
        before.destination,
        before.departure_date,
    )


async def test_a_return_is_dropped_before_the_search_too(
    conversation: Conversation, timetable: Timetable
) -> None:
    await conversation.say("Chennai to Delhi returning on Friday")
    await conversation.say("forget the return, tomorrow")
    (request,) = timetable.searches
    assert (request.departure_date, request.return_date) == (date(2026, 11, 24), None)


@pytest.mark.parametrize(
    ("words", "day"),
    [
        ("what about two days later", date(2026, 11, 28)),
        ("two days earlier", date(2026, 11, 24)),
        ("a week later", date(2026, 12, 3)),
        ("not Thursday, the day after", date(2026, 11, 27)),
    ],
)
async def test_days_are_counted_from_the_search(
    conversation: Conversation, timetable: Timetable, words: str, day: date
) -> None:
    await conversation.say("Chennai to Delhi on Thursday")
    await conversation.say(words)
    assert (timetable.searches[-1].departure_date, timetable.searches[-1].sort) == (day, "")


async def test_the_day_after_a_rejected_day_needs_no_earlier_search(
    conversation: Conversation, timetable: Timetable
) -> None:
    await conversation.say("Chennai to Delhi, not tomorrow, the day after")
    assert timetable.searches[-1].departure_date == date(2026, 11, 25)


async def test_a_return_some_days_later_is_counted_from_the_way_there(
    conversation: Conversation, timetable: Timetable
) -> None:
    await conversation.say("Chennai to Delhi on Thursday returning a week later")
    assert (timetable.searches[-1].departure_date, timetable.searches[-1].return_date) == (
        date(2026, 11, 26),
        date(2026, 12, 3),
    )


@pytest.mark.parametrize("words", ["not Thursday", "another day", "I can't fly on Thursday"])
async def test_a_rejected_day_is_asked_for_again(conversation: Conversation, words: str) -> None:
    await conversation.say("Chennai to Delhi on Thursday")
    assert await conversation.say(words) == "Which day would you like to fly?"


async def test_a_rejected_day_of_return_keeps_the_departure(
    conversation: Conversation, timetable: Timetable
) -> None:
    await conversation.say("Chennai to Delhi on Thursday returning on Monday")
    await conversation.say("I'm not returning Monday, Tuesday")
    assert (timetable.searches[-1].departure_date, timetable.searches[-1].return_date) == (
        date(2026, 11, 26),
        date(2026, 12, 1),
    )


async def test_leaving_at_any_time_keeps_the_time_of_arriving(
    conversation: Conversation, timetable: Timetable
) -> None:
    await conversation.say("Chennai to Delhi tomorrow morning")
    await conversation.say("I can leave at any time but must arrive by 5 pm")
    assert timetable.searches[-1].leg_arguments == {
        "origin": "MAA",
        "destination": "DEL",
        "departure_date": "2026-11-24",
        "arrival_time_before": "17:00",
    }


async def test_arriving_at_any_time_keeps_the_time_of_leaving(
    conversation: Conversation, timetable: Timetable
) -> None:
    await conversation.say("Chennai to Delhi tomorrow leaving after 6 am and arriving before 2 pm")
    await conversation.say("I can arrive at any time")
    assert (timetable.searches[-1].departure_time_from, timetable.searches[-1].arrival_time_before) == (
        time(6),
        None,
    )


async def test_arrival_and_airlines_are_taken_up_in_the_next_call(conversation: Conversation) -> None:
    await conversation.say(
        "Chennai to Delhi tomorrow with IndiGo or SpiceJet but no Air India, arriving between 10 am and 5 pm"
    )
    before, state = conversation.dialogue.state, restored(conversation)
    assert wishes_words(state.draft) == (
        ", arriving between ten in the morning and five in the evening, with IndiGo or SpiceJet and "
        "without Air India"
    )
    assert before.flight_list
    assert state.flight_list
    assert arguments_from(state.flight_list.request) == arguments_from(before.flight_list.request)


async def test_arrival_and_airlines_reach_the_service(
    conversation: Conversation, timetable: Timetable
) -> None:
    await conversation.say(
        "Chennai to Delhi tomorrow with IndiGo or SpiceJet but no Air India, arriving between 10 am and 5 pm"
    )
    search = timetable.searches[-1]
    assert (search.arrival_time_from, search.arrival_time_before, search.departure_time_from) == (
        time(10),
        time(17),
        None,
    )
    assert (search.carrier_codes, search.excluded_carrier_codes) == (("6E", "SG"), ("AI",))


@pytest.mark.parametrize(
    ("words", "remark"),
    [
        ("an aisle seat if possible", "seats"),
        ("with no bags", "baggage"),
        ("and a vegetarian meal", "meals"),
        ("I have some miles", "loyalty"),
    ],
)
async def test_side_remark_is_answered_and_the_request_kept(
    conversation: Conversation, words: str, remark: str
) -> None:
    answer = await conversation.say(f"flights from Chennai to Delhi tomorrow, {words}")
    assert answer.startswith(phrases()[f"remark_{remark}"])
    assert "There are five flights" in answer
