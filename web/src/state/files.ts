/** Files that are dropped: which are videos, and how large images probably are. Files that are saved. */

import type { Keypoints, LiftRequest } from "poselift";
import { zipSync } from "fflate";

const VIDEO = /\.(mp4|m4v|mov|webm|mkv|avi|mpg|mpeg|ogv)$/i;
const COMMON_SIZES: readonly [number, number][] = [
  [640, 480],
  [1280, 720],
  [1920, 1080],
  [2560, 1440],
  [3840, 2160],
];
/** Of people on their feet. */
const USUAL_TALLNESS = 2.3;
const VIDEO_OPENS_WITHIN_MS = 10_000;
const SAVED_WITHIN_MS = 60_000;

/** Is it a video? */
export function isVideo(file: File): boolean {
  return file.type.startsWith("video/") || VIDEO.test(file.name);
}

/** The files that were dropped, those in folders included. */
export async function droppedFiles({ items, files }: DataTransfer): Promise<File[]> {
  const entries = [...items].map((item) => item.webkitGetAsEntry());
  if (entries.every((entry) => entry?.isDirectory !== true)) return [...files];
  return (await Promise.all(entries.map((entry) => entry && filesIn(entry)))).flatMap((found) => found ?? []);
}

async function filesIn(entry: FileSystemEntry): Promise<File[]> {
  if (entry.name.startsWith(".")) return [];
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
    const path = { value: entry.fullPath.slice(1) };
    return [Object.defineProperty(file, "webkitRelativePath", path)];
  }
  const found = await entriesIn((entry as FileSystemDirectoryEntry).createReader());
  return (await Promise.all(found.map(filesIn))).flat();
}

/** A reader gives some entries at a time, and none at the end. */
async function entriesIn(reader: FileSystemDirectoryReader): Promise<FileSystemEntry[]> {
  const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
  return some.length === 0 ? [] : [...some, ...(await entriesIn(reader))];
}

/** Files of a folder as one archive, as the server reads them. */
export async function folderOf(files: readonly File[]): Promise<File> {
  const read = files.map(async (file): Promise<[string, Uint8Array]> => [pathOf(file), new Uint8Array(await file.arrayBuffer())]);
  const packed = zipSync(Object.fromEntries(await Promise.all(read)), { level: 1 }) as Uint8Array<ArrayBuffer>;
  return new File([packed], `${folderName(files)}.zip`);
}

function pathOf(file: File): string {
  return file.webkitRelativePath || file.name;
}

function folderName(files: readonly File[]): string {
  const [folder, ...rest] = pathOf(files[0]!).split("/");
  return rest.length > 0 ? folder! : `${files.length} files`;
}

/** The likely size of images: the smallest common one that has all keypoints in it; of parts of images, the one that squashes people least. */
export function likelySize({ clips, coordinates }: Pick<LiftRequest, "clips" | "coordinates">): [number, number] {
  if (coordinates === "normalized") return tallness(clips) < USUAL_TALLNESS ? [1080, 1920] : [1920, 1080];
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

/** How many times as tall as broad people are, in the middle of all frames. */
function tallness(clips: LiftRequest["clips"]): number {
  const all = clips.flatMap(({ keypoints }) => keypoints.flatMap((frame) => tallnessOf(frame) ?? [])).sort((a, b) => a - b);
  return all[all.length >> 1] ?? Infinity;
}

function tallnessOf(frame: Keypoints): number | null {
  const joints = (frame ?? []).filter((joint) => joint && joint[2] !== 0);
  const span = (axis: 0 | 1): number => {
    const values = joints.flatMap((joint) => joint?.[axis] ?? []);
    return Math.max(...values) - Math.min(...values);
  };
  return joints.length > 1 && span(0) > 0 ? span(1) / span(0) : null;
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
