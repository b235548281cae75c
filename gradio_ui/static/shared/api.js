// Requests to this app's own routes. Failures come as `Failure` with words for people.

export class Failure extends Error {
  /** @param {string} reason  machine-readable, for example CALL_RUNNING  @param {Record<string, any>} details */
  constructor(message, reason, status = 0, details = {}) {
    super(message);
    this.reason = reason;
    this.status = status;
    this.details = details;
  }
}

export function leaveForSignIn() {
  location.replace(`/login${location.search}`);
}

/** Sends JSON, gives JSON (null for an empty answer). Signed out? Then the page leaves for the sign-in page. */
export async function request(method, path, body, { leave = true } = {}) {
  const headers = body === undefined ? {} : { "content-type": "application/json" };
  let response;
  try {
    response = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch {
    throw new Failure("Readback can't be reached. Check your connection and try again.", "UNREACHABLE");
  }
  if (response.status === 204) return null;
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return answer;
  const { message = "Something went wrong. Please try again.", reason = "UNKNOWN", ...details } = answer.error ?? {};
  if (response.status === 401 && leave) leaveForSignIn();
  throw new Failure(message, reason, response.status, details);
}

export const get = (path) => request("GET", path);
export const post = (path, body) => request("POST", path, body);
