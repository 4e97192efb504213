/** The poses as files of tools. */

import { useSignal, type Signal } from "@preact/signals";
import type { Axes } from "poselift";
import { AXES, changed, forPerson, valueOf, withOptions } from "../state/options";
import { OUTPUT_FORMATS, RIGS, type OutputFormat } from "../state/output-formats";
import { saveFile } from "../state/files";
import type { Store } from "../state/store";
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
            {format.label ?? format.ending.slice(1).toUpperCase()}
          </button>
        ))}
        <button type="button" title="The server's answer, all people" onClick={() => void exportAnswer(page)}>
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
      <AxesChoice />
    </Panel>
  );
}

/** Nothing that is shown changes with them: the clip is not lifted again. */
function AxesChoice() {
  const { clip, options } = usePage().store;
  return (
    <label class="field">
      Axes in CSV, Parquet, NPZ and JSON
      <select
        value={valueOf("axes", options.value, clip.value!.request) ?? "camera"}
        onChange={(event) => void (options.value = changed(options.value, { axes: event.currentTarget.value as Axes }))}
      >
        {Object.entries(AXES).map(([name, label]) => (
          <option key={name} value={name}>
            {label}
          </option>
        ))}
      </select>
    </label>
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
    const { content } = await service.liftToFile(one, mediaType);
    saveFile(`${fileName(store, person)}${format.ending}`, content);
  });
}

/** What is shown has axes of its own, so that the answer is asked for as it would be without the page. */
async function exportAnswer({ store, service, opener }: Page): Promise<void> {
  const request = withOptions(store.clip.peek()!.request, store.options.peek());
  await opener.during("Writing .json", async () => {
    const answer = await service.withKey((client) => client.lift(request));
    saveFile(`${fileName(store)}.json`, new Blob([JSON.stringify(answer)], { type: "application/json" }));
  });
}

/** The clip's name without its ending, with the person's where there are several. */
function fileName({ clip }: Store, person?: number): string {
  const { title, request } = clip.peek()!;
  const isOneOfMany = person !== undefined && request.clips.length > 1;
  const words = [title.replace(/\.[^.]*$/, ""), ...(isOneOfMany ? [request.clips[person]!.id ?? `${person}`] : [])];
  return words.join("-").replace(/[^\p{L}\p{N}.-]+/gu, "_");
}
