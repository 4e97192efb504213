/** Joint angles through the clip, as they are in OpenSim's motion files. */

import { useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { jointAngles, type JointAngles } from "../motion/joint-angles";
import { SIDE_COLOURS } from "../scene/colours";
import { ANGLES } from "../state/output-formats";
import { forPerson } from "../state/options";
import { usePage, type Page } from "../state/store-context";
import { Panel } from "./panel";
import { TimePlot, type PlottedSeries } from "./time-plot";

/** Names of OpenSim's coordinates without their side. */
const SHOWN: Readonly<Record<string, string>> = {
  knee_angle: "Knees: flexion",
  hip_flexion: "Hips: flexion",
  hip_adduction: "Hips: adduction",
  hip_rotation: "Hips: rotation",
  elbow_flex: "Elbows: flexion",
  arm_flex: "Shoulders: flexion",
  arm_add: "Shoulders: adduction",
  lumbar_extension: "Trunk: extension",
  lumbar_bending: "Trunk: bending",
  lumbar_rotation: "Trunk: rotation",
};

export function AnglesPanel() {
  const { store } = usePage();
  const isOpen = useSignal(false);
  if (!store.motion.value) return null;
  return (
    <Panel title="Joint angles" isFolded onToggle={(open) => void (isOpen.value = open)}>
      {isOpen.value && <Angles />}
    </Panel>
  );
}

function Angles() {
  const page = usePage();
  const { store } = page;
  const [angle, angles, problem] = [useSignal("knee_angle"), useSignal<JointAngles | null>(null), useSignal<string | null>(null)];
  const person = store.selection.value?.person ?? 0;
  const answer = store.answers.value[0];
  useEffect(() => {
    let isLatest = true;
    [angles.value, problem.value] = [null, null];
    asked(page, person).then(
      (found) => isLatest && (angles.value = found),
      (error: unknown) => isLatest && (problem.value = error instanceof Error ? error.message : String(error)),
    );
    return () => void (isLatest = false);
  }, [answer, person]);
  if (problem.value !== null) return <p class="field-error">{problem.value}</p>;
  if (!angles.value) return <p class="hint">Asking for them…</p>;
  const people = store.motion.value!.people;
  return (
    <>
      <label class="field">
        {people.length > 1 ? `Angle of ${people[person]!.id}` : "Angle"}
        <select value={angle.value} onChange={(event) => void (angle.value = event.currentTarget.value)}>
          {Object.entries(SHOWN)
            .filter(([name]) => columnsOf(angles.value!, name).length > 0)
            .map(([name, label]) => (
              <option key={name} value={name}>
                {label}
              </option>
            ))}
        </select>
      </label>
      <AnglePlot angles={angles.value} name={angle.value} person={person} />
      {people.length > 1 && <p class="hint">Select a joint of somebody else to see theirs.</p>}
    </>
  );
}

function AnglePlot({ angles, name, person }: { angles: JointAngles; name: string; person: number }) {
  const { store } = usePage();
  const timing = store.timing.value!;
  const series = useMemo((): PlottedSeries[] => {
    const first = store.motion.peek()!.people[person]!.firstFrame;
    const start = timing.times[first - timing.first] ?? 0;
    return columnsOf(angles, name).map(({ label, colour, values }) => ({
      label,
      ...(colour && { colour }),
      values: Array.from(timing.times, (time) => values[Math.round((time - start) / angles.step_s)] ?? null),
    }));
  }, [angles, name, timing]);
  return <TimePlot label={SHOWN[name]!} unit="°" series={series} />;
}

interface Column {
  label: string;
  colour?: string;
  values: Float64Array;
}

function columnsOf({ columns }: JointAngles, name: string): Column[] {
  const [both, left, right] = [columns.get(name), columns.get(`${name}_l`), columns.get(`${name}_r`)];
  return [
    ...(both ? [{ label: "angle", values: both }] : []),
    ...(left ? [{ label: "left", colour: SIDE_COLOURS.left, values: left }] : []),
    ...(right ? [{ label: "right", colour: SIDE_COLOURS.right, values: right }] : []),
  ];
}

/** The server's own angles: it lifts again for them, since kinematics are not the page's business. */
async function asked({ store, service }: Page, person: number): Promise<JointAngles> {
  const one = forPerson(store.clip.peek()!.request, person, store.options.peek());
  const { content } = await service.liftToFile(one, ANGLES);
  return jointAngles(await content.text());
}
