import { AwsError, notImplementedLocally } from "../aws-error.ts";

/** What is given besides the inputs that an operation knows here is refused by name. */
export const refuseOthers = (operation: string, others: object): void => {
  const other = Object.entries(others).find(([, value]) => value !== undefined);
  if (other !== undefined) throw notImplementedLocally("CloudWatch", operation, other[0]);
};

export const invalid = (message: string): AwsError =>
  new AwsError("ValidationException", message, { code: "ValidationError" });

/** The API has two spellings of the same error; older operations use this one. */
export const noSuchResource = (message: string): AwsError =>
  new AwsError("ResourceNotFound", message, { status: 404 });

export const noSuchResourceException = (message: string): AwsError =>
  new AwsError("ResourceNotFoundException", message, { status: 404 });
