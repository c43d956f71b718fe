declare module "dynalite" {
  import type { Server } from "node:http";
  /** A DynamoDB in memory, not listening yet. Times are in milliseconds. */
  export default function dynalite(options: { createTableMs: number }): Server;
}
