"""The flight board shows what the search really used, in the same way live and after a reload."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from playwright.async_api import expect

from tests.e2e.gradio_ui.conftest import Visitor
from tests.e2e.gradio_ui.sample_flights import FLIGHTS, search, there_and_back, with_two_stops

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]


async def record(visitor: Visitor, use: dict[str, Any]) -> None:
    """Write a tool call and its result into the log, as the agent does."""
    await visitor.site.conversation.write(visitor.conversation_id, tool_call=use["tool_call"])
    await visitor.site.conversation.write(visitor.conversation_id, tool_result=use["tool_result"])


@pytest.mark.parametrize(
    "use",
    [
        search(*FLIGHTS, max_stops=0, departure_time_from={"hours": 2}, departure_time_before={"hours": 4}),
        search(with_two_stops(), adults=2, cabin="CABIN_BUSINESS"),
        search(there_and_back("28721.36"), back=date(2026, 11, 30)),
        search(outcome="EMPTY", max_stops=0),
        search(outcome="UNAVAILABLE"),
    ],
    ids=["filters", "connection", "round trip", "no flights", "failed"],
)
async def test_a_search_looks_the_same_live_and_after_a_reload(ada: Visitor, use: dict[str, Any]) -> None:
    async with ada.talking() as agent:
        await agent.show_flights(use)
        live = await ada.see("flight-search").inner_html()
        await record(ada, use)
        await ada.page.reload()
        await expect(ada.see("flight-search")).to_have_count(1)
        assert await ada.see("flight-search").inner_html() == live


async def test_the_filters_of_a_search_are_shown(ada: Visitor) -> None:
    async with ada.talking() as agent:
        await agent.show_flights(
            search(
                *FLIGHTS,
                max_stops=0,
                departure_time_from={"hours": 2},
                departure_time_before={"hours": 4, "minutes": 30},
                carrier_codes=["AI", "6E"],
                cabin="CABIN_BUSINESS",
                adults=2,
                sort="FLIGHT_SORT_CHEAPEST",
            )
        )
        await expect(ada.see("search-filters").locator("li")).to_have_text(
            [
                "Nonstop only",
                "Departs 02:00–04:30",
                "Only Air India, IndiGo",
                "Business",
                "2 adults",
                "Cheapest first",
            ]
        )
        await expect(ada.see("search-prices")).to_have_text("Prices are totals for 2 passengers, one way.")


async def test_a_search_without_flights_says_where_and_why(ada: Visitor) -> None:
    async with ada.talking() as agent:
        await agent.show_flights(search(outcome="EMPTY", departure_time_before={"hours": 4}))
        board = ada.see("flight-search")
        await expect(board.locator("h2")).to_have_text("Chennai to Delhi")
        await expect(board).to_contain_text("Tue 24 Nov")
        await expect(board).to_contain_text("No flights match these filters. Without them there are 12")
        await expect(board).not_to_contain_text("0 flights")


async def test_earlier_searches_are_kept_below_the_newest(ada: Visitor) -> None:
    async with ada.talking() as agent:
        await agent.show_flights(search(*FLIGHTS))
        await agent.show_flights(search(FLIGHTS[0], departure_time_before={"hours": 12}))
        await expect(ada.see("flight-card").filter(visible=True)).to_have_count(1)
        earlier = ada.see("earlier-search")
        await expect(earlier.locator("summary")).to_have_text("Chennai to Delhi · Tue 24 Nov · 3 flights")
        await earlier.locator("summary").click()
        await expect(ada.see("flight-card").filter(visible=True)).to_have_count(4)
