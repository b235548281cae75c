// Heading of a search: its title, its facts and the filters that it really used.
import { dayOf } from "./flight-card.js";

const CABINS = { premium_economy: "Premium economy", business: "Business", first: "First class" };
const SORTS = {
  earliest: "Earliest first",
  cheapest: "Cheapest first",
  fastest: "Fastest first",
  latest: "Latest first",
  arrival: "Earliest arrival first",
  best: "Best first",
};

/** Returns the name of a place, which is an object or only an IATA code. */
const nameOf = (place) => (typeof place === "object" ? place.city || place.name || place.code : place) || "";
const counted = (count, noun) => `${count} ${noun}${Number(count) === 1 ? "" : "s"}`;

/** Returns "Chennai to Delhi". */
export function titleOf({ query }) {
  const [from, to] = [nameOf(query.origin), nameOf(query.destination)];
  return from && to ? `${from} to ${to}` : "Flight search";
}

/** Returns the days and the number of flights: "Tue 24 Nov · back Mon 30 Nov · 2 round trips". */
export function factsOf({ query, flights, total }) {
  const [first] = flights;
  const back = query.return_date ?? first?.back?.depart.date;
  const noun = first?.back ? "round trip" : "flight";
  const count = `${total > flights.length ? `${flights.length} of ` : ""}${counted(total, noun)}`;
  const day = dayOf(query.departure_date ?? first?.depart.date);
  const facts = [day, back && `back ${dayOf(back)}`, first && count];
  return facts.filter(Boolean).join(" · ");
}

/** Returns what the prices cover, or an empty string if no flight has a price. */
export function pricesOf({ query, flights }) {
  if (!flights.some((flight) => flight.price)) return "";
  const people = Number(query.adults ?? 1) + Number(query.children ?? 0) + Number(query.infants ?? 0);
  const trip = flights[0].back ? "there and back" : "one way";
  const whom = people > 1 ? `are totals for ${people} passengers` : "are for one passenger";
  return `Prices ${whom}, ${trip}.`;
}

function timesOf(verb, from, until) {
  if (from && until) return `${verb} ${from}–${until}`;
  return (from && `${verb} after ${from}`) || (until && `${verb} before ${until}`);
}

function stopsOf({ max_stops: most }) {
  if (most === 0) return "Nonstop only";
  return most && `At most ${counted(most, "stop")}`;
}

/** Returns the filters of a search in words, for example ["Nonstop only", "Departs 02:00–04:00"]. */
export function filtersOf({ query, flights }) {
  const carriers = new Map(flights.map((flight) => [flight.carrier_code, flight.carrier]));
  const named = (codes) => codes.map((code) => carriers.get(code) ?? code).join(", ");
  const wanted = named(query.carrier_codes ?? []);
  const unwanted = named(query.excluded_carrier_codes ?? []);
  const filters = [
    stopsOf(query),
    query.via && `Via ${nameOf(query.via)}`,
    timesOf("Departs", query.departure_time_from, query.departure_time_before),
    timesOf("Arrives", query.arrival_time_from, query.arrival_time_before),
    wanted && `Only ${wanted}`,
    unwanted && `Without ${unwanted}`,
    CABINS[query.cabin],
    query.adults > 1 && counted(query.adults, "adult"),
    query.children && (Number(query.children) === 1 ? "1 child" : `${query.children} children`),
    query.infants && counted(query.infants, "infant"),
    query.bags && `${counted(query.bags, "checked bag")} each`,
    query.flexible_days && `± ${counted(query.flexible_days, "day")}`,
    query.include_nearby_airports && "Nearby airports too",
    SORTS[query.sort],
  ];
  return filters.filter(Boolean);
}
