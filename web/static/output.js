// The sound of this device: follows the player's state, tells the server what really sounds.
// A lone output is the truth about where the song stands: it corrects the server, not itself.
// Several outputs follow the common clock (party.js).

import { Deck } from "./deck.js";
import { FADE_MS, Handover } from "./handover.js";
import { Party, isDecodable } from "./party.js";
import { Permission } from "./permission.js";
import { courseOf, cutShort, endsAt, instant, loudness, positionAt, roleOf, settled } from "./timeline.js";

const REPORT_MS = 4000;
const TICK_MS = 250;
const PRESENT_MS = 50_000;
/** Closer than this to the wanted position, a seek would be heard more than the error. */
const CLOSE_MS = 150;
const PRELOAD_MS = 30_000;
const LONGEST_WAIT_MS = 15_000;

/**
 * @typedef {{itemId: string | null, positionMs: number, state: string, version: number, measuredAt: string}} Report
 */

/** Events: `handedOver` (detail: gap in ms). */
export class Output extends EventTarget {
  /**
   * @param {{clock: import("./clock.js").Clock, report: (report: Report) => Promise<unknown>}} parts
   */
  constructor({ clock, report }) {
    super();
    this.clock = clock;
    this.send = report;
    /** @type {Player | null} */
    this.player = null;
    /** @type {string | null} */
    this.deviceId = null;
    this.role = "silent";
    this.isUnlocked = false;
    this.applied = "";
    this.announced = "";
    this.reportedAt = 0;
    this.stalledSince = 0;
    /** @type {{course: string, player: Player} | null} how a course goes on whose file ended before its time */
    this.cut = null;
    const tell = (/** @type {import("./deck.js").Happening} */ what, /** @type {Deck} */ deck) => this.#happened(what, deck);
    this.deck = new Deck(tell);
    this.spare = new Deck(tell);
    this.party = new Party({ clock, tell: (state, item) => this.role !== "silent" && this.report(state, item.itemId), blocked: (isBlocked) => this.role === "party" && this.permission.block(isBlocked) });
    this.permission = new Permission({ unlock: () => this.#unlock(), again: () => this.#anew() });
    this.handover = new Handover({
      clock,
      place: {
        role: () => this.role,
        deck: () => this.deck,
        keepTime: (view, farMs, how) => this.#keepTime(view, farMs, how),
        announce: () => this.#announce(),
        again: () => this.#apply(),
        done: (gapMs) => this.dispatchEvent(new CustomEvent("handedOver", { detail: gapMs })),
      },
    });
    setInterval(() => this.#tick(), TICK_MS);
  }

  /** The newest state of the player, and which device we are. @param {Player | null} player @param {string | null} deviceId */
  follow(player, deviceId) {
    this.player = player;
    this.deviceId = deviceId;
    this.#apply();
  }

  /** Whether somebody in this room hears it: a device that still comes in does not count. */
  get isHeard() {
    return this.role !== "silent" && this.role !== "arriving" && this.heardMs !== null;
  }

  /** Where the sound really is, in milliseconds, or null when nothing sounds here. */
  get heardMs() {
    if (this.role === "party" && this.party.isSounding) return this.party.positionMs;
    return this.deck.isMoving ? this.deck.positionMs : null;
  }

  /** Tell the server what sounds; a silent device only says that it is there. @param {string} state @param {string} [itemId] @returns {Promise<unknown>} */
  async report(state, itemId = this.#itemId()) {
    const player = this.player;
    if (!player) return;
    this.reportedAt = performance.now();
    const measuredAt = new Date(this.clock.now()).toISOString();
    if (this.role === "silent" || !player.item) return this.send({ itemId: null, positionMs: 0, state: "paused", version: 0, measuredAt });
    const inParty = this.role === "party" && this.party.isSounding;
    const positionMs = Math.max(0, Math.round(inParty ? this.party.positionMs : this.deck.positionMs));
    return this.send({ itemId, positionMs, state, version: player.version, measuredAt });
  }

  /** What sounds, or is to sound. */
  #itemId() {
    const sounding = this.role === "party" && this.party.sounding ? this.party.sounding.itemId : this.deck.itemId;
    return sounding || (this.player?.item?.itemId ?? "");
  }

  /** While a finger touches the page, silent elements are won for later. */
  #unlock() {
    this.party.unlock();
    if (this.isUnlocked) return;
    this.isUnlocked = true;
    for (const deck of [this.deck, this.spare]) deck.unlock();
  }

  #anew() {
    this.applied = "";
    this.#apply();
  }

