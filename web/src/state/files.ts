/** Files that are dropped: which are videos, and how large images probably are. Files that are saved. */

import type { LiftRequest } from "poselift";

const VIDEO = /\.(mp4|m4v|mov|webm|mkv|avi|mpg|mpeg|ogv)$/i;
const COMMON_SIZES: readonly [number, number][] = [
  [640, 480],
  [1280, 720],
  [1920, 1080],
  [2560, 1440],
  [3840, 2160],
];
const VIDEO_OPENS_WITHIN_MS = 10_000;
const SAVED_WITHIN_MS = 60_000;

/** Is it a video? */
export function isVideo(file: File): boolean {
  return file.type.startsWith("video/") || VIDEO.test(file.name);
}

/** The smallest common size of images that has all keypoints in it. */
export function likelySize(clips: LiftRequest["clips"]): [number, number] {
  let [right, bottom] = [0, 0];
  for (const { keypoints } of clips) {
    for (const joint of keypoints.flatMap((frame) => frame ?? [])) {
      right = Math.max(right, joint?.[0] ?? 0);
      bottom = Math.max(bottom, joint?.[1] ?? 0);
    }
  }
  const upright = COMMON_SIZES.map(([width, height]): [number, number] => [height, width]);
  const sizes = bottom > right ? upright : COMMON_SIZES;
  return sizes.find(([width, height]) => right <= width && bottom <= height) ?? [Math.ceil(right), Math.ceil(bottom)];
}

/** Width and height of a video; null if the browser cannot play it. */
export function videoSize(url: string): Promise<[number, number] | null> {
  return new Promise((resolve) => {
    const video = document.createElement("video");
    const timer = setTimeout(() => resolve(null), VIDEO_OPENS_WITHIN_MS);
    video.onloadedmetadata = () => (clearTimeout(timer), resolve([video.videoWidth, video.videoHeight]));
    video.onerror = () => (clearTimeout(timer), resolve(null));
    video.preload = "metadata";
    video.src = url;
  });
}

/** The lift request in a text, if it is one. */
export function liftRequestIn(text: string): LiftRequest | null {
  try {
    const found: unknown = JSON.parse(text);
    const isRequest = typeof found === "object" && found !== null && "clips" in found && "image_size" in found;
    return isRequest ? (found as LiftRequest) : null;
  } catch {
    return null;
  }
}

/** Have the browser save a file. */
export function saveFile(name: string, content: Blob): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), SAVED_WITHIN_MS);
}
