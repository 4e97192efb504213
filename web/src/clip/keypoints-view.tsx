/** The 2D keypoints of the frame that is shown, over the video if there is one. */

import { effect, useComputed, useSignal } from "@preact/signals";
import type { LiftRequest } from "poselift";
import { useEffect, useRef } from "preact/hooks";
import { IconButton } from "../controls/icons";
import { DEFAULT_FORMAT, FORMATS } from "../motion/joints";
import { SURROUNDINGS } from "../scene/colours";
import type { OpenedClip, Store } from "../state/store";
import { usePage } from "../state/store-context";
import { cropTo, drawPerson, inkOf, inPixels, type ImageView } from "./keypoints-drawing";
import { VideoBackdrop } from "./video-backdrop";

export function KeypointsView() {
  const canvas = useRef<HTMLCanvasElement>(null);
  const { store } = usePage();
  const asked = useSignal<boolean | null>(null);
  const size = useSignal({ width: 0, height: 0 });
  const videoUrl = store.clip.value?.videoUrl;
  const showsWhole = useComputed(() => asked.value ?? Boolean(store.clip.value?.videoUrl));
  const clips = useComputed(() => (store.clip.value ? inPixels(store.clip.value.request).clips : []));
  const view = useComputed(() => store.clip.value && viewOf(store.clip.value, clips.value, showsWhole.value, size.value));
  useEffect(() => watchSize(canvas.current!, (width, height) => (size.value = { width, height })), []);
  useEffect(() => effect(() => void (view.value && draw(canvas.current!, store, clips.value, view.value))), []);
  return (
    <section class="view keypoints-view" aria-label="2D keypoints">
      {videoUrl && view.value && <VideoBackdrop key={videoUrl} url={videoUrl} view={view.value} />}
      <canvas ref={canvas} class="keypoints" role="img" aria-label="2D keypoints, as they were found in the image" />
      <div class="tools">
        <IconButton
          icon="whole"
          label="Show the whole image"
          pressed={showsWhole.value}
          onClick={() => void (asked.value = !showsWhole.value)}
        />
      </div>
    </section>
  );
}

type Clips = LiftRequest["clips"];

/** Where the image is on a canvas of this size. */
function viewOf({ request }: OpenedClip, clips: Clips, showsWhole: boolean, size: { width: number; height: number }): ImageView {
  const [width, height] = request.image_size;
  const crop = showsWhole ? { x: 0, y: 0, width, height } : cropTo(clips, [width, height]);
  const scale = Math.min(size.width / crop.width, size.height / crop.height);
  const left = (size.width - crop.width * scale) / 2 - crop.x * scale;
  const top = (size.height - crop.height * scale) / 2 - crop.y * scale;
  return { ...size, left, top, scale, imageWidth: width, imageHeight: height };
}

function draw(canvas: HTMLCanvasElement, store: Store, clips: Clips, { width, height, left, top, scale }: ImageView): void {
  const ratio = globalThis.devicePixelRatio;
  const [wide, high] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== wide || canvas.height !== high) [canvas.width, canvas.height] = [wide, high];
  const pen = canvas.getContext("2d")!;
  pen.resetTransform();
  pen.clearRect(0, 0, wide, high);
  pen.setTransform(ratio * scale, 0, 0, ratio * scale, ratio * left, ratio * top);
  drawFrame(pen, store, scale);
  drawPeople(pen, store, clips, scale);
}

/** The image's border. */
function drawFrame(pen: CanvasRenderingContext2D, { clip, theme }: Store, scale: number): void {
  pen.strokeStyle = SURROUNDINGS[theme.value].line;
  pen.lineWidth = 1.5 / scale;
  pen.strokeRect(0, 0, ...clip.value!.request.image_size);
}

function drawPeople(pen: CanvasRenderingContext2D, store: Store, clips: Clips, scale: number): void {
  const format = FORMATS[store.clip.value!.request.keypoint_format ?? DEFAULT_FORMAT];
  if (!format) return;
  const [frame, lifted] = [store.frame.value, store.answers.value[0]?.response.clips];
  const ink = inkOf(store.theme.value);
  clips.forEach(({ keypoints, first_frame = 0 }, index) => {
    if (store.hiddenPeople.value.has(index)) return;
    drawPerson(pen, { keypoints: keypoints[frame - first_frame] ?? null, format, clip: lifted?.[index], frame }, scale, ink);
  });
}

function watchSize(element: HTMLElement, tell: (width: number, height: number) => void): () => void {
  const observer = new ResizeObserver(() => tell(element.clientWidth, element.clientHeight));
  observer.observe(element);
  return () => observer.disconnect();
}
