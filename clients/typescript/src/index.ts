export { Client, type CallOptions, type ClientOptions, type PoseFile } from "./client.js";
export * from "./errors.js";
export type * from "./messages.js";
export { Session, type PushOptions } from "./session.js";
export type { Socket, SocketClass } from "./socket.js";
