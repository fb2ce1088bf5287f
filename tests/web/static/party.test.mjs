// The whole of a device in a party, on an audio context that drifts, stands still and counts what it is told.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Clock } from "../../../web/static/clock.js";
import { Party, isDecodable } from "../../../web/static/party.js";

const LATENCY_MS = 70;
const EPOCH = Date.parse("2026-01-31T20:15:00.000Z");
const TICK_MS = 250;

class FakeBuffer {
  duration = 300;
}

class Parameter {
  setValueAtTime() {}
  setTargetAtTime() {}
  linearRampToValueAtTime() {}
  cancelScheduledValues() {}
}

class Source {
  constructor(context) {
    this.context = context;
    this.playbackRate = { setValueAtTime: (rate, at) => this.turn(rate, at) };
    this.stopsAt = Infinity;
  }
  connect(next) {
    return next;
  }
  start(at, offset) {
    this.begins = at;
    this.segment = { at, offset, rate: 1 };
  }
  stop(at) {
    this.stopsAt = at;
  }
  turn(rate, at) {
    this.segment = { at, offset: this.positionAt(at), rate };
    this.context.rates.push(rate);
  }
  positionAt(time) {
    return this.segment.offset + (time - this.segment.at) * this.segment.rate;
  }
}

/** Time on it is `drift` faster than ours, and behind by what it stood still. */
class FakeContext {
  constructor(drift) {
    this.drift = drift;
    this.stoodMs = 0;
    this.sources = [];
    this.rates = [];
    this.state = "running";
    this.isRefused = false;
    this.restsSince = 0;
    this.outputLatency = LATENCY_MS / 1000;
    this.local = 0;
    this.destination = {};
  }
  heardAt(local) {
    if (this.state === "suspended") local = this.restsSince;
    return ((local - this.stoodMs) * (1 + this.drift) - LATENCY_MS) / 1000;
  }
  get currentTime() {
    return this.heardAt(this.local + LATENCY_MS);
  }
  getOutputTimestamp() {
    return { contextTime: this.heardAt(this.local), performanceTime: this.local };
  }
  async resume() {
    if (this.isRefused) return new Promise(() => {});
    this.state = "running";
    this.stoodMs += this.local - this.restsSince;
  }
  async suspend() {
    this.restsSince = this.local;
    this.state = "suspended";
  }
  createGain() {
    return { gain: new Parameter(), connect: (next) => next };
  }
  createBufferSource() {
    const source = new Source(this);
    this.sources.push(source);
    return source;
  }
  /** What of the song leaves the device now, in ms. */
  get soundsMs() {
    const time = this.heardAt(this.local);
    const source = this.sources.findLast((one) => one.begins <= time && time < one.stopsAt);
    return source ? source.positionAt(time) * 1000 : null;
  }
}

const player = (more = {}) => ({
  item: { itemId: "a", songId: "a", title: "a", durationMs: 300_000 }, next: null, isPlaying: true, positionMs: 0,
  anchoredAt: new Date(EPOCH + 3000).toISOString(), repeatMode: "none", volume: 1, muted: false, outputs: [], handoff: null, ...more,
});

/** A device whose context drifts; `pass` lets time go on and answers the error of each tick, in ms. */
async function device(drift) {
  const context = new FakeContext(drift);
  const asked = [];
  const ways = { decode: async () => new FakeBuffer(), status: 200 };
  context.decodeAudioData = () => ways.decode(asked.at(-1));
  const told = [];
  Object.assign(globalThis, {
    AudioBuffer: FakeBuffer,
    AudioContext: function () {
      return context;
    },
    fetch: async (path) => {
      asked.push(path.split("/").at(-2));
      return { ok: ways.status === 200, status: ways.status, arrayBuffer: async () => new ArrayBuffer(8) };
    },
  });
  const clock = new Clock(() => context.local);
  clock.add(0, EPOCH + 1, EPOCH + 1, 2);
  const party = new Party({ clock, tell: (what, item) => told.push(`${what} ${item.songId}`), blocked: (isBlocked) => isBlocked && told.push("blocked") });
  const pass = async (state, forMs, delayMs = 0) => {
    const errors = [];
    for (const until = context.local + forMs; context.local < until; context.local += TICK_MS) {
      party.follow(state, delayMs, 1);
      await new Promise(setImmediate);
      if (context.soundsMs !== null) errors.push(context.soundsMs - (state.positionMs + clock.now() - Date.parse(state.anchoredAt)));
    }
    return errors;
  };
  return { context, party, pass, asked, ways, told };
}

