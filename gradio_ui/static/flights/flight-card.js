// A flight card, like a boarding pass: airline, times and airports, duration, price.
import { h, icon, ICONS } from "../shared/dom.js";

/**
 * Formats "2026-11-24" as "Tue 24 Nov". The date is local to the airport, so it isn't converted.
 */
export function dayOf(date) {
  const [year, month, day] = String(date ?? "")
    .split("-")
    .map(Number);
  if (!day) return "";
  return new Intl.DateTimeFormat("en-GB", {
    weekday: "short",
    day: "numeric",
    month: "short",
    timeZone: "UTC",
  }).format(Date.UTC(year, month - 1, day));
}

function durationOf(minutes) {
  return minutes > 0 ? `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min` : "";
}

function priceOf({ amount, currency } = {}) {
  if (amount === undefined || !currency) return "";
  const digits = Number.isInteger(Number(amount)) ? 0 : 2;
  try {
    return new Intl.NumberFormat("en-IN", {
      style: "currency",
      currency,
      maximumFractionDigits: digits,
      minimumFractionDigits: digits,
    }).format(Number(amount));
  } catch {
    return `${amount} ${currency}`;
  }
}

function stopsOf(stops) {
  return stops ? `${stops} ${stops === 1 ? "stop" : "stops"}` : "Nonstop";
}

function end(kind, { time, airport, city, day_offset: days }) {
  return h(
    "div",
    { class: `card-end ${kind}` },
    h(
      "span",
      { class: "card-time" },
      time,
      days ? h("sup", { title: "on another day" }, `${days > 0 ? "+" : ""}${days}`) : null,
    ),
    h(
      "span",
      { class: "card-airport", "data-testid": kind === "from" ? "card-origin" : "card-destination" },
      airport,
    ),
    h("span", { class: "card-city" }, city),
  );
}

/** Formats the seller and the expiry time of an offer, in the browser's time zone. */
function offerOf({ seller, expire_time: until }) {
  const clock = new Date(until).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
  return `${seller}, until ${clock}`;
}

/** Builds the parts of one direction: times, airports, and the connecting cities on a line of their own. */
function route({ depart, arrive, duration_minutes: minutes, stops, via }) {
  return [
    h(
      "div",
      { class: "card-route" },
      end("from", depart),
      h(
        "div",
        { class: "card-line" },
        h("span", {}, durationOf(minutes)),
        h("span", { class: "card-track" }, icon(ICONS.plane)),
        h("span", {}, stopsOf(stops)),
      ),
      end("to", arrive),
    ),
    via?.length > 0 && h("p", { class: "card-via", "data-testid": "card-via" }, `via ${via.join("; ")}`),
  ];
}

/** Formats "AI542" as "AI 542". */
const spaced = (number) => String(number ?? "").replace(/\b([A-Z0-9]{2})\s?(\d{1,4}[A-Z]?)\b/g, "$1\u00a0$2");

/** Builds the card of a flight. @param {{cheapest?: boolean}} marks */
export function flightCard(flight, { cheapest = false } = {}) {
  const { carrier, carrier_code: code, flight_number: number, depart, arrive, back } = flight;
  return h(
    "li",
    {
      class: "card",
      "data-testid": "flight-card",
      "data-flight-number": String(number ?? "").replaceAll(" ", ""),
      "data-origin": depart.airport,
      "data-destination": arrive.airport,
      "data-itinerary-id": flight.itinerary_id,
    },
    h(
      "div",
      { class: "card-head" },
      h("span", { class: "card-badge", "aria-hidden": "true" }, code),
      h(
        "div",
        { class: "card-names" },
        h("span", { class: "card-carrier" }, carrier),
        h("span", { class: "card-number", "data-testid": "card-flight-number" }, spaced(number)),
      ),
      flight.sample && h("span", { class: "tag sample", "data-testid": "card-sample" }, "sample"),
    ),
    ...route(flight),
    back &&
      h(
        "div",
        { class: "card-back", "data-testid": "card-back" },
        h(
          "span",
          { class: "card-date" },
          `Back ${dayOf(back.depart.date)}, ${back.carrier} ${spaced(back.flight_number)}`,
        ),
        ...route(back),
      ),
    h(
      "div",
      { class: "card-foot" },
      h(
        "div",
        { class: "card-facts" },
        h("span", { class: "card-date" }, dayOf(depart.date)),
        cheapest && h("span", { class: "tag cheapest" }, "cheapest"),
        flight.co2e_kg &&
          h(
            "span",
            { class: "card-date", title: "estimated for one passenger" },
            `about ${flight.co2e_kg} kg CO₂e`,
          ),
        flight.offer && h("span", { class: "card-date", "data-testid": "card-offer" }, offerOf(flight.offer)),
      ),
      h(
        "span",
        { class: "card-price", "data-testid": "card-price" },
        flight.sold_out ? "sold out" : priceOf(flight.price),
      ),
    ),
  );
}
