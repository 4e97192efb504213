/** The 2D keypoints of the frame that is shown. */

import { effect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Store } from "../state/store";
import { usePage } from "../state/store-context";

export function KeypointsView() {
  const canvas = useRef<HTMLCanvasElement>(null);
  const { store } = usePage();
  useEffect(() => effect(() => draw(canvas.current!, store)), []);
  return <canvas ref={canvas} class="keypoints" role="img" aria-label="2D keypoints" />;
}

function draw(canvas: HTMLCanvasElement, store: Store): void {
  const clip = store.clip.value;
  if (!clip) return;
  const [width, height] = clip.request.image_size;
  canvas.width = 480;
  canvas.height = Math.round((480 * height) / width);
  const scale = canvas.width / width;
  const pen = canvas.getContext("2d")!;
  pen.clearRect(0, 0, canvas.width, canvas.height);
  pen.fillStyle = "#2a7fc9";
  for (const { keypoints, first_frame = 0 } of clip.request.clips) {
    for (const joint of keypoints[store.frame.value - first_frame] ?? []) {
      if (joint) pen.fillRect((joint[0] ?? 0) * scale - 2, (joint[1] ?? 0) * scale - 2, 4, 4);
    }
  }
}
