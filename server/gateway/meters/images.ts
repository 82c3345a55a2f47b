import type { Usage } from "../../../shared/spend.ts";
import { nothingUsed } from "../../providers/media-usage.ts";
import { countItems, findMembers } from "../../wire/json-members.ts";
import { bytesPerToken } from "../estimate.ts";
import { type Asked, framing, type Meter } from "./meter.ts";

/** Of a square gpt-image-1 image, as OpenAI's guide to image generation has it; it may choose the dearest by itself. */
const tokensOfQuality: ReadonlyMap<unknown, number> = new Map([
  ["low", 272],
  ["medium", 1_056],
]);
const tokensAtMost = 4_160;

const dataName = [Buffer.from("data")];

/** Images are charged by the piece, or by the tokens that stand for them; how many there are the reply shows. */
export const imageMeter: Meter = {
  hidesTokens: false,
  pipes: () => false,
  expect(asked) {
    const images = imagesAsked(asked);
    const tokens = images * (tokensOfQuality.get(asked.request["quality"]) ?? tokensAtMost);
    return {
      ...nothingUsed,
      input: Math.ceil(asked.bodyBytes / bytesPerToken),
      output: tokens,
      units: { images, output_image_tokens: tokens },
    };
  },
  ceiling(asked) {
    const images = imagesAsked(asked);
    return {
      units: { images },
      inputTokens: asked.bodyBytes + framing,
      outputTokens: Infinity,
      answers: images,
      reportsTokens: true,
    };
  },
  measure(_asked, { reported, body }) {
    return body ? withImages(reported ?? nothingUsed, imagesIn(body)) : reported;
  },
};

/** An image that a stream has completed. */
export function imageOfEvent(type: string): Usage | undefined {
  return type === "image_generation.completed" ? withImages(nothingUsed, 1) : undefined;
}

function imagesAsked({ request }: Asked): number {
  return typeof request["n"] === "number" ? request["n"] : 1;
}

function imagesIn(body: Buffer): number {
  const [data] = findMembers(body, { start: 0, end: body.length }, dataName);
  return data ? countItems(body, data) : 0;
}

function withImages(usage: Usage, images: number): Usage {
  return { ...usage, units: { ...usage.units, images } };
}
