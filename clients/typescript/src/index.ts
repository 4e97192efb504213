export { Client, type CallOptions, type ClientOptions, type PoseFile, type StreamOptions } from "./client.js";
export * from "./errors.js";
export type * from "./messages.js";
export { type ConnectionChange, Session, type PushOptions } from "./session.js";
export type { Socket, SocketClass } from "./socket.js";
