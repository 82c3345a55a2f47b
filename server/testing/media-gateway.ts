import OpenAI from "openai";
import { configText, masterKey, startGateway, type TestGateway } from "./gateway.ts";

export interface MediaGateway extends TestGateway {
  readonly client: OpenAI;
  /** The newest of the ledger. */
  lastRow(): Promise<Record<string, unknown> | undefined>;
}

/** A model for every way in which what is no chat may be priced. */
function mediaModels(url: string) {
  const entry = (model_name: string, model: string, prices: object = {}, model_info = {}) => ({
    model_name,
    litellm_params: { model, api_base: `${url}/v1`, api_key: "upstream-secret", ...prices },
    model_info,
  });
  return [
    entry("gpt-image", "openai/gpt-image-1"),
    entry("picture", "openai/dall-e-3", { output_cost_per_image: 0.04 }),
    entry("unpriced", "openai/dall-e-3"),
    entry("voice", "openai/tts-1", { input_cost_per_character: 0.000015 }),
    entry("mini-voice", "openai/gpt-4o-mini-tts"),
    entry("whisper", "openai/whisper-1"),
    entry("scribe", "openai/gpt-4o-transcribe"),
    entry("hearers", "openai/hearer-1", { input_cost_per_second: 0.0001 }),
    entry("hearers", "openai/hearer-2", { input_cost_per_second: 0.0001 }),
    entry("rank", "custom_openai/rerank-v3.5", { input_cost_per_query: 0.002 }),
    entry("token-rank", "custom_openai/jina-reranker", { input_cost_per_token: 0.00000002 }),
    entry("free-moderation", "openai/omni-moderation-latest", { input_cost_per_request: 0 }),
    entry("moderation", "openai/omni-moderation-latest"),
    entry("only-chat", "openai/gpt-5-mini", {}, { mode: "chat" }),
  ];
}

export async function startMediaGateway(settings: object = {}): Promise<MediaGateway> {
  const gateway = await startGateway({
    config: (url) => configText({ model_list: mediaModels(url), general_settings: settings }),
  });
  return {
    ...gateway,
    client: openAiClient(gateway),
    async lastRow() {
      const [row] = await gateway.spendLogs();
      return row;
    },
  };
}

export function openAiClient({ url }: TestGateway, apiKey: string = masterKey): OpenAI {
  return new OpenAI({ apiKey, baseURL: `${url}/v1`, maxRetries: 0 });
}
