import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { chat as chatSchema } from "../../../../shared/openai/chat.ts";
import { responsesRequest } from "../../../../shared/openai/responses.ts";
import { GatewayError } from "../../../errors.ts";
import { sealThoughts } from "../sealed-thoughts.ts";
import { toChat } from "./to-chat.ts";

const codexRequest: Record<string, unknown> = JSON.parse(
  readFileSync(new URL("../fixtures/codex-request.json", import.meta.url), "utf8"),
);

function translate(request: Record<string, unknown>) {
  const translated = toChat(responsesRequest.parse({ model: "m", ...request }));
  return { ...translated, chat: chatSchema.parse(translated.chat) };
}

const messagesOf = (...input: unknown[]) => translate({ input }).chat.messages;

const asked = { role: "user", content: "hi" };

function refusal(request: Record<string, unknown>): { message: string; param: string | undefined } {
  try {
    translate(request);
  } catch (thrown) {
    if (thrown instanceof GatewayError && thrown.code === "invalid_request")
      return { message: thrown.message, param: thrown.details.param };
    throw thrown;
  }
  throw new Error("not refused");
}

const thought = (text: string) => ({
  type: "reasoning",
  summary: [{ type: "summary_text", text }],
});

const calling = { type: "function_call", call_id: "a", name: "f", arguments: "{}" };

const said = (content: string) => ({ role: "assistant", content });

const named = (name: string) => ({ type: "function", function: { name } });

