/** Questions to the user, each answered by a dialog. */

import type { ConvertOptions } from "poselift";
import type { FileQuestion, Store } from "./store";

/** Ask for the key that the server wants. */
export function askForKey({ keyQuestion }: Store, wasRefused: boolean): Promise<string | null> {
  return new Promise((resolve) => {
    keyQuestion.value = { wasRefused, answer: (key) => ((keyQuestion.value = null), resolve(key)) };
  });
}

/** Ask what a file does not say. */
export function askAboutFile(
  { fileQuestion }: Store,
  fileName: string,
  known: ConvertOptions,
  refusal: string | null,
  found: FileQuestion["found"],
): Promise<ConvertOptions | null> {
  return new Promise((resolve) => {
    const answer = (told: ConvertOptions | null): void => ((fileQuestion.value = null), resolve(told));
    fileQuestion.value = { fileName, known, refusal, found, answer };
  });
}
