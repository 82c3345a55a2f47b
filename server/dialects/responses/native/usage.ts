import type { Usage } from "../../../../shared/spend.ts";
import { fieldsOf } from "../../../providers/json.ts";
import { readUsage as readChatUsage } from "../../../providers/usage.ts";

/**
 * Reads the `usage` of a response into disjoint buckets. It says what a chat's says in other words, cached tokens inside the
 * input and reasoning inside the output included, and is believed under the same conditions.
 *
 * Source: https://platform.openai.com/docs/api-reference/responses/object#responses/object-usage
 */
export function readUsage(reported: unknown): Usage | undefined {
  const usage = fieldsOf(reported);
  // A total on its own would be taken for a prompt.
  if ((usage["input_tokens"] ?? undefined) === undefined) return undefined;
  return readChatUsage({
    prompt_tokens: usage["input_tokens"],
    completion_tokens: usage["output_tokens"],
    total_tokens: usage["total_tokens"],
    prompt_tokens_details: usage["input_tokens_details"],
    completion_tokens_details: usage["output_tokens_details"],
  });
}
