import { type Fields, fieldsOf, isEmpty, listOf } from "../../providers/json.ts";

/** A chunk that names the role, or tells what a filter thinks of the prompt. */
export function isOpening({ choices }: Fields): boolean {
  return listOf(choices).every((choice) => {
    const { delta, text, finish_reason } = fieldsOf(choice);
    const { role: _role, ...said } = fieldsOf(delta);
    return [text, finish_reason, said].every(isEmpty);
  });
}
