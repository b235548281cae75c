// Conversion of search results in the log to the form of `readback.flights`, for flight cards.

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

/** Converts an `Itinerary` in protobuf's JSON to a flight of `readback.flights`. */
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
    carrier: first.carrier || first.carrier_code,
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

/** Converts a stored `ToolResult` to the form of `readback.flights`. Returns null if it has no flights. */
export function storedSearch({ tool_call_id: id, outcome, result }) {
  try {
    const flights = result?.flights ?? result?.itineraries?.map(flightOf);
    if (!Array.isArray(flights) || !flights.every((flight) => flight.depart && flight.arrive)) return null;
    return { ...result, tool_call_id: id, outcome, flights };
  } catch (error) {
    console.warn("A stored search could not be read.", error);
    return null;
  }
}
