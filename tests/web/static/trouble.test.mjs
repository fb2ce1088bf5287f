// A song that does not come: when it is called broken, when it is asked for again.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Trouble, askFor, judged } from "../../../web/static/trouble.js";

const SONG = { itemId: "a", songId: "s" };
const LINE_BROKE = 2;
const REFUSED = 4;

let now = 50_000;
performance.now = () => now;

/** A song that fails at once whenever it is loaded; `pass` lets time go on as a page's ticks do. */
function song(answers) {
  const seen = { asked: 0, loads: 0, broken: 0 };
  const trouble = new Trouble({
    ask: async () => answers[Math.min(seen.asked++, answers.length - 1)],
    again: () => (seen.loads += 1),
    broken: () => (seen.broken += 1),
  });
  const pass = async (forMs, code = REFUSED) => {
    for (const until = now + forMs; now < until; now += 250) await trouble.meet(SONG, code);
  };
  return { trouble, seen, pass };
}

test("given once and failed again it is broken, and that is said at once", async () => {
  const { trouble, seen } = song(["given"]);
  await trouble.meet(SONG, REFUSED);
  assert.deepEqual(seen, { asked: 1, loads: 1, broken: 0 });
  assert.ok(!trouble.isBroken("a"));
  await trouble.meet(SONG, REFUSED);
  assert.deepEqual([seen.broken, trouble.isBroken("a"), trouble.isBroken("b")], [1, true, false]);
});

test("it is said again as long as nothing else is to sound, ever more seldom", async () => {
  const { seen, pass } = song(["given"]);
  await pass(8000);
  const soon = seen.broken;
  assert.ok(soon >= 3 && soon <= 5, String(soon));
  await pass(60_000);
  assert.ok(seen.broken - soon >= 6 && seen.broken - soon <= 9, String(seen.broken - soon));
});

test("what the server refuses is broken without being loaded again", async () => {
  const { trouble, seen } = song(["refused"]);
  await trouble.meet(SONG, REFUSED);
  assert.deepEqual(seen, { asked: 1, loads: 0, broken: 1 });
});

test("while the server is away nothing is called broken, and what it gives afterwards is loaded", async () => {
  const { seen, pass } = song(["given", "away", "away", "away", "given"]);
  await pass(8000);
  assert.deepEqual(seen, { asked: 5, loads: 2, broken: 0 });
});

test("bytes that stop coming are asked for again, however often", async () => {
  const { seen, pass } = song(["given"]);
  await pass(30_000, LINE_BROKE);
  assert.equal(seen.broken, 0);
  assert.ok(seen.loads > 4);
});

test("a failure long after the last one is a story of its own", async () => {
  const { trouble, seen } = song(["given"]);
  await trouble.meet(SONG, REFUSED);
  now += 60_000;
  await trouble.meet(SONG, REFUSED);
  assert.deepEqual(seen, { asked: 2, loads: 2, broken: 0 });
});

test("an answer that comes when the song is not wanted any more counts for nothing", async () => {
  const { trouble, seen } = song(["refused"]);
  const asked = trouble.meet(SONG, REFUSED);
  trouble.forget();
  await asked;
  assert.equal(seen.broken, 0);
});

test("only a refusal that does not pass is one", async () => {
  assert.deepEqual([200, 206, 304, 401, 404, 410, 416, 429, 500, 503].map(judged), ["given", "given", "given", "refused", "refused", "refused", "refused", "away", "away", "away"]);
  globalThis.fetch = async () => {
    throw new TypeError("no server");
  };
  assert.equal(await askFor("s"), "away");
});
