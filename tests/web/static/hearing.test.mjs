import assert from "node:assert/strict";
import { test } from "node:test";
import { Hearing, reading, remedy } from "../../../web/static/hearing.js";

test("single late readings change nothing", () => {
  const hearing = new Hearing();
  for (const late of [3, 0, 12, 0.2, 40, 7, 0.1]) hearing.add(500 + late);
  assert.equal(hearing.differenceMs, 500);
  assert.equal(hearing.localAt(2), 2500);
  assert.equal(hearing.contextAt(2500), 2);
});

test("a context that stood still for a while is noticed within a second", () => {
  const hearing = new Hearing();
  for (let round = 0; round < 12; round += 1) hearing.add(500 + (round % 2));
  for (let round = 0; round < 3; round += 1) hearing.add(530);
  assert.equal(hearing.differenceMs, 500);
  hearing.add(530);
  assert.equal(hearing.differenceMs, 530);
});

test("a context whose quartz drifts is followed", () => {
  const hearing = new Hearing();
  // 100 millionths: 25 µs in 250 ms.
  for (let round = 0; round < 4000; round += 1) hearing.add(500 + round * 0.025);
  assert.ok(Math.abs(hearing.differenceMs - (500 + 3999 * 0.025)) < 0.5);
});

const told = (more) => ({ stamp: { contextTime: 4, performanceTime: 9092 }, currentTime: 4.09, outputLatency: 0.07, now: 9100, isSane: true, ...more });

test("the stamp of what leaves the device is believed", () => {
  assert.equal(reading(told()), 5092);
});

test("without stamps the context's own time and its latency are taken, beyond belief only its time", () => {
  assert.ok(Math.abs(reading(told({ stamp: undefined })) - 5080) < 1e-6);
  assert.ok(Math.abs(reading(told({ outputLatency: 0.9, isSane: false })) - 5010) < 1e-6);
  assert.ok(Math.abs(reading(told({ stamp: undefined, outputLatency: undefined })) - 5010) < 1e-6);
});

test("a context that has only just begun says nothing yet", () => {
  const still = { contextTime: 0, performanceTime: 0 };
  assert.equal(reading(told({ stamp: still, currentTime: 0.2 })), null);
  assert.equal(reading(told({ stamp: undefined, currentTime: 0 })), null);
  assert.notEqual(reading(told({ stamp: still, currentTime: 1.5 })), null);
});

test("small errors go by rate, large ones by a jump, and noise is left alone", () => {
  assert.equal(remedy(0.9, 1), 1);
  assert.equal(remedy(61, 1), "jump");
  assert.equal(remedy(-61, 1), "jump");
  assert.equal(remedy(59, 1), 0.995);
  assert.equal(remedy(-59, 1), 1.005);
  assert.ok(remedy(2, 1) < 1 && remedy(2, 1) > 0.999);
});

test("a rate that is nearly right already is kept", () => {
  assert.equal(remedy(6, 0.9986), 0.9986);
  assert.equal(remedy(0.5, 0.99985), 0.99985);
  assert.equal(remedy(0.5, 0.999), 1);
});
