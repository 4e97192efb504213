/** Two ways of lifting the same clip, beside each other: what is shown, and what was kept. */

import { useMemo } from "preact/hooks";
import { differences, isComparable, mean } from "../motion/difference";
import { COMPARED_COLOUR, personColour } from "../scene/colours";
import { toggleComparison, type Answer } from "../state/store";
import { usePage } from "../state/store-context";
import { Panel } from "./panel";
import { TimePlot } from "./time-plot";

export function ComparePanel() {
  const { store } = usePage();
  const [now, kept] = store.answers.value;
  if (!now) return null;
  return (
    <Panel title="Compare" isFolded={!kept}>
      {kept ? <Comparison now={now} kept={kept} /> : <p class="hint">Keep these poses, and then choose another model or other options: both are shown.</p>}
      <button type="button" onClick={() => toggleComparison(store)}>
        {kept ? "Stop comparing" : "Keep these poses"}
      </button>
    </Panel>
  );
}

function Comparison({ now, kept }: { now: Answer; kept: Answer }) {
  const { store } = usePage();
  const timing = store.timing.value!;
  const people = useMemo(() => apart(now, kept), [now, kept]);
  const series = useMemo(
    () =>
      people.map(({ id, firstFrame, values }, index) => ({
        label: id,
        colour: personColour(index),
        values: Array.from(timing.times, (_, index) => values[timing.first + index - firstFrame] ?? null),
      })),
    [people, timing],
  );
  const overall = mean(people.flatMap(({ values }) => values));
  return (
    <>
      <ul class="people">
        <li>
          <span class="swatch left" /> <span class="swatch right" /> {now.label}
        </li>
        <li>
          <span class="swatch" style={{ background: COMPARED_COLOUR }} /> {kept.label}
        </li>
      </ul>
      {overall === null ? (
        <p class="hint">Their joints are not the same.</p>
      ) : (
        <>
          <output class="reading">{overall.toFixed(1)} mm</output>
          <p class="hint">is how far joints are apart on average, relative to the hip.</p>
          <TimePlot label="Mean difference of joints" unit="mm" series={series} />
        </>
      )}
    </>
  );
}

function apart(now: Answer, kept: Answer): { id: string; firstFrame: number; values: (number | null)[] }[] {
  if (!isComparable(now.motion.skeleton, kept.motion.skeleton)) return [];
  return now.motion.people.map(({ id, firstFrame, clip }, index) => ({
    id,
    firstFrame,
    values: differences(clip, kept.motion.people[index]!.clip),
  }));
}
