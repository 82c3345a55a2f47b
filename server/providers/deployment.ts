import type { Config } from "../../shared/config.ts";
import type { RateCard } from "../../shared/spend.ts";
import { hashSecret } from "../secrets.ts";
import { freeRates, isFree, type Rates, resolveRates } from "./prices.ts";
import type { Adapter } from "./adapter.ts";
import { secretsOf } from "./deployment-secrets.ts";
import { vertexAddress } from "./gemini/vertex-address.ts";
import { VertexTokens } from "./gemini/vertex-token.ts";
import type { LibraryModel } from "./library.ts";
import { openAiChat } from "./openai-chat/adapter.ts";
import {
  type ModelReference,
  openAiRoutes,
  parseModelReference,
  type Provider,
  providers,
} from "./registry.ts";

/** One upstream behind a model group, with everything that a call to it needs worked out beforehand. */
export interface Deployment {
  readonly id: string;
  /** The model group that it is a member of. */
  readonly group: string;
  readonly provider: string;
  /** The name that the upstream knows the model by. */
  readonly upstreamModel: string;
  /** The same as it stands in a body. */
  readonly upstreamModelJson: Buffer;
  /** Scheme, host and port. */
  readonly origin: string;
  /** The path and query of one of its routes, such as `chat/completions`. */
  readonly pathOf: (route: string) => string;
  /** Names and values in turn. */
  readonly headers: readonly string[];
  /** Routes that it has itself, in the format that clients use of them: calls pass through. */
  readonly routes: ReadonlySet<string>;
  /** How a chat is put for it that came on another route; undefined where a library does that. */
  readonly adapter: Adapter | undefined;
  /** The package that speaks to it, loaded when it is first called; undefined where we do. */
  readonly library: (() => Promise<LibraryModel>) | undefined;
  /** Headers that are good for a while only, names and values in turn; undefined where there are none. */
  readonly authorize: (() => Promise<readonly string[]>) | undefined;
  readonly dropsParameters: boolean;
  /** What `model_info` says that the model does; undefined where it says nothing. */
  readonly mode: ModelMode | undefined;
  /** What of its credentials an upstream might quote. */
  readonly secrets: readonly string[];
  /** Share of its group's calls, relative to the others' weights. */
  readonly weight: number;
  /** Calls and tokens in a minute, and calls at once. Undefined: as many as there are. */
  readonly limits: {
    readonly requests?: number;
    readonly tokens?: number;
    readonly parallel?: number;
  };
  readonly timeoutMs: number;
  readonly streamTimeoutMs: number;
  /** Undefined: nobody knows what it costs. */
  readonly rates: Rates | undefined;
  /** Nothing that it does costs anything. */
  readonly isFree: boolean;
  /** The same as the ledger keeps it. */
  readonly rateCard: RateCard | null;
  readonly asksForStreamUsage: boolean;
  /** What the longest prompt and the longest answer are, where the config says. */
  readonly maxInputTokens: number | undefined;
  readonly maxOutputTokens: number | undefined;
  /** The parameter of a chat that caps its answer. */
  readonly outputLimit: "max_tokens" | "max_completion_tokens";
  /** Parameters that are taken out of requests. */
  readonly droppedParameters: readonly string[];
  /** Answered instead of calling anyone. */
  readonly mockResponse: string | undefined;
  /** Why it cannot be called, for the operator; undefined when it can. */
  readonly unavailable: string | undefined;
}

type Entry = Config["model_list"][number];

export type ModelMode = NonNullable<Entry["model_info"]["mode"]>;

const azureApiVersion = "2024-10-21";

