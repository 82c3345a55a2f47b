import * as fc from "fast-check";
import type { Usage } from "../../shared/spend.ts";
import type { ModelEvent } from "../providers/model-event.ts";

/** A usage as an upstream could report it. */
export const someUsage: fc.Arbitrary<Usage> = fc
  .record({
    input: fc.nat(10_000),
    cache_read: fc.nat(10_000),
    cache_write: fc.nat(10_000),
    output: fc.nat(10_000),
    reasoning: fc.nat(10_000),
  })
  .map(({ reasoning, output, ...rest }) => ({
    ...rest,
    cache_write_1h: 0,
    input_audio: 0,
    output,
    reasoning: Math.min(reasoning, output),
    output_audio: 0,
  }));

const text = fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 });

const thought = fc
  .record({
    pieces: fc.array(text, { minLength: 1, maxLength: 3 }),
    signature: fc.base64String({ minLength: 4 }),
  })
  .map(({ pieces, signature }): ModelEvent[] => [
    ...pieces.map((piece): ModelEvent => ({ type: "reasoning-delta", text: piece })),
    { type: "reasoning-signature", signature },
  ]);

const said = fc
  .array(text, { maxLength: 3 })
  .map((pieces) => pieces.map((piece): ModelEvent => ({ type: "text-delta", text: piece })));

const calls = fc
  .array(
    fc.record({
      name: fc.stringMatching(/^[a-z_]{1,12}$/),
      input: fc.dictionary(fc.string({ maxLength: 5 }), fc.string({ maxLength: 5 }), {
        maxKeys: 3,
      }),
      cutAt: fc.nat(40),
    }),
    { maxLength: 3 },
  )
  .map((list) =>
    list.flatMap(({ name, input, cutAt }, index): ModelEvent[] => {
      const json = JSON.stringify(input);
      return [
        { type: "tool-call", index, id: `call_${index}`, name },
        ...[json.slice(0, cutAt), json.slice(cutAt)]
          .filter((piece) => piece !== "")
          .map((piece): ModelEvent => ({ type: "tool-arguments-delta", index, json: piece })),
      ];
    }),
  );

/** What a model may say: a thought with its signature, text, calls of tools; then its end and its usage. */
export const someReply: fc.Arbitrary<readonly ModelEvent[]> = fc
  .tuple(fc.option(thought, { nil: [] }), said, calls, someUsage)
  .map(([thinking, texts, called, usage]) => [
    { type: "start", id: "reply-1" },
    ...thinking,
    ...texts,
    ...called,
    { type: "finish", reason: called.length > 0 ? "tool-calls" : "stop" },
    { type: "usage", usage },
  ]);

/** The same with pieces of one thing put together, as they may be cut anywhere; the upstream's id of it is not told on. */
export function joined(events: readonly ModelEvent[]): ModelEvent[] {
  const whole: ModelEvent[] = [];
  for (const event of events) {
    if (event.type === "start") continue;
    const last = whole.at(-1);
    const both = last && together(last, event);
    if (both) whole[whole.length - 1] = both;
    else whole.push(event);
  }
  return whole;
}

function together(one: ModelEvent, next: ModelEvent): ModelEvent | undefined {
  if (one.type === "tool-arguments-delta" && next.type === one.type && next.index === one.index)
    return { ...one, json: one.json + next.json };
  if (!("text" in one) || next.type !== one.type) return undefined;
  return { ...one, text: one.text + next.text };
}
