import { type Fields, fieldsOf, listOf, parseJson, textOf } from "../../../providers/json.ts";

/** What a model generated in a whole reply: text, refusals, thoughts, and the names and arguments of what it called. */
export function generatedText(body: Buffer): string {
  return listOf(fieldsOf(parseJson(body.toString()))["output"])
    .map((item) => itemText(fieldsOf(item)))
    .join("");
}

/** Of tools that the upstream ran itself, what they gave was not generated. */
function itemText(item: Fields): string {
  switch (item["type"]) {
    case "message":
      return joined(item["content"]);
    case "reasoning":
      return joined(item["summary"]) + joined(item["content"]);
    default:
      return texts(item, ["name", "arguments", "input", "code"]);
  }
}

function joined(parts: unknown): string {
  return listOf(parts)
    .map((part) => texts(fieldsOf(part), ["text", "refusal"]))
    .join("");
}

function texts(fields: Fields, names: readonly string[]): string {
  return names.map((name) => textOf(fields[name])).join("");
}
