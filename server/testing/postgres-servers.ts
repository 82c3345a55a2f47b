/** A real server of this run, as the tests see it. */
export interface PostgresServer {
  /** `postgres 18` */
  readonly name: string;
  readonly url: string;
  /** Its database that holds the migrated, empty schema, for copying. */
  readonly template: string;
}

declare module "vitest" {
  export interface ProvidedContext {
    postgresServers: PostgresServer[];
    /** A data directory whose embedded database is migrated, for copying. */
    embeddedTemplate: string;
  }
}