  #tick() {
    if (!this.player) return;
    // Who says nothing for minutes counts as gone.
    if (performance.now() - this.reportedAt > PRESENT_MS) this.report(this.player.isPlaying ? "stalled" : "paused");
    if (this.role === "silent") return;
    this.#apply();
    const isDue = performance.now() - this.reportedAt > REPORT_MS;
    if (isDue && this.player.isPlaying && !this.permission.isBlocked) this.report(this.heardMs === null ? "stalled" : "playing");
    if (this.stalledSince && performance.now() - this.stalledSince > 300 && this.role !== "party") {
      this.stalledSince = 0;
      this.report("stalled");
    }
  }

  #apply() {
    if (!this.player) return this.#silence();
    const view = this.#view(this.player);
    const role = roleOf(view, this.deviceId);
    if (role !== this.role) this.#changeRole(role);
    if (role === "silent" || !view.item) return this.#silence();
    if (role === "party") return this.#applyParty(view);
    this.party.stop();
    this.#hold(view.item);
    if (role === "arriving") return this.handover.arrive(view);
    if (role === "leaving") this.handover.leave(view);
    else this.deck.fade(loudness(view), Math.abs(this.deck.level - loudness(view)) > 0.02 ? 80 : 0);
    this.#drive(view);
    this.#preload(view);
  }

  /** @param {Player} player @returns {Player} */
  #view(player) {
    const now = this.clock.now();
    if (this.cut?.course !== courseOf(player)) return settled(player, now);
    const { item, next, currentIndex, positionMs, anchoredAt } = this.cut.player;
    return settled({ ...player, item, next, currentIndex, positionMs, anchoredAt }, now);
  }

  /** @param {string} role */
  #changeRole(role) {
    if (role === "silent") this.permission.end({ isMissed: this.role === "arriving" && this.player?.isPlaying === true });
    this.role = role;
    this.applied = "";
    this.announced = "";
    this.handover.begin();
    this.deck.audio.playbackRate = 1;
    // Who takes over must know where the music really is.
    if (role === "leaving" && this.deck.isMoving) this.report("playing");
  }

  #silence() {
    this.role = "silent";
    this.applied = "";
    this.party.stop();
    this.stalledSince = 0;
    this.deck.leave(FADE_MS);
    this.spare.unload();
  }

  /** Have the item in the deck in front; the spare one may hold it already. @param {Item} item */
  #hold(item) {
    if (this.deck.itemId === item.itemId) return;
    this.applied = "";
    if (this.spare.itemId === item.itemId) {
      [this.deck, this.spare] = [this.spare, this.deck];
      this.deck.fade(this.spare.level);
      this.spare.unload();
    } else this.deck.load(item);
  }

  /** Play or rest as the state says; seek only when the state itself moved. @param {Player} view */
  #drive(view) {
    const key = courseOf(view);
    const now = this.clock.now();
    const waitMs = view.isPlaying ? instant(view.anchoredAt) - now : 0;
    if (waitMs > 0 && waitMs < LONGEST_WAIT_MS) return this.#rest(view.positionMs, waitMs);
    if (key === this.applied) {
      if (view.isPlaying && !this.deck.isWanted && !this.permission.isBlocked) this.deck.play();
      return;
    }
    this.applied = key;
    if (!view.isPlaying) return this.#pauseAt(view);
    const wanted = positionAt(view, now);
    const isFresh = wanted < 400 && this.deck.positionMs < 400;
    if (!isFresh && Math.abs(this.deck.positionMs - wanted) > CLOSE_MS) this.deck.seek(wanted);
    this.deck.play();
  }

  /** @param {Player} view */
  #pauseAt(view) {
    const sounded = this.deck.isMoving;
    this.deck.pause();
    if (Math.abs(this.deck.positionMs - view.positionMs) > (sounded ? CLOSE_MS : 20)) this.deck.seek(view.positionMs);
    this.stalledSince = 0;
  }

  /** Loaded and still until a start that lies ahead. @param {number} positionMs @param {number} waitMs */
  #rest(positionMs, waitMs) {
    this.deck.pause();
    if (Math.abs(this.deck.positionMs - positionMs) > 20) this.deck.seek(positionMs);
    this.#announce();
    clearTimeout(this.waking);
    this.waking = setTimeout(() => this.#apply(), Math.min(waitMs, LONGEST_WAIT_MS));
  }

  /** Say once that the item is here. */
  #announce() {
    if (this.announced === this.deck.itemId || this.deck.audio.readyState < 3) return;
    this.announced = this.deck.itemId;
    this.report("ready");
  }

  /** Hold the deck on the common time. @param {Player} view @param {number} farMs @param {{isHeard?: boolean, delayMs?: number}} [how] */
  #keepTime(view, farMs, how) {
    if (!view.isPlaying) return this.#pauseAt(view);
    this.deck.play();
    this.deck.keepTime(positionAt(view, this.clock.now() + (how?.delayMs ?? 0)), farMs, how);
  }

  /** @param {Player} view */
  #applyParty(view) {
    const delayMs = view.outputs.find((one) => one.deviceId === this.deviceId)?.delayMs ?? 0;
    const isWhole = view.item !== null && isDecodable(view.item);
    if (!isWhole || this.party.hasFailed(view.item)) return this.#playAlong(view, delayMs);
    const ahead = /** @type {Player} */ (this.player);
    this.party.follow(settled(ahead, this.clock.now() + 400), delayMs, loudness(view));
    // Until the decoded song sounds, the element that played alone goes on.
    if (this.party.isSounding || !view.isPlaying) this.deck.unload();
    this.spare.unload();
  }

  /** In a party with a song that is not decoded as a whole: the element follows the common clock. @param {Player} view @param {number} delayMs */
  #playAlong(view, delayMs) {
    this.party.stop();
    this.#hold(/** @type {Item} */ (view.item));
    this.deck.fade(loudness(view));
    const waitMs = view.isPlaying ? instant(view.anchoredAt) - delayMs - this.clock.now() : 0;
    if (waitMs > 0) this.#rest(view.positionMs, waitMs);
    else this.#keepTime(view, 60, { delayMs });
  }

  /** @param {Player} view */
  #preload(view) {
    const end = endsAt(view);
    if (!view.next || end === null || !this.deck.isMoving) return;
    if (end - this.clock.now() < PRELOAD_MS && this.spare.itemId !== view.next.itemId) this.spare.load(view.next);
  }

  /** @param {import("./deck.js").Happening} what @param {Deck} deck */
  #happened(what, deck) {
    if (deck !== this.deck || this.role === "silent") return;
    if (what === "blocked") return this.permission.block(true);
    if (what === "waiting") this.stalledSince ||= performance.now();
    if (what === "playing") {
      this.stalledSince = 0;
      this.permission.block(false);
      if (this.role !== "arriving" && deck.isWanted) this.report("playing");
    }
    if (what === "error") this.report("error");
    if (what === "ended") this.#ended(deck);
  }

  /** @param {Deck} deck */
  #ended(deck) {
    const player = this.player;
    if (!player?.isPlaying || !deck.audio.ended) return;
    const view = this.#view(player);
    const isEarly = courseOf(view) === this.applied && this.clock.now() < (endsAt(view) ?? Infinity);
    if (this.role === "solo" && isEarly) {
      // A lone output is the truth about that, and the server may be away.
      this.cut = { course: courseOf(player), player: cutShort(view, this.clock.now()) };
      this.report("ended");
    }
    this.#apply();
  }
}
