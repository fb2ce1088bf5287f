// Small pieces of the page made by script; the server's templates/_parts.html makes the same ones.

/** @param {string} text */
export function tint(text) {
  let hash = 0;
  for (const letter of text || "?") hash = (hash * 31 + (letter.codePointAt(0) ?? 0)) >>> 0;
  return hash % 12;
}

/** 3:07, or 1:02:03 for an hour and more. @param {number} milliseconds */
export function duration(milliseconds) {
  const all = Math.max(0, Math.floor(milliseconds / 1000));
  const [hours, minutes, seconds] = [Math.floor(all / 3600), Math.floor(all / 60) % 60, all % 60];
  const tail = `${hours ? String(minutes).padStart(2, "0") : minutes}:${String(seconds).padStart(2, "0")}`;
  return hours ? `${hours}:${tail}` : tail;
}

/** 820 kB, 9.4 MB. @param {number} bytes */
export function bytes(bytes) {
  const step = bytes >= 1e9 ? 1e9 : bytes >= 1e6 ? 1e6 : 1e3;
  const value = bytes / step;
  return `${value >= 10 || step === 1e3 ? Math.round(value) : value.toFixed(1)} ${step === 1e9 ? "GB" : step === 1e6 ? "MB" : "kB"}`;
}

/** @param {string} name @returns {SVGSVGElement} */
export function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(space, "use");
  use.setAttribute("href", `/static/icons.svg#${name}`);
  svg.append(use);
  return svg;
}

/** Show another icon in a place that has one. @param {Element} place @param {string} name */
export function swapIcon(place, name) {
  const href = `/static/icons.svg#${name}`;
  const use = place.querySelector("use");
  if (use && use.getAttribute("href") !== href) use.setAttribute("href", href);
}

/**
 * An element with attributes and children; `class` and `data-…` like any attribute, `on…` listens.
 * @param {string} name @param {Record<string, any>} [attributes] @param {...(Node | string | null | undefined | false)} children
 * @returns {HTMLElement}
 */
export function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? "" : String(value));
  }
  element.append(.../** @type {(Node | string)[]} */ (children.filter((child) => child !== null && child !== undefined && child !== false)));
  return element;
}

/** A cover, or the first letter on the title's own colour. @param {string} title @param {string | null} [url] @param {string} [kind] */
export function cover(title, url = null, kind = "") {
  const place = make("span", { "aria-hidden": "true" });
  place.className = kind;
  fillCover(place, title, url);
  return place;
}

/** Give a place the colour of a title. @param {Element} place @param {string} title */
export function colour(place, title) {
  const name = `tint-${tint(title)}`;
  if (place.classList.contains(name)) return;
  place.classList.remove(...[...place.classList].filter((one) => one.startsWith("tint-")));
  place.classList.add(name);
}

/** @param {Element} place @param {string} title @param {string | null} url */
export function fillCover(place, title, url) {
  const key = `${title}\n${url ?? ""}`;
  if (/** @type {HTMLElement} */ (place).dataset.key === key) return;
  /** @type {HTMLElement} */ (place).dataset.key = key;
  place.classList.add("cover");
  colour(place, title);
  const letter = document.createTextNode([...(title || "♪")][0]?.toUpperCase() ?? "♪");
  const image = url ? make("img", { src: url, alt: "", decoding: "async" }) : "";
  place.replaceChildren(letter, image);
}

/**
 * A short message that goes by itself; each of `actions` is a button, and of those `about` one thing only the newest stays.
 * @param {string} text @param {{actions?: Record<string, () => unknown>, isBad?: boolean, forMs?: number, about?: string}} [how]
 */
export function toast(text, { actions = {}, isBad = false, forMs = 5000, about = "" } = {}) {
  const room = document.getElementById("toasts");
  if (!room) return;
  for (const old of toastsIn(room)) {
    if (old.firstChild?.textContent === text || (about && old.dataset.about === about)) old.remove();
  }
  const one = make("div", { class: isBad ? "toast is-bad" : "toast", "data-about": about }, make("span", {}, text));
  const leave = () => {
    one.classList.add("is-leaving");
    setTimeout(() => {
      one.remove();
      if (!room.children.length) lower(room);
    }, 250);
  };
  for (const [word, act] of Object.entries(actions)) {
    one.append(make("button", { class: "btn btn-small", type: "button", onclick: () => (act(), leave()) }, word));
  }
  raise(room);
  room.append(one);
  for (const old of toastsIn(room).slice(0, -3)) old.remove();
  setTimeout(leave, forMs);
}

/** A word that stays below all toasts until it is taken away. @param {HTMLElement} word */
export function keepSaying(word) {
  const room = document.getElementById("toasts");
  if (!room) return;
  raise(room);
  room.append(word);
}

/** @param {HTMLElement} word */
export function stopSaying(word) {
  const room = word.parentElement;
  word.remove();
  if (room && !room.children.length) lower(room);
}

/** @param {HTMLElement} room @returns {HTMLElement[]} */
function toastsIn(room) {
  return [.../** @type {NodeListOf<HTMLElement>} */ (room.querySelectorAll(".toast"))];
}

/** Into the top layer, or an open sheet would cover it; and into that sheet, or nothing of it could be touched. @param {HTMLElement} room */
function raise(room) {
  lower(room);
  ([...document.querySelectorAll("dialog:modal")].at(-1) ?? document.body).append(room);
  room.showPopover?.();
}

/** A sheet was opened or closed: what is being said goes on above the page as it is now. */
export function sayAbove() {
  const room = document.getElementById("toasts");
  if (room?.children.length) raise(room);
  moveBanner();
}

/** That the line is down is said at the top of whatever covers the page. */
function moveBanner() {
  const banner = document.getElementById("offline");
  const over = [...document.querySelectorAll("dialog:modal")].at(-1);
  if (!banner || banner.parentElement === (over ?? document.body)) return;
  if (over) over.prepend(banner);
  else document.querySelector("body > a[href='#main']")?.after(banner);
}

/** @param {HTMLElement} room */
function lower(room) {
  if ("popover" in room && room.matches(":popover-open")) room.hidePopover();
}

/** Paint the filled part of a range input. @param {HTMLInputElement} input */
export function fill(input) {
  const [low, high] = [Number(input.min), Number(input.max)];
  input.style.setProperty("--fill", `${((Number(input.value) - low) / (high - low || 1)) * 100}%`);
}
