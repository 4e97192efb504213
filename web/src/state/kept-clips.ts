/** Clips that were opened, kept in this browser for links to find again. The server keeps nothing. */

import type { LiftRequest } from "poselift";

const MOST_CLIPS = 20;
const LONGEST = 40_000_000;

interface KeptClip {
  hash: string;
  title: string;
  /** The lift request in JSON. */
  request: string;
  at: number;
}

/** Keep a clip instead of the oldest, and tell its hash; null where it cannot be kept. */
export async function keep(title: string, request: LiftRequest): Promise<string | null> {
  const text = JSON.stringify(request);
  // Browsers hash nothing on pages from other machines without HTTPS.
  if (text.length > LONGEST || !globalThis.crypto?.subtle) return null;
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  const hash = [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const clips = await store("readwrite");
  await done(clips.put({ hash, title, request: text, at: Date.now() } satisfies KeptClip));
  const all = (await done(clips.getAll())) as KeptClip[];
  const oldest = all.sort((a, b) => b.at - a.at).slice(MOST_CLIPS);
  for (const each of oldest) clips.delete(each.hash);
  return hash;
}

/** The clip of a hash, if it is kept. */
export async function kept(hash: string): Promise<{ title: string; request: LiftRequest } | null> {
  const found = (await done((await store("readonly")).get(hash))) as KeptClip | undefined;
  return found ? { title: found.title, request: JSON.parse(found.request) as LiftRequest } : null;
}

async function store(mode: IDBTransactionMode): Promise<IDBObjectStore> {
  const opening = indexedDB.open("poselift", 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore("clips", { keyPath: "hash" });
  return (await done(opening)).transaction("clips", mode).objectStore("clips");
}

function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
