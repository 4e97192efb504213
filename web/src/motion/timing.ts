/** The frames of a lift request and their times. */

import type { LiftRequest } from "poselift";

const DEFAULT_FPS = 30;

/** Frames `first` to `last` of a source, and when each is shown, in seconds from the first one. */
export interface Timing {
  first: number;
  last: number;
  times: Float64Array;
}

/** The timing of all clips of a request together. */
export function timingOf(request: LiftRequest): Timing {
  const spans = request.clips.map((clip) => [clip.first_frame ?? 0, clip.keypoints.length] as const);
  const first = Math.min(...spans.map(([begin]) => begin));
  const last = Math.max(first, ...spans.map(([begin, count]) => begin + count - 1));
  const given = new Map<number, number>();
  for (const { first_frame = 0, timestamps_s } of request.clips) {
    timestamps_s?.forEach((time, index) => given.set(first_frame + index, time));
  }
  return { first, last, times: filled(first, last, given, 1 / (request.fps ?? DEFAULT_FPS)) };
}

/** How long it takes to show all frames. */
export function durationOf({ times }: Timing): number {
  const count = times.length;
  const lastStep = count > 1 ? times[count - 1]! - times[count - 2]! : 1 / DEFAULT_FPS;
  return times[count - 1]! + lastStep;
}

/** The frame that is shown at a time. */
export function frameAt({ first, times }: Timing, time: number): number {
  let [low, high] = [0, times.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (times[middle]! <= time + 1e-6) low = middle;
    else high = middle - 1;
  }
  return first + low;
}

/** When a frame is shown. */
export function timeOf({ first, last, times }: Timing, frame: number): number {
  return times[Math.min(Math.max(frame, first), last) - first]!;
}

/** Frames without a time follow the one before by `step_s`. */
function filled(first: number, last: number, given: Map<number, number>, step_s: number): Float64Array {
  const times = new Float64Array(last - first + 1);
  const begin = given.get(first) ?? 0;
  for (let index = 1; index < times.length; index++) {
    const time = given.get(first + index);
    times[index] = time === undefined ? times[index - 1]! + step_s : time - begin;
  }
  return times;
}
