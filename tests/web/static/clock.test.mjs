import assert from "node:assert/strict";
import { test } from "node:test";
import { Clock, agree, sample } from "../../../web/static/clock.js";

/** A server whose clock is `ahead` ms before ours, over a way that takes `there` and `back` ms. */
function exchange(clock, time, { ahead, there, back }) {
  const t1 = time + there + ahead;
  clock.add(time, t1, t1 + 1, time + there + 1 + back);
}

test("an even way gives the exact offset", () => {
  const { offset, roundTrip } = sample(100, 5110, 5111, 121);
  assert.equal(offset, 5000);
  assert.equal(roundTrip, 20);
});

test("the exchange with the shortest way is believed", () => {
  const clock = new Clock(() => 0);
  exchange(clock, 0, { ahead: 700, there: 5, back: 105 });
  exchange(clock, 200, { ahead: 700, there: 3, back: 3 });
  exchange(clock, 400, { ahead: 700, there: 95, back: 4 });
  assert.ok(Math.abs(clock.best.offset - 700) < 0.01);
});

test("with 100 ms of jitter the offset stays within half the shortest way", () => {
  let time = 0;
  let seed = 7;
  const random = () => (seed = (seed * 16807) % 2147483647) / 2147483647;
  const clock = new Clock(() => time);
  for (let round = 0; round < 40; round += 1, time += 2500) exchange(clock, time, { ahead: -700, there: 2 + random() * 100, back: 2 + random() * 100 });
  assert.ok(Math.abs(clock.best.offset + 700) <= clock.best.roundTrip / 2);
  assert.ok(Math.abs(clock.now() - (time - 700)) < 26);
});

test("only the last sixteen count", () => {
  const clock = new Clock(() => 0);
  for (let round = 0; round < 40; round += 1) exchange(clock, round * 2500, { ahead: 10, there: 5, back: 5 });
  assert.equal(clock.samples.length, 16);
});

test("a machine that slept forgets what it measured before", () => {
  const clock = new Clock(() => 0);
  for (let round = 0; round < 8; round += 1) exchange(clock, round * 2500, { ahead: 100, there: 1, back: 1 });
  // Our monotonic clock stood still for a minute, so the server seems a minute further ahead.
  exchange(clock, 21_000, { ahead: 60_100, there: 20, back: 20 });
  assert.equal(clock.samples.length, 1);
  assert.ok(Math.abs(clock.best.offset - 60_100) < 0.01);
});

test("quartz drift within the window is no contradiction", () => {
  const early = { offset: 100, roundTrip: 1, at: 0 };
  const late = { offset: 103, roundTrip: 1, at: 40_000 };
  assert.ok(agree(early, late));
  assert.ok(!agree(early, { ...late, offset: 120 }));
});

test("local and server time are each other's inverse", () => {
  const clock = new Clock(() => 50);
  exchange(clock, 10, { ahead: 1_000_000, there: 2, back: 2 });
  assert.ok(Math.abs(clock.local(clock.now()) - 50) < 1e-6);
});

test("a first guess gives way to a measurement", () => {
  const clock = new Clock(() => 0);
  clock.guess(5000);
  assert.equal(clock.now(), 5000);
  exchange(clock, 0, { ahead: 5400, there: 3, back: 3 });
  assert.ok(Math.abs(clock.now() - 5400) < 0.01);
});

/** Numbers 0..1, the same in each run. */
function dice(seed) {
  return () => (seed = (seed * 16807) % 2147483647) / 2147483647;
}

test("all exchanges together say more than the best one: with 100 ms of jitter each way within 8 ms", () => {
  const errors = [];
  for (let run = 1; run <= 200; run += 1) {
    const random = dice(run * 7919);
    let time = 0;
    const clock = new Clock(() => time);
    for (let round = 0; round < 30; round += 1, time += 500) exchange(clock, time, { ahead: 700, there: random() * 100, back: random() * 100 });
    errors.push(Math.abs(clock.offset - 700));
    assert.ok(Math.abs(clock.offset - 700) <= clock.errorMs + 1e-9);
  }
  errors.sort((one, other) => one - other);
  assert.ok(errors[190] < 8, `p95 ${errors[190]}`);
});

test("it says by how much it may be wrong, and that grows while nothing is measured closely", () => {
  const clock = new Clock(() => 0);
  assert.equal(clock.errorMs, Infinity);
  clock.guess(700);
  assert.equal(clock.errorMs, Infinity);
  exchange(clock, 0, { ahead: 700, there: 3, back: 3 });
  assert.ok(Math.abs(clock.errorMs - 3) < 1e-9);
  exchange(clock, 20_000, { ahead: 700, there: 90, back: 90 });
  assert.ok(Math.abs(clock.errorMs - 5) < 0.1);
});

test("another server whose time differs a little is followed, without forgetting how well it was known", () => {
  const clock = new Clock(() => 0);
  exchange(clock, 0, { ahead: 700, there: 0.2, back: 0.2 });
  exchange(clock, 100, { ahead: 701.2, there: 0.2, back: 60 });
  assert.ok(Math.abs(clock.offset - 701) < 1.2, String(clock.offset));
  assert.ok(clock.errorMs < 2);
});

test("a quartz that drifts by 50 millionths is followed over an hour of jitter", () => {
  const random = dice(11);
  let time = 0;
  const clock = new Clock(() => time);
  for (let round = 0; round < 3600; round += 1, time += 1000) {
    exchange(clock, time, { ahead: 700 + time * 50e-6, there: random() * 100, back: random() * 100 });
    if (round > 30) assert.ok(Math.abs(clock.offset - (700 + time * 50e-6)) < 15, String(clock.offset));
  }
});

test("a guess has no way there and back; the newest exchange says how long it is now", () => {
  const clock = new Clock(() => 0);
  clock.guess(700);
  assert.equal(clock.roundTrip, Infinity);
  exchange(clock, 0, { ahead: 700, there: 3, back: 3 });
  exchange(clock, 500, { ahead: 700, there: 40, back: 50 });
  assert.equal(clock.roundTrip, 90);
});
