/** When a scene is drawn: only when something changed, and once more in full beauty when it comes to rest. */

import type { PoseScene } from "./pose-scene";

const REST_AFTER_MS = 180;
/** Of scenes that never stand still for long. */
export const NEVER_RESTS = Infinity;

/** A scene that is being drawn. */
export interface Drawing {
  /** Something changed: draw again. */
  stale(): void;
  stop(): void;
}

/** Draw a scene from now on. `before` is called before every picture of the screen, with the seconds since the last one. */
export function drawing(scene: PoseScene, canvas: HTMLCanvasElement, before: (elapsed_s: number) => void, after: () => void, restAfter_ms = REST_AFTER_MS): Drawing {
  let isStale = true;
  let isAtRest = false;
  let last = performance.now();
  let changed = last;
  let drawn = 0;
  const stale = (): void => void (isStale = true);
  const tick = (now: number): void => {
    pending = requestAnimationFrame(tick);
    before((now - last) / 1000);
    last = now;
    if (isStale) changed = now;
    const rests = now - changed > restAfter_ms;
    const isDue = isStale || rests !== isAtRest;
    isAtRest = rests;
    if (!scene.resize(rests) && !isDue) return;
    isStale = false;
    scene.render();
    after();
    // Tests and measurements read these.
    canvas.dataset["drawn"] = String(++drawn);
    canvas.dataset["drawCalls"] = String(scene.drawCalls);
  };
  scene.controls.addEventListener("change", stale);
  let pending = requestAnimationFrame(tick);
  return { stale, stop: () => cancelAnimationFrame(pending) };
}
