/** Lifted clips as arrays in the world that is shown: metres, y up, the ground at y = 0. */

import type { LiftResponse, LiftedClip, Skeleton, Vector } from "poselift";
import { levelled, type Ground } from "./ground";

/** One person's joints through the frames of a clip. */
export interface PersonMotion {
  id: string;
  /** The frame of the source in which `joints` begins. */
  firstFrame: number;
  frameCount: number;
  /** x, y, z of each joint, frame by frame; NaN where the pose is unknown. */
  joints: Float32Array;
  /** Metres, joint by joint; NaN where unknown, null of models without. */
  expectedErrors: Float32Array | null;
  clip: LiftedClip;
}

/** People of models without a trajectory stand next to each other. */
const APART_M = 1.2;

/** Everything that one answer has people do. */
export interface Motion {
  skeleton: Skeleton;
  people: PersonMotion[];
}

/** The people of an answer whose axes are `y_up`, standing on the ground. */
export function motionOf(answer: LiftResponse): Motion {
  const { skeleton } = answer;
  const people = answer.clips.map((clip, index) => personOf(clip, index, skeleton.joints.length));
  const ground = levelled(people, skeleton.joints.length);
  for (const person of people) moveTo(ground, person.joints);
  return { skeleton, people };
}

/** The joints of one person in a frame of the source; null where the pose is unknown. */
export function jointsAt(person: PersonMotion, frame: number): Float32Array | null {
  return rowAt(person, person.joints, frame);
}

/** The expected errors of one person in a frame of the source, in metres. */
export function expectedErrorsAt(person: PersonMotion, frame: number): Float32Array | null {
  return person.expectedErrors && rowAt(person, person.expectedErrors, frame);
}

function rowAt(person: PersonMotion, rows: Float32Array, frame: number): Float32Array | null {
  const index = frame - person.firstFrame;
  if (index < 0 || index >= person.frameCount) return null;
  const width = rows.length / person.frameCount;
  const row = rows.subarray(index * width, (index + 1) * width);
  return Number.isNaN(row[0]) ? null : row;
}

function personOf(clip: LiftedClip, index: number, jointCount: number): PersonMotion {
  const frameCount = clip.poses.length;
  const joints = new Float32Array(frameCount * jointCount * 3).fill(NaN);
  clip.poses.forEach((pose, frame) => {
    const root = clip.trajectory?.[frame] ?? [index * APART_M, 0, 0];
    pose?.forEach((joint, index) => placeJoint(joints, frame * jointCount + index, joint, root));
  });
  const expectedErrors = clip.expected_errors && errorsOf(clip.expected_errors, jointCount);
  return { id: clip.id, firstFrame: clip.first_frame, frameCount, joints, expectedErrors, clip };
}

function placeJoint(joints: Float32Array, place: number, joint: Vector, root: Vector): void {
  for (let axis = 0; axis < 3; axis++) joints[place * 3 + axis] = joint[axis]! + root[axis]!;
}

function errorsOf(errors: (number[] | null)[], jointCount: number): Float32Array {
  const rows = new Float32Array(errors.length * jointCount).fill(NaN);
  errors.forEach((row, frame) => row && rows.set(row, frame * jointCount));
  return rows;
}

function moveTo(ground: Ground, joints: Float32Array): void {
  const { origin, rotation } = ground;
  for (let i = 0; i < joints.length; i += 3) {
    const x = joints[i]! - origin[0];
    const y = joints[i + 1]! - origin[1];
    const z = joints[i + 2]! - origin[2];
    for (let row = 0; row < 3; row++) {
      joints[i + row] = rotation[row * 3]! * x + rotation[row * 3 + 1]! * y + rotation[row * 3 + 2]! * z;
    }
  }
}

/** A point of the ground in the middle of where people are, and how far they go from it; but for a few wild frames. */
export function extentOf({ people, skeleton }: Motion): { x: number; z: number; radius: number } {
  const [x, z]: [number[], number[]] = [[], []];
  for (const { joints } of people) {
    for (let i = 0; i < joints.length; i += skeleton.joints.length * 3) {
      if (Number.isNaN(joints[i])) continue;
      x.push(joints[i]!);
      z.push(joints[i + 2]!);
    }
  }
  if (x.length === 0) return { x: 0, z: 0, radius: 0 };
  const [left, right] = span(x);
  const [far, near] = span(z);
  return { x: (left + right) / 2, z: (far + near) / 2, radius: Math.hypot(right - left, near - far) / 2 };
}

const WILD_SHARE = 0.04;

function span(values: number[]): [number, number] {
  const sorted = values.sort((a, b) => a - b);
  const leftOut = Math.floor(sorted.length * WILD_SHARE);
  return [sorted[leftOut]!, sorted[sorted.length - 1 - leftOut]!];
}
