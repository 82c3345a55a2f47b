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
}

function endpoint(name: string, schema: z.ZodType<CallRequest>): Endpoint {
  return { name, path: `/${name}`, families: ["llm_api_routes"], schema };
}

export const endpoints = [
  endpoint("chat/completions", chatRequest),
  endpoint("completions", completionRequest),
  endpoint("embeddings", embeddingRequest),
] as const;
