// The whole of a device that sounds alone, on an element that comes to its end, and fails, by itself: while nobody
// answers, with files that cannot be had, and when somebody else pauses it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Clock } from "../../../web/static/clock.js";

const EPOCH = Date.parse("2026-01-31T20:15:00.000Z");
const STEP_MS = 10;
const SONG_MS = 20_000;
const time = { now: 0 };
performance.now = () => time.now;

/** How long each song's file really is; one that cannot be had, or is no sound, has no length. */
const files = {};
/** What the server says of every file. */
const server = { status: 200 };
globalThis.fetch = async () => ({ status: server.status });

class FakeAudio extends EventTarget {
  paused = true;
  readyState = 4;
  seeking = false;
  playbackRate = 1;
  volume = 1;
  realMs = 0;
  /** How often it began, or was put somewhere else. */
  starts = 0;
  error = null;
  #src = "";
  static all = [];
  constructor() {
    super();
    FakeAudio.all.push(this);
  }
  get src() {
    return this.#src;
  }
  set src(src) {
    this.#src = src;
    Object.assign(this, { paused: true, error: null, realMs: 0, readyState: 4 });
    if (!src || this.lengthMs) return;
    this.readyState = 0;
    setImmediate(() => {
      this.error = { code: 4 };
      this.dispatchEvent(new Event("error"));
    });
  }
  get lengthMs() {
    return files[this.src.split("/").at(-2)] ?? Infinity;
  }
  get ended() {
    return this.readyState > 0 && this.realMs >= this.lengthMs;
  }
  get currentTime() {
    return this.realMs / 1000;
  }
  set currentTime(seconds) {
    this.starts += 1;
    this.realMs = seconds * 1000;
  }
  async play() {
    this.paused = false;
    if (this.readyState === 0) throw new DOMException("no", "NotSupportedError");
    this.starts += 1;
    if (this.ended) this.realMs = 0;
    this.dispatchEvent(new Event("playing"));
  }
  pause() {
    this.paused = true;
    this.dispatchEvent(new Event("pause"));
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
    if (this.paused || this.readyState === 0) return;
    this.realMs = Math.min(this.lengthMs, this.realMs + ms);
    if (!this.ended) return;
    this.pause();
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
  server.status = 200;
  Object.assign(files, { a: fileMs, b: fileMs, c: fileMs });
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

const states = (reports, state) => reports.filter((one) => one.state === state);

/** A server that passes over what is called broken, as long as it hears it. */
function skipping({ isDeafFor = 0, next = { item: item("b"), next: item("c") } } = {}) {
  let heard = 0;
  return ({ state, itemId, version }, output, clock) => {
    if (state !== "error" || itemId !== output.player.item.itemId || (heard += 1) <= isDeafFor) return;
    output.follow(player({ ...next, version: version + 1, anchoredAt: new Date(clock.now()).toISOString() }), "me");
  };
}

test("a song whose preloading failed is loaded again when its turn comes", async (context) => {
  const { output, pass } = device(context);
  files.b = 0;
  output.follow(player(), "me");
  await pass(SONG_MS - 2000);
  assert.ok(output.spare.hasFailed);
  files.b = SONG_MS;
  const heard = await pass(4000);
  assert.ok(silentMs(heard) < 100, `${silentMs(heard)} ms of silence`);
  assert.equal(heard.at(-1).itemId, "b");
});

test("one that is broken is called so at once, though its preloading had failed already", async (context) => {
  const { output, pass, reports } = device(context, { answer: skipping({ next: { item: item("c"), next: null } }) });
  files.b = 0;
  output.follow(player(), "me");
  await pass(SONG_MS + 500);
  // The server has come to the same end.
  output.follow(player({ item: item("b"), next: item("c"), version: 8, anchoredAt: new Date(EPOCH + SONG_MS).toISOString() }), "me");
  const heard = await pass(1500);
  assert.equal(states(reports, "error")[0].itemId, "b");
  assert.equal(states(reports, "stalled").length, 0, "that would put off its end");
  assert.equal(heard.at(-1).itemId, "c");
  assert.ok(heard.at(-1).sounds);
});

test("that a song is broken is said until another one is to sound", async (context) => {
  const { output, pass, reports } = device(context, { answer: skipping({ isDeafFor: 4 }) });
  files.a = 0;
  output.follow(player(), "me");
  const heard = await pass(15_000);
  assert.equal(states(reports, "error").length, 5);
  assert.ok(heard.at(-1).sounds && heard.at(-1).itemId === "b");
});

test("while the server is away no song is called broken, and it sounds where it should as soon as it can be had", async (context) => {
  const { output, pass, reports } = device(context);
  Object.assign(files, { a: 0 });
  server.status = 503;
  output.follow(player(), "me");
  await pass(6000);
  assert.equal(states(reports, "error").length, 0);
  Object.assign(files, { a: SONG_MS });
  server.status = 200;
  const heard = await pass(6000);
  assert.ok(heard.at(-1).sounds);
  assert.ok(Math.abs(heard.at(-1).positionMs - 12_000) < 300, String(heard.at(-1).positionMs));
});

test("a song that failed while the music rested is loaded when somebody plays it", async (context) => {
  const { output, pass, reports } = device(context);
  files.a = 0;
  output.follow(player({ isPlaying: false }), "me");
  await pass(20_000);
  assert.equal(states(reports, "error").length, 0);
  files.a = SONG_MS;
  output.follow(player({ version: 8, anchoredAt: new Date(EPOCH + 20_000).toISOString() }), "me");
  const heard = await pass(500);
  assert.ok(heard.at(-1).sounds);
});

/** What the page was asked to do. */
function wishes(output) {
  const seen = [];
  for (const what of ["held", "goOn"]) output.addEventListener(what, () => seen.push(what));
  return seen;
}

test("what the system pauses is a pause for everybody, and is not begun again meanwhile", async (context) => {
  const { output, pass, reports } = device(context);
  const seen = wishes(output);
  output.follow(player(), "me");
  await pass(1000);
  reports.length = 0;
  output.deck.audio.pause();
  const heard = await pass(8000);
  assert.deepEqual(seen, ["held"]);
  assert.equal(silentMs(heard), 8000);
  assert.deepEqual(reports, [], "a word of ours would move the music");
  output.follow(player({ version: 8, isPlaying: false, positionMs: 1000 }), "me");
  await pass(500);
  output.follow(player({ version: 9, positionMs: 1000, anchoredAt: new Date(EPOCH + 9500).toISOString() }), "me");
  assert.ok((await pass(500)).at(-1).sounds);
});

test("what the system lets go on is wished for, and sounds when the state says so", async (context) => {
  const { output, pass } = device(context);
  const seen = wishes(output);
  output.follow(player(), "me");
  await pass(1000);
  output.deck.audio.pause();
  output.follow(player({ version: 8, isPlaying: false, positionMs: 1000 }), "me");
  await output.deck.audio.play();
  assert.ok(output.deck.audio.paused);
  assert.deepEqual(seen, ["held", "goOn"]);
});

test("a song that ends, another one, a seek and a pause are not taken for one of the system", async (context) => {
  const { output, pass } = device(context);
  const seen = wishes(output);
  output.follow(player(), "me");
  await pass(SONG_MS + 2000);
  output.follow(player({ version: 8, item: item("b"), positionMs: 9000, anchoredAt: new Date(EPOCH + SONG_MS + 2000).toISOString() }), "me");
  await pass(1000);
  output.follow(player({ version: 9, item: item("c"), anchoredAt: new Date(EPOCH + SONG_MS + 3000).toISOString() }), "me");
  await pass(1000);
  output.follow(player({ version: 10, item: item("c"), isPlaying: false, positionMs: 1000 }), "me");
  await pass(1000);
  output.follow(null, "me");
  await pass(1000);
  assert.deepEqual(seen, []);
});

const refused = async () => {
  throw new DOMException("no", "NotAllowedError");
};
const LOST_AT = new Date(EPOCH + 10_000).toISOString();
const lost = { version: 8, isPlaying: false, positionMs: 10_000, anchoredAt: LOST_AT, notice: { code: "output_lost", at: LOST_AT } };

test("the word that asks for a tap stays while only our silence stopped the music, and the tap is a wish to play", async (context) => {
  const { output, pass } = device(context);
  const seen = wishes(output);
  for (const audio of FakeAudio.all) audio.play = refused;
  output.follow(player(), "me");
  await pass(1000);
  assert.ok(output.permission.isBlocked);
  output.follow(player(lost), "me");
  await pass(1000);
  assert.ok(output.permission.isBlocked);
  output.permission.touch();
  assert.deepEqual([output.permission.isBlocked, ...seen], [false, "goOn"]);
});

test("it goes away when somebody paused", async (context) => {
  const { output, pass } = device(context);
  for (const audio of FakeAudio.all) audio.play = refused;
  output.follow(player(), "me");
  await pass(1000);
  output.follow(player({ version: 8, isPlaying: false, positionMs: 1000 }), "me");
  assert.ok(!output.permission.isBlocked);
  output.permission.touch();
});

test("a window that sounds no more wants no tap either", async (context) => {
  const { output, pass } = device(context);
  for (const audio of FakeAudio.all) audio.play = refused;
  output.follow(player(), "me");
  await pass(1000);
  output.follow(null, "me");
  assert.ok(!output.permission.isBlocked);
});
