/** Where Vertex AI answers. */
export interface VertexPlace {
  readonly project: string;
  /** A region such as `europe-west4`, `us` or `eu` for several of them, or `global`. */
  readonly location: string;
}

/**
 * The base address of Google's models on Vertex AI.
 *
 * Source: https://cloud.google.com/vertex-ai/generative-ai/docs/learn/locations
 *
 * @throws Error where a part is no name, for the operator
 */
export function vertexAddress({ project, location }: VertexPlace): string {
  // Domain-scoped projects have a colon: `example.com:my-project`.
  if (!/^[a-z0-9][a-z0-9.:-]*$/i.test(project))
    throw new Error(`Cannot use vertex_project ${JSON.stringify(project)}: it is no project's id`);
  if (!/^[a-z][a-z0-9-]*$/.test(location))
    throw new Error(`Cannot use vertex_location ${JSON.stringify(location)}: it is no location`);
  return `https://${hostOf(location)}/v1/projects/${project}/locations/${location}/publishers/google`;
}

function hostOf(location: string): string {
  if (location === "global") return "aiplatform.googleapis.com";
  if (location === "us" || location === "eu") return `aiplatform.${location}.rep.googleapis.com`;
  return `${location}-aiplatform.googleapis.com`;
}
