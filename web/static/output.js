// The sound of this device: follows the player's state, tells the server what really sounds.
// A lone output is the truth about where the song stands: it corrects the server, not itself.
// Several outputs follow the common clock (party.js).

import { Decks } from "./decks.js";
import { Handover } from "./handover.js";
import { isGuess } from "./outage.js";
import { Party, isDecodable } from "./party.js";
import { Permission } from "./permission.js";
import { courseOf, cutShort, endsAt, instant, loudness, roleOf, settled } from "./timeline.js";

const REPORT_MS = 4000;
const TICK_MS = 250;
const PRESENT_MS = 50_000;
const STALLED_MS = 300;

/**
 * @typedef {import("./deck.js").Deck} Deck
 * @typedef {{itemId: string | null, positionMs: number, state: string, version: number, measuredAt: string}} Report
 */

/**
 * Events: `handedOver` (detail: gap in ms), `held` (browser or system paused what sounds here alone), `goOn` (what
 * stopped for want of a tap, or was held, shall sound here again).
 */
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
    this.reportedAt = 0;
    this.stalledSince = 0;
    /** @type {{course: string, player: Player} | null} how a course goes on whose file ended before its time */
    this.cut = null;
    this.decks = new Decks({
      clock,
      tell: (what, deck) => this.#happened(what, deck),
      report: (state) => this.report(state),
      isBlocked: () => this.permission.isBlocked,
      again: () => this.#apply(),
    });
    this.party = new Party({ clock, tell: (state, item) => this.role !== "silent" && this.report(state, item.itemId), blocked: (isBlocked) => this.role === "party" && this.permission.block(isBlocked) });
    this.permission = new Permission({ unlock: () => this.#unlock(), again: () => this.#anew() });
    this.handover = new Handover({
      clock,
      place: {
        role: () => this.role,
        deck: () => this.deck,
        keepTime: (view, farMs, how) => this.decks.keepTime(view, farMs, how),
        announce: () => this.decks.announce(),
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

  /** The one in front. */
  get deck() {
    return this.decks.front;
  }

  /** The one that holds what comes next. */
  get spare() {
    return this.decks.spare;
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

  #unlock() {
    this.party.unlock();
    this.decks.unlock();
  }

  /** A person wants it to sound here. What stopped only because we could not sound goes on. */
  #anew() {
    this.decks.release();
    this.#apply();
    if (this.role !== "silent" && this.player && isGuess(this.player)) this.#tell("goOn");
  }

  /** @param {"held" | "goOn"} what */
  #tell(what) {
    this.dispatchEvent(new Event(what));
  }

  #tick() {
    if (!this.player) return;
    // Who says nothing for minutes counts as gone.
    if (performance.now() - this.reportedAt > PRESENT_MS) this.report(this.player.isPlaying ? "stalled" : "paused");
    if (this.role === "silent") return;
    this.#apply();
    const isDue = performance.now() - this.reportedAt > REPORT_MS;
    if (isDue && this.player.isPlaying && !this.permission.isBlocked && !this.deck.isHeld) this.report(this.#word());
    if (this.stalledSince && performance.now() - this.stalledSince > STALLED_MS && this.role !== "party") {
      this.stalledSince = 0;
      this.report(this.#word());
    }
  }

  /** How it stands with the sound while the music plays. */
  #word() {
    if (this.heardMs !== null) return "playing";
    return this.decks.isBroken ? "error" : "stalled";
  }

  #apply() {
    if (!this.player) return this.#end();
    const view = this.#view(this.player);
    const role = roleOf(view, this.deviceId);
    if (role !== this.role) this.#changeRole(role);
    if (!view.isPlaying) this.#rest();
    if (role === "silent" || !view.item) return this.#silence();
    if (role === "party") return this.#applyParty(view);
    this.party.leave();
    this.decks.hold(view.item, view.isPlaying);
    if (role === "arriving") return this.handover.arrive(view);
    if (role === "leaving") this.handover.leave(view);
    else this.deck.fade(loudness(view), Math.abs(this.deck.level - loudness(view)) > 0.02 ? 80 : 0);
    this.decks.drive(view);
    this.decks.preload(view);
  }

  /** A person who paused wants no tap. */
  #rest() {
    this.stalledSince = 0;
    if (this.role !== "silent" && this.player && !isGuess(this.player)) this.permission.block(false);
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
    this.decks.begin();
    this.handover.begin();
    // Who takes over must know where the music really is.
    if (role === "leaving" && this.deck.isMoving) this.report("playing");
  }

  /** Another window of this browser sounds, or none: what was refused here is of no account. */
  #end() {
    this.permission.end({ isMissed: false });
    this.#silence();
  }

  #silence() {
    this.role = "silent";
    this.stalledSince = 0;
    this.party.leave();
    this.decks.leave();
  }

  /** @param {Player} view */
  #applyParty(view) {
    const delayMs = view.outputs.find((one) => one.deviceId === this.deviceId)?.delayMs ?? 0;
    const isWhole = view.item !== null && isDecodable(view.item);
    if (!isWhole || this.party.hasFailed(view.item)) return this.#playAlong(view, delayMs);
    const ahead = /** @type {Player} */ (this.player);
    this.party.follow(settled(ahead, this.clock.now() + 400), delayMs, loudness(view));
    // Until the decoded song sounds, the element that played alone goes on.
    this.decks.giveWay({ isOver: this.party.isSounding || !view.isPlaying });
  }

  /** In a party with a song that is not decoded as a whole: the element follows the common clock. @param {Player} view @param {number} delayMs */
  #playAlong(view, delayMs) {
    this.party.stop();
    this.decks.hold(/** @type {Item} */ (view.item), view.isPlaying);
    this.deck.fade(loudness(view));
    const waitMs = view.isPlaying ? instant(view.anchoredAt) - delayMs - this.clock.now() : 0;
    if (waitMs > 0) this.decks.rest(view.positionMs, waitMs);
    else this.decks.keepTime(view, 60, { delayMs });
  }

  /** @param {import("./deck.js").Happening} what @param {Deck} deck */
  #happened(what, deck) {
    if (deck !== this.deck || this.role === "silent") return;
    if (what === "blocked") return this.permission.block(true);
    if (what === "waiting") this.stalledSince ||= performance.now();
    if (what === "playing") this.#sounds(deck);
    if (what === "held") this.#held(deck);
    if (what === "error") this.#apply();
    if (what === "ended") this.#ended(deck);
  }

  /** @param {Deck} deck */
  #sounds(deck) {
    // What the system held it lets go on after a call, say: then it is wanted again, but never against the state.
    if (!deck.isWanted) return this.#resumed(deck);
    this.stalledSince = 0;
    this.permission.block(false);
    if (this.role !== "arriving") this.report("playing");
  }

  /** @param {Deck} deck */
  #resumed(deck) {
    deck.pause();
    if (deck.isHeld) this.#tell("goOn");
  }

  /** Alone, that is a pause like any other. Else, and where nobody has touched the page yet, a tap lets it go on. @param {Deck} deck */
  #held(deck) {
    this.stalledSince = 0;
    if (this.role !== "solo" || globalThis.navigator?.userActivation?.hasBeenActive === false) return this.permission.block(true);
    deck.pause();
    this.#tell("held");
  }

  /** @param {Deck} deck */
  #ended(deck) {
    const player = this.player;
    if (!player?.isPlaying || !deck.audio.ended) return;
    const view = this.#view(player);
    const isEarly = courseOf(view) === this.decks.applied && this.clock.now() < (endsAt(view) ?? Infinity);
    if (this.role === "solo" && isEarly) {
      // A lone output is the truth about that, and the server may be away.
      this.cut = { course: courseOf(player), player: cutShort(view, this.clock.now()) };
      this.report("ended");
    }
    this.#apply();
  }
}
