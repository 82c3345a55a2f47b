import { count, nothingUsed } from "../../providers/media-usage.ts";
import { fieldsOf } from "../../providers/json.ts";
import { findMembers } from "../../wire/json-members.ts";
import { bytesPerToken } from "../estimate.ts";
import { type Asked, framing, type Meter } from "./meter.ts";

/** Cohere bills a search for a query with up to a hundred documents; of longer ones each chunk of 500 tokens is one. */
const documentsPerSearch = 100;
const bytesPerChunk = 500;

const metaName = [Buffer.from("meta")];

/** Reranking is charged by searches, which Cohere reports, or by tokens, as Jina, Voyage and vLLM report them. */
export const rerankMeter: Meter = {
  hidesTokens: false,
  pipes: () => false,
  expect(asked) {
    return {
      ...nothingUsed,
      input: Math.ceil(bytesRead(asked) / bytesPerToken),
      units: { searches: Math.ceil(documentsOf(asked).length / documentsPerSearch) },
    };
  },
  ceiling(asked) {
    const chunks = documentsOf(asked).length + asked.bodyBytes / bytesPerChunk;
    const isText = [asked.request["query"], ...documentsOf(asked)].every(isPlain);
    return {
      units: { searches: Math.ceil(chunks / documentsPerSearch) },
      inputTokens: isText ? bytesRead(asked) : Infinity,
      outputTokens: 0,
      answers: 1,
      reportsTokens: true,
    };
  },
  measure(_asked, { reported, body }) {
    const searches = body && searchesIn(body);
    if (searches === undefined) return reported;
    return { ...(reported ?? nothingUsed), units: { searches } };
  },
};

function searchesIn(body: Buffer): number | undefined {
  const [span] = findMembers(body, { start: 0, end: body.length }, metaName);
  if (!span) return undefined;
  const billed = fieldsOf(fieldsOf(parse(body, span))["billed_units"]);
  return count(billed["search_units"]);
}

/** The query is read with every document. */
function bytesRead(asked: Asked): number {
  const query = Buffer.byteLength(JSON.stringify(asked.request["query"]) ?? "");
  return asked.bodyBytes + documentsOf(asked).length * (query + framing);
}

function documentsOf({ request }: Asked): readonly unknown[] {
  const { documents } = request;
  return Array.isArray(documents) ? documents : [];
}

/** Images by their address are tokens that no length tells. */
function isPlain(value: unknown): boolean {
  return typeof value === "string" || typeof fieldsOf(value)["text"] === "string";
}

function parse(body: Buffer, { start, end }: { start: number; end: number }): unknown {
  try {
    return JSON.parse(body.toString("utf8", start, end));
  } catch {
    return undefined;
  }
}
