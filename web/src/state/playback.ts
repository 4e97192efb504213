/** Time that goes on while the clip plays. */

import type { Store } from "./store";
import { timeOf } from "../motion/timing";

/** After a pause of the browser, as of a tab in the background, time goes on where it was. */
const LONGEST_STEP_S = 0.25;

/** Move the store's time on by what has passed since the last picture; call it before each one. */
export function advance(store: Store, elapsed_s: number): void {
  const { time, speed, loops, isPlaying, duration } = store;
  if (!isPlaying.peek() || duration.peek() === 0) return;
  const next = time.peek() + Math.min(elapsed_s, LONGEST_STEP_S) * speed.peek();
  if (next < duration.peek()) {
    time.value = next;
  } else if (loops.peek()) {
    time.value = next % duration.peek();
  } else {
    time.value = timeOf(store.timing.peek()!, store.timing.peek()!.last);
    isPlaying.value = false;
  }
}

/** Play or stop; at the end it begins anew. */
export function togglePlaying({ isPlaying, time, frame, timing }: Store): void {
  const isAtEnd = frame.value === timing.value?.last;
  if (!isPlaying.value && isAtEnd) time.value = 0;
  isPlaying.value = !isPlaying.value;
}

/** Stop, so many frames later. */
export function stepFrames({ isPlaying, time, frame, timing }: Store, count: number): void {
  if (!timing.value) return;
  isPlaying.value = false;
  time.value = timeOf(timing.value, frame.value + count);
}

/** Go to a frame. */
export function seekFrame({ time, timing }: Store, frame: number): void {
  if (timing.value) time.value = timeOf(timing.value, frame);
}
