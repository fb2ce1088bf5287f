// Where the music stands at an instant, told from the player's state alone. Pure.

/** Milliseconds of a date as the server writes it. @param {string} text */
export function instant(text) {
  return Date.parse(text);
}

/** Position in the song at server time `now`, as the server itself counts it. @param {Player} player @param {number} now */
export function positionAt(player, now) {
  const anchored = instant(player.anchoredAt);
  if (!player.isPlaying || now <= anchored) return player.positionMs;
  const position = player.positionMs + (now - anchored);
  return player.item?.durationMs ? Math.min(position, player.item.durationMs) : position;
}

/** When the current song ends, in server time; null when it does not end by itself. @param {Player} player */
export function endsAt(player) {
  if (!player.isPlaying || !player.item?.durationMs) return null;
  return instant(player.anchoredAt) + Math.max(0, player.item.durationMs - player.positionMs);
}

/** What tells one course of the music from another: where it was when, and whether it moves. @param {Player} player */
export function courseOf({ item, isPlaying, positionMs, anchoredAt }) {
  return `${item?.itemId}|${isPlaying}|${positionMs}|${anchoredAt}`;
}

/**
 * The player as it must stand at `now`: a song that has ended gave way to the next, or began again as often as it
 * takes. The server says the same a moment later; seeing it by ourselves makes the change seamless, and the music
 * goes on while the server is away.
 * @param {Player} player @param {number} now @returns {Player}
 */
export function settled(player, now) {
  const end = endsAt(player);
  if (end === null || now < end) return player;
  const { item, next, repeatMode } = player;
  // A queue of one song that goes round is followed by itself.
  if (item && (repeatMode === "one" || next?.itemId === item.itemId)) return begunAgain(player, end + lastMultiple(now - end, item.durationMs));
  const at = new Date(end).toISOString();
  if (!player.next) return player;
  return { ...player, item: player.next, next: null, currentIndex: player.currentIndex + 1, positionMs: 0, anchoredAt: at };
}

/**
 * The same when the file of the current song is over at `now`, before its time: what follows begins then.
 * @param {Player} player @param {number} now @returns {Player}
 */
export function cutShort(player, now) {
  const { item } = player;
  if (!item) return player;
  const after = settled({ ...player, item: { ...item, durationMs: Math.max(1, positionAt(player, now)) } }, now + 1);
  // The same song again is as long as ever: what was off may have been the clock.
  return after.item?.itemId === item.itemId ? { ...after, item } : after;
}

/** @param {Player} player @param {number} at */
function begunAgain(player, at) {
  return { ...player, positionMs: 0, anchoredAt: new Date(at).toISOString() };
}

/** @param {number} value @param {number} step */
function lastMultiple(value, step) {
  return Math.floor(value / step) * step;
}

/** Whether the music plays, or rests within a song: else nothing sounds until somebody presses play. @param {Player | null} player */
export function hasBegun(player) {
  if (!player?.item) return false;
  const { isPlaying, positionMs, item } = player;
  return isPlaying || (positionMs > 0 && (!item.durationMs || positionMs < item.durationMs));
}

/** What this device has to do with the sound. @param {Player | null} player @param {string | null} deviceId */
export function roleOf(player, deviceId) {
  if (!player || !deviceId) return "silent";
  const mine = player.outputs.some((one) => one.deviceId === deviceId);
  if (player.handoff?.to === deviceId && !mine) return "arriving";
  if (!mine) return "silent";
  if (player.handoff && player.handoff.to !== deviceId) return "leaving";
  return player.outputs.length > 1 ? "party" : "solo";
}

/** Linear volume as people hear it: half the slider is half as loud. @param {Player} player */
export function loudness(player) {
  return player.muted ? 0 : player.volume ** 2;
}

/**
 * Rate by which a small error is worked off in about four seconds, never more than half a percent.
 * @param {number} errorMs how far ahead of time we are
 * @param {number} noiseMs errors below this are left alone
 */
export function correction(errorMs, noiseMs = 4) {
  if (Math.abs(errorMs) < noiseMs) return 1;
  return 1 - Math.max(-0.005, Math.min(0.005, errorMs / 4000));
}

/**
 * The same where nobody hears it: by at most a quarter, in about half a second.
 * @param {number} errorMs how far ahead of time we are
 */
export function swiftCorrection(errorMs) {
  return 1 - Math.max(-0.25, Math.min(0.25, errorMs / 400));
}

/** The middle one of some values. @param {number[]} values */
export function middle(values) {
  return [...values].sort((one, other) => one - other)[values.length >> 1] ?? 0;
}
