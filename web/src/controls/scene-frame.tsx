/** A 3D view: its canvas, labels and tools, and what stands there in a browser without WebGL 2. */

import { useSignal, type Signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { IconButton } from "./icons";

export interface RunningScene {
  key(event: KeyboardEvent): void;
  zoom(times: number): void;
  stop(): void;
}

interface Props {
  /** Begins to draw; called once, when the canvas and all children are on the page. */
  run(canvas: HTMLCanvasElement, labels: HTMLElement): RunningScene;
  /** Rises when the view is to be set back. */
  viewResets: Signal<number>;
  follows: Signal<boolean>;
  followShortcut?: string;
  /** What is still to be had without 3D. */
  withoutScene: string;
  moreTools?: ComponentChildren;
  children?: ComponentChildren;
}

export function SceneFrame({ run, viewResets, follows, followShortcut, withoutScene, moreTools, children }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const labels = useRef<HTMLDivElement>(null);
  const scene = useRef<RunningScene | null>(null);
  const hasFailed = useSignal(false);
  useEffect(() => {
    try {
      scene.current = run(canvas.current!, labels.current!);
    } catch (error) {
      console.warn(error);
      hasFailed.value = true;
    }
    return () => scene.current?.stop();
  }, []);
  return (
    <section class="view scene-view" aria-label="3D view">
      <canvas
        ref={canvas}
        class="scene"
        tabIndex={0}
        role="img"
        aria-label="People in 3D. Arrow keys turn the view, plus and minus zoom."
        onKeyDown={(event) => scene.current?.key(event)}
      />
      {hasFailed.value && <p class="no-scene">This browser shows no 3D: WebGL 2 is missing or switched off. {withoutScene}</p>}
      <div ref={labels} class="labels" aria-hidden="true" />
      <div class="tools" role="group" aria-label="3D view">
        <IconButton icon="reset" label="Set the view back" shortcut="0" onClick={() => void viewResets.value++} />
        <IconButton icon="closer" label="Zoom in" onClick={() => scene.current?.zoom(1.25)} />
        <IconButton icon="farther" label="Zoom out" onClick={() => scene.current?.zoom(0.8)} />
        <IconButton
          icon="target"
          label="Follow people"
          shortcut={followShortcut}
          pressed={follows.value}
          onClick={() => void (follows.value = !follows.value)}
        />
        {moreTools}
      </div>
      <SideLegend />
      {children}
    </section>
  );
}

/** Which colour is which side. */
function SideLegend() {
  return (
    <p class="side-legend">
      <span class="swatch left" /> left
      <span class="swatch right" /> right
    </p>
  );
}
