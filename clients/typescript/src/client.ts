/** The client: clips over HTTP, live sessions over WebSocket. */

import { DeadlineExceeded, InvalidInput, ServerError, ServerUnavailable, ofAnswer, ofProblem } from "./errors.js";
import type {
  Converted,
  ConvertOptions,
  Detected,
  DetectLine,
  DetectOptions,
  InputWarning,
  ListedDetector,
  LiftRequest,
  LiftResponse,
  ListedModel,
  Progress,
  SessionOptions,
} from "./messages.js";
import { asked } from "./retries.js";
import { type ConnectionChange, Session } from "./session.js";
import type { SocketClass } from "./socket.js";

const TIMEOUT_MS = 60_000;
const JSON_TYPE = "application/json";
const FILE_TYPE = "application/octet-stream";

export interface ClientOptions {
  /** The key that the server asks for, if it does. */
  apiKey?: string;
  /** How long a call may take, all tries together. */
  timeoutMs?: number;
  /** Instead of the platform's; Node has one from version 22 on, before it the package `ws` does. */
  WebSocket?: SocketClass;
  fetch?: typeof globalThis.fetch;
}

export interface CallOptions {
  signal?: AbortSignal;
}

/** A clip's poses as a file of a tool. */
export interface PoseFile {
  /** From the clip's id. */
  name: string;
  content: Blob;
  warnings: InputWarning[];
}

export interface StreamOptions extends CallOptions {
  /** Told when the session opens, when its connection breaks, when it resumes and when it ends. */
  onConnection?: (change: ConnectionChange) => void;
}

interface Call {
  method: string;
  path: string;
  /** JSON unless said. */
  accept?: string;
  body?: string | Blob | Uint8Array<ArrayBuffer>;
  type?: string;
}

type Read<T> = (answer: Response) => Promise<T>;

/** Lifts keypoints at a poselift server. */
export class Client {
  private readonly url: string;
  private readonly timeoutMs: number;

  /** `url` is `http://` or `https://host:port`, with a path where the server is behind a proxy. */
  constructor(
    url: string,
    private readonly options: ClientOptions = {},
  ) {
    const parsed = URL.canParse(url) ? new URL(url) : null;
    if (parsed === null || !/^https?:$/.test(parsed.protocol) || parsed.search || parsed.hash) {
      throw invalid("url", `http:// or https://host:port, found ${url}`);
    }
    if (parsed.username || parsed.password) throw invalid("url", "no user or password in it: apiKey takes the key");
    this.url = parsed.href.replace(/\/+$/, "");
    this.timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
  }

  /** Lift clips of one person each. */
  async lift(request: LiftRequest, { signal }: CallOptions = {}): Promise<LiftResponse> {
    const call = { method: "POST", path: "/v1/lift", body: JSON.stringify(request), type: JSON_TYPE };
    return this.ask<LiftResponse>(call, signal);
  }

