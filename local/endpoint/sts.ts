import { randomUUID } from "node:crypto";
import { AssumeRole$, type AssumeRoleRequest, type AssumeRoleResponse } from "@aws-sdk/client-sts";
import { AwsError } from "./aws-error.ts";
import type { Service } from "./service.ts";

/** What a role's trust policy asks of whoever assumes it; here everybody else is who it trusts. */
type Trust = { externalId: string };

/** STS with the roles that let us in, by ARN. `accountOf` tells whose credentials an access key belongs to. */
export const sts = ({
  roles,
  now = Date.now,
}: {
  roles: Readonly<Record<string, Trust>>;
  now?: () => number;
}): { service: Service; accountOf(accessKeyId: string): string | undefined } => {
  const accounts = new Map<string, string>();

  const assumeRole = async (request: AssumeRoleRequest): Promise<AssumeRoleResponse> => {
    const { RoleArn = "", RoleSessionName = "", ExternalId, DurationSeconds = 3600 } = request;
    const [, account, name] = ROLE.exec(RoleArn) ?? [];
    if (account === undefined || name === undefined) throw invalid(`${RoleArn} is invalid`);
    if (!SESSION.test(RoleSessionName)) throw invalid("The role session name is malformed");
    // API reference of AssumeRole: an hour at most for who has assumed a role already, as functions have.
    if (DurationSeconds < 900 || DurationSeconds > 3600) {
      throw invalid(
        "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role",
      );
    }
    const trust = Object.hasOwn(roles, RoleArn) ? roles[RoleArn] : undefined;
    // The same answer for a role that is not there, so that nobody can find out which are.
    if (trust === undefined || trust.externalId !== ExternalId) throw denied(RoleArn);
    const accessKeyId = `ASIA${randomUUID().replaceAll("-", "").slice(0, 16).toUpperCase()}`;
    accounts.set(accessKeyId, account);
    return {
      Credentials: {
        AccessKeyId: accessKeyId,
        SecretAccessKey: "local",
        SessionToken: "local",
        Expiration: new Date(now() + DurationSeconds * 1000),
      },
      AssumedRoleUser: {
        Arn: `arn:aws:sts::${account}:assumed-role/${name}/${RoleSessionName}`,
        AssumedRoleId: `AROALOCAL:${RoleSessionName}`,
      },
    };
  };

  return {
    service: {
      name: "sts",
      title: "STS",
      target: "AWSSecurityTokenServiceV20110615",
      version: "2011-06-15",
      xmlNamespace: "https://sts.amazonaws.com/doc/2011-06-15/",
      operations: [{ schema: AssumeRole$, run: assumeRole }],
    },
    accountOf: (accessKeyId) => accounts.get(accessKeyId),
  };
};

const ROLE = /^arn:aws:iam::(\d{12}):role\/([\w+=,.@-]{1,64})$/;
const SESSION = /^[\w+=,.@-]{2,64}$/;

const denied = (role: string): AwsError =>
  new AwsError(
    "AccessDeniedException",
    `User: arn:aws:sts::123456789012:assumed-role/local/function is not authorized to perform: sts:AssumeRole on resource: ${role}`,
    { code: "AccessDenied", status: 403 },
  );

const invalid = (message: string): AwsError =>
  new AwsError("ValidationException", message, { code: "ValidationError", status: 400 });
