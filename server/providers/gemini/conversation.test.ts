import * as fc from "fast-check";
import { expect, test } from "vitest";
import { chatMessage } from "../../../shared/openai/chat.ts";
import type { ModelEvent } from "../model-event.ts";
import { Translation } from "../translation.ts";
import { gemini } from "./adapter.ts";
import { encodeConversation } from "./conversation.ts";
import { traitsOf } from "./model.ts";

type Message = Readonly<Record<string, unknown>>;

function encode(messages: readonly Message[], model = "gemini-3.8-flash") {
  const target = { model, isStream: false, maxOutputTokens: undefined, dropsParameters: false };
  return encodeConversation(
    messages.map((message) => chatMessage.parse(message)),
    traitsOf(model),
    new Translation(target),
  );
}

const user = (content: unknown) => ({ role: "user", content });
const said = (content: string) => ({ role: "assistant", content });
const png = "data:image/png;base64,AAAA";

function call(id: string, name: string, json: string, signature?: string) {
  return {
    id,
    type: "function",
    function: { name, arguments: json },
    ...(signature && { extra_content: { google: { thought_signature: signature } } }),
  };
}

test("instructions at the beginning are the system's", () => {
  expect(
    encode([
      { role: "system", content: "Be brief." },
      { role: "developer", content: [{ type: "text", text: "Rhyme." }] },
      user("Hello"),
    ]),
  ).toEqual({
    systemInstruction: { parts: [{ text: "Be brief." }, { text: "Rhyme." }] },
    contents: [{ role: "user", parts: [{ text: "Hello" }] }],
  });
});

test("later ones are said by the user, in their place and marked", () => {
  expect(
    encode([user("Hello"), said("Hi"), { role: "system", content: "Rhyme." }, user("Go on")]),
  ).toEqual({
    contents: [
      { role: "user", parts: [{ text: "Hello" }] },
      { role: "model", parts: [{ text: "Hi" }] },
      { role: "user", parts: [{ text: "<system>\nRhyme.\n</system>" }, { text: "Go on" }] },
    ],
  });
});

test("with instructions alone, they are what the user says", () => {
  expect(encode([{ role: "system", content: "Say hello." }])).toEqual({
    contents: [{ role: "user", parts: [{ text: "Say hello." }] }],
  });
});

test("neighbours of one role are one content, and empty ones none", () => {
  expect(encode([user("a"), user("b"), said(""), user("c"), said("d"), said("e")])).toEqual({
    contents: [
      { role: "user", parts: [{ text: "a" }, { text: "b" }, { text: "c" }] },
      { role: "model", parts: [{ text: "d" }, { text: "e" }] },
    ],
  });
});

test("calls and their results keep ids, names and the signature since Gemini 3", () => {
  const messages = [
    user("Weather?"),
    {
      role: "assistant",
      content: "I look.",
      tool_calls: [
        call("1", "weather", '{"city":"Paris"}', "c2ln"),
        call("2", "weather", '{"city":"Tokyo"}'),
        call("3", "now", ""),
      ],
    },
    { role: "tool", tool_call_id: "1", content: '{"celsius":20}' },
    { role: "tool", tool_call_id: "2", content: "[1]" },
    { role: "tool", tool_call_id: "3", content: [{ type: "text", text: "noon" }] },
    user("And?"),
  ];

  expect(encode(messages).contents.slice(1)).toEqual([
    {
      role: "model",
      parts: [
        { text: "I look." },
        {
          functionCall: { id: "1", name: "weather", args: { city: "Paris" } },
          thoughtSignature: "c2ln",
        },
        { functionCall: { id: "2", name: "weather", args: { city: "Tokyo" } } },
        { functionCall: { id: "3", name: "now", args: {} } },
      ],
    },
    {
      role: "user",
      parts: [
        { functionResponse: { id: "1", name: "weather", response: { celsius: 20 } } },
        { functionResponse: { id: "2", name: "weather", response: { output: "[1]" } } },
        { functionResponse: { id: "3", name: "now", response: { output: "noon" } } },
      ],
    },
    { role: "user", parts: [{ text: "And?" }] },
  ]);
});

