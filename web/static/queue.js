// <play-queue>: the queue, ten thousand songs long if need be; only the rows in sight exist.
// Properties model (QueueModel), currentIndex, me (a person's id: his own name is not shown). Events: show {from, to}, jump {itemId}, move {itemId, to},
// remove {itemId, title}.

import { QueueModel } from "./queue-model.js";
import { cover, icon, make } from "./ui.js";

const ROW = 60;
const SPARE = 6;

export class PlayQueue extends HTMLElement {
  constructor() {
    super();
    this.model = new QueueModel();
    this.currentIndex = -1;
    this.me = "";
    /** @type {Map<string, HTMLElement>} rows in sight by item, or by place while unknown */
    this.rows = new Map();
    /** @type {{itemId: string, from: number, to: number, startY: number, y: number, scroll: number} | null} */
    this.held = null;
    this.hasFollowed = -2;
  }

  connectedCallback() {
    this.view = make("div", { class: "queue-view", role: "list", tabindex: "-1" });
    this.room = make("div", { class: "queue-room" });
    this.view.append(this.room);
    this.nothing = make("div", { class: "empty", tabindex: "-1" }, icon("queue"), make("h3", {}, "The queue is empty"), make("p", { class: "small" }, "Press + beside a song to add it."));
    this.replaceChildren(this.nothing, this.view);
    this.view.addEventListener("scroll", () => this.draw(), { passive: true });
    this.view.addEventListener("click", (event) => this.#click(event));
    this.view.addEventListener("keydown", (event) => this.#key(event));
    this.view.addEventListener("pointerdown", (event) => this.#grab(event));
    this.view.addEventListener("pointermove", (event) => this.#drag(event));
    for (const name of ["pointerup", "pointercancel"]) this.view.addEventListener(name, (event) => this.#release(/** @type {PointerEvent} */ (event)));
    new ResizeObserver(() => this.draw()).observe(this.view);
    this.draw();
  }

  /** Show the model as it is now. */
  draw() {
    const { view, room, nothing } = this;
    if (!view || !room || !nothing) return;
    const { length } = this.model;
    nothing.hidden = length > 0;
    if (!length && view.contains(document.activeElement)) nothing.focus();
    view.hidden = length === 0;
    view.style.setProperty("--room", `${length * ROW}px`);
    view.style.setProperty("--queue-height", `${Math.min(length, 9) * ROW}px`);
    if (!length || !view.clientHeight) return;
    this.#follow();
    const first = Math.max(0, Math.floor(view.scrollTop / ROW) - SPARE);
    const last = Math.min(length, Math.ceil((view.scrollTop + view.clientHeight) / ROW) + SPARE);
    this.#rows(first, last);
    this.dispatchEvent(new CustomEvent("show", { detail: { from: first, to: last } }));
  }

  /** @param {number} first @param {number} last */
  #rows(first, last) {
    const wanted = new Map();
    for (let place = first; place < last; place += 1) {
      const index = this.#indexAt(place);
      const item = this.model.at(index);
      const key = item?.itemId ?? `place ${place}`;
      const row = this.rows.get(key) ?? (item ? this.#row(item) : ghost());
      this.#mark(row, index, place, item);
      wanted.set(key, row);
    }
    for (const [key, row] of this.rows) if (!wanted.has(key) && key !== this.held?.itemId) row.remove();
    const held = this.held && this.rows.get(this.held.itemId);
    if (this.held && held) wanted.set(this.held.itemId, held);
    this.rows = wanted;
    this.#order([...wanted.values()]);
  }

  /** Rows stand in the document as they are seen, for who reads or tabs through them. @param {HTMLElement[]} rows */
  #order(rows) {
    const { room } = this;
    if (!room || (this.held && rows.every((row) => row.isConnected))) return;
    const focused = /** @type {HTMLElement | null} */ (room.contains(document.activeElement) ? document.activeElement : null);
    rows.forEach((row, place) => room.children[place] !== row && room.insertBefore(row, room.children[place] ?? null));
    if (focused?.isConnected && document.activeElement !== focused) focused.focus({ preventScroll: true });
  }

  /** Which item lies at a place while another is being dragged. @param {number} place */
  #indexAt(place) {
    if (!this.held) return place;
    const { from, to } = this.held;
    if (place === to) return from;
    if (from < to && place >= from && place < to) return place + 1;
    if (to < from && place > to && place <= from) return place - 1;
    return place;
  }

  /** @param {Item} item */
  #row(item) {
    const sub = [item.artist || "Unknown artist", item.addedBy?.id !== this.me && item.addedBy?.name].filter(Boolean).join(" · ");
    return make(
      "div",
      { class: "queue-item", role: "listitem", "data-item-id": item.itemId },
      make("button", { class: "item-main", type: "button", "data-act": "jump", "data-needs": "control", "aria-label": `Play ${item.title}` },
        cover(item.title, item.coverUrl),
        make("span", { class: "item-text" }, make("span", { class: "item-title" }, item.title), make("span", { class: "item-sub" }, sub))),
      make("button", { class: "btn btn-icon", type: "button", "data-act": "remove", "data-needs": "control", "aria-label": `Remove ${item.title}` }, icon("close")),
      make("button", { class: "btn btn-icon grip", type: "button", "data-act": "grip", "data-needs": "control", "aria-label": `Move ${item.title}: arrow keys` }, icon("grip")),
    );
  }

  /** @param {HTMLElement} row @param {number} index @param {number} place @param {Item | undefined} item */
  #mark(row, index, place, item) {
    const isHeld = this.held !== null && item?.itemId === this.held.itemId;
    const top = isHeld && this.held ? this.held.from * ROW + this.held.y - this.held.startY + (this.view?.scrollTop ?? 0) - this.held.scroll : place * ROW;
    row.style.setProperty("--y", `${top}px`);
    row.classList.toggle("is-held", isHeld);
    row.classList.toggle("is-moving", !isHeld && row.isConnected);
    row.classList.toggle("is-current", index === this.currentIndex);
    row.classList.toggle("is-done", index < this.currentIndex);
    row.setAttribute("aria-posinset", String(index + 1));
    row.setAttribute("aria-setsize", String(this.model.length));
    if (index === this.currentIndex) row.setAttribute("aria-current", "true");
    else row.removeAttribute("aria-current");
    row.dataset.index = String(index);
  }

  /** Keep the current song in sight when it changes, not when somebody is looking elsewhere. */
  #follow() {
    if (!this.view || this.hasFollowed === this.currentIndex || this.held) return;
    const isFirst = this.hasFollowed === -2;
    const wasInSight = Math.abs(this.hasFollowed * ROW - this.view.scrollTop) < this.view.clientHeight;
    this.hasFollowed = this.currentIndex;
    if (isFirst || wasInSight) this.view.scrollTop = Math.max(0, this.currentIndex * ROW - ROW);
  }

