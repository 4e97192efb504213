/**
 * Runs MediaPipe Pose beside the page, so that it never holds up what is drawn.
 *
 * A classic worker without imports: MediaPipe's loader is a script that loads further ones.
 */

import type { Landmark, Pose, PoseConfig, Results } from "@mediapipe/pose";
import type { FromWorker, ToWorker } from "./messages";

/** The part of a worker's surroundings that is used here; TypeScript knows either those of pages or of workers. */
interface WorkerScope {
  onmessage: (event: MessageEvent<ToWorker>) => void;
  postMessage(message: FromWorker, transfer: Transferable[]): void;
  importScripts(url: string): void;
  /** MediaPipe's loader leaves it here. */
  Pose: new (config: PoseConfig) => Pose;
  window: unknown;
  document: unknown;
}

/** Less than the time between any two pictures. */
const AGAIN_AFTER_MS = 0.5;

type Load = Extract<ToWorker, { type: "load" }>;
type Detect = Extract<ToWorker, { type: "detect" }>;

const scope = globalThis as unknown as WorkerScope;

function answerMessages(): void {
  let finding: Promise<Finder> | null = null;
  scope.onmessage = async ({ data }) => {
    try {
      if (data.type === "load") {
        finding = Finder.load(data);
        await finding;
        scope.postMessage({ type: "loaded" }, []);
      } else {
        const landmarks = await (await finding!).find(data);
        const { picture } = data;
        scope.postMessage({ type: "detected", found: { landmarks, picture } }, landmarks ? [landmarks.buffer, picture] : [picture]);
      }
    } catch (error) {
      scope.postMessage({ type: "failed", reason: error instanceof Error ? error.message : String(error) }, []);
    }
  };
}

class Finder {
  private found: readonly Landmark[] | null = null;

  private constructor(private readonly pose: Pose) {
    pose.onResults((results: Results) => void (this.found = results.poseLandmarks ?? null));
  }

  static async load({ solutionUrl, files, accuracy, usesGpu }: Load): Promise<Finder> {
    pretendToBeAPage();
    console.warn = () => undefined; // MediaPipe tells at length how it starts
    scope.importScripts(solutionUrl);
    const pose = new scope.Pose({ locateFile: (name) => located(files, name) });
    const options = { modelComplexity: accuracy === "full" ? 1 : 0, useCpuInference: !usesGpu } as const;
    pose.setOptions(options);
    const finder = new Finder(pose);
    await pose.initialize();
    await finder.look(new OffscreenCanvas(64, 64), 0); // the first picture takes far longer
    return finder;
  }

  async find({ picture, timestamp_ms }: Detect): Promise<Float32Array<ArrayBuffer> | null> {
    const hadPerson = this.found !== null;
    await this.look(picture, timestamp_ms);
    // Where it loses a person, it would look for them only in the next picture.
    if (!this.found && hadPerson) await this.look(picture, timestamp_ms + AGAIN_AFTER_MS);
    return this.found && packed(this.found);
  }

  private async look(picture: ImageBitmap | OffscreenCanvas, timestamp_ms: number): Promise<void> {
    this.found = null;
    // It takes whatever WebGL takes as a texture, though its types only name elements.
    await this.pose.send({ image: picture as unknown as HTMLCanvasElement }, timestamp_ms);
  }
}

function packed(landmarks: readonly Landmark[]): Float32Array<ArrayBuffer> {
  const rows = new Float32Array(landmarks.length * 3);
  landmarks.forEach(({ x, y, visibility }, index) => rows.set([x, y, visibility ?? 0], index * 3));
  return rows;
}

function located(files: Load["files"], name: string): string {
  const url = files[name];
  if (url === undefined) throw new Error(`this browser lacks what the detector needs (it asks for ${name})`);
  return url;
}

/**
 * Give MediaPipe's loader the parts of a page with which it loads scripts and draws.
 *
 * Its own path for workers does not work: it runs the model as a script, and has no WebGL context for pictures.
 */
function pretendToBeAPage(): void {
  scope.window = scope;
  scope.document = {
    createElement: (tag: string) => (tag === "canvas" ? new OffscreenCanvas(1, 1) : new Script()),
    body: { appendChild: (script: Script) => script.run() },
    addEventListener: () => undefined,
  };
}

class Script {
  private url = "";
  private loaded = (): void => undefined;

  setAttribute(name: string, value: string): void {
    if (name === "src") this.url = value;
  }

  addEventListener(type: string, listener: () => void): void {
    if (type === "load") this.loaded = listener;
  }

  run(): void {
    scope.importScripts(this.url);
    this.loaded();
  }
}

answerMessages();
