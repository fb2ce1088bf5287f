import assert from "node:assert/strict";
import { test } from "node:test";
import { correction, endsAt, hasBegun, loudness, positionAt, roleOf, settled } from "../../../web/static/timeline.js";

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
