/** Saves recordings as files. */

import type { LiftRequest, Skeleton } from "poselift";
import { saveFile } from "../state/files";
import { forPerson } from "../state/options";
import type { OutputFormat } from "../state/output-formats";
import type { Page } from "../state/store-context";
import type { Recording } from "./recording";

/** Save what was streamed, keypoints and live poses, for programs. */
export function saveRecording(recording: Recording, skeleton: Skeleton | null): void {
  saveFile(`${nameOf(recording)}.json`, new Blob([recording.text(skeleton)], { type: "application/json" }));
}

/** Have a recording lifted, and save a file a person; what goes wrong is told. */
export async function exportRecording(recording: Recording, { ending, mediaType }: OutputFormat, { service, opener }: Page): Promise<void> {
  await opener.during(`Writing ${ending}`, async () => {
    const request = recording.request();
    if (request.clips.length === 0) throw new Error("No people were found in the recording.");
    const people = request.clips.map(({ id }, index) => ({ request: forPerson(request, index, {}), suffix: suffixOf(id, request) }));
    for (const person of people) {
      const { content } = await service.liftToFile(person.request, mediaType);
      saveFile(nameOf(recording) + person.suffix + ending, content);
    }
  });
}

function nameOf({ title }: Recording): string {
  return title.replace(/\.\w+$/, "").replaceAll(/[^\p{L}\p{N}]+/gu, "-");
}

function suffixOf(id: string | undefined, { clips }: LiftRequest): string {
  return clips.length === 1 ? "" : `-${id}`;
}
