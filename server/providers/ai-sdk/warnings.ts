import type { SharedV3Warning } from "@ai-sdk/provider";

/** What packages call the parameters of a chat when they warn that they left one out. */
const parameters: ReadonlyMap<string, string> = new Map([
  ["maxOutputTokens", "max_tokens"],
  ["temperature", "temperature"],
  ["topP", "top_p"],
  ["topK", "top_k"],
  ["stopSequences", "stop"],
  ["seed", "seed"],
  ["presencePenalty", "presence_penalty"],
  ["frequencyPenalty", "frequency_penalty"],
  ["responseFormat", "response_format"],
  ["toolChoice", "tool_choice"],
  ["strict", "tools.strict"],
  ["toolContent", "messages.tool_calls"],
  ["budgetTokens", "thinking"],
  ["adaptive thinking", "thinking"],
  ["reasoningEffort", "reasoning_effort"],
  ["parallelToolCalls", "parallel_tool_calls"],
  ["user", "user"],
]);

/** The names of what a package says that it left out, beside those that were left out before. */
export function droppedWith(
  dropped: readonly string[],
  warnings: readonly SharedV3Warning[],
): readonly string[] {
  const names = warnings.flatMap((warning) => {
    const name = warning.type === "unsupported" ? parameters.get(warning.feature) : undefined;
    return name === undefined ? [] : [name];
  });
  return [...new Set([...dropped, ...names])];
}
