// What an upload does next: pure decisions, no network.

export const ACCEPTED = [".mp3", ".flac", ".ogg", ".oga", ".opus", ".m4a", ".mp4", ".aac", ".wav", ".aif", ".aiff"];

/** Where a chunk begins and ends in its file. @param {number} index @param {number} chunkSize @param {number} fileSize */
export function range(index, chunkSize, fileSize) {
  return { start: index * chunkSize, end: Math.min(fileSize, (index + 1) * chunkSize) };
}

/** @param {number} total @param {readonly number[]} done @returns {number[]} */
export function missing(total, done) {
  const known = new Set(done);
  return Array.from({ length: total }, (_, index) => index).filter((index) => !known.has(index));
}

/**
 * Why a file is not taken, or null when it is. Names are only a first sieve; the server looks inside.
 * @param {{name: string, size: number, type: string}} file @param {readonly string[]} accepted @param {number} maxSize
 * @returns {"hidden" | "type" | "empty" | "size" | null}
 */
export function refusal(file, accepted, maxSize) {
  if (file.name.startsWith(".")) return "hidden";
  const name = file.name.toLowerCase();
  if (!accepted.some((end) => name.endsWith(end)) && !file.type.startsWith("audio/")) return "type";
  if (file.size === 0) return "empty";
  return file.size > maxSize ? "size" : null;
}

/** What the same file can never get past. */
const FINAL = ["not_audio", "too_long", "file_too_large", "empty_file", "bad_file_name", "guests_do_not_upload"];

/** Whether trying the same file again can only fail again. @param {string} problem its code */
export function isFinal(problem) {
  return FINAL.includes(problem);
}

/** How all of them together are getting on, in a few words. @param {readonly {stage: string, isOver: boolean}[]} uploads */
export function headline(uploads) {
  const count = (/** @type {string[]} */ ...stages) => uploads.filter((one) => stages.includes(one.stage)).length;
  const [over, added, failed] = [uploads.filter((one) => one.isOver).length, count("ready"), count("failed", "expired")];
  if (over < uploads.length) return `Adding ${over + 1} of ${uploads.length}`;
  if (failed && added) return `${added} added, ${failed} failed`;
  if (failed) return failed === 1 ? "That did not work" : `${failed} files failed`;
  if (!added) return "Cancelled";
  return added === 1 ? "Ready to play" : `${added} songs are ready`;
}

/** The same file dropped again goes on where it stopped. @param {{name: string, size: number, lastModified: number}} file */
export function fingerprint(file) {
  return `${file.name}|${file.size}|${file.lastModified}`;
}

/**
 * Milliseconds until the next try: what the server asked for, else doubling with jitter.
 * @param {number} attempt 0, 1, … @param {number} retryAfter seconds, 0 when not told @param {number} random 0..1
 */
export function pause(attempt, retryAfter, random) {
  if (retryAfter > 0) return retryAfter * 1000 + random * 500;
  return Math.min(30_000, 500 * 2 ** attempt) * (0.5 + random / 2);
}

/** How many bytes are there once these chunks are. @param {readonly number[]} done @param {number} chunkSize @param {number} fileSize */
export function received(done, chunkSize, fileSize) {
  return done.reduce((sum, index) => {
    const { start, end } = range(index, chunkSize, fileSize);
    return sum + Math.max(0, end - start);
  }, 0);
}
