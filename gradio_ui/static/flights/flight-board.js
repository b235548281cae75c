// <flight-board>: the flights of the newest search, and the earlier searches of the conversation below them.
import { urlOf } from "../shared/api.js";
import { announce } from "../shared/announcer.js";
import { conversation } from "../shared/conversation.js";
import { h } from "../shared/dom.js";
import { flightCard } from "./flight-card.js";
import { factsOf, filtersOf, pricesOf, titleOf } from "./search-heading.js";

const OUTCOMES = {
  EMPTY: "No flights match. Ask for another day, another time or another airport.",
  UNAVAILABLE: "Flight data is not available right now. Please try again in a moment.",
  RESTRICTED: "The flight data sources don't offer this search. Please try another day or another route.",
  QUOTA_EXHAUSTED: "The flight data quota is used up for now. Please try again later.",
  PLACE_NOT_FOUND: "The flight data sources don't know this place. Please name another airport.",
  SAME_PLACE: "Origin and destination are the same place. Please name another airport.",
  DATE_IN_PAST: "This day is in the past. Please ask for a later day.",
  DATE_BEYOND_HORIZON: "This day is too far ahead. Please ask for an earlier day.",
};

class FlightBoard extends HTMLElement {
  #sections = new Map();

  connectedCallback() {
    if (this.childElementCount) return;
    this.newest = h("div", { class: "searches" });
    this.earlier = h("div", { class: "earlier-searches", role: "group", "aria-label": "Earlier searches" });
    this.append(
      this.newest,
      h(
        "div",
        { class: "empty board-empty" },
        h("img", { src: urlOf("/ui/runway.svg"), alt: "", width: 220, height: 120 }),
        h("p", {}, "Ask the agent for a flight. The flights it finds appear here."),
      ),
      this.earlier,
    );
    conversation.addEventListener("switched", () => this.#redraw());
    conversation.addEventListener("flights", ({ detail }) => {
      this.#show(detail.search);
      announce(this.#sections.get(detail.search.tool_call_id).dataset.summary);
    });
    this.#redraw();
  }

  #redraw() {
    this.#sections.clear();
    this.newest.replaceChildren();
    this.earlier.replaceChildren();
    for (const search of conversation.searches) this.#show(search);
  }

  #show(search) {
    const section = searchSection(search);
    const before = this.#sections.get(search.tool_call_id);
    this.#sections.set(search.tool_call_id, section);
    if (before) return before.replaceWith(section);
    const [previous] = this.newest.children;
    this.newest.replaceChildren(section);
    if (previous) this.earlier.prepend(collapsed(previous));
  }
}

/** Puts the section of an earlier search behind its summary. */
function collapsed(section) {
  return h(
    "details",
    { class: "earlier-search", "data-testid": "earlier-search" },
    h("summary", {}, section.dataset.summary),
    section,
  );
}

/** Returns the text for a search without flights. */
function problemOf({ outcome, unfilteredCount }, filters) {
  if (outcome === "EMPTY" && filters.length && unfilteredCount)
    return `No flights match these filters. Without them there are ${unfilteredCount} on this day.`;
  return OUTCOMES[outcome] ?? OUTCOMES.EMPTY;
}

const note = (text, attributes = {}) => text && h("p", { class: "sample-note", ...attributes }, text);

function searchSection(search) {
  const { flights } = search;
  const [title, facts, filters] = [titleOf(search), factsOf(search), filtersOf(search)];
  const cheapest = Math.min(...flights.map((flight) => Number(flight.price?.amount ?? Infinity)));
  const cards = flights.map((flight) =>
    flightCard(flight, { cheapest: flights.length > 1 && Number(flight.price?.amount) === cheapest }),
  );
  const problem = cards.length ? "" : problemOf(search, filters);
  return h(
    "section",
    {
      class: "search",
      "data-testid": "flight-search",
      "data-outcome": search.outcome,
      "data-tool-call-id": search.tool_call_id,
      "data-summary": [title, facts, problem].filter(Boolean).join(" · "),
    },
    h("h2", {}, title),
    h("p", { class: "search-facts" }, facts),
    filters.length > 0 &&
      h(
        "ul",
        { class: "filters", "aria-label": "Filters of this search", "data-testid": "search-filters" },
        ...filters.map((filter) => h("li", { class: "filter" }, filter)),
      ),
    h("p", { class: "search-facts", "data-testid": "search-prices" }, pricesOf(search)),
    note(search.sample && "Sample timetable: real airports and airlines, invented flights and prices."),
    note(search.partial && "The search covered only some of the available flights.", {
      "data-testid": "search-partial",
    }),
    cards.length
      ? h("ul", { class: "cards", "aria-label": title }, ...cards)
      : h("p", { class: "empty-search" }, problem),
  );
}

customElements.define("flight-board", FlightBoard);
