// Whole songs, decoded: the one that sounds and the next one, and no other. A minute of one is 23 MB.

/** A song that did not come is asked for again. */
const FETCH_AGAIN_MS = 10_000;

/** It did not come, for a reason that may pass. */
class NotNow extends Error {}

export class Decoded {
  /** @param {{decode: (bytes: ArrayBuffer) => Promise<AudioBuffer>, loaded: () => void}} parts  `loaded`: one is here, or has failed */
  constructor({ decode, loaded }) {
    this.decode = decode;
    this.loaded = loaded;
    /** @type {Map<string, AudioBuffer | Promise<void> | Error>} by song */
    this.songs = new Map();
  }

  /** @param {string} songId @returns {AudioBuffer | null} null while it is not here */
  get(songId) {
    const known = this.songs.get(songId);
    return known instanceof AudioBuffer ? known : null;
  }

  /** @param {string} songId */
  hasFailed(songId) {
    return this.songs.get(songId) instanceof Error;
  }

  /** Hold these and no other. @param {string[]} songIds */
  keep(songIds) {
    for (const old of this.songs.keys()) if (!songIds.includes(old)) this.songs.delete(old);
    for (const songId of songIds) if (!this.songs.has(songId)) this.songs.set(songId, this.#load(songId));
  }

  /** Bytes that cannot be decoded will not be decoded another time either. @param {string} songId */
  async #load(songId) {
    try {
      this.#take(songId, await this.decode(await fetched(songId)));
    } catch (error) {
      this.#take(songId, /** @type {Error} */ (error));
      if (error instanceof NotNow) setTimeout(() => this.songs.get(songId) === error && this.songs.delete(songId), FETCH_AGAIN_MS);
    }
  }

  /** A song that was given up meanwhile is not kept. @param {string} songId @param {AudioBuffer | Error} outcome */
  #take(songId, outcome) {
    const known = this.songs.get(songId);
    if (known === undefined || known instanceof AudioBuffer) return;
    this.songs.set(songId, outcome);
    this.loaded();
  }
}

/** @param {string} songId */
async function fetched(songId) {
  try {
    const response = await fetch(`/api/v1/songs/${songId}/stream`);
    if (!response.ok) throw new NotNow(`answer ${response.status}`);
    return await response.arrayBuffer();
  } catch (error) {
    throw new NotNow(String(error));
  }
}
