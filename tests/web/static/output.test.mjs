// The whole of a device that sounds alone while nobody answers, on an element that comes to its end by itself.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Clock } from "../../../web/static/clock.js";

const EPOCH = Date.parse("2026-01-31T20:15:00.000Z");
const STEP_MS = 10;
const SONG_MS = 20_000;
const time = { now: 0 };
performance.now = () => time.now;

/** How long each song's file really is. */
const files = {};

class FakeAudio extends EventTarget {
  paused = true;
  readyState = 4;
  seeking = false;
  playbackRate = 1;
  volume = 1;
  realMs = 0;
  /** How often it began, or was put somewhere else. */
  starts = 0;
  src = "";
  static all = [];
  constructor() {
    super();
    FakeAudio.all.push(this);
  }
  get lengthMs() {
    return files[this.src.split("/").at(-2)] ?? Infinity;
  }
  get ended() {
    return this.realMs >= this.lengthMs;
  }
  get currentTime() {
    return this.realMs / 1000;
  }
  set currentTime(seconds) {
    this.starts += 1;
    this.realMs = seconds * 1000;
  }
  async play() {
    this.starts += 1;
    if (this.ended) this.realMs = 0;
    this.paused = false;
    this.dispatchEvent(new Event("playing"));
  }
  pause() {
    this.paused = true;
  }
  load() {
    this.realMs = 0;
  }
  getAttribute() {
    return this.src;
  }
  removeAttribute() {
    this.src = "";
  }
  pass(ms) {
    if (this.paused) return;
    this.realMs = Math.min(this.lengthMs, this.realMs + ms);
    if (!this.ended) return;
    this.paused = true;
    this.dispatchEvent(new Event("ended"));
  }
}

Object.assign(globalThis, { Audio: FakeAudio, addEventListener: () => {} });
const { Output } = await import("../../../web/static/output.js");

const item = (name) => ({ itemId: name, songId: name, title: name, durationMs: SONG_MS });
const player = (more = {}) => ({
  playerId: "p", version: 7, item: item("a"), next: item("b"), currentIndex: 0, isPlaying: true, positionMs: 0, anchoredAt: new Date(EPOCH).toISOString(),
  repeatMode: "none", volume: 1, muted: false, outputs: [{ deviceId: "me", delayMs: 0, ready: true }], handoff: null, notice: null, ...more,
});

/** A device that sounds alone; `pass` lets time go on and answers what was heard at each step. */
function device(context, { fileMs = SONG_MS, answer = () => {} } = {}) {
  time.now = 0;
  FakeAudio.all = [];
  Object.assign(files, { a: fileMs, b: fileMs });
  context.mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  const clock = new Clock(() => time.now);
  clock.add(0, EPOCH, EPOCH, 0);
  const reports = [];
  const output = new Output({ clock, report: async (report) => (reports.push(report), answer(report, output, clock)) });
  const pass = async (forMs) => {
    const heard = [];
    for (let passed = 0; passed < forMs; passed += STEP_MS) {
      time.now += STEP_MS;
      for (const audio of FakeAudio.all) audio.pass(STEP_MS);
      context.mock.timers.tick(STEP_MS);
      await new Promise((resolve) => setImmediate(resolve));
      const { deck } = output;
      heard.push({ itemId: deck.itemId, sounds: deck.isMoving && deck.level > 0.5, positionMs: deck.positionMs });
    }
    return heard;
  };
  const starts = () => FakeAudio.all.reduce((sum, one) => sum + one.starts, 0);
  return { output, pass, reports, starts };
}

const silentMs = (heard) => heard.filter((one) => !one.sounds).length * STEP_MS;

for (const [what, offMs] of [["as long as was told", 0], ["120 ms shorter", -120], ["120 ms longer", 120]]) {
  test(`under repeat one a song goes on pass after pass while the server is away: its file is ${what}`, async (context) => {
    const { output, pass, starts } = device(context, { fileMs: SONG_MS + offMs });
    output.follow(player({ repeatMode: "one" }), "me");
    await pass(1000);
    const before = starts();
    const heard = await pass(5 * SONG_MS);
    assert.ok(silentMs(heard) < 100, `${silentMs(heard)} ms of silence`);
    assert.ok(heard.every((one) => one.itemId === "a"));
    assert.ok(starts() - before <= 10, `${starts() - before} starts and seeks in five passes`);
    assert.equal(heard.filter((one, index) => index > 0 && one.positionMs < heard[index - 1].positionMs - 5000).length, 5, "five times from the beginning");
  });
}

test("under repeat one a file that ends early begins again once, and the server's word of that changes nothing", async (context) => {
  const answer = (report, output, clock) => {
    if (report.state !== "ended") return;
    const anchoredAt = new Date(clock.now()).toISOString();
    setTimeout(() => output.follow(player({ repeatMode: "one", version: report.version + 1, anchoredAt }), "me"), 60);
  };
  const { output, pass, reports, starts } = device(context, { fileMs: SONG_MS - 400, answer });
  output.follow(player({ repeatMode: "one" }), "me");
  await pass(1000);
  const before = starts();
  const heard = await pass(2 * SONG_MS);
  assert.ok(silentMs(heard) < 100, `${silentMs(heard)} ms of silence`);
  assert.equal(reports.filter((one) => one.state === "ended").length, 2);
  assert.ok(starts() - before <= 4, `${starts() - before} starts and seeks in two passes`);
});

test("a file that ends early gives way to the next song at once, and that one is left alone", async (context) => {
  const { output, pass, starts } = device(context, { fileMs: SONG_MS - 3000 });
  output.follow(player(), "me");
  await pass(1000);
  const before = starts();
  const heard = await pass(SONG_MS);
  assert.ok(silentMs(heard) < 100, `${silentMs(heard)} ms of silence`);
  assert.equal(heard.at(-1).itemId, "b");
  assert.ok(starts() - before <= 2, `${starts() - before} starts and seeks`);
});
