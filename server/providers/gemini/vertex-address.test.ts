import { expect, test } from "vitest";
import { vertexAddress } from "./vertex-address.ts";

test.each([
  ["europe-west4", "europe-west4-aiplatform.googleapis.com"],
  ["global", "aiplatform.googleapis.com"],
  ["us", "aiplatform.us.rep.googleapis.com"],
  ["eu", "aiplatform.eu.rep.googleapis.com"],
])("the models of %s are at %s", (location, host) => {
  expect(vertexAddress({ project: "my-project", location })).toBe(
    `https://${host}/v1/projects/my-project/locations/${location}/publishers/google`,
  );
});

test.each([
  [{ project: "my/project", location: "global" }, "vertex_project"],
  [{ project: "", location: "global" }, "vertex_project"],
  [{ project: "my-project", location: "evil.example/" }, "vertex_location"],
  [{ project: "my-project", location: "" }, "vertex_location"],
])("%j is no place: %s", (place, setting) => {
  expect(() => vertexAddress(place)).toThrow(`Cannot use ${setting}`);
});
