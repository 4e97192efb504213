/** Waiting and trying again, within a deadline. */

import { Temporary } from "./errors.js";

const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 5000;

/** How long to wait before trying again: longer each time, never less than the server asks. */
export class Backoff {
  private nextMs = FIRST_WAIT_MS;

  waitMs(error: Temporary): number {
    // Spread, so that clients of a server that restarts do not come all at once.
    const waitMs = this.nextMs * (0.5 + 0.5 * Math.random());
    this.nextMs = Math.min(2 * this.nextMs, LONGEST_WAIT_MS);
    return Math.max(waitMs, error.retryAfterMs ?? 0);
  }

  reset(): void {
    this.nextMs = FIRST_WAIT_MS;
  }
}

/** Wait; rejects with the signal's reason when that is given first. */
export function delay(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const aborted = (): void => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", aborted);
      resolve();
    }, ms);
    signal.addEventListener("abort", aborted, { once: true });
  });
}

/** Ask something that changes nothing at the server, again while that may help and there is time. */
export async function asked<T>(ask: () => Promise<T>, until: number, signal: AbortSignal): Promise<T> {
  const backoff = new Backoff();
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof Temporary)) throw error;
      const waitMs = backoff.waitMs(error);
      if (Date.now() + waitMs >= until) throw error;
      await delay(waitMs, signal);
    }
  }
}
