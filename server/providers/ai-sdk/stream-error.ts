import type { ModelEvent } from "../model-event.ts";
import { nameOfError } from "../error-name.ts";
import { fieldsOf, isFields, wordsOf } from "../json.ts";

/** What a package says of a piece that it could not read quotes the whole piece. */
const unreadable = new Set(["AI_TypeValidationError", "AI_JSONParseError"]);

/** The failure that a package reports within a stream: text, the vendor's own object, or an `Error`. */
export function errorEventOf(error: unknown): ModelEvent {
  const fields = fieldsOf(error);
  const told = isFields(fields["error"]) ? fields["error"] : fields;
  const isUnreadable = unreadable.has(String(told["name"]));
  return {
    type: "error",
    message:
      wordsOf(error) ??
      (isUnreadable ? "Cannot read a piece of the answer" : wordsOf(told["message"])) ??
      "The upstream reported a failure",
    code: isUnreadable ? null : (nameOfError(told) ?? null),
  };
}
