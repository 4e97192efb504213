/** Where live keypoints come from, and how. */

import { useSignal, type Signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { BundledChips } from "../clip/bundled-chips";
import { Panel } from "../clip/panel";
import { Icon } from "../controls/icons";
import type { Accuracy } from "../detector/messages";
import { usePage } from "../state/store-context";
import { listCameras } from "./camera";
import { useLive } from "./live-context";
import type { SourceKind } from "./settings";

const KINDS: readonly [SourceKind, string][] = [
  ["camera", "Camera"],
  ["video", "Video file"],
  ["clip", "Keypoints"],
];

export function SourcePanel() {
  const live = useLive();
  const { settings, state } = live;
  const kind = settings.kind.value;
  const isRunning = state.value !== "idle";
  return (
    <Panel title="Source">
      <fieldset class="source" disabled={isRunning}>
        <div class="segments" role="radiogroup" aria-label="Source">
          {KINDS.map(([each, label]) => (
            <label key={each}>
              <input type="radio" name="live-source" checked={kind === each} onChange={() => void (settings.kind.value = each)} />
              <span>{label}</span>
            </label>
          ))}
        </div>
        {kind === "camera" && <CameraChoice />}
        {kind === "video" && <VideoChoice />}
        {kind === "clip" && <ClipChoice />}
        {kind !== "clip" && <AccuracyChoice />}
        <Check setting={settings.smooths}>Smooth the poses</Check>
      </fieldset>
      {kind === "camera" && <Check setting={settings.mirrors}>Mirror the picture; left stays left</Check>}
      {kind !== "camera" && <Check setting={settings.repeats}>Begin again at the end</Check>}
      {kind !== "clip" && <p class="hint">MediaPipe Pose finds one person, inside this browser: no picture leaves it, only keypoints do.</p>}
    </Panel>
  );
}

function CameraChoice() {
  const live = useLive();
  const { deviceId } = live.settings;
  const cameras = useSignal<readonly MediaDeviceInfo[]>([]);
  const isOpen = live.source.value !== null; // names are known once a camera was allowed
  useEffect(() => void listCameras().then((found) => (cameras.value = found)), [isOpen]);
  const named = cameras.value.filter(({ deviceId: id, label }) => id && label);
  if (named.length < 2) return null;
  return (
    <label class="field">
      Camera
      <select value={deviceId.value} onChange={(event) => void (deviceId.value = event.currentTarget.value)}>
        <option value="">Any</option>
        {named.map(({ deviceId: id, label }) => (
          <option key={id} value={id}>
            {label}
          </option>
        ))}
      </select>
    </label>
  );
}

function VideoChoice() {
  const { video } = useLive().settings;
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <button type="button" onClick={() => input.current!.click()}>
        <Icon name="open" /> {video.value?.name ?? "Choose a video…"}
      </button>
      <input
        ref={input}
        type="file"
        accept="video/*"
        hidden
        aria-label="Video file"
        onChange={(event) => void (video.value = event.currentTarget.files?.[0] ?? video.value)}
      />
    </>
  );
}

function ClipChoice() {
  const { store } = usePage();
  return (
    <>
      <p>
        Replays <strong>{store.clip.value?.title ?? "nothing yet"}</strong> as fast as it was recorded. Open a file for another one.
      </p>
      <BundledChips />
    </>
  );
}

function AccuracyChoice() {
  const { accuracy } = useLive().settings;
  return (
    <label class="field">
      Detector
      <select value={accuracy.value} onChange={(event) => void (accuracy.value = event.currentTarget.value as Accuracy)}>
        <option value="lite">Quick</option>
        <option value="full">Accurate</option>
      </select>
    </label>
  );
}

function Check({ setting, children }: { setting: Signal<boolean>; children: ComponentChildren }) {
  return (
    <label class="check">
      <input type="checkbox" checked={setting.value} onChange={(event) => void (setting.value = event.currentTarget.checked)} />
      {children}
    </label>
  );
}
