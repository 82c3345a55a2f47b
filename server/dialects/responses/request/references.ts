import type { ResponsesItem } from "../../../../shared/openai/responses.ts";

const callTypes: ReadonlySet<string> = new Set(["function_call", "custom_tool_call"]);

/**
 * Whether the item there only names a thought, or words before a call of the same turn that is sent in full. The turn can be
 * followed without them.
 *
 * The AI SDK takes replies for stored unless it is told otherwise, so it names what the model thought and said and sends its
 * calls: to refuse that would be to refuse it the second step of every turn with a tool. An answer that is only named is
 * another matter: the model would not know what it has said.
 */
export function isDispensable(items: readonly ResponsesItem[], index: number): boolean {
  const item = items[index];
  if (item?.type !== "item_reference") return false;
  if (item.id.startsWith("rs_")) return true;
  if (!item.id.startsWith("msg_")) return false;
  const next = items.slice(index + 1).find(({ type }) => type !== "item_reference");
  return next !== undefined && callTypes.has(next.type);
}
