import type { Chat } from "../../shared/openai/chat.ts";
import { type EmbeddingRequest, embeddingRequest } from "../../shared/openai/requests.ts";
import { GatewayError } from "../errors.ts";
import type { Adapter, Embeddings, Encoded, Target } from "../providers/adapter.ts";
import type { Deployment } from "../providers/deployment.ts";
import type { EventSource } from "../providers/model-event.ts";
import type { LibraryModel, LibrarySend } from "../providers/library.ts";
import { inlineMedia } from "../providers/media.ts";
import { isTooDeep, nestedTooDeeply, untranslatable } from "../providers/translation.ts";
import type { Call } from "./call.ts";
import { withAdded, withForwarded } from "./upstream-headers.ts";
import type { Gateway } from "./gateway.ts";
import { passageOf } from "./passage.ts";
import { upstreamBody } from "./upstream-request.ts";

/** What leaves for a deployment, ready to be sent. `dropped`: parameters of the client's that do not arrive. */
export type Outgoing = { readonly dropped: readonly string[] } & (
  | {
      readonly kind: "bytes";
      readonly path: string;
      /** Names and values in turn. */
      readonly headers: readonly string[];
      readonly body: Buffer;
      /** Who reads the answer; undefined where it passes through. */
      readonly adapter: Adapter | undefined;
    }
  | { readonly kind: "library-chat"; readonly send: LibrarySend<EventSource> }
  | { readonly kind: "library-embedding"; readonly send: LibrarySend<Embeddings> }
);

type Asked = { readonly chat: Chat } | { readonly embedding: EmbeddingRequest };

const nothing: readonly string[] = [];

/** @throws GatewayError what keeps the request from being sent there; another deployment may have words for it */
export function outgoingTo(
  gateway: Gateway,
  call: Call,
  deployment: Deployment,
): Outgoing | Promise<Outgoing> {
  const { endpoint } = call;
  if (!deployment.routes.has(endpoint.name))
    return translated(gateway, call, deployment).catch((thrown: unknown) => {
      throw isTooDeep(thrown) ? nestedTooDeeply(thrown) : thrown;
    });
  return {
    kind: "bytes",
    path: deployment.pathOf(endpoint.name),
    headers:
      endpoint.forwards.length === 0
        ? deployment.headers
        : withForwarded(deployment.headers, call.incoming.headers, endpoint.forwards),
    body: deployment.mockResponse === undefined ? upstreamBody(deployment, call) : call.sent.body,
    adapter: undefined,
    dropped: nothing,
  };
}

async function translated(gateway: Gateway, call: Call, deployment: Deployment): Promise<Outgoing> {
  const passage = passageOf(call.endpoint, deployment);
  const { asked, dropped } =
    passage === "embeddings"
      ? { asked: { embedding: embeddingRequest.parse(call.sent.request) }, dropped: nothing }
      : chatOf(call);
  const target: Target = {
    model: deployment.upstreamModel,
    isStream: call.isStream,
    maxOutputTokens: deployment.maxOutputTokens,
    dropsParameters: deployment.dropsParameters,
  };
  if (deployment.library) {
    const model = await orUnavailable(gateway, call, deployment.library);
    return { ...prepare(model, await withMedia(call, asked, model), target), dropped };
  }
  const { adapter } = deployment;
  if (!adapter) throw new Error("A deployment has neither an adapter nor a library");
  const encoded = encode(adapter, await withMedia(call, asked, adapter), target);
  return {
    kind: "bytes",
    path: deployment.pathOf(encoded.route),
    headers: await headersFor(gateway, call, { deployment, encoded }),
    body: Buffer.from(JSON.stringify(encoded.body)),
    adapter,
    dropped: [...dropped, ...encoded.dropped],
  };
}

/** Fetches what the client names by URL, where the model takes data only. A client that leaves meanwhile ends that. */
async function withMedia(
  { client }: Call,
  asked: Asked,
  { inlinesMedia }: Pick<Adapter, "inlinesMedia">,
): Promise<Asked> {
  if (!inlinesMedia || !("chat" in asked)) return asked;
  const gone = new AbortController();
  client.whenGone(() => gone.abort());
  return {
    chat: await inlineMedia(asked.chat, { keeps: inlinesMedia.keeps, signal: gone.signal }),
  };
}

function prepare(model: LibraryModel, asked: Asked, target: Target) {
  if ("chat" in asked)
    return { kind: "library-chat", send: model.prepareChat(asked.chat, target) } as const;
  if (!model.prepareEmbedding)
    throw untranslatable("model", "Cannot embed: the provider's package has no embeddings");
  const send = model.prepareEmbedding(asked.embedding, target);
  return { kind: "library-embedding", send } as const;
}

function encode(adapter: Adapter, asked: Asked, target: Target): Encoded {
  if ("chat" in asked) return adapter.encode(asked.chat, target);
  if (!adapter.embeddings) throw new Error("An adapter without embeddings was asked for some");
  return adapter.embeddings.encode(asked.embedding, target);
}

/** The request as a chat, with what its budget lets it generate. */
function chatOf({ endpoint, sent, permit }: Call): { asked: Asked; dropped: readonly string[] } {
  if (!endpoint.dialect) throw new Error("A route without a dialect cannot be translated");
  const { chat, dropped } = endpoint.dialect.toChat(sent.request);
  const cap = permit.outputCap;
  const { max_completion_tokens: _cap, ...rest } = chat;
  const capped: Chat = cap === undefined ? chat : { ...rest, max_tokens: cap };
  return { asked: { chat: capped }, dropped };
}

async function headersFor(
  gateway: Gateway,
  call: Call,
  { deployment, encoded }: { deployment: Deployment; encoded: Encoded },
): Promise<readonly string[]> {
  const { headers, authorize } = deployment;
  const named = withAdded(headers, encoded.headers);
  return authorize ? [...named, ...(await orUnavailable(gateway, call, authorize))] : named;
}

/** A package that is not installed, or lacks credentials, is the operator's business: the log says which. */
async function orUnavailable<Needed>(
  { logger }: Gateway,
  { asked, requestId }: Call,
  obtain: () => Promise<Needed>,
): Promise<Needed> {
  try {
    return await obtain();
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    logger.error(
      { requestId, model: asked, reason },
      "a model cannot be called as it is configured",
    );
    throw new GatewayError(
      "model_unavailable",
      `Cannot call model ${JSON.stringify(asked)}: its upstream is not configured on this gateway`,
      { headers: { "retry-after": "60" } },
    );
  }
}
