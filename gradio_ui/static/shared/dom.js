// Functions that build DOM nodes. Strings become text nodes, so transcripts are never parsed as HTML.

/**
 * Builds an element.
 * @param {string} tag
 * @param {Record<string, any>} attributes  names that start with "on" are listeners; false and null omit one
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child != null && child !== false));
  return element;
}

const SVG = "http://www.w3.org/2000/svg";

/** Builds an icon, hidden from screen readers, from an SVG path on a 24 × 24 grid. */
export function icon(path) {
  const svg = document.createElementNS(SVG, "svg");
  for (const [name, value] of Object.entries({ viewBox: "0 0 24 24", class: "icon", "aria-hidden": "true" }))
    svg.setAttribute(name, value);
  const shape = document.createElementNS(SVG, "path");
  shape.setAttribute("d", path);
  svg.append(shape);
  return svg;
}

export const ICONS = {
  call: "M6.600 10.800a15 15 0 0 0 6.600 6.600l2.200-2.200a1 1 0 0 1 1-.25 11.400 11.400 0 0 0 3.600.57 1 1 0 0 1 1 1V20a1 1 0 0 1-1 1A17 17 0 0 1 3 4a1 1 0 0 1 1-1h3.500a1 1 0 0 1 1 1 11.400 11.400 0 0 0 .57 3.570 1 1 0 0 1-.25 1z",
  hangUp:
    "M12 9c-1.600 0-3.150.25-4.600.72v3.100a1 1 0 0 1-.56.9 11.300 11.300 0 0 0-2.660 1.850 1 1 0 0 1-1.400 0L.3 13.100a1 1 0 0 1 0-1.410C3.300 8.800 7.450 7 12 7s8.700 1.800 11.700 4.670a1 1 0 0 1 0 1.410l-2.480 2.480a1 1 0 0 1-1.400 0 11.300 11.300 0 0 0-2.670-1.850 1 1 0 0 1-.56-.9v-3.100A15 15 0 0 0 12 9z",
  microphone:
    "M12 14a3 3 0 0 0 3-3V5a3 3 0 0 0-6 0v6a3 3 0 0 0 3 3zm5-3a5 5 0 0 1-10 0H5a7 7 0 0 0 6 6.900V21h2v-3.100A7 7 0 0 0 19 11z",
  microphoneOff:
    "M19 11h-1.700a5 5 0 0 1-.43 2.050l1.230 1.230A7 7 0 0 0 19 11zm-4.020.17L9 5.180V5a3 3 0 0 1 6 0v6zM4.270 3 3 4.270l6.010 6.010V11a3 3 0 0 0 3.660 2.930l1.660 1.660A5 5 0 0 1 6.700 11H5a7 7 0 0 0 6 6.720V21h2v-3.280a6.900 6.900 0 0 0 2.540-.9L19.730 21 21 19.730z",
  send: "M3.400 20.400 20.850 12.920a1 1 0 0 0 0-1.840L3.400 3.600a.99.99 0 0 0-1.390.91L2 9.120c0 .5.37.93.87.99L17 12 2.870 13.880c-.5.07-.87.5-.87 1l.01 4.610c0 .71.73 1.200 1.390.91z",
  sound:
    "M3 9v6h4l5 5V4L7 9zm13.500 3A4.500 4.500 0 0 0 14 7.970v8.050A4.470 4.470 0 0 0 16.500 12zM14 3.230v2.060a7 7 0 0 1 0 13.420v2.060a9 9 0 0 0 0-17.540z",
  plane:
    "M21 16v-2l-8-5V3.500a1.500 1.500 0 0 0-3 0V9l-8 5v2l8-2.500V19l-2 1.500V22l3.500-1 3.500 1v-1.500L13 19v-5.500z",
  tool: "M22.700 19 13.600 9.900c.9-2.300.4-5-1.500-6.900a6.200 6.200 0 0 0-7.400-1.100L9 6.200 6.200 9 1.900 4.700C.4 7.100.9 10.100 2.900 12.100a6.200 6.200 0 0 0 6.900 1.500l9.100 9.100a1 1 0 0 0 1.400 0l2.300-2.300a1 1 0 0 0 .1-1.400z",
  search:
    "M10 3a7 7 0 1 0 4.200 12.600l4.600 4.600 1.400-1.400-4.600-4.600A7 7 0 0 0 10 3zm0 2a5 5 0 1 1 0 10 5 5 0 0 1 0-10z",
  download: "M11 3h2v9l3-3 1.400 1.400L12 16l-5.400-5.600L8 9l3 3zM4 18h16v2H4z",
  bin: "M9 3h6l1 2h4v2H4V5h4zM6 9h12l-1 12H7z",
  back: "M20 11H7.800l5.600-5.600L12 4l-8 8 8 8 1.400-1.400L7.800 13H20z",
};
