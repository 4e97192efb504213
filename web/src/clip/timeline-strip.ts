/** How well each frame was seen, as a strip over the timeline: a row for each person. */

import type { Store } from "../state/store";

const INK = {
  light: { measured: "#9fb0c7", filled: "#d8a400", warning: "#b4541a" },
  dark: { measured: "#51627c", filled: "#d8a400", warning: "#f0a060" },
} as const;
const MOST_ROWS = 6;
const WARNING_PX = 3;
/** Shorter runs of a long clip would not be seen. */
const LEAST_PX = 2;

/** Measured frames are plain, filled ones stand out, unknown ones are left out; warnings are marked above. */
export function drawStrip(canvas: HTMLCanvasElement, { answers, timing, theme }: Store): void {
  const { clientWidth: width, clientHeight: height } = canvas;
  const ratio = globalThis.devicePixelRatio;
  [canvas.width, canvas.height] = [width * ratio, height * ratio];
  const [response, span, ink] = [answers.value[0]?.response, timing.value, INK[theme.value]];
  if (!response || !span) return;
  const pen = canvas.getContext("2d")!;
  pen.scale(ratio, ratio);
  const frameWidth = width / (span.last - span.first + 1);
  const bar = (from: number, count: number, top: number, tall: number, colour: string): void => {
    pen.fillStyle = colour;
    pen.fillRect((from - span.first) * frameWidth, top, Math.max(LEAST_PX, count * frameWidth), tall);
  };
  const rows = response.clips.slice(0, MOST_ROWS);
  const rowHeight = (height - WARNING_PX - 1) / rows.length;
  rows.forEach(({ quality, first_frame }, row) => {
    const top = WARNING_PX + 1 + row * rowHeight;
    for (const { value, start, count } of runs(quality)) {
      if (value !== "unknown") bar(first_frame + start, count, top, Math.max(1, rowHeight - 1), ink[value]);
    }
  });
  for (const { frames } of response.warnings) {
    if (frames) bar(frames[0], frames[1] - frames[0] + 1, 0, WARNING_PX, ink.warning);
  }
}

interface Run<T> {
  value: T;
  start: number;
  count: number;
}

function runs<T>(values: readonly T[]): Run<T>[] {
  const found: Run<T>[] = [];
  values.forEach((value, start) => {
    const last = found.at(-1);
    if (last?.value === value) last.count++;
    else found.push({ value, start, count: 1 });
  });
  return found;
}
