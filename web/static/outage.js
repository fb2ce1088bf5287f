// After an outage the server knows nothing of the sound we made meanwhile, and believes that it stopped.
// Who sounds speaks first: what the server only guessed is not obeyed before that was answered.

const ANSWER_MS = 2000;

/** Whether the player stands only because nobody heard of its outputs; a pause by a person looks different. @param {Player} state */
export function isGuess({ isPlaying, notice, anchoredAt }) {
  return !isPlaying && notice?.code === "output_lost" && notice.at === anchoredAt;
}

/** Keeps a guess waiting while there is doubt about it: until it is settled, or for two seconds. */
export class Doubt {
  /** @param {(state: Player) => void} accept what to do with a guess that nobody took back */
  constructor(accept) {
    this.accept = accept;
    this.isOpen = false;
    /** @type {Player | null} */
    this.guess = null;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
  }

  open() {
    this.drop();
    this.isOpen = true;
    this.timer = setTimeout(() => this.settle(), ANSWER_MS);
  }

  /** Whether this state has to wait. @param {Player} state */
  keeps(state) {
    if (!this.isOpen || !isGuess(state)) return false;
    if (!this.guess || this.guess.version <= state.version) this.guess = state;
    return true;
  }

  /** The answer is here: a guess that is still the newest word holds. */
  settle() {
    const { guess } = this;
    this.drop();
    if (guess) this.accept(guess);
  }

  /** The line broke again: nobody guesses any more. */
  drop() {
    clearTimeout(this.timer);
    this.isOpen = false;
    this.guess = null;
  }
}
