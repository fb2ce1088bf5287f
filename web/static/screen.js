// Draws what is known onto the page: player, song on the home page, rows, queues, devices.

import { tellMediaSession } from "./here.js";
import { positionAt } from "./timeline.js";
import { colour, duration, fillCover, swapIcon } from "./ui.js";

export class Screen {
  /** @param {import("./store.js").Store} store @param {import("./player.js").AudioPlayer} player @param {import("./rights.js").Rights} rights */
  constructor(store, player, rights) {
    this.rights = rights;
    this.store = store;
    this.clock = store.clock;
    this.player = player;
    /** @type {string | null} */
    this.deviceId = null;
    this.isOutput = false;
  }

  /** All that depends on the player's state. */
  draw() {
    const now = this.store.now;
    if (!now) return;
    const { player } = this;
    player.song = now.item;
    player.isPlaying = now.isPlaying;
    player.volume = now.volume;
    player.muted = now.muted;
    player.modes = { isShuffled: now.isShuffled, repeatMode: now.repeatMode, where: this.#where(now) };
    document.body.classList.toggle("is-playing", now.isPlaying);
    this.#drawNow(now);
    this.#drawRows(now);
    this.drawQueues();
    tellMediaSession.state(now, this.isOutput, positionAt(now, this.clock.now()));
  }

  /** @param {Player} now */
  #where(now) {
    const names = now.outputs.map(({ deviceId }) => (deviceId === this.deviceId ? "this device" : this.store.devices.find((one) => one.deviceId === deviceId)?.name)).filter(Boolean);
    return names.length ? `On ${names.join(", ")}` : "";
  }

  /** The song on the home page. @param {Player} now */
  #drawNow(now) {
    const place = /** @type {HTMLElement | null} */ (document.getElementById("now"));
    if (!place) return;
    place.hidden = !now.item;
    if (!now.item) return;
    place.classList.toggle("is-playing", now.isPlaying);
    for (const [part, text] of [["title", now.item.title], ["artist", [now.item.artist, now.item.album].filter(Boolean).join(" · ")], ["where", this.#where(now) || (now.isPlaying ? "Waiting for a device" : "Paused")]]) {
      const target = place.querySelector(`[data-part="${part}"]`);
      if (target && target.textContent !== text) target.textContent = /** @type {string} */ (text);
    }
    const cover = place.querySelector('[data-part="cover"]');
    if (cover) fillCover(cover, now.item.title, now.item.coverUrl);
    colour(place, now.item.title);
  }

  /** Rows of the song that plays, wherever they stand. @param {Player} now */
  #drawRows(now) {
    for (const row of document.querySelectorAll("#main .item[data-song-id]")) {
      const isCurrent = /** @type {HTMLElement} */ (row).dataset.songId === now.item?.songId;
      row.classList.toggle("is-current", isCurrent);
      const over = row.querySelector(".over");
      if (!over) continue;
      if (this.rights.may("control")) swapIcon(over, isCurrent && now.isPlaying ? "pause" : "play");
      else this.#offerToAdd(/** @type {HTMLElement} */ (row), over);
    }
  }

  /** Who may not choose what plays may add it to what comes. @param {HTMLElement} row @param {Element} over */
  #offerToAdd(row, over) {
    swapIcon(over, "plus");
    row.querySelector('[data-act="play"]')?.setAttribute("aria-label", `Add ${row.dataset.title} to the queue`);
  }

  drawQueues() {
    const now = this.store.now;
    for (const queue of /** @type {NodeListOf<import("./queue.js").PlayQueue>} */ (document.querySelectorAll("play-queue"))) {
      queue.model = this.store.queue;
      queue.me = this.store.hello?.user.id ?? "";
      queue.currentIndex = now?.item ? now.currentIndex : -1;
      queue.draw();
    }
    for (const button of document.querySelectorAll('[data-act="clear"]')) /** @type {HTMLElement} */ (button).hidden = !this.store.queue.length;
    for (const count of document.querySelectorAll("[data-queue-length]")) count.textContent = String(this.store.queue.length || "");
  }

  drawDevices() {
    for (const list of document.querySelectorAll("device-list")) /** @type {any} */ (list).show(this.store.devices, this.store.player, this.deviceId, this.rights.may("control"));
    if (this.store.now) this.player.modes = { isShuffled: this.store.now.isShuffled, repeatMode: this.store.now.repeatMode, where: this.#where(this.store.now) };
    if (this.store.now) this.#drawNow(this.store.now);
  }

  /** Called for each frame: only what moves by itself. */
  drawProgress() {
    const now = this.store.now;
    if (!now?.item) return;
    if (now.item.itemId !== this.player.song?.itemId) this.draw();
    const position = positionAt(now, this.clock.now());
    this.player.progress = now.item.durationMs ? position / now.item.durationMs : 0;
    const elapsed = document.querySelector("#now [data-part=elapsed]");
    const text = `${duration(position)} / ${now.item.durationMs ? duration(now.item.durationMs) : "–"}`;
    if (elapsed && elapsed.textContent !== text) elapsed.textContent = text;
  }
}
