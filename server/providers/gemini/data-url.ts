export interface InlineData {
  readonly mimeType: string;
  /** Base64. */
  readonly data: string;
}

/** The default of RFC 2397. */
const defaultType = "text/plain";

/** A data URL's type and bytes. Undefined where it is none, or is broken. */
export function parseDataUrl(url: string): InlineData | undefined {
  if (!/^data:/i.test(url)) return undefined;
  const comma = url.indexOf(",");
  if (comma === -1) return undefined;
  const [type = "", ...parameters] = url.slice("data:".length, comma).split(";");
  const mimeType = type.trim().toLowerCase() || defaultType;
  const isBase64 = parameters.some((parameter) => parameter.trim().toLowerCase() === "base64");
  const data = isBase64 ? url.slice(comma + 1) : encode(url.slice(comma + 1));
  return data === undefined ? undefined : { mimeType, data };
}

function encode(escaped: string): string | undefined {
  try {
    return Buffer.from(decodeURIComponent(escaped)).toString("base64");
  } catch {
    return undefined;
  }
}
