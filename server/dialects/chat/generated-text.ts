import { fieldsOf, isFields, listOf, parseJson } from "../../providers/json.ts";

/** What a model generated in a whole reply: text, thinking, arguments of tools. */
export function generatedText(body: Buffer): string {
  return listOf(fieldsOf(parseJson(body.toString()))["choices"])
    .filter(isFields)
    .map((choice) =>
      [choice["text"], ...messageTexts(fieldsOf(choice["message"]))].filter(isText).join(""),
    )
    .join("");
}

function messageTexts(message: Readonly<Record<string, unknown>>): unknown[] {
  const called = listOf(message["tool_calls"]).map((call) => fieldsOf(fieldsOf(call)["function"]));
  return [
    message["content"],
    message["reasoning_content"] ?? message["reasoning"],
    ...called.flatMap((tool) => [tool["name"], tool["arguments"]]),
  ];
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}
