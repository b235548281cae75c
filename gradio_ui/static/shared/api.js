// Requests to this app's own routes. They throw `ApiError`, whose message is written for people.

export class ApiError extends Error {
  /**
   * @param {string} reason  machine-readable, for example CALL_RUNNING
   * @param {Record<string, any>} details
   */
  constructor(message, reason, status = 0, details = {}) {
    super(message);
    this.reason = reason;
    this.status = status;
    this.details = details;
  }
}

const ROOT = new URL("../../", import.meta.url);

/** Returns the URL of a path of this app, which may be below the root of its host behind a reverse proxy. */
export const urlOf = (path) => new URL(path.replace(/^\//, ""), ROOT).href;

export function openSignIn() {
  location.replace(urlOf(`/login${location.search}`));
}

/**
 * Sends a JSON request, and returns the JSON response or null for an empty one. If the session has ended,
 * opens the sign-in page, unless `leave` is false.
 */
export async function request(method, path, body, { leave = true } = {}) {
  const headers = body === undefined ? {} : { "content-type": "application/json" };
  let response;
  try {
    response = await fetch(urlOf(path), {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch {
    throw new ApiError("Readback can't be reached. Check your connection and try again.", "UNREACHABLE");
  }
  if (response.status === 204) return null;
  const data = await response.json().catch(() => ({}));
  if (response.ok) return data;
  const {
    message = "Something went wrong. Please try again.",
    reason = "UNKNOWN",
    ...details
  } = data.error ?? {};
  if (response.status === 401 && leave) openSignIn();
  throw new ApiError(message, reason, response.status, details);
}

export const get = (path) => request("GET", path);
export const post = (path, body) => request("POST", path, body);
