// <upload-manager>: drop files or folders anywhere; shows how each gets on.
// Properties onUploadComplete, acceptedTypes, maxSize. Events `progress` and `error`, once per change.

import { filesOf } from "./dropped.js";
import { bytes, icon, make, swapIcon, toast } from "./ui.js";
import { ACCEPTED, headline, refusal } from "./upload-plan.js";
import { Uploader } from "./uploader.js";

const SHOWN = 60;
const WORDS = {
  waiting: "Waiting",
  uploading: "Uploading",
  assembling: "Putting together",
  checking: "Checking",
  indexing: "Adding",
  ready: "Ready",
  failed: "Failed",
  cancelled: "Cancelled",
  expired: "Expired",
};

export class UploadManager extends HTMLElement {
  constructor() {
    super();
    this.uploader = new Uploader();
    /** @type {((upload: import("./uploader.js").Upload) => void) | null} */
    this.onUploadComplete = null;
    /** @type {readonly string[]} */
    this.acceptedTypes = ACCEPTED;
    this.maxSize = Number(this.dataset.maxSize) || 2 * 1024 ** 3;
    /** @type {Map<import("./uploader.js").Upload, {row: HTMLElement, key: string}>} */
    this.rows = new Map();
    this.isFolded = false;
    this.hasEnded = false;
    this.willDraw = false;
    this.dragDepth = 0;
    /** @type {HTMLElement | null} */
    this.veil = null;
  }

  connectedCallback() {
    this.uploader.addEventListener("change", (event) => this.#changed(/** @type {CustomEvent} */ (event).detail));
    document.addEventListener("dragenter", (event) => this.#drag(event, 1));
    document.addEventListener("dragleave", (event) => this.#drag(event, -1));
    document.addEventListener("dragover", (event) => hasFiles(event) && event.preventDefault());
    document.addEventListener("drop", (event) => this.#drop(event));
    addEventListener("beforeunload", (event) => {
      if (this.uploader.uploads.some((one) => one.stage === "uploading")) event.preventDefault();
    });
  }

  /** Open the system's file chooser. @param {{folder?: boolean}} [how] */
  choose({ folder = false } = {}) {
    const input = /** @type {HTMLInputElement} */ (make("input", { type: "file", multiple: true, hidden: true }));
    if (folder) input.webkitdirectory = true;
    else input.accept = [...this.acceptedTypes, "audio/*"].join(",");
    input.addEventListener("change", () => {
      this.add([...(input.files ?? [])]);
      input.remove();
    });
    document.body.append(input);
    input.click();
  }

  /** @param {File[]} files */
  add(files) {
    const refused = files.map((file) => refusal(file, this.acceptedTypes, this.maxSize));
    const taken = files.filter((_, index) => refused[index] === null);
    const [wrong, big, empty] = ["type", "size", "empty"].map((why) => refused.filter((one) => one === why).length);
    if (big) this.#refuse(`${big === 1 ? "One file is" : `${big} files are`} larger than ${bytes(this.maxSize)}.`);
    if (empty) this.#refuse(`${empty === 1 ? "One file is" : `${empty} files are`} empty.`);
    if (wrong) this.#refuse(taken.length ? wrong === 1 ? "One file that is no music was left out." : `${wrong} files that are no music were left out.` : "That is no music file Tutti can play.");
    if (taken.length) this.uploader.add(taken.sort((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true })));
  }

  /** @param {any} news an `upload.progress` */
  hear(news) {
    this.uploader.hear(news);
  }

  /** @param {string} sentence */
  #refuse(sentence) {
    toast(sentence, { isBad: true });
    this.dispatchEvent(new CustomEvent("error", { detail: { message: sentence } }));
  }

  /** @param {DragEvent} event @param {number} step */
  #drag(event, step) {
    if (!hasFiles(event)) return;
    this.dragDepth = Math.max(0, this.dragDepth + step);
    if (this.dragDepth && !this.veil) {
      this.veil = make("div", { class: "drop-veil" }, make("div", {}, icon("upload"), make("h2", {}, "Drop to add to your music")));
      document.body.append(this.veil);
    }
    if (!this.dragDepth) this.#unveil();
  }

  /** @param {DragEvent} event */
  async #drop(event) {
    if (!hasFiles(event) || !event.dataTransfer) return;
    event.preventDefault();
    this.dragDepth = 0;
    this.#unveil();
    this.add(await filesOf(event.dataTransfer));
  }

