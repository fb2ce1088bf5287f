import assert from "node:assert/strict";
import { test } from "node:test";
import { correction, courseOf, cutShort, endsAt, hasBegun, loudness, positionAt, roleOf, settled } from "../../../web/static/timeline.js";

const START = Date.parse("2026-01-31T20:15:00.000Z");
const item = (itemId, durationMs = 60_000) => ({ itemId, songId: itemId, title: itemId, durationMs });
const player = (more = {}) => ({
  item: item("a"), next: item("b"), currentIndex: 0, isPlaying: true, positionMs: 10_000, anchoredAt: "2026-01-31T20:15:00.000Z",
  repeatMode: "none", volume: 1, muted: false, outputs: [{ deviceId: "me", delayMs: 0, ready: true }], handoff: null, ...more,
});

test("the position runs from the anchor while it plays", () => {
  assert.equal(positionAt(player(), START + 2500), 12_500);
  assert.equal(positionAt(player({ isPlaying: false }), START + 2500), 10_000);
});

test("before an arranged start it stands, after the end it stands too", () => {
  assert.equal(positionAt(player(), START - 400), 10_000);
  assert.equal(positionAt(player(), START + 90_000), 60_000);
  assert.equal(positionAt(player({ item: item("a", 0) }), START + 90_000), 100_000);
});

test("the next song begins at the very instant the last one ends", () => {
  const after = settled(player(), START + 50_700);
  assert.equal(after.item.itemId, "b");
  assert.equal(positionAt(after, START + 50_700), 700);
  assert.equal(settled(player(), START + 49_999).item.itemId, "a");
});

test("under repeat one the same song begins again, with nothing next it stands at its end", () => {
  const again = settled(player({ repeatMode: "one" }), START + 51_000);
  assert.equal(again.item.itemId, "a");
  assert.equal(positionAt(again, START + 51_000), 1000);
  const last = player({ next: null });
  assert.equal(settled(last, START + 51_000), last);
});

test("under repeat one the song goes round as often as it takes, each pass from its own instant", () => {
  const looped = player({ repeatMode: "one" });
  const third = settled(looped, START + 50_000 + 2 * 60_000 + 700);
  assert.equal(third.anchoredAt, new Date(START + 50_000 + 2 * 60_000).toISOString());
  assert.equal(positionAt(third, START + 50_000 + 2 * 60_000 + 700), 700);
  assert.equal(settled(third, START + 50_000 + 3 * 60_000).anchoredAt, new Date(START + 50_000 + 3 * 60_000).toISOString());
  const courses = [0, 1, 2, 3].map((pass) => courseOf(settled(looped, START + 49_000 + pass * 60_000)));
  assert.equal(new Set(courses).size, 4);
  assert.equal(courseOf(settled(looped, START + 60_000)), courseOf(settled(looped, START + 109_999)));
});

test("a queue of one song that goes round is followed by itself", () => {
  const alone = settled(player({ repeatMode: "all", next: item("a") }), START + 50_000 + 60_000 + 300);
  assert.equal(positionAt(alone, START + 50_000 + 60_000 + 300), 300);
  assert.equal(alone.next.itemId, "a");
});

test("a file that is over before its time makes what follows begin at once", () => {
  const after = cutShort(player(), START + 30_000);
  assert.equal(after.item.itemId, "b");
  assert.equal(positionAt(after, START + 30_500), 500);
  const again = cutShort(player({ repeatMode: "one" }), START + 49_900);
  assert.equal(positionAt(again, START + 50_000), 100);
  assert.equal(endsAt(again), START + 49_900 + 60_000);
});

test("a song of unknown length ends only when its output says so", () => {
  assert.equal(endsAt(player({ item: item("a", 0) })), null);
});

test("what a device has to do", () => {
  assert.equal(roleOf(player(), "me"), "solo");
  assert.equal(roleOf(player(), "you"), "silent");
  assert.equal(roleOf(player(), null), "silent");
  assert.equal(roleOf(player({ handoff: { to: "you" } }), "you"), "arriving");
  assert.equal(roleOf(player({ handoff: { to: "you" } }), "me"), "leaving");
  assert.equal(roleOf(player({ outputs: [{ deviceId: "me" }, { deviceId: "you" }] }), "me"), "party");
});

test("errors are worked off by at most half a percent", () => {
  assert.equal(correction(3), 1);
  assert.equal(correction(20), 0.995);
  assert.equal(correction(-20), 1.005);
  assert.ok(correction(8) > 0.995 && correction(8) < 1);
  assert.equal(correction(5000), 0.995);
});

test("mute is silence whatever the volume", () => {
  assert.equal(loudness(player({ muted: true })), 0);
  assert.equal(loudness(player({ volume: 0.5 })), 0.25);
});

test("music that is cleared, over or not begun waits for somebody to press play", () => {
  const rests = { isPlaying: false };
  assert.ok(hasBegun(player()));
  assert.ok(hasBegun(player(rests)));
  assert.ok(!hasBegun(player({ ...rests, positionMs: 60_000 })));
  assert.ok(!hasBegun(player({ ...rests, positionMs: 0 })));
  assert.ok(!hasBegun(player({ ...rests, item: null })));
  assert.ok(!hasBegun(null));
});