const worst = (errors) => Math.max(...errors.map(Math.abs));

test("a start that was arranged begins at its instant", async () => {
  const { pass } = await device(0);
  const errors = await pass(player(), 10_000);
  assert.ok(errors.length > 20);
  assert.ok(worst(errors) < 0.1, String(worst(errors)));
});

test("who comes late begins in the middle, at the right place", async () => {
  const { context, pass } = await device(0);
  context.local = 40_000;
  const errors = await pass(player(), 5000);
  assert.ok(context.soundsMs > 40_000);
  assert.ok(worst(errors) < 1, String(worst(errors)));
});

test("a quartz that drifts is held within two milliseconds by rate alone", async () => {
  const { context, pass } = await device(200e-6);
  const errors = await pass(player(), 120_000);
  assert.ok(worst(errors) < 2, String(worst(errors)));
  assert.ok(context.rates.length > 0);
  assert.ok(context.rates.every((rate) => Math.abs(rate - 1) <= 0.005));
  assert.equal(context.sources.length, 1);
});

test("a context that stood still for 30 ms comes back by rate, without a jump", async () => {
  const { context, pass } = await device(0);
  await pass(player(), 10_000);
  context.stoodMs = 30;
  const errors = await pass(player(), 20_000);
  assert.ok(Math.abs(errors[0] + 30) < 1);
  assert.ok(worst(errors.slice(-8)) < 2, String(errors.slice(-8)));
  assert.equal(context.sources.length, 1);
});

test("a context that stood still for 200 ms jumps, once", async () => {
  const { context, pass } = await device(0);
  await pass(player(), 10_000);
  context.stoodMs = 200;
  const errors = await pass(player(), 5000);
  assert.ok(worst(errors.slice(8)) < 1, String(errors));
  assert.equal(context.sources.length, 2);
});

test("a seek is followed by a new start, a state that says the same is not", async () => {
  const { context, pass } = await device(0);
  await pass(player(), 10_000);
  await pass(player({ positionMs: 5000, anchoredAt: new Date(EPOCH + 8000).toISOString() }), 2000);
  assert.equal(context.sources.length, 1);
  const errors = await pass(player({ positionMs: 60_000, anchoredAt: new Date(EPOCH + 12_000).toISOString() }), 3000);
  assert.ok(worst(errors.slice(2)) < 1, String(errors));
  assert.equal(context.sources.length, 2);
});

test("a device with a delay of its own sounds that much earlier", async () => {
  const { context, pass } = await device(0);
  const errors = await pass(player(), 10_000, 120);
  assert.ok(errors.slice(-4).every((error) => Math.abs(error - 120) < 1), String(errors.slice(-4)));
  assert.equal(context.sources.length, 1);
});

test("a pause is silence", async () => {
  const { context, party, pass } = await device(0);
  await pass(player(), 10_000);
  await pass(player({ isPlaying: false, positionMs: 7000 }), 1000);
  assert.equal(context.soundsMs, null);
  assert.ok(!party.isSounding);
});

const song = (name, durationMs = 300_000) => ({ itemId: name, songId: name, title: name, durationMs });

test("another next song costs neither the current one nor a second download of it", async () => {
  const { context, party, pass, asked } = await device(0);
  await pass(player({ next: song("b") }), 5000);
  await pass(player({ next: song("c") }), 2000);
  assert.deepEqual(asked, ["a", "b", "c"]);
  assert.deepEqual([...party.decoded.songs.keys()], ["a", "c"]);
  assert.notEqual(context.soundsMs, null);
  const errors = await pass(player({ next: song("c"), positionMs: 60_000, anchoredAt: new Date(EPOCH + 7000).toISOString() }), 3000);
  assert.ok(worst(errors.slice(2)) < 1, String(errors));
});

test("a pause is obeyed while the song is not decoded", async () => {
  const { context, party, pass, ways } = await device(0);
  await pass(player(), 5000);
  ways.decode = () => new Promise(() => {});
  await pass(player({ item: song("b"), anchoredAt: new Date(EPOCH + 60_000).toISOString() }), 500);
  assert.ok(party.isSounding, "until the new song begins the old one goes on");
  await pass(player({ item: song("b"), isPlaying: false }), 500);
  assert.equal(context.soundsMs, null);
});

