import type { z } from "zod";
import {
  type CallRequest,
  chatRequest,
  completionRequest,
  embeddingRequest,
} from "../../shared/openai/requests.ts";
import type { Route } from "./authorize.ts";

/** A route that calls a model. */
export interface Endpoint extends Route {
  /** The route below the base address, at the gateway and at OpenAI-shaped upstreams alike. */
  readonly name: string;
  readonly schema: z.ZodType<CallRequest>;
  /** Whether it heeds `stream` in a request. */
  readonly streams: boolean;
}

function endpoint(name: string, schema: z.ZodType<CallRequest>, streams: boolean): Endpoint {
  return { name, path: `/${name}`, families: ["llm_api_routes"], schema, streams };
}

export const endpoints = [
  endpoint("chat/completions", chatRequest, true),
  endpoint("completions", completionRequest, true),
  endpoint("embeddings", embeddingRequest, false),
] as const;