  /** @param {MouseEvent} event */
  #click(event) {
    const { act, item, index } = this.#what(event);
    if (act === "jump" && item) this.#say("jump", { itemId: item.itemId });
    if (act !== "remove" || !item) return;
    // A press of a key on a button is a click without a place.
    if (!event.detail) this.#focusBeside(index, act);
    this.#say("remove", { itemId: item.itemId, title: item.title });
  }

  /** Arrows on the grip move the song, Delete anywhere in a row removes it. @param {KeyboardEvent} event */
  #key(event) {
    const { act, item, index } = this.#what(event);
    if (!item) return;
    if (event.key === "Delete" && !event.repeat) {
      this.#focusBeside(index, act || "jump");
      this.#say("remove", { itemId: item.itemId, title: item.title });
    }
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const to = Math.max(0, Math.min(this.model.length - 1, index + step));
    if (act !== "grip") return this.#focus(to, "jump");
    if (to !== index) this.#moveTo(item.itemId, index, to);
    this.#reveal(to);
  }

  /** @param {number} index */
  #reveal(index) {
    if (!this.view) return;
    const top = index * ROW;
    if (top < this.view.scrollTop) this.view.scrollTop = top;
    if (top + ROW > this.view.scrollTop + this.view.clientHeight) this.view.scrollTop = top + ROW - this.view.clientHeight;
  }

  /** @param {number} index @param {string} act */
  #focus(index, act) {
    this.#reveal(index);
    this.draw();
    const row = this.rows.get(this.model.at(index)?.itemId ?? "");
    /** @type {HTMLElement | null | undefined} */ (row?.querySelector(`[data-act="${act}"]`))?.focus();
  }

  /** The row goes, and who uses keys goes on from the next one, or from the one before. @param {number} index @param {string} act */
  #focusBeside(index, act) {
    const isLast = index === this.model.length - 1;
    if (this.model.length > 1) this.#focus(isLast ? index - 1 : index + 1, act);
  }

  /** @param {PointerEvent} event */
  #grab(event) {
    const { act, item, index } = this.#what(event);
    if (act !== "grip" || !item || event.button) return;
    event.preventDefault();
    this.view?.setPointerCapture(event.pointerId);
    this.held = { itemId: item.itemId, from: index, to: index, startY: event.clientY, y: event.clientY, scroll: this.view?.scrollTop ?? 0 };
    this.#scrollWhileHeld();
    this.draw();
  }

  /** @param {PointerEvent} event */
  #drag(event) {
    if (!this.held || !this.view) return;
    this.held.y = event.clientY;
    const moved = event.clientY - this.held.startY + this.view.scrollTop - this.held.scroll;
    this.held.to = Math.max(0, Math.min(this.model.length - 1, this.held.from + Math.round(moved / ROW)));
    this.draw();
  }

  /** Near an edge the list comes along. */
  #scrollWhileHeld() {
    if (!this.held || !this.view) return;
    const { top, bottom } = this.view.getBoundingClientRect();
    const speed = this.held.y < top + 50 ? -9 : this.held.y > bottom - 50 ? 9 : 0;
    if (speed) {
      this.view.scrollTop += speed;
      this.#drag(new PointerEvent("pointermove", { clientY: this.held.y }));
    }
    requestAnimationFrame(() => this.#scrollWhileHeld());
  }

  /** @param {PointerEvent} event */
  #release(event) {
    if (!this.held) return;
    const { itemId, from, to } = this.held;
    this.held = null;
    if (event.type === "pointerup" && from !== to) this.#moveTo(itemId, from, to);
    this.draw();
  }

  /** @param {string} itemId @param {number} from @param {number} to */
  #moveTo(itemId, from, to) {
    this.#say("move", { itemId, from, to });
  }

  /** @param {Event} event */
  #what(event) {
    const target = /** @type {HTMLElement} */ (event.target);
    const row = /** @type {HTMLElement | null} */ (target.closest(".queue-item"));
    const act = /** @type {HTMLElement | null} */ (target.closest("[data-act]"))?.dataset.act ?? "";
    const index = Number(row?.dataset.index ?? -1);
    return { act, index, item: this.model.at(index) };
  }

  /** @param {string} name @param {object} detail */
  #say(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

function ghost() {
  return make("div", { class: "queue-item", "aria-hidden": "true" }, make("span", { class: "cover ghost" }), make("span", { class: "ghost grow" }));
}

customElements.define("play-queue", PlayQueue);
