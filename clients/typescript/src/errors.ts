/** What a server answers instead of poses, as errors with a class each. */

import type { FieldError, Problem } from "./messages.js";

const TYPE_PREFIX = "urn:poselift:problem:";
const LONGEST_TEXT = 300;

/** Base of all errors of this client; `errors` names places and what was expected there. */
export class PoseliftError extends Error {
  readonly errors: readonly FieldError[];
  /** How long to wait before asking again, where the server names a time. */
  readonly retryAfterMs: number | null;

  constructor(detail: string, errors: readonly FieldError[] = [], retryAfterMs: number | null = null) {
    super(detail);
    this.name = new.target.name;
    this.errors = errors;
    this.retryAfterMs = retryAfterMs;
  }
}

/** Something in the input is wrong: `errors` says where. */
export class InvalidInput extends PoseliftError {}
/** The server needs an API key. */
export class Unauthenticated extends PoseliftError {}
/** The server does not accept the API key, or the session belongs to another one. */
export class Forbidden extends PoseliftError {}
export class NotFound extends PoseliftError {}
/** The request is over a limit of the server. */
export class TooLarge extends PoseliftError {}
/** There was no answer before the deadline. */
export class DeadlineExceeded extends PoseliftError {}
/** Another connection has opened the session since, and goes on with it. */
export class SessionTaken extends PoseliftError {}
/** The server no longer has the session, or less of it than can be sent again. */
export class SessionLost extends PoseliftError {}
/** The session was closed or left. */
export class SessionEnded extends PoseliftError {}
/** The server has another reason. */
export class ServerError extends PoseliftError {}

/** What may pass: it is tried again. */
export class Temporary extends PoseliftError {}
/** The server has too much to do. */
export class Overloaded extends Temporary {}
/** The server cannot be reached, starts, ends, or its session store is away. */
export class ServerUnavailable extends Temporary {}

type ErrorClass = new (
  detail: string,
  errors?: readonly FieldError[],
  retryAfterMs?: number | null,
) => PoseliftError;

const BY_SLUG: Readonly<Record<string, ErrorClass>> = {
  invalid: InvalidInput,
  unauthenticated: Unauthenticated,
  forbidden: Forbidden,
  "not-found": NotFound,
  "too-large": TooLarge,
  fenced: SessionTaken,
  overloaded: Overloaded,
  unavailable: ServerUnavailable,
  "deadline-exceeded": DeadlineExceeded,
};
/** Of answers that are not the service's own: a proxy's, say. */
const BY_STATUS: Readonly<Record<number, ErrorClass>> = {
  401: Unauthenticated,
  403: Forbidden,
  404: NotFound,
  413: TooLarge,
  429: Overloaded,
  502: ServerUnavailable,
  503: ServerUnavailable,
  504: DeadlineExceeded,
};

/** The error that a problem tells. */
export function ofProblem(problem: Problem, retryAfterMs: number | null = null): PoseliftError {
  const slug = problem.type.startsWith(TYPE_PREFIX) ? problem.type.slice(TYPE_PREFIX.length) : "";
  const detail = problem.detail ?? problem.title ?? "the server gave no reason";
  return new (BY_SLUG[slug] ?? ServerError)(detail, problem.errors ?? [], retryAfterMs);
}

/** The error of an HTTP answer, of the service or a proxy. */
export function ofAnswer(url: string, status: number, body: string, retryAfter: string | null): PoseliftError {
  const waitMs = retryAfterMs(retryAfter);
  const problem = parsed(body);
  if (problem !== null) return ofProblem(problem, waitMs);
  const text = body.trim().slice(0, LONGEST_TEXT);
  return new (BY_STATUS[status] ?? ServerError)(`${url} answered with status ${status}: ${text}`, [], waitMs);
}

/** The error with which a WebSocket was closed: 4000 + the status that HTTP has for it. */
export function ofClose(url: string, code: number, reason: string): PoseliftError {
  const [type, ...rest] = reason.split(": ");
  if (type?.startsWith(TYPE_PREFIX)) {
    const detail = rest.join(": ");
    const [where, expected] = detail.split(": expected ", 2);
    const errors = where !== undefined && expected !== undefined ? [{ where, expected }] : [];
    return ofProblem({ type, detail, errors });
  }
  if (code >= 4400 && code < 4600) {
    return new (BY_STATUS[code - 4000] ?? ServerError)(reason || `${url} closed the stream (${code})`);
  }
  return new ServerUnavailable(`the connection to ${url} was lost (${code})`);
}

function parsed(body: string): Problem | null {
  try {
    const problem: unknown = JSON.parse(body);
    const isOurs = typeof problem === "object" && problem !== null && "type" in problem;
    return isOurs && String(problem.type).startsWith(TYPE_PREFIX) ? (problem as Problem) : null;
  } catch {
    return null;
  }
}

/** `Retry-After` in milliseconds: seconds or a date. */
function retryAfterMs(text: string | null): number | null {
  if (text === null) return null;
  const seconds = Number(text);
  if (Number.isFinite(seconds)) return Math.max(0, seconds * 1000);
  const date = Date.parse(text);
  return Number.isNaN(date) ? null : Math.max(0, date - Date.now());
}
