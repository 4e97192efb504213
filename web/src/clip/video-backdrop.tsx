/** The video under its keypoints, in step with the timeline. */

import { effect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { usePage } from "../state/store-context";
import type { Store } from "../state/store";
import type { ImageView } from "./keypoints-drawing";

/** A playing video may be so far off before it is set right. */
const DRIFT_S = 0.12;
/** Half a frame at 60 fps: the middle of a frame is never another one. */
const INTO_FRAME_S = 0.008;

export function VideoBackdrop({ url, view }: { url: string; view: ImageView }) {
  const video = useRef<HTMLVideoElement>(null);
  const { store } = usePage();
  useEffect(() => effect(() => follow(video.current!, store)), []);
  const { left, top, scale, imageWidth, imageHeight } = view;
  const style = { left: px(left), top: px(top), width: px(imageWidth * scale), height: px(imageHeight * scale) };
  return <video ref={video} class="backdrop" style={style} src={url} muted playsInline preload="auto" aria-hidden="true" onError={hide} />;
}

function px(length: number): string {
  return `${length}px`;
}

/** What the browser cannot play would hide the view in black. */
function hide({ currentTarget }: { currentTarget: HTMLVideoElement }): void {
  currentTarget.hidden = true;
}

/** Set the video to the frame that is shown, or let it play along. */
function follow(video: HTMLVideoElement, store: Store): void {
  const { isPlaying, speed, time } = store;
  const wanted = videoTime(store, time.value) + INTO_FRAME_S;
  video.playbackRate = speed.value;
  if (isPlaying.value && video.paused) void video.play().catch(() => undefined);
  if (!isPlaying.value) video.pause();
  if (Math.abs(video.currentTime - wanted) > (isPlaying.value ? DRIFT_S : 0.001)) video.currentTime = wanted;
}

/** The clip's first frame may not be the video's. */
function videoTime({ clip, timing }: Store, time: number): number {
  const fps = clip.value?.request.fps;
  return fps && timing.value ? timing.value.first / fps + time : time;
}
