// Wording of tool calls in the transcript: one sentence for the call and its result.
import { dayOf } from "../flights/flight-card.js";
import { argumentsOf, outcomeOf } from "../flights/tool-arguments.js";

const NAMES = {
  search_flights: "Looked for flights",
  flight_status: "Looked up a flight's status",
  route_status: "Looked up the status of flights",
  resolve_place: "Looked up a place",
  get_airport: "Looked up an airport",
};
const OUTCOMES = {
  FOUND: "found",
  EMPTY: "nothing found",
  UNAVAILABLE: "not available right now",
  RESTRICTED: "not provided by the flight data sources",
  QUOTA_EXHAUSTED: "quota used up for now",
  PLACE_NOT_FOUND: "no such place",
  SAME_PLACE: "origin and destination are the same",
  DATE_IN_PAST: "date in the past",
  DATE_BEYOND_HORIZON: "date too far in the future",
  FLIGHT_NOT_FOUND: "no such flight",
};
/** Wording of each argument, in the order of the sentence. */
const ARGUMENTS = {
  flight_number: (number) => number,
  code: (code) => code,
  departure_date: (date) => `on ${dayOf(date) || date}`,
  return_date: (date) => `back on ${dayOf(date) || date}`,
  near: (time) => `about ${time}`,
  departure_time_from: (time) => `after ${time}`,
  departure_time_before: (time) => `before ${time}`,
  max_stops: (most) => (most === "0" ? "nonstop" : `at most ${most} ${most === "1" ? "stop" : "stops"}`),
  via: (code) => code && `via ${code}`,
  carrier_codes: (codes) => codes && `with ${codes}`,
  cabin: (cabin) => `in ${readable(cabin)}`,
  sort: (sort) => `${readable(sort)} first`,
  adults: (count) => `for ${count}`,
};
const MAX_ARGUMENTS = 6;

const readable = (word) => String(word).replaceAll("_", " ").toLowerCase();

/** Formats the value of an argument; of a place, its city. */
function brief(value) {
  if (value === null || value === undefined || value === "" || value === false) return "";
  if (Array.isArray(value)) return value.map(brief).filter(Boolean).join(", ");
  if (typeof value === "object")
    return brief(value.city || value.name || value.code || Object.values(value));
  return String(value);
}

function argumentWords({ origin, destination, ...rest }) {
  const route =
    origin && destination ? `${brief(origin)} → ${brief(destination)}` : brief(origin ?? destination);
  const order = Object.keys(ARGUMENTS);
  const names = Object.keys(rest).sort((a, b) => order.indexOf(a) - order.indexOf(b) || a.localeCompare(b));
  const others = names.map((name) =>
    name in ARGUMENTS
      ? ARGUMENTS[name](brief(rest[name]) || false)
      : `${readable(name)} ${brief(rest[name])}`,
  );
  return [route, ...others].filter(Boolean).slice(0, MAX_ARGUMENTS);
}

const DOUBTS = {
  DOUBT_IMPOSSIBLE_DURATION: "reported duration is impossible",
  DOUBT_CONTRADICTORY_TIMES: "reported times contradict each other",
};

const DEPARTED = ["FLIGHT_STATE_EN_ROUTE", "FLIGHT_STATE_LANDED", "FLIGHT_STATE_DIVERTED"];

/** Formats the departure delay of a delayed or departed flight; empty for other states. */
function lateness(state, late) {
  if (!late) return "";
  if (DEPARTED.includes(state)) return `left ${late} minutes late`;
  return state === "FLIGHT_STATE_DELAYED" && `${late} minutes late`;
}

/** Formats a flight's status: "delayed, 65 minutes late, terminal 1, gate 12, arrival belt 4". */
function statusWords({
  state,
  departure_delay: delay,
  scheduled_departure: from = {},
  scheduled_arrival: to = {},
  doubts = [],
}) {
  return [
    readable(String(state ?? "unknown").replace("FLIGHT_STATE_", "")),
    lateness(state, Math.round(parseFloat(delay ?? "0") / 60)),
    from.terminal && `terminal ${from.terminal}`,
    from.gate && `gate ${from.gate}`,
    to.baggage_belt && `arrival belt ${to.baggage_belt}`,
    ...doubts.map((doubt) => DOUBTS[doubt] ?? "doubtful"),
  ]
    .filter(Boolean)
    .join(", ");
}

/** Formats a tool call as a sentence. @param {{call?: object, result?: object}} use  a `ToolCall` and its `ToolResult` */
export function toolSentence({ call, result }) {
  const { name } = result ?? call;
  const { search_flights: search, flight_status: one, route_status: route } = result ?? {};
  const [outcome, count] = [outcomeOf(result), search?.done?.result_count];
  const found = count > 0 && `${count} ${count === 1 ? "flight" : "flights"} found`;
  const status = one?.statuses?.[0] ?? route?.statuses?.[0];
  const ending =
    found ||
    (status && `${route ? `${status.flight_number}: ` : ""}${statusWords(status)}`) ||
    (outcome ? (OUTCOMES[outcome] ?? readable(outcome)) : "…");
  const words = argumentWords(argumentsOf(call));
  const details = words.length ? `: ${words.join(", ")}` : "";
  return `${NAMES[name] ?? `Used ${readable(name)}`}${details} — ${ending}`;
}