const called = [
  user("Time?"),
  { role: "assistant", tool_calls: [call("1", "now", "{}")] },
  { role: "tool", tool_call_id: "1", content: "noon" },
];

test("a call of another model is given the signature that Gemini 3 accepts in its place", () => {
  expect(encode(called).contents[1]?.parts).toEqual([
    {
      functionCall: { id: "1", name: "now", args: {} },
      thoughtSignature: "skip_thought_signature_validator",
    },
  ]);
});

test("Gemini before 3 is given neither signatures nor ids", () => {
  expect(encode(called, "gemini-2.5-flash").contents.slice(1)).toEqual([
    { role: "model", parts: [{ functionCall: { name: "now", args: {} } }] },
    { role: "user", parts: [{ functionResponse: { name: "now", response: { output: "noon" } } }] },
  ]);
});

test("an id that is used again means the later call", () => {
  const again = [
    { role: "assistant", tool_calls: [call("1", "weather", "{}")] },
    { role: "tool", tool_call_id: "1", content: "rain" },
  ];

  expect(encode([...called, ...again]).contents.at(-1)?.parts).toMatchObject([
    { functionResponse: { name: "weather" } },
  ]);
});

test("a result with a $ref in it stays text, which Gemini would look up", () => {
  const content = '{"$ref":"#/x"}';
  const answered = [...called.slice(0, 2), { role: "tool", tool_call_id: "1", content }];

  expect(encode(answered).contents.at(-1)?.parts).toMatchObject([
    { functionResponse: { response: { output: content } } },
  ]);
});

test("images that a function returned are parts of its response since Gemini 3", () => {
  const content = [
    { type: "text", text: "a cat" },
    { type: "image_url", image_url: { url: png } },
  ];
  const answered = [...called.slice(0, 2), { role: "tool", tool_call_id: "1", content }];
  const inlineData = { mimeType: "image/png", data: "AAAA" };

  expect(encode(answered).contents.at(-1)?.parts).toEqual([
    {
      functionResponse: {
        id: "1",
        name: "now",
        response: { output: "a cat" },
        parts: [{ inlineData }],
      },
    },
  ]);
  expect(encode(answered, "gemini-2.5-flash").contents.at(-1)?.parts).toEqual([
    { functionResponse: { name: "now", response: { output: "a cat" } } },
    { inlineData },
  ]);
});

function answer(signature: string, content: string) {
  return {
    role: "assistant",
    content,
    reasoning_content: "Hm",
    thinking_blocks: [
      { type: "redacted_thinking", data: "x" },
      { type: "thinking", thinking: "Hm", signature },
    ],
  };
}

test("thoughts do not go back, and their signature only where it is Gemini's", () => {
  expect(
    encode([user("a"), answer("google:c2ln", "b"), user("c"), answer("ErUB", "d"), user("e")])
      .contents,
  ).toMatchObject([
    {},
    { role: "model", parts: [{ text: "b", thoughtSignature: "c2ln" }] },
    {},
    { role: "model", parts: [{ text: "d" }] },
    {},
  ]);
  expect(encode([user("a"), answer("google:c2ln", "")]).contents[1]?.parts).toEqual([
    { text: "", thoughtSignature: "c2ln" },
  ]);
  expect(encode([user("a"), answer("ErUB", "d")]).contents[1]?.parts).toEqual([{ text: "d" }]);
});

test("refusals are what the model said", () => {
  const refused = { role: "assistant", content: null, refusal: "No." };

  expect(encode([user("a"), refused]).contents[1]?.parts).toEqual([{ text: "No." }]);
});

const filesApi = "https://generativelanguage.googleapis.com/v1beta/files/1";