/** @param group the name of the group, where that is not the entry's: below a wildcard it is what was asked for */
export function createDeployment(
  config: Config,
  entry: Entry,
  group: string = entry.model_name,
): Deployment {
  const { litellm_params: parameters, model_info: info } = entry;
  const reference = parseModelReference(parameters.model) ?? {
    provider: "custom_openai",
    model: parameters.model,
  };
  const provider: Provider = providers[reference.provider];
  const rates = ratesOf(entry, reference);
  const dropsParameters = parameters.drop_params ?? config.litellm_settings.drop_params;
  const headers = headersOf(entry, provider);
  const timeout = parameters.timeout ?? config.litellm_settings.request_timeout;
  return {
    id: info.id ?? deploymentId(entry),
    group,
    provider: reference.provider,
    upstreamModel: reference.model,
    upstreamModelJson: Buffer.from(JSON.stringify(reference.model)),
    ...addressOf(entry, reference),
    headers,
    secrets: secretsOf(parameters, headers),
    routes: routesOf(entry, reference.provider),
    ...speakerOf(entry, reference),
    authorize: authorizationOf(entry, reference),
    dropsParameters,
    mode: info.mode,
    weight: parameters.weight ?? 1,
    limits: {
      requests: parameters.rpm,
      tokens: parameters.tpm,
      parallel: parameters.max_parallel_requests,
    },
    timeoutMs: timeout * 1000,
    streamTimeoutMs: (parameters.stream_timeout ?? timeout) * 1000,
    rates,
    rateCard: rates ? rateCardOf(rates) : null,
    isFree: rates !== undefined && isFree(rates),
    asksForStreamUsage: provider.usageUnasked !== true,
    maxInputTokens: info.max_input_tokens,
    maxOutputTokens: info.max_output_tokens ?? info.max_tokens,
    outputLimit: provider.outputLimit ?? "max_tokens",
    droppedParameters: dropsParameters ? provider.unsupported : [],
    mockResponse: parameters.mock_response,
    unavailable: entry.unavailable,
  };
}

/** A mock answers as OpenAI would, whoever it stands for. */
const mockRoutes: ReadonlySet<string> = new Set(["chat/completions", "completions", "embeddings"]);

function routesOf(
  { litellm_params }: Entry,
  name: ModelReference["provider"],
): ReadonlySet<string> {
  if (litellm_params.mock_response !== undefined) return mockRoutes;
  const { adapter, library, routes = [] }: Provider = providers[name];
  if (adapter || library) return new Set(routes);
  // Azure's older addresses are those of a deployment, below which there is no such route.
  const isOldAzure =
    name === "azure" && !isNewAzure(new URL(litellm_params.api_base ?? "http://a/"));
  return new Set(isOldAzure ? openAiRoutes : [...openAiRoutes, ...routes]);
}

function isNewAzure({ pathname }: URL): boolean {
  return pathname.replace(/\/+$/, "").endsWith("/openai/v1");
}

function speakerOf(
  { litellm_params }: Entry,
  { provider: name, model }: ModelReference,
): Pick<Deployment, "adapter" | "library"> {
  const provider: Provider = providers[name];
  const { library, adapter = openAiChat(provider) } = provider;
  if (!library || litellm_params.mock_response !== undefined)
    return { adapter, library: undefined };
  let opened: Promise<LibraryModel> | undefined;
  const open = () =>
    library.open({
      model,
      apiKey: litellm_params.api_key,
      apiBase: litellm_params.api_base,
      headers: litellm_params.headers ?? {},
      options: optionsOf(litellm_params),
    });
  // One that could not be opened, for want of credentials perhaps, is tried again by the next call.
  const reopen = () =>
    open().catch((thrown: unknown) => {
      opened = undefined;
      throw thrown;
    });
  return { adapter: undefined, library: () => (opened ??= reopen()) };
}

/** What a library is told beside the key and the address. */
function optionsOf(parameters: Entry["litellm_params"]): Record<string, string> {
  const options: Record<string, string> = {};
  for (const name of libraryOptions) {
    const value = parameters[name];
    if (value !== undefined) options[name] = value;
  }
  return options;
}

const libraryOptions = [
  "aws_region_name",
  "aws_access_key_id",
  "aws_secret_access_key",
  "aws_session_token",
  "aws_bedrock_runtime_endpoint",
  "vertex_project",
  "vertex_location",
  "api_version",
] as const;

/** Vertex AI takes a token of the cloud's, unless the deployment has a key of its own. */
function authorizationOf(
  { litellm_params: { api_key, mock_response, vertex_credentials } }: Entry,
  { provider }: ModelReference,
): Deployment["authorize"] {
  if (provider !== "vertex_ai" || api_key !== undefined || mock_response !== undefined)
    return undefined;
  const tokens = new VertexTokens(vertex_credentials);
  return async () => ["authorization", `Bearer ${await tokens.get()}`];
}

/** The same across restarts and replicas as long as the entry means the same upstream. */
function deploymentId({ model_name, litellm_params: { model, api_base, api_key } }: Entry): string {
  return hashSecret(JSON.stringify([model_name, model, api_base, api_key])).slice(0, 16);
}