  /**
   * Lift one clip to a file, by the media type of an output format: `model/x-bvh; rig=mixamo`, say. The API's page has
   * the list.
   */
  async liftToFile(request: LiftRequest, mediaType: string, { signal }: CallOptions = {}): Promise<PoseFile> {
    const call = { method: "POST", path: "/v1/lift", body: JSON.stringify(request), type: JSON_TYPE, accept: mediaType };
    return this.ask(call, signal, async (answer) => ({
      name: /filename="([^"]+)"/.exec(answer.headers.get("content-disposition") ?? "")?.[1] ?? "poses",
      content: await answer.blob(),
      warnings: JSON.parse(answer.headers.get("poselift-warnings") ?? "[]") as InputWarning[],
    }));
  }

  /** Turn a file that a detector or tool wrote into a lift request; some formats are known by its name. */
  async convert(
    name: string,
    file: Blob | Uint8Array<ArrayBuffer>,
    options: ConvertOptions = {},
    { signal }: CallOptions = {},
  ): Promise<Converted> {
    const call = { method: "POST", path: `/v1/convert?${queryOf({ name, ...options })}`, body: file, type: FILE_TYPE };
    return this.ask(call, signal, async (answer) => ({
      request: (await answer.json()) as Converted["request"],
      reader: answer.headers.get("poselift-reader") ?? "",
      notes: JSON.parse(answer.headers.get("poselift-notes") ?? "[]") as string[],
    }));
  }

  /** What can find people in videos at the server, installed or not. */
  async detectors({ signal }: CallOptions = {}): Promise<ListedDetector[]> {
    return (await this.ask<{ detectors: ListedDetector[] }>({ method: "GET", path: "/v1/detectors" }, signal)).detectors;
  }

  /** Have a detector of the server find the people in a video. It may take as long as it does; `signal` ends it. */
  async detect(
    video: Blob | Uint8Array<ArrayBuffer>,
    options: DetectOptions = {},
    { signal = new AbortController().signal, progress }: CallOptions & { progress?: (done: Progress) => void } = {},
  ): Promise<Detected> {
    const call = { method: "POST", path: `/v1/detect?${queryOf(options)}`, body: video, type: FILE_TYPE };
    const read = async (answer: Response): Promise<Detected> => {
      for await (const line of lines<DetectLine>(answer)) {
        if ("progress" in line) progress?.(line.progress);
        else if ("error" in line) throw ofProblem(line.error);
        else return line;
      }
      throw new ServerUnavailable(`the connection to ${this.url} was lost`);
    };
    return asked(() => this.once(call, signal, read), Date.now() + this.timeoutMs, signal);
  }

  /** The models that the server serves. */
  async models({ signal }: CallOptions = {}): Promise<ListedModel[]> {
    return (await this.ask<{ models: ListedModel[] }>({ method: "GET", path: "/v1/models" }, signal)).models;
  }

  /** A live session; it connects with the first frame, or by `open`. `signal` leaves it. */
  stream(options: SessionOptions, { signal, onConnection }: StreamOptions = {}): Session {
    const Socket = this.options.WebSocket ?? (globalThis.WebSocket as SocketClass | undefined);
    if (Socket === undefined) {
      throw new ServerError("this platform has no WebSocket: pass one, such as that of the package ws");
    }
    const url = `${this.url.replace(/^http/, "ws")}/v1/stream`;
    const { apiKey } = this.options;
    return new Session(options, { url, Socket, apiKey, timeoutMs: this.timeoutMs, signal, onConnection });
  }

  private async ask<T>(call: Call, given?: AbortSignal, read: Read<T> = (answer) => answer.json()): Promise<T> {
    const until = Date.now() + this.timeoutMs;
    const timeout = AbortSignal.timeout(this.timeoutMs);
    const signal = given === undefined ? timeout : AbortSignal.any([given, timeout]);
    try {
      return await asked(() => this.once(call, signal, read), until, signal);
    } catch (error) {
      if (given?.aborted) throw given.reason;
      if (timeout.aborted) throw new DeadlineExceeded(`no answer from ${this.url} in ${this.timeoutMs} ms`);
      throw error;
    }
  }

  private async once<T>({ method, path, body, type, accept = JSON_TYPE }: Call, signal: AbortSignal, read: Read<T>): Promise<T> {
    const headers: Record<string, string> = { accept };
    if (type !== undefined) headers["content-type"] = type;
    if (this.options.apiKey !== undefined) headers["authorization"] = `Bearer ${this.options.apiKey}`;
    const url = this.url + path;
    const answer = await this.fetched(url, { method, headers, signal, ...(body === undefined ? {} : { body }) });
    if (answer.status !== 200) {
      throw ofAnswer(url, answer.status, await answer.text(), answer.headers.get("retry-after"));
    }
    return read(answer);
  }

  private async fetched(url: string, init: RequestInit): Promise<Response> {
    try {
      return await (this.options.fetch ?? globalThis.fetch)(url, init);
    } catch (error) {
      if (init.signal?.aborted) throw error;
      const cause = error instanceof Error ? (error.cause ?? error) : error;
      throw new ServerUnavailable(`${this.url} cannot be reached: ${String(cause)}`);
    }
  }
}

function queryOf(options: object): URLSearchParams {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  return new URLSearchParams(given.map(([name, value]) => [name, String(value)]));
}

/** The values of JSON lines, as they come. */
async function* lines<T>(answer: Response): AsyncGenerator<T> {
  const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  try {
    for (let isDone = false; !isDone; ) {
      const { done, value = "" } = await reader.read();
      const whole = (text + value).split("\n");
      text = whole.pop()!;
      for (const line of whole) yield JSON.parse(line) as T;
      isDone = done;
    }
  } finally {
    await reader.cancel();
  }
}

function invalid(where: string, expected: string): InvalidInput {
  return new InvalidInput(`${where}: expected ${expected}`, [{ where, expected }]);
}
