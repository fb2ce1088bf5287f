// This device, as others see it, and the keys on its keyboard or headset.

import { endsAt } from "./timeline.js";

/** What to call this device in a list: "Chrome on Android". @param {string} [agent] */
export function nameOf(agent = navigator.userAgent) {
  const browser = [["Edg", "Edge"], ["OPR", "Opera"], ["Firefox", "Firefox"], ["Chrome", "Chrome"], ["Safari", "Safari"]].find(([mark]) => agent.includes(mark ?? ""))?.[1] ?? "Browser";
  const system = [["iPhone", "iPhone"], ["iPad", "iPad"], ["Android", "Android"], ["Windows", "Windows"], ["Mac OS", "Mac"], ["CrOS", "ChromeOS"], ["Linux", "Linux"]].find(([mark]) => agent.includes(mark ?? ""))?.[1];
  return system ? `${browser} on ${system}` : browser;
}

/** @param {string} [agent] @returns {"phone" | "tablet" | "computer"} */
export function kindOf(agent = navigator.userAgent) {
  if (/iPad|Tablet|Android(?!.*Mobile)/.test(agent)) return "tablet";
  return /iPhone|Mobile/.test(agent) ? "phone" : "computer";
}

/** A guest steers; his phone does not become a loudspeaker. @returns {{name: string, kind: string, canPlay: boolean}} */
export function here() {
  return { name: nameOf(), kind: kindOf(), canPlay: document.body.dataset.role !== "guest" };
}

/**
 * Keys for play, pause and so on, on the lock screen too. Works over plain http as well.
 * @param {{play: () => void, pause: () => void, next: () => void, previous: () => void, seek: (positionMs: number) => void}} wishes
 */
export function tellMediaSession(wishes) {
  const session = navigator.mediaSession;
  if (!session) return;
  session.setActionHandler("play", wishes.play);
  session.setActionHandler("pause", wishes.pause);
  session.setActionHandler("nexttrack", wishes.next);
  session.setActionHandler("previoustrack", wishes.previous);
  session.setActionHandler("seekto", (details) => wishes.seek((details.seekTime ?? 0) * 1000));
}

/** What the lock screen shows. @param {Player} player @param {boolean} isOutput @param {number} positionMs */
tellMediaSession.state = (player, isOutput, positionMs) => {
  const session = navigator.mediaSession;
  if (!session) return;
  const { item } = player;
  if (!item || !isOutput) {
    session.metadata = null;
    session.playbackState = "none";
    return;
  }
  const artwork = item.coverUrl ? [{ src: new URL(item.coverUrl, location.href).href }] : [];
  if (session.metadata?.title !== item.title || session.metadata.artist !== item.artist) {
    session.metadata = new MediaMetadata({ title: item.title, artist: item.artist, album: item.album ?? "", artwork });
  }
  session.playbackState = player.isPlaying ? "playing" : "paused";
  if (endsAt(player) !== null || item.durationMs) {
    session.setPositionState({ duration: item.durationMs / 1000, position: Math.min(positionMs, item.durationMs) / 1000, playbackRate: 1 });
  }
};
