// What the agent did, in words: a tool call of the transcript and its result as one readable sentence.
import { dayOf } from "/ui/flights/flight-card.js";

const NAMES = {
  search_flights: "Looked for flights",
  flight_status: "Looked up a flight's status",
  route_status: "Looked up how flights are doing",
  resolve_place: "Looked up a place",
  get_airport: "Looked up an airport",
};
const OUTCOMES = {
  FOUND: "found",
  EMPTY: "nothing found",
  UNAVAILABLE: "not available just now",
  RESTRICTED: "not told by the sources there are",
  QUOTA_EXHAUSTED: "no more may be asked for now",
  NOT_FOUND: "not found",
  PLACE_UNKNOWN: "no such place",
  SAME_PLACE: "both ends are the same place",
  DATE_IN_PAST: "that day is over",
  DATE_BEYOND_HORIZON: "the timetable doesn't reach that far",
  FLIGHT_NOT_FOUND: "no such flight",
};
/** Arguments in the order in which one would say them, each with its words. */
const ARGUMENTS = {
  flight_number: (number) => number,
  code: (code) => code,
  depart_date: (date) => `on ${dayOf(date) || date}`,
  return_date: (date) => `back on ${dayOf(date) || date}`,
  date: (date) => `on ${dayOf(date) || date}`,
  near: (time) => `about ${time}`,
  depart_from: (time) => `after ${time}`,
  depart_until: (time) => `before ${time}`,
  nonstop: (wanted) => wanted && "nonstop",
  via: (code) => code && `via ${code}`,
  carrier_code: (code) => `with ${code}`,
  cabin: (cabin) => `in ${readable(cabin)}`,
  sort: (sort) => `${readable(sort)} first`,
  passengers: (count) => `for ${count}`,
};
const MOST_ARGUMENTS = 6;

const readable = (word) => String(word).replaceAll("_", " ").toLowerCase();

/** A value in a few words: names and codes rather than structure. */
function brief(value) {
  if (value === null || value === undefined || value === "" || value === false) return "";
  if (Array.isArray(value)) return value.map(brief).filter(Boolean).join(", ");
  if (typeof value === "object") return brief(value.place ?? value.name ?? value.city ?? value.code ?? Object.values(value));
  return String(value);
}

function argumentWords({ origin, destination, ...rest }) {
  const route = origin && destination ? `${brief(origin)} → ${brief(destination)}` : brief(origin ?? destination);
  const order = Object.keys(ARGUMENTS);
  const names = Object.keys(rest).sort((a, b) => order.indexOf(a) - order.indexOf(b) || a.localeCompare(b));
  const others = names.map((name) => (name in ARGUMENTS ? ARGUMENTS[name](brief(rest[name]) || false) : `${readable(name)} ${brief(rest[name])}`));
  return [route, ...others].filter(Boolean).slice(0, MOST_ARGUMENTS);
}

const DOUBTS = { DOUBT_IMPOSSIBLE_DURATION: "told too fast to be true", DOUBT_CONTRADICTORY_TIMES: "told with times that contradict each other" };

const LEFT = ["FLIGHT_STATE_EN_ROUTE", "FLIGHT_STATE_LANDED", "FLIGHT_STATE_DIVERTED"];

/** How late it leaves or left, where that matters: who left late may arrive early, and who is cancelled isn't late. */
function lateness(state, late) {
  if (!late) return "";
  if (LEFT.includes(state)) return `left ${late} minutes late`;
  return state === "FLIGHT_STATE_DELAYED" && `${late} minutes late`;
}

/** How a flight does, as far as it is known: "delayed, 65 minutes late, terminal 1, gate 12, belt 4 there". */
function statusWords({ state, delay_minutes: late, scheduled_departure: from = {}, scheduled_arrival: to = {}, doubts = [] }) {
  return [
    readable(String(state ?? "unknown").replace("FLIGHT_STATE_", "")),
    lateness(state, late),
    from.terminal && `terminal ${from.terminal}`,
    from.gate && `gate ${from.gate}`,
    to.baggage_belt && `belt ${to.baggage_belt} there`,
    ...doubts.map((doubt) => DOUBTS[doubt] ?? "doubtful"),
  ].filter(Boolean).join(", ");
}

/** @param {{name: string, arguments: object, outcome?: string, result?: object}} item */
export function toolSentence({ name, arguments: given, outcome, result }) {
  const count = result?.total ?? (result?.flights ?? result?.itineraries)?.length;
  const found = outcome === "FOUND" && count > 0 && `${count} ${count === 1 ? "flight" : "flights"} found`;
  const status = result?.status ?? (result?.statuses?.length && result.statuses[0]);
  const ending = found || (status && `${result.statuses ? `${status.flight_number}: ` : ""}${statusWords(status)}`) || (outcome ? OUTCOMES[outcome] ?? readable(outcome) : "…");
  const words = argumentWords(given ?? {});
  return `${NAMES[name] ?? `Used ${readable(name)}`}${words.length ? `: ${words.join(", ")}` : ""} — ${ending}`;
}
