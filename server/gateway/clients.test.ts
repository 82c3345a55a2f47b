import Anthropic from "@anthropic-ai/sdk";
import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import {
  type AIMessageChunk,
  type BaseMessage,
  HumanMessage,
  ToolMessage,
} from "@langchain/core/messages";
import { tool as langChainTool } from "@langchain/core/tools";
import { ChatOpenAI, OpenAIEmbeddings } from "@langchain/openai";
import {
  generateText,
  jsonSchema,
  type LanguageModel,
  stepCountIs,
  streamText,
  tool,
  type ToolSet,
} from "ai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { answerLikeOpenAi } from "../testing/fake-upstream.ts";
import { configText, modelEntry, startGateway, type TestGateway } from "../testing/gateway.ts";
import { holdsToolResult, playing, type Script } from "../testing/scripted-model.ts";

const script = {
  preamble: "Let me look.",
  choose: (offered) =>
    offered.length > 0 ? { name: "weather", input: { town: "Graz" } } : undefined,
  answer: "It rains in Graz.",
} satisfies Script;

/** What each answer of the script costs at the prices of `modelEntry`. */
const answerUsd = 0.002;

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await startGateway({
    config: (url) =>
      configText({
        model_list: [
          modelEntry({ model_name: "gpt", api_base: `${url}/v1` }),
          modelEntry({ model_name: "chats", model: "custom_openai/m", api_base: `${url}/v1` }),
          modelEntry({ model_name: "claude", model: "anthropic/claude-sonnet-4-5", api_base: url }),
        ],
      }),
  });
  const play = playing(script);
  gateway.upstream.answer((call, response) =>
    (call.path.includes("embeddings") ? answerLikeOpenAi : play)(call, response),
  );
});

afterAll(() => gateway[Symbol.asyncDispose]());

/** What a turn came to: what was said, in all of its steps, and what the tool was called with. */
interface Turn {
  readonly texts: readonly string[];
  readonly inputs: readonly unknown[];
}

interface Asked {
  readonly apiKey: string;
  readonly model: string;
}

/** How a client goes through a whole turn: asks, runs the tool, brings its result along. */
type TakeTurn = (asked: Asked) => Promise<Turn>;

const parameters = {
  type: "object",
  properties: { town: { type: "string" } },
  required: ["town"],
  additionalProperties: false,
} satisfies Anthropic.Tool.InputSchema;
const description = "The weather in a town";
const question = "What is the weather in Graz?";
const v1 = () => `${gateway.url}/v1`;

const aiSdk = {
  "openai, responses": ({ apiKey, model }) => createOpenAI({ baseURL: v1(), apiKey })(model),
  "openai, chat": ({ apiKey, model }) => createOpenAI({ baseURL: v1(), apiKey }).chat(model),
  anthropic: ({ apiKey, model }) => createAnthropic({ baseURL: v1(), apiKey })(model),
  "openai-compatible": ({ apiKey, model }) =>
    createOpenAICompatible({ name: "keyplane", baseURL: v1(), apiKey, includeUsage: true })(model),
} satisfies Record<string, (asked: Asked) => LanguageModel>;

/** Goes through the turn with the AI SDK: its steps, whether they came as a stream or not. */
async function aiSdkTurn(model: LanguageModel, form: "streamed" | "whole"): Promise<Turn> {
  const inputs: unknown[] = [];
  const tools: ToolSet = {
    weather: tool({
      description,
      inputSchema: jsonSchema<{ town: string }>(parameters),
      execute: (input) => {
        inputs.push(input);
        return "Rain";
      },
    }),
  };
  const settings = { model, tools, prompt: question, maxOutputTokens: 1000, maxRetries: 0 };
  const stopWhen = stepCountIs(4);
  const failures: unknown[] = [];
  const result =
    form === "whole"
      ? await generateText({ ...settings, stopWhen })
      : streamText({ ...settings, stopWhen, onError: ({ error }) => void failures.push(error) });
  const steps = await Promise.resolve(result.steps).catch((error: unknown) => {
    throw failures[0] ?? error;
  });
  if (failures.length > 0) throw failures[0];
  for (const { usage } of steps)
    expect(usage).toMatchObject({ inputTokens: 1000, outputTokens: 500 });
  return { texts: steps.map(({ text }) => text), inputs };
}

const langChainWeather = (inputs: unknown[]) =>
  langChainTool(
    (input: unknown) => {
      inputs.push(input);
      return "Rain";
    },
    { name: "weather", description, schema: parameters },
  );

const langChainModel = ({ apiKey, model }: Asked) =>
  new ChatOpenAI({ model, apiKey, maxRetries: 0, configuration: { baseURL: v1() } });

