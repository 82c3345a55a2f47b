/**
 * Reads `multipart/form-data` (RFC 7578) in its bytes, and puts another value in the place of a field's, so that files are
 * neither copied apart nor put together again.
 *
 * Stricter than the RFCs on purpose: what two parsers could read in two ways is refused, for what an upstream takes for the
 * model must be what was authorised. No client in use writes any of it.
 */

export interface Form {
  readonly boundary: string;
  readonly parts: readonly Part[];
}

export interface Part {
  readonly name: string;
  /** Undefined for a field that is no file. */
  readonly filename: string | undefined;
  readonly content: Buffer;
  /** Where the content begins. */
  readonly start: number;
}

export type FormReading =
  | { readonly kind: "form"; readonly form: Form }
  | { readonly kind: "broken"; readonly reason: string };

/** Forms of the routes in question have a dozen parts. */
const maxParts = 256;
const maxHeadBytes = 8_192;

const lineEnd = Buffer.from("\r\n");
const headEnd = Buffer.from("\r\n\r\n");
const dash = 0x2d;

export function readForm(body: Buffer, contentType: string | undefined): FormReading {
  const boundary = boundaryOf(contentType);
  if (boundary === undefined)
    return broken("its content type is not multipart/form-data with a boundary");
  const opening = Buffer.from(`--${boundary}`);
  const delimiter = Buffer.from(`\r\n--${boundary}`);
  if (!stands(body, 0, opening)) return broken("it does not begin with its boundary");
  const parts: Part[] = [];
  let at = opening.length;
  while (!isClosing(body, at)) {
    const start = partStart(body, at);
    if (start === undefined || parts.length === maxParts) return broken("a boundary is malformed");
    const headers = headerLines(body, start);
    if (!headers) return broken("a part has no headers, or malformed ones");
    const end = body.indexOf(delimiter, headers.end);
    if (end === -1 || stands(body, headers.end, opening)) return broken("a part has no end");
    const named = dispositionOf(headers.lines);
    if (!named) return broken("a part's content-disposition does not name it plainly");
    parts.push({ ...named, content: body.subarray(headers.end, end), start: headers.end });
    at = end + delimiter.length;
  }
  const rest = body.toString("latin1", at + 2);
  return rest.trim() === "" ? { kind: "form", form: { boundary, parts } } : broken("it goes on");
}

/** The same form with a field of that value, and no other of that name. */
export function withField(
  body: Buffer,
  { boundary, parts }: Form,
  { name, value }: { name: string; value: string },
): Buffer {
  const pieces: Buffer[] = [];
  let copied = 0;
  for (const part of parts) {
    if (part.name !== name) continue;
    pieces.push(body.subarray(copied, part.start), Buffer.from(value));
    copied = part.start + part.content.length;
  }
  const head = `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n`;
  if (copied === 0) pieces.push(Buffer.from(`${head}${value}\r\n`));
  return Buffer.concat([...pieces, body.subarray(copied)]);
}

/** Of RFC 2046, in quotes or, where its characters allow that, without. `charset` alone may stand beside it. */
const formType =
  /^multipart\/form-data(?:\s*;\s*charset=[\w-]+)?\s*;\s*boundary=(?:"([\w'()+,./:=? -]{0,69}[\w'()+,./:=?-])"|([\w'+.!#$%&*^`|~-]{1,70}))(?:\s*;\s*charset=[\w-]+)?\s*$/i;

function boundaryOf(contentType = ""): string | undefined {
  const [, quoted, bare] = formType.exec(contentType) ?? [];
  return quoted ?? bare;
}

function broken(reason: string): FormReading {
  return { kind: "broken", reason };
}

function stands(body: Buffer, at: number, wanted: Buffer): boolean {
  return body.subarray(at, at + wanted.length).equals(wanted);
}

function isClosing(body: Buffer, at: number): boolean {
  return body[at] === dash && body[at + 1] === dash;
}

function partStart(body: Buffer, at: number): number | undefined {
  return stands(body, at, lineEnd) ? at + lineEnd.length : undefined;
}

interface Head {
  readonly lines: readonly string[];
  /** Where the content begins. */
  readonly end: number;
}

function headerLines(body: Buffer, start: number): Head | undefined {
  const found = body.subarray(start, start + maxHeadBytes).indexOf(headEnd);
  if (found === -1) return undefined;
  const lines = body.toString("utf8", start, start + found).split("\r\n");
  const areSound = lines.every((line) => /^[\w-]+:[^\0\r\n]*$/.test(line));
  return areSound ? { lines, end: start + found + headEnd.length } : undefined;
}

const parameterPattern = /;\s*([a-z]+\*?)=(?:"((?:[^"\\]|\\.)*)"|([^\s";\\]+))\s*/.source;

function dispositionOf(lines: readonly string[]): Pick<Part, "name" | "filename"> | undefined {
  const [line, ...others] = lines.filter((each) => /^content-disposition:/i.test(each));
  const encoded = lines.some((each) =>
    /^content-transfer-encoding:(?!\s*(7bit|8bit|binary)\s*$)/i.test(each),
  );
  const start = /^content-disposition:\s*form-data\s*/i.exec(line ?? "")?.[0].length;
  if (line === undefined || others.length > 0 || encoded || start === undefined) return undefined;
  const given = parametersOf(line.trimEnd(), start);
  const name = given?.get("name");
  const isPlain = [...(given?.keys() ?? [])].every((key) => /^(name|filename\*?)$/.test(key));
  if (!given || !isPlain || name === undefined || /[\\%]/.test(name)) return undefined;
  return { name, filename: given.get("filename") ?? given.get("filename*") };
}

/** Undefined where one is malformed, or stands there twice. */
function parametersOf(line: string, start: number): ReadonlyMap<string, string> | undefined {
  const given = new Map<string, string>();
  const parameter = new RegExp(parameterPattern, "giy");
  parameter.lastIndex = start;
  let at = start;
  while (at < line.length) {
    const [, key = "", quoted, bare] = parameter.exec(line) ?? [];
    const known = given.size;
    given.set(key.toLowerCase(), quoted ?? bare ?? "");
    if (key === "" || given.size === known) return undefined;
    at = parameter.lastIndex;
  }
  return given;
}
