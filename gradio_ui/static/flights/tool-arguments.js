// The arguments of a tool call, in the form that people read.

const two = (number = 0) => String(number).padStart(2, "0");
/** Converts a `google.type.Date` to "2026-11-24". */
const date = ({ year, month, day }) => `${year}-${two(month)}-${two(day)}`;
/** Converts a `google.type.TimeOfDay` to "18:30". In protobuf's JSON, midnight is an empty object. */
const time = ({ hours, minutes }) => `${two(hours)}:${two(minutes)}`;
/** Converts the name of an enum's value to a word: "FLIGHT_SORT_CHEAPEST" to "cheapest". */
const word = (name) => String(name).replace(/^(FLIGHT_SORT|CABIN)_/, "").toLowerCase();

const FORMS = {
  departure_date: date,
  return_date: date,
  departure_time_from: time,
  departure_time_before: time,
  arrival_time_from: time,
  arrival_time_before: time,
  near: time,
  sort: word,
  cabin: word,
};
/** Tools with typed arguments; each is the name of a field of `ToolCall` too. */
const TYPED = ["search_flights", "flight_status", "route_status", "get_airport"];
/** Fields that a caller doesn't ask for. */
const WITHHELD = ["origin_kind", "destination_kind", "via_kind", "max_results"];

/** Merges the arguments of a search with those of its first leg; the day of a second leg is `return_date`. */
function flat({ legs: [leg, back] = [], ...rest }) {
  return { ...rest, ...leg, ...(back && { return_date: back.departure_date }) };
}

/**
 * Returns the arguments of a `ToolCall`: places as `Place` where the call names them, dates and times as
 * text, enums as words. Returns those of an unknown tool unchanged.
 */
export function argumentsOf(call) {
  const typed = TYPED.includes(call?.name) && call[call.name];
  if (!typed) return call?.other ?? {};
  const places = new Map((call.places ?? []).map((place) => [place.code, place]));
  const shown = Object.entries(flat(typed)).filter(([name]) => !WITHHELD.includes(name));
  return Object.fromEntries(
    shown.map(([name, value]) => [name, FORMS[name]?.(value) ?? places.get(value) ?? value]),
  );
}

/** Returns the outcome of a `ToolResult` without the prefix of the enum, for example "FOUND". */
export const outcomeOf = (result) => (result?.outcome ?? "").replace("TOOL_OUTCOME_", "");
