/** The people of a stream as they are shown. */

import type { FramePoses, PersonPose } from "poselift";
import type { ShownPerson } from "../scene/pose-scene";
import type { Trail } from "../scene/trails";
import { personColour } from "../scene/colours";
import { LiveGround } from "./live-ground";

const TRAIL_FRAMES = 120;
/** Farther apart than people go in a frame: the estimate jumped, or it is someone else. */
const LONGEST_STEP_M = 0.4;
/** Where a trail has a gap. */
const NOWHERE: Float32Array = new Float32Array(3).fill(NaN);

export class LivePeople {
  /** Track ids in the order in which they came; places in it choose colours. */
  private readonly ids: string[] = [];
  private readonly ground = new LiveGround();
  private readonly trails = new Map<number, number[]>();

  /** Place the people of an answer. */
  place({ people }: FramePoses, now_ms: number): ShownPerson[] {
    const shown = people.flatMap((person) => {
      const joints = jointsOf(person);
      return joints ? [{ joints, index: this.indexOf(person.track_id) }] : [];
    });
    this.ground.settle(shown.map(({ joints }) => joints), now_ms);
    this.ids.forEach((_, index) => this.extendTrail(index, shown.find((person) => person.index === index)?.joints));
    return shown;
  }

  /** The last seconds of where people went. */
  shownTrails(): Trail[] {
    return [...this.trails].map(([index, points]) => ({ points: new Float32Array(points), colour: personColour(index) }));
  }

  idOf(index: number): string {
    return this.ids[index] ?? "";
  }

  private indexOf(id: string): number {
    const index = this.ids.indexOf(id);
    return index >= 0 ? index : this.ids.push(id) - 1;
  }

  private extendTrail(index: number, joints = NOWHERE): void {
    const points = this.trails.get(index) ?? [];
    const [x, z] = [points.at(-3), points.at(-1)];
    if (x !== undefined && z !== undefined && Math.hypot(joints[0]! - x, joints[2]! - z) > LONGEST_STEP_M) points.push(...NOWHERE);
    points.push(joints[0]!, joints[1]!, joints[2]!);
    this.trails.set(index, points.slice(-3 * TRAIL_FRAMES));
  }
}

function jointsOf({ pose, trajectory }: PersonPose): Float32Array | null {
  if (!pose) return null;
  const root = trajectory ?? [0, 0, 0];
  return Float32Array.from(pose.flatMap((joint) => joint.map((value, axis) => value + root[axis]!)));
}
