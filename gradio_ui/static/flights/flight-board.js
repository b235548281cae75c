// <flight-board>: the flights found in the conversation, newest search first.
import { urlOf } from "../shared/api.js";
import { conversation } from "../shared/conversation.js";
import { h } from "../shared/dom.js";
import { flightCard, dayOf } from "./flight-card.js";

const OUTCOMES = {
  EMPTY: "No flights match. Ask for another day, another time or another airport.",
  UNAVAILABLE: "Flight data is not available right now. Please try again in a moment.",
  RESTRICTED: "The flight data sources don't offer this search. Please try another day or another route.",
  QUOTA_EXHAUSTED: "The flight data quota is used up for now. Please try again later.",
};

class FlightBoard extends HTMLElement {
  #sections = new Map();

  connectedCallback() {
    if (this.childElementCount) return;
    this.announcer = h("div", { class: "for-screen-readers", "aria-live": "polite" });
    this.searches = h("div", { class: "searches" });
    this.append(
      this.announcer,
      this.searches,
      h(
        "div",
        { class: "empty board-empty" },
        h("img", { src: urlOf("/ui/runway.svg"), alt: "", width: 220, height: 120 }),
        h("p", {}, "Ask the agent for a flight. The flights it finds appear here."),
      ),
    );
    conversation.addEventListener("switched", () => this.#redraw());
    conversation.addEventListener("flights", ({ detail }) => this.#show(detail.search, true));
    this.#redraw();
  }

  #redraw() {
    this.#sections.clear();
    this.searches.replaceChildren();
    for (const search of conversation.searches) this.#show(search, false);
  }

  #show(search, live) {
    const section = searchSection(search);
    const before = this.#sections.get(search.tool_call_id);
    if (before) before.replaceWith(section);
    else this.searches.prepend(section);
    this.#sections.set(search.tool_call_id, section);
    if (live) this.announcer.textContent = section.dataset.summary;
  }
}

function titleOf({ query = {}, origin = query.origin, destination = query.destination }, first) {
  const from = first?.depart.city || first?.depart.airport || origin?.city || origin;
  const to = first?.arrive.city || first?.arrive.airport || destination?.city || destination;
  return typeof from === "string" && typeof to === "string" ? `${from} to ${to}` : "Your search";
}

function searchSection(search) {
  const flights = Array.isArray(search.flights) ? search.flights : [];
  const [first] = flights;
  const title = titleOf(search, first);
  const count = `${flights.length} ${flights.length === 1 ? "flight" : "flights"}`;
  const heading = h("h2", {}, title);
  const facts = h(
    "p",
    { class: "search-facts" },
    first
      ? [dayOf(first.depart.date), first.back && `back ${dayOf(first.back.depart.date)}`, count]
          .filter(Boolean)
          .join(" · ")
      : "",
  );
  const sample =
    (search.sample || flights.some((flight) => flight.sample)) &&
    h(
      "p",
      { class: "sample-note" },
      "Sample timetable: real airports and airlines, invented flights and prices.",
    );
  const partial =
    search.partial &&
    h(
      "p",
      { class: "sample-note", "data-testid": "search-partial" },
      "The search covered only some of the available flights.",
    );
  const cheapest = Math.min(...flights.map((flight) => Number(flight.price?.amount ?? Infinity)));
  const cards = flights.map((flight) =>
    flightCard(flight, { cheapest: flights.length > 1 && Number(flight.price?.amount) === cheapest }),
  );
  const body = cards.length
    ? h("ul", { class: "cards", "aria-label": title }, ...cards)
    : h("p", { class: "empty-search" }, OUTCOMES[search.outcome] ?? OUTCOMES.EMPTY);
  return h(
    "section",
    {
      class: "search",
      "data-testid": "flight-search",
      "data-outcome": search.outcome,
      "data-tool-call-id": search.tool_call_id,
      "data-summary": `${title}: ${count}`,
    },
    heading,
    facts,
    sample,
    partial,
    body,
  );
}

customElements.define("flight-board", FlightBoard);
