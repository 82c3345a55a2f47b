import type { Config } from "../../shared/config.ts";
import type { RateCard } from "../../shared/spend.ts";
import { hashSecret } from "../secrets.ts";
import { freeRates, isFree, type Rates, resolveRates } from "./prices.ts";
import type { Adapter } from "./adapter.ts";
import { addressOf, isNewAzure } from "./deployment-address.ts";
import { keepsFiles } from "./deployment-files.ts";
import { authorizationOf, headersOf } from "./deployment-headers.ts";
import { secretsOf } from "./deployment-secrets.ts";
import { libraryOptionsOf, speakerOf } from "./deployment-speaker.ts";
import type { LibraryModel } from "./library.ts";
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
  /** Whether files and batches can be kept at its account. */
  readonly keepsFiles: boolean;
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
  /** The name that its counters have. */
  readonly counterOwner: string;
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
  const id = info.id ?? deploymentId(entry);
  return {
    id,
    group,
    provider: reference.provider,
    upstreamModel: reference.model,
    upstreamModelJson: Buffer.from(JSON.stringify(reference.model)),
    ...addressOf(entry, reference),
    headers,
    secrets: secretsOf(parameters, headers),
    routes: routesOf(entry, reference.provider),
    keepsFiles: keepsFiles(entry, reference),
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
    counterOwner: `deployment:${id}`,
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

/** The same across restarts and replicas as long as the entry means the same upstream. */
function deploymentId({ model_name, litellm_params: parameters }: Entry): string {
  const { model, api_base, api_key } = parameters;
  const places = Object.entries(libraryOptionsOf(parameters)).flat();
  return hashSecret(JSON.stringify([model_name, model, api_base, api_key, ...places])).slice(0, 16);
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
