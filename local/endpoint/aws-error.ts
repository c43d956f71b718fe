/**
 * An error as an AWS service answers it. The SDK turns it back into the exception class called `name`.
 * `code` differs from `name` only where the query protocols have another spelling
 * (SNS: class `InvalidParameterException`, code `InvalidParameter`).
 */
export class AwsError extends Error {
  override readonly name: string;
  readonly code: string;
  readonly status: number;

  constructor(name: string, message: string, { code = name, status = 400 } = {}) {
    super(message);
    this.name = name;
    this.code = code;
    this.status = status;
  }
}

/** 501, because SDKs retry 500, 502, 503 and 504 but not this one: a gap in the local AWS must fail at once. */
export const notImplementedLocally = (service: string, operation: string, what?: string): AwsError =>
  new AwsError(
    "NotImplementedLocally",
    `NotImplementedLocally: ${service}.${operation}${what === undefined ? "" : `: ${what}`}`,
    { status: 501 },
  );
