import { describe, expect, test } from "vitest";
import { chat as chatSchema } from "../../../shared/openai/chat.ts";
import { GatewayError } from "../../errors.ts";
import { readPrompt } from "../../providers/prompt-text.ts";
import { claudeCodeRequest } from "./fixtures/claude-code-request.ts";
import { toChat } from "./to-chat.ts";

const asked = { model: "m", max_tokens: 100, messages: [{ role: "user", content: "Hi" }] };

function chatOf(fields: Record<string, unknown>) {
  return chatSchema.parse(toChat({ ...asked, ...fields }).chat);
}

function messagesOf(...messages: readonly unknown[]) {
  return chatOf({ messages }).messages;
}

function refusalOf(fields: Record<string, unknown>): GatewayError {
  try {
    toChat({ ...asked, ...fields });
  } catch (thrown) {
    if (thrown instanceof GatewayError) return thrown;
  }
  throw new Error("was not refused");
}

describe("a request of Claude Code", () => {
  const { chat, dropped } = toChat(claudeCodeRequest);

  test("is a chat that providers can be given", () => {
    expect(chatSchema.parse(chat)).toEqual(chat);
  });

  test("keeps its prompt without the line that changes in every call, and its breakpoints of the cache", () => {
    expect(chat.messages[0]).toMatchObject({
      role: "system",
      content: [
        {
          text: "You are Claude Code, Anthropic's official CLI for Claude.",
          cache_control: { ttl: "1h" },
        },
        { cache_control: { type: "ephemeral", ttl: "1h" } },
      ],
    });
    expect(chat.tools?.at(-1)).toMatchObject({ cache_control: { type: "ephemeral", ttl: "1h" } });
  });

  test("has the results of its calls right behind them", () => {
    expect(chat.messages.map(({ role }) => role)).toEqual([
      "system",
      "user",
      "system",
      "assistant",
      "tool",
      "tool",
      "user",
    ]);
    expect(chat.messages[3]).toEqual({
      role: "assistant",
      content: "I'll look at `package.json`.",
      tool_calls: [
        {
          id: "toolu_01A09q90qw90lq917835lq9",
          type: "function",
          function: { name: "Read", arguments: '{"file_path":"/home/ada/engine/package.json"}' },
        },
        {
          id: "toolu_01T1x1fJ34qAmk2tNTrN7Up6",
          type: "function",
          function: { name: "Bash", arguments: '{"command":"ls","description":"Lists files"}' },
        },
      ],
      thinking_blocks: [
        {
          type: "thinking",
          thinking: "The script is in package.json. I read it.",
          signature: "EqQBCgIYAhIM1gbcDa9GJwZA2b3hGgxBdjrkzLoky3dl1pk=",
        },
      ],
      reasoning_content: "The script is in package.json. I read it.",
    });
    expect(chat.messages.slice(4, 6)).toEqual([
      {
        role: "tool",
        tool_call_id: "toolu_01A09q90qw90lq917835lq9",
        content: '1\t{"scripts":{"build":"tsc"}}',
      },
      {
        role: "tool",
        tool_call_id: "toolu_01T1x1fJ34qAmk2tNTrN7Up6",
        content: "ls: command not found",
        is_error: true,
      },
    ]);
  });

  test("has its settings under the names of a chat, and tells which were left out", () => {
    expect(chat).toMatchObject({
      stream: true,
      max_tokens: 32_000,
      thinking: { type: "adaptive" },
      reasoning_effort: "medium",
    });
    expect(chat.user).toMatch(/^[0-9a-f]{64}$/);
    expect(dropped).toEqual(["context_management", "tools.eager_input_streaming"]);
  });

  test("gives all that is read to who counts it", () => {
    const read = readPrompt(chat).texts.join("\n");

    expect(read).toContain("You are an interactive agent");
    expect(read).toContain("Working directory");
    expect(read).toContain('{"scripts":{"build":"tsc"}}');
    expect(read).toContain("package.json. I read it.");
    expect(read).toContain("What WebFetch does, at length");
    expect(read).toContain("/home/ada/engine/package.json");
  });
});

