// Search results in the form that the flight board shows. The log's entries and the messages of a running
// call have the same contents, so a search looks the same live and after a reload.
import { argumentsOf, outcomeOf } from "./tool-arguments.js";

/** Returns the local date "YYYY-MM-DD" and time "HH:MM" at an airport. */
function localClock({ time, time_zone: timeZone }) {
  const options = {
    timeZone,
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  };
  const parts = Object.fromEntries(
    new Intl.DateTimeFormat("en-GB", options)
      .formatToParts(new Date(time))
      .map(({ type, value }) => [type, value]),
  );
  return { date: `${parts.year}-${parts.month}-${parts.day}`, time: `${parts.hour}:${parts.minute}` };
}

const stop = (place) => ({ ...localClock(place), airport: place.airport_code, city: place.city ?? "" });
const days = (from, to) => Math.round((Date.parse(to) - Date.parse(from)) / 86_400_000);
const money = ({ currency_code: currency, units = 0, nanos = 0 }) => ({
  currency,
  amount: Number(units) + Number(nanos) / 1e9,
});

/** Formats a connecting city with its inconveniences: "London, overnight, from LGW". */
const connectionOf = ({ city, airport_code: code }, { overnight, next_airport_code: onward } = {}) =>
  `${city ?? code}${overnight ? ", overnight" : ""}${onward ? `, from ${onward}` : ""}`;

/** Converts an `Itinerary` with its price and its cheapest `Offer` to a flight for `flightCard`. */
function flightOf(itinerary, fare, offer) {
  const { itinerary_id: id, segments, duration, provenance, emissions, layovers = [] } = itinerary;
  const [first, last] = [segments[0], segments.at(-1)];
  const [depart, arrive] = [stop(first.departure), stop(last.arrival)];
  return {
    itinerary_id: id,
    carrier: [...new Set(segments.map((segment) => segment.carrier || segment.carrier_code))].join(", "),
    carrier_code: first.carrier_code,
    flight_number: segments.map((segment) => segment.flight_number).join(" · "),
    depart,
    arrive: { ...arrive, day_offset: days(depart.date, arrive.date) },
    duration_minutes: Math.round(parseFloat(duration ?? "0") / 60),
    price: fare?.total && money(fare.total),
    stops: segments.length - 1,
    via: segments.slice(0, -1).map((segment, index) => connectionOf(segment.arrival, layovers[index])),
    sold_out: !fare && itinerary.seats_left !== undefined,
    co2e_kg: emissions?.grams && Math.round(Number(emissions.grams) / 1000),
    sample: Boolean(provenance?.sample),
    offer: offer ? { seller: offer.seller, expire_time: offer.expire_time } : null,
    back: null,
  };
}

/** Converts `SearchResults` to flights: a round trip is one flight with the flight back in `back`. */
function flightsOf({ itineraries = [], offers = [], journeys = [] }) {
  const offerOf = (...ids) => offers.find((offer) => offer.itinerary_ids.join() === ids.join());
  if (!journeys.length)
    return itineraries.map((one) => flightOf(one, one.fare, offerOf(one.itinerary_id)));
  const byId = new Map(itineraries.map((one) => [one.itinerary_id, one]));
  return journeys.map(({ itinerary_ids: [id, returnId], fare }) => {
    const there = flightOf(byId.get(id), fare, offerOf(id, returnId));
    const back = flightOf(byId.get(returnId), fare);
    return { ...there, sold_out: there.sold_out || back.sold_out, back };
  });
}

/**
 * Converts a search to `{tool_call_id, outcome, query, flights, total, unfilteredCount, sample, partial}`.
 * Returns null for other tools, and for results that can't be read.
 * @param {{call?: object, result: object}} use  a `ToolCall` and its `ToolResult`
 */
export function searchOf({ call, result }) {
  if (result.name !== "search_flights") return null;
  try {
    const { results = {}, done = {} } = result.search_flights ?? {};
    const [outcome, flights] = [outcomeOf(result), flightsOf(results)];
    if (outcome === "FOUND" && !flights.length) return null;
    return {
      tool_call_id: result.tool_call_id,
      outcome,
      query: argumentsOf(call),
      flights,
      total: done.result_count ?? flights.length,
      unfilteredCount: done.unfiltered_count ?? 0,
      sample: (done.provenances ?? []).some((source) => source.sample) || flights.some((flight) => flight.sample),
      partial: (done.limits ?? []).includes("SEARCH_LIMIT_PART"),
    };
  } catch (error) {
    console.warn("A search result could not be read.", error);
    return null;
  }
}
