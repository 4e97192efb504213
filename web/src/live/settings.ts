/** What is chosen in the live tab, and opening it. */

import { signal } from "@preact/signals";
import type { Accuracy } from "../detector/messages";
import type { OpenedClip } from "../state/store";
import { cameraObstacle, openCamera } from "./camera";
import { Replay } from "./replay";
import type { LiveSource } from "./source";
import { openVideoFile } from "./video-file";

export type SourceKind = "camera" | "video" | "clip";

export type Settings = ReturnType<typeof createSettings>;

export function createSettings() {
  return {
    kind: signal<SourceKind>("camera"),
    /** Of a camera; empty for any. */
    deviceId: signal(""),
    video: signal<File | null>(null),
    accuracy: signal<Accuracy>("lite"),
    mirrors: signal(true),
    smooths: signal(true),
    repeats: signal(true),
  };
}

/** Why the source that is chosen cannot be opened, in words; null if it can. `clip` is what is open in the page. */
export function obstacle({ kind, video }: Settings, clip: OpenedClip | null): string | null {
  if (kind.value === "camera") return cameraObstacle();
  if (kind.value === "video") return video.value ? null : "Choose a video first.";
  return clip ? null : "Open a clip first.";
}

/** Open the source that is chosen. */
export async function openChosen(settings: Settings, clip: OpenedClip | null): Promise<LiveSource> {
  const { kind, deviceId, video, accuracy } = settings;
  const repeats = (): boolean => settings.repeats.value;
  if (kind.value === "video" && video.value) return openVideoFile(video.value, accuracy.value, repeats);
  if (kind.value === "clip" && clip) return new Replay(clip.title, clip.request, repeats);
  return openCamera(deviceId.value, accuracy.value);
}