describe("what a model is given to read", () => {
  test("may be an image as data, by address or by the id of a file", () => {
    const [message] = messagesOf({
      role: "user",
      content: [
        { type: "image", source: { type: "base64", media_type: "image/png", data: "iVBO" } },
        { type: "image", source: { type: "url", url: "https://example.com/a.png" } },
        {
          type: "image",
          source: { type: "file", file_id: "file_011" },
          cache_control: { type: "ephemeral" },
        },
      ],
    });

    expect(message?.content).toEqual([
      { type: "image_url", image_url: { url: "data:image/png;base64,iVBO" } },
      { type: "image_url", image_url: { url: "https://example.com/a.png" } },
      { type: "file", file: { file_id: "file_011" }, cache_control: { type: "ephemeral" } },
    ]);
  });

  test("may be a document as data, by address, as text or as blocks, with its title and context", () => {
    const pdf = { type: "base64", media_type: "application/pdf", data: "JVBE" };
    const [message] = messagesOf({
      role: "user",
      content: [
        { type: "document", source: pdf, title: "a.pdf", context: "Of 2026" },
        { type: "document", source: { type: "url", url: "https://example.com/b.pdf" } },
        {
          type: "document",
          source: { type: "text", media_type: "text/plain", data: "Once" },
          title: "A tale",
          cache_control: { type: "ephemeral" },
        },
        { type: "document", source: { type: "content", content: "Twice" } },
      ],
    });

    expect(message?.content).toEqual([
      { type: "text", text: "Of 2026" },
      {
        type: "file",
        file: { file_data: "data:application/pdf;base64,JVBE", filename: "a.pdf" },
      },
      { type: "file", file: { file_data: "https://example.com/b.pdf", filename: "document.pdf" } },
      { type: "text", text: "A tale\n\nOnce", cache_control: { type: "ephemeral" } },
      { type: "text", text: "Twice" },
    ]);
  });

  test("may be an image that a tool answered with", () => {
    const [result] = messagesOf({
      role: "user",
      content: [
        {
          type: "tool_result",
          tool_use_id: "toolu_1",
          content: [
            { type: "image", source: { type: "base64", media_type: "image/png", data: "iVBO" } },
          ],
          cache_control: { type: "ephemeral" },
        },
      ],
    });

    expect(result).toEqual({
      role: "tool",
      tool_call_id: "toolu_1",
      content: [{ type: "image_url", image_url: { url: "data:image/png;base64,iVBO" } }],
      cache_control: { type: "ephemeral" },
    });
  });

  test("stands behind the results of tools, wherever it stood", () => {
    const messages = messagesOf({
      role: "user",
      content: [
        { type: "text", text: "Go on" },
        { type: "tool_result", tool_use_id: "toolu_1" },
        { type: "tool_result", tool_use_id: "toolu_2", content: "2" },
      ],
    });

    expect(messages).toEqual([
      { role: "tool", tool_call_id: "toolu_1", content: "" },
      { role: "tool", tool_call_id: "toolu_2", content: "2" },
      { role: "user", content: "Go on" },
    ]);
  });

  test("is named where it can be read by Anthropic only", () => {
    const error = refusalOf({
      messages: [
        { role: "user", content: "Search" },
        {
          role: "assistant",
          content: [{ type: "server_tool_use", id: "srvtoolu_1", name: "web_search", input: {} }],
        },
      ],
    });

    expect(error.code).toBe("invalid_request");
    expect(error.details.param).toBe("messages.1.content.0.type");
    expect(error.message).toBe(
      `messages.1.content.0.type: cannot be translated for an upstream that does not speak Anthropic's format: "server_tool_use"`,
    );
  });

  test("is named where a tool's result holds it", () => {
    const content = [
      { type: "tool_result", tool_use_id: "toolu_1", content: [{ type: "hologram" }] },
    ];

    const error = refusalOf({ messages: [{ role: "user", content }] });

    expect(error.details.param).toBe("messages.0.content.0.content.0.type");
  });
});

