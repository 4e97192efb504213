/** The part of a WebSocket that this client uses: browsers', Node's and that of the package `ws`. */

export interface Socket {
  readonly readyState: number;
  // Each platform has its own types of events; data, code and reason are the same in all.
  onopen: ((event: any) => void) | null;
  onmessage: ((event: any) => void) | null;
  onclose: ((event: any) => void) | null;
  onerror: ((event: any) => void) | null;
  send(data: string): void;
  close(code?: number): void;
}

export type SocketClass = new (url: string, protocols: string[]) => Socket;

const FORMAT = "poselift.v1.json";
const KEY_PREFIX = "poselift.key.";

/** The subprotocols to offer. A browser's WebSocket cannot set headers, so that the key is one. */
export function subprotocols(apiKey: string | undefined): string[] {
  if (apiKey === undefined) return [FORMAT];
  const bytes = String.fromCharCode(...new TextEncoder().encode(apiKey));
  const encoded = btoa(bytes).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  return [FORMAT, KEY_PREFIX + encoded];
}
