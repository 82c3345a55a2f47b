import type { ErrorCode } from "yaml";

/** In our words throughout: some of the library's messages quote the text they stumble over, which may be a key. */
const words: Readonly<Record<ErrorCode, string>> = {
  ALIAS_PROPS: "An alias cannot have an anchor or a tag of its own",
  BAD_ALIAS: "This alias names no anchor, or the value that it stands in",
  BAD_COLLECTION_TYPE: "This tag does not fit the value after it",
  BAD_DIRECTIVE: "This directive is not known",
  BAD_DQ_ESCAPE: "This escape sequence is not known: write a backslash in double quotes twice",
  BAD_INDENT: "The indentation does not match the lines around it",
  BAD_PROP_ORDER: "An anchor or a tag must come after the indicator",
  BAD_SCALAR_START: "A value cannot begin with this character: put it in quotes",
  BLOCK_AS_IMPLICIT_KEY:
    "A mapping or a list cannot begin here: check the indentation and the quotes",
  BLOCK_IN_FLOW: "A list or mapping in brackets cannot hold an indented one",
  DUPLICATE_KEY: "This key stands twice in the same mapping",
  IMPOSSIBLE: "The file cannot be read as YAML here",
  KEY_OVER_1024_CHARS: "A key is longer than 1024 characters: check for a missing quote",
  MISSING_CHAR: "A character is missing here: a quote, a bracket, a comma, a colon or a space",
  MULTILINE_IMPLICIT_KEY: "A key must stand on one line: check for a missing colon",
  MULTIPLE_ANCHORS: "A value can have only one anchor",
  MULTIPLE_DOCS: "The file holds more than one document",
  MULTIPLE_TAGS: "A value can have only one tag",
  NON_STRING_KEY: "A key must be text",
  RESOURCE_EXHAUSTION: "The file is nested too deeply",
  TAB_AS_INDENT: "A tab cannot be used as indentation",
  TAG_RESOLVE_FAILED: "This tag is not known",
  UNEXPECTED_TOKEN:
    "Something stands here that does not belong: check the indentation, the quotes and the brackets",
};

export function wordsFor(code: ErrorCode): string {
  return words[code];
}
