/** What the pointer is at: a joint's name, state and expected error. */

import { STATE_WORDS } from "../motion/joints";
import { usePage } from "../state/store-context";
import { millimetres, readJoint } from "./joint-reading";

export function JointTip() {
  const { store } = usePage();
  const at = store.hovered.value ?? store.selection.value;
  const reading = at && readJoint(store, at);
  if (!reading) return null;
  const isOneOfMany = (store.motion.value?.people.length ?? 0) > 1;
  return (
    <>
      <strong>{reading.name}</strong>
      {isOneOfMany && <span>{reading.person}</span>}
      {reading.expectedError !== null && <span class="figure">{millimetres(reading.expectedError)}</span>}
      <span class={`state ${reading.state}`}>{STATE_WORDS[reading.state]}</span>
    </>
  );
}
