// Sends files: chunks in parallel, goes on after a break, asks again when the server is busy.

import { Problem, call, csrfToken } from "./api.js";
import { fingerprint, isFinal, missing, pause, range, received } from "./upload-plan.js";

const FILES_AT_ONCE = 2;
const CHUNKS_AT_ONCE = 2;
const TRIES = 8;
/** A whole file is hashed only up to this size: `crypto.subtle` wants all of it in memory. */
const HASHED_UP_TO = 48 * 1024 * 1024;
const REMEMBERED = "uploads";

/** @typedef {"waiting" | "uploading" | "assembling" | "checking" | "indexing" | "ready" | "failed" | "cancelled" | "expired"} Stage */

/** One file on its way. */
export class Upload {
  /** @param {File} file */
  constructor(file) {
    this.file = file;
    this.fileName = file.name;
    this.total = file.size;
    this.uploadId = "";
    this.received = 0;
    /** @type {Stage} */
    this.stage = "waiting";
    this.detail = "";
    /** The code of the problem by which it failed. */
    this.problem = "";
    this.songId = "";
    this.abort = new AbortController();
    /** @type {() => void} */
    this.settle = () => {};
    this.settled = new Promise((resolve) => (this.settle = () => resolve(undefined)));
  }

  /** Whether the same file could get through another time. */
  get mayPass() {
    return !isFinal(this.problem);
  }

  get isOver() {
    return ["ready", "failed", "cancelled", "expired"].includes(this.stage);
  }
}

/** Events: `change` (detail: the Upload). */
export class Uploader extends EventTarget {
  constructor() {
    super();
    /** @type {Upload[]} */
    this.uploads = [];
    this.running = 0;
  }

  /** @param {File[]} files @returns {Upload[]} */
  add(files) {
    const fresh = files.map((file) => new Upload(file));
    this.uploads.push(...fresh);
    for (const upload of fresh) this.#changed(upload);
    this.#next();
    return fresh;
  }

  /** @param {Upload} upload */
  async cancel(upload) {
    if (upload.isOver) return;
    upload.abort.abort();
    this.#over(upload, "cancelled", "");
    if (upload.uploadId) await call("DELETE", `/upload/${upload.uploadId}`).catch(() => null);
  }

  /** @param {Upload} upload */
  retry(upload) {
    this.forget(upload);
    return this.add([upload.file]);
  }

  /** Forget one that is over. @param {Upload} upload */
  forget(upload) {
    this.uploads = this.uploads.filter((one) => one !== upload);
  }

  /** Forget what is over. */
  clear() {
    this.uploads = this.uploads.filter((one) => !one.isOver);
  }

  /**
   * News from the server about one of ours.
   * @param {{uploadId: string, received?: number, total?: number, stage: Stage, songId?: string | null, problem?: string | null,
   *   detail?: string | null}} news
   */
  hear(news) {
    const upload = this.uploads.find((one) => one.uploadId === news.uploadId);
    if (!upload || upload.isOver) return;
    if (news.received) upload.received = Math.max(upload.received, Math.min(news.received, upload.total));
    if (["ready", "failed", "cancelled", "expired"].includes(news.stage)) {
      upload.songId = news.songId ?? "";
      return this.#over(upload, news.stage, news.detail ?? "", news.problem ?? "");
    }
    if (upload.stage !== "waiting" && news.stage !== "uploading") upload.stage = news.stage;
    this.#changed(upload);
  }

