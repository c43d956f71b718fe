import {
  DescribeInstances$,
  type DescribeInstancesRequest,
  type DescribeInstancesResult,
  type Instance,
} from "@aws-sdk/client-ec2";
import { AwsError, notImplementedLocally } from "./aws-error.ts";
import type { Service } from "./service.ts";

/**
 * EC2 with the given instances, described as the API does.
 * Errors are EC2's: InvalidInstanceID.Malformed for what is no ID, InvalidInstanceID.NotFound for what is not there.
 */
export const ec2 = ({ instances }: { instances: Instance[] }): Service => {
  const describeInstances = async (request: DescribeInstancesRequest): Promise<DescribeInstancesResult> => {
    if (request.Filters !== undefined) throw notImplementedLocally("EC2", "DescribeInstances", "Filters");
    if (request.MaxResults !== undefined)
      throw notImplementedLocally("EC2", "DescribeInstances", "MaxResults");
    const ids = request.InstanceIds ?? instances.map(({ InstanceId = "" }) => InstanceId);
    const malformed = ids.find((id) => !INSTANCE_ID.test(id));
    if (malformed !== undefined) {
      throw new AwsError("InvalidInstanceID.Malformed", `Invalid id: "${malformed}"`);
    }
    const missing = ids.filter((id) => !instances.some(({ InstanceId }) => InstanceId === id));
    if (missing.length > 0) throw notFound(missing);
    return {
      Reservations: instances
        .filter(({ InstanceId }) => InstanceId !== undefined && ids.includes(InstanceId))
        .map((instance) => ({
          ReservationId: `r-${instance.InstanceId?.slice(2)}`,
          OwnerId: "123456789012",
          Instances: [instance],
        })),
    };
  };

  return {
    name: "ec2",
    title: "EC2",
    target: "AmazonEC2",
    version: "2016-11-15",
    xmlNamespace: "http://ec2.amazonaws.com/doc/2016-11-15/",
    dialect: "ec2",
    operations: [{ schema: DescribeInstances$, run: describeInstances }],
  };
};

/** EC2 user guide, resource IDs: 8 hexadecimal digits in old IDs, 17 in those since 2016. */
const INSTANCE_ID = /^i-(?:[0-9a-f]{8}|[0-9a-f]{17})$/;

const notFound = (ids: string[]): AwsError =>
  new AwsError(
    "InvalidInstanceID.NotFound",
    ids.length === 1
      ? `The instance ID '${ids[0]}' does not exist`
      : `The instance IDs '${ids.join(", ")}' do not exist`,
  );
