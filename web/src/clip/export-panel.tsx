/** The poses as files of tools. */

import { useSignal, type Signal } from "@preact/signals";
import { forPerson } from "../state/options";
import { OUTPUT_FORMATS, RIGS, type OutputFormat } from "../state/output-formats";
import { saveFile } from "../state/files";
import { usePage, type Page } from "../state/store-context";
import { Panel } from "./panel";

export function ExportPanel() {
  const page = usePage();
  const [person, rig] = [useSignal(0), useSignal("h36m")];
  const people = page.store.motion.value?.people ?? [];
  if (people.length === 0) return null;
  if (person.value >= people.length) person.value = 0;
  return (
    <Panel title="Export">
      {people.length > 1 && <Choice label="Person" chosen={person} names={people.map(({ id }) => id)} />}
      <div class="exports">
        {OUTPUT_FORMATS.map((format) => (
          <button key={format.ending} type="button" title={format.about} onClick={() => void exportTo(page, format, person.value, rig.value)}>
            {format.ending.slice(1).toUpperCase()}
          </button>
        ))}
        <button type="button" title="The server's answer, all people" onClick={() => exportAnswer(page)}>
          JSON
        </button>
      </div>
      <label class="field">
        Skeleton in BVH and GLB
        <select value={rig.value} onChange={(event) => void (rig.value = event.currentTarget.value)}>
          {Object.entries(RIGS).map(([name, label]) => (
            <option key={name} value={name}>
              {label}
            </option>
          ))}
        </select>
      </label>
    </Panel>
  );
}

function Choice({ label, chosen, names }: { label: string; chosen: Signal<number>; names: readonly string[] }) {
  return (
    <label class="field">
      {label}
      <select value={String(chosen.value)} onChange={(event) => void (chosen.value = Number(event.currentTarget.value))}>
        {names.map((name, index) => (
          <option key={index} value={String(index)}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}

async function exportTo({ store, service, opener }: Page, format: OutputFormat, person: number, rig: string): Promise<void> {
  const one = forPerson(store.clip.peek()!.request, person, store.options.peek());
  const mediaType = format.hasRigs ? `${format.mediaType}; rig=${rig}` : format.mediaType;
  await opener.during(`Writing ${format.ending}`, async () => {
    const { name, content } = await service.liftToFile(one, mediaType);
    saveFile(name, content);
  });
}

function exportAnswer({ store }: Page): void {
  const { title } = store.clip.peek()!;
  const answer = JSON.stringify(store.answers.peek()[0]!.response);
  saveFile(`${title.replace(/\.[^.]*$/, "").replace(/\W+/g, "_")}.json`, new Blob([answer], { type: "application/json" }));
}
