import { expect, test } from "vitest";
import { contentPart } from "../../../shared/openai/chat.ts";
import { Translation } from "../translation.ts";
import type { Block } from "./block.ts";
import { encodeContent } from "./encode-content.ts";

function translationOf(): Translation {
  return new Translation({
    model: "claude-opus-5-5",
    isStream: false,
    maxOutputTokens: undefined,
    dropsParameters: false,
  });
}

function encode(part: unknown): readonly Block[] {
  return encodeContent([contentPart.parse(part)], "messages.0.content", translationOf());
}

const image = (url: string) => ({ type: "image_url", image_url: { url } });
const file = (fields: Record<string, string>) => ({ type: "file", file: fields });
const base64 = (mediaType: string, data: string) => ({
  type: "base64",
  media_type: mediaType,
  data,
});

test.each<[string, unknown, unknown]>([
  [
    "a picture by its address",
    image("https://a.b/c.png"),
    { type: "image", source: { type: "url", url: "https://a.b/c.png" } },
  ],
  [
    "a picture as data",
    image("data:image/png;base64,iVBOR"),
    { type: "image", source: base64("image/png", "iVBOR") },
  ],
  [
    "a picture under a common misnomer",
    image("DATA:image/JPG;base64,/9j/"),
    { type: "image", source: base64("image/jpeg", "/9j/") },
  ],
  [
    "a PDF among the pictures",
    image("data:application/pdf;base64,JVBE"),
    { type: "document", source: base64("application/pdf", "JVBE") },
  ],
  [
    "a PDF as data",
    file({ file_data: "data:application/pdf;base64,JVBE", filename: "a.pdf" }),
    { type: "document", source: base64("application/pdf", "JVBE"), title: "a.pdf" },
  ],
  [
    "a PDF by its address",
    file({ file_data: "https://a.b/c.pdf" }),
    { type: "document", source: { type: "url", url: "https://a.b/c.pdf" } },
  ],
  [
    "a picture among the files",
    file({ file_data: "data:image/webp;base64,UklG", filename: "a.webp" }),
    { type: "image", source: base64("image/webp", "UklG") },
  ],
  [
    "a text",
    file({ file_data: "data:text/markdown;charset=utf-8;base64,IyBIw6k=" }),
    { type: "document", source: { type: "text", media_type: "text/plain", data: "# Hé" } },
  ],
  [
    "a text that is not in base64",
    file({ file_data: "data:,Hello%20there" }),
    { type: "document", source: { type: "text", media_type: "text/plain", data: "Hello there" } },
  ],
  [
    "an uploaded file",
    file({ file_id: "file_011CNha8iCJcU1wXNR6q4V8w" }),
    { type: "document", source: { type: "file", file_id: "file_011CNha8iCJcU1wXNR6q4V8w" } },
  ],
  [
    "an uploaded picture",
    file({ file_id: "file_1", filename: "cat.JPG" }),
    { type: "image", source: { type: "file", file_id: "file_1" } },
  ],
])("%s", (_what, part, block) => {
  expect(encode(part)).toEqual([block]);
});

test.each<[string, unknown, string]>([
  ["a picture of another kind", image("data:image/svg+xml;base64,PHN2"), "image_url.url"],
  ["a picture without an address", image("cat.png"), "image_url.url"],
  ["a file of another kind", file({ file_data: "data:application/zip;base64,UEsD" }), "file"],
  ["a file of nothing", file({}), "file"],
  ["data that is no text", file({ file_data: "data:text/plain,%E0%A4%A" }), "file"],
])("%s is refused with its place", (_what, part, place) => {
  expect(() => encode(part)).toThrow(
    expect.objectContaining({ details: { param: `messages.0.content.0.${place}` } }),
  );
});

test("the error quotes the beginning of data that is too long to show", () => {
  const part = image(`data:image/bmp;base64,${"Qk".repeat(1_000)}`);

  expect(() => encode(part)).toThrow(/^.{1,300}$/);
});

test("how closely a picture is to be looked at is left out, and told", () => {
  const translation = translationOf();
  const part = { type: "image_url", image_url: { url: "https://a.b/c.png", detail: "low" } };
  encodeContent([contentPart.parse(part)], "messages.0.content", translation);

  expect(translation.dropped).toEqual(["detail"]);
});