test("a song that is over does not sound on because the next one is not decoded yet", async () => {
  const { context, pass, ways } = await device(0);
  await pass(player(), 5000);
  ways.decode = () => new Promise(() => {});
  await pass(player({ item: song("b"), anchoredAt: new Date(EPOCH + 5000).toISOString() }), 500);
  assert.equal(context.soundsMs, null);
});

test("a next song that is too long to be decoded is not fetched", async () => {
  const { pass, asked } = await device(0);
  await pass(player({ next: song("hour", 3_600_000) }), 1000);
  await pass(player({ next: song("unknown", 0) }), 1000);
  assert.deepEqual(asked, ["a"]);
  assert.ok(isDecodable(song("a", 600_000)) && !isDecodable(song("a", 600_001)) && !isDecodable(song("a", 0)));
});

test("only the current song is said to be ready, once, when it is", async () => {
  const { pass, told } = await device(0);
  await pass(player({ isPlaying: false, next: song("b") }), 1000);
  assert.deepEqual(told, ["ready a"]);
  await pass(player({ isPlaying: false, item: song("b"), next: song("c") }), 1000);
  assert.deepEqual(told, ["ready a", "ready b"]);
});

test("a song that cannot be decoded is fetched once, one that did not come again after a while", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const broken = await device(0);
  broken.ways.decode = async () => {
    throw new Error("no sound");
  };
  await broken.pass(player(), 1000);
  context.mock.timers.tick(60_000);
  await broken.pass(player(), 1000);
  assert.deepEqual(broken.asked, ["a"]);
  assert.ok(broken.party.hasFailed(song("a")));

  const late = await device(0);
  late.ways.status = 503;
  await late.pass(player(), 1000);
  assert.ok(late.party.hasFailed(song("a")));
  late.ways.status = 200;
  context.mock.timers.tick(10_000);
  await late.pass(player(), 5000);
  assert.deepEqual(late.asked, ["a", "a"]);
  assert.notEqual(late.context.soundsMs, null);
});

/** Out of the party for a minute. */
async function rest({ context, party }, timers) {
  party.leave();
  context.local += 10_000;
  timers.tick(10_000);
  context.local += 60_000;
}

test("who leaves a party gives back what it took, and comes in again at the right place, without a tap", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const one = await device(0);
  await one.pass(player(), 10_000);
  await rest(one, context.mock.timers);
  assert.deepEqual([one.context.state, one.party.decoded.songs.size, one.party.isSounding], ["suspended", 0, false]);
  one.party.unlock();
  assert.equal(one.context.state, "suspended", "a touch wakes nothing");
  const errors = await one.pass(player(), 5000);
  assert.ok(errors.length >= 15, `${errors.length} of 20 looks heard it`);
  assert.ok(worst(errors) < 1, String(worst(errors)));
  assert.deepEqual(one.told, ["ready a", "playing a", "ready a", "playing a"]);
});

test("who comes back soon begins at once, and nothing is taken from him afterwards", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const one = await device(0);
  await one.pass(player(), 10_000);
  one.party.leave();
  context.mock.timers.tick(5000);
  await one.pass(player(), 250);
  assert.ok(one.party.isSounding);
  context.mock.timers.tick(60_000);
  await one.pass(player(), 1000);
  assert.deepEqual([one.context.state, one.asked], ["running", ["a"]]);
});

test("who comes back while the music rests says again that it is ready", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const one = await device(0);
  const resting = player({ isPlaying: false });
  await one.pass(resting, 1000);
  await rest(one, context.mock.timers);
  await one.pass(resting, 1000);
  assert.deepEqual(one.told, ["ready a", "ready a"]);
});

test("a context that the browser keeps from running is blocked, after a moment", async () => {
  const one = await device(0);
  Object.assign(one.context, { state: "suspended", isRefused: true, local: 1000 });
  await one.pass(player(), 500);
  assert.deepEqual(one.told, ["ready a"]);
  await one.pass(player(), 1000);
  assert.ok(one.told.includes("blocked"));
  assert.ok(!one.party.isSounding);
});