async function langChainTurn(asked: Asked, form: "streamed" | "whole"): Promise<Turn> {
  const inputs: unknown[] = [];
  const weather = langChainWeather(inputs);
  const model = langChainModel(asked).bindTools([weather]);
  const ask = async (messages: BaseMessage[]) => {
    if (form === "whole") return model.invoke(messages);
    let whole: AIMessageChunk | undefined;
    for await (const chunk of await model.stream(messages)) whole = whole?.concat(chunk) ?? chunk;
    if (!whole) throw new Error("nothing was said");
    return whole;
  };
  const first = await ask([new HumanMessage(question)]);
  const [called] = first.tool_calls ?? [];
  if (!called) throw new Error("no tool was called");
  const content = await weather.invoke(called.args);
  const result = new ToolMessage({ content, tool_call_id: called.id ?? "" });
  const last = await ask([new HumanMessage(question), first, result]);
  expect(last.usage_metadata).toMatchObject({ input_tokens: 1000, output_tokens: 500 });
  return { texts: [first.text, last.text], inputs };
}

const anthropicLoop: TakeTurn = async ({ apiKey, model }) => {
  const inputs: unknown[] = [];
  const runner = new Anthropic({
    baseURL: gateway.url,
    apiKey,
    maxRetries: 0,
  }).beta.messages.toolRunner({
    model,
    max_tokens: 1000,
    messages: [{ role: "user", content: question }],
    tools: [
      {
        name: "weather",
        description,
        input_schema: parameters,
        run: (input: unknown) => {
          inputs.push(input);
          return "Rain";
        },
        parse: (input: unknown) => input,
      },
    ],
  });
  const texts: string[] = [];
  for await (const { content } of runner)
    texts.push(content.flatMap((block) => (block.type === "text" ? block.text : [])).join(""));
  return { texts, inputs };
};

const turns: Readonly<Record<string, TakeTurn>> = {
  ...Object.fromEntries(
    Object.entries(aiSdk).flatMap(([name, modelOf]) =>
      (["whole", "streamed"] as const).map((form): [string, TakeTurn] => [
        `the AI SDK (${name}, ${form})`,
        (asked) => aiSdkTurn(modelOf(asked), form),
      ]),
    ),
  ),
  "LangChain (whole)": (asked) => langChainTurn(asked, "whole"),
  "LangChain (streamed)": (asked) => langChainTurn(asked, "streamed"),
  "Anthropic's SDK": anthropicLoop,
};

describe.each(["gpt", "chats", "claude"])("at an upstream like that of %s", (model) => {
  test.each(Object.entries(turns))(
    "%s goes through a turn with a tool",
    async (_name, takeTurn) => {
      const apiKey = await gateway.generateKey();
      gateway.upstream.calls.splice(0);

      const { texts, inputs } = await takeTurn({ apiKey, model });

      expect(texts).toEqual([script.preamble, script.answer]);
      expect(inputs).toEqual([{ town: "Graz" }]);
      expect(gateway.upstream.calls.map(holdsToolResult)).toEqual([false, true]);
      const rows = await gateway.spendLogs(`api_key=${apiKey}`);
      const paid = { spend: answerUsd, status: "success", estimated: false, model_group: model };
      expect(rows).toMatchObject([paid, paid]);
      expect(await gateway.spendOf(apiKey)).toBe(2 * answerUsd);
    },
  );
});

test("the AI SDK goes on with a conversation that it sends, and is refused one that it only names", async () => {
  const apiKey = await gateway.generateKey();
  const model = aiSdk["openai, responses"]({ apiKey, model: "claude" });
  const user = { role: "user" as const, content: question };
  const talk = async (providerOptions = {}) => {
    const settings = { model, maxOutputTokens: 1000, maxRetries: 0, providerOptions };
    const { response } = await generateText({ ...settings, messages: [user] });
    return generateText({ ...settings, messages: [user, ...response.messages, user] });
  };

  expect((await talk({ openai: { store: false } })).text).toBe(script.answer);
  const [last] = gateway.upstream.calls.slice(-1);
  expect(last?.text).toContain(script.answer);
  await expect(talk()).rejects.toThrow(/nothing is stored for this model.*"store": false/);
});

test("LangChain's embeddings arrive as the numbers that they are", async () => {
  const apiKey = await gateway.generateKey();
  gateway.upstream.calls.splice(0);
  const embeddings = new OpenAIEmbeddings({
    model: "gpt",
    apiKey,
    maxRetries: 0,
    configuration: { baseURL: v1() },
  });

  expect(await embeddings.embedQuery("Hi")).toEqual([0.25, -0.5, 1]);
  expect(await embeddings.embedDocuments(["Hello"])).toEqual([[0.25, -0.5, 1]]);
  expect(gateway.upstream.calls.map(({ body }) => body)).toEqual([
    { model: "gpt-real", input: "Hi", encoding_format: "base64" },
    { model: "gpt-real", input: ["Hello"], encoding_format: "base64" },
  ]);
  expect(await gateway.spendOf(apiKey)).toBe(0.002);
});