describe("what Codex sends", () => {
  const { chat, dropped } = translate(codexRequest);

  test("becomes messages in an order that every chat takes", () => {
    expect(chat.messages.map(({ role }) => role)).toEqual([
      "system",
      "developer",
      "user",
      "user",
      "assistant",
      "tool",
      "tool",
      "assistant",
      "tool",
      "user",
    ]);
    expect(chat.messages[4]).toEqual({
      role: "assistant",
      content: "I read the file first.",
      reasoning_content: "**Looking at the file**",
      tool_calls: [
        {
          id: "call_read",
          type: "function",
          function: { name: "exec_command", arguments: '{"cmd":"cat src/bill.ts"}' },
        },
        {
          id: "call_issues",
          type: "function",
          function: { name: "mcp__github__search_issues", arguments: '{"query":"total"}' },
        },
      ],
    });
    expect(chat.messages[6]).toEqual({
      role: "tool",
      tool_call_id: "call_issues",
      content: [
        { type: "text", text: "No issues" },
        { type: "image_url", image_url: { url: "data:image/png;base64,iVBORw0KGgo=" } },
      ],
    });
  });

  test("has its patch tool as a function of one string, with the grammar told in words", () => {
    const patch = chat.tools?.find((tool) => JSON.stringify(tool).includes("apply_patch"));
    expect(patch).toMatchObject({
      type: "function",
      function: {
        name: "apply_patch",
        description: expect.stringContaining("lark grammar:\nstart: begin_patch hunk+ end_patch"),
        parameters: { properties: { input: { type: "string" } }, required: ["input"] },
      },
    });
    expect(chat.messages[7]).toMatchObject({
      tool_calls: [
        {
          id: "call_patch",
          function: {
            name: "apply_patch",
            arguments: expect.stringMatching(/^\{"input":"\*\*\* Begin Patch\\n/),
          },
        },
      ],
    });
  });

  test("keeps its settings, and is told of what it would miss", () => {
    expect(chat).toMatchObject({
      model: "coder",
      stream: true,
      tool_choice: "auto",
      parallel_tool_calls: true,
      reasoning_effort: "medium",
    });
    expect(chat.tools).toHaveLength(6);
    expect(dropped).toEqual(["text.verbosity", "tools.web_search", "input.web_search_call"]);
  });
});

describe("settings", () => {
  test("a text is a message of the user's, and the settings have their names in a chat", () => {
    const request = {
      input: "hi",
      instructions: "Be brief",
      max_output_tokens: 99,
      temperature: 0.5,
      top_p: 0.9,
      user: "u1",
      metadata: { a: "b" },
      store: true,
      truncation: "disabled",
      service_tier: "auto",
      top_logprobs: 0,
    };
    expect(translate(request)).toEqual({
      chat: {
        model: "m",
        messages: [{ role: "system", content: "Be brief" }, asked],
        max_tokens: 99,
        temperature: 0.5,
        top_p: 0.9,
        user: "u1",
      },
      dropped: [],
    });
  });

  test("a schema for the answer is the chat's response_format", () => {
    const schema = { type: "object", properties: {} };
    const format = { type: "json_schema", name: "bill", schema, strict: true };
    expect(translate({ input: "hi", text: { format } }).chat.response_format).toEqual({
      type: "json_schema",
      json_schema: { name: "bill", schema, strict: true },
    });
    expect(translate({ input: "hi", text: { format: { type: "text" } } }).chat).not.toHaveProperty(
      "response_format",
    );
  });

  test("what the client would miss is told by name", () => {
    const { dropped } = translate({
      input: "hi",
      truncation: "auto",
      service_tier: "priority",
      top_logprobs: 5,
      include: ["message.output_text.logprobs"],
      moderation: { model: "omni" },
    });
    expect(dropped).toEqual([
      "top_logprobs",
      "moderation",
      "include",
      "truncation",
      "service_tier",
    ]);
  });
});

describe("what would need a store", () => {
  test.each([
    [{ previous_response_id: "resp_1" }, "previous_response_id", '"resp_1"'],
    [{ conversation: "conv_1" }, "conversation", '"conv_1"'],
    [{ prompt: { id: "pmpt_1" } }, "prompt", "stored prompt"],
    [{ input: [{ type: "item_reference", id: "msg_1" }] }, "input.0", '"msg_1"'],
    [{ input: [{ id: "msg_1" }] }, "input.0", '"store": false'],
    [{ input: [asked, { id: "msg_1" }, asked] }, "input.1", '"msg_1"'],
    [{ input: [asked, { id: "fc_1" }, calling] }, "input.1", '"fc_1"'],
    [{ input: [asked, { type: "compaction", encrypted_content: "x" }] }, "input.1", "compacted"],
  ])("%j is refused", (request, param, words) => {
    const refused = refusal({ input: "hi", ...request });
    expect(refused.param).toBe(param);
    expect(refused.message).toContain(words);
  });

  test("is left out, and told, where the turn goes on with a call that is all there", () => {
    const result = { type: "function_call_output", call_id: "a", output: "1" };
    const { chat, dropped } = translate({
      input: [asked, { id: "rs_1" }, { type: "item_reference", id: "msg_1" }, calling, result],
    });
    expect(chat.messages).toMatchObject([
      asked,
      { role: "assistant", content: null, tool_calls: [{ id: "a" }] },
      { role: "tool", tool_call_id: "a", content: "1" },
    ]);
    expect(dropped).toEqual(["input.item_reference"]);
  });

  test("nulls of the same names are no such thing", () => {
    const nulls = {
      previous_response_id: null,
      conversation: null,
      background: false,
      prompt: null,
    };
    expect(translate({ input: "hi", ...nulls }).dropped).toEqual([]);
  });
});

describe("items", () => {
  test("of every kind of content", () => {
    const content = [
      { type: "input_text", text: "see", prompt_cache_breakpoint: { mode: "explicit" } },
      { type: "input_image", image_url: "https://x.test/a.png", detail: "low" },
      { type: "input_file", file_data: "data:application/pdf;base64,JVBE", filename: "a.pdf" },
      { type: "input_file", file_url: "https://x.test/a.pdf" },
      { type: "input_file", file_id: "file_1" },
    ];
    expect(messagesOf({ role: "user", content })).toEqual([
      {
        role: "user",
        content: [
          { type: "text", text: "see", cache_control: { type: "ephemeral" } },
          { type: "image_url", image_url: { url: "https://x.test/a.png", detail: "low" } },
          {
            type: "file",
            file: { file_data: "data:application/pdf;base64,JVBE", filename: "a.pdf" },
          },
          { type: "file", file: { file_data: "https://x.test/a.pdf" } },
          { type: "file", file: { file_id: "file_1" } },
        ],
      },
    ]);
    const parts = [
      { type: "output_text", text: "No.", annotations: [] },
      { type: "refusal", refusal: "I will not" },
    ];
    expect(messagesOf({ type: "message", role: "assistant", id: "msg_1", content: parts })).toEqual(
      [
        {
          role: "assistant",
          content: [
            { type: "text", text: "No." },
            { type: "refusal", refusal: "I will not" },
          ],
        },
      ],
    );
  });

  test("of content that is not there are refused with their place", () => {
    const image = { type: "input_image", file_id: "file_1" };
    const input = [asked, { role: "user", content: [image] }];
    expect(refusal({ input }).param).toBe("input.1.content.0");
    expect(
      refusal({ input: [{ role: "user", content: [{ type: "input_text" }] }] }).param,
    ).toContain("input.0");
    expect(refusal({}).param).toBe("input");
    expect(refusal({ input: [] }).param).toBe("input");
  });

  test("outputs follow their call, wherever the client put them", () => {
    const call = { type: "function_call", call_id: "a", name: "f", arguments: "{}" };
    const output = { type: "function_call_output", call_id: "a", output: "1" };
    const roles = messagesOf(call, asked, output).map(({ role }) => role);
    expect(roles).toEqual(["assistant", "tool", "user"]);
  });

  test("a call that was left out takes its output along", () => {
    const { chat, dropped } = translate({
      input: [
        { type: "local_shell_call", id: "1", call_id: "a", action: { type: "exec" } },
        { type: "function_call_output", call_id: "a", output: "1" },
        asked,
      ],
    });
    expect(chat.messages).toEqual([asked]);
    expect(dropped).toEqual(["input.local_shell_call"]);
  });

  test("thoughts and words that take turns keep their order, in messages of their own", () => {
    expect(messagesOf(thought("1"), said("a"), thought("2"), said("b"), thought("3"))).toEqual([
      { role: "assistant", content: "a", reasoning_content: "1" },
      { role: "assistant", content: "b", reasoning_content: "2" },
    ]);
  });

  test("signatures of thoughts and calls come back to where they were", () => {
    const thinking = { type: "thinking" as const, thinking: "hm", signature: "sig" };
    const redacted = { type: "redacted_thinking" as const, data: "xyz" };
    const [message] = messagesOf(
      { type: "reasoning", summary: [], encrypted_content: sealThoughts([thinking], []) },
      { type: "reasoning", encrypted_content: sealThoughts([redacted], [["a", "thought"]]) },
      { type: "function_call", call_id: "a", name: "f", arguments: "{}" },
    );
    expect(message).toEqual({
      role: "assistant",
      content: null,
      thinking_blocks: [thinking, redacted],
      tool_calls: [
        {
          id: "a",
          type: "function",
          function: { name: "f", arguments: "{}" },
          extra_content: { google: { thought_signature: "thought" } },
        },
      ],
    });
  });

  test.each(["gAAAAABo", sealThoughts([], []).slice(0, -9), ""])(
    "what somebody else has sealed (%j) is left out",
    (encrypted_content) => {
      const call = { type: "function_call", call_id: "a", name: "f", arguments: "{}" };
      const [message] = messagesOf({ type: "reasoning", summary: [], encrypted_content }, call);
      expect(message).not.toHaveProperty("thinking_blocks");
    },
  );
});

describe("tools", () => {
  const tools = [
    { type: "function", name: "f", parameters: { type: "object" }, strict: true },
    { type: "custom", name: "patch" },
    { type: "namespace", name: "crm", tools: [{ type: "function", name: "f" }] },
    { type: "web_search" },
    { type: "mcp", server_label: "x", server_url: "https://x.test" },
  ];
  const choose = (tool_choice: unknown) => translate({ input: "hi", tools, tool_choice }).chat;

  test("those that OpenAI runs are left out, and told", () => {
    const { chat, dropped } = translate({ input: "hi", tools });
    expect(chat.tools?.map((tool) => tool["function"])).toEqual([
      { name: "f", parameters: { type: "object" }, strict: true },
      expect.objectContaining({ name: "patch" }),
      { name: "crm__f" },
    ]);
    expect(dropped).toEqual(["tools.web_search", "tools.mcp"]);
  });

  test("those that come with the input are offered beside the others, each once", () => {
    const added = { type: "custom", name: "exec" };
    const input = [
      { type: "additional_tools", role: "developer", tools: [added, tools[0], { type: "mcp" }] },
      asked,
    ];
    const { chat, dropped } = translate({ input, tools: [tools[0]] });
    expect(chat.tools?.map((tool) => tool["function"])).toMatchObject([
      { name: "f" },
      { name: "exec" },
    ]);
    expect(chat.messages).toEqual([asked]);
    expect(dropped).toEqual(["tools.mcp"]);
  });

  test("a search for tools that the client runs is a function, and what it found is offered", () => {
    const search = { type: "tool_search", execution: "client", parameters: { type: "object" } };
    const found = { type: "namespace", name: "crm", tools: [{ type: "function", name: "g" }] };
    const call = { type: "tool_search_call", call_id: "s", arguments: { query: "g" } };
    const output = { type: "tool_search_output", call_id: "s", tools: [found] };
    const use = {
      type: "function_call",
      call_id: "u",
      namespace: "crm",
      name: "g",
      arguments: "{}",
    };
    const { chat } = translate({ input: [asked, call, output, use], tools: [search] });
    expect(chat.tools?.map((tool) => tool["function"])).toEqual([
      { name: "tool_search", parameters: { type: "object" } },
      { name: "crm__g" },
    ]);
    expect(chat.messages.slice(1)).toMatchObject([
      { tool_calls: [{ id: "s", function: { name: "tool_search", arguments: '{"query":"g"}' } }] },
      { role: "tool", tool_call_id: "s", content: "Found, to be called from here on: crm__g" },
      { tool_calls: [{ id: "u", function: { name: "crm__g" } }] },
    ]);
  });

  test("a search for tools that OpenAI would run is left out", () => {
    const call = { type: "tool_search_call", call_id: null, arguments: {} };
    const output = {
      type: "tool_search_output",
      call_id: null,
      tools: [{ type: "function", name: "g" }],
    };
    const { chat, dropped } = translate({
      input: [call, output, asked],
      tools: [{ type: "tool_search" }],
    });
    expect(chat.tools).toHaveLength(1);
    expect(chat.messages).toEqual([asked]);
    expect(dropped).toEqual(["tools.tool_search"]);
  });

  test("the choice of one is by its name in the chat", () => {
    expect(choose("required").tool_choice).toBe("required");
    expect(choose({ type: "function", name: "f" }).tool_choice).toEqual(named("f"));
    expect(choose({ type: "custom", name: "patch" }).tool_choice).toEqual(named("patch"));
    expect(choose({ type: "function", name: "f", namespace: "crm" }).tool_choice).toEqual(
      named("crm__f"),
    );
  });

  test("where some are allowed, the others are not offered", () => {
    const allowed = [{ type: "custom", name: "patch" }, { type: "web_search" }];
    const chat = choose({ type: "allowed_tools", mode: "required", tools: allowed });
    expect(chat.tools).toHaveLength(1);
    expect(chat.tool_choice).toBe("required");
  });

  test.each([
    { tool_choice: { type: "web_search" } },
    { tool_choice: { type: "mcp", server_label: "x" } },
    { tool_choice: { type: "function", name: "g" } },
    { tool_choice: "required", tools: [{ type: "web_search" }] },
    {
      tool_choice: { type: "allowed_tools", mode: "required", tools: [{ type: "web_search" }] },
    },
  ])("one that is left out and must be called is refused: %j", (request) => {
    expect(refusal({ input: "hi", tools, ...request }).param).toBe("tool_choice");
  });

  test("without any, a choice says nothing", () => {
    const { chat } = translate({
      input: "hi",
      tools: [{ type: "web_search" }],
      tool_choice: "auto",
    });
    expect(chat).toEqual({ model: "m", messages: [asked] });
  });
});

test("whatever a client sends becomes a chat or is refused", () => {
  const itemTypes = fc.constantFrom(
    "message",
    "reasoning",
    "function_call",
    "function_call_output",
    "custom_tool_call",
    "tool_search_output",
    "additional_tools",
    "web_search_call",
    undefined,
  );
  const call_id = fc.constantFrom("a", "b", null);
  const parts = fc.array(
    fc.record({ type: fc.constantFrom("input_text", "refusal", "input_file"), text: fc.string() }),
  );
  const item = fc.record({
    type: itemTypes,
    role: fc.constantFrom("user", "assistant", "developer"),
    content: fc.oneof(fc.string(), parts, fc.jsonValue()),
    output: fc.oneof(fc.string(), fc.jsonValue()),
    call_id,
    name: fc.constantFrom("f", "__proto__"),
    arguments: fc.string(),
    input: fc.string(),
    summary: fc.constantFrom([], [{ type: "summary_text", text: "t" }], null),
    encrypted_content: fc.oneof(fc.string(), fc.constant(sealThoughts([], [["a", "s"]]))),
    tools: fc.oneof(fc.constant([{ type: "function", name: "f" }]), fc.jsonValue()),
  });
  const request = fc.record({
    input: fc.oneof(fc.array(item), fc.jsonValue()),
    tools: fc.oneof(fc.constant([{ type: "custom", name: "f" }]), fc.jsonValue()),
    tool_choice: fc.oneof(fc.constantFrom("auto", "required", undefined), fc.jsonValue()),
  });
  fc.assert(
    fc.property(request, (given) => {
      try {
        chatSchema.parse(toChat({ model: "m", ...given }).chat);
      } catch (thrown) {
        expect(thrown).toBeInstanceOf(GatewayError);
      }
    }),
    { numRuns: 500 },
  );
});
