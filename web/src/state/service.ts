/** The server that the page came from. */

import {
  Client,
  Forbidden,
  InvalidInput,
  Unauthenticated,
  type Converted,
  type ConvertOptions,
  type Detected,
  type LiftRequest,
  type LiftResponse,
  type ListedModel,
  type PoseFile,
  type Progress,
} from "poselift";

const USUAL_DETECTOR = "mediapipe";
const NO_DETECTOR =
  "No detector is installed that could find people in videos. Where the server runs: poselift detectors install mediapipe. Or drop the keypoints that another one found, together with the video.";
const KEY_NAME = "poselift.key";

/** Asks for a key; null if none is given. */
export type AskForKey = (wasRefused: boolean) => Promise<string | null>;

/** Asks the server, with a key where it wants one. The key is kept as long as the browser's tab is open. */
export class Service {
  constructor(
    readonly url: string,
    private readonly askForKey: AskForKey,
    private readonly keys: Pick<Storage, "getItem" | "setItem"> = sessionStorage,
  ) {}

  /** The key that was given, if any. */
  get apiKey(): string | null {
    return this.keys.getItem(KEY_NAME);
  }

  /** A client with the key that was given: for what asks again by itself, such as live sessions. */
  client(): Client {
    return new Client(this.url, this.apiKey === null ? {} : { apiKey: this.apiKey });
  }

  /** Lift in the axes that the scene has. */
  async lift(request: LiftRequest): Promise<LiftResponse> {
    return this.withKey((client) => client.lift({ ...request, axes: "y_up" }));
  }

  /** Lift without asking for a key. */
  async liftQuietly(request: LiftRequest): Promise<LiftResponse> {
    return this.client().lift({ ...request, axes: "y_up" });
  }

  /** A clip's poses as a file of a tool, by its media type. */
  async liftToFile(request: LiftRequest, mediaType: string): Promise<PoseFile> {
    return this.withKey((client) => client.liftToFile(request, mediaType));
  }

  /** The models that the server has; the user is not asked for a key for a list. */
  async models(): Promise<ListedModel[]> {
    return this.client().models();
  }

  /** The people in a video as a lift request; without a number as many as the detector usually looks for. */
  async detect(video: File, people: number | undefined, progress: (done: Progress) => void): Promise<Detected> {
    const detectors = await this.withKey((client) => client.detectors());
    const installed = detectors.filter((each) => each.installed).map(({ name }) => name);
    const [detector] = installed.includes(USUAL_DETECTOR) ? [USUAL_DETECTOR] : installed;
    if (detector === undefined) throw new InvalidInput(NO_DETECTOR);
    return this.withKey((client) => client.detect(video, { detector, ...(people && { people }) }, { progress }));
  }

  /** A file of a detector as a lift request. */
  async convert(file: File, known: ConvertOptions): Promise<Converted> {
    return this.withKey((client) => client.convert(file.name, file, known));
  }

  /** Ask the server; where it wants a key, ask for one and then the server again. */
  async withKey<T>(call: (client: Client) => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await call(this.client());
      } catch (error) {
        if (!(error instanceof Unauthenticated || error instanceof Forbidden)) throw error;
        const key = await this.askForKey(error instanceof Forbidden);
        if (key === null) throw error;
        this.keys.setItem(KEY_NAME, key);
      }
    }
  }
}
