import type { z } from "zod";
import { messagesRequest } from "../../shared/anthropic/messages.ts";
import {
  type CallRequest,
  chatRequest,
  completionRequest,
  embeddingRequest,
} from "../../shared/openai/requests.ts";
import { chat, openAiFormat } from "../dialects/chat/dialect.ts";
import { messages } from "../dialects/messages/messages.ts";
import { responses } from "../dialects/responses/responses.ts";
import type { Dialect, NativeFormat } from "../dialects/dialect.ts";
import { responsesRequest } from "../../shared/openai/responses.ts";
import type { ModelMode } from "../providers/deployment.ts";
import type { Route } from "./authorize.ts";

/** A route that calls a model. */
export interface Endpoint extends Route {
  /** The route below the base address, at the gateway and at upstreams that have it too. */
  readonly name: string;
  readonly schema: z.ZodType<CallRequest>;
  /** Whether it heeds `stream` in a request. */
  readonly streams: boolean;
  /** The format that chats are translated from and to; undefined where calls can only pass through. */
  readonly dialect: Dialect | undefined;
  /** How replies are read that pass through. */
  readonly native: NativeFormat;
  /** What a model does that can be asked here, in the words of `model_info.mode`. */
  readonly modes: readonly ModelMode[];
  /** Whether it generates tokens. */
  readonly generates: boolean;
  /** Parameters that cap an answer, the one that the route prefers first. */
  readonly caps: readonly string[];
  /** Whether a stream tells its usage only when `stream_options` asks for it. */
  readonly asksForUsage: boolean;
  /** Headers of the client's that go on to an upstream which has the route. */
  readonly forwards: readonly string[];
}

type Given = Pick<Endpoint, "name" | "schema" | "modes"> & Partial<Endpoint>;

function endpoint(given: Given): Endpoint {
  return {
    path: `/${given.name}`,
    families: ["llm_api_routes"],
    streams: true,
    dialect: undefined,
    native: openAiFormat,
    generates: true,
    caps: ["max_tokens"],
    asksForUsage: false,
    forwards: [],
    ...given,
  };
}

/** What a client may ask of Anthropic beyond the body: a version of the API, and features that are not in it yet. */
export const anthropicHeaders = ["anthropic-version", "anthropic-beta"] as const;

export const endpoints: readonly Endpoint[] = [
  endpoint({
    name: "chat/completions",
    schema: chatRequest,
    modes: ["chat", "responses"],
    dialect: chat,
    caps: ["max_completion_tokens", "max_tokens"],
    asksForUsage: true,
  }),
  endpoint({
    name: "messages",
    schema: messagesRequest,
    modes: ["chat", "responses"],
    dialect: messages,
    native: messages.native,
    forwards: anthropicHeaders,
  }),
  endpoint({
    name: "responses",
    schema: responsesRequest,
    modes: ["chat", "responses"],
    dialect: responses,
    native: responses.native,
    caps: ["max_output_tokens"],
  }),
  endpoint({
    name: "completions",
    schema: completionRequest,
    modes: ["completion", "chat"],
    asksForUsage: true,
  }),
  endpoint({
    name: "embeddings",
    schema: embeddingRequest,
    modes: ["embedding"],
    streams: false,
    generates: false,
  }),
];