describe("what the model said", () => {
  test("has calls without text, and thoughts that may not be shown", () => {
    const [message] = messagesOf({
      role: "assistant",
      content: [
        { type: "redacted_thinking", data: "EmwK" },
        { type: "tool_use", id: "toolu_1", name: "now", input: {} },
      ],
    });

    expect(message).toEqual({
      role: "assistant",
      content: null,
      thinking_blocks: [{ type: "redacted_thinking", data: "EmwK" }],
      tool_calls: [{ id: "toolu_1", type: "function", function: { name: "now", arguments: "{}" } }],
    });
  });
});

test("a thought that is not sealed is text only", () => {
  const [message] = messagesOf({
    role: "assistant",
    content: [
      { type: "thinking", thinking: "Hm", signature: "" },
      { type: "text", text: "Hi" },
    ],
  });

  expect(message).toEqual({ role: "assistant", content: "Hi", reasoning_content: "Hm" });
});

describe("tools", () => {
  test("are functions, or stay as their provider has them", () => {
    const search = { type: "web_search_20250305", name: "web_search", max_uses: 3 };
    const { tools } = chatOf({
      tools: [
        { name: "now", input_schema: { type: "object" }, strict: true },
        { type: "custom", name: "then", description: "d", input_schema: { type: "object" } },
        search,
      ],
    });

    expect(tools).toEqual([
      { type: "function", function: { name: "now", parameters: { type: "object" }, strict: true } },
      {
        type: "function",
        function: { name: "then", description: "d", parameters: { type: "object" } },
      },
      search,
    ]);
  });

  test("that are none are named", () => {
    expect(refusalOf({ tools: [{ name: "now" }] }).details.param).toBe("tools.0.input_schema");
  });

  test.each([
    [{ type: "auto" }, "auto", undefined],
    [{ type: "none" }, "none", undefined],
    [{ type: "any", disable_parallel_tool_use: true }, "required", false],
    [{ type: "auto", disable_parallel_tool_use: false }, "auto", undefined],
    [{ type: "tool", name: "now" }, { type: "function", function: { name: "now" } }, undefined],
  ])("are chosen by %j as by %j", (given, chosen, parallel) => {
    const chat = chatOf({ tool_choice: given });

    expect(chat.tool_choice).toEqual(chosen);
    expect(chat.parallel_tool_calls).toBe(parallel);
  });
});

describe("settings", () => {
  test("have the names of a chat", () => {
    const chat = chatOf({
      stop_sequences: ["END"],
      temperature: 0.5,
      top_p: 0.9,
      top_k: 40,
      metadata: { user_id: "ada" },
      thinking: { type: "enabled", budget_tokens: 2_000 },
      output_config: { effort: "max", format: { type: "json_schema", schema: { type: "object" } } },
    });

    expect(chat).toMatchObject({
      stop: ["END"],
      temperature: 0.5,
      top_p: 0.9,
      top_k: 40,
      user: "ada",
      thinking: { type: "enabled", budget_tokens: 2_000 },
      reasoning_effort: "xhigh",
      response_format: {
        type: "json_schema",
        json_schema: { name: "output", schema: { type: "object" } },
      },
    });
  });

  test("that the client left out are left out", () => {
    expect(Object.keys(toChat({ ...asked, system: null, tools: undefined }).chat)).toEqual([
      "model",
      "messages",
      "max_tokens",
    ]);
  });

  test("that a chat has no word for are told", () => {
    const { dropped } = toChat({
      ...asked,
      container: "c",
      mcp_servers: [],
      service_tier: "auto",
      speed: null,
      thinking: { type: "between_tools" },
      output_config: { task_budget: { type: "tokens", total: 9 } },
      messages: [
        {
          role: "user",
          content: [
            {
              type: "document",
              source: { type: "text", media_type: "text/plain", data: "Once" },
              citations: { enabled: true },
            },
          ],
        },
      ],
    });

    expect(dropped).toEqual([
      "container",
      "mcp_servers",
      "service_tier",
      "output_config.task_budget",
      "thinking",
      "citations",
    ]);
  });

  test("that are wrong are named", () => {
    expect(refusalOf({ temperature: "hot" }).details.param).toBe("temperature");
    expect(refusalOf({ thinking: { type: "enabled" } }).details.param).toBe(
      "thinking.budget_tokens",
    );
    expect(refusalOf({ messages: [{ role: "wizard", content: "Hi" }] }).details.param).toBe(
      "messages.0.role",
    );
  });
});
