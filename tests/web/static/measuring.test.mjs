// The common clock is measured again and again, and what the wall clock says meanwhile is nobody's business.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Clock } from "../../../web/static/clock.js";
import { Measuring } from "../../../web/static/measuring.js";
import { positionAt } from "../../../web/static/timeline.js";

const AHEAD_MS = 1_770_000_000_000;
const WAY_MS = 3;
const time = { now: 5000 };
performance.now = () => time.now;
globalThis.document = { querySelectorAll: () => [] };

/** A line to a server whose monotonic clock is ahead of ours; each way takes as long as `wayMs` says. */
class Line {
  isUp = true;
  askedAt = [];
  wayMs = WAY_MS;
  async request(method, { t0 }) {
    assert.equal(method, "clock.ping");
    this.askedAt.push(t0);
    const t1 = t0 + this.wayMs + AHEAD_MS;
    time.now = t0 + 2 * this.wayMs;
    return { t1, t2: t1 };
  }
}

/** Measuring that has begun; `pass` lets time go on. */
function begun(context, { isTogether = false, wayMs = WAY_MS } = {}) {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const line = Object.assign(new Line(), { wayMs });
  const clock = new Clock();
  new Measuring(line, clock).start(() => isTogether);
  const pass = async (forMs, stepMs = 10) => {
    for (let passed = 0; passed < forMs; passed += stepMs) {
      time.now += stepMs;
      context.mock.timers.tick(stepMs);
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  return { line, clock, pass };
}

const gaps = (times) => times.slice(1).map((at, index) => at - times[index]);

test("the clock is measured every two and a half seconds, for good", async (context) => {
  const { line, pass } = begun(context);
  await pass(60_000);
  assert.equal(line.askedAt.length, 25);
  assert.ok(gaps(line.askedAt).every((gap) => Math.abs(gap - 2500) <= 20), String(gaps(line.askedAt)));
});

test("it is measured more often while devices sound together and it is not known well", async (context) => {
  const { line, pass } = begun(context, { isTogether: true, wayMs: 20 });
  await pass(3000);
  assert.ok(gaps(line.askedAt).slice(1).every((gap) => gap < 600), String(gaps(line.askedAt)));
});

test("nothing is asked while the line is down", async (context) => {
  const { line, pass } = begun(context);
  await pass(100);
  line.isUp = false;
  await pass(10_000);
  assert.equal(line.askedAt.length, 1);
  line.isUp = true;
  await pass(2600);
  assert.equal(line.askedAt.length, 2);
});

test("a wall clock that jumps, forth or back, changes neither the offset nor where the music is", async (context) => {
  const { clock, pass } = begun(context);
  await pass(10_000);
  const wall = Date.now;
  context.after(() => (Date.now = wall));
  const began = clock.now();
  const player = { isPlaying: true, positionMs: 1000, anchoredAt: new Date(Math.floor(began)).toISOString(), item: { durationMs: 300_000 } };
  for (const jumpMs of [3_600_000, -86_400_000]) {
    const [at, offset, position] = [time.now, clock.offset, positionAt(player, clock.now())];
    Date.now = () => wall() + jumpMs;
    assert.equal(clock.offset, offset);
    assert.equal(positionAt(player, clock.now()), position);
    await pass(6000);
    assert.ok(Math.abs(clock.offset - AHEAD_MS) < 1, String(clock.offset - AHEAD_MS));
    assert.ok(Math.abs(positionAt(player, clock.now()) - position - (time.now - at)) < 1);
  }
});