  #next() {
    while (this.running < FILES_AT_ONCE) {
      const upload = this.uploads.find((one) => one.stage === "waiting");
      if (!upload) return;
      upload.stage = "uploading";
      this.running += 1;
      this.#send(upload).finally(() => {
        this.running -= 1;
        this.#next();
      });
    }
  }

  /** @param {Upload} upload */
  async #send(upload) {
    try {
      const begun = await this.#begin(upload);
      upload.uploadId = begun.uploadId;
      remember(upload.file, begun.uploadId);
      this.#changed(upload);
      if (begun.status === "ready") return this.hear({ ...begun, stage: "ready" });
      await this.#sendChunks(upload, begun);
      await this.#complete(upload, begun);
      if (!upload.isOver) upload.stage = upload.stage === "uploading" ? "assembling" : upload.stage;
      this.#changed(upload);
      this.#watch(upload);
    } catch (error) {
      if (!upload.isOver) this.#over(upload, "failed", /** @type {Error} */ (error).message, error instanceof Problem ? error.code : "");
    }
  }

  /** Say that all is there; should the server miss something, send that. @param {Upload} upload @param {any} begun */
  async #complete(upload, begun) {
    const say = () => call("POST", `/upload/complete/${upload.uploadId}`, { signal: upload.abort.signal });
    try {
      await this.#persist(upload, say);
    } catch (error) {
      if (!(error instanceof Problem) || error.code !== "chunks_missing") throw error;
      await this.#sendChunks(upload, { ...begun, uploadedChunks: (await call("GET", `/upload/${upload.uploadId}`)).uploadedChunks });
      await this.#persist(upload, say);
    }
  }

  /** A new upload, or the unfinished one of the same file. @param {Upload} upload @returns {Promise<any>} */
  async #begin(upload) {
    const { file } = upload;
    const known = remembered(file);
    if (known) {
      const found = await call("GET", `/upload/${known}`).catch(() => null);
      if (found && ["pending", "uploading"].includes(found.status)) return found;
    }
    const body = { fileName: file.name, fileSize: file.size, mimeType: file.type || "application/octet-stream" };
    const sha256 = file.size <= HASHED_UP_TO ? await digest(file, "hex") : null;
    return this.#persist(upload, () =>
      call("POST", "/upload/init", { body: sha256 ? { ...body, sha256 } : body, signal: upload.abort.signal }),
    );
  }

  /** @param {Upload} upload @param {{chunkSize: number, totalChunks: number, uploadedChunks: number[]}} begun */
  async #sendChunks(upload, { chunkSize, totalChunks, uploadedChunks }) {
    const done = [...uploadedChunks];
    const left = missing(totalChunks, done);
    /** @type {Map<number, number>} */
    const moving = new Map();
    const count = () => {
      const onTheWay = [...moving.values()].reduce((sum, sent) => sum + sent, 0);
      upload.received = Math.min(upload.total, received(done, chunkSize, upload.total) + onTheWay);
      this.#changed(upload);
    };
    const lane = async () => {
      for (let index = left.shift(); index !== undefined; index = left.shift()) {
        const { start, end } = range(index, chunkSize, upload.total);
        const part = upload.file.slice(start, end);
        const sent = (/** @type {number} */ bytes) => (moving.set(/** @type {number} */ (index), bytes), count());
        await this.#persist(upload, () => sendChunk(upload, /** @type {number} */ (index), part, sent));
        moving.delete(index);
        done.push(index);
        count();
      }
    };
    await Promise.all(Array.from({ length: CHUNKS_AT_ONCE }, lane));
  }

  /** @template T @param {Upload} upload @param {() => Promise<T>} work @returns {Promise<T>} */
  async #persist(upload, work) {
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof Problem && error.isPassing) || attempt >= TRIES || upload.abort.signal.aborted) throw error;
        await new Promise((resolve) => setTimeout(resolve, pause(attempt, error.retryAfter, Math.random())));
      }
    }
  }

  /** The socket tells how it goes on; ask now and then, in case a message was lost. @param {Upload} upload */
  async #watch(upload) {
    for (let round = 0; !upload.isOver; round += 1) {
      await Promise.race([upload.settled, new Promise((resolve) => setTimeout(resolve, Math.min(10_000, 2000 + 500 * round)))]);
      if (upload.isOver) return;
      const found = await call("GET", `/upload/${upload.uploadId}`).catch(() => null);
      if (found) this.hear({ uploadId: upload.uploadId, stage: found.status, songId: found.songId, problem: found.problem, detail: found.detail });
    }
  }

  /** @param {Upload} upload @param {Stage} stage @param {string} detail @param {string} [problem] */
  #over(upload, stage, detail, problem = "") {
    upload.stage = stage;
    upload.problem = problem;
    upload.detail = detail;
    if (stage === "ready") upload.received = upload.total;
    forget(upload.file);
    upload.settle();
    this.#changed(upload);
  }

  /** @param {Upload} upload */
  #changed(upload) {
    this.dispatchEvent(new CustomEvent("change", { detail: upload }));
  }
}

/**
 * One chunk with its progress; XMLHttpRequest because fetch cannot tell how much has left.
 * @param {Upload} upload @param {number} index @param {Blob} part @param {(sent: number) => void} sent
 */
async function sendChunk(upload, index, part, sent) {
  const hash = await digest(part, "base64");
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", `/api/v1/upload/chunk/${upload.uploadId}/${index}`);
    request.setRequestHeader("X-CSRF-Token", csrfToken());
    request.setRequestHeader("Content-Type", "application/octet-stream");
    if (hash) request.setRequestHeader("Content-Digest", `sha-256=:${hash}:`);
    request.upload.onprogress = (event) => sent(event.loaded);
    request.onload = () => {
      const answer = parsed(request.responseText);
      if (request.status < 300) return resolve(answer);
      reject(new Problem(request.status, answer, Number(request.getResponseHeader("Retry-After")) || 0));
    };
    request.onerror = () => reject(new Problem(0, { detail: "The connection broke." }));
    request.onabort = () => reject(new Problem(499, { detail: "Cancelled." }));
    upload.abort.signal.addEventListener("abort", () => request.abort(), { once: true });
    request.send(part);
  });
}

/**
 * SHA-256 where the browser gives it (not on pages over plain http).
 * @param {Blob} blob @param {"hex" | "base64"} form @returns {Promise<string | null>}
 */
async function digest(blob, form) {
  if (!globalThis.crypto?.subtle) return null;
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", await blob.arrayBuffer()));
  if (form === "base64") return btoa(String.fromCharCode(...hash));
  return [...hash].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** @param {string} text @returns {any} */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

/** @returns {Record<string, string>} */
function memory() {
  return parsed(localStorage.getItem(REMEMBERED) ?? "{}");
}

/** @param {File} file */
function remembered(file) {
  return memory()[fingerprint(file)];
}

/** @param {File} file @param {string} uploadId */
function remember(file, uploadId) {
  const all = Object.entries({ ...memory(), [fingerprint(file)]: uploadId }).slice(-200);
  localStorage.setItem(REMEMBERED, JSON.stringify(Object.fromEntries(all)));
}

/** @param {File} file */
function forget(file) {
  const { [fingerprint(file)]: _, ...rest } = memory();
  localStorage.setItem(REMEMBERED, JSON.stringify(rest));
}
