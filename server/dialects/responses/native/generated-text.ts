import { parseJson } from "../../../providers/json.ts";
import { listOf, textOf } from "../json-fields.ts";

/** What a model generated in a whole reply: text, refusals, thoughts, and the names and arguments of what it called. */
export function generatedText(body: Buffer): string {
  return listOf(parseJson(body.toString()), "output").map(itemText).join("");
}

/** Of tools that the upstream ran itself, what they gave was not generated. */
function itemText(item: unknown): string {
  switch (textOf(item, "type")) {
    case "message":
      return joined(item, "content");
    case "reasoning":
      return joined(item, "summary") + joined(item, "content");
    default:
      return texts(item, ["name", "arguments", "input", "code"]);
  }
}

function joined(item: unknown, name: string): string {
  return listOf(item, name)
    .map((part) => texts(part, ["text", "refusal"]))
    .join("");
}

function texts(value: unknown, names: readonly string[]): string {
  return names.map((name) => textOf(value, name) ?? "").join("");
}
