export interface DataUrl {
  /** In lower case; `text/plain` where the address names none. */
  readonly mediaType: string;
  readonly base64: string;
}

/**
 * Reads `data:image/png;base64,…`; undefined where it is no such address.
 *
 * Source: https://www.rfc-editor.org/rfc/rfc2397
 */
export function parseDataUrl(url: string): DataUrl | undefined {
  const comma = url.indexOf(",");
  if (comma === -1 || url.slice(0, 5).toLowerCase() !== "data:") return undefined;
  const [mediaType = "", ...parameters] = url.slice(5, comma).toLowerCase().split(";");
  const data = url.slice(comma + 1);
  const isBase64 = parameters.at(-1)?.trim() === "base64";
  const base64 = isBase64 ? data : base64OfPercentEncoded(data);
  return base64 === undefined ? undefined : { mediaType: mediaType.trim() || "text/plain", base64 };
}

function base64OfPercentEncoded(data: string): string | undefined {
  try {
    return Buffer.from(decodeURIComponent(data)).toString("base64");
  } catch {
    return undefined;
  }
}
