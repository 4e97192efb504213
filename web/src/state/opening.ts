/** Opens clips: gets their keypoints, has them lifted, puts both into the store. */

import { batch } from "@preact/signals";
import type { LiftRequest } from "poselift";
import walkingUrl from "../clips/walking.json?url";
import type { Service } from "./service";
import { answerOf, type OpenedClip, type Store } from "./store";

/** A clip that comes with the page. */
export interface BundledClip {
  title: string;
  /** Of its lift request. */
  url: string;
}

export const BUNDLED_CLIPS: readonly BundledClip[] = [{ title: "Walking", url: walkingUrl }];

/** Open a clip of those that come with the page. */
export async function openBundled(store: Store, service: Service, clip: BundledClip): Promise<void> {
  const request = (await (await fetch(clip.url)).json()) as LiftRequest;
  await open(store, service, { title: clip.title, request, notes: [], videoUrl: null });
}

/** Lift a clip and show it. */
export async function open(store: Store, service: Service, clip: OpenedClip): Promise<void> {
  store.busy.value = `Lifting ${clip.title}`;
  store.problem.value = null;
  try {
    const answer = answerOf("default", await service.lift(clip.request));
    batch(() => {
      store.clip.value = clip;
      store.answers.value = [answer];
      store.time.value = 0;
      store.hiddenPeople.value = new Set();
      store.selection.value = null;
    });
  } catch (error) {
    store.problem.value = error instanceof Error ? error.message : String(error);
  } finally {
    store.busy.value = null;
  }
}
