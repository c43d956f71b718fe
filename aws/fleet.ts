/** Which instances there are, in EC2's own words. */
import { EC2Client, type Filter, paginateDescribeInstances } from "@aws-sdk/client-ec2";
import type { FoundInstance, Look } from "../core/fleet.ts";
import { enrolTag } from "../core/opening.ts";
import { clientHere, patientAttempts } from "./place.ts";

const client = clientHere(EC2Client, patientAttempts);

/** An answer of so many is some megabytes of XML, which a small function still holds. */
const pageSize = 500;
/** No fleet is larger; who has one selects by tag, part by part. */
const mostInstances = 50_000;

/** Those that are gone for good are left out, unless they are asked for by ID. */
export async function findInstances(look: Look): Promise<Omit<FoundInstance, "place">[]> {
  const found: Omit<FoundInstance, "place">[] = [];
  const pages = paginateDescribeInstances({ client: client(), pageSize }, { Filters: filtersOf(look) });
  for await (const { Reservations = [] } of pages) {
    for (const { Instances = [] } of Reservations) {
      for (const { InstanceId, State, Tags = [] } of Instances) {
        const enrolled = Tags.some(({ Key, Value }) => Key === enrolTag.key && Value === enrolTag.value);
        if (InstanceId !== undefined)
          found.push({ instanceId: InstanceId, state: State?.Name ?? "unknown", enrolled });
      }
    }
    if (found.length > mostInstances) throw new Error(`there are more than ${mostInstances} such instances`);
  }
  return found;
}

/** By filter, not by ID: an ID that EC2 does not know is then missing, and no error. */
function filtersOf(look: Look): Filter[] {
  if (look.by === "ids") return [{ Name: "instance-id", Values: look.instanceIds }];
  return [
    { Name: `tag:${look.tag.key}`, Values: [exactly(look.tag.value)] },
    { Name: "instance-state-name", Values: ["pending", "running", "stopping", "stopped"] },
  ];
}

/** EC2's filters take `*` and `?` as wildcards. */
function exactly(value: string): string {
  return value.replace(/[\\*?]/g, "\\$&");
}
