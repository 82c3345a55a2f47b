/**
 * What Gemini calls contents, as far as this adapter writes them.
 *
 * Source: https://ai.google.dev/api/caching#Content
 */
export interface Content {
  readonly role: "user" | "model";
  readonly parts: Part[];
}

export type Part = TextPart | MediaPart | FunctionCallPart | FunctionResponsePart;

export interface TextPart {
  readonly text: string;
  thoughtSignature?: string;
}

export type MediaPart = InlinePart | FilePart;

/** `data`: base64. */
export interface InlinePart {
  readonly inlineData: { readonly mimeType: string; readonly data: string };
}

/** What Google reads by itself: from its Files API, or from Cloud Storage (Vertex only). */
export interface FilePart {
  readonly fileData: { readonly fileUri: string; readonly mimeType?: string };
}

export interface FunctionCallPart {
  readonly functionCall: {
    readonly id?: string;
    readonly name: string;
    readonly args: Readonly<Record<string, unknown>>;
  };
  readonly thoughtSignature?: string;
}

export interface FunctionResponsePart {
  readonly functionResponse: {
    readonly id?: string;
    readonly name: string;
    readonly response: Readonly<Record<string, unknown>>;
    /** Images and files that the function returned. Gemini 3 and later. */
    readonly parts?: readonly MediaPart[];
  };
}
