/** The distance between two joints, now and through the clip. */

import { useSignal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import { jointName } from "../motion/joints";
import { jointsAt, type Motion } from "../motion/motion";
import type { Timing } from "../motion/timing";
import type { Selection, Store } from "../state/store";
import { usePage } from "../state/store-context";
import { Panel } from "./panel";
import { TimePlot } from "./time-plot";

export function RulerPanel() {
  const { store } = usePage();
  const overTime = useSignal(false);
  const motion = store.motion.value;
  if (store.tool.value !== "ruler" || !motion) return null;
  const [from, to] = store.ruler.value;
  const now = from && to ? distance(motion, from, to, store.readableFrame.value) : null;
  return (
    <Panel title="Ruler">
      <p class="hint">Click two joints in the 3D view, or choose them here.</p>
      <div class="ruler-ends">
        <JointChoice label="From" chosen={from} choose={(joint) => lay(store, 0, joint)} />
        <JointChoice label="To" chosen={to} choose={(joint) => lay(store, 1, joint)} />
      </div>
      {now !== null && <output class="reading">{(100 * now).toFixed(1)} cm</output>}
      {from && to && (
        <label class="check">
          <input type="checkbox" checked={overTime.value} onChange={() => void (overTime.value = !overTime.value)} /> over time
        </label>
      )}
      {overTime.value && from && to && <DistancePlot from={from} to={to} />}
    </Panel>
  );
}

function DistancePlot({ from, to }: { from: Selection; to: Selection }) {
  const { store } = usePage();
  const [motion, timing] = [store.motion.value!, store.timing.value!];
  const series = useMemo(() => [{ label: "distance", values: distances(motion, timing, from, to) }], [motion, timing, from, to]);
  return <TimePlot label="Distance of two joints" unit="cm" series={series} />;
}

function JointChoice({ label, chosen, choose }: { label: string; chosen: Selection | undefined; choose(joint: Selection): void }) {
  const { people, skeleton } = usePage().store.motion.value!;
  const value = chosen ? `${chosen.person} ${chosen.joint}` : "";
  return (
    <label>
      {label}
      <select
        value={value}
        onChange={(event) => {
          const [person, joint] = event.currentTarget.value.split(" ").map(Number) as [number, number];
          choose({ person, joint });
        }}
      >
        <option value="" disabled>
          …
        </option>
        {people.map(({ id }, person) => (
          <optgroup key={person} label={id}>
            {skeleton.joints.map((joint, index) => (
              <option key={joint} value={`${person} ${index}`}>
                {jointName(joint)}
              </option>
            ))}
          </optgroup>
        ))}
      </select>
    </label>
  );
}

function lay({ ruler }: Store, end: 0 | 1, joint: Selection): void {
  const ends = [...ruler.value];
  ends[ends.length === 0 ? 0 : end] = joint;
  ruler.value = ends;
}

/** Centimetres between two joints, frame by frame. */
function distances(motion: Motion, { first, times }: Timing, from: Selection, to: Selection): (number | null)[] {
  return Array.from(times, (_, index) => {
    const metres = distance(motion, from, to, first + index);
    return metres === null ? null : 100 * metres;
  });
}

/** Metres between two joints in a frame; null where one is unknown. */
function distance({ people }: Motion, from: Selection, to: Selection, frame: number): number | null {
  const [a, b] = [from, to].map(({ person, joint }) => {
    const row = people[person] && jointsAt(people[person], frame);
    return row?.subarray(joint * 3, joint * 3 + 3);
  });
  return a && b ? Math.hypot(a[0]! - b[0]!, a[1]! - b[1]!, a[2]! - b[2]!) : null;
}
