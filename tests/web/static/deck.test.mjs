// An element that is brought in time with a clock, on a fake one whose position moves in steps.

import assert from "node:assert/strict";
import { test } from "node:test";

const STEP_MS = 17;

class FakeAudio extends EventTarget {
  constructor() {
    super();
    FakeAudio.last = this;
    this.readyState = 4;
    this.paused = false;
    this.ended = false;
    this.seeking = false;
    this.error = null;
    this.playbackRate = 1;
    this.volume = 1;
    this.seeks = 0;
    this.realMs = 0;
    /** How far behind it is when a seek is done. */
    this.seekCostMs = 140;
  }
  get currentTime() {
    return (Math.floor(this.realMs / STEP_MS) * STEP_MS) / 1000;
  }
  set currentTime(seconds) {
    this.seeks += 1;
    this.realMs = seconds * 1000 - this.seekCostMs;
  }
  getAttribute() {
    return "";
  }
  removeAttribute() {}
  load() {}
  async play() {
    this.paused = false;
    this.dispatchEvent(new Event("playing"));
  }
  pause() {
    this.paused = true;
    this.dispatchEvent(new Event("pause"));
  }
}

let now = 100_000;
Object.assign(globalThis, { Audio: FakeAudio });
performance.now = () => now;
const { Deck, WHISPER } = await import("../../../web/static/deck.js");

/** Let a deck follow a clock; answers its true error after each step. */
function follow(deck, { forMs, everyMs, farMs, isHeard }) {
  const { audio } = deck;
  const errors = [];
  for (const until = now + forMs; now < until; now += everyMs) {
    deck.keepTime(now, farMs, { isHeard });
    audio.realMs += everyMs * audio.playbackRate;
    errors.push(audio.realMs - (now + everyMs));
  }
  return errors;
}

test("a device that nobody hears yet is in time within two seconds, with at most one seek", () => {
  const deck = new Deck(() => {});
  deck.seek(now);
  const errors = follow(deck, { forMs: 2500, everyMs: 60, farMs: 80, isHeard: false });
  assert.ok(Math.abs(errors.at(-1)) < 15, String(errors.at(-1)));
  assert.ok(deck.isSteady && Math.abs(deck.errorMs) < 15);
  assert.ok(deck.audio.seeks <= 2);
});

test("one that is heard never changes its rate by more than half a percent", () => {
  const deck = new Deck(() => {});
  deck.audio.realMs = now - 40;
  const errors = [];
  for (let round = 0; round < 60; round += 1) {
    errors.push(...follow(deck, { forMs: 250, everyMs: 250, farMs: 60, isHeard: true }));
    assert.ok(Math.abs(deck.audio.playbackRate - 1) <= 0.005);
  }
  assert.equal(deck.audio.seeks, 0);
  assert.ok(Math.abs(errors.at(-1)) < 15, String(errors.at(-1)));
});

test("another song knows nothing of the errors of the last one", () => {
  const deck = new Deck(() => {});
  follow(deck, { forMs: 600, everyMs: 60, farMs: 1e9, isHeard: false });
  assert.ok(deck.isSteady);
  deck.load({ itemId: "b", songId: "b" });
  assert.ok(!deck.isSteady);
});

test("a whisper is not mute, silence is; where volume cannot be set a whisper is mute too", () => {
  const deck = new Deck(() => {});
  deck.fade(WHISPER);
  assert.equal(deck.audio.muted, false);
  deck.fade(0);
  assert.equal(deck.audio.muted, true);
  Object.defineProperty(deck.audio, "volume", { get: () => 1, set: () => {} });
  deck.fade(WHISPER);
  assert.equal(deck.audio.muted, true);
  deck.fade(0.5);
  assert.equal(deck.audio.muted, false);
});

async function start(deck) {
  deck.audio.paused = true;
  await deck.play();
}

/** A deck that sounds, and what it told. */
async function sounding() {
  const told = [];
  const deck = new Deck((what) => what !== "playing" && told.push(what));
  deck.load({ itemId: "a", songId: "a" });
  await start(deck);
  return { deck, told };
}

test("who else paused an element has paused it: it does not sound again by the same wish", async () => {
  const { deck, told } = await sounding();
  deck.audio.pause();
  assert.deepEqual(told, ["held"]);
  await deck.play();
  assert.ok(deck.audio.paused);
  deck.release();
  await deck.play();
  assert.ok(!deck.audio.paused);
});

test("after a pause of the music itself it plays as ever", async () => {
  const { deck } = await sounding();
  deck.audio.pause();
  deck.pause();
  await deck.play();
  assert.ok(!deck.audio.paused && !deck.isHeld);
});

test("our own pause, the end, an error and another file are nobody else's pause", async () => {
  for (const state of [{ ended: true }, { error: { code: 3 } }]) {
    const { deck, told } = await sounding();
    Object.assign(deck.audio, state).pause();
    assert.deepEqual(told, [], JSON.stringify(state));
  }
  const { deck, told } = await sounding();
  deck.pause();
  await deck.play();
  deck.load({ itemId: "b", songId: "b" });
  await start(deck);
  deck.unload();
  assert.deepEqual(told, []);
});

test("who begins anew at the end has not been paused", async () => {
  const { deck, told } = await sounding();
  Object.assign(deck.audio, { ended: true, paused: true });
  deck.seek(0);
  deck.audio.ended = false;
  await deck.play();
  assert.ok(!deck.audio.paused);
  assert.deepEqual(told, []);
});

test("a pause that has not been told yet is seen before anything is begun again", async () => {
  const { deck, told } = await sounding();
  deck.audio.paused = true;
  await deck.play();
  assert.ok(deck.audio.paused);
  deck.audio.dispatchEvent(new Event("pause"));
  assert.deepEqual(told, ["held"]);
});

test("a pause during a seek counts if it outlasts it, and meanwhile nothing begins again", async () => {
  for (const goesOn of [true, false]) {
    const { deck, told } = await sounding();
    deck.audio.seeking = true;
    deck.audio.pause();
    await deck.play();
    assert.deepEqual([deck.audio.paused, ...told], [true]);
    Object.assign(deck.audio, { seeking: false, paused: !goesOn });
    deck.audio.dispatchEvent(new Event("seeked"));
    assert.deepEqual([deck.isHeld, ...told], goesOn ? [false] : [true, "held"]);
  }
});

test("a pause that is over when we hear of it was none", async () => {
  const { deck, told } = await sounding();
  deck.audio.dispatchEvent(new Event("pause"));
  assert.deepEqual(told, []);
});
