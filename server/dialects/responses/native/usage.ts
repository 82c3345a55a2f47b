import type { Usage } from "../../../../shared/spend.ts";
import { readUsage as readChatUsage } from "../../../providers/usage.ts";
import { fieldOf } from "../json-fields.ts";

/**
 * Reads the `usage` of a response into disjoint buckets. It says what a chat's says in other words, cached tokens inside the
 * input and reasoning inside the output included, and is believed under the same conditions.
 *
 * Source: https://platform.openai.com/docs/api-reference/responses/object#responses/object-usage
 */
export function readUsage(reported: unknown): Usage | undefined {
  const input = fieldOf(reported, "input_tokens") ?? undefined;
  // A total on its own would be taken for a prompt.
  if (input === undefined) return undefined;
  return readChatUsage({
    prompt_tokens: input,
    completion_tokens: fieldOf(reported, "output_tokens"),
    total_tokens: fieldOf(reported, "total_tokens"),
    prompt_tokens_details: fieldOf(reported, "input_tokens_details"),
    completion_tokens_details: fieldOf(reported, "output_tokens_details"),
  });
}
