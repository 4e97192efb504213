/** What is known of one joint in the frame that is shown. */

import { jointName, jointState, type JointState } from "../motion/joints";
import { expectedErrorsAt, jointsAt } from "../motion/motion";
import type { Selection, Store } from "../state/store";

export interface JointReading {
  name: string;
  person: string;
  state: JointState;
  /** Metres; null of models that do not tell. */
  expectedError: number | null;
}

/** Read a joint off the first answer; null if there is no such person. */
export function readJoint(store: Store, { person, joint }: Selection): JointReading | null {
  const motion = store.motion.value;
  const who = motion?.people[person];
  const name = motion?.skeleton.joints[joint];
  if (!who || name === undefined) return null;
  const frame = store.readableFrame.value;
  return {
    name: jointName(name),
    person: who.id,
    state: jointState(who.clip, store.clip.value?.request.keypoint_format, name, frame),
    expectedError: expectedErrorsAt(who, frame)?.[joint] ?? null,
  };
}

/** Where a joint is in the frame that is shown; null where unknown. */
export function jointPlace(store: Store, { person, joint }: Selection): Float32Array | null {
  const who = store.motion.value?.people[person];
  const joints = who && jointsAt(who, store.frame.value);
  return joints?.subarray(joint * 3, joint * 3 + 3) ?? null;
}

/** An error as it is written. */
export function millimetres(metres: number): string {
  return `± ${Math.round(metres * 1000)} mm`;
}
