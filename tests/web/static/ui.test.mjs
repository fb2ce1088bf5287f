import assert from "node:assert/strict";
import { test } from "node:test";
import { nameOf } from "../../../web/static/here.js";
import { Turning } from "../../../web/static/presses.js";
import { bytes, duration, tint } from "../../../web/static/ui.js";

test("durations read as people say them", () => {
  assert.equal(duration(187_900), "3:07");
  assert.equal(duration(3_723_000), "1:02:03");
  assert.equal(duration(0), "0:00");
});

test("sizes have a sensible unit", () => {
  assert.equal(bytes(820_000), "820 kB");
  assert.equal(bytes(9_400_000), "9.4 MB");
  assert.equal(bytes(2_147_483_648), "2.1 GB");
});

test("a title keeps its colour, the same that the server gives it", () => {
  assert.equal(tint("Clair de lune"), 4);
  assert.equal(tint("Águas de Março"), 2);
  assert.equal(tint(""), tint("?"));
});

test("a device is called by browser and system", () => {
  assert.equal(nameOf("Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Version/17.0 Mobile Safari/604.1"), "Safari on iPhone");
  assert.equal(nameOf("Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36"), "Chrome on Android");
  assert.equal(nameOf("Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"), "Firefox on Linux");
});

test("of a slider one place is under way at a time, and the newest follows", async () => {
  const sent = [];
  const turning = new Turning((place) => new Promise((resolve) => sent.push({ place, resolve })));
  const all = [1, 2, 3, 4].map((place) => turning.to(place));
  assert.deepEqual(sent.map(({ place }) => place), [1]);
  assert.deepEqual(await Promise.all([all[1], all[2]]), [null, null]);
  sent[0].resolve("one");
  assert.equal(await all[0], "one");
  await new Promise((resolve) => setTimeout(resolve, 80));
  assert.deepEqual(sent.map(({ place }) => place), [1, 4]);
  sent[1].resolve("four");
  assert.equal(await all[3], "four");
});

test("a slider goes on after a place that was refused, and no faster than commands may be sent", async () => {
  let sent = 0;
  const turning = new Turning(() => (sent += 1) && Promise.reject(new Error("no")));
  const until = performance.now() + 300;
  while (performance.now() < until) {
    turning.to(sent).catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assert.ok(sent >= 3 && sent <= 6, String(sent));
});
