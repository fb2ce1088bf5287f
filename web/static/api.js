// Calls over HTTP: the same commands, for what is no socket's business (uploads, suggestions).

/** Refusals that are over in a moment: another request has the same piece, or it was damaged on its way. */
const PASSING = ["chunk_busy", "wrong_chunk_digest", "wrong_length"];

/** What the server refused, with a sentence for the person. */
export class Problem extends Error {
  /** @param {number} status @param {{title?: string, detail?: string, type?: string} & Record<string, any>} body @param {number} retryAfter seconds */
  constructor(status, body, retryAfter = 0) {
    super(body.detail || body.title || "Something went wrong.");
    this.status = status;
    this.body = body;
    this.retryAfter = retryAfter;
  }

  /** The last part of the problem's address: its name, like "chunk_busy". */
  get code() {
    return String(this.body.type ?? "").split(/[/#]/).pop() ?? "";
  }

  /** Whether trying again later may help. */
  get isPassing() {
    if (this.status === 507) return false;
    return this.status === 0 || this.status === 408 || this.status === 429 || this.status >= 500 || PASSING.includes(this.code);
  }
}

export function csrfToken() {
  return document.querySelector('meta[name="csrf-token"]')?.getAttribute("content") ?? "";
}

/**
 * @param {string} verb @param {string} path below /api/v1
 * @param {{body?: object, signal?: AbortSignal, headers?: Record<string, string>}} [how]
 * @returns {Promise<any>}
 */
export async function call(verb, path, { body, signal, headers = {} } = {}) {
  const all = { "X-CSRF-Token": csrfToken(), Accept: "application/json", ...headers };
  if (body) Object.assign(all, { "Content-Type": "application/json" });
  /** @type {Response} */
  let response;
  try {
    response = await fetch(`/api/v1${path}`, { method: verb, headers: all, body: body && JSON.stringify(body), signal });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Problem(0, { detail: "The server cannot be reached." });
  }
  if (response.status === 204) return null;
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Problem(response.status, answer, Number(response.headers.get("Retry-After")) || 0);
  return answer;
}
