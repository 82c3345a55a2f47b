import * as fc from "fast-check";
import { expect, test } from "vitest";
import { readToolUseId, toolUseId } from "./tool-use-id.ts";

const id = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.stringMatching(/^[a-zA-Z0-9_-]+$/),
  fc.string().map((text) => `toolu_kp_${text}`),
);
const signature = fc.oneof(fc.base64String(), fc.string({ unit: "binary" }));

test("an id that Anthropic takes is shown as it is", () => {
  expect(toolUseId({ id: "call_Ab-1" })).toBe("call_Ab-1");
});

test("whatever an upstream's id and signature are, they come back, and Anthropic takes what is shown", () => {
  fc.assert(
    fc.property(id, fc.option(signature, { nil: undefined }), (given, thoughtSignature) => {
      const call = { id: given, ...(thoughtSignature !== undefined && { thoughtSignature }) };
      const shown = toolUseId(call);

      expect(shown).toMatch(/^[a-zA-Z0-9_-]+$/);
      expect(readToolUseId(shown)).toEqual(call);
    }),
  );
});

test("an id that only looks as if it carried something is left as it is", () => {
  expect(readToolUseId("toolu_kp_nonsense")).toEqual({ id: "toolu_kp_nonsense" });
  expect(readToolUseId("toolu_kp_")).toEqual({ id: "toolu_kp_" });
});
