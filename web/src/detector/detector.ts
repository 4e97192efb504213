/** Finds the 33 landmarks of a person in pictures, inside the browser. */

import { FILES, SOLUTION_URL } from "./assets";
import { isSoftware } from "../scene/graphics";
import type { Accuracy, Detection, FromWorker, ToWorker } from "./messages";

/** Landmarks have this keypoint format. */
export const KEYPOINT_FORMAT = "mediapipe33";

interface Waiter {
  resolve(found: Detection | null): void;
  reject(error: Error): void;
}

/** MediaPipe Pose in a worker. It looks at one picture at a time. */
export class Detector {
  private readonly worker = new Worker(new URL("./detector-worker.ts", import.meta.url));
  private waiter: Waiter | null = null;

  private constructor() {
    this.worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.take(data);
    this.worker.onerror = (event) => this.fail(event.message || "its worker ended");
  }

  /** Load the program and a model: some 15 MB the first time, kept by the browser from then on. */
  static async load(accuracy: Accuracy): Promise<Detector> {
    const detector = new Detector();
    const files = Object.fromEntries(Object.entries(FILES).map(([name, url]) => [name, new URL(url, location.href).href]));
    // Where WebGL is emulated, the model runs far quicker without it.
    const solutionUrl = new URL(SOLUTION_URL, location.href).href;
    try {
      await detector.ask({ type: "load", solutionUrl, files, accuracy, usesGpu: !isSoftware() });
    } catch (error) {
      detector.close();
      throw error;
    }
    return detector;
  }

  /** Look for a person. Takes the picture and gives it back; times must rise. */
  async detect(picture: ImageBitmap, timestamp_ms: number): Promise<Detection> {
    return (await this.ask({ type: "detect", picture, timestamp_ms }, [picture]))!;
  }

  close(): void {
    this.worker.terminate();
    this.fail("it was closed");
  }

  private ask(message: ToWorker, transfer: Transferable[] = []): Promise<Detection | null> {
    return new Promise((resolve, reject) => {
      this.waiter = { resolve, reject };
      this.worker.postMessage(message, transfer);
    });
  }

  private take(message: FromWorker): void {
    if (message.type === "failed") return this.fail(message.reason);
    const { waiter } = this;
    this.waiter = null;
    waiter?.resolve(message.type === "detected" ? message.found : null);
  }

  private fail(reason: string): void {
    const { waiter } = this;
    this.waiter = null;
    waiter?.reject(new Error(`the detector failed: ${reason}`));
  }
}