  #unveil() {
    this.veil?.remove();
    this.veil = null;
  }

  /** @param {import("./uploader.js").Upload} upload */
  #changed(upload) {
    const { uploadId, fileName, received, total, stage, songId, detail } = upload;
    const told = { uploadId, fileName, received, total, stage, songId, detail };
    this.dispatchEvent(new CustomEvent(stage === "failed" || stage === "expired" ? "error" : "progress", { detail: told }));
    if (stage === "ready") this.onUploadComplete?.(upload);
    if (this.willDraw) return;
    this.willDraw = true;
    requestAnimationFrame(() => {
      this.willDraw = false;
      this.#draw();
    });
  }

  #draw() {
    const panel = /** @type {HTMLElement} */ (this.querySelector(".uploads"));
    const all = this.uploader.uploads;
    panel.hidden = !all.length;
    if (!all.length) return this.rows.clear();
    if (!panel.firstChild) this.#build(panel);
    const [bytesDone, bytesAll] = [sum(all, "received"), sum(all, "total")];
    this.#foldAtEnd(all);
    /** @type {HTMLElement} */ (panel.querySelector("h3")).textContent = headline(all);
    const bar = /** @type {HTMLProgressElement} */ (panel.querySelector(".uploads-all"));
    bar.value = bytesAll ? bytesDone / bytesAll : 0;
    bar.hidden = this.hasEnded;
    this.#drawRows(/** @type {HTMLElement} */ (panel.querySelector(".uploads-list")));
    this.#drawFold(/** @type {HTMLElement} */ (panel.querySelector("[aria-expanded]")));
    if (this.hasEnded && !all.some((one) => one.stage === "failed" || one.stage === "expired")) this.#leaveSoon(panel);
  }

  /** Once nothing is under way it makes room, unless all there is to tell is what went wrong. @param {import("./uploader.js").Upload[]} all */
  #foldAtEnd(all) {
    const hasEnded = all.every((one) => one.isOver);
    if (hasEnded === this.hasEnded) return;
    this.hasEnded = hasEnded;
    this.isFolded = hasEnded && all.some((one) => one.stage === "ready");
  }

  /** @param {HTMLElement} fold */
  #drawFold(fold) {
    fold.setAttribute("aria-expanded", String(!this.isFolded));
    swapIcon(fold, this.isFolded ? "up" : "down");
  }

  /** @param {HTMLElement} panel */
  #build(panel) {
    const fold = make("button", { class: "btn btn-icon", type: "button", "aria-label": "Show each file", "aria-expanded": "true", onclick: () => this.#fold() }, icon("down"));
    const close = make("button", { class: "btn btn-icon", type: "button", "aria-label": "Close", onclick: () => this.#close() }, icon("close"));
    panel.append(
      make("header", { class: "uploads-head" }, make("h3", { class: "grow nums" }), fold, close),
      make("progress", { class: "progress uploads-all", max: 1, value: 0 }),
      make("div", { class: "uploads-list" }),
    );
  }

  /** @param {HTMLElement} list */
  #drawRows(list) {
    list.hidden = this.isFolded;
    if (this.isFolded) return;
    const order = [...this.uploader.uploads].sort((a, b) => rank(a) - rank(b)).slice(0, SHOWN);
    const rows = order.map((upload) => this.#row(upload));
    if (rows.some((row, index) => list.children[index] !== row) || list.children.length !== rows.length) list.replaceChildren(...rows);
  }

  /** @param {import("./uploader.js").Upload} upload */
  #row(upload) {
    const key = `${upload.stage}|${upload.detail}`;
    const known = this.rows.get(upload);
    if (known?.key === key) {
      const bar = /** @type {HTMLProgressElement | null} */ (known.row.querySelector("progress"));
      if (bar?.hasAttribute("value")) bar.value = upload.received;
      return known.row;
    }
    const row = make("div", { class: "upload", "data-stage": upload.stage }, make("span", { class: "upload-name cut", title: upload.fileName }, upload.fileName), this.#end(upload));
    if (upload.stage === "failed") row.append(make("p", { class: "error" }, icon("alert"), upload.detail || "That did not work."));
    else if (upload.stage === "uploading") row.append(make("progress", { class: "progress", max: upload.total, value: upload.received, "aria-label": upload.fileName }));
    else if (!upload.isOver && upload.stage !== "waiting") row.append(make("progress", { class: "progress", "aria-label": upload.fileName }));
    this.rows.set(upload, { row, key });
    return row;
  }

  /** @param {import("./uploader.js").Upload} upload */
  #end(upload) {
    const place = make("span", { class: "row small muted" }, upload.stage === "waiting" ? bytes(upload.total) : WORDS[upload.stage]);
    if (upload.stage === "ready") place.append(icon("check"));
    if (upload.stage === "failed") place.append(this.#after(upload));
    if (!upload.isOver) {
      const label = `Cancel ${upload.fileName}`;
      place.append(make("button", { class: "btn btn-icon btn-small", type: "button", "aria-label": label, onclick: () => this.uploader.cancel(upload) }, icon("close")));
    }
    return place;
  }

  /** What can be done about one that failed. @param {import("./uploader.js").Upload} upload */
  #after(upload) {
    const remove = () => (this.uploader.forget(upload), this.#draw());
    const [word, act] = upload.mayPass ? ["Try again", () => this.uploader.retry(upload)] : ["Remove", remove];
    return make("button", { class: "btn btn-small", type: "button", onclick: act }, word);
  }

  #fold() {
    this.isFolded = !this.isFolded;
    this.#draw();
  }

  #close() {
    if (this.uploader.uploads.some((one) => !one.isOver)) return this.#fold();
    this.uploader.clear();
    this.#draw();
  }

  /** All went well: make room, then go. @param {HTMLElement} panel */
  #leaveSoon(panel) {
    /** @type {HTMLElement} */ (panel.querySelector(".uploads-list")).hidden = true;
    const then = this.uploader.uploads.length;
    setTimeout(() => {
      const { uploads } = this.uploader;
      if (uploads.length !== then || uploads.some((one) => !one.isOver)) return;
      this.uploader.clear();
      this.#draw();
    }, 6000);
  }
}

/** @param {DragEvent} event */
function hasFiles(event) {
  return event.dataTransfer?.types.includes("Files") ?? false;
}

/** @param {import("./uploader.js").Upload[]} uploads @param {"received" | "total"} what */
function sum(uploads, what) {
  return uploads.reduce((total, one) => total + (one.isOver ? one.total : one[what]), 0);
}

/** Moving first, then failed, waiting, done. @param {import("./uploader.js").Upload} upload */
function rank(upload) {
  return { failed: 1, waiting: 2, ready: 3, cancelled: 4, expired: 4 }[/** @type {string} */ (upload.stage)] ?? 0;
}

customElements.define("upload-manager", UploadManager);
