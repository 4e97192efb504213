/** 2D keypoints on a canvas. */

import type { Joint, Keypoints, LiftedClip, LiftRequest } from "poselift";
import { keypointState, type KeypointFormat } from "../motion/joints";
import { sideOf } from "../scene/body";
import { SIDE_COLOURS } from "../scene/colours";

/** Which part of the image is shown, in its pixels. */
export interface Crop {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** Where an image is on a canvas, in CSS pixels. */
export interface ImageView {
  width: number;
  height: number;
  left: number;
  top: number;
  /** CSS pixels a pixel of the image. */
  scale: number;
  imageWidth: number;
  imageHeight: number;
}

export interface Drawn {
  keypoints: Keypoints;
  format: KeypointFormat;
  clip: LiftedClip | undefined;
  frame: number;
}

export interface Ink {
  middle: string;
  rejected: string;
}

const LEAST_SCORE = 0.05;
const MARGIN = 0.18;
/** Faces and hands have so many joints that dots of the same size would hide them. */
const MANY_JOINTS = 60;
/** People who are smaller than this are drawn with thinner lines. */
const THIN_BELOW_PX = 90;

/** The colours of a theme. */
export function inkOf(theme: "light" | "dark"): Ink {
  return { middle: theme === "dark" ? "#aab4c3" : "#7b8696", rejected: "#e0485c" };
}

/** One person's bones and joints; `scale` is how many CSS pixels a pixel of the image is. */
export function drawPerson(pen: CanvasRenderingContext2D, { keypoints, format, clip, frame }: Drawn, scale: number, ink: Ink): void {
  const colour = (joint: number): string => {
    const side = sideOf(format.joints[joint] ?? "");
    return side === "middle" ? ink.middle : SIDE_COLOURS[side];
  };
  const places = (keypoints ?? []).map(placeOf);
  const thickness = Math.min(1, (tallest(places) * scale) / THIN_BELOW_PX);
  const size = thickness * (places.length > MANY_JOINTS ? 1.6 : 3);
  pen.lineWidth = (2.5 * thickness) / scale;
  pen.lineCap = "round";
  for (const [a, b] of format.bones) {
    const [from, to] = [places[a!], places[b!]];
    if (!from || !to) continue;
    const isAcross = sideOf(format.joints[a!]!) !== sideOf(format.joints[b!]!);
    line(pen, from, to, isAcross ? ink.middle : colour(b!));
  }
  places.forEach((place, joint) => {
    if (!place) return;
    const isRejected = keypointState(clip, joint, frame) === "rejected";
    if (isRejected) cross(pen, place, 5 / scale, ink.rejected);
    else dot(pen, place, size / scale, colour(joint));
  });
}

function tallest(places: readonly (Place | null)[]): number {
  const heights = places.flatMap((place) => place?.y ?? []);
  return Math.max(...heights) - Math.min(...heights);
}

/** The part of an image where anything is found in any frame, with a margin. */
export function cropTo(clips: readonly { keypoints: readonly Keypoints[] }[], [width, height]: readonly [number, number]): Crop {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const { keypoints } of clips) {
    for (const joint of keypoints.flatMap((frame) => frame ?? [])) {
      const place = placeOf(joint);
      if (!place) continue;
      [left, right] = [Math.min(left, place.x), Math.max(right, place.x)];
      [top, bottom] = [Math.min(top, place.y), Math.max(bottom, place.y)];
    }
  }
  if (!(right > left && bottom > top)) return { x: 0, y: 0, width, height };
  const margin = MARGIN * Math.max(right - left, bottom - top);
  // Not beyond the image, but for keypoints that are.
  const [x, y] = [Math.max(Math.min(0, left), left - margin), Math.max(Math.min(0, top), top - margin)];
  const [toX, toY] = [Math.min(Math.max(width, right), right + margin), Math.min(Math.max(height, bottom), bottom + margin)];
  return { x, y, width: toX - x, height: toY - y };
}

/** A request with keypoints in pixels, whatever they came in. */
export function inPixels({ coordinates, ...request }: LiftRequest): LiftRequest {
  if (coordinates !== "normalized") return request;
  const [width, height] = request.image_size;
  const scaled = (joint: Joint): Joint => joint && [times(joint[0], width), times(joint[1], height), ...joint.slice(2)];
  const clips = request.clips.map((each) => ({ ...each, keypoints: each.keypoints.map((frame) => frame && frame.map(scaled)) }));
  return { ...request, clips };
}

function times(value: number | null | undefined, factor: number): number | null {
  return value === null || value === undefined ? null : value * factor;
}

interface Place {
  x: number;
  y: number;
}

/** Where a keypoint is; null where it is missing, by the rules of requests. */
function placeOf(joint: readonly (number | null)[] | null): Place | null {
  const [x, y, score] = joint ?? [];
  if (x === null || x === undefined || y === null || y === undefined) return null;
  if ((x === 0 && y === 0) || (x === -1 && y === -1)) return null;
  return score !== null && score !== undefined && score < LEAST_SCORE ? null : { x, y };
}

function line(pen: CanvasRenderingContext2D, from: Place, to: Place, colour: string): void {
  pen.strokeStyle = colour;
  pen.beginPath();
  pen.moveTo(from.x, from.y);
  pen.lineTo(to.x, to.y);
  pen.stroke();
}

function dot(pen: CanvasRenderingContext2D, { x, y }: Place, radius: number, colour: string): void {
  pen.fillStyle = colour;
  pen.beginPath();
  pen.arc(x, y, radius, 0, 2 * Math.PI);
  pen.fill();
}

function cross(pen: CanvasRenderingContext2D, { x, y }: Place, size: number, colour: string): void {
  line(pen, { x: x - size, y: y - size }, { x: x + size, y: y + size }, colour);
  line(pen, { x: x - size, y: y + size }, { x: x + size, y: y - size }, colour);
}