test.each([
  [
    { type: "image_url", image_url: { url: png } },
    { inlineData: { mimeType: "image/png", data: "AAAA" } },
  ],
  [
    { type: "image_url", image_url: { url: "data:;charset=utf-8,a%20b" } },
    { inlineData: { mimeType: "text/plain", data: "YSBi" } },
  ],
  [
    { type: "image_url", image_url: { url: "gs://bucket/a.JPG" } },
    { fileData: { fileUri: "gs://bucket/a.JPG", mimeType: "image/jpeg" } },
  ],
  [
    { type: "image_url", image_url: { url: filesApi, format: "image/webp" } },
    { fileData: { fileUri: filesApi, mimeType: "image/webp" } },
  ],
  [
    { type: "input_audio", input_audio: { data: "AAAA", format: "wav" } },
    { inlineData: { mimeType: "audio/wav", data: "AAAA" } },
  ],
  [
    { type: "file", file: { file_data: "data:application/pdf;base64,JVBERg==" } },
    { inlineData: { mimeType: "application/pdf", data: "JVBERg==" } },
  ],
  [
    { type: "file", file: { file_id: "files/1", filename: "a.pdf" } },
    { fileData: { fileUri: filesApi, mimeType: "application/pdf" } },
  ],
  [{ type: "file", file: { file_id: filesApi } }, { fileData: { fileUri: filesApi } }],
])("%j", (part, expected) => {
  expect(encode([user([part])]).contents[0]?.parts).toEqual([expected]);
});

test.each([
  [
    user([{ type: "image_url", image_url: { url: "https://example.com/a.png" } }]),
    "content.0.image_url.url",
  ],
  [user([{ type: "image_url", image_url: { url: "data:image/png" } }]), "content.0.image_url.url"],
  [user([{ type: "image_url", image_url: { url: "data:,%" } }]), "content.0.image_url.url"],
  [
    user([{ type: "input_audio", input_audio: { data: "", format: "a/b" } }]),
    "content.0.input_audio.format",
  ],
  [user([{ type: "file", file: { file_data: "JVBERg==" } }]), "content.0.file.file_data"],
  [user([{ type: "file", file: { file_id: "file-abc" } }]), "content.0.file.file_id"],
  [user([{ type: "file", file: {} }]), "content.0.file"],
  [{ role: "assistant", tool_calls: [call("1", "now", "{")] }, "tool_calls.0.function.arguments"],
  [{ role: "assistant", tool_calls: [call("1", "now", "[]")] }, "tool_calls.0.function.arguments"],
  [{ role: "tool", tool_call_id: "none", content: "x" }, "tool_call_id"],
])("%j is refused where it stands", (message, field) => {
  expect(() => encode([user("Hello"), message])).toThrow(
    expect.objectContaining({ code: "invalid_request", details: { param: `messages.1.${field}` } }),
  );
});

test("what Gemini said goes back as it came", () => {
  const parts = [
    { text: "I look it up." },
    {
      functionCall: { id: "lpndqlku", name: "weather", args: { city: "Paris" } },
      thoughtSignature: "c2ln",
    },
    { functionCall: { id: "m6rogicj", name: "weather", args: { city: "Tokyo" } } },
  ];
  const events = gemini.decodeReply({ candidates: [{ content: { parts }, finishReason: "STOP" }] });

  expect(encode([user("Weather?"), messageOf(events)]).contents[1]?.parts).toEqual(parts);
});

/** A reply as a client sends it back. */
function messageOf(events: readonly ModelEvent[]): Message {
  const calls = events.filter((event) => event.type === "tool-call");
  const jsons = events.filter((event) => event.type === "tool-arguments-delta");
  return {
    role: "assistant",
    content: events.map((event) => (event.type === "text-delta" ? event.text : "")).join(""),
    tool_calls: calls.map(({ id, name, thoughtSignature, index }) =>
      call(id, name, jsons[index]?.json ?? "", thoughtSignature),
    ),
  };
}

test("nothing that is said is lost, and no content is empty", () => {
  const role = fc.constantFrom("system", "user", "assistant");
  const messages = fc.array(fc.record({ role, content: fc.string() }), { minLength: 1 });
  fc.assert(
    fc.property(messages, (spoken) => {
      const { contents, systemInstruction } = encode(spoken);
      const parts = [
        ...(systemInstruction?.parts ?? []),
        ...contents.flatMap((content) => content.parts),
      ];
      const sent = parts.map((part) => ("text" in part ? part.text : ""));
      const texts = spoken.map(({ content }) => content).filter((text) => text !== "");
      expect(sent.length).toBe(texts.length);
      expect(texts.every((text, index) => sent[index]?.includes(text))).toBe(true);
      const turns = contents.map((content) => content.role);
      expect(turns.every((turn, index) => turn !== turns[index - 1])).toBe(true);
    }),
  );
});
