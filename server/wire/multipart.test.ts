import * as fc from "fast-check";
import { expect, test } from "vitest";
import { type Form, readForm, withField } from "./multipart.ts";

const type = "multipart/form-data; boundary=limit";

function read(body: string | Buffer, contentType: string = type): Form {
  const reading = readForm(Buffer.from(body), contentType);
  if (reading.kind === "broken") throw new Error(reading.reason);
  return reading.form;
}

function bodyOf(...parts: readonly (readonly [string, string])[]): string {
  const texts = parts.map(([head, content]) => `--limit\r\n${head}\r\n\r\n${content}\r\n`);
  return `${texts.join("")}--limit--\r\n`;
}

const disposition = (rest: string) => `Content-Disposition: form-data; ${rest}`;

test("fields and files are told apart, whoever wrote them", () => {
  const { parts } = read(
    bodyOf(
      [disposition('name="model"'), "whisper"],
      [
        `${disposition("name=file; filename=a.mp3; filename*=utf-8''a.mp3")}\r\nContent-Type: audio/mpeg`,
        "\r\n--limi\r\n",
      ],
      [
        `Content-Type: text/plain; charset=utf-8\r\n${disposition('name="timestamp_granularities[]"')}`,
        "",
      ],
      [
        `content-disposition: form-data; name="file2"; filename="a \\"b\\";c.mp3"\r\nContent-Transfer-Encoding: binary`,
        "x",
      ],
    ),
  );

  expect(parts.map(({ name, filename, content }) => [name, filename, content.toString()])).toEqual([
    ["model", undefined, "whisper"],
    ["file", "a.mp3", "\r\n--limi\r\n"],
    ["timestamp_granularities[]", undefined, ""],
    ["file2", 'a \\"b\\";c.mp3', "x"],
  ]);
});

test.each([
  'multipart/form-data; boundary="limit"',
  "Multipart/Form-Data;boundary=limit",
  "multipart/form-data; charset=utf-8; boundary=limit",
  "multipart/form-data; boundary=limit; charset=UTF-8",
])("a boundary is read of %s", (contentType) => {
  expect(read(bodyOf([disposition('name="a"'), "b"]), contentType).boundary).toBe("limit");
});

const one = bodyOf([disposition('name="model"'), "whisper"]);

test.each<[string, string, string?]>([
  ["two boundaries in its type", one, `${type}; boundary=other`],
  ["a boundary in another encoding", one, "multipart/form-data; boundary*=utf-8''limit"],
  ["no type", one, ""],
  ["another type", one, "multipart/mixed; boundary=limit"],
  ["something before its first part", `preamble\r\n${one}`],
  ["something behind its last", `${one}--limit\r\n`],
  ["no end", one.slice(0, -"--limit--\r\n".length)],
  ["bare line feeds", one.replaceAll("\r\n", "\n")],
  ["a boundary that goes on", bodyOf([disposition('name="a"'), "b\r\n--limitless\r\n"])],
  ["blanks behind a boundary", one.replace("--limit\r\n", "--limit \r\n")],
  ["a part without headers", "--limit\r\n\r\nwhisper\r\n--limit--\r\n"],
  ["a part without content", `--limit\r\n${disposition('name="a"')}\r\n\r\n--limit--\r\n`],
  ["a part without a name", bodyOf(["Content-Type: text/plain", "b"])],
  ["a part that is no field", bodyOf(['Content-Disposition: attachment; name="model"', "b"])],
  [
    "two dispositions",
    bodyOf([`${disposition('name="a"')}\r\n${disposition('name="model"')}`, "b"]),
  ],
  ["two names", bodyOf([disposition('name="a"; name="model"'), "b"])],
  ["two names of different case", bodyOf([disposition('name="a"; NAME="model"'), "b"])],
  ["a name in another encoding", bodyOf([disposition("name=\"a\"; name*=utf-8''model"), "b"])],
  ["an escaped name", bodyOf([disposition('name="mod\\el"'), "b"])],
  ["a percent-encoded name", bodyOf([disposition('name="mod%65l"'), "b"])],
  ["a folded header", bodyOf([`Content-Disposition: form-data;\r\n name="model"`, "b"])],
  ["a header with a bare line feed", bodyOf([`${disposition('name="a"')}\nX: y`, "b"])],
  ["a parameter that is none", bodyOf([disposition('name="a"; whatever'), "b"])],
  [
    "an encoding of its content",
    bodyOf([`${disposition('name="model"')}\r\nContent-Transfer-Encoding: base64`, "Yg=="]),
  ],
  ["nothing", ""],
])("a form with %s is refused", (_what, body, contentType = type) => {
  expect(readForm(Buffer.from(body), contentType).kind).toBe("broken");
});

test("no bytes make it throw, and what it reads it has found", () => {
  const piece = fc.constantFrom(
    "--limit",
    "\r\n",
    "--",
    disposition('name="a"'),
    '"',
    ";",
    "x",
    "=",
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
      const body = Buffer.from(`--limit\r\n${pieces.join("")}`);
      const reading = readForm(body, type);
      if (reading.kind === "broken") return;
      for (const { content, start } of reading.form.parts)
        expect(body.subarray(start, start + content.length)).toEqual(content);
    }),
  );
});

test("a field gets another value, whatever stands around it, and nothing else changes", () => {
  const content = fc
    .uint8Array({ maxLength: 200 })
    .map((bytes) => Buffer.from(bytes).toString("latin1"));
  fc.assert(
    fc.property(fc.array(content, { maxLength: 4 }), fc.nat(4), fc.string(), (files, at, value) => {
      const parts = files.map((file) => [disposition('name="file"; filename="a"'), file] as const);
      const place = Math.min(at, parts.length);
      const form = (model: string) =>
        Buffer.from(
          bodyOf(
            ...parts.slice(0, place),
            [disposition('name="model"'), Buffer.from(model).toString("latin1")],
            ...parts.slice(place),
          ),
          "latin1",
        );
      const body = form("asked");
      const renamed = withField(body, read(body), { name: "model", value });
      expect(renamed).toEqual(form(value));
    }),
  );
});

test("a field that is missing is added before all others", () => {
  const body = Buffer.from(bodyOf([disposition('name="a"'), "b"]));

  expect(withField(body, read(body), { name: "model", value: "x" }).toString()).toBe(
    `--limit\r\n${disposition('name="model"')}\r\n\r\nx\r\n${body.toString()}`,
  );
});
