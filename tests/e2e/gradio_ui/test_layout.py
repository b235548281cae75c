"""The frame of the page: it has one width, nothing in it jumps, and the controls stay reachable."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Page, expect

from mesh.ids import uuid7
from tests.e2e.gradio_ui.conftest import Visit, Visitor
from tests.e2e.gradio_ui.sample_flights import FLIGHTS, search, with_two_stops

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

DESKTOP = {"width": 1320, "height": 800}
PHONE = {"width": 390, "height": 844}
SMALL_PHONE = {"width": 320, "height": 568}
SHIFTS = """
window.shifts = [];
new PerformanceObserver((list) => {
  for (const { value, hadRecentInput, sources } of list.getEntries())
    if (!hadRecentInput) shifts.push([value, sources.map(({ node }) => node?.className || node?.nodeName)]);
}).observe({ type: "layout-shift", buffered: true });
"""
MAX_SHIFT = 0.1
"""Web Vitals call a cumulative layout shift of up to 0.1 good."""
PIECES = [
    "I found twelve ",
    "flights. The first leaves ",
    "at ten past six ",
    "and costs six thousand rupees.",
]


async def check_shifts(page: Page) -> None:
    """Check the cumulative layout shift since the page was loaded or the last check, and forget it."""
    await page.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done, 50)))")
    shifts: list[Any] = await page.evaluate("shifts")
    assert sum(value for value, _ in shifts) <= MAX_SHIFT, shifts
    await page.evaluate("shifts.length = 0")


async def converse(visitor: Visitor, agent: Any, turns: int = 3) -> None:
    """Let both sides talk and the agent show flights."""
    for _ in range(turns):
        await agent.recognise(uuid7(), "caller", ["show flights", "Show flights from Chennai to Delhi."])
        await agent.become("thinking")
        await agent.show_flights(search(*FLIGHTS * 4, max_stops=0))
        await agent.say(uuid7(), PIECES)
    await expect(visitor.see("earlier-search")).to_have_count(turns - 1)


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
async def test_nothing_jumps_while_the_page_loads_and_during_a_call(
    visit: Visit, viewport: dict[str, int]
) -> None:
    visitor = await visit(viewport=viewport)
    await visitor.context.add_init_script(SHIFTS)
    await visitor.sign_up()
    await expect(visitor.see("account-name")).not_to_be_empty()
    await check_shifts(visitor.page)
    async with visitor.talking() as agent:
        await converse(visitor, agent)
        await check_shifts(visitor.page)


async def test_the_page_is_equally_wide_with_any_contents(visit: Visit) -> None:
    visitor = await visit(viewport=DESKTOP)
    await visitor.sign_up()
    width = "document.querySelector('.gradio-container').getBoundingClientRect().width"
    before = await visitor.page.evaluate(width)
    async with visitor.talking() as agent:
        assert await visitor.page.evaluate(width) == before
        await converse(visitor, agent, turns=1)
        assert await visitor.page.evaluate(width) == before


async def test_the_controls_stay_in_view_while_flights_scroll(visit: Visit) -> None:
    for viewport in (DESKTOP, PHONE):
        visitor = await visit(viewport=viewport)
        await visitor.sign_up()
        async with visitor.talking() as agent:
            await agent.show_flights(search(*FLIGHTS * 4))
            await visitor.see("flight-card").last.scroll_into_view_if_needed()
            assert await visitor.page.evaluate("scrollY") > 200
            for control in ("mute", "hang-up", "text-input"):
                await expect(visitor.see(control)).to_be_in_viewport(ratio=1)
            await visitor.see("mute").click()
            await expect(visitor.see("call-state")).to_have_text("Muted")


@pytest.mark.parametrize("viewport", [PHONE, SMALL_PHONE], ids=["390", "320"])
async def test_connections_fit_a_phone(visit: Visit, viewport: dict[str, int]) -> None:
    visitor = await visit(viewport=viewport)
    await visitor.sign_up()
    async with visitor.talking() as agent:
        await agent.show_flights(search(with_two_stops(), *FLIGHTS, max_stops=2, cabin="CABIN_BUSINESS"))
        card = visitor.see("flight-card").first
        await expect(card.get_by_test_id("card-via")).to_have_text(
            "via Los Angeles, overnight, from BUR; San Francisco"
        )
        assert await visitor.page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
        assert await card.evaluate(OVERLAPS) == []


OVERLAPS = """card => {
  const texts = [...card.querySelectorAll("*")].filter((e) => !e.children.length && e.textContent.trim());
  const boxes = texts.map((text) => {
    const range = document.createRange();
    range.selectNodeContents(text);
    return range.getBoundingClientRect();
  });
  const overlap = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1
    && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1;
  return texts.flatMap((one, i) => texts.slice(i + 1)
    .filter((other, j) => overlap(boxes[i], boxes[i + 1 + j]))
    .map((other) => one.textContent + " / " + other.textContent));
}"""
"""Returns the pairs of texts in a card that are printed over one another."""


async def test_the_state_is_visible_in_forced_colours(visit: Visit) -> None:
    visitor = await visit(forced_colors="active")
    await visitor.sign_up()
    colours = """() => {
      const colour = (element, part, name) => getComputedStyle(element, part)[name];
      const panel = document.querySelector("voice-panel");
      const tab = (on) => document.querySelector(`[role=tab][aria-selected=${on}]`);
      const bar = document.querySelector(".waveform i");
      return {
        tabs: [tab("true"), tab("false")].map((one) => colour(one, null, "borderBottomColor")),
        dot: colour(panel.querySelector(".call-state"), "::before", "backgroundColor"),
        meter: ["::before", "::after"].map((side) => colour(bar, side, "backgroundColor")),
        page: colour(panel, null, "backgroundColor"),
      };
    }"""
    idle = await visitor.page.evaluate(colours)
    assert len(set(idle["tabs"])) == 2
    async with visitor.talking():
        await expect(visitor.see("call-state")).to_have_text("Listening")
        listening = await visitor.page.evaluate(colours)
    assert listening["dot"] not in (idle["dot"], listening["page"])
    assert len({*listening["meter"], listening["page"]}) == 3


async def test_text_grows_with_the_reader_s_font_size(ada: Visitor) -> None:
    sizes = """() => ["[data-testid=call-state]", "[data-testid=call]", "[role=tab]", ".brand", ".empty p"]
      .map((name) => parseFloat(getComputedStyle(document.querySelector(name)).fontSize))"""
    before = await ada.page.evaluate(sizes)
    await ada.page.evaluate("document.documentElement.style.fontSize = '32px'")
    assert await ada.page.evaluate(sizes) == [2 * size for size in before]
