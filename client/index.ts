export { type Client, createClient } from "./client.ts";
export { KeyplaneError, type KeyplaneErrorDetails } from "./error.ts";
export type { CallOptions, ClientOptions } from "./options.ts";
export type { Inputs, Outputs } from "./procedures.ts";
