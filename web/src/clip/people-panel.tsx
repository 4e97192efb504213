/** Who is in the clip: shown or hidden, each with the colour of their trunk. */

import { personColour } from "../scene/colours";
import { togglePerson } from "../state/store";
import { usePage } from "../state/store-context";
import { Panel } from "./panel";

export function PeoplePanel() {
  const { store } = usePage();
  const people = store.motion.value?.people ?? [];
  if (people.length < 2) return null;
  return (
    <Panel title="People" aside={people.length}>
      <ul class="people">
        {people.map(({ id, clip }, index) => (
          <li key={index}>
            <label>
              <input
                type="checkbox"
                checked={!store.hiddenPeople.value.has(index)}
                onChange={() => togglePerson(store, index)}
              />
              <span class="swatch" style={{ background: personColour(index) }} />
              <span class="name">{id}</span>
              <small title="So many of the joints were seen by the detector; the others were filled in">{share(clip.joint_quality)} of joints seen</small>
            </label>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

/** How many letters of all frames are those of measured joints. */
function share(jointQuality: readonly string[]): string {
  const letters = jointQuality.join("");
  const measured = letters.replaceAll(/[^m]/g, "").length;
  return `${Math.round((100 * measured) / Math.max(1, letters.length))}%`;
}
