// Pages change by swapping <main>, so that player and uploads live on (htmx boosts links and forms).

import { toast } from "./ui.js";

/** @typedef {{xhr: XMLHttpRequest, boosted: boolean, shouldSwap: boolean, isError: boolean, target: Element, selectOverride: string, swapOverride: string, requestConfig: any, elt: Element}} Swap */

/** @type {ReturnType<typeof setTimeout> | undefined} */
let refreshing;

export const navigate = {
  /** Show another page. @param {string} path */
  to(path) {
    load(path, { target: "#main", select: "#main", swap: "outerHTML show:window:top", push: "true" });
  },

  /** Lists on this page may have become old; ask once for many reasons. */
  refreshSoon() {
    clearTimeout(refreshing);
    refreshing = setTimeout(refresh, 250);
  },
};

/** Fetch a page or a part of it. That the server was not reached is told by `htmx:sendError`. @param {string} path @param {object} how */
export function load(path, how) {
  htmx.ajax("GET", path, how).catch(() => {});
}

/** Fetch the parts marked `data-live` again, unless somebody has scrolled far into them. */
function refresh() {
  for (const list of document.querySelectorAll("#main [data-live]")) {
    if (list.children.length > 80) continue;
    load(location.pathname + location.search, { source: list, target: `#${list.id}`, select: `#${list.id}`, swap: "outerHTML" });
  }
}

/** @param {() => void} arrived called after each page */
export function wireNavigation(arrived) {
  document.body.addEventListener("htmx:beforeSwap", (event) => beforeSwap(/** @type {CustomEvent<Swap>} */ (event)));
  document.body.addEventListener("htmx:afterSettle", () => come(arrived));
  document.body.addEventListener("htmx:historyRestore", () => come(arrived));
  document.body.addEventListener("htmx:afterSwap", (event) => takeFocus(/** @type {CustomEvent} */ (event).detail));
  document.body.addEventListener("htmx:sendError", (event) => tellUnreached(/** @type {CustomEvent} */ (event).detail));
  document.body.addEventListener("htmx:beforeHistorySave", (event) => event.stopPropagation());
  come(() => {});
}

/** @param {() => void} arrived */
function come(arrived) {
  markPlace();
  tellTimes();
  arrived();
}

/** @param {CustomEvent<Swap>} event */
function beforeSwap({ detail }) {
  const { xhr } = detail;
  const isPage = (xhr.getResponseHeader("Content-Type") ?? "").startsWith("text/html");
  if (!isPage) {
    detail.shouldSwap = false;
    return tellProblem(xhr);
  }
  if (xhr.status >= 500) {
    // The page that says so would take player and music away.
    detail.shouldSwap = false;
    return tellUnable(detail);
  }
  if (xhr.responseText.includes('<body class="alone"')) {
    // Signed out, or a page that stands alone: the whole document changes.
    detail.shouldSwap = false;
    return location.assign(xhr.responseURL || location.href);
  }
  takeToken(xhr.responseText);
  const main = document.getElementById("main");
  if (!detail.boosted || !main || !xhr.responseText.includes('id="main"')) return;
  detail.target = main;
  detail.selectOverride = "#main";
  detail.swapOverride = "outerHTML show:window:top";
  for (const sheet of document.querySelectorAll("dialog[open]")) /** @type {HTMLDialogElement} */ (sheet).close();
}

/** A list that was to be renewed was asked for by nobody; it is asked for again when the line is back. @param {{elt: Element}} detail */
function tellUnreached({ elt }) {
  if (!elt.matches("[data-live]")) toast("The server cannot be reached just now.", { isBad: true });
}

/** As above: nobody asked for a list that was to be renewed. @param {{elt: Element, xhr: XMLHttpRequest}} detail */
function tellUnable({ elt, xhr }) {
  if (elt.matches("[data-live]")) return;
  const sentence = xhr.status === 503 ? "A part of the server is away. Please try again in a moment." : "Something went wrong. Please try again.";
  toast(sentence, { isBad: true });
}

/** @param {XMLHttpRequest} xhr */
function tellProblem(xhr) {
  if (xhr.status < 400) return;
  try {
    const { detail, title } = JSON.parse(xhr.responseText);
    toast(detail || title, { isBad: true });
  } catch {
    toast("Something went wrong. Please try again.", { isBad: true });
  }
}

/** A new session has a new token for forms. @param {string} page */
function takeToken(page) {
  const token = /<meta name="csrf-token" content="([^"]+)"/.exec(page)?.[1];
  if (!token) return;
  document.querySelector('meta[name="csrf-token"]')?.setAttribute("content", token);
  document.body.setAttribute("hx-headers", JSON.stringify({ "X-CSRF-Token": token }));
}

/** Who reads by ear hears the new page from its beginning. @param {{boosted: boolean}} detail */
function takeFocus({ boosted }) {
  const main = document.getElementById("main");
  if (boosted && main && !main.querySelector("[autofocus]")) main.focus({ preventScroll: true });
}

/** "5 minutes ago", in the reader's language; the exact time stays in the tooltip. */
function tellTimes() {
  const words = new Intl.RelativeTimeFormat(document.documentElement.lang || undefined, { numeric: "auto" });
  for (const time of /** @type {NodeListOf<HTMLTimeElement>} */ (document.querySelectorAll("time[data-ago]"))) {
    const at = new Date(time.dateTime);
    const seconds = (at.getTime() - Date.now()) / 1000;
    const [size, unit] = /** @type {[number, Intl.RelativeTimeFormatUnit][]} */ ([[86_400, "day"], [3600, "hour"], [60, "minute"]]).find(([one]) => Math.abs(seconds) >= one) ?? [60, "minute"];
    time.textContent = words.format(Math.round(seconds / size), unit);
    time.title = at.toLocaleString();
  }
}

/** Light up the way in the navigation that leads here. */
function markPlace() {
  const shelf = /^\/(songs|albums|artists|liked)(\/|$)/;
  for (const link of document.querySelectorAll(".nav-link[href], .tab[href]")) {
    const path = link.getAttribute("href") ?? "";
    const isHere = path === "/" ? location.pathname === "/" : path === "/songs" ? shelf.test(location.pathname) : location.pathname.startsWith(path);
    if (isHere) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}
