import type { Adapter } from "../adapter.ts";
import { decodeReply } from "./decode-reply.ts";
import { Decoder } from "./decoder.ts";
import { geminiEmbeddings } from "./embeddings.ts";
import { encodeChat } from "./encode.ts";
import { isReadByGoogle } from "./media-part.ts";
import { readError } from "./read-error.ts";
import { vertexEmbeddings } from "./vertex-embeddings.ts";

/** Google's Gemini API: its base address is https://generativelanguage.googleapis.com/v1beta, its key goes in `x-goog-api-key`. */
export const gemini: Adapter = {
  encode: encodeChat,
  createDecoder() {
    const decoder = new Decoder();
    return (data) => decoder.read(data);
  },
  decodeReply,
  readError,
  inlinesMedia: { keeps: isReadByGoogle },
  embeddings: geminiEmbeddings,
};

/** The same models on Vertex AI: see `vertexAddress` for the base address, and `VertexTokens` for what goes in `authorization`. */
export const vertex: Adapter = { ...gemini, embeddings: vertexEmbeddings };
