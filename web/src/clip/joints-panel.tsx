/** Every joint of a person in the frame that is shown: how it was seen, and how far off it is expected to be. */

import { STATE_WORDS } from "../motion/joints";
import type { Selection, Store } from "../state/store";
import { usePage } from "../state/store-context";
import { millimetres, readJoint } from "./joint-reading";
import { Panel } from "./panel";

/** At so large an expected error a bar is full. */
const FULL_BAR_M = 0.25;

export function JointsPanel() {
  const { store } = usePage();
  const motion = store.motion.value;
  if (!motion) return null;
  const person = store.selection.value?.person ?? 0;
  return (
    <Panel title="Joints" aside={motion.people.length > 1 ? motion.people[person]?.id : undefined}>
      <p class="hint">
        ± is how far off a joint is on average, measured from the hip, where the model is as sure as here. It does not cover the person's size,
        or how far away they are.
      </p>
      <table class="joints">
        <thead class="hidden-label">
          <tr>
            <th scope="col">Joint</th>
            <th scope="col">Seen</th>
            <th scope="col">Expected error</th>
          </tr>
        </thead>
        <tbody>
          {motion.skeleton.joints.map((_, joint) => (
            <JointRow key={joint} at={{ person, joint }} />
          ))}
        </tbody>
      </table>
    </Panel>
  );
}

function JointRow({ at }: { at: Selection }) {
  const { store } = usePage();
  const reading = readJoint(store, at);
  if (!reading) return null;
  const { name, state, expectedError } = reading;
  return (
    <tr class={isSelected(store, at) ? "selected" : ""}>
      <th scope="row">
        <button type="button" class="link" aria-pressed={isSelected(store, at)} onClick={() => select(store, at)}>
          {name}
        </button>
      </th>
      <td>
        <span class={`dot ${state}`} title={STATE_WORDS[state]} />
        <span class="hidden-label">{STATE_WORDS[state]}</span>
      </td>
      <td>
        {expectedError !== null && (
          <>
            <span class="bar">
              <span style={{ width: `${Math.min(100, (100 * expectedError) / FULL_BAR_M)}%` }} />
            </span>
            <span class="figure">{millimetres(expectedError)}</span>
          </>
        )}
      </td>
    </tr>
  );
}

function isSelected({ selection }: Store, { person, joint }: Selection): boolean {
  return selection.value?.person === person && selection.value.joint === joint;
}

function select(store: Store, at: Selection): void {
  store.selection.value = isSelected(store, at) ? null : at;
}
