/** The picture, if there is one, with the keypoints found in it. */

import { effect, signal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { drawPerson, type Crop } from "../clip/keypoints-drawing";
import { DEFAULT_FORMAT, FORMATS } from "../motion/joints";
import { SURROUNDINGS } from "../scene/colours";
import type { Theme } from "../state/store";
import { usePage } from "../state/store-context";
import type { PicturedFrame } from "./live";
import { useLive } from "./live-context";
import type { LiveSource } from "./source";

export function LivePicture() {
  const canvas = useRef<HTMLCanvasElement>(null);
  const playing = useRef<HTMLDivElement>(null);
  const live = useLive();
  const { store } = usePage();
  const size = useMemo(() => signal({ width: 0, height: 0 }), []);
  useEffect(() => {
    const element = canvas.current!; // what stops the stream may run when the reference is gone
    const observer = new ResizeObserver(([entry]) => {
      const { width, height } = entry!.contentRect;
      size.value = { width, height };
    });
    observer.observe(element);
    const stop = effect(() => draw(element, { ...size.value, source: live.source.value, frame: live.pictured.value, theme: store.theme.value }));
    return () => (observer.disconnect(), stop());
  }, []);
  useEffect(() => {
    const place = playing.current!;
    return effect(() => place.replaceChildren(...(live.source.value?.video ? [live.source.value.video] : [])));
  }, []);
  const isMirrored = live.source.value?.isMirror && live.settings.mirrors.value;
  return (
    <section class={`view keypoints-view live-picture ${isMirrored ? "mirrored" : ""}`} aria-label="Picture">
      <div ref={playing} class="playing" aria-hidden="true" />
      <canvas ref={canvas} class="keypoints" role="img" aria-label="2D keypoints, as they are found in the picture" />
      {live.source.value === null && <p class="empty">The picture and its 2D keypoints</p>}
    </section>
  );
}

interface Drawn {
  width: number;
  height: number;
  source: LiveSource | null;
  frame: PicturedFrame;
  theme: Theme;
}

function draw(canvas: HTMLCanvasElement, { width, height, source, frame, theme }: Drawn): void {
  const ratio = globalThis.devicePixelRatio;
  [canvas.width, canvas.height] = [Math.round(width * ratio), Math.round(height * ratio)];
  const format = FORMATS[source?.options.keypoint_format ?? DEFAULT_FORMAT];
  if (!source || !format) return;
  const pen = canvas.getContext("2d")!;
  const scale = aim(pen, source.crop, { width, height, ratio });
  if (frame.picture) {
    pen.drawImage(frame.picture, 0, 0, ...source.options.image_size);
  } else {
    pen.strokeStyle = SURROUNDINGS[theme].line;
    pen.lineWidth = 1.5 / scale;
    pen.strokeRect(0, 0, ...source.options.image_size);
  }
  const middle = frame.picture || theme === "dark" ? "#d5dbe4" : "#7b8696";
  for (const { keypoints } of frame.people) drawPerson(pen, { keypoints, format, clip: undefined, frame: 0 }, scale, { middle, rejected: middle });
}

/** Have the pen draw in the image's pixels; how many CSS pixels one of them is. */
function aim(pen: CanvasRenderingContext2D, crop: Crop, { width, height, ratio }: { width: number; height: number; ratio: number }): number {
  const scale = Math.min(width / crop.width, height / crop.height);
  const [left, top] = [(width - crop.width * scale) / 2, (height - crop.height * scale) / 2];
  pen.setTransform(ratio, 0, 0, ratio, ratio * left, ratio * top);
  pen.scale(scale, scale);
  pen.translate(-crop.x, -crop.y);
  return scale;
}
