// Search results in the form that the flight board shows. The log's entries and the messages of a running
// call have the same contents, so a search looks the same live and after a reload.

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

/** Converts an `Itinerary` in protobuf's JSON to a flight for `flightCard`. */
function flightOf({
  itinerary_id: id,
  segments,
  duration,
  fare,
  provenance,
  emissions,
  seats_left: seats,
  layovers = [],
  way_back: back,
  offer,
}) {
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
    sold_out: !fare && [seats, back?.seats_left].some((left) => left !== undefined),
    co2e_kg: emissions?.grams && Math.round(Number(emissions.grams) / 1000),
    sample: Boolean(provenance?.sample),
    offer: offer ? { seller: offer.seller, expire_time: offer.expire_time } : null,
    back: back ? flightOf(back) : null,
  };
}

/**
 * Converts a search to `{tool_call_id, outcome, query, flights, total, totalUnfiltered, sample, partial}`.
 * Returns null for other tools, and for results that can't be read.
 * @param {{tool_call_id: string, name: string, outcome: string, arguments?: object, result?: object}} use
 */
export function searchOf({ tool_call_id, name, outcome, arguments: query, result }) {
  if (name !== "search_flights") return null;
  try {
    const flights = (result?.itineraries ?? []).map(flightOf);
    if (outcome === "FOUND" && !flights.length) return null;
    const { origin, destination, via, ...rest } = result ?? {};
    const { total = flights.length, total_unfiltered: totalUnfiltered = 0 } = rest;
    const places = { ...(origin && { origin }), ...(destination && { destination }), ...(via && { via }) };
    return {
      tool_call_id,
      outcome,
      query: { ...query, ...places },
      flights,
      total: Number(total),
      totalUnfiltered: Number(totalUnfiltered),
      sample: Boolean(rest.sample) || flights.some((flight) => flight.sample),
      partial: Boolean(rest.partial),
    };
  } catch (error) {
    console.warn("A search result could not be read.", error);
    return null;
  }
}