function ratesOf(
  { litellm_params, model_info }: Entry,
  { provider, model }: ModelReference,
): Rates | undefined {
  const { priceId }: Provider = providers[provider];
  // A price beside the model wins over one in model_info; an undefined one must not hide the other.
  const own = { ...model_info, ...withoutUndefined(litellm_params) };
  const isMock = litellm_params.mock_response !== undefined;
  const rates = resolveRates({
    provider,
    priceProviderId: isMock ? undefined : priceId,
    model,
    baseModel: model_info.base_model,
    own,
  });
  return rates ?? (isMock ? freeRates : undefined);
}

function rateCardOf({ source, validUntil: _validUntil, ...rates }: Rates): RateCard {
  const text = JSON.stringify({ source, rates }, (_name, value: unknown) =>
    typeof value === "bigint" ? value.toString() : value,
  );
  return {
    id: hashSecret(text).slice(0, 16),
    ...(JSON.parse(text) as Pick<RateCard, "source" | "rates">),
  };
}

function withoutUndefined<T extends object>(record: T): Partial<T> {
  return Object.fromEntries(
    Object.entries(record).filter(([, value]) => value !== undefined),
  ) as Partial<T>;
}

function addressOf(
  { litellm_params }: Entry,
  { provider, model }: ModelReference,
): Pick<Deployment, "origin" | "pathOf"> {
  const { apiBase, addsV1 }: Provider = providers[provider];
  // A mock, or an entry that is unavailable for want of an address, has none; it is never called.
  const base = new URL(
    litellm_params.api_base ?? vertexBase(litellm_params) ?? apiBase ?? "http://127.0.0.1/",
  );
  const path = base.pathname.replace(/\/+$/, "");
  if (provider === "azure")
    return {
      origin: base.origin,
      pathOf: azurePaths({ base, path, model, version: litellm_params.api_version }),
    };
  const root = addsV1 && !/\/v\d+$/.test(path) ? `${path}/v1` : path;
  return { origin: base.origin, pathOf: (route) => joined(root, route, base.search) };
}

function vertexBase({ model, vertex_project, vertex_location }: Entry["litellm_params"]) {
  if (!model.startsWith("vertex_ai/") || vertex_project === undefined) return undefined;
  return vertexAddress({ project: vertex_project, location: vertex_location ?? vertexLocation });
}

/** Where LiteLLM looks for models of Vertex AI whose location is not told. */
const vertexLocation = "us-central1";

/** A route may carry a query of its own. */
function joined(root: string, route: string, search: string): string {
  return `${root}/${route}${route.includes("?") ? search.replace("?", "&") : search}`;
}

interface AzureBase {
  readonly base: URL;
  readonly path: string;
  readonly model: string;
  readonly version: string | undefined;
}

/** Azure's routes are those of a deployment and bear a version, but for its newer base address, which is like OpenAI's. */
function azurePaths({ base, path, model, version }: AzureBase): Deployment["pathOf"] {
  if (isNewAzure(base)) return (route) => `${path}/${route}${base.search}`;
  const root = path.includes("/openai/deployments/")
    ? path
    : `${path.replace(/\/openai$/, "")}/openai/deployments/${encodeURIComponent(model)}`;
  const query = new URLSearchParams(base.search);
  query.set("api-version", version ?? query.get("api-version") ?? azureApiVersion);
  return (route) => `${root}/${route}?${query}`;
}

function headersOf(
  { litellm_params }: Entry,
  { keyHeader, headers: fixed = {} }: Provider,
): string[] {
  const { api_key, organization, headers = {} } = litellm_params;
  const named = new Map<string, string>([
    ["content-type", "application/json"],
    ...Object.entries(fixed),
  ]);
  if (api_key !== undefined && keyHeader !== undefined) named.set(keyHeader, api_key);
  else if (api_key !== undefined) named.set("authorization", `Bearer ${api_key}`);
  if (organization !== undefined) named.set("openai-organization", organization);
  for (const [name, value] of Object.entries(headers))
    if (!framing.has(name.toLowerCase())) named.set(name.toLowerCase(), value);
  return [...named].flat();
}

/** The transport's own: a wrong one would let a body be read as another request. */
const framing = new Set([
  "content-length",
  "transfer-encoding",
  "connection",
  "host",
  "expect",
  "upgrade",
]);
