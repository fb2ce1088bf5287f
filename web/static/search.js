// <search-bar>: an input with suggestions for each key. Attributes placeholder, autofocus.
// Events search {query}, suggestionSelect {suggestion}; each once.
// <search-results query filters>: what was found, drawn by the server. Events playSong, viewAlbum, viewArtist.

import { call } from "./api.js";
import { navigate } from "./navigation.js";
import { cover, make } from "./ui.js";

/**
 * @typedef {{text: string, hit: boolean}} Piece
 * @typedef {{type: string, id: string, title: string, subtitle: string, coverUrl: string | null, highlight?: {title: Piece[], subtitle: Piece[]}}} Suggestion
 */

const KINDS = { song: "Song", album: "Album", artist: "Artist", playlist: "Playlist" };

export class SearchBar extends HTMLElement {
  constructor() {
    super();
    /** @type {Suggestion[]} */
    this.found = [];
    this.chosen = -1;
    /** @type {AbortController | null} */
    this.asking = null;
    /** @type {Map<string, Suggestion[]>} */
    this.known = new Map();
  }

  connectedCallback() {
    const input = this.input;
    if (!input) return;
    if (this.hasAttribute("placeholder")) input.placeholder = this.getAttribute("placeholder") ?? "";
    this.list = make("div", { class: "suggestions", role: "listbox", id: "suggestions", hidden: true });
    this.append(this.list);
    for (const [name, value] of [["role", "combobox"], ["aria-expanded", "false"], ["aria-controls", "suggestions"], ["aria-autocomplete", "list"]]) input.setAttribute(name ?? "", value ?? "");
    // The native `search` of <input type=search> would be taken for ours.
    input.addEventListener("search", (event) => event.stopPropagation());
    input.addEventListener("input", () => this.#type());
    input.addEventListener("keydown", (event) => this.#key(event));
    input.addEventListener("focus", () => this.found.length && this.#show(true));
    input.addEventListener("blur", () => setTimeout(() => this.#show(false), 150));
    this.list.addEventListener("pointerdown", (event) => event.preventDefault());
    this.list.addEventListener("click", (event) => this.#click(event));
    this.querySelector("form")?.addEventListener("submit", (event) => this.#submit(event), true);
    if (this.hasAttribute("autofocus") && matchMedia("(hover: hover)").matches) input.focus({ preventScroll: true });
  }

  get input() {
    return /** @type {HTMLInputElement | null} */ (this.querySelector("input"));
  }

  async #type() {
    const query = this.input?.value.trim() ?? "";
    this.asking?.abort();
    this.chosen = -1;
    if (!query) return this.#fill([]);
    const known = this.known.get(query);
    if (known) return this.#fill(known);
    this.asking = new AbortController();
    try {
      const { items } = await call("GET", `/search/suggestions?q=${encodeURIComponent(query)}&limit=8`, { signal: this.asking.signal });
      this.known.set(query, items);
      setTimeout(() => this.known.delete(query), 30_000);
      this.#fill(items);
    } catch {
      // The next key asks again; Enter still searches.
    }
  }

  /** @param {Suggestion[]} items */
  #fill(items) {
    this.found = items;
    this.list?.replaceChildren(...items.map((one, index) => option(one, index)));
    this.#show(items.length > 0 && document.activeElement === this.input);
  }

  /** @param {boolean} isShown */
  #show(isShown) {
    if (this.list) this.list.hidden = !isShown;
    this.input?.setAttribute("aria-expanded", String(isShown));
    if (!isShown) this.#choose(-1);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && this.found.length) {
      event.preventDefault();
      this.#show(true);
      // One place more than there are suggestions: none, what was typed.
      const places = this.found.length + 1;
      this.#choose(((this.chosen + 1 + step + places) % places) - 1);
    }
    if (event.key === "Escape" && !this.list?.hidden) {
      event.preventDefault();
      this.#show(false);
    }
    if (event.key === "Enter" && this.chosen >= 0) {
      event.preventDefault();
      this.#select(this.chosen);
    }
  }

  /** @param {number} index */
  #choose(index) {
    this.chosen = index;
    this.list?.childNodes.forEach((row, place) => /** @type {Element} */ (row).setAttribute("aria-selected", String(place === index)));
    if (index >= 0) this.input?.setAttribute("aria-activedescendant", `suggestion-${index}`);
    else this.input?.removeAttribute("aria-activedescendant");
    /** @type {Element | undefined} */ (this.list?.children[index])?.scrollIntoView({ block: "nearest" });
  }

  /** @param {Event} event */
  #click(event) {
    const row = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest(".suggestion"));
    if (row) this.#select(Number(row.dataset.index));
  }

  /** @param {number} index */
  #select(index) {
    const suggestion = this.found[index];
    if (!suggestion) return;
    this.#show(false);
    this.dispatchEvent(new CustomEvent("suggestionSelect", { detail: { suggestion }, bubbles: true }));
  }

  /** @param {Event} event */
  #submit(event) {
    event.preventDefault();
    event.stopPropagation();
    this.asking?.abort();
    const query = this.input?.value.trim() ?? "";
    this.#show(false);
    if (!query) return;
    this.input?.blur();
    this.dispatchEvent(new CustomEvent("search", { detail: { query }, bubbles: true }));
    navigate.to(`/search?q=${encodeURIComponent(query)}`);
  }
}

/** @param {Suggestion} one @param {number} index */
function option(one, index) {
  const title = one.highlight?.title.length ? one.highlight.title : [{ text: one.title, hit: false }];
  const sub = [KINDS[/** @type {keyof typeof KINDS} */ (one.type)] ?? one.type, one.subtitle].filter(Boolean).join(" · ");
  return make("div", { class: "suggestion", role: "option", id: `suggestion-${index}`, "data-index": index, "aria-selected": "false" },
    cover(one.title, one.coverUrl, one.type === "artist" ? "cover-round" : ""),
    make("span", { class: "item-text" }, make("span", { class: "item-title" }, ...title.map(({ text, hit }) => (hit ? make("mark", {}, text) : text))), make("span", { class: "item-sub" }, sub)));
}

export class SearchResults extends HTMLElement {
  connectedCallback() {
    this.addEventListener("click", (event) => this.#click(event), true);
  }

  get query() {
    return this.getAttribute("query") ?? "";
  }

  get filters() {
    return { type: this.getAttribute("filters") || null };
  }

  /** @param {Event} event */
  #click(event) {
    const target = /** @type {Element} */ (event.target);
    const song = /** @type {HTMLElement | null} */ (target.closest('[data-act="play"]')?.closest("[data-song-id]") ?? null);
    const link = /** @type {HTMLElement | null} */ (target.closest("[data-view]"));
    if (song) this.#say("playSong", { songId: song.dataset.songId });
    if (link?.dataset.view === "album") this.#say("viewAlbum", { albumId: link.dataset.id });
    if (link?.dataset.view === "artist") this.#say("viewArtist", { artistId: link.dataset.id });
  }

  /** @param {string} name @param {object} detail */
  #say(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true }));
  }
}

customElements.define("search-bar", SearchBar);
customElements.define("search-results", SearchResults);
